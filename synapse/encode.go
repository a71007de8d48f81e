package synapse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// style is one of the two ways in which Python writes JSON here.
type style struct {
	comma, colon string
	// ascii escapes everything that is not ASCII.
	ascii bool
	// request allows what json.dumps does and FastAPI does not, and the other way
	// round: infinities, bytes, datetimes and enums.
	request bool
}

var (
	styleRequest  = &style{comma: ", ", colon: ": ", ascii: true, request: true}
	styleResponse = &style{comma: ",", colon: ":"}
)

// Errors of values that have no place in a body. The first has Python's text.
var (
	ErrNotFinite       = errors.New("out of range float values are not JSON compliant")
	ErrNotSerializable = errors.New("not JSON serializable")
)

// AppendRequest appends the body of a request as a Python dendrite writes it.
// Values that JSON has no form for are refused with ErrNotSerializable.
func AppendRequest(dst []byte, m Message) ([]byte, error) { return appendBody(dst, m, styleRequest) }

// AppendResponse appends the body of an answer as a Python axon writes it.
// Floats that are not finite are refused with ErrNotFinite.
func AppendResponse(dst []byte, m Message) ([]byte, error) { return appendBody(dst, m, styleResponse) }

func appendBody(dst []byte, m Message, st *style) ([]byte, error) {
	s, err := schemaOf(m)
	if err != nil {
		return dst, err
	}
	w := writer{style: st, dst: append(dst, '{')}
	base := m.Base().effective()
	if _, err := w.base(s.name, &base); err != nil {
		return dst, err
	}
	if err := w.fields(s, m); err != nil {
		return dst, err
	}
	return append(w.dst, '}'), nil
}

// base writes the fields that every message has, and returns where the value of
// total_size is.
func (w *writer) base(name string, base *Synapse) (sizeAt int, err error) {
	w.member("name").str(name)
	w.member("timeout")
	if err := w.float(base.Timeout); err != nil {
		return 0, fieldError("timeout", err)
	}
	w.member("total_size")
	sizeAt = len(w.dst)
	writeInt(w, base.TotalSize)
	writeInt(w.member("header_size"), base.HeaderSize)
	if err := w.member("dendrite").terminal(&base.Dendrite); err != nil {
		return 0, fieldError("dendrite", err)
	}
	if err := w.member("axon").terminal(&base.Axon); err != nil {
		return 0, fieldError("axon", err)
	}
	w.member("computed_body_hash").optional(base.bodyHash)
	return sizeAt, nil
}

// fields writes the fields of a message's own.
func (w *writer) fields(s *schema, m Message) error {
	root := reflect.ValueOf(m).Elem()
	for i := range s.model.fields {
		f := &s.model.fields[i]
		w.name(f.name)
		if err := w.value(f.shape, root.FieldByIndex(f.index), 0); err != nil {
			return fieldError(f.name, err)
		}
	}
	return nil
}

// writer appends JSON in one style.
type writer struct {
	*style
	dst []byte
}

// name begins a member of an object.
func (w *writer) name(name string) *writer {
	w.separate('{')
	w.str(name)
	w.raw(w.colon)
	return w
}

// member is name for a name that is printable ASCII without quotes.
func (w *writer) member(name string) *writer {
	w.separate('{')
	w.dst = append(append(append(append(w.dst, '"'), name...), '"'), w.colon...)
	return w
}

// separate writes a comma unless the last byte is what opened the list or
// object.
func (w *writer) separate(opening byte) {
	if w.dst[len(w.dst)-1] != opening {
		w.raw(w.comma)
	}
}

func (w *writer) raw(text string)  { w.dst = append(w.dst, text...) }
func (w *writer) null()            { w.raw("null") }
func (w *writer) str(text string)  { w.dst = appendString(w.dst, text, w.style) }
func (w *writer) boolean(b bool)   { w.dst = strconv.AppendBool(w.dst, b) }
func (w *writer) integer(n int64)  { w.dst = strconv.AppendInt(w.dst, n, 10) }
func (w *writer) number(f float64) { w.dst = appendFloat(w.dst, f) }

func (w *writer) optional(o Optional[string]) {
	if !o.Present {
		w.null()
		return
	}
	w.str(o.Value)
}

func writeInt[T int | int64](w *writer, o Optional[T]) {
	if !o.Present {
		w.null()
		return
	}
	w.integer(int64(o.Value))
}

func (w *writer) float(o Optional[float64]) error {
	if !o.Present {
		w.null()
		return nil
	}
	return w.double(o.Value)
}

func (w *writer) double(f float64) error {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		if !w.request {
			return ErrNotFinite
		}
		switch {
		case f > 0:
			w.raw("Infinity")
		case f < 0:
			w.raw("-Infinity")
		default:
			w.raw("NaN")
		}
	default:
		w.number(f)
	}
	return nil
}

func (w *writer) terminal(t *TerminalInfo) error {
	w.raw("{")
	writeInt(w.member("status_code"), t.StatusCode)
	w.member("status_message").optional(t.StatusMessage)
	if err := w.member("process_time").float(t.ProcessTime); err != nil {
		return fieldError("process_time", err)
	}
	w.member("ip").optional(t.IP)
	writeInt(w.member("port"), t.Port)
	writeInt(w.member("version"), t.Version)
	writeInt(w.member("nonce"), t.Nonce)
	w.member("uuid").optional(t.UUID)
	w.member("hotkey").optional(t.Hotkey)
	w.member("signature").optional(t.Signature)
	w.raw("}")
	return nil
}

func (w *writer) value(s *shape, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	switch s.kind {
	case kindBool:
		w.boolean(v.Bool())
	case kindInt:
		w.integer(v.Int())
	case kindUint:
		w.dst = strconv.AppendUint(w.dst, v.Uint(), 10)
	case kindBigInt:
		if v.IsNil() {
			w.null()
			return nil
		}
		w.dst = v.Interface().(*big.Int).Append(w.dst, 10)
	case kindFloat:
		return w.double(v.Float())
	case kindString:
		w.str(v.String())
	case kindText:
		text, err := textOf(v)
		if err != nil {
			return err
		}
		w.str(text)
	case kindBytes:
		if w.request {
			return fmt.Errorf("object of type bytes is %w", ErrNotSerializable)
		}
		if !utf8.Valid(v.Bytes()) {
			return ErrUTF8
		}
		w.str(string(v.Bytes()))
	case kindTime:
		if w.request {
			return fmt.Errorf("object of type datetime is %w", ErrNotSerializable)
		}
		w.dst = append(appendTimeStr(append(w.dst, '"'), timeOf(v), 'T'), '"')
	case kindEnum:
		e := v.Interface().(Enum)
		if w.request && !e.Str {
			return fmt.Errorf("object of type %s is %w", e.Class, ErrNotSerializable)
		}
		return w.value(untyped, reflect.ValueOf(&e.Value).Elem(), depth+1)
	case kindAny, kindPointer:
		if v.IsNil() {
			w.null()
			return nil
		}
		inner, err := s.inner(v)
		if err != nil {
			return err
		}
		return w.value(inner, v.Elem(), depth+1)
	case kindOptional:
		if !v.Field(1).Bool() {
			w.null()
			return nil
		}
		return w.value(s.elem, v.Field(0), depth+1)
	case kindList, kindTuple:
		w.raw("[")
		for i := range v.Len() {
			if i > 0 {
				w.raw(w.comma)
			}
			if err := w.value(s.elem, v.Index(i), depth+1); err != nil {
				return err
			}
		}
		w.raw("]")
	case kindMap, kindDict:
		w.raw("{")
		first := true
		err := s.members(v, func(key, value reflect.Value) error {
			if !first {
				w.raw(w.comma)
			}
			first = false
			if err := w.key(s.key, key); err != nil {
				return err
			}
			w.raw(w.colon)
			return w.value(s.elem, value, depth+1)
		})
		w.raw("}")
		return err
	case kindModel:
		w.raw("{")
		for i, f := range s.fields {
			if i > 0 {
				w.raw(w.comma)
			}
			w.str(f.name)
			w.raw(w.colon)
			if err := w.value(f.shape, v.FieldByIndex(f.index), depth+1); err != nil {
				return fieldError(f.name, err)
			}
		}
		w.raw("}")
	case kindTensor:
		v.Interface().(Tensor).write(w)
	default:
		return fmt.Errorf("unwritable type %v", s.goType)
	}
	return nil
}

// key writes the key of a dict, which JSON wants to be text.
func (w *writer) key(s *shape, v reflect.Value) error {
	switch s.kind {
	case kindAny:
		if v.IsNil() {
			if w.request {
				w.str("null")
			} else {
				w.str(None)
			}
			return nil
		}
		inner, err := s.inner(v)
		if err != nil {
			return err
		}
		return w.key(inner, v.Elem())
	case kindBool:
		w.str(strconv.FormatBool(v.Bool()))
		return nil
	case kindInt, kindUint, kindBigInt, kindFloat, kindString, kindText:
		text, err := s.appendPython(nil, v, true, 0)
		if err != nil {
			return err
		}
		w.str(string(text))
		return nil
	}
	return fmt.Errorf("a key of type %v is %w", s.goType, ErrNotSerializable)
}

// appendString writes a string with the escapes that Python uses.
func appendString(dst []byte, text string, st *style) []byte {
	dst = append(dst, '"')
	for {
		n := plainText(text)
		if st.ascii {
			// Only to json.dumps is the delete character not plain.
			if del := strings.IndexByte(text[:n], 0x7f); del >= 0 {
				n = del
			}
		}
		dst = append(dst, text[:n]...)
		text = text[n:]
		if text == "" {
			return append(dst, '"')
		}
		r, size := utf8.DecodeRuneInString(text)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r < ' ':
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
		case !st.ascii:
			dst = utf8.AppendRune(dst, r) // not UTF-8 becomes U+FFFD
		case r >= 0x10000:
			r -= 0x10000
			dst = appendHex(append(dst, `\u`...), uint32(0xd800+r>>10), 4)
			dst = appendHex(append(dst, `\u`...), uint32(0xdc00+r&0x3ff), 4)
		default:
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
		}
		text = text[size:]
	}
}

// emptyOf returns the base64 of the JSON of an empty value of the type that a
// value has in Python, for the header of a required field; false for None.
func emptyOf(s *shape, v reflect.Value) (string, bool, error) {
	switch s.kind {
	case kindBool:
		return emptyFalse, true, nil
	case kindInt, kindUint:
		return emptyInt, true, nil
	case kindBigInt:
		return emptyInt, !v.IsNil(), nil
	case kindFloat:
		return emptyFloat, true, nil
	case kindString, kindText:
		return emptyString, true, nil
	case kindList, kindTuple:
		return emptyList, true, nil
	case kindMap, kindDict, kindModel, kindTensor:
		return emptyObject, true, nil
	case kindOptional:
		if !v.Field(1).Bool() {
			return "", false, nil
		}
		return emptyOf(s.elem, v.Field(0))
	case kindAny, kindPointer:
		if v.IsNil() {
			return "", false, nil
		}
		inner, err := s.inner(v)
		if err != nil {
			return "", false, err
		}
		return emptyOf(inner, v.Elem())
	}
	return "", false, ErrNotSerializable
}

var (
	emptyInt    = base64.StdEncoding.EncodeToString([]byte("0"))
	emptyFloat  = base64.StdEncoding.EncodeToString([]byte("0.0"))
	emptyString = base64.StdEncoding.EncodeToString([]byte(`""`))
	emptyFalse  = base64.StdEncoding.EncodeToString([]byte("false"))
	emptyList   = base64.StdEncoding.EncodeToString([]byte("[]"))
	emptyObject = base64.StdEncoding.EncodeToString([]byte("{}"))
)

func timeOf(v reflect.Value) time.Time { return v.Interface().(time.Time) }
