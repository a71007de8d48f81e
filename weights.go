package pylon

// WeightsMethod is how weights are brought onto the chain.
type WeightsMethod string

// The methods. The subnet's parameters at the moment of sending decide.
const (
	// MethodDirect sets them in one call, for everybody to see.
	MethodDirect WeightsMethod = "direct"
	// MethodTimelocked commits them encrypted; the chain opens them itself at a round of the drand beacon.
	MethodTimelocked WeightsMethod = "timelocked_commit"
	// MethodCommitReveal commits their hash, and reveals them in a second call in a later epoch: on runtimes that know no
	// timelocked commits.
	MethodCommitReveal WeightsMethod = "commit_reveal"
)

// WeightsPlan is what a service would send for a map of weights, and whether the chain would take it. Nothing of it has
// been sent.
type WeightsPlan struct {
	// Block is the block whose state it was made from.
	Block     Block  `json:"block"`
	Hotkey    Hotkey `json:"hotkey"`
	Netuid    Netuid `json:"netuid"`
	Mechanism uint8  `json:"mechanism"`
	// Method is how, and Call the call with its pallet.
	Method WeightsMethod `json:"method"`
	Call   string        `json:"call"`
	// UIDs and Values are the weights as the chain takes them, in the order of the uids.
	UIDs   []uint16 `json:"uids"`
	Values []uint16 `json:"values"`
	// DroppedHotkeys are those of the request that are not registered on the subnet, in order.
	DroppedHotkeys []Hotkey `json:"dropped_hotkeys"`
	VersionKey     uint64   `json:"version_key"`
	// DeadlineBlock is the last block of the epoch that the weights are for. 0 when the subnet runs no epochs.
	DeadlineBlock uint64 `json:"deadline_block"`
	// NotBefore is the first block that the chain's rate limit allows.
	NotBefore uint64 `json:"not_before"`
	// RevealRound is the drand round of a timelocked commit.
	RevealRound uint64 `json:"reveal_round,omitempty"`
	// RevealFirst and RevealLast are the blocks between which the chain reveals a commit, as far as can be foreseen.
	RevealFirst uint64 `json:"reveal_first,omitempty"`
	RevealLast  uint64 `json:"reveal_last,omitempty"`
	// Fee is what the call costs, in rao.
	Fee uint64 `json:"fee"`
	// Acceptable says whether the chain would take it in the next block. If not, Reason and Detail say why.
	Acceptable bool         `json:"acceptable"`
	Reason     IntentReason `json:"reason,omitempty"`
	Detail     string       `json:"detail,omitempty"`
}

// WeightsScheduled answers a request to set weights.
type WeightsScheduled struct {
	// Detail is a fixed text.
	Detail string `json:"detail"`
	// Count is the number of weights in the request.
	Count int `json:"count"`
	// Intent is what will be done for it. Nil in version 1 of the API, and from services in Python.
	Intent *Intent `json:"intent,omitempty"`
}

// WeightsStatus tells whether weights were handed over in the epoch of a block.
type WeightsStatus struct {
	WeightsSubmitted bool `json:"weights_submitted"`
}
