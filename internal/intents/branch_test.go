package intents

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// misled are nodes of which one is on a branch of its own: it is asked for blocks by their height, or for what is final.
type misled struct {
	*substrate.Client
	branch atomic.Pointer[branch]
}

type branch struct {
	blocks map[uint64]substrate.Header
	final  *substrate.Header // what is called final, if anything is
}

func (m *misled) BlockHash(ctx context.Context, number uint64) (substrate.Hash, error) {
	if b := m.branch.Load(); b != nil {
		if block, ok := b.blocks[number]; ok {
			return block.Hash, nil
		}
	}
	return m.Client.BlockHash(ctx, number)
}

func (m *misled) Finalized(ctx context.Context) (substrate.Header, error) {
	if b := m.branch.Load(); b != nil && b.final != nil {
		return *b.final, nil
	}
	return m.Client.Finalized(ctx)
}

// fork makes a branch of n blocks on a block, and returns its headers.
func (w *world) fork(from uint64, n int) *branch {
	w.t.Helper()
	parent, ok := w.dev.BlockHash(from)
	if !ok {
		w.t.Fatalf("no block %d", from)
	}
	tip, err := w.dev.Fork(parent, n)
	must(w.t, err)
	b := &branch{blocks: make(map[uint64]substrate.Header)}
	hash := substrate.Hash(tip.Hash)
	for range n {
		header, err := w.client.Header(w.t.Context(), hash)
		must(w.t, err)
		b.blocks[header.Number] = header
		hash = header.Parent
	}
	return b
}

// newMisled is a world whose engine believes such nodes.
func newMisled(t *testing.T, c worldConfig) (*world, *misled) {
	t.Helper()
	c.file, c.subnets = true, []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}
	w := newWorld(t, c)
	nodes := &misled{Client: w.client}
	w.config.Nodes = nodes
	w.close()
	w.open()
	return w, nodes
}

// A node that knows another block of the last height of an era does not make us believe that the extrinsic of this era was
// not included: it would be signed and written a second time.
func TestBlockOfAnotherBranch(t *testing.T) {
	t.Parallel()
	w, nodes := newMisled(t, worldConfig{})
	id := w.put(0, miners(t))
	intent := w.until(id, 3, pylon.StateIncluded)
	w.close()
	_, err := w.dev.Produce(int(intent.LastValidBlock) + 5)
	must(t, err)
	nodes.branch.Store(w.fork(1, int(intent.LastValidBlock)))
	w.open()
	got := w.until(id, 6, pylon.StateFinalized)
	if calls := w.extrinsics(); len(calls) != 1 || got.Attempts != 1 || got.Block.Hash != intent.Block.Hash {
		t.Errorf("%v; %s", calls, describe(got))
	}
}

// A node that calls a block of a branch of its own final settles nothing: neither that the extrinsic was never included,
// nor, when the branch has it and the chain not, that it is done.
func TestFinalBlockOfAnotherBranch(t *testing.T) {
	t.Parallel()
	w, nodes := newMisled(t, worldConfig{lag: devchain.ManualFinality})
	id := w.put(0, miners(t))
	intent := w.until(id, 3, pylon.StateIncluded)
	w.produce(int(intent.LastValidBlock) + 2 - int(w.dev.Best().Header.Number))
	lie := w.fork(1, int(intent.LastValidBlock))
	last := lie.blocks[intent.LastValidBlock+1]
	lie.final = &last
	nodes.branch.Store(lie)
	w.produce(3)
	if got := w.intent(id); got.State != pylon.StateIncluded || got.Attempts != 1 {
		t.Errorf("after the lie: %s", describe(got))
	}
	nodes.branch.Store(nil)
	must(t, w.dev.Finalize(w.dev.Best().Hash))
	if got := w.until(id, 6, pylon.StateFinalized); got.Attempts != 1 || len(w.extrinsics()) != 1 {
		t.Errorf("%v; %s", w.extrinsics(), describe(got))
	}
}

// A clock that was put back does not make a retry wait for the time that it went back.
func TestRetryAfterTheClockWentBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{config: Config{Weights: Budget{Retries: 5, Delay: time.Second}}})
	r := newRunner(w.engine, w.config.Identities[0].Signer)
	for wait, due := range map[time.Duration]bool{time.Hour: true, 9 * time.Second: false, -time.Hour: true} {
		j := &job{progress: progress{RetryAt: time.Now().Add(wait).UnixMilli()}}
		j.Kind = string(pylon.IntentWeights)
		r.next = time.Now().Add(time.Minute)
		if got := r.due(j); got != due {
			t.Errorf("in %s: %t", wait, got)
		}
	}
}
