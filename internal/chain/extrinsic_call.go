package chain

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// call gives a call, whose encoding is encoded, the form that clients know calls in, with its index and hash.
func (w valueWriter) call(call *scale.DecodedCall, encoded []byte) (*pylon.Call, error) {
	described, err := w.metadata.Call(call.Pallet, call.Name)
	if err != nil {
		return nil, err
	}
	if len(described.Args) != len(call.Args) {
		return nil, fmt.Errorf("%s.%s has %d arguments, not %d", call.Pallet, call.Name, len(described.Args), len(call.Args))
	}
	public := &pylon.Call{Module: call.Pallet, Function: call.Name, Args: make([]pylon.CallArg, len(call.Args))}
	for i, arg := range call.Args {
		value, err := w.append(nil, described.Args[i].Type, arg.Value)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %s: %w", call.Pallet, call.Name, arg.Name, err)
		}
		public.Args[i] = pylon.CallArg{Name: arg.Name, Type: typeName(described.Args[i]), Value: value}
	}
	index, hash := callIndexAndHash(described, encoded)
	public.More = []pylon.Member{{Name: "call_index", Value: index}, {Name: "call_hash", Value: hash}}
	return public, nil
}

// nestedCall appends a call that is an argument of another call.
func (w valueWriter) nestedCall(dst []byte, id scale.TypeID, value scale.Enum) ([]byte, error) {
	inner, ok := value.Value.(scale.Enum)
	if !ok {
		return nil, fmt.Errorf("a call of %s has an unknown form", value.Name)
	}
	encoded, err := w.metadata.Types.AppendValue(nil, id, value)
	if err != nil {
		return nil, err
	}
	if *w.left -= len(encoded); *w.left < 0 {
		return nil, fmt.Errorf("the calls within calls are over %d bytes together", maxNested)
	}
	call := scale.DecodedCall{Pallet: value.Name, Name: inner.Name}
	if inner.Value != nil {
		if call.Args, ok = inner.Value.(scale.Object); !ok {
			return nil, fmt.Errorf("the call %s.%s has arguments without names", value.Name, inner.Name)
		}
	}
	public, err := w.call(&call, encoded)
	if err != nil {
		return nil, err
	}
	// Clients know the members of a nested call in another order than those of the call that it is in.
	dst = append(dst, `{"call_index":`...)
	dst = append(dst, public.More[0].Value...)
	dst = append(dst, `,"call_function":`...)
	dst = appendText(dst, public.Function)
	dst = append(dst, `,"call_module":`...)
	dst = appendText(dst, public.Module)
	dst = append(dst, `,"call_args":[`...)
	for i, arg := range public.Args {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendText(dst, arg.Name)
		dst = append(dst, `,"type":`...)
		dst = appendText(dst, arg.Type)
		dst = append(dst, `,"value":`...)
		dst = append(append(dst, arg.Value...), '}')
	}
	dst = append(dst, `],"call_hash":`...)
	dst = append(dst, public.More[1].Value...)
	return append(dst, '}'), nil
}

// callIndexAndHash are the first two bytes of a call, and the BLAKE2b-256 hash of all, as JSON.
func callIndexAndHash(call *scale.Call, encoded []byte) (index, hash json.RawMessage) {
	sum := scale.Blake2_256(encoded)
	return json.RawMessage(fmt.Sprintf(`"0x%02x%02x"`, call.PalletIndex, call.Index)),
		json.RawMessage(`"0x` + hex.EncodeToString(sum[:]) + `"`)
}

// The parts of type names that mean nothing outside of the runtime's source. The Python library that clients know the
// names from leaves them out.
var (
	typeNameNoise = strings.NewReplacer("T::", "", "<T>", "", "<t>", "", "<T as Config>::", "", "<T as Config<I>>::", "", "<T as Trait>::", "", "\n", "")
	boxedTypeName = regexp.MustCompile(`^(?i:Box)<(.+)>$`)
)

// typeName is the name that the runtime's source has for the type of a call's argument. Metadata without such names
// gives the type's own.
func typeName(arg scale.Field) string {
	name := typeNameNoise.Replace(arg.TypeName)
	if boxed := boxedTypeName.FindStringSubmatch(name); boxed != nil {
		name = boxed[1]
	}
	switch strings.ToLower(name) {
	case "()":
		return "Null"
	case "vec<u8>", "&[u8]":
		return "Bytes"
	case "<lookup as staticlookup>::source":
		return "LookupSource"
	}
	return name
}
