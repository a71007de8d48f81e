package substrate

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/internal/feed"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Header is a block's number, hash and parent. The hash is computed from the header's SCALE form, never taken from the
// node.
type Header struct {
	Number uint64
	Hash   Hash
	Parent Hash
}

// Block is a block with its extrinsics, each with its length prefix, as hashed.
type Block struct {
	Header     Header
	Extrinsics [][]byte
	root       Hash // of the extrinsics, as the header has it
}

// Runtime is what decodes everything read at the blocks that it was in force for. It is immutable and shared: the same
// (genesis, SpecName, SpecVersion, TransactionVersion) gives the same pointer while it is cached.
type Runtime struct {
	SpecName           string
	SpecVersion        uint32
	TransactionVersion uint32
	Metadata           *scale.Metadata
}

// HeadEvent is a new newest block.
type HeadEvent struct {
	Header    Header
	Finalized bool
}

// NodeState is what a node is good for at the moment.
type NodeState string

// The states of a node.
const (
	NodeIdle       NodeState = "idle"        // not opened yet: nobody has asked anything
	NodeConnecting NodeState = "connecting"  // no connection; being made, or waiting for the next attempt
	NodeHealthy    NodeState = "healthy"     // used
	NodeStale      NodeState = "stale"       // its head stands still: asked last
	NodeBehind     NodeState = "behind"      // its head is far behind the others': asked last
	NodeAhead      NodeState = "ahead"       // its head is too far ahead of all others to be believed: asked last
	NodeFailing    NodeState = "failing"     // several calls in a row failed: asked last, probed
	NodeWrongChain NodeState = "wrong_chain" // it serves another chain: not asked, looked at again now and then
	NodeClosed     NodeState = "closed"      // the Client is closed
)

// NodeStates returns all states.
func NodeStates() []NodeState {
	return []NodeState{
		NodeIdle, NodeConnecting, NodeHealthy, NodeStale, NodeBehind, NodeAhead, NodeFailing, NodeWrongChain, NodeClosed,
	}
}

// NodeStatus is how one node is doing.
type NodeStatus struct {
	Node  string // address without credentials
	State NodeState
	// Head is the newest best header that the node has told, zero before the first.
	Head Header
	// HeadAge is the time since the head last changed, zero before the first.
	HeadAge time.Duration
	// Reconnects counts connections made after the first.
	Reconnects uint64
	// LastError is the latest failure of a call or a connection, nil when there was none; LastErrorKind is its kind.
	LastError     error
	LastErrorKind Kind
}

// Client asks the nodes of one role. It is safe for concurrent use.
type Client struct {
	config     Config
	connConfig connConfig
	rule       headRule
	dialer     dialer
	identity   *Identity

	// ctx ends with Close; everything that runs has it.
	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	best      atomic.Pointer[Header]
	finalized atomic.Pointer[Header]
	versions  *shared[Hash, runtimeVersion]
	runtimes  *shared[runtimeKey, *Runtime]
	bodies    *shared[Hash, *body]

	mu       sync.Mutex
	opened   bool
	closed   bool
	changed  chan struct{} // closed and replaced when anything below changes
	nodes    []*node
	bestAt   time.Time // when best last changed
	watchers feed.Feed[HeadEvent]
	headers  *recent[Hash, Header]
}

// New checks the configuration. It opens nothing: connections are made when the first question is asked.
func New(config Config) (*Client, error) {
	config.setDefaults()
	endpoints, genesis, err := config.validate()
	if err != nil {
		return nil, err
	}
	c := &Client{
		config: config,
		connConfig: connConfig{
			callTimeout:  config.CallTimeout,
			pingInterval: config.PingInterval,
			pingTimeout:  config.PingTimeout,
			maxInFlight:  config.MaxInFlight,
			readLimit:    config.ReadLimit,
		},
		rule:     headRule{staleAfter: config.StaleAfter, blockTime: config.BlockTime, margin: config.MaxBehind},
		dialer:   newDialer(),
		changed:  make(chan struct{}),
		identity: config.Chain,
		headers:  newRecent[Hash, Header](1024),
	}
	if genesis != nil {
		if was := c.identity.decide(*genesis); was != *genesis {
			return nil, fmt.Errorf("substrate: the nodes of role %s have the genesis %s, those that share Config.Chain %s", config.Role, genesis, was)
		}
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	for i, e := range endpoints {
		c.nodes = append(c.nodes, newNode(c, i, e))
	}
	// A load may have to ask every node.
	patience := config.ConnectWait + time.Duration(len(c.nodes)+1)*config.CallTimeout
	c.versions = newShared[Hash, runtimeVersion]("state_getRuntimeVersion", 1024, patience, c.spawn)
	c.runtimes = newShared[runtimeKey, *Runtime]("metadata", config.Runtimes, 2*patience, c.spawn)
	c.bodies = newShared[Hash, *body]("chain_getBlock", bodies, patience, c.spawn)
	return c, nil
}

// Role returns the role of the configuration.
func (c *Client) Role() string { return c.config.Role }

// spawn runs a function with the client's context and lets Close wait for it. It returns false when the client is closed.
func (c *Client) spawn(run func(context.Context)) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.group.Go(func() { run(c.ctx) })
	return true
}

// open starts the nodes' loops, once.
func (c *Client) open() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return closedError(c.config.Role)
	}
	if !c.opened {
		c.opened = true
		for _, n := range c.nodes {
			n.setState(NodeConnecting)
			c.group.Go(func() { n.run(c.ctx) })
		}
	}
	return nil
}

// closeLimit is how long Close waits.
const closeLimit = 5 * time.Second

// Close gives up all calls, closes all connections and waits, at most 5 s, until everything has stopped. The error says
// that something has not. Closing twice is fine.
func (c *Client) Close() error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		c.watchers.Close()
	}
	c.cancel()
	c.wake()
	c.mu.Unlock()
	stopped := make(chan struct{})
	go func() {
		c.group.Wait()
		close(stopped)
	}()
	timer := time.NewTimer(closeLimit)
	defer timer.Stop()
	select {
	case <-stopped:
		return nil
	case <-timer.C:
		return fmt.Errorf("substrate: %s: connections have not closed within %s", c.config.Role, closeLimit)
	}
}

// wake lets those who wait look again. The caller holds mu.
func (c *Client) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// await waits until ready returns true, which is called with mu held, at most ConnectWait.
func (c *Client) await(ctx context.Context, op string, ready func() bool) error {
	if err := c.open(); err != nil {
		return err
	}
	timer := time.NewTimer(c.config.ConnectWait)
	defer timer.Stop()
	for {
		c.mu.Lock()
		ok, changed := ready(), c.changed
		c.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if c.ctx.Err() == nil {
				return contextError(ctx, op)
			}
			return closedError(op)
		case <-c.ctx.Done():
			return closedError(op)
		case <-timer.C:
			return c.unconnected(op)
		}
	}
}

// unconnected says why no node could be asked.
func (c *Client) unconnected(op string) *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := &Error{Kind: KindTransport, Op: op, Message: "no node is connected after " + c.config.ConnectWait.String()}
	wrong := 0
	for _, n := range c.nodes {
		if n.lastError != nil {
			e.Message += "; " + n.lastError.Error()
		}
		if n.wrongChain {
			wrong++
		}
	}
	if wrong == len(c.nodes) {
		e.Kind = KindWrongChain
	}
	if len(c.nodes) == 1 {
		e.Node = c.nodes[0].label
	}
	return e
}

// contextError is the error of a call whose caller's context has ended.
func contextError(ctx context.Context, op string) *Error {
	err := ctx.Err()
	return &Error{Kind: KindOf(err), Op: op, Err: err}
}

func closedError(op string) *Error {
	return &Error{Kind: KindClosed, Op: op, Message: "the client was closed"}
}

// nodeUp takes a new connection into use.
func (c *Client) nodeUp(n *node, up *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.conn = up
	n.wrongChain = false
	n.failures, n.failing = 0, false
	n.connects++
	n.discarded.clear()
	c.refresh()
}

// nodeDown takes a node out of use, because of err.
func (c *Client) nodeDown(n *node, err *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.conn = nil
	n.headKnown, n.doubt = false, nil
	n.wrongChain = err.Kind == KindWrongChain
	if err.Kind != KindClosed {
		e := *err
		e.Node = n.label
		if e.Op == "" {
			e.Op = "connection"
		}
		e.Message = n.scrub(e.Message)
		n.lastError = &e
	}
	c.refresh()
}

// Nodes returns how each node is doing, in the order of the configuration. It asks nobody.
func (c *Client) Nodes() []NodeStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	all := make([]NodeStatus, len(c.nodes))
	for i, n := range c.nodes {
		s := NodeStatus{Node: n.label, State: n.state, Head: n.head}
		if !n.headAt.IsZero() {
			s.HeadAge = now.Sub(n.headAt)
		}
		if n.connects > 0 {
			s.Reconnects = n.connects - 1
		}
		if n.lastError != nil {
			s.LastError, s.LastErrorKind = n.lastError, n.lastError.Kind
		}
		all[i] = s
	}
	return all
}
