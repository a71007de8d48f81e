package chain_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// patience is how long a test waits for something that has to happen.
const patience = 40 * time.Second

// world is a development chain with a main and an archive node, and a Chain that reads from them.
type world struct {
	*devchain.Chain
	archive *devchain.Node
	main    *substrate.Client
	chain   *chain.Chain
}

// newWorld starts the chain at block 1. Both nodes keep all states until they are pruned.
func newWorld(t *testing.T, runtime devchain.SubtensorConfig, config chain.Config) *world {
	t.Helper()
	return newHastyWorld(t, runtime, config, 0)
}

// newHastyWorld is newWorld with reads that wait only so long for a connection.
func newHastyWorld(t *testing.T, runtime devchain.SubtensorConfig, config chain.Config, wait time.Duration) *world {
	t.Helper()
	played, err := devchain.NewSubtensor(runtime)
	if err != nil {
		t.Fatal(err)
	}
	dev, err := devchain.New(devchain.Config{Runtime: played, FinalityLag: 3, GenesisTime: time.Unix(1_700_000_000, 0)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOf(t, dev.Close) })
	archive, err := dev.AddNode(devchain.NodeConfig{KeepStates: devchain.AllStates})
	if err != nil {
		t.Fatal(err)
	}
	if err := dev.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	w := &world{Chain: dev, archive: archive, main: newClient(t, "main", dev.URL(), wait)}
	config.Main, config.Archive = w.main, newClient(t, "archive", archive.URL(), wait)
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	w.chain, err = chain.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.chain.Close)
	w.chain.Start()
	w.produce(t, 1)
	return w
}

func newClient(t *testing.T, role, url string, wait time.Duration) *substrate.Client {
	t.Helper()
	client, err := substrate.New(substrate.Config{
		Role: role, Nodes: []string{url}, ConnectWait: wait,
		BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
		PingInterval: 200 * time.Millisecond, PingTimeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOf(t, client.Close) })
	return client
}

// produce makes blocks and waits until the main nodes' client has seen the last one. It makes a few at a time: a node
// ends the subscription of a client that is too many heads behind.
func (w *world) produce(t *testing.T, n int) devchain.Block {
	t.Helper()
	var last devchain.Block
	for n > 0 {
		some := min(n, 10)
		block, err := w.Produce(some)
		if err != nil {
			t.Fatal(err)
		}
		w.awaitHead(t, block)
		last, n = block, n-some
	}
	return last
}

// awaitHead waits until the main nodes' client has that block as its head.
func (w *world) awaitHead(t *testing.T, block devchain.Block) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("block %d; the client says %+v; the node was asked %v", block.Header.Number, w.main.Nodes(), w.Calls())
		}
	}()
	eventually(t, "the new head is seen", func() bool {
		head, ok := w.chain.Head()
		return ok && head.Hash == block.Hash.String()
	})
}

// latest waits until the neurons of a subnet are ready at that block.
func (w *world) latest(t *testing.T, netuid pylon.Netuid, block devchain.Block) *pylon.Neurons {
	t.Helper()
	var neurons *pylon.Neurons
	eventually(t, "neurons at the new head", func() bool {
		got, err := w.chain.LatestNeurons(t.Context(), netuid)
		if err != nil {
			t.Fatal(err)
		}
		neurons = got
		return got.Block.Hash == block.Hash.String()
	})
	return neurons
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-time.After(time.Millisecond):
		case <-deadline:
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// stateCalls is how many questions about the state of a block a node has been asked, the heads and pings aside.
func stateCalls(node *devchain.Node) (n int) {
	for method, calls := range node.Calls() {
		switch method {
		case "state_call", "state_getStorage", "state_getRuntimeVersion", "state_getMetadata", "chain_getBlockHash", "chain_getBlock":
			n += calls
		}
	}
	return n
}

func hotkeyOf(t *testing.T, uri string) pylon.Hotkey {
	t.Helper()
	pair, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return pylon.Hotkey(pair.Address())
}

func accountOf(t *testing.T, uri string) [32]byte {
	t.Helper()
	pair, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return pair.PublicKey()
}

// closeOf closes something that must not fail to.
func closeOf(t *testing.T, end func() error) {
	t.Helper()
	if err := end(); err != nil {
		t.Error(err)
	}
}
