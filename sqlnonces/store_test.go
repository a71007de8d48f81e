package sqlnonces_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/sqlnonces"
)

var (
	_ axon.NonceStore   = (*sqlnonces.Store)(nil)
	_ btauth.NonceStore = (*sqlnonces.Store)(nil)
)

// patience is for machines that are busy.
const patience = 2 * time.Minute

// at is a time in seconds after the beginning of a test's own clock.
func at(seconds float64) time.Time {
	return time.Unix(1_700_000_000, 0).Add(time.Duration(seconds * float64(time.Second)))
}

func use(t *testing.T, s *sqlnonces.Store, hotkey string, now, nonce time.Time) bool {
	t.Helper()
	first, err := s.Use(t.Context(), hotkey, nonce.UnixNano(), now, nonce.Add(10*time.Second))
	must(t, err)
	return first
}

func advance(t *testing.T, s *sqlnonces.Store, client string, now, nonce time.Time) bool {
	t.Helper()
	advanced, err := s.Advance(t.Context(), client, nonce.UnixNano(), now, nonce.Add(time.Minute))
	must(t, err)
	return advanced
}

func TestUse(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		s := d.open(t)
		if !use(t, s, "alice", at(0), at(0)) || use(t, s, "alice", at(0), at(0)) {
			t.Error("the same nonce")
		}
		// Any order; other hotkeys; what is neighbouring in a digest's input.
		if !use(t, s, "alice", at(0), at(-1)) || !use(t, s, "charlie", at(0), at(0)) || !use(t, s, "", at(0), at(0)) {
			t.Error("another nonce")
		}
		other := d.open(t, func(c *sqlnonces.Config) { c.Receiver = "bobalice" })
		if !use(t, other, "", at(0), at(0)) || use(t, other, "", at(0), at(0)) {
			t.Error("another receiver")
		}
		if nonces, clients, err := s.Len(t.Context()); nonces != 4 || clients != 0 || err != nil {
			t.Errorf("%d nonces, %d clients, %v", nonces, clients, err)
		}
	})
}

func TestAdvance(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		s := d.open(t)
		if _, known, err := s.Last(t.Context(), "alice:1"); known || err != nil {
			t.Errorf("known %v, %v", known, err)
		}
		if !advance(t, s, "alice:1", at(0), at(0)) || advance(t, s, "alice:1", at(0), at(0)) || advance(t, s, "alice:1", at(0), at(-1)) {
			t.Error("one client")
		}
		if !advance(t, s, "alice:1", at(0), at(1)) || !advance(t, s, "alice:2", at(0), at(0)) {
			t.Error("newer, and another client")
		}
		if last, known, err := s.Last(t.Context(), "alice:1"); last != at(1).UnixNano() || !known || err != nil {
			t.Errorf("last %d, %v, %v", last, known, err)
		}
		if !use(t, s, "alice:1", at(1), at(1)) {
			t.Error("btauth and axon share nonces")
		}
		// Without expiry the first nonce is any, and it stays.
		for _, c := range []struct {
			nonce int64
			want  bool
		}{{math.MinInt64, true}, {math.MinInt64, false}, {-5, true}, {-5, false}, {math.MaxInt64, true}, {math.MaxInt64, false}} {
			if advanced, err := s.Advance(t.Context(), "lasting", c.nonce, at(1), time.Time{}); advanced != c.want || err != nil {
				t.Errorf("%d: %v, %v", c.nonce, advanced, err)
			}
		}
		if !advance(t, s, "later", at(1_000_000), at(1_000_000)) { // cleans up
			t.Error("a new client")
		}
		if _, known, err := s.Last(t.Context(), "lasting"); !known || err != nil {
			t.Errorf("it is known: %v, %v", known, err)
		}
		// An id may be as long as a header; its record is not.
		long := strings.Repeat("é", 1<<20)
		if !advance(t, s, long, at(1_000_000), at(1_000_000)) || advance(t, s, long, at(1_000_000), at(1_000_000)) {
			t.Error("a long client")
		}
	})
}

// Of many equal calls at once, over several replicas, one is told true.
func TestReplicasAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		replicas := make([]*sqlnonces.Store, 8)
		var starting sync.WaitGroup
		for i := range replicas {
			starting.Go(func() { replicas[i] = d.open(t) }) // the tables too are made by one of them
		}
		starting.Wait()
		if t.Failed() {
			return
		}
		var used, advanced atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				s := replicas[i%len(replicas)]
				if use(t, s, "alice", at(0), at(0)) {
					used.Add(1)
				}
				if advance(t, s, "alice", at(0), at(0)) {
					advanced.Add(1)
				}
			})
		}
		wg.Wait()
		if used.Load() != 1 || advanced.Load() != 1 {
			t.Errorf("used %d times, advanced %d times", used.Load(), advanced.Load())
		}
	})
}

// A replica that has waited for another one to make the tables leaves them alone: to make an index waits for everybody who
// is adding a record, and lets nobody else begin.
func TestSecondReplicaTouchesNoTables(t *testing.T) {
	t.Parallel()
	d := database{sqlnonces.Postgres, "pgx", schema(t)}
	db, err := sql.Open(d.driver, d.name)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	connect := func() (*sql.Conn, func(string)) {
		conn, err := db.Conn(t.Context())
		must(t, err)
		return conn, func(statement string) {
			t.Helper()
			_, err := conn.ExecContext(t.Context(), statement)
			must(t, err)
		}
	}
	first, exec := connect()
	exec("SELECT pg_advisory_lock(1887005807, 0)")
	opened := make(chan error, 1)
	go func() {
		_, err := sqlnonces.New(t.Context(), sqlnonces.Config{DB: db, Dialect: d.dialect, Receiver: "bob", Timeout: patience})
		opened <- err
	}()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for waiting, deadline := 0, time.Now().Add(patience); waiting == 0; <-tick.C {
		must(t, first.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1887005807 AND NOT granted").Scan(&waiting))
		if time.Now().After(deadline) {
			t.Fatal("nobody waits")
		}
	}
	exec("CREATE TABLE pylon_nonce_floors (scope TEXT PRIMARY KEY, floor BIGINT NOT NULL)")
	exec("CREATE TABLE pylon_nonces (id BYTEA PRIMARY KEY, scope TEXT NOT NULL, nonce BIGINT NOT NULL, expires BIGINT NOT NULL)")
	exec("CREATE INDEX pylon_nonces_expires ON pylon_nonces (scope, expires)")
	writer, add := connect()
	add("BEGIN")
	add("INSERT INTO pylon_nonces VALUES ('x', 'a scope', 1, 1)")
	exec("SELECT pg_advisory_unlock(1887005807, 0)")
	if err := <-opened; err != nil {
		t.Error(err)
	}
	add("ROLLBACK")
	must(t, writer.Close())
	must(t, first.Close())
}

// Expired records go; what they were can not come again, not even when the clock
// is set back.
func TestExpiry(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		s := d.open(t)
		if !use(t, s, "alice", at(0), at(0)) || !advance(t, s, "alice", at(0), at(0)) {
			t.Fatal("the first")
		}
		if !use(t, s, "alice", at(65), at(65)) || !advance(t, s, "new", at(110), at(110)) {
			t.Fatal("while they stay")
		}
		if nonces, clients, err := s.Len(t.Context()); nonces != 2 || clients != 2 || err != nil {
			t.Fatalf("%d nonces, %d clients, %v", nonces, clients, err)
		}
		if !use(t, s, "alice", at(130), at(130)) || !advance(t, s, "newer", at(175), at(175)) {
			t.Fatal("when they go")
		}
		if nonces, clients, err := s.Len(t.Context()); nonces != 2 || clients != 2 || err != nil {
			t.Errorf("%d nonces, %d clients, %v", nonces, clients, err)
		}
		if use(t, s, "alice", at(0), at(0)) || advance(t, s, "alice", at(0), at(0)) {
			t.Error("taken twice after the clock was set back")
		}
		if !use(t, s, "alice", at(0), at(1)) || !advance(t, s, "alice", at(0), at(1)) {
			t.Error("what was not taken is not refused")
		}
	})
}

// A flood of senders, each with a good signature, leaves the database bounded,
// and nothing is taken twice.
func TestFlood(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		const most, flood = 160, 2_000
		replicas := []*sqlnonces.Store{
			d.open(t, func(c *sqlnonces.Config) { c.MaxRecords = most }),
			d.open(t, func(c *sqlnonces.Config) { c.MaxRecords = most }),
		}
		if !use(t, replicas[0], "victim", at(0), at(0)) || !advance(t, replicas[0], "victim", at(0), at(0)) {
			t.Fatal("the first nonce")
		}
		for i := range flood {
			now := at(float64(i+1) / 1000)
			s, again := replicas[i%2], replicas[i/2%2]
			used, advanced := use(t, s, fmt.Sprint("flood", i), now, now), advance(t, s, fmt.Sprint("flood", i), now, now)
			if !used || !advanced || i%10 == 0 && (use(t, again, fmt.Sprint("flood", i), now, now) || advance(t, again, fmt.Sprint("flood", i), now, now)) {
				t.Fatalf("number %d: used %v, advanced %v, or twice", i, used, advanced)
			}
		}
		allowed := most + 2*(most/16+1)
		if nonces, clients, err := replicas[0].Len(t.Context()); nonces > allowed || clients > allowed || err != nil {
			t.Errorf("%d nonces, %d clients, %v", nonces, clients, err)
		}
		now := at(flood/1000 + 1)
		for i, nonce := range []time.Time{at(0), at(0.001)} {
			who := []string{"victim", "flood0"}[i]
			if use(t, replicas[1], who, now, nonce) || advance(t, replicas[1], who, now, nonce) {
				t.Errorf("%s was taken twice", who)
			}
		}
		if !use(t, replicas[1], "victim", now, now) || !advance(t, replicas[1], "victim", now, now) {
			t.Error("a fresh message was refused")
		}
	})
}

// What a replica removes while another one adds can not be added again: many
// replicas send the same floods through a store that holds nearly nothing.
func TestFloodAtOnce(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		const replicas, senders = 4, 60
		var taken [senders]atomic.Int64
		var wg sync.WaitGroup
		for range replicas {
			s := d.open(t, func(c *sqlnonces.Config) { c.MaxRecords = 8 })
			wg.Go(func() {
				for i := range senders {
					if advance(t, s, fmt.Sprint(i), at(0), at(float64(i)/1000)) {
						taken[i].Add(1)
					}
					if use(t, s, fmt.Sprint(i), at(0), at(float64(i)/1000)) {
						taken[i].Add(1000)
					}
				}
			})
		}
		wg.Wait()
		for i := range taken {
			if n := taken[i].Load(); n%1000 > 1 || n/1000 > 1 {
				t.Errorf("sender %d: advanced %d times, used %d times", i, n%1000, n/1000)
			}
		}
	})
}

// A database that fails is an error, and the message is not taken.
func TestFailures(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, d database) {
		s := d.open(t)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if first, err := s.Use(gone, "alice", 1, at(0), at(10)); first || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", first, err)
		}
		if advanced, err := s.Advance(gone, "alice", 1, at(0), at(10)); advanced || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", advanced, err)
		}
		if _, known, err := s.Last(gone, "alice"); known || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v", known, err)
		}
		if !use(t, s, "alice", at(0), at(0)) {
			t.Error("afterwards")
		}
	})
}

func TestConfig(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "nonces.db"))
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	good := sqlnonces.Config{DB: db, Dialect: sqlnonces.SQLite, Receiver: "bob"}
	if _, err := sqlnonces.New(t.Context(), good); err != nil {
		t.Error(err)
	}
	for field, edit := range map[string]func(*sqlnonces.Config){
		"DB":         func(c *sqlnonces.Config) { c.DB = nil },
		"Dialect":    func(c *sqlnonces.Config) { c.Dialect = 0 },
		"Receiver":   func(c *sqlnonces.Config) { c.Receiver = "" },
		"MaxRecords": func(c *sqlnonces.Config) { c.MaxRecords = -1 },
		"Timeout":    func(c *sqlnonces.Config) { c.Timeout = -1 },
	} {
		bad := good
		edit(&bad)
		if _, err := sqlnonces.New(t.Context(), bad); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
