package sqlnonces

import "strings"

// Dialect is a kind of database.
type Dialect uint8

// The dialects. The zero value is none of them.
const (
	SQLite   Dialect = iota + 1 // 3.35 or newer
	Postgres                    // 12 or newer
)

// words is what differs between the dialects.
type words struct {
	hasTable     string
	lock         string // keeps other replicas from making the tables until the transaction ends; empty: nothing needed
	schema       []string
	use, advance string
}

var dialects = map[Dialect]words{
	SQLite: {
		hasTable: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'pylon_nonces'",
		schema:   tables("BLOB", "INTEGER"),
		use:      strings.Replace(insertOnce, "{hold}", "", 1),
		advance:  strings.Replace(insertNewest, "{hold}", "", 1),
	},
	Postgres: {
		hasTable: "SELECT count(*) FROM pg_catalog.pg_class WHERE oid = to_regclass('pylon_nonces')",
		// Without it, replicas that start at once would make the tables at once, which
		// fails. Its number is nobody else's by chance alone.
		lock:    "SELECT pg_advisory_xact_lock(1887005807, 0)",
		schema:  tables("BYTEA", "BIGINT"),
		use:     strings.Replace(insertOnce, "{hold}", "FOR SHARE", 1),
		advance: strings.Replace(insertNewest, "{hold}", "FOR SHARE", 1),
	},
}

func tables(bytes, integer string) []string {
	types := strings.NewReplacer("{bytes}", bytes, "{integer}", integer)
	return []string{
		types.Replace("CREATE TABLE IF NOT EXISTS pylon_nonce_floors (scope TEXT PRIMARY KEY, floor {integer} NOT NULL)"),
		types.Replace("CREATE TABLE IF NOT EXISTS pylon_nonces (id {bytes} PRIMARY KEY, scope TEXT NOT NULL, nonce {integer} NOT NULL, expires {integer} NOT NULL)"),
		"CREATE INDEX IF NOT EXISTS pylon_nonces_expires ON pylon_nonces (scope, expires)",
	}
}

// Who adds a record holds the floor ({hold}) until it is added. PostgreSQL reads
// the floor anew after waiting for one who raises it; SQLite has one writer.
const (
	insertOnce = `INSERT INTO pylon_nonces (id, scope, nonce, expires)
		SELECT $1, $2, $3, $4 FROM pylon_nonce_floors WHERE scope = $2 AND floor < $3 {hold}
		ON CONFLICT (id) DO NOTHING`
	insertNewest = `INSERT INTO pylon_nonces (id, scope, nonce, expires)
		SELECT $1, $2, $3, $4 FROM pylon_nonce_floors WHERE scope = $2 AND floor < $5 {hold}
		ON CONFLICT (id) DO UPDATE SET nonce = excluded.nonce, expires = excluded.expires WHERE pylon_nonces.nonce < excluded.nonce`
	updateNonce  = "UPDATE pylon_nonces SET nonce = $2, expires = $3 WHERE id = $1 AND nonce < $2"
	selectNonce  = "SELECT nonce FROM pylon_nonces WHERE id = $1"
	countRecords = "SELECT count(*) FROM pylon_nonces WHERE scope = $1"

	insertFloor = "INSERT INTO pylon_nonce_floors (scope, floor) VALUES ($1, $2) ON CONFLICT (scope) DO NOTHING"
	lockFloor   = "UPDATE pylon_nonce_floors SET floor = floor WHERE scope = $1"
	raiseFloor  = "UPDATE pylon_nonce_floors SET floor = $2 WHERE scope = $1 AND floor < $2"
	// The time is asked for twice because PostgreSQL may find, after waiting, that
	// a record has been renewed.
	deleteRecords = `DELETE FROM pylon_nonces WHERE expires < $2 AND id IN
		(SELECT id FROM pylon_nonces WHERE scope = $1 AND expires < $2 ORDER BY expires LIMIT $3) RETURNING nonce, expires`
)
