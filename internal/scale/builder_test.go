package scale_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestBuilderForms(t *testing.T) {
	t.Parallel()
	b := scale.NewBuilder()
	// Forward references, an alias, and a type that holds itself.
	b.Define("Tree", "struct{leaf: Leaf, children: Vec<Tree>,}")
	b.Define("Leaf", "Compact<Balance>")
	b.Define("Balance", "u64")
	b.Define("sp_core::crypto::AccountId32", "struct([u8; 32])")
	b.Define("other::AccountId32", "struct([u8; 32])")
	b.Define("E<Account = sp_core::crypto::AccountId32, T>", "enum{Raw0, Id(sp_core::crypto::AccountId32), Named{x: u8, y: ()} = 5, Six(bool, char)}")
	b.Define("Unit", "struct")
	for _, test := range []struct{ expr, name, value, bytes string }{
		{"u16", "u16", "513", "0102"},
		{"(u8, (i8))", "(u8, i8)", `[1,-1]`, "01ff"},
		{"(u8,)", "(u8)", `1`, "01"},
		{"()", "()", `[]`, ""},
		{"[ u8 ; 3 ]", "[u8; 3]", `"0x010203"`, "010203"},
		{"Vec<u32>", "Vec<u32>", `[1]`, "0401000000"},
		{"Option<Option<bool>>", "Option<Option<bool>>", `"Some"`, "0100"},
		{"Result<u8, String>", "Result<u8, str>", `{"Err":"no"}`, "01086e6f"},
		{"BTreeMap<u8, bool>", "BTreeMap<u8, bool>", `[[1,true]]`, "040101"},
		{"BTreeSet<u8>", "BTreeSet<u8>", `"0x0102"`, "080102"},
		{"BoundedVec<u16>", "BoundedVec", `[1]`, "040100"},
		{"Box<Compact<u128>>", "Compact<u128>", `340282366920938463463374607431768211455`, "33ffffffffffffffffffffffffffffffff"},
		{"BitVec", "BitVec", `"0b101"`, "0c05"},
		{"char", "char", `"μ"`, "bc030000"},
		{"u256", "u256", `1`, "01" + strings.Repeat("00", 31)},
		{"i128", "i128", `-2`, "fe" + strings.Repeat("ff", 15)},
		{"Tree", "Tree", `{"leaf":1,"children":[{"leaf":2,"children":[]}]}`, "04040800"},
		{"E", "E", `"Raw0"`, "00"},
		{"E", "E", `{"Named":{"x":7,"y":[]}}`, "0507"},
		{"E", "E", `{"Six":[true,"a"]}`, "060161000000"},
		{"sp_core::crypto::AccountId32", "AccountId32", `"0x` + alice + `"`, alice},
		{"Unit", "Unit", `[]`, ""},
		{"Compact<()>", "Compact<()>", `[]`, ""},
	} {
		id, err := b.Type(test.expr)
		if err != nil {
			t.Errorf("%s: %v", test.expr, err)
			continue
		}
		r, err := b.Registry()
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Name(id); got != test.name {
			t.Errorf("%s is written %s, want %s", test.expr, got, test.name)
		}
		var v any
		fromJSON(t, test.value, &v)
		encoded, err := r.AppendValue(nil, id, v)
		if err != nil || hex.EncodeToString(encoded) != test.bytes {
			t.Errorf("%s: %s encodes to %x, %v; want %s", test.expr, test.value, encoded, err, test.bytes)
			continue
		}
		decoded, err := r.DecodeValue(id, encoded)
		if err != nil || toJSON(t, decoded) != test.value {
			t.Errorf("%s: %s decodes to %s, %v", test.expr, test.bytes, toJSON(t, decoded), err)
		}
	}
	r, err := b.Registry()
	if err != nil {
		t.Fatal(err)
	}
	id, ok := r.Find("E")
	if !ok {
		t.Fatal("E is not found")
	}
	e, err := r.Type(id)
	if err != nil {
		t.Fatal(err)
	}
	account, ok := r.Find("crypto::AccountId32")
	if !ok || len(e.Params) != 2 || e.Params[0] != (scale.TypeParam{Name: "Account", Type: account}) || e.Params[1].Type != scale.NoType {
		t.Errorf("parameters are %+v", e.Params)
	}
	if e.Variants[1].Fields[0].TypeName != "sp_core::crypto::AccountId32" || e.Variants[2].Fields[0].Name != "x" || e.Variants[3].Index != 6 {
		t.Errorf("variants are %+v", e.Variants)
	}
	if _, ok := r.Find("nothing::E"); ok {
		t.Error("nothing::E is found")
	}
	again, err := b.Type("Vec<u32>")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := b.Type(" Vec < u32 > "); err != nil || same != again {
		t.Errorf("the same expression is %d and %d, %v", again, same, err)
	}
}

// polkadot-js wants the paths and parameters that Rust gives the types of its prelude.
func TestBuilderPrelude(t *testing.T) {
	t.Parallel()
	types, id := typeOf(t, "(Option<u8>, Result<u8, bool>, BTreeMap<u8, bool>)")
	tuple, err := types.Type(id)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		path     string
		params   string
		variants string
	}{{"Option", "T", "None Some"}, {"Result", "T E", "Ok Err"}, {"BTreeMap", "K V", ""}} {
		typ, err := types.Type(tuple.Fields[i].Type)
		if err != nil {
			t.Fatal(err)
		}
		var params, variants []string
		for _, p := range typ.Params {
			params = append(params, p.Name)
		}
		for _, v := range typ.Variants {
			variants = append(variants, v.Name)
		}
		if strings.Join(typ.Path, "::") != want.path || strings.Join(params, " ") != want.params || strings.Join(variants, " ") != want.variants {
			t.Errorf("%s has the path %v, parameters %v, variants %v", want.path, typ.Path, params, variants)
		}
	}
}

func TestBuilderMistakes(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		defs []string
		want string
	}{
		{[]string{"A", "struct{x: Nothing}"}, "Nothing is not defined"},
		{[]string{"A", "B", "B", "A"}, "names itself"},
		{[]string{"A", "struct(A)"}, "contains itself"},
		{[]string{"A", "u8", "A", "u8"}, "defined twice"},
		{[]string{"A", "struct{x: u8"}, `"}" expected`},
		{[]string{"A", "struct{x u8}"}, `":" expected`},
		{[]string{"A", "struct{: u8}"}, "field name expected"},
		{[]string{"A", "struct{x: u8} y"}, "nothing more expected"},
		{[]string{"A", "enum{X = 256}"}, "number expected"},
		{[]string{"A", "enum{X = 255, Y}"}, "over 255"},
		{[]string{"A", "enum{X, X}"}, "occurs twice"},
		{[]string{"A", "enum X"}, `"{" expected`},
		{[]string{"A", "enum{(u8)}"}, "variant name expected"},
		{[]string{"A", "Vec<u8, u8>"}, "takes 1 types, got 2"},
		{[]string{"A", "u8<u8>"}, "takes no types"},
		{[]string{"A", "[u8; x]"}, "number expected"},
		{[]string{"A", "[u8, 3]"}, `";" expected`},
		{[]string{"A", "[u8; 3"}, `"]" expected`},
		{[]string{"A", "Vec<u8"}, `">" expected`},
		{[]string{"A", ""}, "type expected"},
		{[]string{"A<>", "struct", "B<=u8>", "struct"}, "parameter name expected"},
		{[]string{"A<T=>", "struct"}, "type expected"},
		{[]string{"x::A", "u8", "y::A", "u8", "B", "A"}, "may be x::A or y::A"},
		{[]string{"A", strings.Repeat("Vec<", 2000)}, "nested too deeply"},
	} {
		b := scale.NewBuilder()
		for i := 0; i < len(test.defs); i += 2 {
			b.Define(test.defs[i], test.defs[i+1])
		}
		if _, err := b.Registry(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.80v: %v, want %q in it", test.defs, err, test.want)
		}
	}
	if _, err := scale.NewBuilder().Type("Vec<X>"); err == nil {
		t.Error("X is a type")
	}
	defer func() {
		if recover() == nil {
			t.Error("MustType takes an unknown type")
		}
	}()
	scale.NewBuilder().MustType("X")
}
