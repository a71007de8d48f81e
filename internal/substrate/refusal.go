package substrate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SubmitKind is why no node took an extrinsic. The zero value is SubmitUnknown. Whether another try makes sense is for
// the caller to say.
type SubmitKind uint8

// The kinds. Of the answers of several nodes the one whose kind stands first counts, but for SubmitUnknown, the last:
// what the runtime says about the extrinsic says more than what a pool says about itself, and that says more than silence.
const (
	SubmitUnknown         SubmitKind = iota // the node said something that the table does not know
	SubmitStale                             // the nonce has been used ("outdated")
	SubmitCustom                            // the runtime's own reason: SubmitError.Code and Name
	SubmitCannotPay                         // the account cannot pay the fee
	SubmitCallRefused                       // the runtime does not take this call from this signer
	SubmitAncientBirth                      // the era began before what the node remembers
	SubmitBadProof                          // the signature is not one of this extrinsic: the era is over, its first block is not on the node's branch, the runtime has been upgraded, or the key is wrong
	SubmitExhausted                         // no block has room for it
	SubmitInvalid                           // another reason why an extrinsic is invalid
	SubmitPriorityTooLow                    // the pool has another extrinsic with this nonce
	SubmitFuture                            // the nonce is beyond the next one, and the pool does not wait
	SubmitBanned                            // the pool has lately seen these bytes become invalid, or included; they can come back after half an hour
	SubmitDropped                           // the pool is full
	SubmitPool                              // another reason of the pool
	SubmitUnknownValidity                   // the runtime could not tell whether it is valid
	SubmitBadFormat                         // the node cannot decode it
	SubmitVerification                      // the runtime failed while it validated
	SubmitAlreadyImported                   // the pool has it, which is only an error for a watch
	SubmitUnsupported                       // the node takes no extrinsics
	SubmitUnreachable                       // no answer
)

var submitKindNames = [...]string{
	SubmitUnknown:         "Unknown",
	SubmitStale:           "Stale",
	SubmitCustom:          "Custom",
	SubmitCannotPay:       "CannotPay",
	SubmitCallRefused:     "CallRefused",
	SubmitAncientBirth:    "AncientBirth",
	SubmitBadProof:        "BadProof",
	SubmitExhausted:       "Exhausted",
	SubmitInvalid:         "Invalid",
	SubmitPriorityTooLow:  "PriorityTooLow",
	SubmitFuture:          "Future",
	SubmitBanned:          "Banned",
	SubmitDropped:         "Dropped",
	SubmitPool:            "Pool",
	SubmitUnknownValidity: "UnknownValidity",
	SubmitBadFormat:       "BadFormat",
	SubmitVerification:    "Verification",
	SubmitAlreadyImported: "AlreadyImported",
	SubmitUnsupported:     "Unsupported",
	SubmitUnreachable:     "Unreachable",
}

// String returns the kind as one word in camel case.
func (k SubmitKind) String() string {
	if int(k) < len(submitKindNames) {
		return submitKindNames[k]
	}
	return fmt.Sprintf("SubmitKind%d", uint8(k))
}

// rank is the kind's place among the answers of several nodes.
func (k SubmitKind) rank() int {
	if k == SubmitUnknown {
		return len(submitKindNames)
	}
	return int(k)
}

// SubmitError is an extrinsic that no node took, or that a runtime would not take.
type SubmitError struct {
	Kind SubmitKind
	// Code is the number of a SubmitCustom, and Name what the runtime calls it: "RateLimitExceeded"; empty when it is not
	// known.
	Code uint8
	Name string
	// MayBeTaken tells that a node was sent the extrinsic and has not answered: it may be in its pool after all.
	MayBeTaken bool
	// Errors are what the nodes said, an *Error of each.
	Errors []error
}

// Error names the kind and what the nodes said.
func (e *SubmitError) Error() string {
	text := "extrinsic not taken: " + e.Kind.String()
	if e.Kind == SubmitCustom {
		text += " " + strconv.Itoa(int(e.Code))
		if e.Name != "" {
			text += " " + e.Name
		}
	}
	for i, err := range e.Errors {
		text += []string{": ", "; "}[min(i, 1)] + err.Error()
	}
	return text
}

// Unwrap returns the nodes' errors.
func (e *SubmitError) Unwrap() []error { return e.Errors }

// refusal is a row of the table that turns a node's answer to an extrinsic into a SubmitKind. It matches like a
// classification: one of the codes, if any, and one of the texts, if any.
type refusal struct {
	kind  SubmitKind
	codes []int
	texts []string
}

// refusals is read from the top. The texts are those of sp-runtime's InvalidTransaction and UnknownTransaction, the codes
// those of the node's author methods. Texts stand before codes because 1010 covers everything that is invalid.
var refusals = []refusal{
	{kind: SubmitAlreadyImported, codes: []int{1013}},
	{kind: SubmitAlreadyImported, texts: []string{"Already Imported"}},
	{kind: SubmitPriorityTooLow, codes: []int{1014}},
	{kind: SubmitBanned, codes: []int{1012}},
	{kind: SubmitDropped, codes: []int{1016}},
	{kind: SubmitFuture, codes: []int{1021}},
	{kind: SubmitPool, codes: []int{1015, 1018, 1019, 1020}},
	{kind: SubmitBadFormat, codes: []int{1001}},
	{kind: SubmitVerification, codes: []int{1002}},
	{kind: SubmitUnknownValidity, codes: []int{1011}},
	{kind: SubmitStale, texts: []string{"Transaction is outdated", `"stale":`}},
	{kind: SubmitBadProof, texts: []string{"Transaction has a bad signature", `"badProof":`}},
	{kind: SubmitFuture, texts: []string{"Transaction will be valid in the future", `"future":`}},
	{kind: SubmitAncientBirth, texts: []string{"Transaction has an ancient birth block", `"ancientBirthBlock":`}},
	{kind: SubmitCannotPay, texts: []string{"Inability to pay some fees", `"payment":`}},
	{kind: SubmitCallRefused, texts: []string{"Transaction call is not expected", `"call":`}},
	{kind: SubmitExhausted, texts: []string{"Transaction would exhaust the block limits", `"exhaustsResources":`}},
	{kind: SubmitCustom, texts: []string{customError, customMember}},
	{kind: SubmitInvalid, codes: []int{1010}},
}

// Either stands before the number of a runtime's own reason.
const (
	customError  = "Custom error: "
	customMember = `"custom":`
)

// classifyRefusal returns the kind of what a node said about an extrinsic, and the number of a SubmitCustom.
func classifyRefusal(e *Error) (SubmitKind, uint8) {
	switch e.Kind {
	case KindTransport, KindTimeout, KindCanceled, KindClosed, KindMalformed, KindTooLarge, KindWrongChain:
		return SubmitUnreachable, 0
	case KindRPCMethodMissing:
		return SubmitUnsupported, 0
	}
	for _, row := range refusals {
		if len(row.codes) > 0 && !slices.Contains(row.codes, e.Code) {
			continue
		}
		if len(row.texts) > 0 && !slices.ContainsFunc(row.texts, func(text string) bool { return strings.Contains(e.Message, text) }) {
			continue
		}
		if row.kind != SubmitCustom {
			return row.kind, 0
		}
		if code, ok := customCode(e.Message); ok {
			return SubmitCustom, code
		}
	}
	return SubmitUnknown, 0
}

// customCode finds the number of a runtime's own reason in what a node said.
func customCode(message string) (uint8, bool) {
	_, rest, found := strings.Cut(message, customError)
	if !found {
		_, rest, _ = strings.Cut(message, customMember)
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	code, err := strconv.ParseUint(rest[:end], 10, 8)
	return uint8(code), err == nil
}

// customNames are the reasons of Subtensor's runtime, common/src/transaction_error.rs.
var customNames = map[uint8]string{
	0:   "ColdkeyInSwapSchedule",
	1:   "StakeAmountTooLow",
	2:   "BalanceTooLow",
	3:   "SubnetNotExists",
	4:   "HotkeyAccountDoesntExist",
	5:   "NotEnoughStakeToWithdraw",
	6:   "RateLimitExceeded",
	7:   "InsufficientLiquidity",
	8:   "SlippageTooHigh",
	9:   "TransferDisallowed",
	10:  "HotKeyNotRegisteredInNetwork",
	11:  "InvalidIpAddress",
	12:  "ServingRateLimitExceeded",
	13:  "InvalidPort",
	14:  "ZeroMaxAmount",
	15:  "InvalidRevealRound",
	16:  "CommitNotFound",
	17:  "CommitBlockNotInRevealRange",
	18:  "InputLengthsUnequal",
	19:  "UidNotFound",
	20:  "EvmKeyAssociateRateLimitExceeded",
	21:  "ColdkeySwapDisputed",
	22:  "InvalidRealAccount",
	23:  "FailedShieldedTxParsing",
	24:  "InvalidShieldedTxPubKeyHash",
	25:  "NonAssociatedColdKey",
	26:  "DelegateTakeTooLow",
	27:  "DelegateTakeTooHigh",
	255: "BadRequest",
}

// oldCustomNames are those of runtimes up to spec version 218, which numbered the calls and not the reasons, by the
// names of today. 5 is a registration too soon after another.
var oldCustomNames = map[uint8]string{
	0: "ColdkeyInSwapSchedule",
	1: "StakeAmountTooLow",
	2: "StakeAmountTooLow",
	3: "StakeAmountTooLow",
	4: "StakeAmountTooLow",
	5: "RateLimitExceeded",
	6: "StakeAmountTooLow",
	7: "StakeAmountTooLow",
}

// lastOldCustom is the last spec version known to use oldCustomNames.
const lastOldCustom = 218

// customName returns the name of a runtime's own reason for refusing an extrinsic, or nothing. A spec version of 0 is one
// that is not known.
func customName(spec uint32, code uint8) string {
	if spec != 0 && spec <= lastOldCustom {
		return oldCustomNames[code]
	}
	return customNames[code]
}
