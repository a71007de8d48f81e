package scale_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// Axon, Prometheus, Stake and Neuron are bound to the chain's types of the runtime API get_neurons_lite.
type Axon struct {
	Block        uint64        `scale:"block"`
	Version      uint32        `scale:"version"`
	IP           scale.Uint128 `scale:"ip"`
	Port         uint16        `scale:"port"`
	IPType       uint8         `scale:"ip_type"`
	Protocol     uint8         `scale:"protocol"`
	Placeholder1 uint8         `scale:"placeholder1"`
	Placeholder2 uint8         `scale:"placeholder2"`
}

type Prometheus struct {
	Block   uint64   `scale:"block"`
	Version uint32   `scale:"version"`
	IP      *big.Int `scale:"ip"`
	Port    uint16   `scale:"port"`
	IPType  uint8    `scale:"ip_type"`
}

type Stake struct {
	Coldkey [32]byte `scale:"0"`
	Rao     uint64   `scale:"1"`
}

type Neuron struct {
	Hotkey          [32]byte   `scale:"hotkey"`
	Coldkey         [32]byte   `scale:"coldkey"`
	UID             uint16     `scale:"uid"`
	Netuid          uint16     `scale:"netuid"`
	Active          bool       `scale:"active"`
	Axon            Axon       `scale:"axon_info"`
	Prometheus      Prometheus `scale:"prometheus_info"`
	Stake           []Stake    `scale:"stake"`
	Rank            uint16     `scale:"rank"`
	Emission        uint64     `scale:"emission"`
	Incentive       uint16     `scale:"incentive"`
	Consensus       uint16     `scale:"consensus"`
	Trust           uint16     `scale:"trust"`
	ValidatorTrust  uint16     `scale:"validator_trust"`
	Dividends       uint16     `scale:"dividends"`
	LastUpdate      uint64     `scale:"last_update"`
	ValidatorPermit bool       `scale:"validator_permit"`
	PruningScore    uint16     `scale:"pruning_score"`
}

// State has all fields of the runtime API get_subnet_state.
type State struct {
	Netuid              uint16     `scale:"netuid"`
	Hotkeys             [][32]byte `scale:"hotkeys"`
	Coldkeys            [][32]byte `scale:"coldkeys"`
	Active              []bool     `scale:"active"`
	ValidatorPermit     []bool     `scale:"validator_permit"`
	PruningScore        []uint16   `scale:"pruning_score"`
	LastUpdate          []uint64   `scale:"last_update"`
	Emission            []uint64   `scale:"emission"`
	Dividends           []uint16   `scale:"dividends"`
	Incentives          []uint16   `scale:"incentives"`
	Consensus           []uint16   `scale:"consensus"`
	Trust               []uint16   `scale:"trust"`
	Rank                []uint16   `scale:"rank"`
	BlockAtRegistration []uint64   `scale:"block_at_registration"`
	AlphaStake          []uint64   `scale:"alpha_stake"`
	TAOStake            []uint64   `scale:"tao_stake"`
	TotalStake          []uint64   `scale:"total_stake"`
	EmissionHistory     [][]uint64 `scale:"emission_history"`
}

func equal(t testing.TB, what string, want, got any) {
	t.Helper()
	bigs := cmp.Comparer(func(a, b *big.Int) bool {
		return (a == nil || a.Sign() == 0) && (b == nil || b.Sign() == 0) || a != nil && b != nil && a.Cmp(b) == 0
	})
	if diff := cmp.Diff(want, got, bigs); diff != "" {
		t.Errorf("%s (-want +got):\n%.4000s", what, diff)
	}
}

type golden343 struct {
	Neurons    []map[string]any `json:"neurons"`
	State      map[string]any   `json:"state"`
	Mechagraph map[string]any   `json:"mechagraph"`
}

// Every field of 1,024 real neurons and of their subnet's state is what bt-decode makes of the same bytes.
func TestRecordedNeurons(t *testing.T) {
	t.Parallel()
	var golden golden343
	loadJSON(t, "golden-343.json.gz", &golden)
	m := scaletest.Metadata(t, "343-v15")
	neurons, err := scale.Bind[[]Neuron](m.Types, api(t, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output)
	if err != nil {
		t.Fatal(err)
	}
	raw := scaletest.File(t, "neurons-lite-343.scale.gz")
	got, err := neurons.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 1024 || len(golden.Neurons) != 1024 {
		t.Fatalf("%d neurons, and %d in the golden file", len(got), len(golden.Neurons))
	}
	for i, want := range golden.Neurons {
		equal(t, fmt.Sprintf("neuron %d", i), want, asNeuronJSON(got[i]))
	}
	back, err := neurons.Append(nil, &got)
	if err != nil || !bytes.Equal(back, raw) {
		t.Errorf("the neurons encode to other bytes: %v", err)
	}

	state, err := scale.Bind[*State](m.Types, api(t, m, "SubnetInfoRuntimeApi", "get_subnet_state").Output)
	if err != nil {
		t.Fatal(err)
	}
	raw = scaletest.File(t, "subnet-state-343.scale.gz")
	s, err := state.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "state", golden.State, exact(t, map[string]any{
		"netuid": s.Netuid, "hotkeys": hexes(s.Hotkeys), "coldkeys": hexes(s.Coldkeys), "active": s.Active,
		"validator_permit": s.ValidatorPermit, "pruning_score": s.PruningScore, "last_update": s.LastUpdate,
		"emission": s.Emission, "dividends": s.Dividends, "incentives": s.Incentives, "consensus": s.Consensus,
		"trust": s.Trust, "rank": s.Rank, "block_at_registration": s.BlockAtRegistration, "alpha_stake": s.AlphaStake,
		"tao_stake": s.TAOStake, "total_stake": s.TotalStake, "emission_history": s.EmissionHistory,
	}))
	back, err = state.Append(nil, &s)
	if err != nil || !bytes.Equal(back, raw) {
		t.Errorf("the state encodes to other bytes: %v", err)
	}
}

// asNeuronJSON writes a neuron as golden.py does.
func asNeuronJSON(n Neuron) map[string]any {
	num := func(v any) json.Number { return json.Number(fmt.Sprint(v)) }
	stakes := []any{}
	for _, s := range n.Stake {
		stakes = append(stakes, []any{"0x" + hex.EncodeToString(s.Coldkey[:]), num(s.Rao)})
	}
	return map[string]any{
		"hotkey": "0x" + hex.EncodeToString(n.Hotkey[:]), "coldkey": "0x" + hex.EncodeToString(n.Coldkey[:]),
		"uid": num(n.UID), "netuid": num(n.Netuid), "active": n.Active,
		"axon_info": map[string]any{
			"block": num(n.Axon.Block), "version": num(n.Axon.Version), "ip": num(n.Axon.IP), "port": num(n.Axon.Port),
			"ip_type": num(n.Axon.IPType), "protocol": num(n.Axon.Protocol),
			"placeholder1": num(n.Axon.Placeholder1), "placeholder2": num(n.Axon.Placeholder2),
		},
		"prometheus_info": map[string]any{
			"block": num(n.Prometheus.Block), "version": num(n.Prometheus.Version), "ip": num(n.Prometheus.IP),
			"port": num(n.Prometheus.Port), "ip_type": num(n.Prometheus.IPType),
		},
		"stake": stakes, "rank": num(n.Rank), "emission": num(n.Emission), "incentive": num(n.Incentive),
		"consensus": num(n.Consensus), "trust": num(n.Trust), "validator_trust": num(n.ValidatorTrust),
		"dividends": num(n.Dividends), "last_update": num(n.LastUpdate), "validator_permit": n.ValidatorPermit,
		"pruning_score": num(n.PruningScore),
	}
}

func hexes(keys [][32]byte) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = "0x" + hex.EncodeToString(k[:])
	}
	return out
}

// exact turns a value into what JSON makes of it, with exact numbers.
func exact(t testing.TB, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// Without Go types the three recorded answers decode to the same values, and encode to the same bytes.
func TestRecordedValues(t *testing.T) {
	t.Parallel()
	var golden golden343
	loadJSON(t, "golden-343.json.gz", &golden)
	m := scaletest.Metadata(t, "343-v15")
	for _, test := range []struct {
		file, trait, method string
		want                any
	}{
		{"neurons-lite-343.scale.gz", "NeuronInfoRuntimeApi", "get_neurons_lite", golden.Neurons},
		{"subnet-state-343.scale.gz", "SubnetInfoRuntimeApi", "get_subnet_state", golden.State},
		{"mechagraph-343.scale.gz", "SubnetInfoRuntimeApi", "get_selective_mechagraph", golden.Mechagraph},
	} {
		raw := scaletest.File(t, test.file)
		output := api(t, m, test.trait, test.method).Output
		v, err := m.Types.DecodeValue(output, raw)
		if err != nil {
			t.Fatalf("%s: %v", test.method, err)
		}
		got := exact(t, v)
		if test.method == "get_selective_mechagraph" {
			// bt-decode does not tell Some(Some(x)) from Some(x), and writes byte vectors as lists.
			identity := got.(map[string]any)["identity"].(map[string]any)
			got.(map[string]any)["identity"] = byteLists(t, identity["Some"])
			identities := got.(map[string]any)["identities"].([]any)
			for i := range identities {
				identities[i] = byteLists(t, identities[i])
			}
		}
		want := test.want
		if neurons, ok := want.([]map[string]any); ok {
			list := make([]any, len(neurons))
			for i := range neurons {
				list[i] = neurons[i]
			}
			want = list
		}
		equal(t, test.method, want, got)
		back, err := m.Types.AppendValue(nil, output, v)
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%s encodes to other bytes: %v", test.method, err)
		}
		// What JSON makes of the value encodes to the same bytes too.
		back, err = m.Types.AppendValue(nil, output, exact(t, v))
		if err != nil || !bytes.Equal(back, raw) {
			t.Errorf("%s encodes to other bytes from JSON: %v", test.method, err)
		}
	}
}

// byteLists writes the byte vectors of an object as lists of numbers.
func byteLists(t testing.TB, v any) any {
	t.Helper()
	object, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := make(map[string]any, len(object))
	for name, value := range object {
		list := []any{}
		for _, b := range unhex(t, value.(string)) {
			list = append(list, json.Number(fmt.Sprint(b)))
		}
		out[name] = list
	}
	return out
}
