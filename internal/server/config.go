package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	pylon "github.com/bittensor-pylon/pylon"
)

// Identity is a hotkey at work on one subnet, which users reach by its name and token.
type Identity struct {
	// Name is what the URL calls it. Required, without "/".
	Name string
	// Netuid is the subnet it works on.
	Netuid pylon.Netuid
	// Hotkey is the SS58 address that the identity works with. Without it, what the identity itself has published can
	// not be asked for. Defaults to none.
	Hotkey pylon.Hotkey
	// Token is what a user has to know. Required.
	Token Secret
}

// Config says what a Server serves and for whom.
type Config struct {
	// Chain answers the reads. Required.
	Chain ChainReader
	// Recent answers the reads of recent objects. Required.
	Recent RecentReader
	// Writes brings what identities ask for onto the chain. Defaults to none: there are no routes that write then.
	Writes Writer
	// EVM answers the reads of EVM logs. Defaults to none: there is no such route then.
	EVM EVMLogReader
	// Events tells what happens on the chain. Defaults to none: the streams of events are silent then.
	Events EventSource
	// Status tells the state of the service. Defaults to none: there is neither a status nor a status page then.
	Status StatusReader
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

	// MaxWaiting bounds how many requests for one kind of thing wait for the chain at once, wherever it is asked for:
	// others get 503. Answers from memory do not count. Defaults to 512.
	MaxWaiting int
	// MaxConnections bounds the connections of all clients, and half of it those of one address (an IPv6 address counts
	// with its /64). Over the bound, connections that say nothing make room for new ones; where there are none, the new
	// one gets 503. Defaults to 4096.
	MaxConnections int
	// MaxEventReaders bounds how many clients read the streams of events. Defaults to 256.
	MaxEventReaders int
	// WrongTokens is how many wrong tokens an address may send within a minute before it gets 429. Behind a proxy all
	// clients have the proxy's address. A token that was right from there before goes on to work. A negative number sets no
	// limit. Defaults to 10.
	WrongTokens int

	// RenderedBytes bounds the memory that rendered answers are kept in, compressed ones included. Defaults to 64 MiB.
	RenderedBytes int64

	// Registry takes the server's metrics and is what /metrics shows. Defaults to a new one.
	Registry *prometheus.Registry
	// NoCreatedSeries leaves the *_created series out of /metrics. Defaults to false.
	NoCreatedSeries bool
	// Logger gets what an operator has to know. Defaults to slog.Default().
	Logger *slog.Logger
	// AccessLevel is the level at which each request is logged. Defaults to slog.LevelDebug.
	AccessLevel slog.Leveler
	// Trace is told of every request that has found its route, before anything is done for it. It returns the context that
	// the request goes on with, and what is called with the status when it has been answered. Defaults to nothing.
	Trace func(r *http.Request, route, requestID string) (context.Context, func(status int))
}

func (c Config) withDefaults() Config {
	if c.Ready == nil {
		c.Ready = func(context.Context) error { return nil }
	}
	c.DefaultTimeout = cmp.Or(c.DefaultTimeout, 60*time.Second)
	c.MaxTimeout = cmp.Or(c.MaxTimeout, 300*time.Second)
	c.DrainTimeout = cmp.Or(c.DrainTimeout, 30*time.Second)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 512)
	c.MaxConnections = cmp.Or(c.MaxConnections, 4096)
	c.MaxEventReaders = cmp.Or(c.MaxEventReaders, 256)
	c.WrongTokens = cmp.Or(c.WrongTokens, 10)
	c.RenderedBytes = cmp.Or(c.RenderedBytes, 64<<20)
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	c.Logger = cmp.Or(c.Logger, slog.Default())
	if c.AccessLevel == nil {
		c.AccessLevel = slog.LevelDebug
	}
	return c
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
		"DefaultTimeout":  int64(c.DefaultTimeout),
		"MaxTimeout":      int64(c.MaxTimeout),
		"DrainTimeout":    int64(c.DrainTimeout),
		"MaxWaiting":      int64(c.MaxWaiting),
		"MaxEventReaders": int64(c.MaxEventReaders),
		"MaxConnections":  int64(c.MaxConnections),
		"RenderedBytes":   c.RenderedBytes,
	} {
		if value < 0 {
			return fmt.Errorf("server: %s is negative", name)
		}
	}
	return nil
}
