package substrate

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"
)

// node is one node: the loop in run keeps it connected and follows its heads. Its fields below mu belong to the
// client's mutex, because whatever changes here may change which head the client has and which node is asked next.
type node struct {
	client *Client
	index  int
	endpoint
	log *slog.Logger
	// roused makes the loop think again about when to look at the head.
	roused chan struct{}

	// Guarded by client.mu.
	conn       *conn // usable: connected, genesis checked; nil otherwise
	wrongChain bool
	state      NodeState
	verdict    verdict
	// head is the newest that the node is believed to have. It is kept without a connection, but counts only when
	// headKnown.
	head      Header
	headKnown bool
	headAt    time.Time
	// doubt is a head too far from the one before it, waiting for a second one near it.
	doubt      *Header
	finalized  Header
	connects   uint64
	lastError  *Error
	failures   int // calls that failed in a row
	failing    bool
	probation  bool // has come back from failing and not answered a real call yet
	probeAfter *backoff
	probeAt    time.Time
	seen       *recent[Hash, struct{}] // heads that it told of
	discarded  *recent[Hash, struct{}] // blocks whose state it has pruned
}

func newNode(c *Client, index int, e endpoint) *node {
	return &node{
		client:     c,
		index:      index,
		endpoint:   e,
		log:        c.config.Logger.With("role", c.config.Role, "node", e.label),
		roused:     make(chan struct{}, 1),
		state:      NodeIdle,
		probeAfter: &backoff{min: c.config.BackoffMin, max: c.config.BackoffMax},
		seen:       newRecent[Hash, struct{}](64),
		discarded:  newRecent[Hash, struct{}](256),
	}
}

// settled is how long a connection has to last for the next failure to be seen as the first.
const settled = 30 * time.Second

// run keeps the node connected until the client is closed.
func (n *node) run(ctx context.Context) {
	wait := &backoff{min: n.client.config.BackoffMin, max: n.client.config.BackoffMax}
	for ctx.Err() == nil {
		c, err := n.connect(ctx)
		if err == nil {
			began := time.Now()
			n.client.nodeUp(n, c)
			n.follow(ctx, c)
			err = c.diedOf()
			if time.Since(began) >= settled {
				wait.reset()
			}
		}
		if err == nil || ctx.Err() != nil {
			err = closedError("")
		}
		if c != nil {
			c.stop(err)
		}
		n.client.nodeDown(n, err)
		pause := wait.next()
		if err.Kind == KindWrongChain {
			pause *= wrongChainPatience
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// wrongChainPatience is how much longer to wait before looking again at a node of another chain: somebody has to
// change its address or its database first.
const wrongChainPatience = 12

// connect makes a connection, checks the genesis and subscribes to heads, all within DialTimeout. On failure it returns
// the connection to be stopped, if there is one.
func (n *node) connect(ctx context.Context) (*conn, *Error) {
	config := &n.client.config
	ctx, cancel := context.WithTimeout(ctx, config.DialTimeout)
	defer cancel()
	last := &lastRead{start: time.Now()}
	socket, err := n.client.dialer.dial(ctx, &n.endpoint, last)
	if err != nil {
		return nil, n.setupError(ctx, "connect", err)
	}
	c := newConn(n.client.ctx, socket, &n.client.connConfig, last)
	if op, err := n.setUp(ctx, c); err != nil {
		return c, n.setupError(ctx, op, err)
	}
	return c, nil
}

// setupError names what failed while the connection was made.
func (n *node) setupError(ctx context.Context, op string, err error) *Error {
	e, ok := errors.AsType[*Error](err)
	switch {
	case ok && e.Err == nil:
		e = new(*e)
	case ctx.Err() != nil:
		e = &Error{Kind: KindTimeout, Message: "no answer within " + n.client.config.DialTimeout.String() + " while connecting"}
	default:
		e = &Error{Kind: KindTransport, Message: err.Error()}
	}
	e.Op, e.Node, e.Message = op, n.label, n.scrub(e.Message)
	return e
}

// setUp returns the method that failed with the error.
func (n *node) setUp(ctx context.Context, c *conn) (string, error) {
	const genesisOf = "chain_getBlockHash"
	raw, err := c.call(ctx, genesisOf, []any{0}, nil)
	if err != nil {
		return genesisOf, err
	}
	genesis, err := decodeHash(raw)
	if err != nil {
		return genesisOf, &Error{Kind: KindMalformed, Message: "the hash of block 0: " + err.Error()}
	}
	if err := n.client.checkGenesis(ctx, n, genesis); err != nil {
		return genesisOf, err
	}
	c.polled = false
	for _, subscription := range []struct {
		method string
		saw    func(Header)
	}{
		{"chain_subscribeFinalizedHeads", n.sawFinalized},
		{"chain_subscribeNewHeads", func(h Header) { n.toldHead(c, h) }},
	} {
		_, err := c.call(ctx, subscription.method, nil, func(s notice) { n.headNotice(c, s, subscription.saw) })
		switch {
		case err == nil:
		case noSubscriptions(err):
			c.polled = true
		default:
			return subscription.method, err
		}
	}
	return "chain_getHeader", n.lookAtHead(ctx, c)
}

// noSubscriptions tells whether a node has no subscriptions, or none left for us.
func noSubscriptions(err error) bool {
	const tooMany = -32006 // of jsonrpsee
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == KindRPCMethodMissing || e.Code == tooMany)
}

// headNotice takes a head out of a notification.
func (n *node) headNotice(c *conn, s notice, saw func(Header)) {
	if s.err != nil {
		// The server ends a subscription whose reader is too slow for it. The rest goes with the connection.
		c.die(&Error{Kind: KindTransport, Message: "the node ended the subscription to heads: " + clip(s.err)})
		return
	}
	h, err := decodeHeader(s.result)
	if err != nil {
		c.die(&Error{Kind: KindMalformed, Message: "a head that was subscribed to: " + err.Error()})
		return
	}
	saw(h)
}

// follow watches a connected node until its connection dies. Heads come by themselves; the loop looks where they do not:
// at a node without subscriptions, at a head that stands still, at one in doubt, and at a node that is failing.
func (n *node) follow(ctx context.Context, c *conn) {
	var looked, inDoubt time.Time // when it last looked, and when a look last left a doubt
	for {
		timer := time.NewTimer(time.Until(n.nextLook(c, looked, inDoubt)))
		select {
		case <-c.done:
			timer.Stop()
			return
		case <-ctx.Done():
			timer.Stop()
			return
		case <-n.roused:
		case <-timer.C:
		}
		timer.Stop()
		if time.Now().Before(n.nextLook(c, looked, inDoubt)) {
			continue
		}
		before, silent := n.standsStill(c)
		doubts := n.looked(c, n.lookAtHead(ctx, c), silent, before)
		looked, inDoubt = time.Now(), time.Time{}
		if doubts {
			inDoubt = looked
		}
	}
}

// nextLook returns when the loop should look at the head.
func (n *node) nextLook(c *conn, looked, inDoubt time.Time) time.Time {
	config := &n.client.config
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	var next time.Time
	switch {
	case n.doubt != nil:
		// At once; but a node that never says the same twice is not asked all the time.
		next = inDoubt.Add(min(config.BlockTime/2, time.Second))
	case c.polled:
		next = looked.Add(min(max(config.BlockTime/2, 50*time.Millisecond), 6*time.Second))
	default:
		if next = n.headAt; looked.After(next) {
			next = looked
		}
		next = next.Add(config.StaleAfter)
	}
	if n.failing && n.probeAt.Before(next) {
		next = n.probeAt
	}
	return next
}

// standsStill tells whether a head that comes by subscription has not moved for too long, and what it is.
func (n *node) standsStill(c *conn) (Hash, bool) {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	return n.head.Hash, !c.polled && n.headKnown && time.Since(n.headAt) >= n.client.config.StaleAfter
}

// looked draws the conclusions of a look at the head, and tells whether the head is in doubt.
func (n *node) looked(c *conn, err error, silent bool, before Hash) bool {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	switch kind := KindOf(err); {
	case err == nil && n.failing:
		// The next failure counts at once: a look at the head is not the work that it failed at.
		n.failing, n.failures, n.probation = false, 0, true
	case err != nil:
		n.lastError, _ = errors.AsType[*Error](err)
		if blames(kind) {
			n.failures++
		}
		if n.failing || n.failures >= patience {
			n.startFailing()
		}
	}
	if c.told != c.toldThen {
		c.toldThen, c.missed = c.told, 0
	} else if silent && n.head.Hash != before {
		c.missed++
	}
	// Twice, because a head may come just when it is looked at.
	if c.missed >= 2 {
		c.die(&Error{Kind: KindTransport, Message: "the subscription to heads is silent, though the head moves"})
	}
	n.client.refresh()
	return n.doubt != nil
}

// rouse makes the loop think again about when to look. The caller holds mu.
func (n *node) rouse() {
	select {
	case n.roused <- struct{}{}:
	default:
	}
}

// lookAtHead asks for the head, and for the finalised one where it does not come by itself, or has not come yet.
func (n *node) lookAtHead(ctx context.Context, c *conn) error {
	n.client.mu.Lock()
	told := c.told
	n.client.mu.Unlock()
	h, err := n.askHeader(ctx, c, nil)
	if err != nil {
		return err
	}
	n.client.mu.Lock()
	// A head that was told meanwhile may be newer than the answer.
	if c.told == told {
		n.sawHead(h)
	}
	n.client.mu.Unlock()
	if !c.polled && n.hasFinalized() {
		return nil
	}
	raw, err := n.ask(ctx, c, "chain_getFinalizedHead")
	if err != nil {
		return err
	}
	hash, err := decodeHash(raw)
	if err != nil {
		return &Error{Kind: KindMalformed, Op: "chain_getFinalizedHead", Node: n.label, Message: err.Error()}
	}
	if h, ok := n.client.knownHeader(hash); ok {
		n.sawFinalized(h)
		return nil
	}
	if h, err = n.askHeader(ctx, c, &hash); err == nil {
		n.sawFinalized(h)
	}
	return err
}

func (n *node) hasFinalized() bool {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	return n.finalized.Hash != Hash{}
}

// askHeader asks the node itself for a header, the best one when hash is nil.
func (n *node) askHeader(ctx context.Context, c *conn, hash *Hash) (Header, error) {
	const method = "chain_getHeader"
	var params []any
	if hash != nil {
		params = []any{hash}
	}
	raw, err := n.ask(ctx, c, method, params...)
	if err != nil {
		return Header{}, err
	}
	h, err := decodeHeader(raw)
	if err == nil && hash != nil && h.Hash != *hash {
		err = errors.New("the header has another hash than the one asked for: " + h.Hash.String())
	}
	if err != nil {
		return Header{}, &Error{Kind: KindMalformed, Op: method, Node: n.label, Message: err.Error()}
	}
	return h, nil
}

// ask is a call of the loop itself.
func (n *node) ask(ctx context.Context, c *conn, method string, params ...any) ([]byte, error) {
	return n.client.callOn(ctx, n, c, method, params, n.client.config.CallTimeout)
}

// toldHead takes a best head out of the subscription.
func (n *node) toldHead(c *conn, h Header) {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	c.told++
	n.sawHead(h)
}

// sawHead takes a best head of the node. The caller holds mu.
func (n *node) sawHead(h Header) {
	n.seen.put(h.Hash, struct{}{})
	n.client.headers.put(h.Hash, h)
	if !n.believes(h) {
		n.doubt = &h
		n.rouse()
		return
	}
	n.doubt = nil
	if h.Hash != n.head.Hash {
		n.headAt = time.Now()
	}
	n.head, n.headKnown = h, true
	n.client.refresh()
}

// believes tells whether a head follows from what the node said before: it is near the head, or near the one in doubt.
// The first of a connection follows from nothing.
func (n *node) believes(h Header) bool {
	rule := &n.client.rule
	if n.headKnown && !rule.apart(h.Number, n.head.Number) {
		return true
	}
	return n.doubt != nil && !rule.apart(h.Number, n.doubt.Number)
}

// sawFinalized takes a finalised head that the node told of. One that is beyond the node's best head means nothing.
func (n *node) sawFinalized(h Header) {
	n.client.mu.Lock()
	defer n.client.mu.Unlock()
	n.client.headers.put(h.Hash, h)
	n.finalized = h
	n.client.refresh()
}

// backoff is how long to wait after each of several failures.
type backoff struct {
	min, max, current time.Duration
}

// next returns the next wait: twice the one before, up to the largest, and of that a random part between half and all.
func (b *backoff) next() time.Duration {
	b.current = min(max(2*b.current, b.min), b.max)
	return b.current/2 + rand.N(b.current/2+1)
}

func (b *backoff) reset() { b.current = 0 }
