package intents

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// DefaultVersionKey is the version key of weights that the Python service sends: 9.0.3 of the SDK, as a number.
const DefaultVersionKey = 9003000

// Identity is a hotkey at work on one subnet.
type Identity struct {
	// Name is what requests call it. Required.
	Name string
	// Netuid is the subnet.
	Netuid pylon.Netuid
	// Signer owns the hotkey. Identities may share one. Required.
	Signer substrate.Signer
	// VersionKey is the version key of its weights. Defaults to 9003000.
	VersionKey *uint64
}

func (i *Identity) versionKey() uint64 {
	if i.VersionKey == nil {
		return DefaultVersionKey
	}
	return *i.VersionKey
}

// Nodes is the way to the chain. *substrate.Client is one.
type Nodes interface {
	heads
	blocks
	accounts
	sender
}

type heads interface {
	Genesis(ctx context.Context) (substrate.Hash, error)
	KnownHead() (substrate.Header, bool)
	Head(ctx context.Context) (substrate.Header, error)
	Finalized(ctx context.Context) (substrate.Header, error)
	Watch(buffer int) (<-chan substrate.HeadEvent, func())
}

type blocks interface {
	BlockHash(ctx context.Context, number uint64) (substrate.Hash, error)
	Header(ctx context.Context, hash substrate.Hash) (substrate.Header, error)
	Runtime(ctx context.Context, at substrate.Hash) (*substrate.Runtime, error)
	FindExtrinsic(ctx context.Context, extrinsic substrate.Hash, tip substrate.Header, from uint64) (*substrate.Inclusion, error)
}

type accounts interface {
	NonceAt(ctx context.Context, at substrate.Hash, account [32]byte) (uint64, error)
}

type sender interface {
	Sign(ctx context.Context, request substrate.SignRequest, signer substrate.Signer) (*substrate.Extrinsic, error)
	Submit(ctx context.Context, extrinsic []byte) error
	Fee(ctx context.Context, at substrate.Hash, extrinsic []byte) (uint64, error)
}

// Chain tells what writes depend on. *chain.Chain is one.
type Chain interface {
	Facts(ctx context.Context, at substrate.Header, query chain.FactsQuery) (*chain.Facts, error)
	NeuronsAt(ctx context.Context, at substrate.Header, netuid pylon.Netuid) (*pylon.Neurons, error)
	commits
}

type commits interface {
	TimelockedCommits(ctx context.Context, at substrate.Header, netuid pylon.Netuid, mechanism uint8, epoch uint64) ([]chain.TimelockedCommit, error)
	HashedCommits(ctx context.Context, at substrate.Header, query chain.FactsQuery) ([]chain.HashedCommit, error)
	WeightsOf(ctx context.Context, at substrate.Header, netuid pylon.Netuid, mechanism uint8, uid uint16) ([]chain.Weight, error)
}

// Budget bounds how often something is tried.
type Budget struct {
	// Retries is how often it is tried again after the first time. Negative: never.
	Retries int
	// Delay is the shortest wait before a retry, and ten times Delay the longest: between them it is 1 second before the
	// first, and twice as long before each that follows.
	Delay time.Duration
}

// Config says what an Engine works with.
type Config struct {
	// Store keeps the intents. The Engine does not close it. Required.
	Store *store.Store
	// Nodes is the way to the chain. The Engine does not close it. Required.
	Nodes Nodes
	// Archive finds blocks that Nodes no longer have. Defaults to Nodes.
	Archive Nodes
	// Chain tells what writes depend on. The Engine does not close it. Required.
	Chain Chain
	// Identities are those that may write. Defaults to none.
	Identities []Identity

	// Weights bounds the tries for weights. Defaults to 200 retries, a delay of 1 second.
	Weights Budget
	// Commitments bounds the tries for everything else. Defaults to 10 retries, a delay of 1 second.
	Commitments Budget
	// AttemptTimeout bounds one step of a try, such as reading or submitting. Defaults to 120 seconds.
	AttemptTimeout time.Duration
	// PatienceBlocks is how many blocks everything but weights has from the request to its inclusion. Defaults to 100.
	PatienceBlocks uint64
	// BlockTime is the time between two blocks of a chain that does not say. Defaults to 12 seconds.
	BlockTime time.Duration
	// Tip is paid for every extrinsic, in rao. Defaults to none.
	Tip uint64
	// KeepKeys is how long a generated private key is kept in memory for a request that is repeated. Defaults to 10
	// minutes.
	KeepKeys time.Duration

	// Owner names this process among those that share the store. Defaults to host name, process id and a random part.
	Owner string
	// LeaseTTL is how long after its last sign of life a process loses its hotkeys to another. Defaults to 15 seconds.
	LeaseTTL time.Duration
	// Poll is how often the store is looked at for what other processes have recorded. Defaults to 2 seconds.
	Poll time.Duration

	// Random makes salts, and what ciphertexts need. Defaults to crypto/rand's Reader.
	Random io.Reader
	// Observe is told what happens, for metrics. Defaults to nothing.
	Observe Observer
	// Trace is told of every step that begins for an intent: "try" (with "sign" and "submit" in it) and "settle". It returns
	// the context that the step goes on with, and what is called when it has ended. Defaults to nothing.
	Trace func(ctx context.Context, step string, intent pylon.Intent) (context.Context, func(error))
	// Logger gets what an operator has to know. Defaults to slog.Default().
	Logger *slog.Logger
	// Crash is called at every point of Points, for tests that end the process there. Defaults to nothing.
	Crash func(point string)
}

func (c Config) withDefaults() Config {
	if c.Archive == nil {
		c.Archive = c.Nodes
	}
	if c.Weights == (Budget{}) {
		c.Weights = Budget{Retries: 200, Delay: time.Second}
	}
	if c.Commitments == (Budget{}) {
		c.Commitments = Budget{Retries: 10, Delay: time.Second}
	}
	orDefault(&c.AttemptTimeout, 2*time.Minute)
	orDefault(&c.PatienceBlocks, 100)
	orDefault(&c.BlockTime, 12*time.Second)
	orDefault(&c.KeepKeys, 10*time.Minute)
	orDefault(&c.LeaseTTL, 15*time.Second)
	orDefault(&c.Poll, 2*time.Second)
	if c.Owner == "" {
		host, _ := os.Hostname() // a part of a name that is unique without it
		c.Owner = fmt.Sprintf("%.64s/%d/%s", host, os.Getpid(), randomName())
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Observe == nil {
		c.Observe = silence{}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Crash == nil {
		c.Crash = func(string) {}
	}
	return c
}

func orDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c *Config) validate() error {
	switch {
	case c.Store == nil:
		return errors.New("intents: Config.Store is required")
	case c.Nodes == nil:
		return errors.New("intents: Config.Nodes is required")
	case c.Chain == nil:
		return errors.New("intents: Config.Chain is required")
	}
	for name, value := range map[string]time.Duration{
		"Weights.Delay": c.Weights.Delay, "Commitments.Delay": c.Commitments.Delay, "AttemptTimeout": c.AttemptTimeout,
		"BlockTime": c.BlockTime, "KeepKeys": c.KeepKeys, "LeaseTTL": c.LeaseTTL, "Poll": c.Poll,
	} {
		if value < 0 {
			return fmt.Errorf("intents: Config.%s is negative: %s", name, value)
		}
	}
	names := make(map[string]bool)
	for i, identity := range c.Identities {
		switch {
		case identity.Name == "":
			return fmt.Errorf("intents: Config.Identities[%d].Name is empty", i)
		case identity.Signer == nil:
			return fmt.Errorf("intents: Config.Identities[%d].Signer is missing", i)
		case names[identity.Name]:
			return fmt.Errorf("intents: Config.Identities[%d].Name %q is there twice", i, identity.Name)
		}
		names[identity.Name] = true
	}
	return nil
}
