package scale_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// allocated returns how many bytes a call allocates. The whole process is counted, so tests that use it do not run in
// parallel with others.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// bound is the most that decoding an input may allocate: a small multiple of it, and something for an empty one.
// Values without a Go type are the widest: a byte may become an interface in a slice and a boxed number.
func bound(input []byte) uint64 { return 96<<10 + 256*uint64(len(input)) }

// Announced lengths that the input does not hold reserve nothing.
func TestLengthsThatLie(t *testing.T) {
	lies := [][]byte{
		unhex(t, "feffffff"), unhex(t, "03ffffffff"), unhex(t, "13ffffffffffffffff"), unhex(t, "0bffffffffff7f"),
		append(unhex(t, "02000400"), make([]byte, 1000)...), append(unhex(t, "a10f"), make([]byte, 999)...),
		bytes.Repeat([]byte{0xfe, 0xff, 0xff, 0xff}, 100), bytes.Repeat([]byte{0xff}, 500), append([]byte{1}, bytes.Repeat([]byte{0xfe, 0xff}, 300)...),
	}
	defs := []string{
		"Tree", "struct(Vec<Tree>)", "Nothing", "struct", "Wide", "struct{a: [u8; 1000], b: Vec<Wide>}", "Tagged", "enum{A, B(u8)}",
		"Chain", "enum{End, Next(Chain)}", "Twice", "struct{a: T1, b: T1}", "T1", "struct{a: T2, b: T2}", "T2", "struct{a: (), b: ()}",
	}
	type wide struct {
		A [1000]byte `scale:"a"`
	}
	for _, expr := range []string{
		"Vec<u8>", "Vec<u64>", "Vec<()>", "Vec<Nothing>", "Vec<Vec<Vec<u8>>>", "Tree", "Vec<Wide>", "str", "BitVec", "Vec<Compact<u64>>",
		"[Nothing; 4294967295]", "[Vec<u8>; 4294967295]", "[[Nothing; 65536]; 65536]", "Vec<Tagged>", "Chain", "Vec<Twice>", "Option<Vec<u128>>",
		"BTreeMap<Nothing, Nothing>", "Vec<[Nothing; 1000]>", "Vec<Option<Vec<Twice>>>", "[[[[u64; 65536]; 65536]; 65536]; 65536]",
	} {
		types, id := typeOf(t, expr, defs...)
		for _, lie := range lies {
			got := allocated(func() { _, _ = types.DecodeValue(id, lie) })
			if got > bound(lie) {
				t.Errorf("%s: decoding %d bytes (%.10x…) allocates %d", expr, len(lie), lie, got)
			}
			got = allocated(func() { types.Skip(scale.NewReader(lie), id) })
			if got > 8<<10 {
				t.Errorf("%s: skipping %d bytes (%.10x…) allocates %d", expr, len(lie), lie, got)
			}
		}
	}
	types, id := typeOf(t, "Vec<Wide>", defs...)
	codec, err := scale.Bind[[]wide](types, id)
	if err != nil {
		t.Fatal(err)
	}
	small, smallID := typeOf(t, "Vec<Tagged>", defs...)
	tagged, err := scale.Bind[[]struct {
		Name string   `scale:",variant"`
		Room [50]byte `scale:"Room,optional"`
	}](small, smallID)
	if err != nil {
		t.Fatal(err)
	}
	unit, unitID := typeOf(t, "Vec<Nothing>", defs...)
	units, err := scale.Bind[[]struct {
		Room [100]byte `scale:"room,optional"`
	}](unit, unitID)
	if err != nil {
		t.Fatal(err)
	}
	for _, lie := range lies {
		for name, decode := range map[string]func(){
			"wide": func() { _, _ = codec.Decode(lie) }, "tagged": func() { _, _ = tagged.Decode(lie) },
			"units": func() { _, _ = units.Decode(lie) },
		} {
			if got := allocated(decode); got > 256<<10+512*uint64(len(lie)) {
				t.Errorf("%s: decoding %d bytes (%.10x…) allocates %d", name, len(lie), lie, got)
			}
		}
	}
}

// Lists within lists that each announce all that is left reserve it once, not once a level.
func TestNestedLengthsThatLie(t *testing.T) {
	m := scaletest.Metadata(t, "425-v16")
	batch, err := m.Call("Utility", "batch")
	if err != nil {
		t.Fatal(err)
	}
	// 250 batches, each of 16,383 calls of which the first is the next batch.
	call := bytes.Repeat([]byte{batch.PalletIndex, batch.Index, 0xfd, 0xff}, 250)
	call = append(call, make([]byte, 20_000)...)
	if got := allocated(func() { _, _ = m.DecodeCall(call) }); got > bound(call) {
		t.Errorf("decoding a call of %d bytes allocates %d", len(call), got)
	}
	// A described struct with very many fields that take no bytes, which holds itself.
	var wide strings.Builder
	wide.WriteString("struct{first: Vec<Wide>")
	for i := range 10_000 {
		fmt.Fprintf(&wide, ", f%d: ()", i)
	}
	types, id := typeOf(t, "Wide", "Wide", wide.String()+"}")
	deep := bytes.Repeat([]byte{4}, 1000)
	if got := allocated(func() { _, _ = types.DecodeValue(id, deep) }); got > bound(deep) {
		t.Errorf("decoding %d bytes of a wide struct allocates %d", len(deep), got)
	}
	types, id = typeOf(t, "Node", "Node", "struct{value: u8, children: Vec<Node>, left: Option<Node>}")
	codec, err := scale.Bind[recursive](types, id)
	if err != nil {
		t.Fatal(err)
	}
	node := append(bytes.Repeat([]byte{0, 0xfd, 0xff}, 500), make([]byte, 50_000)...)
	if got := allocated(func() { _, _ = codec.Decode(node) }); got > bound(node) {
		t.Errorf("decoding a node of %d bytes allocates %d", len(node), got)
	}
}

// Deep nesting and types that multiply without bytes end in an error, soon.
func TestNestingIsLimited(t *testing.T) {
	t.Parallel()
	var doubling []string
	for i := range 60 {
		next := string(rune('A'+i/26)) + string(rune('a'+i%26))
		after := string(rune('A'+(i+1)/26)) + string(rune('a'+(i+1)%26))
		doubling = append(doubling, next, "struct{x: "+after+", y: "+after+"}")
	}
	doubling = append(doubling, "Ci", "()")
	for _, test := range []struct {
		expr  string
		defs  []string
		input []byte
		skips bool
	}{
		{"Tree", []string{"Tree", "struct(Vec<Tree>)"}, append(bytes.Repeat([]byte{4}, 100_000), 0), false},
		{"Chain", []string{"Chain", "enum{End, Next(Chain)}"}, append(bytes.Repeat([]byte{1}, 100_000), 0), false},
		{"Maybe", []string{"Maybe", "struct{x: Option<Maybe>}"}, append(bytes.Repeat([]byte{1}, 100_000), 0), false},
		{"Aa", doubling, nil, true},
		{"Vec<Aa>", doubling, []byte{40}, true},
		{"enum", append(doubling, "enum", "enum{A(Aa, Vec<u8>)}"), []byte{0, 0}, true},
	} {
		types, id := typeOf(t, test.expr, test.defs...)
		if _, err := types.DecodeValue(id, test.input); !errors.Is(err, scale.ErrTooComplex) {
			t.Errorf("%s: %v", test.expr, err)
		}
		r := scale.NewReader(test.input)
		types.Skip(r, id)
		if skipped := r.Close() == nil; skipped != test.skips {
			t.Errorf("%s is skipped: %v, %v", test.expr, skipped, r.Err())
		}
	}
	types, id := typeOf(t, "Node", "Node", "struct{value: u8, children: Vec<Node>, left: Option<Node>}")
	codec, err := scale.Bind[recursive](types, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := codec.Decode(bytes.Repeat([]byte{0, 4}, 50_000)); !errors.Is(err, scale.ErrTooComplex) {
		t.Errorf("a deep tree in Go structs: %v", err)
	}
}

// Calls nest as deeply as the chain takes them: 256 levels of Utility.batch.
func TestDeepCallsAreDecoded(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	call, err := m.EncodeCall("System", "remark", map[string]any{"remark": "0x01"})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := m.Call("Utility", "batch")
	if err != nil {
		t.Fatal(err)
	}
	for range 255 {
		call = append([]byte{batch.PalletIndex, batch.Index, 4}, call...)
	}
	if _, err := m.DecodeCall(call); err != nil {
		t.Errorf("255 batches: %v", err)
	}
	deep := append(bytes.Repeat([]byte{batch.PalletIndex, batch.Index, 4}, 100_000), call...)
	if _, err := m.DecodeCall(deep); !errors.Is(err, scale.ErrTooComplex) {
		t.Errorf("100,000 batches: %v", err)
	}
}

// Damaged metadata is refused or read; it never takes more than a small multiple of its size.
func TestDamagedMetadata(t *testing.T) {
	for name, parse := range map[string]func([]byte) (*scale.Metadata, error){
		"425-v14": scale.ParseMetadata,
		"425-v16": scale.ParseOpaqueMetadata,
	} {
		raw := scaletest.RawMetadata(t, name)
		random := rand.New(rand.NewPCG(1, uint64(len(raw))))
		accepted := 0
		for range 60 {
			damaged := bytes.Clone(raw)
			for range 1 + random.IntN(3) {
				damaged[random.IntN(len(damaged))] = byte(random.Uint32())
			}
			if random.IntN(3) == 0 {
				damaged = damaged[:random.IntN(len(damaged))]
			}
			var m *scale.Metadata
			if got := allocated(func() { m, _ = parse(damaged) }); got > 64<<10+16*uint64(len(damaged)) {
				t.Errorf("%s: %d bytes allocate %d", name, len(damaged), got)
			}
			if m != nil {
				accepted++
				exercise(m, random)
			}
		}
		if accepted == 0 || accepted == 60 {
			t.Errorf("%s: %d of 60 damaged documents were accepted", name, accepted)
		}
	}
	// Lengths that lie, at each place where a length can stand.
	for version := uint8(14); version <= 16; version++ {
		raw := fullDocument(t, version).bytes()
		for i := 5; i < len(raw); i++ {
			lying := append(append(bytes.Clone(raw[:i]), 0xfe, 0xff, 0xff, 0xff), raw[i+1:]...)
			if got := allocated(func() { _, _ = scale.ParseMetadata(lying) }); got > 64<<10+16*uint64(len(lying)) {
				t.Errorf("version %d: a lie at byte %d of %d allocates %d", version, i, len(lying), got)
			}
		}
	}
}

// Elements that are much larger in memory than in metadata do not multiply it.
func TestMetadataOfNothing(t *testing.T) {
	of := func(head []byte, element func(i int) []byte) []byte {
		var items []byte
		n := 0
		for ; len(items) < 2<<20; n++ {
			items = append(items, element(n)...)
		}
		return append(scale.AppendCompact(append([]byte("meta\x0f"), head...), uint64(n)), items...)
	}
	least := []byte{4, 0, 0, 0, 4, 0, 0} // a type: the empty tuple
	for name, raw := range map[string][]byte{
		"types":    of(nil, func(i int) []byte { return append(scale.AppendCompact(nil, uint64(i)), 0, 0, 4, 0, 0) }),
		"fields":   of([]byte{4, 0, 0, 0, 0}, func(int) []byte { return []byte{0, 0, 0, 0} }),
		"variants": of([]byte{4, 0, 0, 0, 1}, func(i int) []byte { return []byte{0, 0, byte(i), 0} }),
		"names":    of([]byte{4, 0}, func(i int) []byte { return []byte{12, byte(i>>14) & 127, byte(i>>7) & 127, byte(i) & 127} }),
		"pallets":  of(least, func(i int) []byte { return []byte{0, 0, 0, 0, 0, 0, byte(i), 0} }),
		"storage":  of(append(least, 4, 0, 1, 0), func(int) []byte { return []byte{0, 0, 0, 0, 0, 0} }),
	} {
		var err error
		if got := allocated(func() { _, err = scale.ParseMetadata(raw) }); got > 64<<10+24*uint64(len(raw)) || err == nil {
			t.Errorf("%s: %d bytes allocate %d (%d times): %v", name, len(raw), got, got/uint64(len(raw)), err)
		}
	}
	if _, err := scale.ParseMetadata(append([]byte("meta\x0f"), make([]byte, 16<<20)...)); !errors.Is(err, scale.ErrTooComplex) {
		t.Errorf("16 MiB: %v", err)
	}
}

// exercise uses all that metadata describes on bytes that may fit or not. Nothing may panic.
func exercise(m *scale.Metadata, random *rand.Rand) {
	input := make([]byte, 40)
	for id := range m.Types.Len() {
		for i := range input {
			input[i] = byte(random.Uint32()) >> (random.Uint32() % 9)
		}
		id := scale.TypeID(id)
		_ = m.Types.Name(id)
		if v, err := m.Types.DecodeValue(id, input); err == nil {
			_, _ = m.Types.AppendValue(nil, id, v)
		}
		m.Types.Skip(scale.NewReader(input), id)
		_, _ = scale.Bind[any](m.Types, id)
		_, _ = scale.Bind[[]Neuron](m.Types, id)
		_, _ = scale.Bind[*State](m.Types, id)
	}
	for i := range m.Pallets {
		for j := range m.Pallets[i].Storage {
			s := &m.Pallets[i].Storage[j]
			key, err := s.Prefix()
			if err == nil {
				_, _ = s.DecodeKey(append(key, input...))
			}
			_, _ = s.Key(1, "0x00")
		}
	}
	xt := scale.AppendByteVec(nil, append([]byte{0x84}, input...))
	_, _ = m.DecodeExtrinsic(xt)
	_, _ = m.DecodeEvents(input)
	_, _ = m.DecodeDispatchError(input)
	_, _, _ = m.Extensions(scale.Signing{})
	_, _ = m.SignedExtrinsic([32]byte{}, "Sr25519", input, nil, nil)
	for i := range 256 {
		_, _ = m.ModuleError(uint8(i), uint8(i))
		_, _ = m.CallByIndex(uint8(i), uint8(i))
	}
}

// Extrinsics that are not what they say.
func TestMalformedExtrinsics(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	for _, test := range []struct{ bytes, want string }{
		{"", "input ends"},
		{"00", "input ends"},
		{"0804", "2 elements of at least 1 bytes"},
		{"040400", "1 bytes announced, 2 there"},
		{"0404", "input ends"},
		{"0c043300", "no such pallet: 51"},
		{"0c0400ff", "no such call: System.255"},
		{"0c060000", "version byte 0x06"},
		{"0cc40000", "version byte 0xc4"},
		{"0c850000", "version byte 0x85"},
		{"0c440000", "version byte 0x44"},
		{"0c450100", "extensions of version 1"},
		{"0c840900", "no variant 9"},
		{"1484000000", "input ends"},
	} {
		x, err := m.DecodeExtrinsic(unhex(t, test.bytes))
		if err == nil || !strings.Contains(err.Error(), test.want) || x != nil {
			t.Errorf("%s: %v, want %q in it", test.bytes, err, test.want)
		}
	}
	// Bare and general extrinsics of version 5.
	remark := "000004ff" // System.remark(0xff)
	for _, test := range []struct {
		bytes   string
		general bool
		nonce   uint64
	}{
		{"05" + remark, false, 0},
		{"45" + "00" + "3604" + "14" + "00" + "00" + remark, true, 5},
	} {
		x, err := m.DecodeExtrinsic(scale.AppendByteVec(nil, unhex(t, test.bytes)))
		if err != nil {
			t.Errorf("%s: %v", test.bytes, err)
			continue
		}
		if x.Version != 5 || x.Signed || x.General != test.general || x.Nonce != test.nonce || x.Call.Name != "remark" {
			t.Errorf("%s: %+v", test.bytes, x)
		}
		if _, ok := x.SignerKey(); ok {
			t.Errorf("%s has a signer", test.bytes)
		}
	}
}

// Keys that are not the item's, or whose hash is not that of the map key in them.
func TestMalformedKeys(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	item, err := m.Storage("Commitments", "CommitmentOf")
	if err != nil {
		t.Fatal(err)
	}
	good, err := item.Key(12, key(t, alice))
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string][]byte{
		"empty": nil, "short": good[:len(good)-1], "long": append(bytes.Clone(good), 0), "prefix only": good[:32],
		"other item": append(make([]byte, 32), good[32:]...), "hash": append(append(bytes.Clone(good[:34]), 1), good[35:]...),
	} {
		if parts, err := item.SplitKey(bad); err == nil || parts != nil {
			t.Errorf("%s: %x, %v", name, parts, err)
		}
		if keys, err := item.DecodeKey(bad); err == nil || keys != nil {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
	}
	if _, err := item.Prefix(1, key(t, alice), 3); err == nil {
		t.Error("three keys for two hashers")
	}
	if _, err := item.Key(70000, key(t, alice)); err == nil {
		t.Error("70000 is a netuid")
	}
	// A hasher that does not keep the map key: there is nothing to read back.
	opaque := fullDocument(t, 16)
	opaque.pallets = []func(*writer){func(w *writer) {
		w.text("P").byte(1).text("P").n(1).text("I").byte(0, 1).vec([]byte{1}).id(0).id(0).vec(nil).texts().deprecated("")
		w.byte(0, 0).n(0).byte(0).n(0).n(0).byte(1).texts().deprecated("")
	}}
	o, err := scale.ParseMetadata(opaque.bytes())
	if err != nil {
		t.Fatal(err)
	}
	item, err = o.Storage("P", "I")
	if err != nil {
		t.Fatal(err)
	}
	prefix, err := item.Prefix()
	if err != nil {
		t.Fatal(err)
	}
	if keys, err := item.DecodeKey(append(prefix, make([]byte, 32)...)); err != nil || len(keys) != 1 || keys[0] != nil {
		t.Errorf("%v, %v", keys, err)
	}
}

// Errors that do not resolve.
func TestMalformedDispatchErrors(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	for _, v := range []any{
		nil, "Module",
		scale.Enum{Name: "Module"},
		scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(300)}}},
		scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(7)}, {Name: "error", Value: scale.Bytes{}}}},
		scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(7)}, {Name: "error", Value: uint64(300)}}},
		scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(7)}, {Name: "error", Value: scale.Bytes{255, 0, 0, 0}}}},
		scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(255)}, {Name: "error", Value: scale.Bytes{0, 0, 0, 0}}}},
	} {
		if d, err := m.DispatchError(v); err == nil {
			t.Errorf("%v is %v", v, d)
		}
	}
	for raw, want := range map[string]string{"02": "BadOrigin", "0700": "Token.FundsUnavailable", "0800": "Arithmetic.Underflow", "00": "Other"} {
		if d, err := m.DecodeDispatchError(unhex(t, raw)); err != nil || d.Error() != want {
			t.Errorf("%s is %v, %v; want %s", raw, d, err, want)
		}
	}
	one := scale.Enum{Name: "Module", Value: scale.Object{{Name: "index", Value: uint64(0)}, {Name: "error", Value: uint64(0)}}}
	if d, err := m.DispatchError(one); err != nil || d.Pallet != "System" || d.Name == "" {
		t.Errorf("an error of one byte is %v, %v", d, err)
	}
	if _, err := m.DecodeDispatchError([]byte{99}); err == nil {
		t.Error("variant 99 is a dispatch error")
	}
}
