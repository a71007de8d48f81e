package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// checkedNode is one node, asked alone: behind several, one that is down would not be seen.
type checkedNode struct {
	address Address
	roles   []string
	client  *substrate.Client
	chain   *chain.Chain

	// Written by the check of the node, read after it.
	up      bool
	genesis substrate.Hash
}

func (n *checkedNode) close() {
	n.chain.Close()
	_ = n.client.Close() // nobody could do anything about connections that do not close
}

func (n *checkedNode) subject() string { return strings.Join(n.roles, "+") + " " + n.address.String() }

// checkNodes asks every node of both networks.
func (c *checker) checkNodes(ctx context.Context) {
	for _, network := range []struct {
		role      string
		addresses []Address
	}{{"main", c.settings.Network}, {"archive", c.settings.ArchiveNetwork}} {
		for _, address := range network.addresses {
			at := slices.IndexFunc(c.nodes, func(n *checkedNode) bool { return n.address == address })
			if at >= 0 {
				c.nodes[at].roles = append(c.nodes[at].roles, network.role)
				continue
			}
			node, err := c.newNode(address, network.role)
			if err != nil {
				c.report.add(Finding{Check: "node", Subject: network.role + " " + address.String(), Verdict: VerdictFailed, Detail: err.Error()})
				continue
			}
			c.nodes = append(c.nodes, node)
		}
	}
	looks := make([]pending, len(c.nodes))
	for i, node := range c.nodes {
		looks[i] = pending{"node", node.subject(), func(ctx context.Context) (Verdict, string) { return c.askNode(ctx, node) }}
	}
	c.all(ctx, looks)
	c.checkChain()
	c.checkHistory(ctx)
}

func (c *checker) newNode(address Address, role string) (*checkedNode, error) {
	quiet := slog.New(slog.DiscardHandler)
	client, err := substrate.New(substrate.Config{
		Role: role, Nodes: []string{string(address)}, BlockTime: c.settings.BlockDuration, Logger: quiet,
		ConnectWait: c.timeout, DialTimeout: c.timeout, CallTimeout: c.timeout,
	})
	if err != nil {
		return nil, err
	}
	reads, err := chain.New(chain.Config{Main: client, BlockTime: c.settings.BlockDuration, ReadTimeout: c.timeout, Logger: quiet})
	if err != nil {
		return nil, err
	}
	return &checkedNode{address: address, roles: []string{role}, client: client, chain: reads}, nil
}

// lateHead is how many block times the newest block of a node may be old: a node that is further behind is still
// catching up, or cut off from the others.
const lateHead = 10

// askNode asks a node for its newest block and for all that is needed to understand it.
func (c *checker) askNode(ctx context.Context, node *checkedNode) (Verdict, string) {
	newest, err := node.chain.LatestBlock(ctx)
	if err != nil {
		return VerdictFailed, c.nodeError(ctx, node, err)
	}
	head, err := node.client.Head(ctx)
	if err != nil {
		return VerdictFailed, c.nodeError(ctx, node, err)
	}
	runtime, err := node.client.Runtime(ctx, head.Hash)
	if err != nil {
		return VerdictFailed, c.nodeError(ctx, node, err)
	}
	node.genesis, err = node.client.BlockHash(ctx, 0)
	if err != nil {
		return VerdictFailed, c.nodeError(ctx, node, err)
	}
	node.up = true
	detail := fmt.Sprintf("head %d, %s %d", newest.Number, runtime.SpecName, runtime.SpecVersion)
	age := time.Since(time.Unix(newest.Timestamp, 0)).Round(time.Second)
	if age > lateHead*c.settings.BlockDuration {
		return VerdictWarning, detail + ": that block is " + age.String() + " old, the node is behind or the chain stands still"
	}
	return VerdictOK, detail
}

// nodeError says what a node has against us. What the connection died of says more than that there is none.
func (c *checker) nodeError(ctx context.Context, node *checkedNode, err error) string {
	for _, status := range node.client.Nodes() {
		if status.LastError != nil {
			return status.LastError.Error()
		}
	}
	if ctx.Err() != nil {
		return "no answer within " + c.timeout.String()
	}
	return err.Error()
}

// checkChain compares what the nodes say the first block is.
func (c *checker) checkChain() {
	var first *checkedNode
	var others []string
	for _, node := range c.nodes {
		switch {
		case !node.up:
		case first == nil:
			first = node
		case node.genesis != first.genesis:
			others = append(others, node.subject()+" has "+node.genesis.String())
		}
	}
	switch {
	case first == nil:
		c.report.add(Finding{Check: "chain", Subject: "genesis", Verdict: VerdictSkipped, Detail: "no node answers"})
	case len(others) > 0:
		c.report.add(Finding{
			Check: "chain", Subject: "genesis", Verdict: VerdictFailed,
			Detail: "the nodes serve different chains: " + first.subject() + " has " + first.genesis.String() + ", " + strings.Join(others, ", "),
		})
	default:
		c.report.add(Finding{Check: "chain", Subject: "genesis", Verdict: VerdictOK, Detail: first.genesis.String()})
	}
}

// checkHistory looks whether the archive has the state of the first block after genesis.
func (c *checker) checkHistory(ctx context.Context) {
	pallet, item := scale.Twox128([]byte("Timestamp")), scale.Twox128([]byte("Now"))
	timestampNow := slices.Concat(pallet[:], item[:])
	var looks []pending
	for _, node := range c.nodes {
		if !node.up || !slices.Contains(node.roles, "archive") {
			continue
		}
		looks = append(looks, pending{"history", node.address.String(), func(ctx context.Context) (Verdict, string) {
			hash, err := node.client.BlockHash(ctx, 1)
			if err == nil {
				_, err = node.client.Storage(ctx, hash, timestampNow)
			}
			switch {
			case err == nil:
				return VerdictOK, "the state of block 1 is there"
			case substrate.KindOf(err) == substrate.KindStateDiscarded:
				return VerdictWarning, "it has forgotten the state of block 1: this is no archive node, old blocks can not be read"
			default:
				return VerdictWarning, "the state of block 1 can not be read: " + err.Error()
			}
		}})
	}
	c.all(ctx, looks)
}

// checkRegistrations looks for the hotkey of each identity on its subnet.
func (c *checker) checkRegistrations(ctx context.Context, hotkeys map[string]pylon.Hotkey) {
	at := slices.IndexFunc(c.nodes, func(n *checkedNode) bool { return n.up && slices.Contains(n.roles, "main") })
	looks := make([]pending, 0, len(c.settings.Identities))
	for _, identity := range c.settings.Identities {
		hotkey := hotkeys[identity.Name]
		looks = append(looks, pending{"registration", identity.Name, func(ctx context.Context) (Verdict, string) {
			switch {
			case hotkey == "":
				return VerdictSkipped, "the address of its hotkey is not known"
			case at < 0:
				return VerdictSkipped, "no main node answers"
			}
			return registration(ctx, c.nodes[at].chain, identity.Netuid, hotkey)
		}})
	}
	c.all(ctx, looks)
}

func registration(ctx context.Context, reads *chain.Chain, netuid pylon.Netuid, hotkey pylon.Hotkey) (Verdict, string) {
	neurons, err := reads.LatestNeurons(ctx, netuid)
	if problem.KindOf(err) == problem.NotFound && err != nil {
		return VerdictFailed, fmt.Sprintf("there is no subnet %d", netuid)
	}
	if err != nil {
		return VerdictFailed, err.Error()
	}
	for i := range neurons.Neurons {
		neuron := &neurons.Neurons[i]
		if neuron.Hotkey != hotkey {
			continue
		}
		detail := fmt.Sprintf("uid %d on subnet %d", neuron.UID, netuid)
		if neuron.ValidatorPermit {
			return VerdictOK, detail + ", validator permit"
		}
		return VerdictWarning, detail + ", without a validator permit: its weights would not count"
	}
	return VerdictFailed, fmt.Sprintf("%s is not registered on subnet %d", hotkey, netuid)
}

// reason is an error of a file without the path, which stands beside it.
func reason(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}
