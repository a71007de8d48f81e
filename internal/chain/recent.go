package chain

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// RecentSource is where the cache of recent objects gets them from. A Chain is one.
type RecentSource interface {
	// ReadNeurons reads the neurons of a subnet at the newest block.
	ReadNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error)
	// ReadyNeurons returns the newest neurons of a subnet that are in memory anyway, nil when there are none.
	ReadyNeurons(netuid pylon.Netuid) *pylon.Neurons
	// EstimatedNumber returns the number that the newest block should have by now, false when no block was ever seen.
	EstimatedNumber() (uint64, bool)
}

// RecentKey names a context that recent objects are kept for.
type RecentKey struct {
	// Identity is the name of the identity, empty for open access.
	Identity string
	// Netuid is the subnet.
	Netuid pylon.Netuid
}

// RecentConfig says what recent objects are kept, and how old they may get.
type RecentConfig struct {
	// Source gives the objects. Required.
	Source RecentSource
	// Identities are the contexts of the identities. Each of their subnets is kept for open access too. Defaults to
	// none.
	Identities []RecentKey
	// Netuids are the subnets that are kept for open access only. Defaults to none.
	Netuids []pylon.Netuid
	// SoftLimit is the age from which on a served object is worth a warning, in blocks; exactly at it is still fine.
	// Negative means 0. Defaults to 100.
	SoftLimit int
	// HardLimit is the age from which on an object is not served any more, in blocks; exactly at it is still fine. It is
	// at least SoftLimit. Negative means 0. Defaults to 150.
	HardLimit int
	// RefreshLead is how long before the soft limit an object is refreshed, in blocks. Negative means 0. Defaults to 10.
	RefreshLead int
	// BlockTime is the time between two blocks. Defaults to 12 seconds.
	BlockTime time.Duration
	// Logger gets a warning when an object is old or a refresh fails. Defaults to slog.Default().
	Logger *slog.Logger
}

func (c RecentConfig) withDefaults() RecentConfig {
	c.SoftLimit = max(cmp.Or(c.SoftLimit, 100), 0)
	c.HardLimit = max(cmp.Or(c.HardLimit, 150), 0)
	c.RefreshLead = max(cmp.Or(c.RefreshLead, 10), 0)
	c.BlockTime = cmp.Or(c.BlockTime, defaultBlockTime)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

// validate checks a configuration whose defaults are filled in.
func (c RecentConfig) validate() error {
	switch {
	case c.Source == nil:
		return errors.New("chain: Recent: Source is required")
	case c.HardLimit < c.SoftLimit:
		return fmt.Errorf("chain: Recent: HardLimit %d is under SoftLimit %d", c.HardLimit, c.SoftLimit)
	case c.BlockTime < 0:
		return errors.New("chain: Recent: BlockTime is negative")
	}
	for i, key := range c.Identities {
		if key.Identity == "" {
			return fmt.Errorf("chain: Recent: Identities[%d].Identity is required", i)
		}
	}
	return nil
}

// interval is the time between two refreshes.
func (c RecentConfig) interval() time.Duration {
	return time.Duration(max(c.SoftLimit-c.RefreshLead, 1)) * c.BlockTime
}

// keys returns the contexts: each identity's, open access of each identity's subnet, open access of the further
// subnets. None is there twice.
func (c RecentConfig) keys() []RecentKey {
	keys := slices.Clone(c.Identities)
	for _, key := range c.Identities {
		keys = append(keys, RecentKey{Netuid: key.Netuid})
	}
	for _, netuid := range c.Netuids {
		keys = append(keys, RecentKey{Netuid: netuid})
	}
	seen := make(map[RecentKey]bool, len(keys))
	return slices.DeleteFunc(keys, func(key RecentKey) bool {
		again := seen[key]
		seen[key] = true
		return again
	})
}

// Recent keeps neurons of configured subnets that are allowed to be some minutes old. It never lets a reader wait for
// the chain: what it has is served until it is too old.
//
// The age of an object is the number of blocks between its block and the block that should be the newest one by now.
// So objects get old, too, when the chain can not be reached. Where the chain has a newer answer in memory, because
// somebody reads the latest neurons of that subnet, that answer is served. After a restart there is nothing until the
// first refresh is over.
type Recent struct {
	config   RecentConfig
	contexts map[RecentKey]*recentContext

	ctx    context.Context // ends the refreshing
	cancel context.CancelFunc
	start  sync.Once
	group  sync.WaitGroup // of the refreshing
}

// recentContext keeps the objects of one context.
type recentContext struct {
	key     RecentKey
	neurons atomic.Pointer[pylon.Neurons]
	// warned is the age of the last warning, so that an old object is logged once a block and not once a request.
	warned atomic.Uint64
}

// NewRecent returns an empty cache. Start fills it.
func NewRecent(config RecentConfig) (*Recent, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	r := &Recent{config: config, contexts: make(map[RecentKey]*recentContext)}
	for _, key := range config.keys() {
		r.contexts[key] = &recentContext{key: key}
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	return r, nil
}

// RecentNeurons returns the neurons kept for an identity, or for open access when its name is empty. The error is a
// problem of kind NotReady when there are none or when they are older than the hard limit.
func (r *Recent) RecentNeurons(identity string, netuid pylon.Netuid) (*pylon.Neurons, error) {
	kept, ok := r.contexts[RecentKey{Identity: identity, Netuid: netuid}]
	if !ok {
		return nil, errRecentMissing
	}
	neurons := kept.neurons.Load()
	if ready := r.config.Source.ReadyNeurons(netuid); ready != nil && (neurons == nil || r.age(ready) < r.age(neurons)) {
		neurons = ready
	}
	if neurons == nil {
		return nil, errRecentMissing
	}
	age := r.age(neurons)
	if age > uint64(r.config.HardLimit) {
		return nil, errRecentStale
	}
	if age > uint64(r.config.SoftLimit) && kept.warned.Swap(age) != age {
		r.config.Logger.Warn("recent neurons are old",
			"identity", identity, "netuid", netuid, "age_blocks", age, "soft_limit_blocks", r.config.SoftLimit)
	}
	return neurons, nil
}

var (
	errRecentMissing = problem.New(problem.NotReady, "Recent neurons data is not available. Cache update may not have "+
		"finished yet or subnet may not be configured for caching recent objects.")
	errRecentStale = problem.New(problem.NotReady, "Recent neurons data is stale. Cache update may be failing.")
)

// age returns the age of neurons in blocks. Those that lie as far ahead are as old: the chain has begun anew since.
func (r *Recent) age(neurons *pylon.Neurons) uint64 {
	now, ok := r.config.Source.EstimatedNumber()
	if !ok {
		return 0
	}
	return max(now, neurons.Block.Number) - min(now, neurons.Block.Number)
}

// Start begins to refresh, at once and then in intervals, until Close. Further calls do nothing.
func (r *Recent) Start() {
	r.start.Do(func() {
		if len(r.contexts) > 0 {
			r.group.Go(func() { r.run(r.ctx) })
		}
	})
}

// Close ends the refreshing and waits for it. What is kept can still be read, and gets old.
func (r *Recent) Close() {
	r.start.Do(func() {}) // a later Start does nothing
	r.cancel()
	r.group.Wait()
}
