package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"time"
)

// Update writes the fields of r that may change, State and those after it, for the holder of the hotkey's lease, and
// returns the record as it stands then. It fails with [ErrLeaseLost] when somebody else has taken the lease,
// [ErrConflict] when the record is no longer at r.Version, [ErrEnded], [ErrNotFound] and [ErrInvalid]; nothing is
// changed then. The same Update again is no conflict: it returns what stands.
func (s *Store) Update(ctx context.Context, lease Lease, r Record) (Record, error) {
	r.EndedAt = moment(millis(r.EndedAt))
	err := r.check()
	if err == nil && (lease.Genesis != r.Genesis || lease.Hotkey != r.Hotkey) {
		err = fmt.Errorf("%w: the lease is that of another hotkey", ErrInvalid)
	}
	if err != nil {
		return Record{}, s.failure(ctx, "update", err)
	}
	var stored Record
	err = s.write(ctx, "update", func(ctx context.Context, tx *sql.Tx) error {
		if err := s.checkLease(ctx, tx, lease); err != nil {
			return err
		}
		stored = Record{}
		if err := get(ctx, tx, r.ID, s.dialect.forUpdate, &stored); err != nil {
			return err
		}
		if stored.Genesis != r.Genesis || stored.Hotkey != r.Hotkey {
			return fmt.Errorf("%w: the intent is that of another hotkey", ErrInvalid)
		}
		next := stored.changedTo(&r, moment(millis(s.now())))
		switch {
		case stored.Version == next.Version && stored.sameAs(&next):
			return nil
		case stored.Ended():
			return ErrEnded
		case stored.Version != r.Version:
			return ErrConflict
		}
		if err := next.rewrite(ctx, tx); err != nil {
			return err
		}
		stored = next
		return raiseNonce(ctx, tx, &next)
	})
	if err != nil {
		return Record{}, err
	}
	return stored, nil
}

// changedTo is the stored record with the changeable fields of r, one version after r.
func (r Record) changedTo(to *Record, now time.Time) Record {
	next := *to
	next.seq, next.Identity, next.Kind, next.Netuid, next.Mechanism = r.seq, r.Identity, r.Kind, r.Netuid, r.Mechanism
	next.IdempotencyKey, next.Fingerprint, next.Request = r.IdempotencyKey, r.Fingerprint, r.Request
	next.CreatedAt, next.SupersededBy = r.CreatedAt, r.SupersededBy
	next.Version, next.UpdatedAt = to.Version+1, now
	return next
}

// sameAs compares all columns but the time of the change, which is the last.
func (r *Record) sameAs(other *Record) bool {
	a, b := r.values(), other.values()
	return reflect.DeepEqual(a[:len(a)-1], b[:len(b)-1])
}

// Cancel ends an open record for which nothing was signed. It needs no lease: the engine's next Update of the record
// fails with [ErrEnded], and because it records before it sends, nothing was sent. It fails with [ErrSigned], [ErrEnded]
// and [ErrNotFound].
func (s *Store) Cancel(ctx context.Context, id string) (Record, error) {
	var r Record
	err := s.write(ctx, "cancel", func(ctx context.Context, tx *sql.Tx) error {
		r = Record{}
		if err := get(ctx, tx, id, s.dialect.forUpdate, &r); err != nil {
			return err
		}
		switch {
		case r.Ended():
			return ErrEnded
		case r.Signed():
			return ErrSigned
		}
		r.State, r.Reason = StateCancelled, ReasonCancelled
		r.UpdatedAt = moment(millis(s.now()))
		r.EndedAt = r.UpdatedAt
		r.Version++
		return r.rewrite(ctx, tx)
	})
	if err != nil {
		return Record{}, err
	}
	return r, nil
}
