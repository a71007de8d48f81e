package scale_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

const (
	alice   = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
	bob     = "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48"
	genesis = "2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"

	// setWeights is SubtensorModule.set_weights(12, [0, 1, 2], [65535, 32768, 1], 10002000).
	setWeights = "07000c000c0000010002000cffff00800100509e980000000000"
)

func key(t testing.TB, s string) (k [32]byte) {
	t.Helper()
	if copy(k[:], unhex(t, s)) != 32 {
		t.Fatalf("%s is no key", s)
	}
	return k
}

// The check values of parity-scale-codec.
func TestCompactCheckValues(t *testing.T) {
	t.Parallel()
	for v, want := range map[uint64]string{
		0: "00", 63: "fc", 64: "0101", 255: "fd03", 16383: "fdff", 16384: "02000100", 65535: "feff0300",
		1073741823: "feffffff", 1073741824: "0300000040", 1<<32 - 1: "03ffffffff", 1 << 32: "070000000001",
		1<<64 - 1: "13ffffffffffffffff",
	} {
		b := scale.AppendCompact(nil, v)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("compact of %d is %s, want %s", v, got, want)
		}
		r := scale.NewReader(b)
		if got := r.Compact(); got != v || r.Close() != nil {
			t.Errorf("%s reads as %d (%v), want %d", want, got, r.Err(), v)
		}
	}
}

// The neuron of the chain reference, section 6.3: 196 bytes.
const neuronLite = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d" +
	"8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48" + "0c" + "30" + "01" +
	"6400000000000000" + "f85f8900" + "04030201000000000000000000000000" + "9b1f" + "04" + "04" + "00" + "00" +
	"0000000000000000" + "00000000" + "00000000000000000000000000000000" + "0000" + "00" +
	"04" + "8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48" + "03002f6859" +
	"00" + "56346f1d" + "feff0300" + "02000200" + "00" + "00" + "9101" + "022d3101" + "00" + "feff0300"

func TestNeuronLiteVector(t *testing.T) {
	t.Parallel()
	want := Neuron{
		Hotkey: key(t, alice), Coldkey: key(t, bob), UID: 3, Netuid: 12, Active: true,
		Axon:  Axon{Block: 100, Version: 9003000, IP: scale.Uint128{Lo: 0x01020304}, Port: 8091, IPType: 4, Protocol: 4},
		Stake: []Stake{{key(t, bob), 1_500_000_000}}, Emission: 123456789, Incentive: 65535, Consensus: 32768,
		Dividends: 100, LastUpdate: 5_000_000, PruningScore: 65535,
	}
	raw := unhex(t, neuronLite)
	if len(raw) != 196 {
		t.Fatalf("%d bytes", len(raw))
	}
	for _, name := range []string{"343-v15", "425-v15", "425-v16"} {
		m := scaletest.Metadata(t, name)
		output := api(t, m, "NeuronInfoRuntimeApi", "get_neuron_lite").Output
		codec, err := scale.Bind[*Neuron](m.Types, output)
		if err != nil {
			t.Fatal(err)
		}
		some := append([]byte{1}, raw...)
		got, err := codec.Decode(some)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		equal(t, name, &want, got)
		back, err := codec.Append(nil, &got)
		if err != nil || !bytes.Equal(back, some) {
			t.Errorf("%s: encodes to %x, %v", name, back, err)
		}
	}
}

// The keys of the chain reference, section 5.1.
func TestStorageKeyVectors(t *testing.T) {
	t.Parallel()
	const subtensor = "658faa385070e074c85bf6b568cf0555"
	m := scaletest.Metadata(t, "425-v16")
	for _, test := range []struct {
		pallet, item string
		args         []any
		want         string
	}{
		{"System", "Events", nil, "26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7"},
		{"Timestamp", "Now", nil, "f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb"},
		{"SubtensorModule", "Uids", []any{12, key(t, alice)}, subtensor + "aab1b4e78e1ea8305462ee53b3686dc80c00de1e86a9a8c739864cf3cc5ec2bea59f" + alice},
		{"Commitments", "CommitmentOf", []any{uint16(12), key(t, alice)}, "ca407206ec1ab726b2636c4b145ac287419a60ae8b01e6dcaebd7317e43c69bf0c00518366b5b1bc7c99" + alice},
		{"SubtensorModule", "TimelockedWeightCommits", []any{4108, 19000}, subtensor + "119e1c428ff5c7c6dac4c888a10d14432c2e90e28c53557c0c10ce8174cc74da4c01384a000000000000"},
		{"SubtensorModule", "AssociatedEvmAddress", []any{12, 7}, subtensor + "2ee3ea5cc28fb0bcd7e9c900544e35b24b9bd30d03d0266b0c00bc57c078260bbd3c0700"},
		{"SubtensorModule", "Weights", []any{12, 0}, subtensor + "a1e7036061f484bc3048a64b64e35ec40c000000"},
		{"SubtensorModule", "Weights", []any{12}, subtensor + "a1e7036061f484bc3048a64b64e35ec40c00"},
		{"SubtensorModule", "RevealPeriodEpochs", []any{12}, subtensor + "8f232bcbac768c1d6201850c60f161ed4b9bd30d03d0266b0c00"},
		{"Drand", "Pulses", []any{1000}, "a285cdb66e8b8524ea70b1693c7b1e050d8e70fd32bfb1639703f9a23d15b15e646b8858c86fefefe34a7c69e60c9917e803000000000000"},
	} {
		item, err := m.Storage(test.pallet, test.item)
		if err != nil {
			t.Fatal(err)
		}
		got, err := item.Prefix(test.args...)
		if err != nil || hex.EncodeToString(got) != test.want {
			t.Errorf("%s.%s%v is %x, %v; want %s", test.pallet, test.item, test.args, got, err, test.want)
		}
		if len(test.args) != len(item.Keys) {
			if _, err := item.Key(test.args...); err == nil {
				t.Errorf("%s.%s%v is taken for a whole key", test.pallet, test.item, test.args)
			}
			continue
		}
		parts, err := item.SplitKey(got)
		if err != nil {
			t.Fatal(err)
		}
		rebuilt, err := item.Prefix()
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range parts {
			rebuilt = item.Hashers[i].Append(rebuilt, part)
		}
		if !bytes.Equal(rebuilt, got) {
			t.Errorf("%s.%s: the parts of %x make %x", test.pallet, test.item, got, rebuilt)
		}
	}
}

// The eras of the chain reference, section 4.2.
func TestEraVectors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		period, current uint64
		want            string
		birth           uint64
	}{
		{4, 1000003, "3100", 1000003},
		{128, 1000003, "3604", 1000003},
		{64, 42, "a502", 42},
	} {
		e := scale.NewEra(test.period, test.current)
		if got := hex.EncodeToString(e.Append(nil)); got != test.want || e.Birth(test.current) != test.birth {
			t.Errorf("era of %d at %d is %s, born %d; want %s, %d", test.period, test.current, got, e.Birth(test.current), test.want, test.birth)
		}
		r := scale.NewReader(unhex(t, test.want))
		if got := r.Era(); got != e || r.Close() != nil {
			t.Errorf("%s reads as %v (%v), want %v", test.want, got, r.Err(), e)
		}
		if e.Death(test.birth) != test.birth+test.period {
			t.Errorf("%v dies at %d", e, e.Death(test.birth))
		}
	}
	if got := (scale.Era{}).Append(nil); !bytes.Equal(got, []byte{0}) {
		t.Errorf("immortal is %x", got)
	}
}

// The calls of the chain reference, sections 3.2 and 3.3.
func TestCallVectors(t *testing.T) {
	t.Parallel()
	weights := map[string]any{"netuid": 12, "dests": []int{0, 1, 2}, "weights": []uint16{65535, 32768, 1}, "version_key": 10002000}
	mechanism := map[string]any{"mecid": 0}
	for k, v := range weights {
		mechanism[k] = v
	}
	commitment := struct {
		Netuid uint16     `scale:"netuid"`
		Info   commitment `scale:"info"`
	}{12, commitment{Fields: []scale.Enum{{Name: "Raw4", Value: []byte("data")}}}}
	for _, name := range []string{"343-v14", "343-v15", "425-v14", "425-v15", "425-v16"} {
		m := scaletest.Metadata(t, name)
		for _, test := range []struct {
			pallet, call string
			args         any
			want         string
		}{
			{"SubtensorModule", "set_weights", weights, setWeights},
			{"SubtensorModule", "set_mechanism_weights", mechanism, "07770c00000c0000010002000cffff00800100509e980000000000"},
			{"Commitments", "set_commitment", commitment, "12000c00040564617461"},
			{"Commitments", "set_commitment", &commitment, "12000c00040564617461"},
		} {
			got, err := m.EncodeCall(test.pallet, test.call, test.args)
			if err != nil || hex.EncodeToString(got) != test.want {
				t.Errorf("%s: %s.%s is %x, %v; want %s", name, test.pallet, test.call, got, err, test.want)
			}
		}
	}
}

type commitment struct {
	Fields []scale.Enum `scale:"fields"`
}

// The extrinsic of the chain reference, section 4.2, signed with a deterministic ed25519 key.
func TestExtrinsicVector(t *testing.T) {
	t.Parallel()
	const (
		seed    = "abf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115"
		public  = "88dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee"
		payload = setWeights + "3604" + "14" + "00" + "00" + "a9010000" + "01000000" + genesis +
			"1111111111111111111111111111111111111111111111111111111111111111" + "00"
		want = "0902840088dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee00" +
			"4d8b42ce7daeb75c61e36caa6f21c1a56994299a3cd182dbc3a7de6ecbedaad5fada8470bf5d721243241ee133cd6474df26698481e0eb9b4bd71de555f0f008" +
			"3604140000" + setWeights
		hash = "23c5265a5d04baa5736d091be28d26ac87b75bfdd5216895f29c85af7d54857c"
	)
	for _, name := range []string{"425-v14", "425-v15", "425-v16"} {
		m := scaletest.Metadata(t, name)
		signing := scale.Signing{
			Nonce: 5, Era: scale.NewEra(128, 1000003), Birth: [32]byte(bytes.Repeat([]byte{0x11}, 32)),
			Genesis: key(t, genesis), SpecVersion: 425, TransactionVersion: 1,
		}
		call := unhex(t, setWeights)
		extra, implicit, err := m.Extensions(signing)
		if err != nil {
			t.Fatal(err)
		}
		signed := scale.SigningPayload(call, extra, implicit)
		if hex.EncodeToString(signed) != payload {
			t.Errorf("%s: payload is %x, want %s", name, signed, payload)
		}
		private := ed25519.NewKeyFromSeed(unhex(t, seed))
		xt, err := m.SignedExtrinsic(key(t, public), "Ed25519", ed25519.Sign(private, signed), extra, call)
		if err != nil || hex.EncodeToString(xt) != want {
			t.Errorf("%s: extrinsic is %x, %v; want %s", name, xt, err, want)
		}
		x, err := m.DecodeExtrinsic(xt)
		if err != nil {
			t.Fatal(err)
		}
		signer, ok := x.SignerKey()
		if hex.EncodeToString(x.Hash[:]) != hash || !x.Signed || x.Version != 4 || x.Nonce != 5 || x.Tip != 0 ||
			x.Era != signing.Era || !ok || signer != key(t, public) || !bytes.Equal(x.CallData, call) ||
			x.Call.Pallet != "SubtensorModule" || x.Call.Name != "set_weights" {
			t.Errorf("%s: decodes to %+v", name, x)
		}
	}
}

// A payload of 256 bytes is signed as it is, one of 257 bytes by its hash.
func TestLongPayloadIsHashed(t *testing.T) {
	t.Parallel()
	call, extra := make([]byte, 200), make([]byte, 6)
	if got := scale.SigningPayload(call, extra, make([]byte, 50)); len(got) != 256 {
		t.Errorf("256 bytes are signed as %d", len(got))
	}
	sum := scale.Blake2_256(make([]byte, 257))
	if got := scale.SigningPayload(call, extra, make([]byte, 51)); !bytes.Equal(got, sum[:]) {
		t.Errorf("257 bytes are signed as %x", got)
	}
}

// The registration of the chain reference, section 9.1, and the timelock payload of section 8.5.
func TestOtherVectors(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	item, err := m.Storage("Commitments", "CommitmentOf")
	if err != nil {
		t.Fatal(err)
	}
	type registration struct {
		Deposit uint64     `scale:"deposit"`
		Block   uint32     `scale:"block"`
		Info    commitment `scale:"info"`
	}
	codec, err := scale.Bind[registration](m.Types, item.Value)
	if err != nil {
		t.Fatal(err)
	}
	raw := unhex(t, "0000000000000000 e1100000 04 05 64617461")
	got, err := codec.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := registration{Block: 4321, Info: commitment{[]scale.Enum{{Name: "Raw4", Value: scale.Bytes("data")}}}}
	equal(t, "registration", want, got)

	types, id := typeOf(t, "WeightsTlockPayload", "WeightsTlockPayload",
		"struct{hotkey: Vec<u8>, uids: Vec<u16>, values: Vec<u16>, version_key: u64}")
	payload, err := types.AppendValue(nil, id, struct {
		Hotkey     []byte   `scale:"hotkey"`
		UIDs       []uint16 `scale:"uids"`
		Values     []uint16 `scale:"values"`
		VersionKey uint64   `scale:"version_key"`
	}{unhex(t, alice), []uint16{0, 1, 2}, []uint16{65535, 32768, 1}, 10002000})
	const wantPayload = "80" + alice + "0c0000010002000cffff00800100509e980000000000"
	if err != nil || hex.EncodeToString(payload) != wantPayload {
		t.Errorf("payload is %x, %v; want %s", payload, err, wantPayload)
	}
}
