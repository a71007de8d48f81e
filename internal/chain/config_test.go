package chain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	main := must(substrate.New(substrate.Config{Nodes: []string{"ws://user:secret@10.0.0.1:9944/key", "ws://10.0.0.2:9944"}}))(t)
	for want, config := range map[string]Config{
		"chain: Main is required":        {},
		"chain: CacheBytes is negative":  {Main: main, CacheBytes: -1},
		"chain: ReadTimeout is negative": {Main: main, ReadTimeout: -1},
		"chain: KeepReady is negative":   {Main: main, KeepReady: -1},
		"chain: ReadAhead is negative":   {Main: main, ReadAhead: -1},
		"chain: BlockTime is negative":   {Main: main, BlockTime: -1},
	} {
		if _, err := New(config); err == nil || err.Error() != want {
			t.Errorf("%v instead of %s", err, want)
		}
	}
	c := must(New(Config{Main: main}))(t)
	defer c.Close()
	got := c.config
	if got.Archive != main || got.ArchiveCutoff != 300 || got.CacheBytes != 32<<20 || got.ReadTimeout != time.Minute ||
		got.KeepReady != 5*time.Minute || got.ReadAhead != 8 || got.BlockTime != 12*time.Second || got.Logger != slog.Default() {
		t.Errorf("defaults: %+v", got)
	}
	if want := "ws://10.0.0.1:9944/…,ws://10.0.0.2:9944"; c.main.uri != want || c.archive.uri != want {
		t.Errorf("nodes are called %q and %q", c.main.uri, c.archive.uri)
	}
	if none := (Config{Main: main, ArchiveCutoff: -1}).withDefaults(); none.ArchiveCutoff != 0 {
		t.Errorf("a negative cutoff is %d", none.ArchiveCutoff)
	}
}

func TestStartAndCloseInAnyOrder(t *testing.T) {
	t.Parallel()
	for range 20 {
		node := newFakeNode(t)
		node.grow(1, 3)
		c := newFakeChain(t, node, node, Config{})
		var group sync.WaitGroup
		for range 10 {
			group.Go(c.Start)
			group.Go(func() {
				if _, err := c.LatestNeurons(t.Context(), 1); err != nil && problem.KindOf(err) != problem.NotReady {
					t.Error(err)
				}
			})
			group.Go(c.Close)
		}
		group.Wait()
		c.Close()
		c.Start()
		node.mu.Lock()
		if n := len(node.watchers); n != 0 {
			t.Errorf("%d watchers are left", n)
		}
		node.mu.Unlock()
	}
}

// How operations end, as metrics see it.
func TestStatusOfOperations(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"success":       nil,
		"unknown_block": &substrate.Error{Kind: substrate.KindUnknownBlock},
		"cancelled":     &substrate.Error{Kind: substrate.KindCanceled, Err: context.Canceled},
		"error":         errors.New("anything"),
	} {
		seen := new(observed)
		c := newFakeChain(t, newFakeNode(t), newFakeNode(t), Config{Observe: seen.add})
		c.report(getNeurons, "ws://main", "7", staleBlock, time.Now(), err)
		c.report(getBlockTime, "ws://main", "N/A", "", time.Now(), err) // is not measured
		one := []Operation{{Name: "get_neurons", Status: want, URI: "ws://main", Netuid: "7", Fallback: "stale_block"}}
		if diff := cmp.Diff(one, seen.take()); diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}
