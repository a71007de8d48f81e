package chain_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// What a chain of every spec version holds, read over the wire: the neurons that the development chain is known to begin
// with.
func TestEverySpecVersion(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233, 320, 343, 393, 425, 475} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devchain.SubtensorConfig{Spec: spec, Quiet: true}, chain.Config{})
			block := w.Best()
			for netuid, size := range map[pylon.Netuid]int{1: 256, 2: 64, 3: 32, 4: 16} {
				neurons := w.latest(t, netuid, block).Neurons
				if len(neurons) != size {
					t.Fatalf("subnet %d: %d neurons", netuid, len(neurons))
				}
				serving := 0
				for uid, n := range neurons {
					if int(n.UID) != uid || n.Emission < 0 || n.LastUpdate > block.Header.Number || !n.AxonInfo.IP.IsValid() {
						t.Errorf("subnet %d: neuron %d: %+v", netuid, uid, n)
					}
					if n.AxonInfo.IsServing() {
						serving++
					}
				}
				if serving != size-4 {
					t.Errorf("subnet %d: %d neurons with an axon", netuid, serving)
				}
			}
			checkValidators(t, w, spec)
			checkHyperparameters(t, w, spec)

			_, err := w.chain.LatestNeurons(t.Context(), 99)
			chain.WantProblem(t, err, problem.NotFound, "Subnet 99 not found.")
			info, err := w.chain.LatestBlock(t.Context())
			if err != nil || info.Number != 1 || info.Hash != block.Hash.String() || info.Timestamp != 1_700_000_012 {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

// checkValidators checks the stakes of //Alice, //Bob, //Charlie and //Dave on subnet 2: 50, 30, 20 and 10 thousand
// alpha, and 10, 6, 3 and 1 thousand TAO, which count for 5.27 % each.
func checkValidators(t *testing.T, w *world, spec uint32) {
	t.Helper()
	validators, err := w.chain.LatestValidators(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(validators.Validators); n != 4 && spec >= 233 || n < 4 {
		t.Fatalf("%d validators", n)
	}
	for i, want := range []struct {
		uri        string
		alpha, tao float64
	}{{"//Alice", 50_000, 10_000}, {"//Bob", 30_000, 6_000}, {"//Charlie", 20_000, 3_000}, {"//Dave", 10_000, 1_000}} {
		got := validators.Validators[i]
		if got.Hotkey != hotkeyOf(t, want.uri) || got.Coldkey != pylon.Coldkey(hotkeyOf(t, "//Eve")) || got.UID != uint16(i) {
			t.Errorf("validator %d: uid %d, %s of %s", i, got.UID, got.Hotkey, got.Coldkey)
		}
		if spec < 233 { // there is no alpha yet
			if got.Stake != want.tao || got.Stakes != (pylon.Stakes{TAO: want.tao, Total: want.tao}) {
				t.Errorf("%s: stake %v, %+v", want.uri, got.Stake, got.Stakes)
			}
			continue
		}
		total := want.alpha + want.tao*0.05267697
		if got.Stake != want.alpha || got.Stakes.Alpha != want.alpha || got.Stakes.TAO != want.tao ||
			got.Stakes.Total < total-0.01 || got.Stakes.Total > total+0.01 {
			t.Errorf("%s: stake %v, %+v instead of total %v", want.uri, got.Stake, got.Stakes, total)
		}
	}
}

func checkHyperparameters(t *testing.T, w *world, spec uint32) {
	t.Helper()
	h, block, err := w.chain.LatestHyperparameters(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if h.Tempo != 20 || !h.CommitRevealWeightsEnabled || h.CommitRevealPeriod != 1 || block.Number != 1 {
		t.Errorf("%+v at %v", h, block)
	}
	if (h.Rho == nil) != (spec >= 413) || (h.YumaVersion == nil) != (spec < 283) || (h.BurnHalfLife == nil) != (spec < 413) {
		t.Errorf("spec %d is read in another shape: rho %v, yuma %v, burn half life %v", spec, h.Rho, h.YumaVersion, h.BurnHalfLife)
	}
	if same, err := w.chain.Hyperparameters(t.Context(), 1, 2); same != h || err != nil {
		t.Errorf("by number: %+v, %v", same, err)
	}
	_, err = w.chain.Hyperparameters(t.Context(), 1, 99)
	chain.WantProblem(t, err, problem.NotFound, "Subnet 99 not found.")
	for netuid, want := range map[pylon.Netuid]bool{0: true, 1: true, 4: true, 5: false} {
		if got, err := w.chain.SubnetExists(t.Context(), 1, netuid); got != want || err != nil {
			t.Errorf("subnet %d: %v, %v", netuid, got, err)
		}
	}
}

// A new block costs the same number of calls however many ask, and none of those who ask waits for one.
func TestCallsPerBlock(t *testing.T) {
	t.Parallel()
	for _, readers := range []int{1, 256} {
		t.Run(fmt.Sprint(readers), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devchain.SubtensorConfig{}, chain.Config{})
			for _, netuid := range []pylon.Netuid{1, 2} {
				w.latest(t, netuid, w.Best())
			}
			if _, err := w.chain.LatestBlock(t.Context()); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				before := stateCalls(w.Node)
				block := w.produce(t, 1)
				var group sync.WaitGroup
				for range readers {
					group.Go(func() {
						for _, netuid := range []pylon.Netuid{1, 2} {
							got, err := w.chain.LatestNeurons(t.Context(), netuid)
							if err != nil || got.Block.Number < block.Header.Number-1 {
								t.Errorf("%v, %v", got, err)
							}
							if _, err := w.chain.LatestValidators(t.Context(), netuid); err != nil {
								t.Error(err)
							}
						}
						if got, err := w.chain.LatestBlock(t.Context()); err != nil || got.Hash != block.Hash.String() {
							t.Errorf("%v, %v", got, err)
						}
					})
				}
				group.Wait()
				w.latest(t, 1, block)
				w.latest(t, 2, block)
				// The runtime's version, the time, and two answers for each subnet.
				if got := stateCalls(w.Node) - before; got != 6 {
					t.Errorf("block %d: %d calls", block.Header.Number, got)
				}
			}
			if got := stateCalls(w.archive); got != 0 {
				t.Errorf("%d calls of the archive", got)
			}
		})
	}
}

// The one who started a read leaves; the others get it, and it was read once.
func TestConformance070CancelOverTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{}, chain.Config{})
	proceed, entered := make(chan struct{}), make(chan struct{})
	var once sync.Once
	w.Hook("state_call", func(ctx context.Context, call *devchain.Call) {
		once.Do(func() { close(entered) })
		devchain.Until(proceed)(ctx, call)
	})
	before := w.Calls()["state_call"]
	first, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := w.chain.LatestNeurons(first, 1)
		left <- err
	}()
	<-entered
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if n, err := w.chain.LatestNeurons(t.Context(), 1); err != nil || len(n.Neurons) != 256 {
				t.Errorf("%v", err)
			}
		})
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: %v", err)
	}
	close(proceed)
	group.Wait()
	// Metadata, neurons, state.
	if got := w.Calls()["state_call"] - before; got != 3 {
		t.Errorf("%d calls", got)
	}
	if _, err := w.chain.LatestNeurons(t.Context(), 2); err != nil {
		t.Errorf("the next read: %v", err)
	}
}

func TestFork(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{}, chain.Config{})
	base := w.produce(t, 3)
	w.latest(t, 1, base)
	old := w.produce(t, 2)
	w.latest(t, 1, old)
	other, err := w.Fork(base.Hash, 3)
	if err != nil {
		t.Fatal(err)
	}
	w.awaitHead(t, other)
	w.latest(t, 1, other)
	// A number of the old fork is one of the new one now.
	forked, ok := w.Block(old.Header.Number)
	if !ok || forked.Hash == old.Hash {
		t.Fatalf("block %d is still %s", old.Header.Number, old.Hash)
	}
	got, err := w.chain.Neurons(t.Context(), old.Header.Number, 1)
	if err != nil || got.Block.Hash != forked.Hash.String() {
		t.Errorf("%v, %v", got, err)
	}
	// The head goes back, and to the other fork.
	for _, at := range []devchain.Block{old, base, other} {
		if err := w.Follow(at.Hash); err != nil {
			t.Fatal(err)
		}
		w.awaitHead(t, at)
		w.latest(t, 1, at)
		if info, err := w.chain.LatestBlock(t.Context()); err != nil || info.Hash != at.Hash.String() {
			t.Errorf("%+v, %v", info, err)
		}
	}
}

// What is read at a block is what was there, not what is there now.
func TestReadingThePast(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Quiet: true}, chain.Config{})
	subtensor, err := devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true})
	if err != nil {
		t.Fatal(err)
	}
	bob, err := w.chain.LatestNeurons(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	id := bob.Neurons[1].Hotkey
	addresses := []string{"10.1.1.1", "2001:db8::77", "10.1.1.3"}
	for _, address := range addresses {
		if _, err := w.ProduceEdited(func(st runtime.State) error {
			endpoint := netip.AddrPortFrom(netip.MustParseAddr(address), 8091)
			subtensor.SetAxon(st, 4, accountOf(t, "//Bob"), devchain.Axon{Endpoint: endpoint, Protocol: 4})
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitHead(t, w.Best())
	for i, want := range append([]string{"0.0.0.0"}, addresses...) {
		got, err := w.chain.Neurons(t.Context(), uint64(1+i), 4)
		if err != nil {
			t.Fatal(err)
		}
		if n := got.Neurons[1]; n.Hotkey != id || n.AxonInfo.IP.String() != want {
			t.Errorf("block %d: %s at %v", 1+i, n.Hotkey, n.AxonInfo)
		}
	}
}
