package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// pruneBatch is how many records one transaction deletes or empties: others wait for it.
const pruneBatch = 500

// pruneEvery prunes until ctx ends.
func (s *Store) pruneEvery(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := s.Prune(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, ErrHeld) {
			s.log.WarnContext(ctx, "old intents were not pruned", "error", err.Error())
		}
	}
}

// Prune deletes the records that ended longer ago than Config.Keep, and the oldest of those beyond Config.KeepMost. A
// record whose idempotency key has to be remembered is emptied instead of deleted for the latter reason. It returns how
// many it deleted. The store calls it by itself.
func (s *Store) Prune(ctx context.Context) (deleted int, err error) {
	now := s.now()
	old := millis(now.Add(-s.config.Keep))
	recent := millis(now.Add(-remembered))
	for {
		n, err := s.pruneStep(ctx, "DELETE FROM pylon_intents WHERE seq IN (SELECT seq FROM pylon_intents WHERE ended_at > 0 AND ended_at < $1 ORDER BY ended_at LIMIT $2)", old, pruneBatch)
		deleted += n
		if err != nil {
			return deleted, err
		}
		if n < pruneBatch {
			break
		}
	}
	// The newest KeepMost ended records stay; edge is the first beyond them.
	var edge, edgeSeq int64
	err = s.read(ctx, "prune", func(ctx context.Context, db *sql.DB) error {
		err := db.QueryRowContext(ctx, "SELECT ended_at, seq FROM pylon_intents WHERE ended_at > 0 ORDER BY ended_at DESC, seq DESC LIMIT 1 OFFSET $1",
			s.config.KeepMost).Scan(&edge, &edgeSeq)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || edgeSeq == 0 {
		return deleted, err
	}
	const beyond = "ended_at > 0 AND (ended_at < $1 OR ended_at = $1 AND seq <= $2)"
	for {
		n, err := s.pruneStep(ctx, "DELETE FROM pylon_intents WHERE seq IN (SELECT seq FROM pylon_intents WHERE "+beyond+
			" AND (idempotency_key = '' OR ended_at < $3) ORDER BY ended_at LIMIT $4)", edge, edgeSeq, recent, pruneBatch)
		deleted += n
		if err != nil {
			return deleted, err
		}
		if n < pruneBatch {
			break
		}
	}
	for {
		n, err := s.pruneStep(ctx, "UPDATE pylon_intents SET request = $3, progress = $3, extrinsic = $3 WHERE seq IN (SELECT seq FROM pylon_intents WHERE "+beyond+
			" AND (length(request) > 0 OR length(progress) > 0 OR length(extrinsic) > 0) ORDER BY ended_at LIMIT $4)", edge, edgeSeq, []byte{}, pruneBatch)
		if err != nil || n < pruneBatch {
			return deleted, err
		}
	}
}

func (s *Store) pruneStep(ctx context.Context, statement string, args ...any) (rows int, err error) {
	err = s.write(ctx, "prune", func(ctx context.Context, tx *sql.Tx) error {
		changed, err := tx.ExecContext(ctx, statement, args...)
		if err != nil {
			return err
		}
		n, err := changed.RowsAffected()
		rows = int(n)
		return err
	})
	return rows, err
}
