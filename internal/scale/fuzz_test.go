package scale_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// Metadata of any bytes is refused or sound: nothing that it describes may panic, whatever is decoded with it.
func FuzzParseMetadata(f *testing.F) {
	for version := uint8(14); version <= 16; version++ {
		f.Add(fullDocument(f, version).bytes())
		f.Add(document{version: version, types: documentTypes(f)}.bytes())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var m *scale.Metadata
		if got := allocated(func() { m, _ = scale.ParseMetadata(raw) }); got > 96<<10+32*uint64(len(raw)) {
			t.Errorf("%d bytes allocate %d", len(raw), got)
		}
		if m != nil {
			exercise(m, rand.New(rand.NewPCG(1, 2)))
		}
	})
}

// What decodes without a Go type encodes to the same bytes, and is skipped to the same end.
func FuzzDecodeValue(f *testing.F) {
	m := scaletest.Metadata(f, "425-v16")
	for _, s := range recording(f).Storage {
		if item, err := m.Storage(s.Pallet, s.Item); err == nil {
			f.Add(uint16(item.Value), unhex(f, s.Value))
		}
	}
	output := api(f, m, "NeuronInfoRuntimeApi", "get_neuron_lite").Output
	f.Add(uint16(output), append([]byte{1}, unhex(f, neuronLite)...))
	f.Fuzz(func(t *testing.T, id uint16, raw []byte) {
		typ := scale.TypeID(int(id) % m.Types.Len())
		var v any
		var err error
		if got := allocated(func() { v, err = m.Types.DecodeValue(typ, raw) }); got > bound(raw) {
			t.Errorf("%s: %d bytes allocate %d", m.Types.Name(typ), len(raw), got)
		}
		if err != nil {
			return
		}
		back, err := m.Types.AppendValue(nil, typ, v)
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%s: %x becomes %x, %v", m.Types.Name(typ), raw, back, err)
		}
		r := scale.NewReader(raw)
		if m.Types.Skip(r, typ); r.Close() != nil {
			t.Errorf("%s: %x is not skipped: %v", m.Types.Name(typ), raw, r.Err())
		}
	})
}

// A Go type that covers everything takes exactly what decodes without one, and encodes to the same bytes.
func FuzzBind(f *testing.F) {
	m := scaletest.Metadata(f, "343-v15")
	neurons := newFuzzed[[]Neuron](f, m.Types, api(f, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output)
	state := newFuzzed[*State](f, m.Types, api(f, m, "SubnetInfoRuntimeApi", "get_subnet_state").Output)
	types, id := typeOf(f, "Mixture", mixtureDefs...)
	mixed := newFuzzed[mixture](f, types, id)
	types, id = typeOf(f, "Choice", mixtureDefs...)
	chosen := newFuzzed[struct {
		choice
		Other *[]byte `scale:"Other"`
	}](f, types, id)
	types, id = typeOf(f, "Node", "Node", "struct{value: u8, children: Vec<Node>, left: Option<Node>}")
	node := newFuzzed[recursive](f, types, id)
	// Go types that skip most of it.
	partial, err := scale.Bind[*struct {
		Total []uint64 `scale:"total_stake"`
	}](m.Types, api(f, m, "SubnetInfoRuntimeApi", "get_subnet_state").Output)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte{4}, unhex(f, neuronLite)...))
	f.Add(unhex(f, "9b1f"+"0500"+"0101 07 01"+"07"+"04 0402"+"09"+"0801"))
	f.Add(unhex(f, "01 08 02 00 00 03 00 00 01 04 00 00"))
	f.Add(append([]byte{1, 4}, make([]byte, 60)...))
	for _, raw := range []string{"000500", "010200", "029b1f", "03", "04080102"} {
		f.Add(unhex(f, raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		neurons.check(t, raw)
		state.check(t, raw)
		mixed.check(t, raw)
		chosen.check(t, raw)
		node.check(t, raw)
		whole, err := state.codec.Decode(raw)
		if err != nil {
			return
		}
		some, err := partial.Decode(raw)
		if err != nil || (whole == nil) != (some == nil) || whole != nil && toJSON(t, whole.TotalStake) != toJSON(t, some.Total) {
			t.Errorf("%x decodes to %v in part, %v", raw, some, err)
		}
	})
}

type fuzzed[T any] struct {
	types *scale.Registry
	id    scale.TypeID
	codec *scale.Codec[T]
}

func newFuzzed[T any](f *testing.F, types *scale.Registry, id scale.TypeID) fuzzed[T] {
	f.Helper()
	codec, err := scale.Bind[T](types, id)
	if err != nil {
		f.Fatal(err)
	}
	return fuzzed[T]{types, id, codec}
}

func (x fuzzed[T]) check(t *testing.T, raw []byte) {
	t.Helper()
	var v T
	var err error
	if got := allocated(func() { v, err = x.codec.Decode(raw) }); got > 96<<10+512*uint64(len(raw)) {
		t.Errorf("%T: %d bytes allocate %d", v, len(raw), got)
	}
	_, dynamicErr := x.types.DecodeValue(x.id, raw)
	if (err == nil) != (dynamicErr == nil) && !errors.Is(dynamicErr, scale.ErrTooComplex) {
		t.Errorf("%T of %x: %v, without a Go type %v", v, raw, err, dynamicErr)
	}
	if err != nil {
		return
	}
	back, err := x.codec.Append(nil, &v)
	if err != nil || !bytes.Equal(back, raw) && !hasBits(v) {
		t.Errorf("%T: %x becomes %x, %v", v, raw, back, err)
	}
}

// hasBits tells whether a value holds bits, of which those beyond the last are not kept.
func hasBits(v any) bool {
	m, ok := v.(mixture)
	return ok && len(m.Bits)%8 != 0
}

// Extrinsics, calls and events of any bytes; a call that decodes encodes to the same bytes.
func FuzzExtrinsic(f *testing.F) {
	rec := recording(f)
	m := scaletest.Metadata(f, "218-v15")
	later := scaletest.Metadata(f, "425-v16")
	for _, x := range rec.Extrinsics {
		f.Add(unhex(f, x.Data))
		f.Add(unhex(f, x.CallData))
	}
	f.Add(unhex(f, rec.Events.Data))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, m := range []*scale.Metadata{m, later} {
			if x, err := m.DecodeExtrinsic(raw); err == nil {
				again, err := m.EncodeCall(x.Call.Pallet, x.Call.Name, x.Call.Args)
				if err != nil || !bytes.Equal(again, x.CallData) {
					t.Errorf("call %x becomes %x, %v", x.CallData, again, err)
				}
			}
			if c, err := m.DecodeCall(raw); err == nil {
				again, err := m.EncodeCall(c.Pallet, c.Name, c.Args)
				if err != nil || !bytes.Equal(again, raw) {
					t.Errorf("call %x becomes %x, %v", raw, again, err)
				}
			}
			_, _ = m.DecodeDispatchError(raw)
			decode := func() {
				_, _ = m.DecodeExtrinsic(raw)
				_, _ = m.DecodeCall(raw)
				_, _ = m.DecodeEvents(raw)
			}
			if got := allocated(decode); got > 3*bound(raw) {
				t.Errorf("%d bytes allocate %d", len(raw), got)
			}
		}
	})
}

// Types of any text are refused or sound.
func FuzzBuilder(f *testing.F) {
	for i := 0; i < len(mixtureDefs); i += 2 {
		f.Add(mixtureDefs[i], mixtureDefs[i+1], "Vec<("+mixtureDefs[i]+", u8)>")
	}
	f.Add("a::B<T = u8>", "enum{A = 3, B(Box<B>)}", "[Option<Result<B, ()>>; 3]")
	f.Fuzz(func(t *testing.T, path, definition, expr string) {
		b := scale.NewBuilder()
		b.Define(path, definition)
		id, err := b.Type(expr)
		if err != nil {
			return
		}
		types, err := b.Registry()
		if err != nil {
			return
		}
		_, _ = types.DecodeValue(id, []byte{1, 4, 0, 3, 2, 1})
		types.Skip(scale.NewReader([]byte{1, 4, 0, 3, 2, 1}), id)
	})
}
