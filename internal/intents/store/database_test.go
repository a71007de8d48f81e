package store

import (
	"database/sql"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// database is an empty database that a test may open more than once.
type database struct {
	name   string
	config Config
}

// onEach runs a test on every kind of database.
func onEach(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Parallel()
	for _, kind := range []struct {
		name string
		make func(t testing.TB) Config
	}{
		{"memory", func(testing.TB) Config { return Config{Path: Memory} }},
		{"sqlite", func(t testing.TB) Config { return Config{Path: filepath.Join(t.TempDir(), "pylon.db")} }},
		{"postgres", func(t testing.TB) Config {
			return Config{URL: server.schema(t, url.Values{"synchronous_commit": {"off"}})}
		}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, database{kind.name, kind.make(t)})
		})
	}
}

// open opens the database; the test closes it at its end.
func (d database) open(t testing.TB, change ...func(*Config)) *Store {
	t.Helper()
	config := d.config
	config.PruneEvery = -1
	config.Logger = slog.New(slog.DiscardHandler)
	config.Timeout = 30 * time.Second // for busy machines
	for _, c := range change {
		c(&config)
	}
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { must(t, s.Close()) })
	return s
}

// replica is a second store on the database of s, where the database allows that, else s.
func (d database) replica(t testing.TB, s *Store, change ...func(*Config)) *Store {
	t.Helper()
	if d.config.URL == "" {
		return s
	}
	return d.open(t, change...)
}

// clock is both clocks of a store, in the hands of the test.
type clock struct{ wall, elapsed atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.wall.Store(time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC).UnixNano())
	return c
}

func (c *clock) use(config *Config) {
	config.Now = func() time.Time { return time.Unix(0, c.wall.Load()) }
	config.Elapsed = func() time.Duration { return time.Duration(c.elapsed.Load()) }
}

// advance lets time pass for both.
func (c *clock) advance(d time.Duration) {
	c.wall.Add(int64(d))
	c.elapsed.Add(int64(d))
}

// jump sets the wall clock.
func (c *clock) jump(d time.Duration) { c.wall.Add(int64(d)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// weights is a request of one hotkey, to be changed by the test.
func weights(change ...func(*Record)) Record {
	r := Record{
		Genesis: [32]byte{1}, Hotkey: [32]byte{2}, Identity: "sn1", Kind: "weights", Netuid: 1, State: "recorded",
		Fingerprint: [32]byte{3}, Request: []byte(`{"weights":{}}`),
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func put(t testing.TB, s *Store, r Record, policy Policy) PutResult {
	t.Helper()
	result, err := s.Put(t.Context(), r, policy)
	must(t, err)
	return result
}

func update(t testing.TB, s *Store, lease Lease, r Record, change func(*Record)) Record {
	t.Helper()
	change(&r)
	r, err := s.Update(t.Context(), lease, r)
	must(t, err)
	return r
}

func acquire(t testing.TB, s *Store, owner string, r Record) Lease {
	t.Helper()
	lease, ok, err := s.Acquire(t.Context(), r.Genesis, r.Hotkey, owner, time.Minute)
	must(t, err)
	if !ok {
		t.Fatalf("%s did not get the lease", owner)
	}
	return lease
}

func sign(nonce uint64) func(*Record) {
	return func(r *Record) {
		r.State, r.Extrinsic, r.Nonce, r.HasNonce = "signed", []byte{byte(nonce), 1}, nonce, true
		r.LastValidBlock = 100 + nonce
	}
}

func end(s *Store) func(*Record) {
	return func(r *Record) { r.State, r.EndedAt = "finalized", s.now() }
}

// equal compares records and what holds them, but for the order of arrival.
func equal(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Record{})); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func ids(records []Record) []string {
	names := []string{}
	for _, r := range records {
		names = append(names, r.ID)
	}
	return names
}

func count(t testing.TB, db *sql.DB, query string) (n int) {
	t.Helper()
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
