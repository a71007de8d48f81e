package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Store is the table of intents and the leases of hotkeys. It is safe for concurrent use.
type Store struct {
	name    string // of the database, in errors: a path, or host and database of a server
	dialect dialect
	timeout time.Duration
	config  Config
	now     func() time.Time
	elapsed func() time.Duration
	log     *slog.Logger

	reader *sql.DB

	mu     sync.Mutex // of what follows
	writer *sql.DB    // nil while another process holds the file, and after Close
	file   *sqliteFile
	closed bool

	leases watch

	stop context.CancelFunc // ends the pruning
	done sync.WaitGroup
}

// Open opens the database, creates its tables or brings them up to date, and looks for ended records to prune from then
// on until Close. When another process holds an SQLite file the store reads, and writes fail with [ErrHeld] until that
// process is gone; see [Store.Holder].
func Open(ctx context.Context, config Config) (*Store, error) {
	config = config.withDefaults()
	s := &Store{
		config: config, timeout: config.Timeout, now: config.Now, elapsed: config.Elapsed, log: config.Logger,
		leases: watch{seen: map[hotkeyID]sighting{}, own: map[hotkeyID]bool{}},
	}
	if err := config.validate(); err != nil {
		return nil, s.failure(ctx, "open", err)
	}
	limited, cancel := context.WithTimeout(ctx, max(config.Timeout, 30*time.Second))
	defer cancel()
	open := s.openSQLite
	if config.URL != "" {
		open = s.openPostgres
	}
	if err := open(limited, config); err != nil {
		err = s.failure(ctx, "open", err)
		return nil, errors.Join(err, s.release())
	}
	if config.PruneEvery > 0 {
		background, stop := context.WithCancel(context.WithoutCancel(ctx))
		s.stop = stop
		s.done.Go(func() { s.pruneEvery(background, config.PruneEvery) })
	}
	return s, nil
}

// Close ends what the store does by itself and lets go of the database. Calls that come later fail with [ErrClosed].
func (s *Store) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.done.Wait()
	return s.release()
}

func (s *Store) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var failed []error
	if s.reader != nil {
		failed = append(failed, s.reader.Close())
	}
	if s.writer != nil && s.writer != s.reader {
		failed = append(failed, s.writer.Close())
	}
	s.writer = nil
	if s.file != nil {
		failed = append(failed, s.file.unlock())
	}
	return errors.Join(failed...)
}

// read runs a question within the store's timeout.
func (s *Store) read(ctx context.Context, op string, ask func(context.Context, *sql.DB) error) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return s.failure(ctx, op, ask(limited, s.reader))
}

// write runs a change as one transaction within the store's timeout. A transaction that the server gave up, or that never
// reached it, is run again: change may run several times, and what it left in Go's memory must not matter.
func (s *Store) write(ctx context.Context, op string, change func(context.Context, *sql.Tx) error) error {
	limited, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	db, err := s.writable(limited)
	if err != nil {
		return s.failure(ctx, op, err)
	}
	for range 5 {
		if err = transact(limited, db, change); err == nil || !retryable(err) || limited.Err() != nil {
			break
		}
	}
	return s.failure(ctx, op, err)
}

func transact(ctx context.Context, db *sql.DB, change func(context.Context, *sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := change(ctx, tx); err != nil {
		_ = tx.Rollback() // the first error is the one that counts
		return err
	}
	return tx.Commit()
}

// writable returns the connection to write with. A file that another process held when it was opened is tried again:
// that process may be gone.
func (s *Store) writable(ctx context.Context) (*sql.DB, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, ErrClosed
	}
	if s.writer == nil {
		if err := s.takeFile(ctx); err != nil {
			return nil, err
		}
	}
	return s.writer, nil
}
