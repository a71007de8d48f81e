package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
)

// network is a chain with a good main node, a main node that a test spoils, and an archive, and a service before them.
type network struct {
	*service
	chain              *devchain.Chain
	good, bad, archive *devchain.Node
}

const (
	faultyNeurons = "/api/v1/subnet/1/block/latest/neurons"
	oldNeurons    = "/api/v1/subnet/1/block/%d/neurons"
	cutoff        = 10
)

// newNetwork starts the service before a chain of some blocks.
func newNetwork(t *testing.T) *network {
	t.Helper()
	rt, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 8, Tempo: 20}}})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{Runtime: rt, KeepStates: devchain.AllStates})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := chain.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	n := &network{chain: chain, bad: chain.Node}
	for _, node := range []**devchain.Node{&n.good, &n.archive} {
		if *node, err = chain.AddNode(devchain.NodeConfig{KeepStates: devchain.AllStates}); err != nil {
			t.Fatal(err)
		}
	}
	n.produce(t, 40)
	n.service = startService(t, environment(n.bad.URL(),
		"PYLON_BITTENSOR_NETWORK="+n.bad.URL()+","+n.good.URL(), "PYLON_BITTENSOR_ARCHIVE_NETWORK="+n.archive.URL(),
		fmt.Sprintf("PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=%d", cutoff), "PYLON_BLOCK_DURATION_SECONDS=1")...)
	return n
}

func (n *network) produce(t *testing.T, blocks int) devchain.Block {
	t.Helper()
	block, err := n.chain.Produce(blocks)
	if err != nil {
		t.Fatal(err)
	}
	return block
}

// reads asks for the newest neurons, for those of a block that main has, and for those of one that only the archive is
// asked for.
func (n *network) reads(ctx context.Context) (latest, recent, old int, number uint64) {
	best := n.chain.Best().Header.Number
	number = best
	status := func(path string) (int, string) {
		code, body, err := n.tryGet(ctx, path, testOpenAccessToken, "X-Pylon-Timeout", "20")
		if err != nil {
			return 0, ""
		}
		return code, body
	}
	var body string
	latest, body = status(faultyNeurons)
	var answer struct{ Block struct{ Number uint64 } }
	if json.Unmarshal([]byte(body), &answer) == nil && latest == http.StatusOK {
		number = answer.Block.Number
	}
	recent, _ = status(fmt.Sprintf(oldNeurons, best-5))
	old, _ = status(fmt.Sprintf(oldNeurons, best-cutoff-10))
	return latest, recent, old, number
}

// fault is something that goes wrong outside, and what a reader still gets meanwhile.
type fault struct {
	begin, end          func(t *testing.T, n *network)
	latest, recent, old int // statuses while the fault lasts
}

// Each fault holds for some blocks; what it does not touch goes on meanwhile, and everything is normal soon after.
func TestFaultsOfNodes(t *testing.T) {
	t.Parallel()
	both := func(do func(*devchain.Node)) func(*testing.T, *network) {
		return func(_ *testing.T, n *network) { do(n.good); do(n.bad) }
	}
	bad := func(do func(*devchain.Node)) func(*testing.T, *network) {
		return func(_ *testing.T, n *network) { do(n.bad) }
	}
	archive := func(do func(*devchain.Node)) func(*testing.T, *network) {
		return func(_ *testing.T, n *network) { do(n.archive) }
	}
	down := func(n *devchain.Node) { n.Refuse(); n.DropConnections() }
	up := func(n *devchain.Node) { n.Accept() }
	spoilt := func(hook devchain.Hook) func(*devchain.Node) {
		return func(n *devchain.Node) { n.Hook("state_call", hook) }
	}
	unspoilt := func(n *devchain.Node) { n.Hook("state_call", nil) }
	const ok, broken = http.StatusOK, http.StatusBadGateway
	for name, f := range map[string]fault{
		"main is down, the archive is up":       {both(down), both(up), broken, ok, ok},
		"the archive is down, main is up":       {archive(down), archive(up), ok, ok, broken},
		"one main node is down":                 {bad(down), bad(up), ok, ok, ok},
		"a node is stuck at an old block":       {bad((*devchain.Node).Hold), bad((*devchain.Node).Release), ok, ok, ok},
		"a node is frozen":                      {bad((*devchain.Node).Freeze), bad((*devchain.Node).Unfreeze), ok, ok, ok},
		"a node lies about its head by +1,000":  {begin: lie, end: bad(tellTruth), latest: ok, recent: ok, old: ok},
		"answers of one main node are giant":    {bad(spoilt(devchain.Enlarge(65 << 20))), bad(unspoilt), ok, ok, ok},
		"answers of one main node are cut":      {bad(spoilt(devchain.Truncate())), bad(unspoilt), ok, ok, ok},
		"answers of one main node are no JSON":  {bad(spoilt(devchain.Garble())), bad(unspoilt), ok, ok, ok},
		"answers of the archive are giant":      {archive(spoilt(devchain.Enlarge(65 << 20))), archive(unspoilt), ok, ok, broken},
		"answers of the archive are cut":        {archive(spoilt(devchain.Truncate())), archive(unspoilt), ok, ok, broken},
		"answers of the archive are no neurons": {archive(spoilt(devchain.Answer("0x04"))), archive(unspoilt), ok, ok, broken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			normal(t, n, "before")
			f.begin(t, n)
			for range 3 {
				n.produce(t, 1)
				await(t, "the answers that the fault leaves", func(ctx context.Context) (bool, string) {
					latest, recent, old, number := n.reads(ctx)
					best := n.chain.Best().Header.Number
					return latest == f.latest && recent == f.recent && old == f.old && number <= best && (latest != ok || number+1 >= best),
						fmt.Sprintf("latest %d at block %d of %d, recent %d, old %d", latest, number, best, recent, old)
				})
			}
			f.end(t, n)
			n.produce(t, 1)
			normal(t, n, "after")
		})
	}
}

// normal waits until every read is answered, at the newest block, and every node is in use.
func normal(t *testing.T, n *network, when string) {
	t.Helper()
	await(t, "normal "+when, func(ctx context.Context) (bool, string) {
		latest, recent, old, number := n.reads(ctx)
		best := n.chain.Best().Header.Number
		var states []string
		healthy := true
		for _, node := range n.Status().Nodes {
			states = append(states, node.State)
			healthy = healthy && node.State == "healthy"
		}
		if !healthy { // a node that was left out is looked at again when a block comes
			n.produce(t, 1)
		}
		return latest == 200 && recent == 200 && old == 200 && number == best && healthy,
			fmt.Sprintf("latest %d at block %d of %d, recent %d, old %d, nodes %v", latest, number, best, recent, old, states)
	})
}

// await asks until the answer is yes, or says what it was at last.
func await(t *testing.T, what string, ask func(ctx context.Context) (bool, string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for last := ""; ; {
		yes, said := ask(ctx)
		if yes {
			return
		}
		if ctx.Err() == nil {
			last = said
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %s", what, last)
		case <-tick.C:
		}
	}
}

var headNumber = regexp.MustCompile(`"number":"0x[0-9a-f]+"`)

// lie makes the bad node announce heads that are 1,000 blocks ahead.
func lie(_ *testing.T, n *network) {
	hook := func(_ context.Context, call *devchain.Call) {
		call.Mangle = func(message []byte) []byte {
			return headNumber.ReplaceAllFunc(message, func(found []byte) []byte {
				digits := string(bytes.TrimSuffix(bytes.TrimPrefix(found, []byte(`"number":"0x`)), []byte(`"`)))
				number, err := strconv.ParseUint(digits, 16, 64)
				if err != nil {
					return found
				}
				return fmt.Appendf(nil, `"number":"%#x"`, number+1000)
			})
		}
	}
	for _, method := range headMethods {
		n.bad.Hook(method, hook)
	}
}

func tellTruth(n *devchain.Node) {
	for _, method := range headMethods {
		n.Hook(method, nil)
	}
	n.DropConnections() // what the node told before stays believed of it until it tells again
}

var headMethods = []string{"chain_newHead", "chain_finalizedHead", "chain_getHeader"}

// A node of another chain is left out from the first moment, and for as long as it is one.
func TestNodeOnAnotherGenesis(t *testing.T) {
	t.Parallel()
	n := newNetwork(t)
	other := newDevchain(t)
	s := startService(t, environment(n.good.URL(), "PYLON_BITTENSOR_NETWORK="+n.good.URL()+","+other.URL(), "PYLON_BLOCK_DURATION_SECONDS=1")...)
	for range 3 {
		block := n.produce(t, 1)
		if _, err := other.Produce(50); err != nil {
			t.Fatal(err)
		}
		await(t, "the newest block of the right chain", func(context.Context) (bool, string) {
			body := s.want(t, 200, faultyNeurons)
			return strings.Contains(body, block.Hash.String()), fmt.Sprintf("%.100s", body)
		})
	}
	await(t, "the verdict", func(context.Context) (bool, string) {
		states := make([]string, 0, 3)
		for _, node := range s.Status().Nodes {
			states = append(states, node.State)
		}
		return states[1] == "wrong_chain", fmt.Sprint(states)
	})
}

// The runtime is upgraded, and the state pruned, while requests are on their way: each is answered by the runtime and
// from the node of its block.
func TestFaultsAmidARequest(t *testing.T) {
	t.Parallel()
	for name, strike := range map[string]func(t *testing.T, n *network){
		"upgrade": func(t *testing.T, n *network) {
			t.Helper()
			next, err := devchain.NewSubtensor(devchain.SubtensorConfig{
				SpecVersion: 476, NeuronLayout: devchain.NeuronsReordered, Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 8, Tempo: 20}},
			})
			if err != nil {
				t.Error(err)
				return
			}
			n.chain.Upgrade(next)
			if _, err := n.chain.Produce(2); err != nil {
				t.Error(err)
			}
		},
		"prune": func(_ *testing.T, n *network) { n.good.Prune(1); n.bad.Prune(1) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork(t)
			normal(t, n, "before")
			want := n.want(t, 200, faultyNeurons)
			number := n.chain.Best().Header.Number
			n.produce(t, 3)
			var struck atomic.Bool
			hook := func(_ context.Context, _ *devchain.Call) {
				if struck.CompareAndSwap(false, true) {
					strike(t, n)
				}
			}
			n.good.Hook("state_call", hook)
			n.bad.Hook("state_call", hook)
			for i := range uint64(3) {
				body := n.want(t, 200, fmt.Sprintf(oldNeurons, number+1+i))
				if !sameNeurons(t, want, body) {
					t.Errorf("block %d: %.300s\nbefore: %.300s", number+1+i, body, want)
				}
			}
			if !struck.Load() {
				t.Error("nothing was asked of the nodes")
			}
			n.good.Hook("state_call", nil)
			n.bad.Hook("state_call", nil)
			n.produce(t, 30)
			normal(t, n, "after")
			if body := n.want(t, 200, faultyNeurons); !sameNeurons(t, want, body) {
				t.Errorf("after: %.300s\nbefore: %.300s", body, want)
			}
		})
	}
}

// sameNeurons compares what does not change from block to block.
func sameNeurons(t *testing.T, a, b string) bool {
	t.Helper()
	type neuron struct {
		UID     int
		Coldkey string
		Hotkey  string
		Permit  bool `json:"validator_permit"`
		Axon    any  `json:"axon_info"`
	}
	neurons := func(body string) map[string]neuron {
		var answer struct{ Neurons map[string]neuron }
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		return answer.Neurons
	}
	x, y := neurons(a), neurons(b)
	if len(x) != 8 || len(y) != 8 {
		return false
	}
	for hotkey, n := range x {
		if fmt.Sprint(n) != fmt.Sprint(y[hotkey]) {
			return false
		}
	}
	return true
}
