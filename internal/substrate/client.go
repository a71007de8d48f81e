package substrate

import (
	"time"

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
type Client struct{ config Config }

// New checks the configuration. It opens nothing: connections are made when the first question is asked.
func New(config Config) (*Client, error) {
	config.setDefaults()
	if _, _, err := config.validate(); err != nil {
		return nil, err
	}
	return &Client{config: config}, nil
}
