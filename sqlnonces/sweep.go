package sqlnonces

import (
	"context"
	"database/sql"
	"math"
	"time"
)

const (
	// lag is how long records stay after they have expired, because the clocks of
	// replicas differ.
	lag = time.Minute
	// every is how often a replica cleans up that adds few records.
	every = time.Minute
)

// makeRoom is called before a record is added. It cleans up when that is due, and
// fails when that fails, so that nothing is added that cannot be removed.
func (s *Store) makeRoom(ctx context.Context, l *ledger, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch := s.config.MaxRecords/16 + 1
	if age := now.Sub(l.swept); l.added < batch && 0 <= age && age < every {
		l.added++
		return nil
	}
	if err := s.transaction(ctx, func(tx *sql.Tx) error { return s.sweep(ctx, tx, l.scope, now, batch) }); err != nil {
		return wrap(err)
	}
	l.added, l.swept = 1, now
	return nil
}

// sweep removes what has expired and what is too much. Whoever adds a record
// holds the floor from the time of reading it, so the floor that is raised here
// is seen by all that could add what is removed here.
func (s *Store) sweep(ctx context.Context, tx *sql.Tx, scope string, now time.Time, batch int) error {
	if _, err := tx.ExecContext(ctx, lockFloor, scope); err != nil {
		return err
	}
	// A bounded piece of what has expired, but more than is added meanwhile.
	floor, err := remove(ctx, tx, scope, now.Add(-lag).UnixMilli(), 4*batch)
	if err != nil {
		return err
	}
	var count int
	if err := tx.QueryRowContext(ctx, countRecords, scope).Scan(&count); err != nil {
		return err
	}
	if excess := count - s.config.MaxRecords; excess > 0 {
		more, err := remove(ctx, tx, scope, math.MaxInt64, excess)
		if err != nil {
			return err
		}
		floor = max(floor, more)
	}
	_, err = tx.ExecContext(ctx, raiseFloor, scope, floor)
	return err
}

// remove deletes the first records of those that expire before a time, and
// returns the newest nonce of those that do expire.
func remove(ctx context.Context, tx *sql.Tx, scope string, before int64, most int) (floor int64, err error) {
	floor = math.MinInt64
	rows, err := tx.QueryContext(ctx, deleteRecords, scope, before, most)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		var nonce, expires int64
		if err := rows.Scan(&nonce, &expires); err != nil {
			return 0, err
		}
		if expires < staying {
			floor = max(floor, nonce)
		}
	}
	return floor, rows.Err()
}
