package scale_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// document writes metadata byte by byte, for tests that need what no recorded runtime has.
type document struct {
	version uint8
	types   []scale.Type
	pallets []func(*writer)
	// extrinsic is the part that differs most between versions; a sound default when nil.
	extrinsic func(*writer)
	apis      []func(*writer)
	tail      []byte
}

type writer struct {
	b       []byte
	version uint8
}

func (w *writer) byte(b ...byte) *writer    { w.b = append(w.b, b...); return w }
func (w *writer) text(s string) *writer     { w.b = scale.AppendString(w.b, s); return w }
func (w *writer) vec(b []byte) *writer      { w.b = scale.AppendByteVec(w.b, b); return w }
func (w *writer) n(n int) *writer           { w.b = scale.AppendCompact(w.b, uint64(n)); return w }
func (w *writer) id(t scale.TypeID) *writer { return w.n(int(t)) }

func (w *writer) texts(lines ...string) *writer {
	w.n(len(lines))
	for _, l := range lines {
		w.text(l)
	}
	return w
}

// deprecated writes version 16's statement about an item.
func (w *writer) deprecated(note string) *writer {
	switch {
	case w.version < 16:
		return w
	case note == "":
		return w.byte(0)
	}
	return w.byte(2).text(note).byte(1).text("1.0")
}

func (w *writer) fields(fields []scale.Field) {
	w.n(len(fields))
	for _, f := range fields {
		if f.Name == "" {
			w.byte(0)
		} else {
			w.byte(1).text(f.Name)
		}
		w.id(f.Type)
		if f.TypeName == "" {
			w.byte(0)
		} else {
			w.byte(1).text(f.TypeName)
		}
		w.texts("About the field.")
	}
}

func (w *writer) typ(id int, t scale.Type) {
	w.n(id).texts(t.Path...).n(len(t.Params))
	for _, p := range t.Params {
		w.text(p.Name)
		if p.Type == scale.NoType {
			w.byte(0)
		} else {
			w.byte(1).id(p.Type)
		}
	}
	w.byte(byte(t.Kind))
	switch t.Kind {
	case scale.KindComposite:
		w.fields(t.Fields)
	case scale.KindVariant:
		w.n(len(t.Variants))
		for _, v := range t.Variants {
			w.text(v.Name).fields(v.Fields)
			w.byte(v.Index).texts(" First line. ", "", "Second line.")
		}
	case scale.KindSequence, scale.KindCompact:
		w.id(t.Elem)
	case scale.KindArray:
		w.b = scale.AppendUint32(w.b, t.Len)
		w.id(t.Elem)
	case scale.KindTuple:
		w.n(len(t.Fields))
		for _, f := range t.Fields {
			w.id(f.Type)
		}
	case scale.KindPrimitive:
		w.byte(byte(t.Primitive))
	case scale.KindBitSequence:
		w.id(t.BitStore).id(t.BitOrder)
	}
	w.texts("About the type.")
}

func (d document) bytes() []byte {
	w := &writer{b: []byte("meta"), version: d.version}
	w.byte(d.version).n(len(d.types))
	for id, t := range d.types {
		w.typ(id, t)
	}
	w.n(len(d.pallets))
	for _, p := range d.pallets {
		p(w)
	}
	switch {
	case d.extrinsic != nil:
		d.extrinsic(w)
	case d.version == 14:
		w.id(0).byte(4).n(0)
	case d.version == 15:
		w.byte(4).id(0).id(0).id(0).id(0).n(0)
	default:
		w.vec([]byte{4, 5}).id(0).id(0).id(0).n(0).n(0)
	}
	if d.version < 16 {
		w.id(0)
	}
	if d.version >= 15 {
		w.n(len(d.apis))
		for _, a := range d.apis {
			a(w)
		}
		w.id(0).id(0).id(0)
		w.n(1).text("custom").id(0).vec([]byte{1, 2, 3})
	}
	return append(w.b, d.tail...)
}

// The types of the documents below.
func documentTypes(t testing.TB) []scale.Type {
	t.Helper()
	b := scale.NewBuilder()
	b.Define("p::pallet::Call", "enum{first{a: u8, b: Option<Compact<u32>>} = 3, second}")
	b.Define("p::pallet::Error", "enum{Broken, Worse = 200}")
	b.Define("Extension", "struct{mode: u8}")
	for _, expr := range []string{"()", "u8", "(u16, [u8; 4])", "Vec<bool>", "Extension", "BitVec"} {
		if _, err := b.Type(expr); err != nil {
			t.Fatal(err)
		}
	}
	r, err := b.Registry()
	if err != nil {
		t.Fatal(err)
	}
	types := make([]scale.Type, r.Len())
	for i := range types {
		typ, err := r.Type(scale.TypeID(i))
		if err != nil {
			t.Fatal(err)
		}
		types[i] = *typ
	}
	return types
}

func find(t testing.TB, types []scale.Type, want func(*scale.Type) bool) scale.TypeID {
	t.Helper()
	for i := range types {
		if want(&types[i]) {
			return scale.TypeID(i)
		}
	}
	t.Fatal("no such type")
	return scale.NoType
}

func named(name string) func(*scale.Type) bool {
	return func(t *scale.Type) bool {
		return len(t.Path) > 0 && strings.HasSuffix(strings.Join(t.Path, "::"), name)
	}
}

// fullDocument has every part that its version can have.
func fullDocument(t testing.TB, version uint8) document {
	t.Helper()
	types := documentTypes(t)
	u8 := find(t, types, func(t *scale.Type) bool { return t.Kind == scale.KindPrimitive && t.Primitive == scale.U8 })
	pair := find(t, types, func(t *scale.Type) bool { return t.Kind == scale.KindTuple && len(t.Fields) == 2 })
	unit := find(t, types, func(t *scale.Type) bool { return t.Kind == scale.KindTuple && len(t.Fields) == 0 })
	extension := find(t, types, named("Extension"))
	enum := func(w *writer, id scale.TypeID) {
		w.byte(1).id(id)
		if version >= 16 {
			w.n(1).byte(3, 1) // variant 3 is deprecated, without a note
		}
	}
	pallet := func(w *writer) {
		w.text("P").byte(1).text("Prefix").n(2)
		w.text("Plain").byte(1, 0).id(u8).vec([]byte{7}).texts("Docs.").deprecated("old")
		w.text("Map").byte(0, 1).vec([]byte{5, 2}).id(pair).id(u8).vec([]byte{0}).texts().deprecated("")
		enum(w, find(t, types, named("Call")))
		w.byte(0) // no events
		w.n(1).text("Const").id(u8).vec([]byte{9}).texts("Docs.").deprecated("x")
		enum(w, find(t, types, named("Error")))
		if version >= 16 {
			w.n(1).text("Associated").id(u8).texts("Docs.")
			w.n(1).byte(make([]byte, 32)...).text("view").n(1).text("arg").id(u8).id(unit).texts("Docs.").deprecated("y")
		}
		w.byte(42)
		if version >= 15 {
			w.texts("Pallet docs.").deprecated("z")
		}
	}
	d := document{version: version, types: types, pallets: []func(*writer){pallet}}
	d.apis = append(d.apis, func(w *writer) {
		w.text("Trait").n(1).text("method").n(2).text("a").id(u8).text("b").id(pair).id(unit).texts("Docs.").deprecated("m")
		w.texts("Trait docs.")
		if version >= 16 {
			w.n(3).deprecated("t")
		}
	})
	d.extrinsic = func(w *writer) {
		switch version {
		case 14:
			w.id(unit).byte(4)
		case 15:
			w.byte(4).id(unit).id(unit).id(unit).id(unit)
		default:
			w.vec([]byte{4, 5}).id(unit).id(unit).id(unit)
			w.n(2).byte(1).n(1).n(1).byte(0).n(2).n(2).n(0) // version 1: [1]; version 0: [2, 0]
		}
		w.n(3).text("A").id(extension).id(unit).text("B").id(unit).id(unit).text("C").id(u8).id(u8)
	}
	return d
}

func TestFullDocuments(t *testing.T) {
	t.Parallel()
	for version := uint8(14); version <= 16; version++ {
		m, err := scale.ParseMetadata(fullDocument(t, version).bytes())
		if err != nil {
			t.Fatalf("version %d: %v", version, err)
		}
		p, ok := m.PalletByIndex(42)
		if !ok || p.Name != "P" || p.Prefix != "Prefix" || len(p.Storage) != 2 || p.Events != scale.NoType {
			t.Errorf("version %d: pallet %+v", version, p)
		}
		item, err := m.Storage("P", "Map")
		if err != nil || !item.Optional || len(item.Keys) != 2 || item.Hashers[1] != scale.HashBlake2_128Concat {
			t.Fatalf("version %d: %+v, %v", version, item, err)
		}
		prefix := append(scale.StoragePrefix("Prefix", "Map"), unhex(t, "")...)
		if got, err := item.Prefix(); err != nil || hex.EncodeToString(got) != hex.EncodeToString(prefix) {
			t.Errorf("version %d: prefix %x, %v", version, got, err)
		}
		if d, err := m.ModuleError(42, 200); err != nil || d.Error() != "P.Worse: First line. Second line." {
			t.Errorf("version %d: %v, %v", version, d, err)
		}
		if c, err := m.EncodeCall("P", "first", map[string]any{"a": 1, "b": nil}); err != nil || hex.EncodeToString(c) != "2a030100" {
			t.Errorf("version %d: call %x, %v", version, c, err)
		}
		if c, err := m.EncodeCall("P", "second", nil); err != nil || hex.EncodeToString(c) != "2a04" {
			t.Errorf("version %d: call %x, %v", version, c, err)
		}
		names := ""
		for _, e := range m.Extrinsic.Extensions {
			names += e.Name
		}
		if want := map[uint8]string{14: "ABC", 15: "ABC", 16: "CA"}[version]; names != want {
			t.Errorf("version %d: extensions %s, want %s", version, names, want)
		}
		// A and C carry data and are unknown: signing must not go on without them.
		if _, _, err := m.Extensions(scale.Signing{}); err == nil || !strings.Contains(err.Error(), "unknown transaction extension") {
			t.Errorf("version %d: unknown extensions are ignored: %v", version, err)
		}
		if version >= 15 {
			a := api(t, m, "Trait", "method")
			if b, err := a.AppendArgs(nil, 1, []any{2, "0x01020304"}); err != nil || hex.EncodeToString(b) != "01020001020304" {
				t.Errorf("version %d: arguments %x, %v", version, b, err)
			}
		}
	}
}

// Every shorter document is refused, and so is a longer one.
func TestTruncatedDocuments(t *testing.T) {
	t.Parallel()
	for version := uint8(14); version <= 16; version++ {
		raw := fullDocument(t, version).bytes()
		for n := range raw {
			if _, err := scale.ParseMetadata(raw[:n]); err == nil {
				t.Errorf("version %d: %d of %d bytes are enough", version, n, len(raw))
			}
		}
		if _, err := scale.ParseMetadata(append(raw, 0)); !errors.Is(err, scale.ErrTrailing) {
			t.Errorf("version %d: a byte too many: %v", version, err)
		}
	}
}

// What does not hold together is refused, with an error that says what.
func TestUnsoundDocuments(t *testing.T) {
	t.Parallel()
	u8 := scale.Type{Kind: scale.KindPrimitive, Primitive: scale.U8}
	struct1 := func(fields ...scale.Field) scale.Type { return scale.Type{Kind: scale.KindComposite, Fields: fields} }
	deep := []scale.Type{u8}
	for i := range 1000 {
		deep = append(deep, struct1(scale.Field{Name: "x", Type: scale.TypeID(i)}))
	}
	reversed := []scale.Type{}
	for i := range 1000 {
		reversed = append(reversed, struct1(scale.Field{Name: "x", Type: scale.TypeID(i + 1)}))
	}
	reversed = append(reversed, u8)
	pallet := func(name string, index byte, calls int) func(*writer) {
		return func(w *writer) {
			w.text(name).byte(0)
			if calls < 0 {
				w.byte(0)
			} else {
				w.byte(1).n(calls)
			}
			w.byte(0).n(0).byte(0).byte(index)
		}
	}
	storage := func(hashers []byte, key, value int) func(*writer) {
		return func(w *writer) {
			w.text("P").byte(1).text("P").n(1).text("I").byte(0, 1).vec(hashers).n(key).n(value).vec(nil).texts()
			w.byte(0, 0).n(0).byte(0).byte(1)
		}
	}
	for name, test := range map[string]struct {
		d    document
		want string
	}{
		"dangling field":     {document{types: []scale.Type{struct1(scale.Field{Name: "x", Type: 9})}}, "type 9, which does not exist"},
		"dangling element":   {document{types: []scale.Type{{Kind: scale.KindSequence, Elem: 1}}}, "type 1, which does not exist"},
		"dangling variant":   {document{types: []scale.Type{{Kind: scale.KindVariant, Variants: []scale.Variant{{Name: "V", Fields: []scale.Field{{Type: 7}}}}}}}, "type 7"},
		"dangling parameter": {document{types: []scale.Type{{Kind: scale.KindTuple, Params: []scale.TypeParam{{Name: "T", Type: 8}}}}}, "type 8"},
		"dangling bits":      {document{types: []scale.Type{{Kind: scale.KindBitSequence, BitStore: 5}}}, "type 5"},
		"contains itself":    {document{types: []scale.Type{struct1(scale.Field{Name: "x", Type: 0})}}, "contains itself"},
		"array of itself":    {document{types: []scale.Type{{Kind: scale.KindArray, Len: 2, Elem: 0}}}, "contains itself"},
		"compact of itself":  {document{types: []scale.Type{{Kind: scale.KindCompact, Elem: 0}}}, "contains itself"},
		"too deep":           {document{types: deep}, "nests too deeply"},
		"too deep, reversed": {document{types: reversed}, "nests too deeply"},
		"field twice":        {document{types: []scale.Type{u8, struct1(scale.Field{Name: "x"}, scale.Field{Name: "x"})}}, "occurs twice"},
		"some names":         {document{types: []scale.Type{u8, struct1(scale.Field{Name: "x"}, scale.Field{})}}, "only some fields"},
		"variant twice":      {document{types: []scale.Type{{Kind: scale.KindVariant, Variants: []scale.Variant{{Name: "V"}, {Name: "W"}}}}}, "occurs twice"},
		"variant name twice": {document{types: []scale.Type{{Kind: scale.KindVariant, Variants: []scale.Variant{{Name: "V"}, {Name: "V", Index: 1}}}}}, "occurs twice"},
		"primitive":          {document{types: []scale.Type{{Kind: scale.KindPrimitive, Primitive: 15}}}, "unknown primitive"},
		"kind":               {document{types: []scale.Type{{Kind: 8}}}, "kind of type 8"},
		"pallet twice":       {document{types: []scale.Type{u8}, pallets: []func(*writer){pallet("P", 1, -1), pallet("P", 2, -1)}}, "occurs twice"},
		"index twice":        {document{types: []scale.Type{u8}, pallets: []func(*writer){pallet("P", 1, -1), pallet("Q", 1, -1)}}, "occurs twice"},
		"calls of u8":        {document{types: []scale.Type{u8}, pallets: []func(*writer){pallet("P", 1, 0)}}, "not an enum"},
		"calls of nothing":   {document{types: []scale.Type{u8}, pallets: []func(*writer){pallet("P", 1, 3)}}, "type 3"},
		"hasher":             {document{types: []scale.Type{u8}, pallets: []func(*writer){storage([]byte{7}, 0, 0)}}, "hasher 7"},
		"two hashers":        {document{types: []scale.Type{u8}, pallets: []func(*writer){storage([]byte{6, 6}, 0, 0)}}, "2 hashers"},
		"no hasher":          {document{types: []scale.Type{u8}, pallets: []func(*writer){storage(nil, 0, 0)}}, "0 hashers"},
		"storage value":      {document{types: []scale.Type{u8}, pallets: []func(*writer){storage([]byte{6}, 0, 4)}}, "type 4"},
	} {
		test.d.version = 14
		_, err := scale.ParseMetadata(test.d.bytes())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q in it", name, err, test.want)
		}
	}
	if _, err := scale.ParseMetadata(document{version: 14, types: deep[:200]}.bytes()); err != nil {
		t.Errorf("200 types deep: %v", err)
	}
	for _, raw := range []string{"", "6d657461", "6d6574610d00", "6d65746111", "6d65746211", "00", "02", "0100", "010c6d6574"} {
		if _, err := scale.ParseMetadata(unhex(t, raw)); err == nil {
			t.Errorf("%s is metadata", raw)
		}
		if raw != "00" {
			if _, err := scale.ParseOpaqueMetadata(unhex(t, raw)); err == nil {
				t.Errorf("%s is opaque metadata", raw)
			}
		}
	}
}
