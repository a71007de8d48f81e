package devchain

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Config is how to make a Chain. The zero value is a chain without a clock: it
// makes a block when told to, and listens on a free port of this machine.
type Config struct {
	// Listen is the TCP address of the node that the chain begins with. Defaults
	// to "127.0.0.1:0", a free port of this machine.
	Listen string

	// BlockTime is how often a block is made. Defaults to 0: only Produce and its
	// relatives make blocks.
	BlockTime time.Duration

	// SlotDuration is the length of an Aura slot, and without a BlockTime the
	// distance between the timestamps of consecutive blocks. Defaults to BlockTime
	// if that is set, else to 12 seconds.
	SlotDuration time.Duration

	// FinalityLag is how many blocks the finalised head stays behind the best one.
	// NoLag makes every best block final at once, ManualFinality leaves it to
	// Finalize. Defaults to 3.
	FinalityLag int

	// GenesisTime is the time of block 0, to the millisecond. With GenesisTime set
	// and no BlockTime, equal calls give equal blocks, hashes included. Defaults to
	// the clock's time, or with a StateDir in use to the time kept there.
	GenesisTime time.Time

	// Now is the clock that timestamps follow if there is a BlockTime. Defaults to
	// time.Now.
	Now func() time.Time

	// Runtime is what the chain runs from the genesis block on. Defaults to a
	// Subtensor with its own defaults.
	Runtime runtime.Runtime

	// Runtimes are further runtimes that blocks in the StateDir may have been made
	// with, after an Upgrade. Defaults to none, or without a Runtime to the
	// Subtensors of all Specs.
	Runtimes []runtime.Runtime

	// StateDir is a directory that the chain is kept in, so that it goes on after a
	// restart. One process may use it at a time. Defaults to "": memory only.
	StateDir string

	// KeepStates is how many of the newest blocks have a state; older ones keep
	// header and body only. AllStates keeps every state, as an archive node does.
	// Defaults to 4096.
	KeepStates int

	// Limits bound what clients of the first node can take. Defaults to the limits
	// of a Substrate node.
	Limits Limits

	// Pool bounds the pool of extrinsics. Defaults to the limits of a Substrate
	// node.
	Pool PoolLimits

	// Logger receives what happens. Defaults to no logging.
	Logger *slog.Logger
}

// Special values of Config.FinalityLag and KeepStates.
const (
	NoLag          = -1
	ManualFinality = -2
	AllStates      = -1
)

// Limits bound what one node does for its clients.
type Limits struct {
	// Connections is how many sockets may be open at a time. Defaults to 1000.
	Connections int
	// Subscriptions is how many a WebSocket connection may have. Defaults to 1024.
	Subscriptions int
	// Batch is how many calls one batch may hold. Defaults to 1000.
	Batch int
	// RequestBytes is the largest request. Defaults to 15 MiB.
	RequestBytes int64
	// ResponseBytes is the largest response. Defaults to 15 MiB.
	ResponseBytes int64
	// WriteTimeout is how long a client may take to accept one message. Defaults
	// to 10 seconds.
	WriteTimeout time.Duration
}

const (
	defaultListen       = "127.0.0.1:0"
	defaultSlotDuration = 12 * time.Second
	defaultFinalityLag  = 3
	defaultKeepStates   = 4096
)

func (c Config) withDefaults() Config {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	if c.SlotDuration == 0 {
		c.SlotDuration = c.BlockTime
	}
	if c.SlotDuration == 0 {
		c.SlotDuration = defaultSlotDuration
	}
	if c.FinalityLag == 0 {
		c.FinalityLag = defaultFinalityLag
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.KeepStates == 0 {
		c.KeepStates = defaultKeepStates
	}
	c.Limits = c.Limits.withDefaults()
	c.Pool = c.Pool.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.BlockTime < 0:
		return fmt.Errorf("devchain: Config.BlockTime is negative: %v", c.BlockTime)
	case c.SlotDuration < time.Millisecond:
		return fmt.Errorf("devchain: Config.SlotDuration is less than a millisecond: %v", c.SlotDuration)
	case c.FinalityLag < ManualFinality:
		return fmt.Errorf("devchain: Config.FinalityLag is %d; the special values are NoLag and ManualFinality", c.FinalityLag)
	}
	if err := c.Pool.validate(); err != nil {
		return err
	}
	return validateNode("Config", c.KeepStates, c.Limits)
}

func validateNode(where string, keepStates int, limits Limits) error {
	if keepStates < AllStates {
		return fmt.Errorf("devchain: %s.KeepStates is %d; the special value is AllStates", where, keepStates)
	}
	return limits.validate(where + ".Limits")
}

func (l Limits) withDefaults() Limits {
	if l.Connections == 0 {
		l.Connections = 1000
	}
	if l.Subscriptions == 0 {
		l.Subscriptions = 1024
	}
	if l.Batch == 0 {
		l.Batch = 1000
	}
	if l.RequestBytes == 0 {
		l.RequestBytes = 15 << 20
	}
	if l.ResponseBytes == 0 {
		l.ResponseBytes = 15 << 20
	}
	if l.WriteTimeout == 0 {
		l.WriteTimeout = 10 * time.Second
	}
	return l
}

func (l Limits) validate(where string) error {
	for _, field := range []struct {
		name  string
		value int64
	}{
		{"Connections", int64(l.Connections)},
		{"Subscriptions", int64(l.Subscriptions)},
		{"Batch", int64(l.Batch)},
		{"RequestBytes", l.RequestBytes},
		{"ResponseBytes", l.ResponseBytes},
		{"WriteTimeout", int64(l.WriteTimeout)},
	} {
		if field.value < 0 {
			return fmt.Errorf("devchain: %s.%s is negative", where, field.name)
		}
	}
	return nil
}
