package intents

import (
	"encoding/hex"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// view is an intent as users see it. A record that can not be read shows what can.
func view(record store.Record) pylon.Intent {
	j, err := openJob(record)
	if err != nil {
		j = &job{Record: record}
	}
	p := &j.progress
	intent := pylon.Intent{
		ID: record.ID, Kind: j.kind(), Identity: record.Identity, Hotkey: hotkeyOf(record.Hotkey), Netuid: j.netuid(), Mechanism: record.Mechanism,
		State: pylon.IntentState(record.State), Reason: pylon.IntentReason(record.Reason), Detail: record.Detail,
		Superseded: record.SupersededBy != "" && record.State != store.StateCancelled,
		Attempts:   record.Attempts, LastError: p.LastError, DroppedHotkeys: p.Dropped,
		StartBlock: record.StartBlock, DeadlineBlock: record.DeadlineBlock, NotBefore: record.NotBefore,
		LastValidBlock: record.LastValidBlock, RevealRound: p.Round, RevealFirst: p.RevealFirst, RevealLast: p.RevealLast,
		CreatedAt: record.CreatedAt, UpdatedAt: record.UpdatedAt,
	}
	if p.Plan != nil {
		intent.Method, intent.RevealRound = p.Plan.Method, p.Plan.Round
	}
	if record.ExtrinsicHash != [32]byte{} {
		intent.ExtrinsicHash = hexOf(record.ExtrinsicHash)
	}
	if record.HasNonce {
		nonce := record.Nonce
		intent.Nonce = &nonce
	}
	if record.IncludedBlock > 0 {
		intent.Block = &pylon.Block{Number: record.IncludedBlock, Hash: hexOf(record.IncludedHash)}
	}
	if !record.EndedAt.IsZero() {
		ended := record.EndedAt
		intent.EndedAt = &ended
	}
	return intent
}

func hexOf(hash [32]byte) string { return "0x" + hex.EncodeToString(hash[:]) }

func sinceCreated(record *store.Record, now time.Time) time.Duration {
	return max(0, now.Sub(record.CreatedAt))
}
