// Package sqlnonces keeps the nonces that package axon and package btauth have
// taken in a database. A message is then taken once by all the replicas of a
// neuron together, and once even when they start again in between, which the
// memory stores of those packages cannot promise.
//
//	db, err := sql.Open("pgx", url) // or SQLite, see below
//	nonces, err := sqlnonces.New(ctx, sqlnonces.Config{DB: db, Dialect: sqlnonces.Postgres, Receiver: hotkey.Address()})
//	a, err := axon.New(axon.Config{Nonces: nonces, …})
//	auth, err := btauth.New(btauth.Config{Nonces: nonces, …})
//
// The driver is the program's choice; the package imports none. It is tested
// with pgx and with modernc.org/sqlite. SQLite is for replicas on one machine,
// opened so that a process waits for the others and a commit is on the disk
// before it counts (only the first opening, which makes the file, has to be over
// before others come):
//
//	sql.Open("sqlite", "file:nonces.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
//
// # What is kept
//
// Two tables, pylon_nonces and pylon_nonce_floors, are made when they are
// missing. A record has a digest of who sent the nonce, never more, whatever the
// sender's headers said. Records go a minute after they expire, and earlier,
// those that expire first before others, when there are more than
// [Config.MaxRecords]. Nonces up to the newest one that went count as used. So a
// flood of senders, or a clock that is set back, makes the store refuse more,
// and never lets a message in twice.
//
// A database that does not answer is an error, and a message is refused then.
package sqlnonces
