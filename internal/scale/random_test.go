package scale_test

import (
	"bytes"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// randomValue draws a value of a described type, as DecodeValue would return it. Below some depth lists are empty and
// options None. It reports false for types that have no values, or none of a bearable size.
func randomValue(t *rapid.T, types *scale.Registry, id scale.TypeID, depth int) (any, bool) {
	typ, err := types.Type(id)
	if err != nil {
		t.Fatal(err)
	}
	switch typ.Kind {
	case scale.KindComposite, scale.KindTuple:
		return randomFields(t, types, typ.Fields, depth)
	case scale.KindVariant:
		return randomVariant(t, types, typ, depth)
	case scale.KindSequence, scale.KindArray:
		return randomList(t, types, typ, depth)
	case scale.KindCompact:
		return randomCompact(t, types, typ.Elem)
	case scale.KindBitSequence:
		return scale.Bits(rapid.SliceOfN(rapid.Bool(), 0, 20).Draw(t, "bits")), true
	}
	return randomPrimitive(t, typ.Primitive)
}

func randomPrimitive(t *rapid.T, p scale.Primitive) (any, bool) {
	unsigned := func(bits int) uint64 {
		return rapid.Uint64().Draw(t, "uint") >> (64 - bits) >> rapid.IntRange(0, bits-1).Draw(t, "shift")
	}
	wide := func(size int, signed bool) *big.Int {
		n := new(big.Int).SetBytes(rapid.SliceOfN(rapid.Byte(), 0, size).Draw(t, "big"))
		if signed {
			n.Sub(n.Rsh(n, 1), new(big.Int).Lsh(big.NewInt(int64(rapid.IntRange(0, 1).Draw(t, "sign"))), uint(8*size-1)))
		}
		return n
	}
	switch p {
	case scale.Bool:
		return rapid.Bool().Draw(t, "bool"), true
	case scale.Char:
		return string(rapid.Rune().Draw(t, "rune")), true
	case scale.Str:
		return rapid.StringN(0, 10, 40).Draw(t, "text"), true
	case scale.U8, scale.U16, scale.U32, scale.U64:
		return unsigned(8 << (p - scale.U8)), true
	case scale.I8, scale.I16, scale.I32, scale.I64:
		shift := 64 - 8<<(p-scale.I8)
		return int64(unsigned(64)) >> shift, true
	case scale.U128, scale.I128:
		return wide(16, p == scale.I128), true
	}
	return wide(32, p == scale.I256), true
}

func randomCompact(t *rapid.T, types *scale.Registry, elem scale.TypeID) (any, bool) {
	typ, err := types.Type(elem)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case typ.Kind == scale.KindPrimitive:
		return randomPrimitive(t, typ.Primitive)
	case len(typ.Fields) == 1:
		return randomCompact(t, types, typ.Fields[0].Type)
	}
	return []any{}, true
}

func randomFields(t *rapid.T, types *scale.Registry, fields []scale.Field, depth int) (any, bool) {
	if len(fields) == 1 && fields[0].Name == "" {
		return randomValue(t, types, fields[0].Type, depth)
	}
	list, object := []any{}, scale.Object{}
	for _, f := range fields {
		v, ok := randomValue(t, types, f.Type, depth-1)
		if !ok {
			return nil, false
		}
		if f.Name == "" {
			list = append(list, v)
		} else {
			object = append(object, scale.Member{Name: f.Name, Value: v})
		}
	}
	if len(object) > 0 {
		return object, true
	}
	return list, true
}

func randomVariant(t *rapid.T, types *scale.Registry, typ *scale.Type, depth int) (any, bool) {
	if len(typ.Path) == 1 && typ.Path[0] == "Option" {
		if depth < 0 || rapid.Bool().Draw(t, "none") {
			return nil, true
		}
		some := typ.Variants[1].Fields[0].Type
		v, ok := randomValue(t, types, some, depth-1)
		if inner, err := types.Type(some); err == nil && len(inner.Path) == 1 && inner.Path[0] == "Option" {
			v = scale.Enum{Name: "Some", Value: v}
		}
		return v, ok
	}
	if len(typ.Variants) == 0 || depth < -12 {
		return nil, false
	}
	// Deep down, a variant that ends quickly.
	tries := 1
	if depth < 0 {
		tries = 20
	}
	var best *scale.Variant
	for range tries {
		v := &typ.Variants[rapid.IntRange(0, len(typ.Variants)-1).Draw(t, "variant")]
		if best == nil || len(v.Fields) < len(best.Fields) {
			best = v
		}
	}
	if len(best.Fields) == 0 {
		return scale.Enum{Name: best.Name}, true
	}
	v, ok := randomFields(t, types, best.Fields, depth-1)
	return scale.Enum{Name: best.Name, Value: v}, ok
}

func randomList(t *rapid.T, types *scale.Registry, typ *scale.Type, depth int) (any, bool) {
	n := int(typ.Len)
	if typ.Kind == scale.KindSequence {
		n = rapid.IntRange(0, max(0, min(depth, 5))).Draw(t, "length")
	}
	if n > 600 {
		return nil, false
	}
	if isByte(types, typ.Elem) {
		return scale.Bytes(rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "bytes")), true
	}
	list := []any{}
	for range n {
		v, ok := randomValue(t, types, typ.Elem, depth-1)
		if !ok {
			return nil, false
		}
		list = append(list, v)
	}
	return list, true
}

func isByte(types *scale.Registry, id scale.TypeID) bool {
	typ, err := types.Type(id)
	if err != nil {
		return false
	}
	if typ.Kind == scale.KindComposite && len(typ.Fields) == 1 && typ.Fields[0].Name == "" {
		return isByte(types, typ.Fields[0].Type)
	}
	return typ.Kind == scale.KindPrimitive && typ.Primitive == scale.U8
}

// For every type of a real runtime: a random value encodes, decodes to an equal value that encodes to the same bytes,
// and is skipped to its end. Every shorter input is refused.
func TestRoundTripOfRealTypes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"218-v15", "425-v16"} {
		types := scaletest.Metadata(t, name).Types
		drawn := make(map[scale.TypeID]bool)
		rapid.Check(t, func(t *rapid.T) {
			for range 20 {
				id := scale.TypeID(rapid.IntRange(0, types.Len()-1).Draw(t, "type"))
				v, ok := randomValue(t, types, id, 5)
				if !ok {
					continue
				}
				drawn[id] = true
				roundTrip(t, types, id, v)
			}
		})
		if len(drawn) < types.Len()/2 {
			t.Errorf("%s: only %d of %d types were drawn", name, len(drawn), types.Len())
		}
	}
}

func roundTrip(t *rapid.T, types *scale.Registry, id scale.TypeID, v any) {
	raw, err := types.AppendValue(nil, id, v)
	if err != nil {
		t.Fatalf("%s: encode %#v: %v", types.Name(id), v, err)
	}
	if len(raw) < types.MinSize(id) {
		t.Fatalf("%s: %d bytes, at least %d were announced", types.Name(id), len(raw), types.MinSize(id))
	}
	got, err := types.DecodeValue(id, raw)
	if err != nil {
		t.Fatalf("%s: decode %x: %v", types.Name(id), raw, err)
	}
	if want, have := render(t, v), render(t, got); want != have {
		t.Fatalf("%s: %s becomes %s", types.Name(id), want, have)
	}
	again, err := types.AppendValue(nil, id, got)
	if err != nil || !bytes.Equal(again, raw) {
		t.Fatalf("%s: %x becomes %x, %v", types.Name(id), raw, again, err)
	}
	r := scale.NewReader(append(raw, 0xff))
	if types.Skip(r, id); r.Err() != nil || r.Offset() != len(raw) {
		t.Fatalf("%s: %d of %d bytes are skipped, %v", types.Name(id), r.Offset(), len(raw), r.Err())
	}
	if len(raw) > 0 {
		cut := rapid.IntRange(0, len(raw)-1).Draw(t, "cut")
		if v, err := types.DecodeValue(id, raw[:cut]); err == nil {
			t.Fatalf("%s: %d of %d bytes are enough for %v", types.Name(id), cut, len(raw), v)
		}
	}
}

func render(t *rapid.T, v any) string {
	b, err := marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
