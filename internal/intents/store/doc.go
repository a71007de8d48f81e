// Package store keeps intents: what users want written to the chain, recorded durably before anything is signed or sent.
// It knows nothing of chains. One table on SQLite, for one process, or on PostgreSQL, for replicas that share the work;
// the same statements and the same behaviour on both.
//
// # Records
//
// [Store.Put] records an intent and returns when it is on disk. In the same transaction it recognises a request that was
// made before, by its idempotency key, and lets the latest win: older intents of the same genesis, hotkey, netuid,
// mechanism and kind that are not signed end as cancelled, those that are signed are marked and left to the engine.
// Whether one is signed is told by the record: bytes, a nonce or a block. [Store.Update] moves a record on: it is checked
// against the version that was read, and against the lease of the hotkey. [Store.Cancel] needs no lease, since the engine
// records before it sends: its next Update fails, so nothing was sent.
//
// Ended records stay for a while (Config.Keep, Config.KeepMost) and are then deleted, so the table is bounded; an
// idempotency key is known for 24 hours after the end at least. The highest nonce of a hotkey outlives its records.
//
// # Leases
//
// One process at a time works for a hotkey. [Store.Acquire] gives it a lease with a fence, a number that only grows and
// that Update compares, so a holder that was taken over can write nothing. The holder renews several times within the
// TTL; it asks [Store.Remaining] whether it may still act without asking. Others take over when the row has not changed
// for the TTL by their own monotonic clock. No wall clock is ever compared, so none that jumps does harm.
// The lease keeps two runners apart; what makes a second commit impossible are the recorded bytes and their era.
//
// # SQLite
//
// Write-ahead log, synchronous(FULL), immediate transactions, one connection that writes and a few that read. An
// operating-system lock on the file beside it, "<path>.lock", makes this process the only one that writes. A second
// process gets a store that reads; its writes fail with [ErrHeld], which says who holds the file, until the first is
// gone: then the next write takes over. The lock ends with its process, so a file left behind by a dead one blocks
// nobody. The tables begin with "pylon_": others in the same file, such as those of the Python service, stay untouched.
//
// # Failures
//
// Each call is bounded by Config.Timeout. Errors are told apart with errors.Is, by what the caller can do about them, and
// never hold credentials. After [ErrFull], [ErrBusy] and [ErrUnreachable] the same call may succeed later, without a
// restart. Nothing in the database is secret, and callers keep it so.
package store
