package pylon

import "time"

// IntentKind is what an intent wants of the chain.
type IntentKind string

// The kinds.
const (
	// IntentWeights sets the weights of a hotkey on a subnet's mechanism, in whatever way the subnet asks for.
	IntentWeights IntentKind = "weights"
	// IntentCommitment publishes plain data.
	IntentCommitment IntentKind = "commitment"
	// IntentRevealedCommitment publishes text that the chain opens at a round of the drand beacon.
	IntentRevealedCommitment IntentKind = "revealed_commitment"
	// IntentCertificate publishes the public key of a fresh key pair.
	IntentCertificate IntentKind = "certificate"
	// IntentAxon publishes where a neuron can be reached.
	IntentAxon IntentKind = "axon"
)

// IntentState is how far an intent has come. An intent goes forwards through the states, but for one step back: from
// signed, submitted or included to recorded, when what was signed can never be included any more.
type IntentState string

// The states, in their order.
const (
	// StateRecorded: it is written down, and nothing has been signed that could still be included.
	StateRecorded IntentState = "recorded"
	// StateSigned: an extrinsic is signed and written down; it may or may not have been sent.
	StateSigned IntentState = "signed"
	// StateSubmitted: at least one node has taken the extrinsic.
	StateSubmitted IntentState = "submitted"
	// StateIncluded: a block that may still be given up has the extrinsic.
	StateIncluded IntentState = "included"
	// StateFinalized: a block that stays has the extrinsic, and its call succeeded. The end, unless there is something to
	// reveal.
	StateFinalized IntentState = "finalized"
	// StateAwaitingReveal: the commit of weights is in a block that stays; the weights themselves are not yet set.
	StateAwaitingReveal IntentState = "awaiting_reveal"
	// StateRevealed: committed weights have been revealed and are set. An end.
	StateRevealed IntentState = "revealed"
	// StateFailed: it can not be done. An end; the reason says why.
	StateFailed IntentState = "failed"
	// StateExpired: the time for it is over. An end.
	StateExpired IntentState = "expired"
	// StateCancelled: it is not wanted any more. An end.
	StateCancelled IntentState = "cancelled"
)

// IntentStates returns all states in their order.
func IntentStates() []IntentState {
	return []IntentState{
		StateRecorded, StateSigned, StateSubmitted, StateIncluded, StateFinalized, StateAwaitingReveal,
		StateRevealed, StateFailed, StateExpired, StateCancelled,
	}
}

// Ended tells whether nothing will be done any more for an intent in this state.
func (s IntentState) Ended() bool {
	switch s {
	case StateFinalized, StateRevealed, StateFailed, StateExpired, StateCancelled:
		return true
	default:
		return false
	}
}

// Succeeded tells whether what was wanted has happened.
func (s IntentState) Succeeded() bool { return s == StateFinalized || s == StateRevealed }

// IntentReason says in one word why an intent ended other than well, or why it waits. docs/reasons.md lists all.
type IntentReason string

// Intent is something that a service has promised to bring onto the chain, and what has become of it.
type Intent struct {
	// ID names the intent.
	ID   string     `json:"id"`
	Kind IntentKind `json:"kind"`
	// Identity is the name under which it was asked for.
	Identity string `json:"identity"`
	// Hotkey signs it.
	Hotkey    Hotkey `json:"hotkey"`
	Netuid    Netuid `json:"netuid"`
	Mechanism uint8  `json:"mechanism"`

	State IntentState `json:"state"`
	// Reason is why it ended other than well; of an intent that has not ended, why it waits.
	Reason IntentReason `json:"reason,omitempty"`
	// Detail is the reason in a sentence, with the numbers that belong to it.
	Detail string `json:"detail,omitempty"`
	// Superseded says that a newer intent has taken its place, but something of it was signed already: it is only followed
	// to its end.
	Superseded bool `json:"superseded,omitempty"`

	// Attempts counts how often it was tried.
	Attempts int `json:"attempts"`
	// LastError is what went wrong last.
	LastError string `json:"last_error,omitempty"`
	// Method is how weights are brought onto the chain, once that is decided.
	Method WeightsMethod `json:"method,omitempty"`
	// DroppedHotkeys are those of the request that were not registered on the subnet.
	DroppedHotkeys []Hotkey `json:"dropped_hotkeys,omitempty"`

	// StartBlock was the newest block when it was asked for. 0 when that is not known yet.
	StartBlock uint64 `json:"start_block,omitempty"`
	// DeadlineBlock is the last block that may include it: for weights, the last of the epoch in which they were asked
	// for. 0 when that is not known yet.
	DeadlineBlock uint64 `json:"deadline_block,omitempty"`
	// NotBefore is the first block that can include it, as far as is known.
	NotBefore uint64 `json:"not_before,omitempty"`

	// ExtrinsicHash is 0x and 64 lower-case hexadecimal digits: the newest extrinsic that was signed for it.
	ExtrinsicHash string `json:"extrinsic_hash,omitempty"`
	// Nonce is that of the extrinsic.
	Nonce *uint64 `json:"nonce,omitempty"`
	// LastValidBlock is the last block that can include the extrinsic.
	LastValidBlock uint64 `json:"last_valid_block,omitempty"`
	// Block is the block that has the extrinsic.
	Block *Block `json:"block,omitempty"`
	// RevealRound is the drand round from which on the chain can open what was committed.
	RevealRound uint64 `json:"reveal_round,omitempty"`
	// RevealFirst and RevealLast are the blocks between which committed weights are revealed, as far as can be foreseen.
	RevealFirst uint64 `json:"reveal_first,omitempty"`
	RevealLast  uint64 `json:"reveal_last,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	// EndedAt is when it ended.
	EndedAt *time.Time `json:"ended_at,omitempty"`
}

// IntentEvent tells that an intent has changed.
type IntentEvent struct {
	// Intent is what it has become.
	Intent Intent `json:"intent"`
	// Before is the state that it was in; empty when it is new.
	Before IntentState `json:"before,omitempty"`
}

// WaitFor says how far an intent must have come for a wait to be over. Every wait is over when the intent has ended.
type WaitFor string

// What can be waited for.
const (
	WaitIncluded  WaitFor = "included"
	WaitFinalized WaitFor = "finalized"
	WaitRevealed  WaitFor = "revealed"
)

// Satisfied tells whether an intent in that state has come as far.
func (w WaitFor) Satisfied(state IntentState) bool {
	switch {
	case state.Ended():
		return true
	case w == WaitIncluded:
		return state == StateIncluded || state == StateAwaitingReveal
	case w == WaitFinalized:
		return state == StateAwaitingReveal
	default:
		return false
	}
}

// IntentFilter chooses intents. Fields of the zero value choose nothing away.
type IntentFilter struct {
	// Identity is the name of the identity. Required.
	Identity string
	// Kind and State leave out all others. Defaults to all.
	Kind  IntentKind
	State IntentState
	// Open leaves out those that have ended.
	Open bool
	// Before is the id of an intent: only older ones are returned. Defaults to the newest.
	Before string
	// Limit is how many are returned at most, newest first: up to 500. Defaults to 100.
	Limit int
}
