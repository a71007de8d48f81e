package chain_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// fallbacks counts the uses of the archive by reason.
type fallbacks struct {
	stale, unknown atomic.Int32
}

func (f *fallbacks) observe(op chain.Operation) {
	switch op.Fallback {
	case "stale_block":
		f.stale.Add(1)
	case "unknown_block":
		f.unknown.Add(1)
	}
}

// smallSubnets keep the tests of many blocks quick.
var smallSubnets = []devchain.Subnet{{Netuid: 1, Neurons: 8, Tempo: 20}}

// Main keeps the newest states, the archive all: each block comes from where it is, at the cutoff and on both sides of
// what main has.
func TestConformance066To068ArchiveOverTheWire(t *testing.T) {
	t.Parallel()
	used := new(fallbacks)
	w := newWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{ArchiveCutoff: 30, Observe: used.observe})
	w.produce(t, 99) // block 100
	w.Prune(21)      // 80 to 100 are left
	for _, test := range []struct {
		number         uint64
		stale, unknown int32
	}{
		{number: 100}, {number: 80}, {number: 79, unknown: 1}, {number: 70, unknown: 1}, {number: 69, stale: 1}, {number: 1, stale: 1},
	} {
		used.stale.Store(0)
		used.unknown.Store(0)
		archived := stateCalls(w.archive)
		n, err := w.chain.Neurons(t.Context(), test.number, 1)
		if err != nil || n.Block.Number != test.number || len(n.Neurons) != 8 {
			t.Errorf("block %d: %v, %v", test.number, n, err)
		}
		if stale, unknown := used.stale.Load(), used.unknown.Load(); stale != test.stale || unknown != test.unknown {
			t.Errorf("block %d: %d times too old, %d times unknown", test.number, stale, unknown)
		}
		if asked := stateCalls(w.archive) > archived; asked != (test.stale+test.unknown > 0) {
			t.Errorf("block %d: the archive was asked: %v", test.number, asked)
		}
	}
	w.archive.Prune(1)
	_, err := w.chain.Neurons(t.Context(), 75, 1)
	chain.WantProblem(t, err, problem.Unavailable, "Block 75 data is unavailable on both main and archive nodes.")
	_, err = w.chain.Neurons(t.Context(), 60, 1)
	chain.WantProblem(t, err, problem.Unavailable, "Block 60 data is unavailable on the archive node. Archive was used because "+
		"the block exceeded archive block cutoff (30 blocks).")
	_, err = w.chain.Neurons(t.Context(), 101, 1)
	chain.WantProblem(t, err, problem.NotFound, "Block 101 not found.")
	// What was read before is kept.
	if n, err := w.chain.Neurons(t.Context(), 79, 1); err != nil || n.Block.Number != 79 {
		t.Errorf("%v, %v", n, err)
	}
}

// The block is pruned on main after the first of the two answers of one request.
func TestPrunedBetweenTwoReadsOverTheWire(t *testing.T) {
	t.Parallel()
	used := new(fallbacks)
	w := newWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{Observe: used.observe})
	w.produce(t, 9)
	// The metadata is there then, and nothing is read ahead.
	if _, err := w.chain.ReadNeurons(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	w.produce(t, 5)
	var pruned sync.Once
	w.Hook("state_call", func(_ context.Context, call *devchain.Call) {
		if strings.Contains(string(call.Params), "get_subnet_state") {
			pruned.Do(func() { w.Prune(2) })
		}
	})
	n, err := w.chain.Neurons(t.Context(), 8, 1)
	if err != nil || n.Block.Number != 8 || n.Neurons[0].Stakes.Alpha != 50_000 {
		t.Errorf("%v, %v", n, err)
	}
	if got := used.unknown.Load(); got != 1 {
		t.Errorf("%d fallbacks", got)
	}
}

// Upgrades that move every field of a neuron, and every pallet: blocks before and after are read by their own runtime,
// also when the upgrade happens between two reads.
func TestRuntimeUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Spec: 393, Subnets: smallSubnets, Quiet: true}, chain.Config{})
	want := w.latest(t, 1, w.Best()).Neurons
	blocks := []devchain.Block{w.Best()}
	for i, config := range []devchain.SubtensorConfig{
		{Spec: 393, SpecVersion: 394, NeuronLayout: devchain.NeuronsWithExtra},
		{Spec: 393, SpecVersion: 395, NeuronLayout: devchain.NeuronsReordered, MovePallets: map[string]uint8{"SubtensorModule": 77, "Timestamp": 78}},
		{Spec: 393, SpecVersion: 396},
	} {
		config.Subnets, config.Quiet = smallSubnets, true
		next, err := devchain.NewSubtensor(config)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			// Twice at once: the runtime changes while a read is on its way.
			var once sync.Once
			w.Hook("state_call", func(_ context.Context, call *devchain.Call) {
				if strings.Contains(string(call.Params), "get_neurons_lite") {
					once.Do(func() {
						w.Upgrade(next)
						if _, err := w.Produce(1); err != nil {
							t.Error(err)
						}
					})
				}
			})
			read, err := w.Produce(1) // which is read ahead
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "the upgrade", func() bool { return w.Best().Header.Number > read.Header.Number })
			w.Hook("state_call", nil)
			w.awaitHead(t, w.Best())
			blocks = append(blocks, read, w.Best())
		} else {
			w.Upgrade(next)
			blocks = append(blocks, w.produce(t, 1))
		}
		last := w.produce(t, 1)
		blocks = append(blocks, last)
		w.latest(t, 1, last)
	}
	for _, at := range blocks {
		got, err := w.chain.Neurons(t.Context(), at.Header.Number, 1)
		if err != nil {
			t.Fatalf("block %d: %v", at.Header.Number, err)
		}
		if fmt.Sprint(got.Neurons) != fmt.Sprint(want) {
			t.Errorf("block %d:\n%+v instead of\n%+v", at.Header.Number, got.Neurons, want)
		}
		if info, err := w.chain.BlockInfo(t.Context(), at.Header.Number); err != nil || info.Timestamp != 1_700_000_000+12*int64(at.Header.Number) {
			t.Errorf("block %d: %+v, %v", at.Header.Number, info, err)
		}
	}
}

// The upgrade to the newest spec, on one chain.
func TestTwoSpecVersionsOfOneChain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Spec: 343, Subnets: smallSubnets, Quiet: true}, chain.Config{})
	before := w.latest(t, 1, w.Best()).Neurons[0]
	next, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: 475, Subnets: smallSubnets, Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	w.Upgrade(next)
	w.produce(t, 2)
	after := w.latest(t, 1, w.Best()).Neurons[0]
	if before.Hotkey != after.Hotkey || before.Stakes != after.Stakes || after.PruningScore != 65535 {
		t.Errorf("%+v became %+v", before, after)
	}
	for number, old := range map[uint64]bool{1: true, 3: false} {
		h, err := w.chain.Hyperparameters(t.Context(), number, 1)
		if err != nil || (h.Rho != nil) != old {
			t.Errorf("block %d: %+v, %v", number, h, err)
		}
	}
}

// The connections are cut between two reads; the second one works.
func TestConformance069ConnectionLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{})
	for range 5 {
		w.latest(t, 1, w.Best())
		if w.DropConnections() == 0 {
			t.Fatal("no connection was open")
		}
		if n, err := w.chain.Neurons(t.Context(), w.Best().Header.Number, 1); err != nil || len(n.Neurons) != 8 {
			t.Errorf("%v, %v", n, err)
		}
		if n, err := w.chain.LatestNeurons(t.Context(), 1); err != nil || len(n.Neurons) != 8 {
			t.Errorf("%v, %v", n, err)
		}
		block, err := w.Produce(1)
		if err != nil {
			t.Fatal(err)
		}
		w.awaitHead(t, block)
	}
}

// The chain is down: an error that says so, no hang; and it recovers by itself.
func TestConformance071ChainDown(t *testing.T) {
	t.Parallel()
	w := newHastyWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{BlockTime: 50 * time.Millisecond}, time.Second)
	w.latest(t, 1, w.Best())
	w.Refuse()
	w.DropConnections()
	start := time.Now()
	var err error
	eventually(t, "the failure is seen", func() bool {
		_, err = w.chain.LatestNeurons(t.Context(), 1)
		return err != nil
	})
	if problem.KindOf(err) != problem.Unavailable || !strings.HasPrefix(err.Error(), "get_latest_block failed on "+w.URL()+": Transport: ") {
		t.Errorf("%v", err)
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("the failure took %v", took)
	}
	w.Accept()
	eventually(t, "recovery", func() bool {
		n, err := w.chain.LatestNeurons(t.Context(), 1)
		return err == nil && n.Block.Number == 1
	})
}

// The node's process is stopped: pings find out; afterwards new blocks are served.
func TestFreeze(t *testing.T) {
	t.Parallel()
	w := newHastyWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{BlockTime: 50 * time.Millisecond}, time.Second)
	w.latest(t, 1, w.Best())
	w.Freeze()
	eventually(t, "the failure is seen", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := w.chain.LatestNeurons(ctx, 1)
		return problem.KindOf(err) == problem.Unavailable
	})
	block, err := w.Produce(3)
	if err != nil {
		t.Fatal(err)
	}
	w.Unfreeze()
	eventually(t, "recovery", func() bool {
		n, err := w.chain.LatestNeurons(t.Context(), 1)
		return err == nil && n.Block.Hash == block.Hash.String()
	})
}

// Main is down and the archive is up, and the reverse: what needs only the other goes on.
func TestOneOfTheTwoIsDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{ArchiveCutoff: 10})
	w.produce(t, 19)
	w.latest(t, 1, w.Best())
	w.archive.Refuse()
	w.archive.DropConnections()
	if n, err := w.chain.Neurons(t.Context(), 15, 1); err != nil || n.Block.Number != 15 {
		t.Errorf("%v, %v", n, err)
	}
	_, err := w.chain.Neurons(t.Context(), 5, 1)
	if problem.KindOf(err) != problem.Unavailable || !strings.HasPrefix(err.Error(), "get_neurons failed on "+w.archive.URL()+": Transport: ") {
		t.Errorf("%v", err)
	}
	w.archive.Accept()
	eventually(t, "the archive is back", func() bool {
		n, err := w.chain.Neurons(t.Context(), 5, 1)
		return err == nil && n.Block.Number == 5
	})
}

// Answers that are broken on the wire are one error each, and the next read is fine. Where it is the connection that
// breaks, the archive answers.
func TestBrokenAnswers(t *testing.T) {
	t.Parallel()
	for name, hook := range map[string]devchain.Hook{
		"garbled":      devchain.Garble(),
		"truncated":    devchain.Truncate(),
		"another type": devchain.Answer(12),
		"nothing":      devchain.Answer("0x"),
		"cut off":      devchain.CutAfter(100),
		"not hex":      devchain.Answer("0xzz"),
		"too short":    devchain.Answer("0x04"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devchain.SubtensorConfig{Subnets: smallSubnets}, chain.Config{})
			w.latest(t, 1, w.Best())
			w.Hook("state_call", hook)
			_, _, err := w.chain.LatestHyperparameters(t.Context(), 1)
			if name == "cut off" {
				if err != nil {
					t.Errorf("%v", err)
				}
			} else if problem.KindOf(err) != problem.Unavailable {
				t.Errorf("%v", err)
			}
			w.Hook("state_call", nil)
			if _, _, err := w.chain.LatestHyperparameters(t.Context(), 1); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
