package description_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var specs = []uint32{218, 233, 320, 343, 393, 425, 475}

// noVersion is what System.Version is here; a runtime knows better.
var noVersion = map[string][]byte{"System.Version": nil}

func load(t testing.TB, o description.Options) *description.Runtime {
	t.Helper()
	if o.Constants == nil {
		o.Constants = noVersion
	}
	r, err := description.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestReadBack checks that the encoded metadata says what the description says,
// as far as a reader of metadata can tell, and that all defaults and constants
// are values of their types.
func TestReadBack(t *testing.T) {
	t.Parallel()
	for _, spec := range specs {
		for _, version := range []uint32{14, 15} {
			t.Run(fmt.Sprintf("%d v%d", spec, version), func(t *testing.T) {
				t.Parallel()
				r, m := load(t, description.Options{Spec: spec}), ours(t, description.Options{Spec: spec}, version)
				if m.Version != int(version) || m.Types.Len() != r.Types.Len() || len(m.Pallets) != len(r.Pallets) {
					t.Fatalf("version %d, %d types, %d pallets; want %d, %d, %d",
						m.Version, m.Types.Len(), len(m.Pallets), version, r.Types.Len(), len(r.Pallets))
				}
				for _, p := range r.Pallets {
					readBackPallet(t, m, &p)
				}
				wantAPIs := 0
				if version == 15 {
					wantAPIs = len(r.APIs)
				}
				if len(m.APIs) != wantAPIs {
					t.Errorf("%d APIs, want %d", len(m.APIs), wantAPIs)
				}
				if m.CallType != r.Call || m.EventType != r.Event {
					t.Errorf("call type %d, event type %d; want %d, %d", m.CallType, m.EventType, r.Call, r.Event)
				}
				if m.Extrinsic.Address != r.Address || m.Extrinsic.Signature != r.Signature {
					t.Errorf("address %d, signature %d; want %d, %d", m.Extrinsic.Address, m.Extrinsic.Signature, r.Address, r.Signature)
				}
			})
		}
	}
}

func readBackPallet(t *testing.T, m *scale.Metadata, p *description.Pallet) {
	t.Helper()
	got, ok := m.Pallet(p.Name)
	if !ok || got.Index != p.Index || got.Calls != p.Calls || got.Events != p.Events || got.Errors != p.Errors {
		t.Errorf("%s reads back as %+v", p.Name, got)
		return
	}
	for _, s := range p.Storage {
		item, err := m.Storage(p.Name, s.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if item.Value != s.Value || !slices.Equal(item.Keys, s.Keys) || !slices.Equal(item.Hashers, s.Hashers) ||
			item.Optional != s.Optional || !bytes.Equal(item.Default, s.Default) {
			t.Errorf("%s.%s reads back as %+v", p.Name, s.Name, item)
		}
		if !s.Optional {
			if _, err := m.Types.DecodeValue(item.Value, item.Default); err != nil {
				t.Errorf("the default of %s.%s: %v", p.Name, s.Name, err)
			}
		}
	}
	for _, c := range p.Constants {
		constant, err := m.Constant(p.Name, c.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		if c.Name == "Version" {
			continue // see noVersion
		}
		if _, err := m.Types.DecodeValue(constant.Type, constant.Value); err != nil {
			t.Errorf("the constant %s.%s: %v", p.Name, c.Name, err)
		}
	}
}

func TestSameBytesEveryTime(t *testing.T) {
	t.Parallel()
	first, err := load(t, description.Options{Spec: 475}).Metadata(15)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		again, err := load(t, description.Options{Spec: 475}).Metadata(15)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, again) {
			t.Fatal("the metadata differs from one load to the next")
		}
	}
}

// The tables of the chain's own history: indexes of events by spec version, and
// of errors. A dash is an event or an error that does not exist.
func TestIndexTables(t *testing.T) {
	t.Parallel()
	columns := []uint32{218, 343, 393, 425, 475}
	tables := map[string]string{
		"events": `
			WeightsSet                 4   5   5   5   5
			NeuronRegistered           5   6   6   6   6
			AxonServed                24  28  28  28  28
			WeightsSetRateLimitSet    20  22  22  22  22
			WeightsVersionKeySet      29  32  32  32  32
			AdminFreezeWindowSet       -  42  42  43  43
			TempoSet                  45  50  50  52  52
			CRV3WeightsCommitted      78  78  82  84  84
			WeightsCommitted          79  79  83  85  85
			EvmKeyAssociated           -  92  96  98  98
			CommitRevealEnabled        -  95  99 101 101
			TimelockedWeightsCommitted -  101 105 107 107
			TimelockedWeightsRevealed  -  102 106 108 108
			EpochTriggered             -   -   - 131 131
			EpochSkipped               -   -   - 133 133`,
		"errors": `
			InvalidIpType                 2  1  1  1  1
			HotKeyNotRegisteredInSubNet   5  4  4  4  4
			NeuronNoValidatorPermit      17 15 15 15 15
			MaxWeightExceeded            28 26 26 27 27
			SettingWeightsTooFast        30 28 28 29 29
			CanNotSetRootNetworkWeights  49 46 46 47 47
			CommitRevealEnabled          56 52 52 53 53
			TxRateLimitExceeded          69 64 63 64 64
			MechanismDoesNotExist         - 71 73 74 74
			CommittingWeightsTooFast     80 78 80 81 81
			SubtokenDisabled              - 91 93 94 94
			HotKeySwapOnSubnetIntervalNotPassed - 92 94 95 95
			InsufficientTaoBalance        -  -  -  - 98
			AdminActionProhibitedDuringWeightsWindow - 106 108 107 108
			InvalidRevealRound            -  -  - 111 112
			EvmKeyAssociateRateLimitExceeded - 115 117 117 118
			EvmKeyAssociationLimitExceeded - - - - 119
			WaitingForDissolvedSubnetCleanup - - - - 143
			InsufficientAlphaBalance      -  -  -  - 152
			CommitPayloadTooLarge         -  -  -  - 173
			CommitQueueFull               -  -  -  - 174`,
	}
	for i, spec := range columns {
		p, _ := load(t, description.Options{Spec: spec}).Pallet("SubtensorModule")
		types := load(t, description.Options{Spec: spec}).Types
		for kind, table := range tables {
			id := p.Events
			if kind == "errors" {
				id = p.Errors
			}
			enum, err := types.Type(id)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(strings.TrimSpace(table)) {
				fields := strings.Fields(line)
				got := "-"
				for _, v := range enum.Variants {
					if v.Name == fields[0] {
						got = fmt.Sprint(v.Index)
					}
				}
				if want := fields[i+1]; got != want {
					t.Errorf("spec %d: %s %s is %s, want %s", spec, kind, fields[0], got, want)
				}
			}
			if count := map[string]int{"events": 137, "errors": 147}[kind]; spec == 425 && len(enum.Variants) != count {
				t.Errorf("spec 425 has %d %s, want %d", len(enum.Variants), kind, count)
			}
			if spec == 475 && kind == "errors" && len(enum.Variants) != 175 {
				t.Errorf("spec 475 has %d errors, want 175", len(enum.Variants))
			}
		}
	}
}

// Golden calls: what set_weights and others have been for years.
func TestGoldenCalls(t *testing.T) {
	t.Parallel()
	weights := map[string]any{
		"netuid": 12, "dests": []any{0, 1, 2}, "weights": []any{65535, 32768, 1}, "version_key": 10002000,
	}
	mechanism := map[string]any{"mecid": 0}
	for k, v := range weights {
		mechanism[k] = v
	}
	commitment := map[string]any{"netuid": 12, "info": map[string]any{"fields": []any{map[string]any{"Raw4": "0x64617461"}}}}
	for _, spec := range specs {
		m := ours(t, description.Options{Spec: spec}, 14)
		tests := []struct {
			pallet, call string
			args         map[string]any
			since        uint32
			want         string
		}{
			{"SubtensorModule", "set_weights", weights, 0, "07000c000c0000010002000cffff00800100509e980000000000"},
			{"SubtensorModule", "set_mechanism_weights", mechanism, 320, "07770c00000c0000010002000cffff00800100509e980000000000"},
			{"Commitments", "set_commitment", commitment, 0, "12000c00040564617461"},
			{"Timestamp", "set", map[string]any{"now": 1767323045000}, 0, "02000b888ca97c9b01"},
		}
		for _, tt := range tests {
			got, err := m.EncodeCall(tt.pallet, tt.call, tt.args)
			if spec < tt.since {
				if err == nil {
					t.Errorf("spec %d has %s.%s", spec, tt.pallet, tt.call)
				}
				continue
			}
			if err != nil || fmt.Sprintf("%x", got) != tt.want {
				t.Errorf("spec %d: %s.%s is %x (%v), want %s", spec, tt.pallet, tt.call, got, err, tt.want)
			}
		}
	}
}

// What came and went, as clients tell runtimes apart.
func TestPresence(t *testing.T) {
	t.Parallel()
	tests := []struct {
		what     string // "call", "storage" or "api"
		a, b     string
		from, to uint32
	}{
		{"call", "SubtensorModule", "commit_crv3_weights", 218, 314},
		{"call", "SubtensorModule", "commit_timelocked_weights", 301, 0},
		{"call", "SubtensorModule", "commit_timelocked_mechanism_weights", 318, 0},
		{"call", "SubtensorModule", "trigger_epoch", 423, 0},
		{"call", "SubtensorModule", "pow_register", 475, 0},
		{"storage", "SubtensorModule", "Rank", 0, 400},
		{"storage", "SubtensorModule", "TotalHotkeyAlpha", 233, 0},
		{"storage", "SubtensorModule", "LastEpochBlock", 423, 0},
		{"storage", "SubtensorModule", "SubnetEpochConsensus", 475, 0},
		{"storage", "SubtensorModule", "Alpha", 233, 474},
		{"storage", "Swap", "AlphaSqrtPrice", 283, 422},
		{"storage", "Swap", "SwapBalancer", 423, 0},
		{"storage", "Commitments", "RevealedCommitments", 257, 0},
		{"api", "SubnetInfoRuntimeApi", "get_subnet_state", 233, 0},
		{"api", "SubnetInfoRuntimeApi", "get_selective_metagraph", 261, 0},
		{"api", "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v2", 283, 0},
		{"api", "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3", 413, 0},
		{"api", "SubnetInfoRuntimeApi", "get_next_epoch_start_block", 423, 0},
		{"api", "SwapRuntimeApi", "current_alpha_price", 283, 0},
	}
	for _, spec := range specs {
		m := ours(t, description.Options{Spec: spec}, 15)
		for _, tt := range tests {
			var err error
			switch tt.what {
			case "call":
				_, err = m.Call(tt.a, tt.b)
			case "storage":
				_, err = m.Storage(tt.a, tt.b)
			default:
				_, err = m.API(tt.a, tt.b)
			}
			want := spec >= tt.from && (tt.to == 0 || spec <= tt.to)
			if (err == nil) != want {
				t.Errorf("spec %d: %s %s.%s: %v, want present %v", spec, tt.what, tt.a, tt.b, err, want)
			}
		}
	}
}

func TestOldestAPIsReturnBytes(t *testing.T) {
	t.Parallel()
	for _, spec := range specs {
		m := ours(t, description.Options{Spec: spec}, 15)
		method, err := m.API("NeuronInfoRuntimeApi", "get_neurons_lite")
		if err != nil {
			t.Fatal(err)
		}
		want := "Vec<NeuronInfoLite>"
		if spec < 233 {
			want = "Vec<u8>"
		}
		if got := m.Types.Name(method.Output); got != want {
			t.Errorf("spec %d: get_neurons_lite returns %s, want %s", spec, got, want)
		}
	}
}

// Newtypes appear in 475: a reader must look through them.
func TestNewtypes(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{425, 475} {
		m := ours(t, description.Options{Spec: spec}, 15)
		item, err := m.Storage("SubtensorModule", "Incentive")
		if err != nil {
			t.Fatal(err)
		}
		want := map[uint32]string{425: "Vec<u16>", 475: "Vec<PerU16>"}[spec]
		if got := m.Types.Name(item.Value); got != want {
			t.Errorf("spec %d: Incentive is %s, want %s", spec, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o := description.Options{
		Spec:      425,
		Constants: map[string][]byte{"System.Version": nil, "Aura.SlotDuration": {1, 2, 3, 4, 5, 6, 7, 8}},
		Pallets:   map[string]uint8{"Commitments": 77},
		Fields: []description.FieldChange{
			{Struct: "NeuronInfoLite", Field: "extra", Type: "Vec<u32>", After: "coldkey"},
			{Struct: "NeuronInfoLite", Field: "last_update"},
			{Struct: "NeuronInfoLite", Field: "hotkey", After: "pruning_score"},
		},
	}
	m := ours(t, o, 15)
	if p, _ := m.Pallet("Commitments"); p.Index != 77 {
		t.Errorf("Commitments has the index %d", p.Index)
	}
	call, err := m.EncodeCall("Commitments", "set_max_space", map[string]any{"new_limit": 1})
	if err != nil || call[0] != 77 {
		t.Errorf("a call of Commitments is %x (%v)", call, err)
	}
	if c, err := m.Constant("Aura", "SlotDuration"); err != nil || c.Value[7] != 8 {
		t.Errorf("Aura.SlotDuration is %v (%v)", c, err)
	}
	id, _ := m.Types.Find("NeuronInfoLite")
	neuron, err := m.Types.Type(id)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range neuron.Fields {
		names = append(names, f.Name)
	}
	if got := strings.Join(names[:4], " "); got != "last_update coldkey extra uid" || names[len(names)-1] != "hotkey" {
		t.Errorf("the fields are %s", names)
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options description.Options
		want    string
	}{
		"too old":       {description.Options{Spec: 217, Constants: noVersion}, "217"},
		"no version":    {description.Options{Spec: 425}, "System.Version"},
		"same index":    {description.Options{Spec: 425, Constants: noVersion, Pallets: map[string]uint8{"Drand": 7}}, "same index"},
		"no struct":     {description.Options{Spec: 425, Constants: noVersion, Fields: []description.FieldChange{{Struct: "Nothing", Field: "x"}}}, "does not exist"},
		"not a struct":  {description.Options{Spec: 425, Constants: noVersion, Fields: []description.FieldChange{{Struct: "Phase", Field: "x"}}}, "Phase"},
		"no such field": {description.Options{Spec: 425, Constants: noVersion, Fields: []description.FieldChange{{Struct: "AxonInfo", Field: "x", Type: "u8", After: "y"}}}, "no field y"},
		"no such type":  {description.Options{Spec: 425, Constants: noVersion, Fields: []description.FieldChange{{Struct: "AxonInfo", Field: "x", Type: "Nothing"}}}, "Nothing"},
	}
	for name, tt := range tests {
		if _, err := description.Load(tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, tt.want)
		}
	}
	if _, err := load(t, description.Options{Spec: 425}).Metadata(16); err == nil {
		t.Error("metadata of version 16 was made")
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		load(b, description.Options{Spec: 475})
	}
}
