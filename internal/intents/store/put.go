package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
)

// Policy says what Put does about older intents of the same scope: genesis, hotkey, netuid, mechanism and kind. The zero
// value leaves them alone.
type Policy struct {
	// Replace makes the latest win: older open intents of the scope that are not signed end as cancelled with the reason
	// replaced, and those that are signed are marked with SupersededBy and go on as the engine decides.
	Replace bool
	// Attach returns the newest open intent of the scope instead of recording a second one, if it has the same identity and
	// fingerprint. An older one that is equal does not count: what came between would be the last word.
	Attach bool
	// Beside are further kinds that write to the same place: an open intent of theirs that is newer stands between too.
	Beside []string
}

// PutResult says what Put did.
type PutResult struct {
	// Record is the one that stands for the request.
	Record Record
	// Existing says that it was there already, by its idempotency key or by Policy.Attach: nothing was changed.
	Existing bool
	// Replaced are the intents that were ended, oldest first.
	Replaced []Record
	// Superseded are the signed intents that were marked, oldest first.
	Superseded []Record
}

// Put records an intent, durably, before it returns. One transaction looks for the idempotency key, settles older
// intents of the scope as policy says, and inserts. It sets Version, CreatedAt and UpdatedAt, and ID when that is empty.
// With the same ID it may be repeated after an error: it records once.
//
// It fails with [ErrIdempotencyMismatch] when the key stands for another request, and with [ErrInvalid].
func (s *Store) Put(ctx context.Context, r Record, policy Policy) (PutResult, error) {
	if r.ID == "" {
		r.ID = newID()
	}
	r.Version, r.SupersededBy, r.seq = 1, "", 0
	r.CreatedAt = moment(millis(s.now()))
	r.UpdatedAt = r.CreatedAt
	r.EndedAt = moment(millis(r.EndedAt))
	if err := r.check(); err != nil {
		return PutResult{}, s.failure(ctx, "put", err)
	}
	var result PutResult
	err := s.write(ctx, "put", func(ctx context.Context, tx *sql.Tx) error {
		result = PutResult{}
		return s.put(ctx, tx, r, policy, &result)
	})
	if err != nil {
		return PutResult{}, err
	}
	return result, nil
}

func (s *Store) put(ctx context.Context, tx *sql.Tx, r Record, policy Policy, result *PutResult) error {
	if err := s.lockHotkey(ctx, tx, r.Genesis, r.Hotkey); err != nil {
		return err
	}
	known, err := s.known(ctx, tx, &r)
	if err != nil {
		return err
	}
	if known != nil {
		result.Record, result.Existing = *known, known.ID != r.ID
		return nil
	}
	if policy.Replace || policy.Attach {
		older, err := records(tx.QueryContext(ctx, selectRecord+
			"WHERE genesis = $1 AND hotkey = $2 AND ended_at = 0 AND netuid = $3 AND mechanism = $4 AND kind = $5 ORDER BY seq"+s.dialect.forUpdate,
			r.Genesis[:], r.Hotkey[:], int64(r.Netuid), int64(r.Mechanism), r.Kind))
		if err != nil {
			return err
		}
		if policy.Attach && len(older) > 0 {
			newest := older[len(older)-1]
			between, err := between(ctx, tx, &newest, policy.Beside)
			if err != nil {
				return err
			}
			if newest.Identity == r.Identity && newest.Fingerprint == r.Fingerprint && newest.SupersededBy == "" && !between {
				result.Record, result.Existing = newest, true
				return nil
			}
		}
		if policy.Replace {
			if err := settle(ctx, tx, older, &r, result); err != nil {
				return err
			}
		}
	}
	if err := tx.QueryRowContext(ctx, insertRecord, r.values()...).Scan(&r.seq); err != nil {
		return err
	}
	if err := raiseNonce(ctx, tx, &r); err != nil {
		return err
	}
	result.Record = r
	return nil
}

// between tells whether an open intent of other kinds for the same place is newer than r.
func between(ctx context.Context, tx *sql.Tx, r *Record, kinds []string) (bool, error) {
	for _, kind := range kinds {
		var n int
		err := tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM pylon_intents "+
			"WHERE genesis = $1 AND hotkey = $2 AND ended_at = 0 AND netuid = $3 AND mechanism = $4 AND kind = $5 AND seq > $6",
			r.Genesis[:], r.Hotkey[:], int64(r.Netuid), int64(r.Mechanism), kind, r.seq).Scan(&n)
		if err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// known returns the record that stands for r already: r itself, when a transaction is run again whose commit was not
// answered, or the one of its idempotency key.
func (s *Store) known(ctx context.Context, tx *sql.Tx, r *Record) (*Record, error) {
	var found Record
	err := found.scan(tx.QueryRowContext(ctx, selectRecord+"WHERE id = $1", r.ID))
	if errors.Is(err, sql.ErrNoRows) && r.IdempotencyKey != "" {
		err = found.scan(tx.QueryRowContext(ctx, selectRecord+
			"WHERE genesis = $1 AND hotkey = $2 AND identity = $3 AND idempotency_key = $4 AND idempotency_key <> ''",
			r.Genesis[:], r.Hotkey[:], r.Identity, r.IdempotencyKey))
	}
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case found.Fingerprint == r.Fingerprint && found.Kind == r.Kind && found.Netuid == r.Netuid && found.Mechanism == r.Mechanism && found.Hotkey == r.Hotkey:
		return &found, nil
	case found.ID == r.ID:
		return nil, fmt.Errorf("%w: the id %q is taken", ErrInvalid, r.ID)
	}
	return nil, ErrIdempotencyMismatch
}

// settle lets r win over the older intents.
func settle(ctx context.Context, tx *sql.Tx, older []Record, r *Record, result *PutResult) error {
	for _, o := range older {
		o.SupersededBy = r.ID
		if o.Signed() {
			result.Superseded = append(result.Superseded, o)
		} else {
			o.State, o.Reason = StateCancelled, ReasonReplaced
			o.EndedAt, o.UpdatedAt = r.CreatedAt, r.CreatedAt
			o.Version++
			result.Replaced = append(result.Replaced, o)
		}
		if err := o.rewrite(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// lockHotkey lets the transactions of one hotkey that insert go on one after the other, on a server; until they commit.
func (s *Store) lockHotkey(ctx context.Context, tx *sql.Tx, genesis, hotkey [32]byte) error {
	if s.dialect.lockHotkey == "" {
		return nil
	}
	sum := sha256.Sum256(append(genesis[:], hotkey[:]...))
	number := int32(binary.LittleEndian.Uint32(sum[:]) | 1) // 0 is the schema's
	_, err := tx.ExecContext(ctx, s.dialect.lockHotkey, number)
	return err
}

// rewrite writes the fields that may change.
func (r *Record) rewrite(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, updateRecord, append(r.values()[fixed:], r.seq)...)
	return err
}
