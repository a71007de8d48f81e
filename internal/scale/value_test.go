package scale_test

import (
	"encoding/hex"
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

var valueDefs = []string{
	"AccountId32", "struct([u8; 32])",
	"Point", "struct{x: u8, y: Option<i16>}",
	"Shape", "enum{Empty, Circle(u8), Line(u8, u8), Named{point: Point, name: str}, Unit(())}",
	"Empty", "enum{}",
}

// Every kind of value, decoded, in JSON, and encoded from the value, from JSON and from other Go forms.
func TestValueConventions(t *testing.T) {
	t.Parallel()
	big128, _ := new(big.Int).SetString("340282366920938463463374607431768211455", 10)
	for _, test := range []struct {
		expr, bytes string
		want        any
		json        string
		also        []any // other values that encode to the same bytes
	}{
		{"bool", "01", true, "true", []any{new(true)}},
		{"u8", "05", uint64(5), "5", []any{5, int8(5), uint16(5), 5.0, "5", json.Number("5"), new(uint8(5)), big.NewInt(5), *big.NewInt(5), scale.Uint128{Lo: 5}}},
		{"u64", "ffffffffffffffff", uint64(1<<64 - 1), "18446744073709551615", []any{"18446744073709551615"}},
		{"i64", "feffffffffffffff", int64(-2), "-2", []any{-2, -2.0, "-2", big.NewInt(-2)}},
		{"u128", strings.Repeat("ff", 16), big128, "340282366920938463463374607431768211455", []any{scale.Uint128{Lo: 1<<64 - 1, Hi: 1<<64 - 1}}},
		{"i256", strings.Repeat("ff", 32), big.NewInt(-1), "-1", []any{-1}},
		{"Compact<u32>", "feff0300", uint64(65535), "65535", nil},
		{"Compact<u128>", "04", big.NewInt(1), "1", []any{uint8(1)}},
		{"Compact<()>", "", []any{}, "[]", []any{nil}},
		{"str", "0cceb121", "α!", `"α!"`, []any{label("α!")}},
		{"char", "bc030000", "μ", `"μ"`, nil},
		{"AccountId32", alice, scale.Bytes(unhex(t, alice)), `"0x` + alice + `"`, []any{key(t, alice), account(key(t, alice)), unhex(t, alice), new(account(key(t, alice)))}},
		{"Vec<u8>", "080102", scale.Bytes{1, 2}, `"0x0102"`, []any{[]byte{1, 2}, []any{1, 2}, []int{1, 2}, [2]byte{1, 2}}},
		{"Vec<u8>", "00", scale.Bytes{}, `"0x"`, []any{[]byte(nil), []any{}}},
		{"Vec<u16>", "0801000200", []any{uint64(1), uint64(2)}, "[1,2]", []any{[]uint16{1, 2}, [2]int{1, 2}, []netuid{1, 2}}},
		{"[u16; 2]", "01000200", []any{uint64(1), uint64(2)}, "[1,2]", []any{[]uint16{1, 2}}},
		{"(u8, bool)", "0501", []any{uint64(5), true}, "[5,true]", []any{pair{5, true}, &pair{5, true}}},
		{"()", "", []any{}, "[]", []any{nil, scale.Object{}, map[string]any{}, struct{}{}, []any(nil)}},
		{"Option<u8>", "00", nil, "null", []any{(*uint8)(nil)}},
		{"Option<u8>", "0107", uint64(7), "7", []any{new(uint8(7))}},
		{"Option<Option<u8>>", "00", nil, "null", nil},
		{"Option<Option<u8>>", "0100", scale.Enum{Name: "Some"}, `"Some"`, []any{map[string]any{"Some": nil}}},
		{"Option<Option<u8>>", "010107", scale.Enum{Name: "Some", Value: uint64(7)}, `{"Some":7}`, []any{scale.Object{{Name: "Some", Value: 7}}}},
		{"Result<(), u8>", "00", scale.Enum{Name: "Ok", Value: []any{}}, `{"Ok":[]}`, []any{"Ok", scale.Enum{Name: "Ok"}}},
		{"Point", "05 01 feff", scale.Object{{Name: "x", Value: uint64(5)}, {Name: "y", Value: int64(-2)}}, `{"x":5,"y":-2}`, []any{
			map[string]any{"x": 5, "y": -2},
			map[string]int{"x": 5, "y": -2},
			map[label]any{"y": -2, "x": 5},
			struct {
				Y *int  `scale:"y"`
				X uint8 `scale:"x"`
			}{new(-2), 5},
		}},
		{"Shape", "00", scale.Enum{Name: "Empty"}, `"Empty"`, []any{"Empty", label("Empty"), new(scale.Enum{Name: "Empty"}), map[string]any{"Empty": nil}}},
		{"Shape", "0107", scale.Enum{Name: "Circle", Value: uint64(7)}, `{"Circle":7}`, []any{map[string]uint8{"Circle": 7}, struct {
			Circle *uint8 `scale:"Circle"`
		}{new(uint8(7))}}},
		{"Shape", "020708", scale.Enum{Name: "Line", Value: []any{uint64(7), uint64(8)}}, `{"Line":[7,8]}`, []any{scale.Enum{Name: "Line", Value: struct {
			A uint8 `scale:"0"`
			B uint8 `scale:"1"`
		}{7, 8}}}},
		{"Shape", "03 0700 0461", scale.Enum{Name: "Named", Value: scale.Object{
			{Name: "point", Value: scale.Object{{Name: "x", Value: uint64(7)}, {Name: "y", Value: nil}}}, {Name: "name", Value: "a"},
		}}, `{"Named":{"point":{"x":7,"y":null},"name":"a"}}`, []any{scale.Enum{Name: "Named", Value: &struct {
			Point any    `scale:"point"`
			Name  string `scale:"name"`
		}{map[string]any{"x": 7, "y": nil}, "a"}}}},
		{"Shape", "04", scale.Enum{Name: "Unit", Value: []any{}}, `{"Unit":[]}`, nil},
		{"BitVec", "0805", scale.Bits{true, false}, `"0b10"`, []any{[]bool{true, false}}},
		{"BTreeMap<u8, str>", "04010461", []any{[]any{uint64(1), "a"}}, `[[1,"a"]]`, nil},
	} {
		types, id := typeOf(t, test.expr, valueDefs...)
		raw := unhex(t, test.bytes)
		got, err := types.DecodeValue(id, raw)
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		equal(t, test.expr, test.want, got)
		if j := toJSON(t, got); j != test.json {
			t.Errorf("%s: JSON is %s, want %s", test.expr, j, test.json)
		}
		if test.expr == "BitVec" {
			raw[1] = 1 // bits beyond the last count for nothing and are written as 0
		}
		var viaJSON any
		fromJSON(t, test.json, &viaJSON)
		for _, v := range append([]any{got, viaJSON}, test.also...) {
			b, err := types.AppendValue([]byte{0xee}, id, v)
			if err != nil || hex.EncodeToString(b) != "ee"+hex.EncodeToString(raw) {
				t.Errorf("%s: %#v encodes to %x, %v; want %x", test.expr, v, b, err, raw)
			}
		}
	}
}

// Decoded values share nothing with the input.
func TestValuesAreCopies(t *testing.T) {
	t.Parallel()
	types, id := typeOf(t, "(Vec<u8>, [u8; 2])")
	raw := unhex(t, "080102 0304")
	v, err := types.DecodeValue(id, raw)
	if err != nil {
		t.Fatal(err)
	}
	codec, err := scale.Bind[struct {
		A []byte `scale:"0"`
		B []byte `scale:"1"`
	}](types, id)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := codec.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if toJSON(t, v) != `["0x0102","0x0304"]` || bound.A[0] != 1 || bound.B[0] != 3 {
		t.Errorf("values changed with the input: %s, %v", toJSON(t, v), bound)
	}
}

func TestValueMismatches(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		expr string
		v    any
		want string
	}{
		{"u8", 256, "256 does not fit u8"},
		{"u8", -1, "-1 does not fit u8"},
		{"i8", 128, "128 does not fit i8"},
		{"i8", "-129", "-129 does not fit i8"},
		{"u64", "18446744073709551616", "does not fit u64"},
		{"u8", 1.5, "not an integer"},
		{"u64", 1e17, "not an exact one"},
		{"u8", "0x01", "is not an integer"},
		{"u8", "", "is not an integer"},
		{"u8", "+1", "is not an integer"},
		{"u8", strings.Repeat("1", 1000), "is not an integer"},
		{"u8", true, "an integer wanted, not bool"},
		{"u8", nil, "an integer wanted, not <nil>"},
		{"u8", (*uint8)(nil), "an integer wanted"},
		{"u8", (*big.Int)(nil), "an integer wanted"},
		{"Compact<u8>", 256, "256 does not fit Compact<u8>"},
		{"Compact<u128>", -1, "-1 does not fit Compact<u128>"},
		{"Compact<Vec<u8>>", 1, "the compact form of Vec<u8>"},
		{"bool", 1, "a boolean wanted, not int"},
		{"str", 1, "text wanted, not int"},
		{"str", json.Number("1"), "text wanted"},
		{"str", "\xff", "not UTF-8"},
		{"char", "ab", "one character wanted"},
		{"char", "", "one character wanted"},
		{"Vec<u8>", "text", "0x"},
		{"Vec<u8>", "0x1", "odd length"},
		{"Vec<u8>", 5, "a list wanted"},
		{"Vec<u8>", []any{256}, "[0]: 256 does not fit u8"},
		{"Vec<u16>", "0x01", "a list wanted"},
		{"Vec<u16>", scale.Object{}, "a list wanted"},
		{"[u8; 2]", "0x01", "2 elements wanted, not 1"},
		{"[u16; 2]", []int{1}, "2 elements wanted, not 1"},
		{"(u8, u8)", []any{1}, "a list of 2 values wanted"},
		{"(u8, u8)", 1, "a list of 2 values wanted"},
		{"()", 1, "nothing wanted"},
		{"()", []any{1}, "nothing wanted"},
		{"Point", map[string]any{"x": 1}, "y is missing"},
		{"Point", map[string]any{"x": 1, "y": nil, "z": 1}, "unknown names"},
		{"Point", scale.Object{{Name: "x", Value: 1}, {Name: "y"}, {Name: "x", Value: 1}}, "unknown names"},
		{"Point", 1, "an object wanted"},
		{"Point", map[int]any{1: 1}, "an object wanted"},
		{"Point", struct {
			X uint8 `scale:"x"`
		}{}, "bind Point.y: not covered"},
		{"Shape", "Square", `no variant "Square"`},
		{"Shape", "Circle", "Circle: an integer wanted"},
		{"Shape", map[string]any{"Circle": 1, "Line": 2}, "a variant wanted"},
		{"Shape", scale.Object{}, "a variant wanted"},
		{"Shape", nil, "a variant wanted"},
		{"Shape", (*scale.Enum)(nil), "a variant wanted"},
		{"Shape", scale.Enum{Name: "Empty", Value: 1}, "Empty: nothing wanted"},
		{"Shape", scale.Enum{Name: "Named", Value: map[string]any{"point": map[string]any{"x": 999, "y": nil}, "name": ""}}, "Named: point: x: 999 does not fit u8"},
		{"Option<Option<u8>>", 7, `nil or an Enum "Some" wanted`},
		{"BitVec", "0b12", "binary digits"},
		{"BitVec", 1, "bits wanted"},
		{"Empty", "X", `no variant "X"`},
	} {
		types, id := typeOf(t, test.expr, valueDefs...)
		b, err := types.AppendValue(nil, id, test.v)
		if err == nil || !strings.Contains(err.Error(), test.want) || b != nil {
			t.Errorf("%s of %v: %x, %v; want %q", test.expr, test.v, b, err, test.want)
		}
	}
	types, _ := typeOf(t, "u8")
	if _, err := types.AppendValue(nil, 77, 1); err == nil {
		t.Error("type 77 exists")
	}
	if _, err := types.DecodeValue(77, nil); err == nil {
		t.Error("type 77 exists")
	}
	loop := []any{nil}
	loop[0] = loop
	types, id := typeOf(t, "L", "L", "struct(Vec<L>)")
	if _, err := types.AppendValue(nil, id, loop); err == nil {
		t.Error("a list that holds itself is encoded")
	}
}

func TestDecodeValueErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ expr, bytes, want string }{
		{"Shape", "05", "byte 0: not an encoding of the type: Shape has no variant 5"},
		{"Empty", "00", "Empty has no variant 0"},
		{"Shape", "03 05 02", "byte 2: Named.point.y: not an encoding of the type: option of 2"},
		{"Vec<(u8, bool)>", "08 0101 0102", "byte 4: [1][1]: not an encoding of the type: boolean of 2"},
		{"char", "00d80000", "character 55296"},
		{"char", "ffffffff", "character 4294967295"},
		{"str", "04ff", "not UTF-8"},
		{"Compact<u8>", "0104", "256 does not fit u8"},
		{"Compact<Vec<u8>>", "00", "the compact form of Vec<u8>"},
		{"BitVec", "feffffff", "bits"},
		{"[u16; 4294967295]", "00", "input ends"},
		{"u8", "", "byte 0: input ends inside a value"},
		{"u8", "0000", "byte 1: bytes left over after the value: 1 bytes"},
	} {
		types, id := typeOf(t, test.expr, valueDefs...)
		v, err := types.DecodeValue(id, unhex(t, test.bytes))
		if err == nil || !strings.Contains(err.Error(), test.want) || v != nil {
			t.Errorf("%s of %s: %v, %v; want %q", test.expr, test.bytes, v, err, test.want)
		}
	}
}

// Words wider than a byte, and the bit order of the other end.
func TestBitPacking(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		store scale.Primitive
		order string
		bytes string // of 1100_0000_01
	}{
		{scale.U8, "Lsb0", "28 0302"},
		{scale.U8, "Msb0", "28 c040"},
		{scale.U16, "Lsb0", "28 0302"},
		{scale.U16, "Msb0", "28 40c0"},
		{scale.U32, "Msb0", "28 000040c0"},
		{scale.U64, "Lsb0", "28 0302000000000000"},
	} {
		types, err := scale.NewRegistry([]scale.Type{
			{Kind: scale.KindBitSequence, BitStore: 1, BitOrder: 2},
			{Kind: scale.KindPrimitive, Primitive: test.store},
			{Path: []string{"bitvec", "order", test.order}},
		})
		if err != nil {
			t.Fatal(err)
		}
		v, err := types.DecodeValue(0, unhex(t, test.bytes))
		if err != nil || toJSON(t, v) != `"0b1100000001"` {
			t.Errorf("%v %s: %s is %s, %v", test.store, test.order, test.bytes, toJSON(t, v), err)
		}
		b, err := types.AppendValue(nil, 0, "0b1100000001")
		if err != nil || hex.EncodeToString(b) != strings.ReplaceAll(test.bytes, " ", "") {
			t.Errorf("%v %s: encodes to %x, %v", test.store, test.order, b, err)
		}
	}
}

func TestBytesAsText(t *testing.T) {
	t.Parallel()
	var b scale.Bytes
	if err := json.Unmarshal([]byte(`"0x00ff"`), &b); err != nil || b.String() != "0x00ff" {
		t.Errorf("%v, %v", b, err)
	}
	for _, bad := range []string{`"00"`, `"0xz0"`, `"0x0"`} {
		if err := json.Unmarshal([]byte(bad), &b); err == nil {
			t.Errorf("%s is bytes", bad)
		}
	}
}
