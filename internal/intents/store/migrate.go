package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

// migrations are the steps of the schema in order; the first is number 1. A step that was released never changes.
var migrations = readMigrations()

func readMigrations() []string {
	entries, err := fs.ReadDir(migrationFiles, "migrations")
	if err != nil {
		panic(err) // they are part of the program
	}
	steps := make([]string, len(entries))
	for i, entry := range entries {
		var number int
		if _, err := fmt.Sscanf(entry.Name(), "%04d_", &number); err != nil || number != i+1 {
			panic("store: migration " + entry.Name() + " is not number " + fmt.Sprint(i+1))
		}
		text, err := migrationFiles.ReadFile("migrations/" + entry.Name())
		if err != nil {
			panic(err)
		}
		steps[i] = string(text)
	}
	return steps
}

func newer(version int) error {
	return fmt.Errorf("%w: its tables have version %d, and this Pylon knows %d", ErrNewer, version, len(migrations))
}

// asker is a database or a transaction.
type asker interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schemaVersion is the number of the last step that was taken; 0 before the first.
func (s *Store) schemaVersion(ctx context.Context, db asker) (int, error) {
	var tables, version int
	if err := db.QueryRowContext(ctx, s.dialect.hasTable, "pylon_schema").Scan(&tables); err != nil || tables == 0 {
		return 0, err
	}
	err := db.QueryRowContext(ctx, "SELECT COALESCE(MAX(version), 0) FROM pylon_schema").Scan(&version)
	return version, err
}

// migrate takes the steps that are missing, all of them or none. Processes that start at once take turns, and a schema
// that is up to date is not touched: a user without the right to create tables is enough then.
func (s *Store) migrate(ctx context.Context, db *sql.DB) error {
	version, err := s.schemaVersion(ctx, db)
	if err != nil {
		return err
	}
	if version > len(migrations) {
		return newer(version)
	}
	if version == len(migrations) {
		return nil
	}
	return transact(ctx, db, func(ctx context.Context, tx *sql.Tx) error {
		if s.dialect.lockSchema != "" {
			if _, err := tx.ExecContext(ctx, s.dialect.lockSchema); err != nil {
				return err
			}
		}
		version, err := s.schemaVersion(ctx, tx)
		if err != nil {
			return err
		}
		if version > len(migrations) {
			return newer(version)
		}
		if version == 0 {
			if _, err := tx.ExecContext(ctx, s.dialect.types.Replace("CREATE TABLE IF NOT EXISTS pylon_schema (version BIGINT PRIMARY KEY, applied_at BIGINT NOT NULL)")); err != nil {
				return err
			}
		}
		for ; version < len(migrations); version++ {
			if _, err := tx.ExecContext(ctx, s.dialect.types.Replace(migrations[version])); err != nil {
				return fmt.Errorf("migration %d: %w", version+1, err)
			}
			if _, err := tx.ExecContext(ctx, "INSERT INTO pylon_schema (version, applied_at) VALUES ($1, $2)", version+1, millis(s.now())); err != nil {
				return err
			}
		}
		return nil
	})
}
