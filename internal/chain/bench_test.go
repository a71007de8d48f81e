package chain

import (
	"testing"

	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// benchChain has the recorded subnet of 1,024 neurons as its latest block.
func benchChain(b *testing.B) *Chain {
	b.Helper()
	node := play(b, recorded343(b), recorded343Number, runtimeOf(b, 343, "v15"))
	c := newFakeChain(b, node, node, Config{})
	c.lookout.trust = 1 << 62 // the head does not get old
	if _, err := c.LatestNeurons(b.Context(), 1); err != nil {
		b.Fatal(err)
	}
	return c
}

// A hot read: a clock, a map and a pointer. The fake's lock around the head is not ours.
func BenchmarkHotNeurons(b *testing.B) {
	c := benchChain(b)
	c.lookout.nodes = stillHead{heads: c.lookout.nodes, header: c.lookout.known().Header}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if n, err := c.LatestNeurons(b.Context(), 1); err != nil || len(n.Neurons) != 1024 {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkCachedByHash is the next best: the answer is in the cache under the block's hash.
func BenchmarkCachedByHash(b *testing.B) {
	c := benchChain(b)
	at := block{Number: recorded343Number, Hash: c.lookout.known().Hash}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.subnetAt(b.Context(), at, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// stillHead is a client of nodes that has its head without a lock, as the real one has.
type stillHead struct {
	heads
	header substrate.Header
}

func (h stillHead) KnownHead() (substrate.Header, bool) { return h.header, true }
