package chain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/ss58"
)

// valueWriter writes decoded values as JSON in the form that clients of the Python service know: accounts as SS58
// addresses, byte vectors as text when they are UTF-8 and as 0x and digits otherwise, byte arrays as 0x and digits,
// integers of any size as numbers, an absent option as null, an enum as the name of its variant or as an object with
// that name, a call as an object like the one that it is in.
type valueWriter struct {
	metadata *scale.Metadata
	// left is how many bytes of calls within calls may still be encoded, for their hashes.
	left *int
}

// maxNested bounds what the calls within the calls of one extrinsic are together. Each counts in all that it is in, so an
// extrinsic of some megabytes that nests as deeply as the chain allows would be encoded and hashed hundreds of times.
const maxNested = 64 << 20

func newValueWriter(metadata *scale.Metadata) valueWriter {
	return valueWriter{metadata: metadata, left: new(maxNested)}
}

// append appends a value of a described type. The value is what the type decodes to, so its size bounds the work.
func (w valueWriter) append(dst []byte, id scale.TypeID, value any) ([]byte, error) {
	t, err := w.metadata.Types.Type(id)
	if err != nil {
		return nil, err
	}
	if out, ok, err := w.special(dst, id, t, value); ok || err != nil {
		return out, err
	}
	switch t.Kind {
	case scale.KindComposite, scale.KindTuple:
		return w.fields(dst, t.Fields, value)
	case scale.KindVariant:
		return w.variant(dst, t, value)
	case scale.KindSequence, scale.KindArray:
		list, ok := value.([]any)
		if !ok {
			break
		}
		return w.list(dst, list, func(dst []byte, _ int, item any) ([]byte, error) { return w.append(dst, t.Elem, item) })
	}
	return w.leaf(dst, t, value)
}

// special writes values of the types that have a form of their own. It tells whether it has.
func (w valueWriter) special(dst []byte, id scale.TypeID, t *scale.Type, value any) ([]byte, bool, error) {
	if len(t.Path) == 0 {
		return nil, false, nil
	}
	switch value := value.(type) {
	case scale.Bytes:
		if t.Path[len(t.Path)-1] == "AccountId32" && len(value) == len(accountID{}) {
			return appendText(dst, ss58.Encode(accountID(value))), true, nil
		}
	case []any:
		if n := bigU256(t, value); n != nil {
			return n.Append(dst, 10), true, nil
		}
	case scale.Enum:
		switch {
		case t.Path[len(t.Path)-1] == "RuntimeCall":
			dst, err := w.nestedCall(dst, id, value)
			return dst, true, err
		case t.Path[len(t.Path)-1] == "MultiAddress" && (value.Name == "Id" || value.Name == "Index"):
			variant := variantOf(t, value.Name)
			if variant == nil || len(variant.Fields) != 1 {
				break
			}
			dst, err := w.append(dst, variant.Fields[0].Type, value.Value)
			return dst, true, err
		}
	}
	return nil, false, nil
}

// bigU256 is the number in an Ethereum integer: four 64-bit parts, the lowest first.
func bigU256(t *scale.Type, parts []any) *big.Int {
	if t.Path[len(t.Path)-1] != "U256" || len(parts) != 4 {
		return nil
	}
	n := new(big.Int)
	for _, part := range slices.Backward(parts) {
		word, ok := part.(uint64)
		if !ok {
			return nil
		}
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(word))
	}
	return n
}

// fields writes a struct or a tuple. One with a single field without a name is that field.
func (w valueWriter) fields(dst []byte, fields []scale.Field, value any) ([]byte, error) {
	if len(fields) == 1 && fields[0].Name == "" {
		return w.append(dst, fields[0].Type, value)
	}
	switch value := value.(type) {
	case scale.Object:
		if len(value) != len(fields) {
			break
		}
		dst = append(dst, '{')
		for i, member := range value {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendText(dst, member.Name), ':')
			var err error
			if dst, err = w.append(dst, fields[i].Type, member.Value); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case []any:
		if len(value) != len(fields) {
			break
		}
		if len(value) == 0 {
			return append(dst, "null"...), nil
		}
		return w.list(dst, value, func(dst []byte, i int, item any) ([]byte, error) { return w.append(dst, fields[i].Type, item) })
	}
	return nil, fmt.Errorf("%d fields have the value %T", len(fields), value)
}

// variant writes an enum.
func (w valueWriter) variant(dst []byte, t *scale.Type, value any) ([]byte, error) {
	enum, ok := value.(scale.Enum)
	isOption := len(t.Path) == 1 && t.Path[0] == "Option"
	switch {
	case isOption && value == nil:
		return append(dst, "null"...), nil
	case isOption && (!ok || enum.Name != "Some"):
		enum = scale.Enum{Name: "Some", Value: value}
	case !ok:
		return nil, fmt.Errorf("an enum has the value %T", value)
	}
	variant := variantOf(t, enum.Name)
	switch {
	case variant == nil:
		return nil, fmt.Errorf("an enum has no variant %q", enum.Name)
	case isOption:
		return w.append(dst, variant.Fields[0].Type, enum.Value)
	case len(variant.Fields) == 0:
		return appendText(dst, enum.Name), nil
	}
	dst = append(appendText(append(dst, '{'), enum.Name), ':')
	dst, err := w.fields(dst, variant.Fields, enum.Value)
	return append(dst, '}'), err
}

func variantOf(t *scale.Type, name string) *scale.Variant {
	i := slices.IndexFunc(t.Variants, func(v scale.Variant) bool { return v.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Variants[i]
}

func (w valueWriter) list(dst []byte, items []any, item func(dst []byte, i int, value any) ([]byte, error)) ([]byte, error) {
	dst = append(dst, '[')
	for i, value := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = item(dst, i, value); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// leaf writes a value that has no others in it.
func (w valueWriter) leaf(dst []byte, t *scale.Type, value any) ([]byte, error) {
	switch value := value.(type) {
	case bool:
		return strconv.AppendBool(dst, value), nil
	case uint64:
		return strconv.AppendUint(dst, value, 10), nil
	case int64:
		return strconv.AppendInt(dst, value, 10), nil
	case *big.Int:
		return value.Append(dst, 10), nil
	case string:
		return appendText(dst, value), nil
	case scale.Bytes:
		if t.Kind == scale.KindSequence && utf8.Valid(value) {
			return appendText(dst, string(value)), nil
		}
		return appendText(dst, value.String()), nil
	case []any: // the compact form of nothing
		if len(value) == 0 {
			return append(dst, "null"...), nil
		}
	case scale.Bits:
		text, err := value.MarshalText()
		return appendText(dst, string(text)), err
	}
	return nil, fmt.Errorf("a %s has the value %T", t.Kind, value)
}

// appendText appends a JSON string. HTML means nothing here, so nothing of it is escaped.
func appendText(dst []byte, text string) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // strings can always be written
	}
	return append(dst, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
