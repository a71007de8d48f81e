package substrate_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// startChain starts a development chain with a few neurons.
func startChain(t *testing.T, spec uint32) *devchain.Chain {
	t.Helper()
	return startRuntime(t, subtensor(t, devchain.SubtensorConfig{Spec: spec}))
}

func subtensor(t *testing.T, config devchain.SubtensorConfig) *devchain.Subtensor {
	t.Helper()
	config.Subnets = devchain.DefaultSubnets()
	for i := range config.Subnets {
		config.Subnets[i].Neurons = 8
	}
	r, err := devchain.NewSubtensor(config)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func startRuntime(t *testing.T, r runtime.Runtime) *devchain.Chain {
	t.Helper()
	chain, err := devchain.New(devchain.Config{Runtime: r, GenesisTime: time.Unix(1_760_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	return chain
}

func addNode(t *testing.T, chain *devchain.Chain, config devchain.NodeConfig) *devchain.Node {
	t.Helper()
	node, err := chain.AddNode(config)
	if err != nil {
		t.Fatal(err)
	}
	return node
}

func produce(t *testing.T, chain *devchain.Chain, n int) devchain.Block {
	t.Helper()
	b, err := chain.Produce(n)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// dial makes a client that reconnects quickly.
func dial(t *testing.T, config substrate.Config, nodes ...*devchain.Node) *substrate.Client {
	t.Helper()
	for _, node := range nodes {
		config.Nodes = append(config.Nodes, node.URL())
	}
	config.BackoffMin, config.BackoffMax = time.Millisecond, 20*time.Millisecond
	c, err := substrate.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "all nodes are connected", func() bool {
		return !slices.ContainsFunc(c.Nodes(), func(s substrate.NodeStatus) bool { return s.State == substrate.NodeConnecting })
	})
	return c
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("still not: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func hasHead(c *substrate.Client, b devchain.Block) func() bool {
	return func() bool {
		h, ok := c.KnownHead()
		return ok && devchain.Hash(h.Hash) == b.Hash
	}
}

// Everything that can be read, of a runtime without described APIs, of the oldest with them, and of the newest.
func TestReadsTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233, 475} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			chain := startChain(t, spec)
			best := produce(t, chain, 12)
			c := dial(t, substrate.Config{}, chain.Node)
			at := substrate.Hash(best.Hash)

			h, err := c.Head(t.Context())
			if want := (substrate.Header{Number: 12, Hash: at, Parent: substrate.Hash(best.Parent)}); err != nil || h != want {
				t.Errorf("the head is %v, %v, not %v", h, err, want)
			}
			if f, err := c.Finalized(t.Context()); err != nil || devchain.Hash(f.Hash) != chain.Finalized().Hash {
				t.Errorf("the finalised head is %v, %v", f, err)
			}
			if g, err := c.Genesis(t.Context()); err != nil || devchain.Hash(g) != chain.Genesis().Hash {
				t.Errorf("the genesis is %v, %v", g, err)
			}
			for n := range uint64(13) {
				want, _ := chain.Block(n)
				hash, err := c.BlockHash(t.Context(), n)
				if err != nil || devchain.Hash(hash) != want.Hash {
					t.Fatalf("block %d is %v, %v", n, hash, err)
				}
				if h, err := c.Header(t.Context(), hash); err != nil || h.Number != n || devchain.Hash(h.Parent) != want.Parent {
					t.Errorf("header %d: %v, %v", n, h, err)
				}
				b, err := c.Block(t.Context(), hash)
				if err != nil || b.Header.Hash != hash || !slices.EqualFunc(b.Extrinsics, want.Extrinsics, bytes.Equal) {
					t.Errorf("block %d: %v, %v", n, b, err)
				}
			}

			r, err := c.Runtime(t.Context(), at)
			if err != nil {
				t.Fatal(err)
			}
			if r.SpecName != "node-subtensor" || r.SpecVersion != spec || r.Metadata.Version != 15 {
				t.Errorf("the runtime is %s %d with metadata %d", r.SpecName, r.SpecVersion, r.Metadata.Version)
			}
			raw, err := c.StateCall(t.Context(), at, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0})
			if err != nil || len(raw) < 8*50 {
				t.Errorf("neurons of %d bytes, %v", len(raw), err)
			}

			state, err := chain.State(best.Hash)
			if err != nil {
				t.Fatal(err)
			}
			now := scale.StoragePrefix("Timestamp", "Now")
			want, _ := state.Get(now)
			if v, err := c.Storage(t.Context(), at, now); err != nil || len(v) != 8 || !bytes.Equal(v, want) {
				t.Errorf("the time is %x, %v, not %x", v, err, want)
			}
			if v, err := c.StorageBatch(t.Context(), at, [][]byte{now, []byte("absent"), now}); err != nil || len(v) != 3 || !bytes.Equal(v[0], want) || v[1] != nil || !bytes.Equal(v[2], want) {
				t.Errorf("a batch: %x, %v", v, err)
			}
			for _, prefix := range [][]byte{scale.StoragePrefix("SubtensorModule", "Keys"), nil} {
				keys := state.Keys(prefix, nil, 1<<20)
				i := 0
				err := c.StoragePrefix(t.Context(), at, prefix, func(key, value []byte) error {
					if want, ok := state.Get(key); !ok || !bytes.Equal(key, keys[i]) || !bytes.Equal(value, want) {
						t.Errorf("key %d: %x with %x", i, key, value)
					}
					i++
					return nil
				})
				if err != nil || i != len(keys) || i == 0 {
					t.Errorf("%d keys with the prefix %x, not %d; %v", i, prefix, len(keys), err)
				}
			}
		})
	}
}

// What a node's errors mean.
// A node's answer has a limit (15 MiB by default). A thousand values can be over it, each of them under it.
func TestValuesThatAreTooManyAtOnce(t *testing.T) {
	t.Parallel()
	chain := startChain(t, 0)
	prefix := []byte("a prefix of thirty-two bytes 012")
	const entries, length = 300, 500
	chain.Edit(func(st runtime.State) error {
		for i := range entries {
			st.Set(fmt.Appendf(prefix[:len(prefix):len(prefix)], "%03d", i), bytes.Repeat([]byte{byte(i)}, length))
		}
		return nil
	})
	at := produce(t, chain, 1)
	small := addNode(t, chain, devchain.NodeConfig{Limits: devchain.Limits{ResponseBytes: 32 << 10}})
	c := dial(t, substrate.Config{}, small)
	seen := 0
	if err := c.StoragePrefix(t.Context(), substrate.Hash(at.Hash), prefix, func(key, value []byte) error {
		if string(key[len(prefix):]) != fmt.Sprintf("%03d", seen) || !bytes.Equal(value, bytes.Repeat([]byte{byte(seen)}, length)) {
			t.Fatalf("entry %d is %q with %d bytes of %x", seen, key, len(value), value[:1])
		}
		seen++
		return nil
	}); err != nil || seen != entries {
		t.Errorf("%d entries, %v", seen, err)
	}
}

func TestKindsOfTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	chain := startChain(t, 0)
	best := produce(t, chain, 12)
	old, _ := chain.Block(3)
	chain.Prune(5)
	c := dial(t, substrate.Config{}, chain.Node)
	key := scale.StoragePrefix("Timestamp", "Now")
	never := func([]byte, []byte) error { t.Error("visited"); return nil }
	for _, test := range []struct {
		name string
		at   devchain.Hash
		want substrate.Kind
	}{
		{"pruned", old.Hash, substrate.KindStateDiscarded},
		{"unknown", devchain.Hash{1}, substrate.KindUnknownBlock},
	} {
		at := substrate.Hash(test.at)
		for call, err := range map[string]error{
			"StateCall":     second(c.StateCall(t.Context(), at, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0})),
			"Storage":       second(c.Storage(t.Context(), at, key)),
			"StorageBatch":  second(c.StorageBatch(t.Context(), at, [][]byte{key})),
			"StoragePrefix": c.StoragePrefix(t.Context(), at, key, never),
			"Runtime":       second(c.Runtime(t.Context(), at)),
		} {
			if substrate.KindOf(err) != test.want || err == nil {
				t.Errorf("%s, %s: %v", test.name, call, err)
			}
		}
	}
	if h, err := c.Header(t.Context(), substrate.Hash(old.Hash)); err != nil || h.Number != 3 {
		t.Errorf("the header of a pruned block: %v, %v", h, err)
	}
	if b, err := c.Block(t.Context(), substrate.Hash(old.Hash)); err != nil || len(b.Extrinsics) == 0 {
		t.Errorf("a pruned block: %v, %v", b, err)
	}
	at := substrate.Hash(best.Hash)
	for name, test := range map[string]struct {
		err  error
		want substrate.Kind
	}{
		"no such number":      {second(c.BlockHash(t.Context(), 13)), substrate.KindUnknownBlock},
		"a number of 64 bits": {second(c.BlockHash(t.Context(), 1<<63)), substrate.KindUnknownBlock},
		"no such header":      {second(c.Header(t.Context(), substrate.Hash{1})), substrate.KindUnknownBlock},
		"no such block":       {second(c.Block(t.Context(), substrate.Hash{1})), substrate.KindUnknownBlock},
		"no such API":         {second(c.StateCall(t.Context(), at, "NeuronInfoRuntimeApi_get_nothing", nil)), substrate.KindMethodMissing},
		"wrong arguments":     {second(c.StateCall(t.Context(), at, "NeuronInfoRuntimeApi_get_neurons_lite", nil)), substrate.KindNode},
	} {
		if substrate.KindOf(test.err) != test.want || test.err == nil {
			t.Errorf("%s: %v", name, test.err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// What is read at a block is decoded by the runtime of that block, whatever the newest one is.
func TestRuntimeUpgrades(t *testing.T) {
	t.Parallel()
	chain := startChain(t, 425)
	var blocks []devchain.Block
	blocks = append(blocks, produce(t, chain, 2))
	for _, version := range []uint32{426, 427} {
		chain.Upgrade(subtensor(t, devchain.SubtensorConfig{Spec: 425, SpecVersion: version, MovePallets: map[string]uint8{"SubtensorModule": uint8(version - 200)}}))
		blocks = append(blocks, produce(t, chain, 1), produce(t, chain, 1))
	}
	c := dial(t, substrate.Config{Runtimes: 2}, chain.Node)
	for range 3 {
		for _, b := range blocks {
			want, err := chain.Runtime(b.Hash)
			if err != nil {
				t.Fatal(err)
			}
			r, err := c.Runtime(t.Context(), substrate.Hash(b.Hash))
			if err != nil {
				t.Fatal(err)
			}
			if r.SpecVersion != want.Version().SpecVersion {
				t.Errorf("block %d has spec version %d, not %d", b.Number, r.SpecVersion, want.Version().SpecVersion)
			}
			if p, ok := r.Metadata.Pallet("SubtensorModule"); !ok || r.SpecVersion > 425 && uint32(p.Index) != r.SpecVersion-200 {
				t.Errorf("spec version %d has the metadata of another: %v", r.SpecVersion, p)
			}
		}
	}
	if n := chain.Calls()["state_getRuntimeVersion"]; n != len(blocks) {
		t.Errorf("the version was read %d times for %d blocks", n, len(blocks))
	}
}

// A new block costs no call, and a read one more than what is read.
func TestCallsPerBlock(t *testing.T) {
	t.Parallel()
	chain := startChain(t, 0)
	first := produce(t, chain, 3)
	c := dial(t, substrate.Config{}, chain.Node)
	if _, err := c.Runtime(t.Context(), substrate.Hash(first.Hash)); err != nil {
		t.Fatal(err)
	}
	before := chain.Calls()
	const n = 50
	for range n {
		b := produce(t, chain, 1)
		until(t, "the new head", hasHead(c, b))
	}
	if after := chain.Calls(); !maps.Equal(before, after) {
		t.Errorf("%d new blocks cost calls: %v, %v", n, before, after)
	}
	for range n {
		b := produce(t, chain, 1)
		until(t, "the new head", hasHead(c, b))
		h, _ := c.KnownHead()
		for range 3 {
			if _, err := c.Runtime(t.Context(), h.Hash); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Header(t.Context(), h.Hash); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := maps.Clone(before)
	want["state_getRuntimeVersion"] += n
	if after := chain.Calls(); !maps.Equal(want, after) {
		t.Errorf("%d blocks that were read cost %v, not %v", n, after, want)
	}
}

func TestForks(t *testing.T) {
	t.Parallel()
	chain := startChain(t, 0)
	base := produce(t, chain, 5)
	produce(t, chain, 3)
	c := dial(t, substrate.Config{}, chain.Node)
	events, stop := c.Watch(100)
	defer stop()
	forked, err := chain.Fork(base.Hash, 5)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the head of the fork", hasHead(c, forked))
	for n := range forked.Number + 1 {
		want, _ := chain.BlockHash(n)
		if hash, err := c.BlockHash(t.Context(), n); err != nil || devchain.Hash(hash) != want {
			t.Errorf("block %d is %v, %v", n, hash, err)
		}
	}
	final := substrate.Header{}
	for e := range events {
		if e.Finalized {
			if e.Header.Number < final.Number {
				t.Errorf("the finalised head went from %d back to %d", final.Number, e.Header.Number)
			}
			final = e.Header
		} else if devchain.Hash(e.Header.Hash) == forked.Hash {
			break
		}
	}
	// One node alone that is put back: we follow, for there is nobody else to ask.
	if err := chain.Follow(base.Hash); err != nil {
		t.Fatal(err)
	}
	until(t, "the head is where the node is", hasHead(c, base))
	chain.Release()
	until(t, "the head is back", hasHead(c, forked))
}

// A node that is stuck, frozen, refuses, drops or has pruned, beside one that has nothing: no reader notices.
func TestOneNodeOfTwoIsBad(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(n *devchain.Node){
		"held":       func(n *devchain.Node) { n.Hold() },
		"frozen":     func(n *devchain.Node) { n.Freeze() },
		"refusing":   func(n *devchain.Node) { n.Refuse(); n.DropConnections() },
		"pruned":     func(n *devchain.Node) { n.Prune(0) },
		"silent":     func(n *devchain.Node) { n.Hook("*", devchain.Silence()) },
		"garbling":   func(n *devchain.Node) { n.Hook("*", devchain.Garble()) },
		"truncating": func(n *devchain.Node) { n.Hook("*", devchain.Truncate()) },
		"wrong ids":  func(n *devchain.Node) { n.Hook("*", devchain.WrongID()) },
		"enlarging":  func(n *devchain.Node) { n.Hook("*", devchain.Enlarge(1<<20+1)) },
		"cutting":    func(n *devchain.Node) { n.Hook("*", devchain.CutAfter(10)) },
		"failing":    func(n *devchain.Node) { n.Hook("*", devchain.Fail(-32603, "Internal error")) },
		"nonsense":   func(n *devchain.Node) { n.Hook("*", devchain.Answer(map[string]any{"x": []int{1}})) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chain := startChain(t, 0)
			produce(t, chain, 5)
			good := addNode(t, chain, devchain.NodeConfig{})
			c := dial(t, substrate.Config{
				CallTimeout:  500 * time.Millisecond,
				DialTimeout:  500 * time.Millisecond,
				PingInterval: 100 * time.Millisecond,
				PingTimeout:  500 * time.Millisecond,
				ReadLimit:    1 << 20,
			}, chain.Node, good)
			key := scale.StoragePrefix("Timestamp", "Now")
			fault(chain.Node)
			for range 10 {
				b := produce(t, chain, 1)
				until(t, "the new head", hasHead(c, b))
				state, err := chain.State(b.Hash)
				if err != nil {
					t.Fatal(err)
				}
				want, _ := state.Get(key)
				if v, err := c.Storage(t.Context(), substrate.Hash(b.Hash), key); err != nil || !bytes.Equal(v, want) {
					t.Errorf("%x, %v, not %x", v, err, want)
				}
				if r, err := c.Runtime(t.Context(), substrate.Hash(b.Hash)); err != nil || r.SpecVersion != 475 {
					t.Errorf("%v, %v", r, err)
				}
				if hash, err := c.BlockHash(t.Context(), b.Number); name != "held" && (err != nil || devchain.Hash(hash) != b.Hash) {
					t.Errorf("block %d is %v, %v", b.Number, hash, err)
				}
			}
			chain.Hook("*", nil)
			chain.Unfreeze()
			chain.Release()
			chain.Accept()
			// A frozen node has lost its first chance to reconnect, and a held one is now behind.
			b := produce(t, chain, 10)
			until(t, "the node is healthy again", func() bool { return c.Nodes()[0].State == substrate.NodeHealthy })
			until(t, "the newest head", hasHead(c, b))
		})
	}
}

// Many readers, three nodes, and faults in an order given by a seed: while one node is good every answer is there, and
// every answer is right.
func TestReadersAmongFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			chain := startChain(t, 0)
			produce(t, chain, 5)
			nodes := []*devchain.Node{chain.Node, addNode(t, chain, devchain.NodeConfig{}), addNode(t, chain, devchain.NodeConfig{})}
			c := dial(t, substrate.Config{
				CallTimeout:  time.Second,
				DialTimeout:  time.Second,
				PingInterval: 100 * time.Millisecond,
				PingTimeout:  time.Second,
				ReadLimit:    1 << 20,
			}, nodes...)
			key := scale.StoragePrefix("System", "Number")
			ctx, cancel := context.WithCancel(t.Context())
			var readers sync.WaitGroup
			var reads [4]atomic.Int64
			for i := range reads {
				readers.Go(func() {
					for ctx.Err() == nil {
						h, _ := c.KnownHead()
						v, err := c.Storage(t.Context(), h.Hash, key)
						if err != nil {
							t.Errorf("block %d: %v\n%+v", h.Number, err, c.Nodes())
							return
						}
						if n := scale.NewReader(v).Uint32(); uint64(n) != h.Number {
							t.Errorf("block %d says it is %d", h.Number, n)
						}
						reads[i].Add(1)
					}
				})
			}
			faults := []func(n *devchain.Node){
				func(n *devchain.Node) { n.DropConnections() },
				func(n *devchain.Node) { n.Freeze() },
				func(n *devchain.Node) { n.Refuse(); n.DropConnections() },
				func(n *devchain.Node) { n.Hook("state_getStorage", devchain.Silence()) },
				func(n *devchain.Node) { n.Hook("state_getStorage", devchain.Garble()) },
				func(n *devchain.Node) {
					n.Hook("state_getStorage", devchain.Fail(4003, "Client error: UnknownBlock: State already discarded for 0x00"))
				},
				func(n *devchain.Node) { n.Hook("state_getStorage", devchain.CutAfter(random.IntN(30))) },
				func(n *devchain.Node) { n.Hook("chain_newHead", devchain.Garble()) },
			}
			for range 4 {
				bad := random.Perm(len(nodes))[:2]
				for _, i := range bad {
					faults[random.IntN(len(faults))](nodes[i])
				}
				for range 10 {
					b := produce(t, chain, 1)
					until(t, "the new head", hasHead(c, b))
				}
				for _, i := range bad {
					nodes[i].Hook("state_getStorage", nil)
					nodes[i].Hook("chain_newHead", nil)
					nodes[i].Accept()
					nodes[i].Unfreeze()
				}
				until(t, "all nodes are healthy again", func() bool {
					return !slices.ContainsFunc(c.Nodes(), func(s substrate.NodeStatus) bool { return s.State != substrate.NodeHealthy })
				})
				// A call that began among these faults does not see the next ones, or it might find each node bad in turn.
				for i := range reads {
					seen := reads[i].Load()
					until(t, "the readers go on", func() bool { return t.Failed() || reads[i].Load() > seen+1 })
				}
			}
			cancel()
			readers.Wait()
		})
	}
}
