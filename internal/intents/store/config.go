package store

import (
	"fmt"
	"log/slog"
	"time"
)

// Memory is the Path of a database that lives and dies with the store.
const Memory = ":memory:"

// Config says where the intents are. The zero value means the defaults.
type Config struct {
	// Path is the SQLite file; its folder must exist. [Memory] keeps nothing on disk. Defaults to "./pylon.db".
	Path string
	// URL is a PostgreSQL server, "postgres://user:password@host:5432/database?sslmode=require", used instead of Path. It
	// is never logged and never part of an error. Defaults to none.
	URL string
	// Keep is how long a record stays after its end, at least 24 hours. Defaults to 7 days.
	Keep time.Duration
	// KeepMost is how many ended records stay at most, whatever Keep says; those beyond it whose idempotency key has to be
	// remembered stay without request, progress and extrinsic. Defaults to 100,000.
	KeepMost int
	// PruneEvery is the time between two looks for records to prune. Negative: never, but by Prune. Defaults to 10 minutes.
	PruneEvery time.Duration
	// Timeout bounds each call, waiting for locks included. Defaults to 5 seconds.
	Timeout time.Duration
	// Now is the clock of the records' times. Defaults to time.Now.
	Now func() time.Time
	// Elapsed is the clock of leases: time since some moment, which no setting of the wall clock changes. Defaults to
	// the time since Open by the monotonic clock.
	Elapsed func() time.Duration
	// Logger hears of take-overs and of prunings that failed. Defaults to slog.Default.
	Logger *slog.Logger
}

// remembered is how long an idempotency key is known at least, from the end of its intent.
const remembered = 24 * time.Hour

func (c Config) withDefaults() Config {
	if c.Path == "" {
		c.Path = "./pylon.db"
	}
	if c.Keep == 0 {
		c.Keep = 7 * remembered
	}
	if c.KeepMost == 0 {
		c.KeepMost = 100_000
	}
	if c.PruneEvery == 0 {
		c.PruneEvery = 10 * time.Minute
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Elapsed == nil {
		began := time.Now()
		c.Elapsed = func() time.Duration { return time.Since(began) }
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Keep < remembered:
		return fmt.Errorf("%w: Keep is %s, less than %s", ErrSettings, c.Keep, remembered)
	case c.KeepMost < 1:
		return fmt.Errorf("%w: KeepMost is %d, less than 1", ErrSettings, c.KeepMost)
	case c.Timeout < 0:
		return fmt.Errorf("%w: Timeout is %s, less than 0", ErrSettings, c.Timeout)
	}
	return nil
}
