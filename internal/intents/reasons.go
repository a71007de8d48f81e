package intents

import (
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
)

// Why an intent ended other than well.
const (
	ReasonEpochOver         pylon.IntentReason = "epoch_over"
	ReasonTimeOver          pylon.IntentReason = "time_over"
	ReasonRateLimited       pylon.IntentReason = "rate_limited"
	ReasonAttemptsExhausted pylon.IntentReason = "attempts_exhausted"
	ReasonForeignWrite      pylon.IntentReason = "foreign_write"
	ReasonReplaced          pylon.IntentReason = "replaced"
	ReasonCancelled         pylon.IntentReason = "cancelled"
	ReasonIdentityChanged   pylon.IntentReason = "identity_changed"
	ReasonKeyLost           pylon.IntentReason = "key_lost"

	ReasonNotRegistered     pylon.IntentReason = "not_registered"
	ReasonNoPermit          pylon.IntentReason = "no_permit"
	ReasonLowStake          pylon.IntentReason = "low_stake"
	ReasonNoSubnet          pylon.IntentReason = "no_subnet"
	ReasonNoMechanism       pylon.IntentReason = "no_mechanism"
	ReasonRootSubnet        pylon.IntentReason = "root_subnet"
	ReasonNoEpochs          pylon.IntentReason = "no_epochs"
	ReasonSubnetInactive    pylon.IntentReason = "subnet_inactive"
	ReasonVersionKey        pylon.IntentReason = "version_key"
	ReasonTooFewWeights     pylon.IntentReason = "too_few_weights"
	ReasonWeightOverLimit   pylon.IntentReason = "weight_over_limit"
	ReasonInvalidWeights    pylon.IntentReason = "invalid_weights"
	ReasonTooManyCommits    pylon.IntentReason = "too_many_commits"
	ReasonCommitVersion     pylon.IntentReason = "commit_version"
	ReasonCommitQueueFull   pylon.IntentReason = "commit_queue_full"
	ReasonPayloadTooLarge   pylon.IntentReason = "payload_too_large"
	ReasonInvalidRound      pylon.IntentReason = "invalid_reveal_round"
	ReasonCommitMissing     pylon.IntentReason = "commit_missing"
	ReasonRevealMissed      pylon.IntentReason = "reveal_missed"
	ReasonNotRevealed       pylon.IntentReason = "not_revealed"
	ReasonInvalidAddress    pylon.IntentReason = "invalid_address"
	ReasonInvalidPort       pylon.IntentReason = "invalid_port"
	ReasonInvalidCommitment pylon.IntentReason = "invalid_commitment"
	ReasonSpaceLimit        pylon.IntentReason = "space_limit"
	ReasonColdkeySwap       pylon.IntentReason = "coldkey_swap"
	ReasonCannotPay         pylon.IntentReason = "cannot_pay"
	ReasonUnsupported       pylon.IntentReason = "unsupported"
	ReasonBeacon            pylon.IntentReason = "wrong_beacon"
	ReasonRefused           pylon.IntentReason = "refused"
	ReasonOutcomeUnknown    pylon.IntentReason = "outcome_unknown"
)

// Why an intent that has not ended waits.
const (
	ReasonHotkeyBusy       pylon.IntentReason = "hotkey_busy"
	ReasonChainUnreachable pylon.IntentReason = "chain_unreachable"
	ReasonNotTaken         pylon.IntentReason = "not_taken"
	ReasonFinalityStalled  pylon.IntentReason = "finality_stalled"
	ReasonNotYetRevealed   pylon.IntentReason = "not_yet_revealed"
	ReasonMethodChanged    pylon.IntentReason = "method_changed"
)

// Reason is a row of the closed list of reasons, which docs/reasons.md is made from.
type Reason struct {
	Name pylon.IntentReason
	// States are those of the intents that have it.
	States []pylon.IntentState
	// Meaning says what has happened, Advice what can be done about it.
	Meaning, Advice string
}

// Reasons returns the closed list.
func Reasons() []Reason { return slices.Clone(reasons) }

var (
	failed    = []pylon.IntentState{pylon.StateFailed}
	expired   = []pylon.IntentState{pylon.StateExpired}
	cancelled = []pylon.IntentState{pylon.StateCancelled}
	open      = []pylon.IntentState{pylon.StateRecorded, pylon.StateSigned, pylon.StateSubmitted, pylon.StateIncluded}
	recorded  = []pylon.IntentState{pylon.StateRecorded}
)

var reasons = []Reason{
	{ReasonEpochOver, expired, "The epoch that the weights were for has fewer than three blocks left, or is over. Weights are for the epoch in which they are handed over, and the shortest extrinsic is valid for three blocks after the newest: what is sent later could land in the next epoch, so it is not sent.", "Hand weights over earlier in the epoch, or again when the next one has begun; the detail names the blocks. A dry run tells beforehand."},
	{ReasonTimeOver, expired, "It was not included within the number of blocks that such an intent has.", "Look at the last error, and ask again."},
	{ReasonRateLimited, []pylon.IntentState{pylon.StateRecorded, pylon.StateSigned, pylon.StateExpired, pylon.StateFailed}, "The chain takes an update of this hotkey only so many blocks after the last one. Open intents wait; expired ones would have had to wait for longer than they may.", "Write less often than the subnet's rate limit."},
	{ReasonAttemptsExhausted, failed, "It was tried as often as the settings allow, and the last error stands in the detail.", "Look at the last error: a node, or the database."},
	{ReasonForeignWrite, failed, "Somebody else wrote weights with this hotkey after this request was made.", "Let one program at a time use a hotkey."},
	{ReasonReplaced, cancelled, "A newer request for the same hotkey, subnet and mechanism has taken its place.", "Nothing."},
	{ReasonCancelled, cancelled, "A user cancelled it.", "Nothing."},
	{ReasonIdentityChanged, cancelled, "The identity is no longer configured, or has another hotkey or subnet.", "Ask again under the new identity."},
	{ReasonKeyLost, []pylon.IntentState{pylon.StateFailed, pylon.StateCancelled}, "The service was restarted before the generated private key was handed out. It is kept in memory only.", "Generate another certificate."},

	{ReasonNotRegistered, failed, "The hotkey has no neuron on the subnet.", "Register it."},
	{ReasonNoPermit, failed, "The neuron has no validator permit. On a subnet with Null consensus only one neuron has it.", "Get more stake; permits are given at the end of an epoch."},
	{ReasonLowStake, failed, "The hotkey's stake is below what the chain asks of those who set weights.", "Get more stake."},
	{ReasonNoSubnet, failed, "There is no such subnet.", "Check the identity's netuid."},
	{ReasonNoMechanism, failed, "The subnet has no such mechanism.", "Check the mechanism."},
	{ReasonRootSubnet, failed, "Weights cannot be set on the root subnet.", "Check the identity's netuid."},
	{ReasonNoEpochs, failed, "The subnet's tempo is 0: it runs no epochs, so what is committed is never revealed.", "Ask the subnet's owner."},
	{ReasonSubnetInactive, failed, "The subnet has not been started.", "Wait for the owner's start call."},
	{ReasonVersionKey, failed, "The subnet asks for a higher version key.", "Set the identity's version key as the subnet's owner says."},
	{ReasonTooFewWeights, failed, "The subnet asks for more weights at once.", "Give weights to more registered hotkeys."},
	{ReasonWeightOverLimit, failed, "One weight has a larger share than the subnet allows.", "Spread the weights."},
	{ReasonInvalidWeights, failed, "The chain says that the weights make no sense.", "Report it with the detail."},
	{ReasonTooManyCommits, failed, "The hotkey has as many commits that are not revealed as the chain allows.", "Commit less often."},
	{ReasonCommitVersion, failed, "The chain asks for a commit-reveal version that this service does not know.", "Update the service."},
	{ReasonCommitQueueFull, failed, "The epoch has no room for another commit.", "Try in the next epoch, or get more stake."},
	{ReasonPayloadTooLarge, failed, "The commit, or the data, is larger than the chain takes.", "Give fewer weights, or less data."},
	{ReasonInvalidRound, []pylon.IntentState{pylon.StateRecorded, pylon.StateFailed}, "The round for the reveal had passed when the commit arrived. It is computed anew.", "Check the clock of the nodes if it comes again."},
	{ReasonCommitMissing, failed, "The commit that was to be revealed is not on the chain any more.", "See whether another program uses the hotkey."},
	{ReasonRevealMissed, expired, "The epoch in which the commit could be revealed is over.", "Keep the service running between commit and reveal."},
	{ReasonNotRevealed, failed, "The time for the reveal is over and the weights are not set: the pulse came too late, or the chain dropped the commit.", "Look at the drand pulses of the chain, and at permit and stake at the time of the reveal."},
	{ReasonInvalidAddress, failed, "The chain does not take this IP address.", "Give an address that others can reach."},
	{ReasonInvalidPort, failed, "The chain does not take port 0. A certificate needs an axon that was served before.", "Serve an axon first."},
	{ReasonInvalidCommitment, failed, "The chain does not take the commitment's form.", "Report it with the detail."},
	{ReasonSpaceLimit, failed, "The hotkey has used up the space that commitments have in an epoch.", "Try in the next epoch."},
	{ReasonColdkeySwap, failed, "The coldkey behind the hotkey is being swapped, so the chain takes nothing.", "Wait for the end of the swap."},
	{ReasonCannotPay, failed, "Nobody can pay the fee.", "Fund the account that pays."},
	{ReasonUnsupported, failed, "The chain's runtime has no call for this.", "Nothing: the chain is too old or too new."},
	{ReasonBeacon, failed, "The node names another drand beacon than the network has. Nothing is encrypted to it.", "Use another node."},
	{ReasonRefused, failed, "The chain refused it for a reason that is not in our table; the detail has its words.", "Report it with the detail."},
	{ReasonOutcomeUnknown, failed, "It is in a block that stays, but no node can say any more what came of it.", "Look the block up with an archive node."},

	{ReasonHotkeyBusy, recorded, "Another extrinsic of the hotkey is not settled yet: there is one at a time.", "Nothing."},
	{ReasonChainUnreachable, open, "The chain could not be asked. It is tried again.", "Look at the nodes."},
	{ReasonNotTaken, open, "No node has taken the extrinsic yet. The same bytes are sent again.", "Look at the last error."},
	{ReasonFinalityStalled, open, "Blocks come but are not finalised, so it is not known what stays. Nothing new is signed.", "Wait; look at the network."},
	{ReasonNotYetRevealed, []pylon.IntentState{pylon.StateAwaitingReveal}, "The commit waits for the blocks in which it is revealed.", "Nothing."},
	{ReasonMethodChanged, recorded, "The subnet's owner switched commit-reveal while the extrinsic was on its way. It is done anew, the other way.", "Nothing."},
}
