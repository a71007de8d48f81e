package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
)

// sqliteFile is the database file and, while this process may write, its lock.
type sqliteFile struct {
	path string
	lock *fileLock
}

func (f *sqliteFile) unlock() error {
	if f.lock == nil {
		return nil
	}
	err := f.lock.release()
	f.lock = nil
	return err
}

// openSQLite opens the file for writing when nobody else does, and for reading.
func (s *Store) openSQLite(ctx context.Context, config Config) error {
	s.dialect, s.name = sqliteDialect, config.Path
	if config.Path == Memory {
		return s.openMemory(ctx)
	}
	path, err := resolve(config.Path)
	if err != nil {
		return err
	}
	s.file = &sqliteFile{path: path}
	s.mu.Lock()
	err = s.takeFile(ctx)
	s.mu.Unlock()
	if err != nil && !errors.Is(err, ErrHeld) {
		return err
	}
	held := err
	if s.reader, err = sqliteDB(path, "mode=ro", config.Timeout, 4); err != nil {
		return err
	}
	if held != nil {
		s.log.WarnContext(ctx, "the database is read only", "path", path, "reason", held.Error())
		return s.awaitTables(ctx, held)
	}
	return nil
}

// openMemory opens a database on one connection, which is the database.
func (s *Store) openMemory(ctx context.Context) error {
	connector, err := sqlite.NewConnector("file::memory:?_txlock=immediate&_error_rc=1")
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	s.reader, s.writer = db, db
	return s.migrate(ctx, db)
}

// resolve returns the one name of a file, so that two names of it have one lock.
func resolve(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target, nil
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: %s: its folder does not exist", ErrSettings, path)
	}
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, filepath.Base(path)), nil
}

// sqliteDB describes connections to a file; it opens none. Every one of them waits for locks, a little less than a call
// may take, so that the error is the lock's. synchronous(FULL) makes a commit in WAL mode durable before it returns.
func sqliteDB(path, mode string, timeout time.Duration, connections int) (*sql.DB, error) {
	wait := max(timeout-timeout/5, time.Millisecond)
	name := (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()
	connector, err := sqlite.NewConnector(fmt.Sprintf(
		"file:%s?%s&_txlock=immediate&_error_rc=1&_pragma=busy_timeout(%d)&_pragma=synchronous(FULL)&_pragma=trusted_schema(OFF)&_pragma=journal_size_limit(16777216)",
		name, mode, wait.Milliseconds()))
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db, nil
}

// takeFile locks the file for this process and opens it for writing, or fails with ErrHeld. s.mu is held.
func (s *Store) takeFile(ctx context.Context) error {
	path := s.file.path
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return err
	}
	db, err := s.openWriter(ctx, path)
	if err != nil {
		return errors.Join(err, lock.release())
	}
	if s.reader != nil {
		s.log.InfoContext(ctx, "the database is ours to write now", "path", path)
	}
	s.writer, s.file.lock = db, lock
	return nil
}

func (s *Store) openWriter(ctx context.Context, path string) (_ *sql.DB, err error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		// SQLite would create a file that everybody may read.
		file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			return nil, err
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%w: %s is not a file", ErrSettings, path)
	}
	db, err := sqliteDB(path, "mode=rw", s.timeout, 1)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	var word string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode(WAL)").Scan(&word); err != nil {
		return nil, err
	}
	if word != "wal" {
		return nil, fmt.Errorf("%w: %s: this file system can not share memory, which a write-ahead log needs", ErrUnwritable, path)
	}
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&word); err != nil {
		return nil, err
	}
	if word != "ok" {
		return nil, fmt.Errorf("%w: %s: %s", ErrDamaged, path, plain(word))
	}
	if err := s.migrate(ctx, db); err != nil {
		return nil, err
	}
	return db, nil
}

// awaitTables waits until the process that holds the file has created the tables or brought them up to date.
func (s *Store) awaitTables(ctx context.Context, held error) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		version, err := s.schemaVersion(ctx, s.reader)
		if err == nil {
			if version > len(migrations) {
				return newer(version)
			}
			if version == len(migrations) {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return fmt.Errorf("%w, and its tables are not ready", held)
		}
	}
}

// Holder says who holds an SQLite file that this store can only read, as of now. ok is false when this store may write.
func (s *Store) Holder() (who string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil || s.writer != nil || s.closed {
		return "", false
	}
	return holder(s.file.path + ".lock"), true
}
