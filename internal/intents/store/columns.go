package store

import (
	"fmt"
	"strconv"
	"strings"
)

// columns are those of a record in the order of values and scan. The first 11 are written once.
var columns = []string{
	"id", "genesis", "hotkey", "identity", "kind", "netuid", "mechanism", "idempotency_key", "fingerprint", "request", "created_at", "superseded_by",
	"state", "reason", "detail", "attempts", "progress", "start_block", "deadline_block", "not_before", "extrinsic", "extrinsic_hash",
	"nonce", "birth_block", "last_valid_block", "included_block", "included_hash", "ended_at", "signed", "version", "updated_at",
}

// fixed is the number of columns that Update leaves alone.
const fixed = 11

var (
	selectRecord = "SELECT seq, " + strings.Join(columns, ", ") + " FROM pylon_intents "
	insertRecord = fmt.Sprintf("INSERT INTO pylon_intents (%s) VALUES (%s) RETURNING seq", strings.Join(columns, ", "), marks(len(columns)))
	updateRecord = "UPDATE pylon_intents SET " + assignments(columns[fixed:]) + fmt.Sprintf(" WHERE seq = $%d", len(columns)-fixed+1)
)

func marks(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("$" + strconv.Itoa(i+1))
	}
	return b.String()
}

func assignments(names []string) string {
	set := make([]string, len(names))
	for i, name := range names {
		set[i] = name + " = $" + strconv.Itoa(i+1)
	}
	return strings.Join(set, ", ")
}

// values are a record's columns. Empty bytes are bytes, not NULL.
func (r *Record) values() []any {
	nonce, signed := noNonce, int64(0)
	if r.HasNonce {
		nonce = int64(r.Nonce)
	}
	if r.Signed() {
		signed = 1
	}
	return []any{
		r.ID, r.Genesis[:], r.Hotkey[:], r.Identity, r.Kind, int64(r.Netuid), int64(r.Mechanism), r.IdempotencyKey, r.Fingerprint[:],
		present(r.Request), millis(r.CreatedAt), r.SupersededBy,
		r.State, r.Reason, r.Detail, int64(r.Attempts), present(r.Progress), int64(r.StartBlock), int64(r.DeadlineBlock), int64(r.NotBefore),
		present(r.Extrinsic), r.ExtrinsicHash[:], nonce, int64(r.BirthBlock), int64(r.LastValidBlock), int64(r.IncludedBlock),
		r.IncludedHash[:], millis(r.EndedAt), signed, r.Version, millis(r.UpdatedAt),
	}
}

func present(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// scan reads a row of selectRecord.
func (r *Record) scan(row interface{ Scan(...any) error }) error {
	var genesis, hotkey, fingerprint, extrinsicHash, includedHash []byte
	var netuid, mechanism, created, attempts, start, deadline, notBefore, nonce, birth, lastValid, included, ended, signed, updated int64
	err := row.Scan(&r.seq,
		&r.ID, &genesis, &hotkey, &r.Identity, &r.Kind, &netuid, &mechanism, &r.IdempotencyKey, &fingerprint, &r.Request, &created, &r.SupersededBy,
		&r.State, &r.Reason, &r.Detail, &attempts, &r.Progress, &start, &deadline, &notBefore, &r.Extrinsic, &extrinsicHash,
		&nonce, &birth, &lastValid, &included, &includedHash, &ended, &signed, &r.Version, &updated)
	if err != nil {
		return err
	}
	for _, hash := range [...]struct {
		to   *[32]byte
		from []byte
	}{{&r.Genesis, genesis}, {&r.Hotkey, hotkey}, {&r.Fingerprint, fingerprint}, {&r.ExtrinsicHash, extrinsicHash}, {&r.IncludedHash, includedHash}} {
		if copy(hash.to[:], hash.from) != len(hash.to) {
			return fmt.Errorf("%w: intent %s has a hash of %d bytes", ErrDamaged, r.ID, len(hash.from))
		}
	}
	r.Netuid, r.Mechanism, r.Attempts = uint16(netuid), uint8(mechanism), int(attempts)
	r.StartBlock, r.DeadlineBlock, r.NotBefore = uint64(start), uint64(deadline), uint64(notBefore)
	r.BirthBlock, r.LastValidBlock, r.IncludedBlock = uint64(birth), uint64(lastValid), uint64(included)
	if nonce != noNonce {
		r.Nonce, r.HasNonce = uint64(nonce), true
	}
	r.CreatedAt, r.UpdatedAt, r.EndedAt = moment(created), moment(updated), moment(ended)
	if len(r.Request) == 0 {
		r.Request = nil
	}
	if len(r.Progress) == 0 {
		r.Progress = nil
	}
	if len(r.Extrinsic) == 0 {
		r.Extrinsic = nil
	}
	return nil
}
