package store

import (
	"crypto/rand"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// The words that the store itself writes into records. All others belong to the engine.
const (
	StateCancelled  = "cancelled"
	ReasonCancelled = "cancelled" // by Cancel
	ReasonReplaced  = "replaced"  // by a newer intent, see Policy.Replace
)

// Bounds of a record.
const (
	maxWord  = 255       // bytes of an id, an identity, a kind, a state, a reason, an idempotency key
	maxText  = 4 << 10   // bytes of a detail; what is longer is cut
	maxBytes = 4 << 20   // bytes of a request, a progress, an extrinsic
	noNonce  = int64(-1) // in the column
)

// Record is one intent. What Put has written is fixed but for the fields from State on, which Update writes.
type Record struct {
	// ID names the record. Put chooses one, 26 characters, when it is empty.
	ID string
	// Genesis is the chain's genesis hash.
	Genesis [32]byte
	// Hotkey is the public key that signs.
	Hotkey [32]byte
	// Identity is the name under which the request came.
	Identity string
	// Kind is what shall be done, such as "weights".
	Kind string
	// Netuid and Mechanism say for which subnet and mechanism; with genesis, hotkey and kind they are the scope in which
	// the latest wins.
	Netuid    uint16
	Mechanism uint8
	// IdempotencyKey is the caller's name for the request, empty when it has none. It is remembered per genesis, hotkey
	// and identity for as long as the record is kept, which is at least 24 hours after its end.
	IdempotencyKey string
	// Fingerprint is a digest of the request: two requests are the same when it is.
	Fingerprint [32]byte
	// Request is what was asked for, as JSON. It never holds a secret.
	Request []byte

	// State, Reason and Detail are the engine's words. A detail longer than 4 KiB is cut.
	State  string
	Reason string
	Detail string
	// Attempts counts what was tried.
	Attempts int
	// Progress is what the engine has to remember, as JSON: salt, reveal round, hash of a commit.
	Progress []byte
	// StartBlock, DeadlineBlock and NotBefore are block numbers; 0 when unknown.
	StartBlock, DeadlineBlock, NotBefore uint64
	// Extrinsic is what was signed, recorded before it is sent. The engine empties it, with HasNonce and IncludedBlock,
	// when these bytes can no longer be included and the intent may be cancelled again.
	Extrinsic     []byte
	ExtrinsicHash [32]byte
	// Nonce is that of the extrinsic, when HasNonce says that there is one.
	Nonce    uint64
	HasNonce bool
	// BirthBlock and LastValidBlock bound the extrinsic's era.
	BirthBlock, LastValidBlock uint64
	// IncludedBlock and IncludedHash name the block that has the extrinsic; 0 when none is known.
	IncludedBlock uint64
	IncludedHash  [32]byte
	// EndedAt is when the intent ended, by the engine's clock; the zero time while it is open. After that nothing changes.
	EndedAt time.Time

	// SupersededBy is the ID of the newest intent of the same scope, when one came after this one was signed. Only Put
	// writes it, and it leaves Version as it is.
	SupersededBy string
	// Version grows with every change of the record but SupersededBy; 1 after Put.
	Version int64
	// CreatedAt and UpdatedAt are whole milliseconds by the store's clock.
	CreatedAt, UpdatedAt time.Time

	seq int64 // order of arrival
}

// Signed says whether something was signed for the record that may be, or become, part of the chain.
func (r *Record) Signed() bool { return len(r.Extrinsic) > 0 || r.HasNonce || r.IncludedBlock > 0 }

// Ended says whether the record is at its end.
func (r *Record) Ended() bool { return !r.EndedAt.IsZero() }

// newID returns 128 random bits, 26 letters and digits.
func newID() string { return strings.ToLower(rand.Text()) }

// check refuses what one of the two databases could not store, so that both store the same. It cuts the detail, which
// may be a node's words, instead of refusing it.
func (r *Record) check() error {
	words := [...]struct {
		field, value string
		needed       bool
	}{
		{"id", r.ID, true},
		{"identity", r.Identity, false},
		{"kind", r.Kind, true},
		{"idempotency key", r.IdempotencyKey, false},
		{"state", r.State, true},
		{"reason", r.Reason, false},
	}
	for _, w := range words {
		switch {
		case w.needed && w.value == "":
			return fmt.Errorf("%w: %s is empty", ErrInvalid, w.field)
		case len(w.value) > maxWord:
			return fmt.Errorf("%w: %s has %d bytes, more than %d", ErrInvalid, w.field, len(w.value), maxWord)
		case !utf8.ValidString(w.value) || strings.ContainsRune(w.value, 0):
			return fmt.Errorf("%w: %s is not plain text", ErrInvalid, w.field)
		}
	}
	for _, b := range [...]struct {
		field string
		value []byte
	}{{"request", r.Request}, {"progress", r.Progress}, {"extrinsic", r.Extrinsic}} {
		if len(b.value) > maxBytes {
			return fmt.Errorf("%w: %s has %d bytes, more than %d", ErrInvalid, b.field, len(b.value), maxBytes)
		}
	}
	for _, n := range [...]struct {
		field string
		value uint64
	}{
		{"start block", r.StartBlock},
		{"deadline block", r.DeadlineBlock},
		{"not before", r.NotBefore},
		{"nonce", r.Nonce},
		{"birth block", r.BirthBlock},
		{"last valid block", r.LastValidBlock},
		{"included block", r.IncludedBlock},
	} {
		if n.value > math.MaxInt64 {
			return fmt.Errorf("%w: %s %d is out of range", ErrInvalid, n.field, n.value)
		}
	}
	if r.Attempts < 0 {
		return fmt.Errorf("%w: attempts %d is negative", ErrInvalid, r.Attempts)
	}
	r.Detail = plain(r.Detail)
	return nil
}

// plain makes any bytes a text of at most maxText bytes that both databases take.
func plain(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	if len(text) <= maxText {
		return text
	}
	cut := maxText
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut]
}

// millis is a time as a column has it: 0 for none, and never 0 for one.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.UnixMilli())
}

// moment is the time of a column.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
