package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	pylon "github.com/bittensor-pylon/pylon"
)

// BlockReader reads blocks.
type BlockReader interface {
	// LatestBlock returns the newest known block.
	LatestBlock(ctx context.Context) (*pylon.BlockInfo, error)
}

// NeuronReader reads the neurons of a subnet. What it returns is shared and must not be changed.
type NeuronReader interface {
	// LatestNeurons reads at the newest block for which the answer is ready.
	LatestNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error)
	// Neurons reads at the block with the given number.
	Neurons(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Neurons, error)
}

// ValidatorReader reads the validators of a subnet. What it returns is shared and must not be changed.
type ValidatorReader interface {
	// LatestValidators reads at the newest block for which the answer is ready.
	LatestValidators(ctx context.Context, netuid pylon.Netuid) (*pylon.Validators, error)
	// Validators reads at the block with the given number.
	Validators(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Validators, error)
}

// ChainReader is everything that the server reads from the chain. Answers about one block and subnet are always the
// same: the server keeps their rendered bytes under the block's hash.
type ChainReader interface {
	BlockReader
	NeuronReader
	ValidatorReader
}

// RecentReader is the cache of recent objects. It never waits for the chain.
type RecentReader interface {
	// RecentNeurons returns the newest neurons kept for the identity of that name, or for open access when the name is
	// empty.
	RecentNeurons(identity string, netuid pylon.Netuid) (*pylon.Neurons, error)
}

// Identity is a hotkey at work on one subnet, which users reach by its name and token.
type Identity struct {
	// Name is what the URL calls it. Required, without "/".
	Name string
	// Netuid is the subnet it works on.
	Netuid pylon.Netuid
	// Token is what a user has to know. Required.
	Token Secret
}

// Config says what a Server serves and for whom.
type Config struct {
	// Chain answers the reads. Required.
	Chain ChainReader
	// Recent answers the reads of recent objects. Required.
	Recent RecentReader
	// Ready returns nil when the service can answer reads of the chain, else why it can not. Only the detail of a
	// problem is shown to users. Defaults to always ready.
	Ready func(context.Context) error

	// Identities are served in this order. Defaults to none.
	Identities []Identity
	// OpenAccessToken guards the open-access routes. Defaults to none: they need no header then.
	OpenAccessToken Secret
	// MetricsToken guards /metrics. Defaults to none: it always answers 403 then.
	MetricsToken Secret
	// LegacyLogin serves clients of versions 0.x and 1.x, which log in and then send no token: the login route exists,
	// and a request without an Authorization header is let through. Defaults to false.
	LegacyLogin bool

	// DefaultTimeout is how long a request without an X-Pylon-Timeout header may take. Defaults to 60 seconds.
	DefaultTimeout time.Duration
	// MaxTimeout is the longest time that a request may ask for. Defaults to 300 seconds.
	MaxTimeout time.Duration
	// DrainTimeout is how long requests in flight may go on after the server has been told to stop. Defaults to 30
	// seconds.
	DrainTimeout time.Duration

	// RenderedBytes bounds the memory that rendered answers are kept in, compressed ones included. Defaults to 64 MiB.
	RenderedBytes int64

	// Registry takes the server's metrics and is what /metrics shows. Defaults to a new one.
	Registry *prometheus.Registry
	// NoCreatedSeries leaves the *_created series out of /metrics. Defaults to false.
	NoCreatedSeries bool
	// Logger gets what an operator has to know. Requests are logged one by one at debug level only. Defaults to
	// slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	c.DefaultTimeout = orDefault(c.DefaultTimeout, 60*time.Second)
	c.MaxTimeout = orDefault(c.MaxTimeout, 300*time.Second)
	c.DrainTimeout = orDefault(c.DrainTimeout, 30*time.Second)
	c.RenderedBytes = orDefault(c.RenderedBytes, 64<<20)
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func orDefault[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}

// validate checks a configuration whose defaults are filled in.
func (c Config) validate() error {
	if c.Chain == nil {
		return errors.New("server: Chain is required")
	}
	if c.Recent == nil {
		return errors.New("server: Recent is required")
	}
	seen := make(map[string]bool, len(c.Identities))
	for i, identity := range c.Identities {
		switch {
		case identity.Name == "":
			return fmt.Errorf("server: Identities[%d].Name is required", i)
		case strings.Contains(identity.Name, "/"):
			return fmt.Errorf("server: Identities[%d].Name %q has a slash in it: no URL can name it", i, identity.Name)
		case seen[identity.Name]:
			return fmt.Errorf("server: Identities[%d].Name %q is there twice", i, identity.Name)
		case identity.Token == "":
			return fmt.Errorf("server: Identities[%d].Token of %q is required", i, identity.Name)
		}
		seen[identity.Name] = true
	}
	for name, value := range map[string]int64{
		"DefaultTimeout": int64(c.DefaultTimeout),
		"MaxTimeout":     int64(c.MaxTimeout),
		"DrainTimeout":   int64(c.DrainTimeout),
		"RenderedBytes":  c.RenderedBytes,
	} {
		if value < 0 {
			return fmt.Errorf("server: %s is negative", name)
		}
	}
	return nil
}
