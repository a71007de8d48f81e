package substrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says which nodes a Client uses and how patient it is with them. Times of zero and counts of zero mean the
// default.
type Config struct {
	// Role is what the nodes are for, "main" or "archive": a word in logs, errors and Call. Defaults to "main".
	Role string
	// Nodes are one or several nodes of the same chain, the preferred one first: ws:// or wss:// URLs, or the names
	// finney, archive, test, local and latent-lite. Required.
	Nodes []string
	// Genesis is the hash of block 0 of the chain that the nodes must serve. Defaults to that of the named network; without
	// a name, to what the first node that connects says.
	Genesis *Hash
	// Chain is what clients of one chain share, so that they agree which chain it is when neither setting nor name says it.
	// Defaults to one of the client's own.
	Chain *Identity
	// BlockTime is the expected time between blocks. Defaults to 12 s.
	BlockTime time.Duration
	// CallTimeout is how long one node may take to answer one call. It is less when the caller's deadline has to be shared
	// with nodes that are still to be asked. Defaults to 20 s.
	CallTimeout time.Duration
	// ConnectWait is how long a call waits for a connection when no node has one. Defaults to 5 s.
	ConnectWait time.Duration
	// DialTimeout is the time for a connection to be made, from the name lookup to the checked genesis. Defaults to 10 s.
	DialTimeout time.Duration
	// PingInterval is the time between two pings of an idle or busy connection. Defaults to 5 s.
	PingInterval time.Duration
	// PingTimeout is how long a node may be silent after a ping before its connection is given up. Defaults to 5 s.
	PingTimeout time.Duration
	// BackoffMin is the wait before the first new attempt to connect, and before a failing node is probed. It doubles with
	// each failure, up to BackoffMax, and varies by half. Defaults to 250 ms.
	BackoffMin time.Duration
	// BackoffMax limits that wait, and so how long a node that returns may go unused. Less than ConnectWait, it lets every
	// call that waits see an attempt. Defaults to 4 s.
	BackoffMax time.Duration
	// StaleAfter is how long a head may stand still before its node is asked last. Defaults to 4 block times.
	StaleAfter time.Duration
	// MaxBehind is how many blocks a node may be behind the newest head, and how far a head may jump unconfirmed.
	// Defaults to 5.
	MaxBehind uint64
	// MaxInFlight is how many calls may wait for answers of one node at a time; more queue up. Defaults to 256.
	MaxInFlight int
	// ReadLimit is the largest answer in bytes. Defaults to 64 MiB.
	ReadLimit int64
	// Runtimes is how many runtimes (metadata of a few MiB each) are kept. Defaults to 4.
	Runtimes int
	// Logger receives what happens to the nodes. Defaults to a logger that discards.
	Logger *slog.Logger
	// Observe is told of every call answered, failed or given up by one node, with the context of who asked; what several
	// ask for together, such as metadata, has the context of the Client. It must be quick and safe for concurrent use.
	// Defaults to nothing.
	Observe func(context.Context, Call)
}

// Call is one call at one node, for metrics.
type Call struct {
	Role   string
	Node   string // address without credentials
	Method string
	// Duration is from the moment the call was handed to the node's connection to the answer or the failure.
	Duration time.Duration
	// Bytes is the size of the answer.
	Bytes int
	// Err is nil or an *Error.
	Err error
}

func (c *Config) setDefaults() {
	setDefault(&c.Role, "main")
	setDefault(&c.BlockTime, 12*time.Second)
	setDefault(&c.CallTimeout, 20*time.Second)
	setDefault(&c.ConnectWait, 5*time.Second)
	setDefault(&c.DialTimeout, 10*time.Second)
	setDefault(&c.PingInterval, 5*time.Second)
	setDefault(&c.PingTimeout, 5*time.Second)
	setDefault(&c.BackoffMin, 250*time.Millisecond)
	setDefault(&c.BackoffMax, 4*time.Second)
	setDefault(&c.StaleAfter, 4*c.BlockTime)
	setDefault(&c.MaxBehind, 5)
	setDefault(&c.MaxInFlight, 256)
	setDefault(&c.ReadLimit, 64<<20)
	setDefault(&c.Runtimes, 4)
	if c.Chain == nil {
		c.Chain = new(Identity)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, Call) {}
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// minReadLimit is room for a header and an error text.
const minReadLimit = 4 << 10

// validate checks the settings, and returns the nodes' addresses and the genesis that their names stand for.
func (c *Config) validate() ([]endpoint, *Hash, error) {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{
		{"BlockTime", c.BlockTime},
		{"CallTimeout", c.CallTimeout},
		{"ConnectWait", c.ConnectWait},
		{"DialTimeout", c.DialTimeout},
		{"PingInterval", c.PingInterval},
		{"PingTimeout", c.PingTimeout},
		{"BackoffMin", c.BackoffMin},
		{"BackoffMax", c.BackoffMax},
		{"StaleAfter", c.StaleAfter},
	} {
		if f.value < 0 {
			return nil, nil, fmt.Errorf("substrate: Config.%s is negative: %s", f.name, f.value)
		}
	}
	if c.BackoffMax < c.BackoffMin {
		return nil, nil, fmt.Errorf("substrate: Config.BackoffMax %s is less than Config.BackoffMin %s", c.BackoffMax, c.BackoffMin)
	}
	if c.MaxInFlight < 0 {
		return nil, nil, fmt.Errorf("substrate: Config.MaxInFlight is negative: %d", c.MaxInFlight)
	}
	if c.Runtimes < 0 {
		return nil, nil, fmt.Errorf("substrate: Config.Runtimes is negative: %d", c.Runtimes)
	}
	if c.ReadLimit < minReadLimit {
		return nil, nil, fmt.Errorf("substrate: Config.ReadLimit is less than %d bytes: %d", minReadLimit, c.ReadLimit)
	}
	return c.endpoints()
}

func (c *Config) endpoints() ([]endpoint, *Hash, error) {
	if len(c.Nodes) == 0 {
		return nil, nil, errors.New("substrate: Config.Nodes is empty: name at least one node")
	}
	genesis := c.Genesis
	nodes := make([]endpoint, 0, len(c.Nodes))
	for i, text := range c.Nodes {
		e, err := parseEndpoint(text)
		if err != nil {
			return nil, nil, fmt.Errorf("substrate: Config.Nodes[%d]: %w", i, err)
		}
		switch {
		case e.genesis == nil:
		case genesis == nil:
			genesis = e.genesis
		case *genesis != *e.genesis:
			return nil, nil, fmt.Errorf("substrate: Config.Nodes[%d]: %s has the genesis %s, the nodes before it or Config.Genesis have %s", i, e.label, e.genesis, genesis)
		}
		for _, other := range nodes {
			if other.url == e.url {
				return nil, nil, fmt.Errorf("substrate: Config.Nodes[%d]: %s is named twice", i, e.label)
			}
		}
		nodes = append(nodes, e)
	}
	return nodes, genesis, nil
}
