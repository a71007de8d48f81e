package substrate

import (
	"context"
	"slices"
	"time"
)

// refresh computes the heads and the nodes' states anew and tells those who wait. The caller holds mu.
func (c *Client) refresh() {
	now := time.Now()
	nodes := make([]sighting, len(c.nodes))
	for i, n := range c.nodes {
		nodes[i] = sighting{known: n.conn != nil && n.headKnown, failing: n.failing, head: n.head, age: now.Sub(n.headAt)}
	}
	last := chosen{age: now.Sub(c.bestAt)}
	if best := c.best.Load(); best != nil {
		last.head, last.ok = *best, true
	}
	best, verdicts := c.rule.choose(nodes, last)
	for i, n := range c.nodes {
		n.verdict = verdicts[i]
		n.setState(n.judge())
	}
	if best >= 0 {
		c.publishBest(c.nodes[best].head, now)
		c.publishFinalized()
	}
	c.wake()
}

// judge returns the node's state. The caller holds mu.
func (n *node) judge() NodeState {
	switch {
	case n.client.ctx.Err() != nil:
		return NodeClosed
	case n.wrongChain:
		return NodeWrongChain
	case n.conn == nil:
		return NodeConnecting
	}
	switch n.verdict {
	case verdictFailing:
		return NodeFailing
	case verdictStale:
		return NodeStale
	case verdictBehind:
		return NodeBehind
	case verdictAhead:
		return NodeAhead
	case verdictUnknown:
		return NodeConnecting
	}
	return NodeHealthy
}

func (n *node) setState(state NodeState) {
	if n.state == state {
		return
	}
	before := n.state
	n.state = state
	attrs := []any{"from", before, "to", state, "head", n.head.Number}
	switch state {
	case NodeHealthy, NodeClosed:
		n.log.Info("node changed state", attrs...)
	case NodeConnecting:
		if n.lastError != nil && before != NodeIdle {
			attrs = append(attrs, "error", n.lastError)
		}
		n.log.Info("node changed state", attrs...)
	default:
		if n.lastError != nil {
			attrs = append(attrs, "error", n.lastError)
		}
		n.log.Warn("node changed state", attrs...)
	}
}

// publishBest tells of the best head if it is new. The caller holds mu.
func (c *Client) publishBest(h Header, now time.Time) {
	if before := c.best.Load(); before != nil && *before == h {
		return
	}
	c.best.Store(&h)
	c.bestAt = now
	c.watchers.Tell(HeadEvent{Header: h})
}

// publishFinalized tells of the highest finalised head of the nodes in use, if it is new. What is final stays final, so
// it does not go back when a node goes away; only a best head below it shows that it was never true. The caller holds mu.
func (c *Client) publishFinalized() {
	best := c.best.Load()
	var newest Header
	for _, n := range c.nodes {
		if n.conn == nil || !n.headKnown || n.verdict == verdictAhead || n.finalized.Hash == (Hash{}) {
			continue
		}
		if n.finalized.Number <= best.Number && (newest.Hash == (Hash{}) || n.finalized.Number > newest.Number) {
			newest = n.finalized
		}
	}
	if newest.Hash == (Hash{}) {
		return
	}
	if before := c.finalized.Load(); before != nil && (before.Hash == newest.Hash || before.Number >= newest.Number && before.Number <= best.Number) {
		return
	}
	c.finalized.Store(&newest)
	c.watchers.Tell(HeadEvent{Header: newest, Finalized: true})
}

// Watch tells of every new best and finalised head, beginning with the present ones. A reader who is more than buffer
// events late (at least 2) loses the oldest; nobody waits for it. The function ends the watch and closes the channel, as
// Close does. It opens the connections.
func (c *Client) Watch(buffer int) (<-chan HeadEvent, func()) {
	_ = c.open() // it fails after Close alone, and then the watch ends at once
	c.mu.Lock()  // what is told is told under it: who joins gets each head once
	defer c.mu.Unlock()
	var present []HeadEvent
	if best := c.best.Load(); best != nil {
		present = append(present, HeadEvent{Header: *best})
	}
	if finalized := c.finalized.Load(); finalized != nil {
		present = append(present, HeadEvent{Header: *finalized, Finalized: true})
	}
	return c.watchers.Join(buffer, present...)
}

// KnownHead returns the newest best header without asking or waiting for anybody, and false before the first. It stays
// when the nodes go away.
func (c *Client) KnownHead() (Header, bool) {
	if h := c.best.Load(); h != nil {
		return *h, true
	}
	return Header{}, false
}

// Head returns the newest best header of the healthy nodes. While a node is connected it asks nobody; otherwise it waits,
// at most ConnectWait.
func (c *Client) Head(ctx context.Context) (Header, error) {
	return c.awaitHead(ctx, "head", func() *Header { return c.best.Load() })
}

// Finalized returns the newest finalised header of the healthy nodes, in the same way as Head.
func (c *Client) Finalized(ctx context.Context) (Header, error) {
	return c.awaitHead(ctx, "finalized head", func() *Header { return c.finalized.Load() })
}

func (c *Client) awaitHead(ctx context.Context, op string, known func() *Header) (Header, error) {
	var head *Header
	err := c.await(ctx, op, func() bool {
		if slices.ContainsFunc(c.nodes, func(n *node) bool { return n.conn != nil && n.headKnown }) {
			head = known()
		}
		return head != nil
	})
	if err != nil {
		return Header{}, err
	}
	return *head, nil
}
