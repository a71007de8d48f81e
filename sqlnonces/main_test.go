package sqlnonces_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"go.uber.org/goleak"
	_ "modernc.org/sqlite"

	"github.com/bittensor-pylon/pylon/internal/postgrestest"
	"github.com/bittensor-pylon/pylon/sqlnonces"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(served{m}) }

// served stops the PostgreSQL server that the tests started.
type served struct{ *testing.M }

func (s served) Run() int {
	defer func() {
		if p, err := server(); err == nil {
			p.Close()
		}
	}()
	return s.M.Run()
}

var server = sync.OnceValues(postgrestest.Start)

// database is an empty database that can be opened many times, as replicas do.
type database struct {
	dialect sqlnonces.Dialect
	driver  string
	name    string
}

// eachDatabase runs a test on both kinds.
func eachDatabase(t *testing.T, test func(t *testing.T, d database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "nonces.db")
		d := database{sqlnonces.SQLite, "sqlite", "file:" + path + "?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"}
		db, err := sql.Open(d.driver, d.name)
		must(t, err)
		must(t, db.PingContext(t.Context())) // only one process can make the file
		must(t, db.Close())
		test(t, d)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, database{sqlnonces.Postgres, "pgx", schema(t)})
	})
}

var schemas atomic.Int64

// schema returns the URL of an empty place on the server.
func schema(t *testing.T) string {
	t.Helper()
	p, err := server()
	need(t, err, "a PostgreSQL server")
	name := fmt.Sprintf("pylon_nonces_%d_%d", os.Getpid(), schemas.Add(1))
	admin, err := sql.Open("pgx", p.URL)
	must(t, err)
	exec := func(statement string) {
		_, err := admin.ExecContext(context.WithoutCancel(t.Context()), statement)
		must(t, err)
	}
	exec("CREATE SCHEMA " + name)
	t.Cleanup(func() {
		exec("DROP SCHEMA " + name + " CASCADE")
		must(t, admin.Close())
	})
	u, err := url.Parse(p.URL)
	must(t, err)
	query := u.Query()
	query.Set("search_path", name)
	query.Set("synchronous_commit", "off")
	u.RawQuery = query.Encode()
	return u.String()
}

// open returns a store on connections of its own.
func (d database) open(t testing.TB, edit ...func(*sqlnonces.Config)) *sqlnonces.Store {
	t.Helper()
	db, err := sql.Open(d.driver, d.name)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.SetMaxOpenConns(4)
	c := sqlnonces.Config{DB: db, Dialect: d.dialect, Receiver: "bob", Timeout: patience}
	for _, f := range edit {
		f(&c)
	}
	s, err := sqlnonces.New(t.Context(), c)
	must(t, err)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// need skips a test that lacks something, unless nothing may be skipped.
func need(t testing.TB, err error, what string) {
	t.Helper()
	if err == nil {
		return
	}
	if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
		t.Fatalf("%s: %v", what, err)
	}
	t.Skipf("%s: %v", what, err)
}
