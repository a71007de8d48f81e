package intents

import (
	"encoding/json"
	"fmt"
	"reflect"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// stage is how far the newest extrinsic of an intent has come.
type stage string

const (
	// stageNone: there is none that could still be included.
	stageNone stage = ""
	// stageSigned: its bytes are in the store. Whether a node has seen them is not known after a restart.
	stageSigned stage = "signed"
	// stageSubmitted: a node has taken it.
	stageSubmitted stage = "submitted"
	// stageIncluded: it is in a block that may still be given up.
	stageIncluded stage = "included"
)

// unsettled tells whether an extrinsic in this stage may still become part of the chain, so that the hotkey can sign no
// other.
func (s stage) unsettled() bool { return s != stageNone }

// progress is what the engine remembers about an intent beside the record's own columns. It is kept as JSON.
type progress struct {
	// Stage is that of the record's extrinsic. Revealing says that the extrinsic is the reveal of a commit that is final.
	Stage     stage `json:"stage,omitempty"`
	Revealing bool  `json:"revealing,omitempty"`
	// Spec is the spec version that was signed: under another one the bytes mean nothing.
	Spec uint32 `json:"spec,omitempty"`
	// Refused says that nodes did not want the extrinsic, as they do not after an upgrade of the runtime.
	Refused bool `json:"refused,omitempty"`
	// Epoch is the epoch that the weights are for, by the chain's count; HasEpoch says that it is known.
	Epoch    uint64 `json:"epoch,omitempty"`
	HasEpoch bool   `json:"has_epoch,omitempty"`
	// LastError is what went wrong last, Failures how often something did.
	LastError string `json:"last_error,omitempty"`
	Failures  int    `json:"failures,omitempty"`
	// RetryAt is the moment before which it is not tried again, in milliseconds since 1970.
	RetryAt int64 `json:"retry_at,omitempty"`
	// Verdict is the end that is decided, while bytes that may still be included keep it open.
	Verdict *verdict `json:"verdict,omitempty"`

	// Plan is what was signed for weights.
	Plan *plan `json:"plan,omitempty"`
	// Dropped are hotkeys of the request that are not registered.
	Dropped []pylon.Hotkey `json:"dropped,omitempty"`

	// CommitBlock and CommitHash name the final block that has the commit, CommitExtrinsic the extrinsic: the record's
	// columns may be about the reveal by then.
	CommitBlock uint64 `json:"commit_block,omitempty"`
	// CommitEpoch is the epoch that the chain counts the commit for.
	CommitEpoch uint64 `json:"commit_epoch,omitempty"`
	// RevealFirst and RevealLast are the blocks between which it is revealed, as far as is known.
	RevealFirst uint64 `json:"reveal_first,omitempty"`
	RevealLast  uint64 `json:"reveal_last,omitempty"`

	// Round is the drand round of a timelocked commitment, PublicKey the hex of a generated key.
	Round     uint64 `json:"round,omitempty"`
	PublicKey string `json:"public_key,omitempty"`
	// KeyOwner is the process that has the private key.
	KeyOwner string `json:"key_owner,omitempty"`
}

// plan is how weights are brought onto the chain, and what exactly was signed.
type plan struct {
	Method pylon.WeightsMethod `json:"method"`
	UIDs   []uint16            `json:"uids"`
	Values []uint16            `json:"values"`
	// VersionKey is part of what is hashed and encrypted.
	VersionKey uint64 `json:"version_key"`
	// Period is the number of epochs from commit to reveal, when it was planned.
	Period uint64 `json:"period,omitempty"`
	// Round is that of a timelocked commit; CommitHash the hash of its ciphertext, or the hash that is committed.
	Round      uint64 `json:"round,omitempty"`
	CommitHash string `json:"commit_hash,omitempty"`
	// Salt is that of commit_reveal: without it the commit can never be revealed.
	Salt []uint16 `json:"salt,omitempty"`
}

// verdict is an end.
type verdict struct {
	State  pylon.IntentState  `json:"state"`
	Reason pylon.IntentReason `json:"reason"`
	Detail string             `json:"detail"`
}

// job is an intent while a runner works on it.
type job struct {
	store.Record
	progress progress
	// loaded is what the store has.
	loaded store.Record
}

func openJob(record store.Record) (*job, error) {
	j := &job{Record: record, loaded: record}
	if len(record.Progress) > 0 {
		if err := json.Unmarshal(record.Progress, &j.progress); err != nil {
			return nil, fmt.Errorf("intents: progress of %s: %w", record.ID, err)
		}
	}
	return j, nil
}

func (j *job) kind() pylon.IntentKind { return pylon.IntentKind(j.Kind) }

func (j *job) netuid() pylon.Netuid { return pylon.Netuid(j.Netuid) }

func (j *job) query() chain.FactsQuery {
	return chain.FactsQuery{Netuid: j.netuid(), Mechanism: j.Mechanism, Hotkey: j.Hotkey}
}

// state is the state that the stage of the extrinsic amounts to.
func (j *job) openState() pylon.IntentState {
	switch {
	case j.progress.CommitBlock > 0:
		return pylon.StateAwaitingReveal
	case j.progress.Stage == stageNone:
		return pylon.StateRecorded
	default:
		return pylon.IntentState(j.progress.Stage)
	}
}

// dropExtrinsic forgets an extrinsic that can never be included any more.
func (j *job) dropExtrinsic() {
	j.progress.Stage, j.progress.Spec, j.progress.Refused = stageNone, 0, false
	j.Extrinsic, j.ExtrinsicHash, j.Nonce, j.HasNonce = nil, [32]byte{}, 0, false
	j.BirthBlock, j.LastValidBlock = 0, 0
	if j.progress.CommitBlock == 0 {
		j.IncludedBlock, j.IncludedHash = 0, [32]byte{}
	}
}

// encode makes the progress a part of the record again, and tells whether the record has changed.
func (j *job) encode() (changed bool, err error) {
	if j.Progress, err = json.Marshal(j.progress); err != nil {
		return false, err
	}
	return !reflect.DeepEqual(j.Record, j.loaded), nil
}
