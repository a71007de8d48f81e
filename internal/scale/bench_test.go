package scale_test

import (
	"runtime"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// What the service reads of a subnet's state: the stakes, by hotkey.
type stakes struct {
	Hotkeys    [][32]byte `scale:"hotkeys"`
	AlphaStake []uint64   `scale:"alpha_stake"`
	TAOStake   []uint64   `scale:"tao_stake"`
	TotalStake []uint64   `scale:"total_stake"`
}

// What it reads of a neuron.
type neuronLine struct {
	Hotkey  [32]byte `scale:"hotkey"`
	Coldkey [32]byte `scale:"coldkey"`
	UID     uint16   `scale:"uid"`
	Active  bool     `scale:"active"`
	Axon    struct {
		IP       scale.Uint128 `scale:"ip"`
		Port     uint16        `scale:"port"`
		Protocol uint8         `scale:"protocol"`
	} `scale:"axon_info"`
	Stake           []Stake `scale:"stake"`
	Rank            uint16  `scale:"rank"`
	Emission        uint64  `scale:"emission"`
	Incentive       uint16  `scale:"incentive"`
	Consensus       uint16  `scale:"consensus"`
	Trust           uint16  `scale:"trust"`
	ValidatorTrust  uint16  `scale:"validator_trust"`
	Dividends       uint16  `scale:"dividends"`
	LastUpdate      uint64  `scale:"last_update"`
	ValidatorPermit bool    `scale:"validator_permit"`
	PruningScore    uint16  `scale:"pruning_score"`
}

// BenchmarkSubnet decodes 1,024 real neurons and their subnet's state, as each block of a large subnet asks for. The
// reading of the same bytes without Go types is the yardstick.
func BenchmarkSubnet(b *testing.B) {
	m := scaletest.Metadata(b, "343-v15")
	neuronsID := api(b, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output
	stateID := api(b, m, "SubnetInfoRuntimeApi", "get_subnet_state").Output
	rawNeurons, rawState := scaletest.File(b, "neurons-lite-343.scale.gz"), scaletest.File(b, "subnet-state-343.scale.gz")
	neurons, err := scale.Bind[[]neuronLine](m.Types, neuronsID)
	if err != nil {
		b.Fatal(err)
	}
	state, err := scale.Bind[*stakes](m.Types, stateID)
	if err != nil {
		b.Fatal(err)
	}
	size := int64(len(rawNeurons) + len(rawState))
	b.Run("bound", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		for b.Loop() {
			if _, err := neurons.Decode(rawNeurons); err != nil {
				b.Fatal(err)
			}
			if _, err := state.Decode(rawState); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("values", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		for b.Loop() {
			if _, err := m.Types.DecodeValue(neuronsID, rawNeurons); err != nil {
				b.Fatal(err)
			}
			if _, err := m.Types.DecodeValue(stateID, rawState); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("skip", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(size)
		for b.Loop() {
			m.Types.Skip(scale.NewReader(rawNeurons), neuronsID)
			m.Types.Skip(scale.NewReader(rawState), stateID)
		}
	})
}

// BenchmarkParseMetadata also reports how much memory one parsed document keeps.
func BenchmarkParseMetadata(b *testing.B) {
	for _, name := range []string{"218-v15", "425-v15", "425-v16"} {
		b.Run(name, func(b *testing.B) {
			raw := scaletest.RawMetadata(b, name)
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				if _, err := scale.ParseOpaqueMetadata(raw); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(keptByMetadata(b, raw)), "kept-B")
		})
	}
}

// keptByMetadata returns how many bytes one parsed document keeps.
func keptByMetadata(t testing.TB, raw []byte) uint64 {
	t.Helper()
	const copies = 8
	kept := make([]*scale.Metadata, 0, copies)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range copies {
		m, err := scale.ParseOpaqueMetadata(raw)
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, m)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(kept)
	return (after.HeapAlloc - before.HeapAlloc) / copies
}

func BenchmarkBind(b *testing.B) {
	m := scaletest.Metadata(b, "425-v15")
	id := api(b, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scale.Bind[[]neuronLine](m.Types, id); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStorageKey(b *testing.B) {
	item, err := scaletest.Metadata(b, "425-v16").Storage("SubtensorModule", "Uids")
	if err != nil {
		b.Fatal(err)
	}
	hotkey := key(b, alice)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := item.Key(uint16(12), hotkey); err != nil {
			b.Fatal(err)
		}
	}
}

// The service keeps several runtimes in memory and must stay small: a parsed document is limited to 640 KiB, a subnet
// of 1,024 neurons to 1.5 allocations a neuron.
func TestMemory(t *testing.T) {
	raw := scaletest.RawMetadata(t, "425-v15")
	if kept := keptByMetadata(t, raw); kept > 640<<10 {
		t.Errorf("metadata keeps %d bytes", kept)
	}
	m := scaletest.Metadata(t, "343-v15")
	neurons, err := scale.Bind[[]neuronLine](m.Types, api(t, m, "NeuronInfoRuntimeApi", "get_neurons_lite").Output)
	if err != nil {
		t.Fatal(err)
	}
	rawNeurons := scaletest.File(t, "neurons-lite-343.scale.gz")
	if n := testing.AllocsPerRun(5, func() { _, _ = neurons.Decode(rawNeurons) }); n > 1536 {
		t.Errorf("1,024 neurons take %v allocations", n)
	}
	state, err := scale.Bind[*stakes](m.Types, api(t, m, "SubnetInfoRuntimeApi", "get_subnet_state").Output)
	if err != nil {
		t.Fatal(err)
	}
	rawState := scaletest.File(t, "subnet-state-343.scale.gz")
	if n := testing.AllocsPerRun(5, func() { _, _ = state.Decode(rawState) }); n > 8 {
		t.Errorf("the state takes %v allocations", n)
	}
}
