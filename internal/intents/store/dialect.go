package store

import "strings"

// dialect is what differs between the two databases. Statements are the same but for these words.
type dialect struct {
	types      *strings.Replacer // of a migration, which is written for PostgreSQL
	forUpdate  string            // locks the rows of a SELECT until the transaction ends
	hasTable   string            // asks whether the table $1 exists
	lockSchema string            // keeps other processes from migrating until the transaction ends; empty: nothing needed
	lockHotkey string            // keeps other transactions that ask for the same number from going on; empty: nothing needed
	solitary   bool              // no other process writes while this one may
}

// An SQLite transaction begins by locking the whole file, so it needs no finer locks.
var sqliteDialect = dialect{
	types:    strings.NewReplacer("BIGSERIAL PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT", "BYTEA", "BLOB", "BIGINT", "INTEGER"),
	hasTable: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1",
	solitary: true,
}

// The first number of an advisory lock is ours by nothing but chance: "pyln".
var postgresDialect = dialect{
	types:      strings.NewReplacer(),
	forUpdate:  " FOR UPDATE",
	hasTable:   "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')",
	lockSchema: "SELECT pg_advisory_xact_lock(1887005806, 0)",
	lockHotkey: "SELECT pg_advisory_xact_lock(1887005806, $1)",
}
