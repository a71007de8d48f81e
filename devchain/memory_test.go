package devchain

import (
	"math/rand/v2"
	"runtime"
	"testing"

	devruntime "github.com/bittensor-pylon/pylon/devchain/runtime"
)

// busy is a runtime with a state of ten thousand keys, of which every block
// writes twenty, and one long value every tenth block.
type busy struct{ tiny }

func busyKey(i int) []byte {
	random := rand.New(rand.NewPCG(uint64(i), 7))
	key := make([]byte, 66)
	for j := range 32 {
		key[j] = byte(i % 60 * (j + 3))
	}
	for j := 32; j < len(key); j++ {
		key[j] = byte(random.Uint32())
	}
	return key
}

func (b *busy) Genesis(st devruntime.State) error {
	for i := range 10_000 {
		st.Set(busyKey(i), make([]byte, 40))
	}
	return b.tiny.Genesis(st)
}

func (b *busy) FinalizeBlock(st devruntime.State) error {
	now, _ := st.Get(nowKey)
	random := rand.New(rand.NewPCG(uint64(now[0])|uint64(now[1])<<8|uint64(now[2])<<16, 1))
	for range 20 {
		st.Set(busyKey(random.IntN(10_000)), append(make([]byte, 32), now...))
	}
	if random.IntN(10) == 0 {
		st.Set(busyKey(0), append(make([]byte, 500), now...))
	}
	return b.tiny.FinalizeBlock(st)
}

// BenchmarkProduce reports what a block costs: time, and the memory that it keeps
// with its state ("state-B") and without it ("block-B").
func BenchmarkProduce(b *testing.B) {
	b.Run("busy", func(b *testing.B) { benchmarkProduce(b, &busy{tiny{spec: 1}}) })
	b.Run("subtensor", func(b *testing.B) { benchmarkProduce(b, nil) })
}

func benchmarkProduce(b *testing.B, rt devruntime.Runtime) {
	b.Helper()
	heap := func() uint64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	c := newChain(b, func(c *Config) { c.Runtime, c.KeepStates = rt, AllStates })
	before := heap()
	n := 0
	for b.Loop() {
		produce(b, c, 1)
		n++
	}
	with := heap()
	c.Prune(1)
	without := heap()
	b.ReportMetric(float64(with-without)/float64(n), "state-B")
	b.ReportMetric((float64(without)-float64(before))/float64(n), "block-B")
	runtime.KeepAlive(c)
}
