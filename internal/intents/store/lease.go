package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Lease is the right to work for one hotkey of one chain. It is a value: Renew returns the next one.
type Lease struct {
	Genesis, Hotkey [32]byte
	// Owner is who holds it, a name that no other process uses.
	Owner string
	// Fence is higher than that of every earlier holder; Update compares it.
	Fence int64
	// TTL is how long others wait, without a sign of life, before they take over.
	TTL time.Duration

	until time.Duration // by the holder's clock, when it may no longer trust the lease
}

type hotkeyID struct{ genesis, hotkey [32]byte }

// watch is what this process knows about the leases of others. No clock is compared with another's: a holder is given
// up when its row has not changed for its TTL by the monotonic clock of the one who watches, so a wall clock that jumps,
// here or there, ends no lease and prolongs none.
type watch struct {
	mu   sync.Mutex
	seen map[hotkeyID]sighting
	own  map[hotkeyID]bool // acquired by this store at some time
}

// sighting is the state of a row and when this process saw it first.
type sighting struct {
	fence, beat int64
	at          time.Duration
}

// silent says whether the row has been as it is for ttl, and remembers when it was seen first.
func (w *watch) silent(id hotkeyID, fence, beat int64, now, ttl time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last, ok := w.seen[id]
	if !ok || last.fence != fence || last.beat != beat {
		w.seen[id] = sighting{fence, beat, now}
		return false
	}
	return now-last.at >= ttl
}

func (w *watch) acquired(id hotkeyID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.seen, id)
	w.own[id] = true
}

func (w *watch) everOwned(id hotkeyID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.own[id]
}

// Acquire takes the lease of a hotkey for owner when nobody has it, when owner itself has it (an earlier lease of it is
// lost then), or when its holder gave no sign of life for the holder's TTL while this store was watching: so a process
// that died is succeeded after its TTL, counted from the first Acquire that saw its last sign, by one that goes on
// calling Acquire. On SQLite, which one process at a time may write, what earlier processes left is free at once. ok is
// false while somebody else has it.
func (s *Store) Acquire(ctx context.Context, genesis, hotkey [32]byte, owner string, ttl time.Duration) (lease Lease, ok bool, err error) {
	if owner == "" || len(owner) > maxWord || !utf8.ValidString(owner) || strings.ContainsRune(owner, 0) {
		return Lease{}, false, s.failure(ctx, "acquire", fmt.Errorf("%w: the owner of a lease is empty, too long or not plain text", ErrInvalid))
	}
	if ttl < time.Millisecond {
		return Lease{}, false, s.failure(ctx, "acquire", fmt.Errorf("%w: a lease of %s", ErrInvalid, ttl))
	}
	id := hotkeyID{genesis, hotkey}
	began := s.elapsed()
	// Looking first costs the server no transaction: most of those who ask, ask while another has it.
	held := false
	err = s.read(ctx, "acquire", func(ctx context.Context, db *sql.DB) (err error) {
		_, held, err = s.holds(ctx, db, id, owner, "")
		return err
	})
	if err != nil || held {
		return Lease{}, false, err
	}
	err = s.write(ctx, "acquire", func(ctx context.Context, tx *sql.Tx) error {
		lease, ok = Lease{}, false
		if _, err := tx.ExecContext(ctx, insertHotkey, genesis[:], hotkey[:]); err != nil {
			return err
		}
		fence, held, err := s.holds(ctx, tx, id, owner, s.dialect.forUpdate)
		if err != nil || held {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE pylon_hotkeys SET owner = $1, fence = $2, beat = 0, ttl_ms = $3 WHERE genesis = $4 AND hotkey = $5",
			owner, fence+1, ttl.Milliseconds(), genesis[:], hotkey[:]); err != nil {
			return err
		}
		lease, ok = Lease{Genesis: genesis, Hotkey: hotkey, Owner: owner, Fence: fence + 1, TTL: ttl, until: began + ttl}, true
		return nil
	})
	if err != nil {
		return Lease{}, false, err
	}
	if ok {
		s.leases.acquired(id)
	}
	return lease, ok, nil
}

// holds returns the current fence of a hotkey, and whether somebody else than owner holds it and is not known to be dead.
func (s *Store) holds(ctx context.Context, db asker, id hotkeyID, owner, lock string) (fence int64, held bool, err error) {
	var holder string
	var beat, ttl int64
	err = db.QueryRowContext(ctx, "SELECT owner, fence, beat, ttl_ms FROM pylon_hotkeys WHERE genesis = $1 AND hotkey = $2"+lock,
		id.genesis[:], id.hotkey[:]).Scan(&holder, &fence, &beat, &ttl)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case holder == "", holder == owner, s.dialect.solitary && !s.leases.everOwned(id):
		return fence, false, nil
	}
	return fence, !s.leases.silent(id, fence, beat, s.elapsed(), time.Duration(ttl)*time.Millisecond), nil
}

// insertHotkey makes the row of a hotkey; one that is there stays.
const insertHotkey = `INSERT INTO pylon_hotkeys (genesis, hotkey, owner, fence, beat, ttl_ms, nonce, last_valid_block)
	VALUES ($1, $2, '', 0, 0, 0, -1, 0) ON CONFLICT (genesis, hotkey) DO NOTHING`

// Renew is the holder's sign of life, due several times within a TTL. It fails with [ErrLeaseLost] when another has
// taken over.
func (s *Store) Renew(ctx context.Context, lease Lease) (Lease, error) {
	began := s.elapsed()
	err := s.write(ctx, "renew", func(ctx context.Context, tx *sql.Tx) error {
		changed, err := tx.ExecContext(ctx, "UPDATE pylon_hotkeys SET beat = beat + 1 WHERE genesis = $1 AND hotkey = $2 AND owner = $3 AND fence = $4",
			lease.Genesis[:], lease.Hotkey[:], lease.Owner, lease.Fence)
		if err != nil {
			return err
		}
		if rows, err := changed.RowsAffected(); err != nil || rows == 1 {
			return err
		}
		return ErrLeaseLost
	})
	if err != nil {
		return lease, err
	}
	lease.until = began + lease.TTL
	return lease, nil
}

// Remaining is how long the holder may still trust its lease without asking, counted from before the question that
// acquired or renewed it was sent: it is over here before anybody else takes over. 0 when it is over.
func (s *Store) Remaining(lease Lease) time.Duration { return max(0, lease.until-s.elapsed()) }

// Release gives the lease back, so that the next Acquire has it at once. One that is lost already is no error.
func (s *Store) Release(ctx context.Context, lease Lease) error {
	return s.write(ctx, "release", func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE pylon_hotkeys SET owner = '' WHERE genesis = $1 AND hotkey = $2 AND owner = $3 AND fence = $4",
			lease.Genesis[:], lease.Hotkey[:], lease.Owner, lease.Fence)
		return err
	})
}

// checkLease fails with ErrLeaseLost when the lease is not the current one, and keeps it current until the transaction
// ends.
func (s *Store) checkLease(ctx context.Context, tx *sql.Tx, lease Lease) error {
	var one int
	err := tx.QueryRowContext(ctx, "SELECT 1 FROM pylon_hotkeys WHERE genesis = $1 AND hotkey = $2 AND owner = $3 AND fence = $4"+s.dialect.forUpdate,
		lease.Genesis[:], lease.Hotkey[:], lease.Owner, lease.Fence).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrLeaseLost
	}
	return err
}

// Nonce is the highest one that was recorded for a hotkey.
type Nonce struct {
	Nonce uint64
	// LastValidBlock is the last block that can include an extrinsic with it; 0 when unknown. When a later block is final,
	// a chain that does not count this nonce never will.
	LastValidBlock uint64
}

// HighestNonce returns the highest nonce that any record of the hotkey ever had, also of records that were pruned. ok is
// false when there was none.
func (s *Store) HighestNonce(ctx context.Context, genesis, hotkey [32]byte) (nonce Nonce, ok bool, err error) {
	err = s.read(ctx, "read the highest nonce", func(ctx context.Context, db *sql.DB) error {
		var highest, last int64
		err := db.QueryRowContext(ctx, "SELECT nonce, last_valid_block FROM pylon_hotkeys WHERE genesis = $1 AND hotkey = $2",
			genesis[:], hotkey[:]).Scan(&highest, &last)
		if errors.Is(err, sql.ErrNoRows) || err == nil && highest == noNonce {
			return nil
		}
		nonce, ok = Nonce{uint64(highest), uint64(last)}, err == nil
		return err
	})
	return nonce, ok, err
}

// raiseNonce remembers the nonce of r when it is the highest of its hotkey.
func raiseNonce(ctx context.Context, tx *sql.Tx, r *Record) error {
	if !r.HasNonce {
		return nil
	}
	if _, err := tx.ExecContext(ctx, insertHotkey, r.Genesis[:], r.Hotkey[:]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE pylon_hotkeys SET nonce = $1, last_valid_block = $2
		WHERE genesis = $3 AND hotkey = $4 AND (nonce < $1 OR nonce = $1 AND last_valid_block < $2)`,
		int64(r.Nonce), int64(r.LastValidBlock), r.Genesis[:], r.Hotkey[:])
	return err
}
