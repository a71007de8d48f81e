package sqlnonces

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"
)

// Config configures a Store.
type Config struct {
	// DB is the database; the store does not close it. Required.
	DB *sql.DB
	// Dialect is which kind of database DB is. Required.
	Dialect Dialect
	// Receiver is the address of the hotkey whose messages these are. Stores of
	// different receivers may share a database and know nothing of each other.
	// Required.
	Receiver string
	// MaxRecords is how many nonces (of btauth) and how many clients (of axons)
	// are remembered; each takes about 150 bytes on disk. Between two clean-ups
	// every replica may add a sixteenth to that. Defaults to 1048576.
	MaxRecords int
	// Timeout is how long one call may take. Defaults to 5 s.
	Timeout time.Duration
}

func (c *Config) validate() error {
	switch {
	case c.DB == nil:
		return errors.New("sqlnonces: DB is required")
	case c.Dialect != SQLite && c.Dialect != Postgres:
		return errors.New("sqlnonces: Dialect is required")
	case c.Receiver == "":
		return errors.New("sqlnonces: Receiver is required")
	case c.MaxRecords < 0:
		return errors.New("sqlnonces: MaxRecords is negative")
	case c.Timeout < 0:
		return errors.New("sqlnonces: Timeout is negative")
	}
	if c.MaxRecords == 0 {
		c.MaxRecords = 1 << 20
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	return nil
}

// Store is an axon.NonceStore and a btauth.NonceStore; the two do not see each
// other's nonces. It is safe for concurrent use and has no goroutines of its own.
type Store struct {
	config Config
	words  words
	used   *ledger // nonces of btauth
	newest *ledger // clients of axons
}

// ledger is one of the two kinds of records of a receiver.
type ledger struct {
	scope string
	mu    sync.Mutex
	added int       // guarded by mu; since the last clean-up
	swept time.Time // guarded by mu; when that was, by the caller's clock
}

// New makes the tables when they are missing and returns a Store.
func New(ctx context.Context, c Config) (*Store, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &Store{
		config: c,
		words:  dialects[c.Dialect],
		used:   &ledger{scope: "btauth " + c.Receiver},
		newest: &ledger{scope: "axon " + c.Receiver},
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if err := s.create(ctx); err != nil {
		return nil, fmt.Errorf("sqlnonces: making the tables: %w", err)
	}
	return s, nil
}

// create makes what is missing. Tables that exist are not touched, because other
// replicas may be at work with them.
func (s *Store) create(ctx context.Context) error {
	var tables int
	if err := s.config.DB.QueryRowContext(ctx, s.words.hasTable).Scan(&tables); err != nil {
		return err
	}
	if tables == 0 {
		err := s.transaction(ctx, func(tx *sql.Tx) error {
			if s.words.lock != "" {
				if _, err := tx.ExecContext(ctx, s.words.lock); err != nil {
					return err
				}
				// Who had it before may be at work with the tables by now.
				if err := tx.QueryRowContext(ctx, s.words.hasTable).Scan(&tables); err != nil || tables > 0 {
					return err
				}
			}
			for _, statement := range s.words.schema {
				if _, err := tx.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, l := range []*ledger{s.used, s.newest} {
		if _, err := s.config.DB.ExecContext(ctx, insertFloor, l.scope, int64(math.MinInt64)); err != nil {
			return err
		}
	}
	return nil
}

// Use implements btauth.NonceStore.
func (s *Store) Use(ctx context.Context, hotkey string, nonce int64, now, expires time.Time) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	if err := s.makeRoom(ctx, s.used, now); err != nil {
		return false, err
	}
	key := digest(s.used.scope, hotkey, nonce)
	first, err = s.changes(ctx, s.words.use, key, s.used.scope, nonce, due(now, expires))
	return first, wrap(err)
}

// Last implements axon.NonceStore.
func (s *Store) Last(ctx context.Context, client string) (nonce int64, known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	err = s.config.DB.QueryRowContext(ctx, selectNonce, digest(s.newest.scope, client, 0)).Scan(&nonce)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return nonce, err == nil, wrap(err)
}

// Advance implements axon.NonceStore.
func (s *Store) Advance(ctx context.Context, client string, nonce int64, now, expires time.Time) (advanced bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	key := digest(s.newest.scope, client, 0)
	// A client that is known goes on from where it was.
	advanced, err = s.changes(ctx, updateNonce, key, nonce, due(now, expires))
	if err != nil || advanced {
		return advanced, wrap(err)
	}
	if err := s.makeRoom(ctx, s.newest, now); err != nil {
		return false, err
	}
	// Another one is new, or was forgotten, or has been here with this nonce.
	floor := nonce
	if expires.IsZero() {
		floor = math.MaxInt64 // its first nonce may be any
	}
	advanced, err = s.changes(ctx, s.words.advance, key, s.newest.scope, nonce, due(now, expires), floor)
	return advanced, wrap(err)
}

// Len returns how many nonces of btauth and how many clients of axons are
// remembered.
func (s *Store) Len(ctx context.Context) (nonces, clients int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	if err := s.config.DB.QueryRowContext(ctx, countRecords, s.used.scope).Scan(&nonces); err != nil {
		return 0, 0, wrap(err)
	}
	err = s.config.DB.QueryRowContext(ctx, countRecords, s.newest.scope).Scan(&clients)
	return nonces, clients, wrap(err)
}

// changes tells whether a statement changed a row.
func (s *Store) changes(ctx context.Context, statement string, arguments ...any) (bool, error) {
	result, err := s.config.DB.ExecContext(ctx, statement, arguments...)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows > 0, err
}

func (s *Store) transaction(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.config.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// digest is what a record is found by: of bounded size, whatever a sender says
// its name is.
func digest(scope, sender string, nonce int64) []byte {
	text := make([]byte, 0, 256)
	text = binary.BigEndian.AppendUint64(text, uint64(nonce))
	text = append(append(append(text, scope...), 0), sender...)
	sum := sha256.Sum256(text)
	return sum[:]
}

// staying is added to the time of records that do not expire, which therefore go
// after all others, and among themselves by when they were last heard of. It is
// in milliseconds, thousands of years.
const staying = int64(1) << 50

// due is when a record may go, in milliseconds since 1970.
func due(now, expires time.Time) int64 {
	if expires.IsZero() {
		return now.UnixMilli() + staying
	}
	return expires.UnixMilli() + 1
}

func wrap(err error) error {
	if err != nil {
		return fmt.Errorf("sqlnonces: %w", err)
	}
	return nil
}
