package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/postgrestest"
)

// onServer is a test's own place on the server.
func onServer(t *testing.T) database {
	t.Helper()
	return database{config: Config{URL: server.schema(t, url.Values{"synchronous_commit": {"off"}})}}
}

// Connections that break fail calls at most; the store connects again by itself, and a put that is repeated with its ID
// after an error records once.
func TestConnectionsBreak(t *testing.T) {
	t.Parallel()
	d := onServer(t)
	behind, err := url.Parse(d.config.URL)
	must(t, err)
	var breaking atomic.Bool
	var lives atomic.Int64
	relay, err := newRelay("tcp", behind.Host, func() int64 {
		if !breaking.Load() {
			return math.MaxInt64
		}
		lives.Add(1)
		return 1 + rand.Int64N(60) //nolint:gosec // a test: logging in takes about 8, a put about 12
	})
	must(t, err)
	t.Cleanup(relay.close)
	behind.Host = relay.address()
	direct, s := d.open(t), database{config: Config{URL: behind.String()}}.open(t)
	breaking.Store(true)
	s.writer.SetMaxIdleConns(0) // closes the connection that was made before
	s.writer.SetMaxIdleConns(2)
	failed := 0
	for i := range 40 {
		r := weights(func(r *Record) { r.ID = fmt.Sprint("id", i) })
		for {
			_, err := s.Put(t.Context(), r, Policy{Replace: true})
			if err == nil {
				break
			}
			if !errors.Is(err, ErrUnreachable) {
				t.Fatal(err)
			}
			failed++
		}
	}
	all, err := direct.List(t.Context(), Filter{}, Page{})
	must(t, err)
	open, err := direct.Open(t.Context(), weights().Genesis, weights().Hotkey)
	must(t, err)
	if len(all.Records) != 40 || len(open) != 1 {
		t.Errorf("%d records, %d open, after %d failures", len(all.Records), len(open), failed)
	}
	if failed == 0 || lives.Load() < 10 {
		t.Errorf("%d failures on %d connections: nothing was broken", failed, lives.Load())
	}
	t.Logf("%d failures, %d connections", failed, lives.Load())
}

// A server that can not be had is named without credentials, whatever is wrong with it or with its URL.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	right, err := url.Parse(server.schema(t, nil))
	must(t, err)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, closed.Close())
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, silent.Close()) })
	const user, password = "u53r-canary", "p455-canary"
	change := func(edit func(*url.URL)) string {
		u := *right
		u.User = url.UserPassword(user, password)
		edit(&u)
		return u.String()
	}
	for name, c := range map[string]struct {
		url  string
		want error
		says string
	}{
		"wrong user":     {change(func(*url.URL) {}), ErrUnreachable, "refused the user or the password"},
		"wrong database": {change(func(u *url.URL) { u.User = right.User; u.Path = "/absent" }), ErrUnreachable, "no such database"},
		"nobody there":   {change(func(u *url.URL) { u.Host = closed.Addr().String() }), ErrUnreachable, "refused"},
		"unknown host":   {change(func(u *url.URL) { u.Host = "nowhere.invalid:5432" }), ErrUnreachable, "nowhere.invalid"},
		"no answer":      {change(func(u *url.URL) { u.Host = silent.Addr().String() }), ErrBusy, silent.Addr().String()},
		"another scheme": {"mysql://" + user + ":" + password + "@localhost/x", ErrSettings, "does not begin with postgres://"},
		"words":          {"host=localhost user=" + user + " password=" + password, ErrSettings, "does not begin with postgres://"},
		"a bad port":     {"postgres://" + user + ":" + password + "@localhost:port/x", ErrSettings, "not one of PostgreSQL"},
		"a bad escape":   {"postgres://" + user + ":" + password + "%zz@localhost/x", ErrSettings, "not one of PostgreSQL"},
		"a bad option":   {"postgres://" + user + ":" + password + "@localhost/x?sslmode=" + password, ErrSettings, "not one of PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := Open(ctx, Config{URL: c.url, Timeout: time.Second})
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
			if err != nil && (strings.Contains(err.Error(), user) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), postgrestest.Password)) {
				t.Errorf("credentials in: %v", err)
			}
		})
	}
}

// What only a server can answer: no room, no right to write, a lock that is not let go, a transaction that must be run
// again.
func TestServerRefuses(t *testing.T) {
	t.Parallel()
	d := onServer(t)
	s := d.open(t)
	impatient := d.open(t, func(c *Config) { c.Timeout = 500 * time.Millisecond })
	first := put(t, s, weights(), Policy{}).Record
	exec := func(statement string) {
		t.Helper()
		_, err := s.writer.ExecContext(t.Context(), statement)
		must(t, err)
	}
	unchanged := func(name string) {
		t.Helper()
		got, err := s.Get(t.Context(), first.ID)
		must(t, err)
		equal(t, name, got, first)
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); n != 1 {
			t.Errorf("%s: %d records", name, n)
		}
	}
	exec("CREATE SEQUENCE refusals")
	for _, c := range []struct {
		code string
		want error
	}{{"53100", ErrFull}, {"25006", ErrUnwritable}, {"42501", ErrUnwritable}, {"40001", ErrBusy}, {"40P01", ErrBusy}, {"57P01", ErrUnreachable}, {"XX001", ErrDamaged}} {
		exec(fmt.Sprintf(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM nextval('refusals'); RAISE EXCEPTION 'refused' USING ERRCODE = '%s'; END $$`, c.code))
		exec("CREATE TRIGGER refuse BEFORE INSERT ON pylon_intents FOR EACH ROW EXECUTE FUNCTION refuse()")
		if _, err := s.Put(t.Context(), weights(), Policy{Replace: true}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.code, err)
		}
		unchanged(c.code)
		exec("DROP TRIGGER refuse ON pylon_intents")
	}
	// Four codes of a single try, three of which are run again four times.
	if n := count(t, s.reader, "SELECT last_value FROM refusals"); n != 4+3*5 {
		t.Errorf("%d tries", n)
	}

	tx, err := s.writer.BeginTx(t.Context(), nil)
	must(t, err)
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE pylon_intents IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	if _, err := impatient.Put(t.Context(), weights(), Policy{Replace: true}); !errors.Is(err, ErrBusy) {
		t.Errorf("a locked table: %v", err)
	}
	if _, err := impatient.Get(t.Context(), first.ID); !errors.Is(err, ErrBusy) {
		t.Errorf("reading a locked table: %v", err)
	}
	must(t, tx.Rollback())
	unchanged("a locked table")
	if replaced := put(t, impatient, weights(), Policy{Replace: true}).Replaced; len(replaced) != 1 {
		t.Errorf("afterwards: replaced %v", ids(replaced))
	}
}
