package store

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Ended records go after a while, open ones never, and the table keeps a bounded number; an idempotency key is
// remembered for a day after the end of its intent all the same.
func TestPrune(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use, func(config *Config) { config.KeepMost = 3; config.Keep = 48 * time.Hour })
		ended := func(change func(*Record)) string {
			r := put(t, s, weights(change), Policy{}).Record
			_, err := s.Cancel(t.Context(), r.ID)
			must(t, err)
			c.advance(time.Second)
			return r.ID
		}
		plain := func(*Record) {}
		keyed := func(r *Record) { r.IdempotencyKey = "key"; r.Progress = []byte("{}") }
		there := func(id string) bool {
			_, err := s.Get(t.Context(), id)
			if err != nil && !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			return err == nil
		}
		prune := func(want int) {
			t.Helper()
			if n, err := s.Prune(t.Context()); err != nil || n != want {
				t.Fatalf("pruned %d, %v; want %d", n, err, want)
			}
		}
		open := put(t, s, weights(), Policy{}).Record.ID
		remembered := ended(keyed)
		oldest := ended(plain)
		var newest []string
		for range 3 {
			newest = append(newest, ended(plain))
		}
		prune(1)
		if there(oldest) || !there(open) || !there(remembered) {
			t.Error("the oldest record without a key should have gone, and no other")
		}
		r, err := s.Get(t.Context(), remembered)
		must(t, err)
		if r.Request != nil || r.Progress != nil || r.State != StateCancelled {
			t.Errorf("not emptied: %+v", r)
		}
		if again := put(t, s, weights(keyed), Policy{Replace: true}); !again.Existing || again.Record.ID != remembered {
			t.Error("the key was forgotten")
		}
		prune(0)
		c.advance(24 * time.Hour)
		prune(1)
		if there(remembered) {
			t.Error("the key is remembered for longer than needed")
		}
		c.advance(24 * time.Hour)
		prune(3)
		for _, id := range newest {
			if there(id) {
				t.Error("a record outlived Keep")
			}
		}
		if !there(open) {
			t.Error("an open record was pruned")
		}
	})
}

// More than a batch goes at once.
func TestPruneMany(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use, func(config *Config) { config.KeepMost = 2 * pruneBatch })
		_, err := s.writer.ExecContext(t.Context(), s.dialect.types.Replace(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2600)
			INSERT INTO pylon_intents (id, genesis, hotkey, identity, kind, netuid, mechanism, idempotency_key, fingerprint, request, state, reason, detail,
				attempts, progress, start_block, deadline_block, not_before, extrinsic, extrinsic_hash, nonce, birth_block, last_valid_block,
				included_block, included_hash, superseded_by, signed, version, created_at, updated_at, ended_at)
			SELECT 'id' || i, $1, $1, '', 'weights', 0, 0, CASE WHEN i % 2 = 0 THEN 'key' || i ELSE '' END, $1, $1, 'failed', '', '',
				0, $1, 0, 0, 0, $1, $1, -1, 0, 0, 0, $1, '', 0, 1, 1, 1, $2 FROM n`), make([]byte, 32), c.wall.Load()/1e6)
		must(t, err)
		if n, err := s.Prune(t.Context()); err != nil || n != 800 {
			t.Errorf("pruned %d: %v", n, err)
		}
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents WHERE length(request) = 0"); n != 800 {
			t.Errorf("%d emptied", n)
		}
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); n != 1800 {
			t.Errorf("%d left", n)
		}
	})
}

// The store prunes by itself.
func TestPrunesByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := Open(t.Context(), Config{Path: Memory, PruneEvery: time.Hour})
		must(t, err)
		r := put(t, s, weights(), Policy{}).Record
		_, err = s.Cancel(t.Context(), r.ID)
		must(t, err)
		time.Sleep(8 * 24 * time.Hour) //nolint:forbidigo // the clock of synctest
		synctest.Wait()
		if _, err := s.Get(t.Context(), r.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("after eight days: %v", err)
		}
		must(t, s.Close())
	})
}
