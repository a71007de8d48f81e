package chain

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// realchain is what the real runtime of spec 218 said about subnets 1 and 9 on a node of its own, and what bt-decode, the
// SDK's decoder, made of it (interop/realchain/read.py).
type realchain struct {
	recording
	Neurons         pylon.Neurons   `json:"neurons"`
	Hyperparameters json.RawMessage `json:"hyperparameters"`
}

// play gives a node the block of a recording.
func play(t testing.TB, r *recording, number uint64, runtime *substrate.Runtime) *fakeNode {
	t.Helper()
	node := newFakeNode(t)
	node.runtime = runtime
	header := substrate.Header{Number: number, Hash: must(substrate.ParseHash(r.BlockHash))(t)}
	node.blocks[header.Hash] = &fakeBlock{header: header}
	node.numbers[number] = header.Hash
	node.setHead(header)
	node.recorded = r
	return node
}

func TestSpec218(t *testing.T) {
	t.Parallel()
	var known realchain
	readJSON(t, "realchain-218.json.gz", &known)
	for _, metadata := range []string{"v14", "v15"} {
		t.Run(metadata, func(t *testing.T) {
			t.Parallel()
			node := play(t, &known.recording, 103, runtimeOf(t, 218, metadata))
			c := newFakeChain(t, node, node, Config{})
			got, err := c.LatestNeurons(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Neurons) != 256 {
				t.Errorf("%d neurons", len(got.Neurons))
			}
			if diff := cmp.Diff(&known.Neurons, got, cmp.Comparer(sameAddress)); diff != "" {
				t.Errorf("neurons (-bt-decode +ours):\n%s", diff)
			}
			_, err = c.LatestNeurons(t.Context(), 9)
			wantProblem(t, err, problem.NotFound, "Subnet 9 not found.")

			h, _, err := c.LatestHyperparameters(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			compareHyperparameters(t, known.Hyperparameters, h)
			_, err = c.Hyperparameters(t.Context(), 103, 9)
			wantProblem(t, err, problem.NotFound, "Subnet 9 not found.")
		})
	}
}

// compareHyperparameters compares with the chain's own numbers under the chain's own names.
func compareHyperparameters(t *testing.T, want []byte, got *Hyperparameters) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(want))
	decoder.UseNumber()
	var names map[string]any
	if err := decoder.Decode(&names); err != nil {
		t.Fatal(err)
	}
	if names["commit_reveal_period"] == nil {
		names["commit_reveal_period"] = names["commit_reveal_weights_interval"]
		delete(names, "commit_reveal_weights_interval")
	}
	fields := make(map[string]any)
	value := reflect.ValueOf(got).Elem()
	for i := range value.NumField() {
		field := reflect.Indirect(value.Field(i))
		if !field.IsValid() {
			continue
		}
		name := chainName(value.Type().Field(i).Name)
		if field.Kind() == reflect.Float64 { // a share
			fields[name] = json.Number(must(json.Marshal(uint64(field.Float()*65535 + 0.5)))(t))
		} else if field.Kind() == reflect.Bool {
			fields[name] = field.Bool()
		} else {
			fields[name] = json.Number(must(json.Marshal(field.Uint()))(t))
		}
	}
	if diff := cmp.Diff(names, fields); diff != "" {
		t.Errorf("hyperparameters (-theirs +ours):\n%s", diff)
	}
}

// chainName writes TargetRegsPerInterval as target_regs_per_interval.
func chainName(field string) string {
	var name strings.Builder
	for i, letter := range field {
		if letter >= 'A' && letter <= 'Z' {
			if i > 0 {
				name.WriteByte('_')
			}
			letter += 'a' - 'A'
		}
		name.WriteRune(letter)
	}
	return name.String()
}

// Runtimes before spec 233 on the main network have no subnet state: the stakes are those staked on the hotkey, in TAO.
func TestSpec218WithoutSubnetState(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 218, "v14")
	node.old = true
	node.grow(1, 2)
	node.change(2, func(b *fakeBlock) {
		b.subnets[1][0].stake = []uint64{3_000_000_001, 1, 2_000_000_000}
		b.subnets[1][1].stake = nil
		b.subnets[5] = nil // a subnet without neurons
	})
	c := newFakeChain(t, node, node, Config{})
	got, err := c.LatestNeurons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		stake  float64
		stakes pylon.Stakes
	}{
		{3.000000001, pylon.Stakes{TAO: 5.000000002, Total: 5.000000002}},
		{0, pylon.Stakes{}},
	} {
		if n := got.Neurons[i]; n.Stake != want.stake || n.Stakes != want.stakes {
			t.Errorf("neuron %d: %v and %+v", i, n.Stake, n.Stakes)
		}
	}
	if none, err := c.LatestNeurons(t.Context(), 5); err != nil || len(none.Neurons) != 0 {
		t.Errorf("a subnet without neurons: %v, %v", none, err)
	}
	_, err = c.LatestNeurons(t.Context(), 6)
	wantProblem(t, err, problem.NotFound, "Subnet 6 not found.")
}
