package scale_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// recording218 is what golden.mjs recorded of a real runtime of spec 218, decoded by polkadot-js.
type recording218 struct {
	BlockNumber uint64
	StateCalls  []struct{ Method, Args, Result string }
	Storage     []struct {
		Pallet, Item, Key, Value string
		Keys                     []any
		Decoded                  any
	}
	Extrinsics []struct {
		Data, Hash, CallData string
		Call                 []any
		Signed               *struct {
			Signer       any
			Signature    string
			Nonce, Tip   string
			Era          [2]uint64
			Birth, Death uint64
		}
	}
	Events struct {
		Data    string
		Decoded []any
	}
	Errors []struct{ Data, Pallet, Name, Docs string }
}

func recording(t testing.TB) *recording218 {
	t.Helper()
	var r recording218
	loadJSON(t, "spec218.json.gz", &r)
	return &r
}

// All storage of a real chain's state: keys and values decode to what polkadot-js makes of them, and encode back.
func TestRecordedStorage(t *testing.T) {
	t.Parallel()
	rec := recording(t)
	if len(rec.Storage) < 400 {
		t.Fatalf("only %d values recorded", len(rec.Storage))
	}
	for _, name := range []string{"218-v14", "218-v15"} {
		m := scaletest.Metadata(t, name)
		for _, s := range rec.Storage {
			what := name + " " + s.Pallet + "." + s.Item
			item, err := m.Storage(s.Pallet, s.Item)
			if err != nil {
				t.Fatal(err)
			}
			raw, value := unhex(t, s.Key), unhex(t, s.Value)
			keys, err := item.DecodeKey(raw)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, what+" keys", s.Keys, positional(keys))
			if back, err := item.Key(keys...); err != nil || !bytes.Equal(back, raw) {
				t.Errorf("%s: key %x becomes %x, %v", what, raw, back, err)
			}
			v, err := m.Types.DecodeValue(item.Value, value)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			equal(t, what, s.Decoded, positional(v))
			if back, err := m.Types.AppendValue(nil, item.Value, v); err != nil || !bytes.Equal(back, value) {
				t.Errorf("%s: value %x becomes %x, %v", what, value, back, err)
			}
		}
	}
}

// The extrinsics of a real block decode to what polkadot-js makes of them, and are put together again from their parts.
func TestRecordedExtrinsics(t *testing.T) {
	t.Parallel()
	rec := recording(t)
	for _, name := range []string{"218-v14", "218-v15"} {
		m := scaletest.Metadata(t, name)
		for _, want := range rec.Extrinsics {
			x, err := m.DecodeExtrinsic(unhex(t, want.Data))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "hash", want.Hash, "0x"+hex.EncodeToString(x.Hash[:]))
			equal(t, "call data", want.CallData, "0x"+hex.EncodeToString(x.CallData))
			equal(t, "call", any(want.Call), calls(scale.Enum{Name: x.Call.Pallet, Value: scale.Enum{Name: x.Call.Name, Value: x.Call.Args}}))
			again, err := m.EncodeCall(x.Call.Pallet, x.Call.Name, x.Call.Args)
			if err != nil || !bytes.Equal(again, x.CallData) {
				t.Errorf("call %x becomes %x, %v", x.CallData, again, err)
			}
			if x.Signed != (want.Signed != nil) || x.General || x.Version != 4 {
				t.Fatalf("signed %v, general %v, version %d", x.Signed, x.General, x.Version)
			}
			if want.Signed == nil {
				continue
			}
			s := want.Signed
			equal(t, "signer", s.Signer, positional(x.Signer))
			equal(t, "signature", any(map[string]any{"Sr25519": s.Signature}), positional(x.Signature))
			equal(t, "nonce and tip", []string{s.Nonce, s.Tip}, []string{positional(x.Nonce).(string), positional(x.Tip).(string)})
			equal(t, "era", s.Era, [2]uint64{x.Era.Period, x.Era.Phase})
			if current := rec.BlockNumber - 1; !x.Era.Immortal() {
				equal(t, "birth and death", [2]uint64{s.Birth, s.Death}, [2]uint64{x.Era.Birth(current), x.Era.Death(current)})
				equal(t, "new era", x.Era, scale.NewEra(s.Era[0], current))
			}
			// The same extrinsic is put together again from its parts.
			signer, _ := x.SignerKey()
			extra, _, err := m.Extensions(scale.Signing{Nonce: x.Nonce, Tip: x.Tip, Era: x.Era})
			if err != nil {
				t.Fatal(err)
			}
			built, err := m.SignedExtrinsic(signer, "Sr25519", unhex(t, s.Signature), extra, x.CallData)
			if err != nil || !bytes.Equal(built, unhex(t, want.Data)) {
				t.Errorf("extrinsic %s is rebuilt as %x, %v", want.Data, built, err)
			}
		}
	}
}

// calls writes a call, and calls within it, as golden.mjs does: [pallet, name, [arguments]].
func calls(v any) any {
	switch v := v.(type) {
	case scale.Enum:
		inner, ok := v.Value.(scale.Enum)
		args, isObject := inner.Value.(scale.Object)
		if !ok || !isObject || strings.ToLower(v.Name[:1]) == v.Name[:1] {
			return positional(v)
		}
		list := []any{}
		for _, a := range args {
			list = append(list, calls(a.Value))
		}
		return []any{v.Name, inner.Name, list}
	case []any:
		list := []any{}
		for _, e := range v {
			list = append(list, calls(e))
		}
		return list
	default:
		return positional(v)
	}
}

// The events of a real block, and the dispatch errors in them.
func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	rec := recording(t)
	for _, name := range []string{"218-v14", "218-v15"} {
		m := scaletest.Metadata(t, name)
		records, err := m.DecodeEvents(unhex(t, rec.Events.Data))
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != len(rec.Events.Decoded) {
			t.Fatalf("%d events, want %d", len(records), len(rec.Events.Decoded))
		}
		var failures []string
		for i, r := range records {
			fields := []any{}
			switch f := positional(r.Fields).(type) {
			case nil:
			case []any:
				fields = f
			default:
				fields = []any{f}
			}
			at := positional(uint64(r.Extrinsic))
			if r.Phase != scale.PhaseApplyExtrinsic {
				t.Fatalf("event %d has the phase %d", i, r.Phase)
			}
			topics := []any{}
			for _, topic := range r.Topics {
				topics = append(topics, "0x"+hex.EncodeToString(topic[:]))
			}
			equal(t, "event", rec.Events.Decoded[i], any([]any{at, r.Pallet, r.Name, fields, topics}))
			if object, ok := r.Fields.(scale.Object); ok && r.Name == "ExtrinsicFailed" {
				v, _ := object.Get("dispatch_error")
				d, err := m.DispatchError(v)
				if err != nil {
					t.Fatal(err)
				}
				failures = append(failures, d.Pallet+"."+d.Name+": "+d.Docs)
			}
			if object, ok := r.Fields.(scale.Object); ok && r.Name == "ItemFailed" {
				v, _ := object.Get("error")
				d, err := m.DispatchError(v)
				if err != nil {
					t.Fatal(err)
				}
				equal(t, "item failed", "Arithmetic.Underflow", d.Error())
			}
		}
		var want []string
		for _, e := range rec.Errors {
			want = append(want, e.Pallet+"."+e.Name+": "+e.Docs)
			d, err := m.DecodeDispatchError(unhex(t, e.Data))
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "dispatch error", e.Pallet+"."+e.Name+": "+e.Docs, d.Error())
		}
		equal(t, "failures", want, failures)
	}
}

// Runtimes up to spec 219 return a byte vector with the value in it, whose type no metadata describes.
func TestRecordedUndescribedResults(t *testing.T) {
	t.Parallel()
	b := scale.NewBuilder()
	b.Define("AccountId32", "struct([u8; 32])")
	b.Define("AxonInfo", "struct{block: u64, version: u32, ip: u128, port: u16, ip_type: u8, protocol: u8, placeholder1: u8, placeholder2: u8}")
	b.Define("PrometheusInfo", "struct{block: u64, version: u32, ip: u128, port: u16, ip_type: u8}")
	b.Define("NeuronInfoLite", `struct{
		hotkey: AccountId32, coldkey: AccountId32, uid: Compact<u16>, netuid: Compact<u16>, active: bool, axon_info: AxonInfo,
		prometheus_info: PrometheusInfo, stake: Vec<(AccountId32, Compact<u64>)>, rank: Compact<u16>, emission: Compact<u64>,
		incentive: Compact<u16>, consensus: Compact<u16>, trust: Compact<u16>, validator_trust: Compact<u16>,
		dividends: Compact<u16>, last_update: Compact<u64>, validator_permit: bool, pruning_score: Compact<u16>}`)
	id, err := b.Type("Vec<NeuronInfoLite>")
	if err != nil {
		t.Fatal(err)
	}
	types, err := b.Registry()
	if err != nil {
		t.Fatal(err)
	}
	codec, err := scale.Bind[[]Neuron](types, id)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range recording(t).StateCalls {
		if c.Method != "NeuronInfoRuntimeApi_get_neurons_lite" {
			continue
		}
		wrapped := scale.NewReader(unhex(t, c.Result))
		neurons, err := codec.Decode(wrapped.ByteVec())
		if err != nil || wrapped.Close() != nil {
			t.Fatalf("%v, %v", err, wrapped.Err())
		}
		if len(neurons) != 5 {
			t.Fatalf("%d neurons", len(neurons))
		}
		dave := neurons[4]
		equal(t, "dave", key(t, "306721211d5404bd9da88e0204360a1a9ab8b87c66c1bc2fcdd37f3c2222cc20"), dave.Hotkey)
		equal(t, "axon of //Dave, 2001:db8::1 port 9000", Axon{
			Block: 14, Version: 1000000, IP: scale.Uint128{Hi: 0x20010db800000000, Lo: 1}, Port: 9000, IPType: 6, Protocol: 4,
		}, dave.Axon)
	}
	for _, c := range recording(t).StateCalls {
		if c.Method == "Metadata_metadata_at_version" {
			if _, err := scale.ParseOpaqueMetadata(unhex(t, c.Result)); !errors.Is(err, scale.ErrNoMetadata) {
				t.Errorf("metadata 16 of spec 218: %v", err)
			}
		}
	}
}
