package scale_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// bindAndCheck decodes the bytes as T, compares, and encodes them back.
func bindAndCheck[T any](t *testing.T, expr, raw string, want T, defs ...string) {
	t.Helper()
	types, id := typeOf(t, expr, defs...)
	codec, err := scale.Bind[T](types, id)
	if err != nil {
		t.Errorf("%s as %T: %v", expr, want, err)
		return
	}
	b := unhex(t, raw)
	got, err := codec.Decode(b)
	if err != nil {
		t.Errorf("%s as %T: %v", expr, want, err)
		return
	}
	equal(t, expr, want, got)
	back, err := codec.Append([]byte{0xee}, &got)
	if err != nil || !bytes.Equal(back, append([]byte{0xee}, b...)) {
		t.Errorf("%s as %T: %s becomes %x, %v", expr, want, raw, back, err)
	}
}

type (
	netuid  uint16
	account [32]byte
	label   string
)

func TestBindScalars(t *testing.T) {
	t.Parallel()
	bindAndCheck(t, "bool", "01", true)
	bindAndCheck(t, "u8", "ff", uint8(255))
	bindAndCheck(t, "u16", "0c00", netuid(12))
	bindAndCheck(t, "NetUid", "0c00", netuid(12), "NetUid", "struct(u16)")
	bindAndCheck(t, "Compact<NetUid>", "30", uint64(12), "NetUid", "struct(u16)")
	bindAndCheck(t, "Compact<PerU16>", "feff0300", uint16(65535), "PerU16", "struct(Wrapped)", "Wrapped", "struct(u16)")
	bindAndCheck(t, "Compact<Bits>", "04", uint8(1), "Bits", "struct{bits: u64}")
	bindAndCheck(t, "Fixed", "ffffffffffffffff", int64(-1), "Fixed", "struct{bits: i64}")
	bindAndCheck(t, "u32", "01000000", uint(1))
	bindAndCheck(t, "u32", "ffffffff", int64(math.MaxUint32))
	bindAndCheck(t, "i8", "80", int8(-128))
	bindAndCheck(t, "i16", "ffff", -1)
	bindAndCheck(t, "i32", "00000080", int32(math.MinInt32))
	bindAndCheck(t, "i128", "feffffffffffffffffffffffffffffff", int64(-2))
	bindAndCheck(t, "i128", "feffffffffffffffffffffffffffffff", big.NewInt(-2))
	bindAndCheck(t, "u128", "01000000000000000200000000000000", scale.Uint128{Lo: 1, Hi: 2})
	bindAndCheck(t, "u128", "01000000000000000000000000000000", uint64(1))
	bindAndCheck(t, "u256", "02"+strings.Repeat("00", 31), scale.Uint128{Lo: 2})
	bindAndCheck(t, "u256", "02"+strings.Repeat("00", 31), uint32(2))
	bindAndCheck(t, "u64", "0200000000000000", scale.Uint128{Lo: 2})
	bindAndCheck(t, "Compact<u128>", "33ffffffffffffffffffffffffffffffff", scale.Uint128{Lo: math.MaxUint64, Hi: math.MaxUint64})
	bindAndCheck(t, "Compact<u128>", "33ffffffffffffffffffffffffffffffff", new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)))
	bindAndCheck(t, "Compact<u32>", "08", scale.Uint128{Lo: 2})
	bindAndCheck(t, "str", "0cceb121", label("α!"))
	bindAndCheck(t, "Vec<u8>", "08ff00", "\xff\x00")
	bindAndCheck(t, "Vec<Compact<u8>>", "10090105019501c101", "BAep")
	bindAndCheck(t, "BoundedVec<u8>", "08ff00", []byte{255, 0})
	bindAndCheck(t, "[u8; 3]", "010203", [3]byte{1, 2, 3})
	bindAndCheck(t, "[u8; 3]", "010203", []byte{1, 2, 3})
	bindAndCheck(t, "AccountId32", alice, account(key(t, alice)), "AccountId32", "struct([u8; 32])")
	bindAndCheck(t, "Vec<u8>", "00", []byte(nil))
	bindAndCheck(t, "Vec<bool>", "080100", []bool{true, false})
	bindAndCheck(t, "[u16; 2]", "01000200", [2]uint16{1, 2})
	bindAndCheck(t, "[u16; 2]", "01000200", []uint16{1, 2})
	bindAndCheck(t, "Vec<Vec<Compact<u64>>>", "08040800", [][]uint64{{2}, nil})
	bindAndCheck(t, "Vec<()>", "0c", make([]struct{}, 3))
	bindAndCheck(t, "Option<u16>", "00", (*uint16)(nil))
	bindAndCheck(t, "Option<u16>", "010500", new(uint16(5)))
	bindAndCheck(t, "Option<Option<u16>>", "0100", new((*uint16)(nil)))
	bindAndCheck(t, "u16", "0500", new(uint16(5)))
	bindAndCheck(t, "Vec<(u8, u16)>", "04010200", []any{[]any{uint64(1), uint64(2)}})
}

type axonLike struct {
	Port uint16 `scale:"port"`
}

type recursive struct {
	Value    uint8       `scale:"value"`
	Children []recursive `scale:"children"`
	Left     *recursive  `scale:"left"`
}

type mixture struct {
	Skipped int `scale:"-"`
	Place
	Call    any          `scale:"call"`
	Choice  *choice      `scale:"choice"`
	Kind    string       `scale:"kind"`
	Raw     scale.Enum   `scale:"raw"`
	Details scale.Object `scale:"details"`
	Bits    scale.Bits   `scale:"bits"`
	Gone    *uint8       `scale:"gone,optional"`
}

// Place is embedded, so its fields count as those of the struct around it.
type Place struct {
	Port uint16 `scale:"port"`
}

type choice struct {
	Name  string    `scale:",variant"`
	One   *uint16   `scale:"One"`
	Pair  *pair     `scale:"Pair"`
	Named *axonLike `scale:"Named"`
	Unit  *struct{} `scale:"Unit"`
	Later *uint8    `scale:"Later,optional"`
}

type pair struct {
	A uint8 `scale:"0"`
	B bool  `scale:"1"`
}

var mixtureDefs = []string{
	"Mixture", `struct{port: u16, call: (u8, Option<u8>), choice: Option<Choice>, kind: Kind, raw: Choice,
		details: Details, bits: BitVec}`,
	"Choice", "enum{One(u16), Pair(u8, bool), Named{port: u16}, Unit, Other(Vec<u8>)}",
	"Kind", "enum{Low, High = 7}",
	"Details", "struct{x: u8}",
}

func TestBindStructs(t *testing.T) {
	t.Parallel()
	bindAndCheck(t, "Mixture", "9b1f"+"0500"+"0101 07 01"+"07"+"04 0402"+"09"+"0801", mixture{
		Place: Place{8091}, Call: []any{uint64(5), nil}, Choice: &choice{Name: "Pair", Pair: &pair{7, true}}, Kind: "High",
		Raw: scale.Enum{Name: "Other", Value: scale.Bytes{2}}, Details: scale.Object{{Name: "x", Value: uint64(9)}}, Bits: scale.Bits{true, false},
	}, mixtureDefs...)
	for raw, want := range map[string]choice{
		"000500": {Name: "One", One: new(uint16(5))},
		"010200": {Name: "Pair", Pair: &pair{2, false}},
		"029b1f": {Name: "Named", Named: &axonLike{8091}},
		"03":     {Name: "Unit", Unit: &struct{}{}},
	} {
		bindAndCheck(t, "Choice", raw, want, mixtureDefs...)
	}
	bindAndCheck(t, "Node", "01 08 02 00 00 03 00 00 01 04 00 00", recursive{
		Value: 1, Children: []recursive{{Value: 2}, {Value: 3}}, Left: &recursive{Value: 4},
	}, "Node", "struct{value: u8, children: Vec<Node>, left: Option<Node>}")
	bindAndCheck(t, "Wrapper", "05", struct {
		Inner uint8 `scale:"0"`
	}{5}, "Wrapper", "struct(u8)")
	bindAndCheck(t, "BTreeMap<u8, bool>", "080100 0201", []pair{{1, false}, {2, true}})

	// A variant that the Go type does not name: the name tells, the fields are skipped.
	types, id := typeOf(t, "(Choice, u8)", mixtureDefs...)
	codec, err := scale.Bind[struct {
		Choice choice `scale:"0"`
		After  uint8  `scale:"1"`
	}](types, id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.Decode(unhex(t, "04 08 0102 09"))
	if err != nil || got.Choice != (choice{Name: "Other"}) || got.After != 9 {
		t.Errorf("decoded %+v, %v", got, err)
	}
	if _, err := codec.Append(nil, &got); err == nil || !strings.Contains(err.Error(), "variant Other lacks its fields") {
		t.Errorf("Other is encoded: %v", err)
	}
}

// Fields that a runtime upgrade adds, moves or drops never shift the others.
func TestBindSurvivesUpgrades(t *testing.T) {
	t.Parallel()
	type wanted struct {
		A uint16   `scale:"a"`
		B []uint64 `scale:"b"`
		C bool     `scale:"c"`
		D *uint8   `scale:"d,optional"`
	}
	value := map[string]any{
		"a": 7, "b": []any{1, 1 << 40}, "c": true, "d": 5, "x": 1, "y": []any{[]any{1, 2, 3}, []any{}}, "z": "text",
		"f": []any{1, "0x0102"}, "e": "B", "o": nil, "bits": "0b1",
	}
	const extra = "enum{A(Vec<u8>), B}"
	for _, test := range []struct {
		def  string
		want wanted
	}{
		{"struct{a: u16, b: Vec<u64>, c: bool}", wanted{A: 7, B: []uint64{1, 1 << 40}, C: true}},
		{"struct{c: bool, x: u128, b: Vec<Compact<u64>>, y: Vec<Vec<Compact<u64>>>, a: Compact<u32>}", wanted{A: 7, B: []uint64{1, 1 << 40}, C: true}},
		{"struct{z: str, b: Vec<u128>, f: (u8, [u8; 2]), e: E, a: u64, d: u8, o: Option<u8>, bits: BitVec, c: bool, x: u8}", wanted{A: 7, B: []uint64{1, 1 << 40}, C: true, D: new(uint8(5))}},
	} {
		types, id := typeOf(t, "T", "T", test.def, "E", extra)
		typ, err := types.Type(id)
		if err != nil {
			t.Fatal(err)
		}
		chain := map[string]any{}
		for _, f := range typ.Fields {
			chain[f.Name] = value[f.Name]
		}
		raw, err := types.AppendValue(nil, id, chain)
		if err != nil {
			t.Fatal(err)
		}
		codec, err := scale.Bind[wanted](types, id)
		if err != nil {
			t.Fatal(err)
		}
		got, err := codec.Decode(raw)
		if err != nil {
			t.Fatalf("%s: %v", test.def, err)
		}
		equal(t, test.def, test.want, got)
		_, err = codec.Append(nil, &got)
		var bindError *scale.BindError
		if complete := len(typ.Fields) <= 3; complete != (err == nil) || !complete && !errors.As(err, &bindError) {
			t.Errorf("%s: encoding gives %v", test.def, err)
		}
	}
}

func TestBindErrors(t *testing.T) {
	t.Parallel()
	check := func(bind func(*scale.Registry, scale.TypeID) error, expr, wantType, wantField, wantReason string) {
		t.Helper()
		types, id := typeOf(t, expr, append(mixtureDefs, "pallet_x::Info", "struct{port: u16, who: [u8; 32]}")...)
		err := bind(types, id)
		var e *scale.BindError
		if !errors.As(err, &e) {
			t.Errorf("%s: %v is no BindError", expr, err)
			return
		}
		if e.Type != wantType || e.Field != wantField || !strings.Contains(e.Reason, wantReason) {
			t.Errorf("%s: %+v", expr, e)
		}
	}
	check(bindErr[struct {
		Port  uint16 `scale:"port"`
		Extra uint8  `scale:"extra"`
	}], "Vec<pallet_x::Info>", "Vec<Info>", "", "vector does not fit")
	check(bindErr[[]struct {
		Extra uint8 `scale:"extra"`
	}], "Vec<pallet_x::Info>", "pallet_x::Info", "extra", "no such field")
	check(bindErr[struct {
		Port string `scale:"port"`
	}], "Info", "pallet_x::Info", "port", "primitive does not fit the Go type string")
	check(bindErr[struct {
		Who [20]byte `scale:"who"`
	}], "Info", "pallet_x::Info", "who", "array does not fit")
	check(bindErr[struct{ Port uint16 }], "Info", "pallet_x::Info", "", "no usable scale tag")
	check(bindErr[struct {
		Port uint16 `scale:"port,omitempty"`
	}], "Info", "pallet_x::Info", "", "no usable scale tag")
	check(bindErr[struct {
		port uint16 `scale:"port"`
	}], "Info", "pallet_x::Info", "", "not exported")
	check(bindErr[struct {
		A uint16 `scale:"port"`
		B uint16 `scale:"port"`
	}], "Info", "pallet_x::Info", "", "two fields")
	check(bindErr[struct {
		Name string `scale:",variant"`
	}], "Info", "pallet_x::Info", "", "wants an enum")
	check(bindErr[struct {
		One uint16 `scale:"One"`
	}], "Choice", "Choice", "One", "wants a pointer")
	check(bindErr[struct {
		Two *uint16 `scale:"Two"`
	}], "Choice", "Choice", "Two", "no such variant")
	check(bindErr[struct {
		Pair *uint16 `scale:"Pair"`
	}], "Choice", "Choice", "Pair", "2 fields")
	check(bindErr[struct {
		Named *struct {
			X uint8 `scale:"x"`
		} `scale:"Named"`
	}], "Choice", "Choice::Named", "x", "no such field")
	check(bindErr[struct {
		Pair *struct{ X uint8 } `scale:"Pair"`
	}], "Choice", "Choice", "Pair", "no usable scale tag")
	check(bindErr[uint16], "Option<u16>", "Option<u16>", "", "enum does not fit")
	check(bindErr[uint16], "i16", "i16", "", "does not fit the Go type uint16")
	check(bindErr[uint16], "Choice", "Choice", "", "does not fit")
	check(bindErr[bool], "u8", "u8", "", "does not fit")
	check(bindErr[float64], "u8", "u8", "", "does not fit")
	check(bindErr[scale.Object], "(u8, u8)", "(u8, u8)", "", "does not fit")
	check(bindErr[scale.Object], "()", "()", "", "does not fit")
	check(bindErr[scale.Enum], "Option<u8>", "Option<u8>", "", "does not fit")
	check(bindErr[scale.Bits], "Vec<bool>", "Vec<bool>", "", "does not fit")
	check(bindErr[map[string]uint8], "Details", "u8", "", "does not fit")
	check(bindErr[uint8], "Compact<Vec<u8>>", "Compact<Vec<u8>>", "", "does not fit")
	types, id := typeOf(t, "(u8, u8)")
	if err := bindErr[struct {
		A    uint8 `scale:"0"`
		note string
	}](types, id); err != nil {
		t.Errorf("a field that is neither exported nor tagged: %v", err)
	}
	if err := bindErr[uint8](types, 99); err == nil || !strings.Contains(err.Error(), "type 99") {
		t.Errorf("type 99: %v", err)
	}
}

func bindErr[T any](types *scale.Registry, id scale.TypeID) error {
	_, err := scale.Bind[T](types, id)
	return err
}

// A value that the Go type cannot hold is an error where it stands, not a wrong value.
func TestBindRanges(t *testing.T) {
	t.Parallel()
	decode := func(expr, raw, want string, decode func(*scale.Registry, scale.TypeID, []byte) error) {
		t.Helper()
		types, id := typeOf(t, expr, mixtureDefs...)
		if err := decode(types, id, unhex(t, raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of %s: %v, want %q in it", expr, raw, err, want)
		}
	}
	decode("u32", "00000100", "byte 0: not an encoding of the type: 65536 does not fit the Go type uint16", decodeErr[uint16])
	decode("Compact<u32>", "02000400", "65536 does not fit the Go type uint16", decodeErr[uint16])
	decode("Compact<u16>", "02000400", "65536 does not fit u16", decodeErr[uint64])
	decode("u64", "ffffffffffffffff", "does not fit the Go type int64", decodeErr[int64])
	decode("i64", "ff7fffffffffffff", "does not fit the Go type int8", decodeErr[int8])
	decode("u128", "00000000000000000100000000000000", "u128 over 64 bits", decodeErr[uint64])
	decode("u256", strings.Repeat("00", 16)+"01"+strings.Repeat("00", 15), "over 128 bits", decodeErr[scale.Uint128])
	decode("i128", strings.Repeat("ff", 8)+"7f"+strings.Repeat("ff", 7), "i128 over 64 bits", decodeErr[int64])
	decode("Compact<u128>", "37"+strings.Repeat("ff", 17), "does not fit u128", decodeErr[scale.Uint128])
	decode("Choice", "09", "Choice has no variant 9", decodeErr[choice])
	decode("Kind", "01", "Kind has no variant 1", decodeErr[string])
	decode("(u8, Choice)", "00 01 07 02", "byte 3: 1.Pair.1: not an encoding of the type: boolean of 2", decodeErr[struct {
		C choice `scale:"1"`
	}])
	decode("Vec<Vec<bool>>", "08 00 08 01 02", "byte 4: [1][1]: not an encoding", decodeErr[[][]bool])
	decode("Vec<u8>", "0c0102", "input ends inside a value: 3 elements of at least 1 bytes", decodeErr[[]byte])
	decode("u8", "0102", "bytes left over after the value: 1 bytes", decodeErr[uint8])
	decode("Vec<Compact<u8>>", "080401", "input ends", decodeErr[string])
	decode("[u16; 3]", "0100", "input ends", decodeErr[[]uint16])

	encode := func(expr, want string, encode func(*scale.Registry, scale.TypeID) error) {
		t.Helper()
		types, id := typeOf(t, expr, mixtureDefs...)
		if err := encode(types, id); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q in it", expr, err, want)
		}
	}
	encode("u8", "256 does not fit u8", encodeErr(uint16(256)))
	encode("u8", "-1 does not fit u8", encodeErr(-1))
	encode("i8", "-129 does not fit i8", encodeErr(int16(-129)))
	encode("i8", "128 does not fit i8", encodeErr(int16(128)))
	encode("Compact<u16>", "65536 does not fit Compact<u16>", encodeErr(uint32(65536)))
	encode("u64", "does not fit u64", encodeErr(scale.Uint128{Hi: 1}))
	encode("u64", "-1 does not fit u64", encodeErr(big.NewInt(-1)))
	encode("u64", "no integer", encodeErr((*big.Int)(nil)))
	encode("[u8; 2]", "2 bytes wanted, not 3", encodeErr([]byte{1, 2, 3}))
	encode("[u16; 2]", "2 elements wanted, not 1", encodeErr([]uint16{1}))
	encode("str", "not UTF-8", encodeErr("\xff"))
	encode("u8", "no value", encodeErr((*uint8)(nil)))
	encode("Kind", `no variant "Middle"`, encodeErr("Middle"))
	encode("Choice", "no variant is chosen", encodeErr(choice{}))
	encode("Choice", "both One and Pair", encodeErr(choice{One: new(uint16), Pair: &pair{}}))
	encode("Choice", "both One and Unit", encodeErr(choice{Name: "Unit", One: new(uint16)}))
	encode("Choice", "has no variant Later", encodeErr(choice{Later: new(uint8)}))
	encode("Details", "gone: no such field, but it has a value", encodeErr(struct {
		X    uint8 `scale:"x"`
		Gone uint8 `scale:"gone,optional"`
	}{1, 1}))
	encode("Vec<Details>", "1: x: 300 does not fit u8", encodeErr([]struct {
		X uint16 `scale:"x"`
	}{{1}, {300}}))
}

func decodeErr[T any](types *scale.Registry, id scale.TypeID, b []byte) error {
	codec, err := scale.Bind[T](types, id)
	if err != nil {
		return err
	}
	_, err = codec.Decode(b)
	return err
}

func encodeErr[T any](v T) func(*scale.Registry, scale.TypeID) error {
	return func(types *scale.Registry, id scale.TypeID) error {
		codec, err := scale.Bind[T](types, id)
		if err != nil {
			return err
		}
		_, err = codec.Append(nil, &v)
		return err
	}
}

// DecodeFrom into a value that was used before leaves nothing of it.
func TestDecodeFromUsedValue(t *testing.T) {
	t.Parallel()
	types, id := typeOf(t, "Mixture", mixtureDefs...)
	codec, err := scale.Bind[mixture](types, id)
	if err != nil {
		t.Fatal(err)
	}
	raw := unhex(t, "9b1f"+"0500"+"00"+"07"+"03"+"09"+"00")
	want, err := codec.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	used := mixture{Skipped: 4, Choice: &choice{Name: "x"}, Kind: "x", Gone: new(uint8), Bits: scale.Bits{true}, Call: 1}
	r := scale.NewReader(raw)
	if codec.DecodeFrom(r, &used); r.Close() != nil {
		t.Fatal(r.Err())
	}
	want.Skipped = 4
	equal(t, "used value", want, used)
}

// One codec serves many goroutines.
func TestCodecIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "343-v15")
	codec, err := scale.Bind[[]Neuron](m.Types, api(t, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output)
	if err != nil {
		t.Fatal(err)
	}
	raw := scaletest.File(t, "neurons-lite-343.scale.gz")
	done := make(chan error)
	for range 4 {
		go func() {
			neurons, err := codec.Decode(raw)
			if err == nil {
				var back []byte
				if back, err = codec.Append(nil, &neurons); err == nil && !bytes.Equal(back, raw) {
					err = errors.New("other bytes")
				}
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
