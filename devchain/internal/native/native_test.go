package native

import (
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain is the least that hosts a runtime.
type chain struct {
	t       testing.TB
	runtime *Runtime
	state   *trie.Editor
	number  uint64
	time    time.Time
}

var genesisTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newChain(t testing.TB, config Config) *chain {
	t.Helper()
	config.GenesisTime = genesisTime
	r, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &chain{t: t, runtime: r, state: trie.Trie{}.Edit(), time: genesisTime}
	if err := r.Genesis(c.state); err != nil {
		t.Fatal(err)
	}
	return c
}

// produce makes blocks.
func (c *chain) produce(n int) {
	c.t.Helper()
	for range n {
		c.number++
		c.time = c.time.Add(12 * time.Second)
		inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: c.number, Parent: [32]byte{1}, Time: c.time})
		if err != nil {
			c.t.Fatal(err)
		}
		for i, inherent := range inherents {
			if err := c.runtime.ApplyExtrinsic(c.state, i, inherent); err != nil {
				c.t.Fatal(err)
			}
		}
		if err := c.runtime.FinalizeBlock(c.state); err != nil {
			c.t.Fatal(err)
		}
	}
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newChain(t, Config{Spec: spec})
		c.produce(25)
		if _, err := c.runtime.Call(c.state, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0}); err != nil {
			t.Errorf("spec %d: %v", spec, err)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNeuronsLite(b *testing.B) {
	c := newChain(b, Config{})
	for b.Loop() {
		if _, err := c.runtime.Call(c.state, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0}); err != nil {
			b.Fatal(err)
		}
	}
}
