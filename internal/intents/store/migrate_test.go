package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// Many stores that open one new database at once all find its tables, and it is migrated once.
func TestMigrationRace(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		if d.config.Path == Memory {
			d.open(t)
			return
		}
		const stores = 8
		d.config.Logger = slog.New(slog.DiscardHandler)
		opened := make(chan *Store, stores)
		var wg sync.WaitGroup
		for range stores {
			wg.Go(func() {
				s, err := Open(t.Context(), d.config)
				if err != nil {
					t.Error(err)
					return
				}
				opened <- s
			})
		}
		wg.Wait()
		close(opened)
		writers := 0
		for s := range opened {
			if n := count(t, s.reader, "SELECT count(*) FROM pylon_schema"); n != len(migrations) {
				t.Errorf("%d steps, want %d", n, len(migrations))
			}
			if _, held := s.Holder(); !held {
				writers++
			}
			t.Cleanup(func() { must(t, s.Close()) })
		}
		if want := map[bool]int{true: 1, false: stores}[d.config.URL == ""]; writers != want {
			t.Errorf("%d stores may write, want %d", writers, want)
		}
	})
}

// Tables of others stay as they are, such as those of the Python service in the file of the same name.
func TestForeignTables(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		prepare := func(statements ...string) {
			t.Helper()
			if d.config.URL != "" {
				return // done below, in the schema of the test
			}
			db, err := sql.Open("sqlite", d.config.Path)
			must(t, err)
			for _, statement := range statements {
				_, err := db.ExecContext(t.Context(), statement)
				must(t, err)
			}
			must(t, db.Close())
		}
		python := []string{
			"CREATE TABLE weight_tasks (id INTEGER PRIMARY KEY, status TEXT, identity_name TEXT, weights TEXT, netuid INTEGER)",
			"INSERT INTO weight_tasks VALUES (1, 'PENDING', 'sn1', '{}', 1)",
			"CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
			"INSERT INTO alembic_version VALUES ('abc')",
		}
		prepare(python...)
		s := d.open(t)
		if d.config.Path == Memory || d.config.URL != "" {
			for _, statement := range python {
				_, err := s.writer.ExecContext(t.Context(), statement)
				must(t, err)
			}
		}
		put(t, s, weights(), Policy{})
		_, err := s.Prune(t.Context())
		must(t, err)
		if n := count(t, s.reader, "SELECT count(*) FROM weight_tasks WHERE status = 'PENDING'"); n != 1 {
			t.Errorf("%d weight tasks", n)
		}
		if n := count(t, s.reader, "SELECT count(*) FROM alembic_version"); n != 1 {
			t.Errorf("%d versions", n)
		}
	})
}

// Tables of a newer Pylon are left alone.
func TestNewerSchema(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		if d.config.Path == Memory {
			return // nothing survives its store
		}
		d.config.Logger = slog.New(slog.DiscardHandler)
		s := d.open(t)
		_, err := s.writer.ExecContext(t.Context(), "INSERT INTO pylon_schema (version, applied_at) VALUES ($1, 0)", len(migrations)+1)
		must(t, err)
		if d.config.URL == "" {
			reader, err := Open(t.Context(), d.config)
			if !errors.Is(err, ErrNewer) {
				t.Errorf("reading: %v, %v", reader, err)
			}
		}
		must(t, s.Close())
		_, err = Open(t.Context(), d.config)
		if !errors.Is(err, ErrNewer) || !strings.Contains(err.Error(), fmt.Sprintf("version %d, and this Pylon knows %d", len(migrations)+1, len(migrations))) {
			t.Errorf("writing: %v", err)
		}
	})
}

// A migration that fails half way leaves nothing behind.
func TestMigrationFails(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		if d.config.Path == Memory {
			return // as on disk
		}
		s := d.open(t)
		_, err := s.writer.ExecContext(t.Context(), "DROP TABLE pylon_intents")
		must(t, err)
		_, err = s.writer.ExecContext(t.Context(), "DELETE FROM pylon_schema")
		must(t, err)
		// pylon_hotkeys, which the first step makes last, is there already.
		err = s.migrate(context.WithoutCancel(t.Context()), s.writer)
		if err == nil || !strings.Contains(err.Error(), "migration 1") {
			t.Errorf("migrated: %v", err)
		}
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_schema"); n != 0 {
			t.Errorf("%d steps are recorded", n)
		}
		if tables := countTables(t, s, "pylon_intents"); tables != 0 {
			t.Error("half of the step stayed")
		}
		_, err = s.writer.ExecContext(t.Context(), "DROP TABLE pylon_hotkeys")
		must(t, err)
		must(t, s.migrate(t.Context(), s.writer))
		put(t, s, weights(), Policy{})
	})
}

func countTables(t *testing.T, s *Store, name string) (n int) {
	t.Helper()
	must(t, s.reader.QueryRowContext(t.Context(), s.dialect.hasTable, name).Scan(&n))
	return n
}
