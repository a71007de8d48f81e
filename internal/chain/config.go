package chain

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

const defaultBlockTime = 12 * time.Second

// Config says which nodes a Chain reads from and what it keeps.
type Config struct {
	// Main are the nodes that know the newest block, and everything of the last few hundred blocks. Required. The Chain
	// does not close it.
	Main *substrate.Client
	// Archive are nodes that know every block. The Chain does not close it. Defaults to Main.
	Archive *substrate.Client
	// ArchiveCutoff is how many blocks behind the head a block may be for its state to be asked of the main nodes;
	// exactly as many still may. Negative means 0. Defaults to 300.
	ArchiveCutoff int
	// CacheBytes bounds the memory for answers, by estimate. Defaults to 32 MiB.
	CacheBytes int64
	// ReadTimeout is how long one read may take altogether, whoever waits for it. Defaults to 60 seconds.
	ReadTimeout time.Duration
	// KeepReady is how long after the last request for a subnet's latest neurons every new block's are read ahead.
	// Defaults to 5 minutes.
	KeepReady time.Duration
	// ReadAhead is how many reads ahead go on at the same time. Defaults to 8.
	ReadAhead int
	// BlockTime is the time between two blocks. Defaults to 12 seconds.
	BlockTime time.Duration
	// EventSubnets are subnets whose epochs Events tells of even when nobody asks for their neurons. Defaults to none.
	EventSubnets []pylon.Netuid
	// Logger gets what an operator has to know. Defaults to slog.Default().
	Logger *slog.Logger
	// Observe is told of every operation on the chain when it has ended, for metrics. It must be quick and safe for
	// concurrent use. Defaults to nothing.
	Observe func(Operation)
	// Tracer follows each operation. Defaults to nothing.
	Tracer Tracer
}

func (c Config) withDefaults() Config {
	if c.Archive == nil {
		c.Archive = c.Main
	}
	c.ArchiveCutoff = max(cmp.Or(c.ArchiveCutoff, 300), 0)
	c.CacheBytes = cmp.Or(c.CacheBytes, 32<<20)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, time.Minute)
	c.KeepReady = cmp.Or(c.KeepReady, 5*time.Minute)
	c.ReadAhead = cmp.Or(c.ReadAhead, 8)
	c.BlockTime = cmp.Or(c.BlockTime, defaultBlockTime)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// validate checks a configuration whose defaults are filled in.
func (c Config) validate() error {
	if c.Main == nil {
		return errors.New("chain: Main is required")
	}
	return c.validateNumbers()
}

func (c Config) validateNumbers() error {
	for name, value := range map[string]int64{
		"CacheBytes":  c.CacheBytes,
		"ReadTimeout": int64(c.ReadTimeout),
		"KeepReady":   int64(c.KeepReady),
		"ReadAhead":   int64(c.ReadAhead),
		"BlockTime":   int64(c.BlockTime),
	} {
		if value < 0 {
			return fmt.Errorf("chain: %s is negative", name)
		}
	}
	return nil
}

// uriOf names the nodes of a client, without credentials.
func uriOf(client *substrate.Client) string {
	var names []string
	for _, node := range client.Nodes() {
		names = append(names, node.Node)
	}
	return strings.Join(names, ",")
}
