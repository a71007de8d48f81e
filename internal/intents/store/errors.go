package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What the state of an intent or a lease does not allow. Compare with errors.Is.
var (
	// ErrNotFound: there is no intent of this id; it may have been pruned.
	ErrNotFound = errors.New("no such intent")
	// ErrIdempotencyMismatch: the idempotency key was used before, for another request.
	ErrIdempotencyMismatch = errors.New("the idempotency key was used for another request")
	// ErrConflict: the intent is not at the version that the caller read. Read it again.
	ErrConflict = errors.New("the intent was changed meanwhile")
	// ErrEnded: an intent that has ended does not change any more.
	ErrEnded = errors.New("the intent has ended")
	// ErrSigned: something was signed for the intent, so it can not be cancelled.
	ErrSigned = errors.New("the intent is signed")
	// ErrLeaseLost: somebody else works for the hotkey now. Nothing was written.
	ErrLeaseLost = errors.New("the lease of the hotkey is lost")
	// ErrInvalid: the record or the question can not be stored or asked. The text names the field.
	ErrInvalid = errors.New("not a valid intent")
)

// What the database does not allow. Nothing was written, and the same call may succeed later, except for ErrDamaged,
// ErrNewer and ErrSettings.
var (
	// ErrHeld: another process holds the SQLite file; this one only reads. The text says who, see [Store.Holder].
	ErrHeld = errors.New("the database is held by another process")
	// ErrFull: the disk, or the quota, is used up.
	ErrFull = errors.New("the disk of the database is full")
	// ErrBusy: somebody locks the database, or it did not answer in time.
	ErrBusy = errors.New("the database is busy")
	// ErrUnwritable: the file, its folder or the server does not let this process write.
	ErrUnwritable = errors.New("the database can not be written")
	// ErrUnreachable: there is no connection to the server, or it was lost. Whether a change was made is unknown when a
	// connection broke while it was being committed; the same Put again finds it by its ID.
	ErrUnreachable = errors.New("the database can not be reached")
	// ErrDamaged: the file is no SQLite database or a broken one.
	ErrDamaged = errors.New("the database file is damaged")
	// ErrNewer: a newer Pylon has changed the tables.
	ErrNewer = errors.New("the database was written by a newer Pylon")
	// ErrSettings: the configuration names no database.
	ErrSettings = errors.New("not a valid database setting")
	// ErrClosed: the store was closed.
	ErrClosed = errors.New("the store is closed")
)

// kinds are the errors of this package; an error that already is one of them is not classified again.
var kinds = []error{
	ErrNotFound, ErrIdempotencyMismatch, ErrConflict, ErrEnded, ErrSigned, ErrLeaseLost, ErrInvalid, ErrHeld, ErrFull, ErrBusy,
	ErrUnwritable, ErrUnreachable, ErrDamaged, ErrNewer, ErrSettings, ErrClosed,
}

// failure names what went wrong in the words of this package. The database is named by s.name, which holds no credentials,
// and what a driver says is only passed on where it can hold none.
func (s *Store) failure(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return fmt.Errorf("store: %s: %w", op, err)
		}
	}
	if cause := ctx.Err(); cause != nil {
		return fmt.Errorf("store: %s: %w", op, cause)
	}
	// The network's deadlines can pass a moment before the context's own timer does.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return fmt.Errorf("store: %s: %w", op, context.DeadlineExceeded)
	}
	said, kind := s.classify(err)
	if kind == nil {
		return fmt.Errorf("store: %s: %s: %s", op, s.name, said)
	}
	return fmt.Errorf("store: %s: %w: %s: %s", op, kind, s.name, said)
}

// classify returns a driver's error in words that hold no credentials, and its kind, nil when it is of none.
func (s *Store) classify(err error) (said string, kind error) {
	if lite, ok := errors.AsType[*sqlite.Error](err); ok {
		return lite.Error(), sqliteKind(lite.Code())
	}
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return postgresWords(answer), postgresKind(answer.Code)
	}
	switch {
	case errors.Is(err, sql.ErrConnDone), strings.HasSuffix(err.Error(), "sql: database is closed"):
		return "it was closed", ErrClosed
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", s.timeout), ErrBusy
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return "no space left", ErrFull
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return systemWords(err), ErrUnwritable
	case !s.dialect.solitary:
		return connectionWords(err), ErrUnreachable
	}
	return systemWords(err), nil
}

func sqliteKind(code int) error {
	switch code {
	case sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_TRUNCATE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return ErrFull
	case sqlite3.SQLITE_READONLY_DBMOVED:
		return ErrUnwritable
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return ErrFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_INTERRUPT:
		return ErrBusy
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return ErrUnwritable
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return ErrDamaged
	}
	return nil
}

// postgresKind reads an SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresKind(code string) error {
	switch code {
	case "53100":
		return ErrFull
	case "25006", "42501":
		return ErrUnwritable
	case "55P03", "57014", "40001", "40P01", "53300":
		return ErrBusy
	case "XX001", "XX002":
		return ErrDamaged
	}
	switch code[:min(2, len(code))] {
	case "08", "28", "3D", "57":
		return ErrUnreachable
	}
	return nil
}

// postgresWords is what the server said; the names of users in refusals of a login are left out.
func postgresWords(answer *pgconn.PgError) string {
	switch {
	case strings.HasPrefix(answer.Code, "28"):
		return "the server refused the user or the password (" + answer.Code + ")"
	case answer.Code == "3D000":
		return "the server has no such database (3D000)"
	}
	return answer.Message + " (" + answer.Code + ")"
}

// connectionWords keeps the network's part of an error. pgx names the user and the database in front of it.
func connectionWords(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Error()
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return dns.Error()
	}
	if errors.Is(err, driver.ErrBadConn) {
		return "the connection was lost"
	}
	return "no connection"
}

// systemWords is the reason of an error of the operating system without the path, which the name of the database gives.
func systemWords(err error) string {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Op + ": " + path.Err.Error()
	}
	return err.Error()
}

// retryable says whether a transaction that failed in this way left nothing behind and may work when it is tried again.
func retryable(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return answer.Code == "40001" || answer.Code == "40P01" || strings.HasPrefix(answer.Code, "57P")
	}
	return errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}
