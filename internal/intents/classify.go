package intents

import (
	"errors"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// reaction is what is done about an error of the chain.
type reaction uint8

const (
	// reactEnd: it will not change by trying again. The zero value, so that what nobody foresaw ends.
	reactEnd reaction = iota
	// reactAgain: it is done anew from the present facts.
	reactAgain
	// reactWait: it is done anew when the chain's rate limit allows it.
	reactWait
	// reactSame: the same bytes are sent again, until they are in a block or never can be.
	reactSame
)

// String names the reaction.
func (r reaction) String() string { return [...]string{"end", "again", "wait", "same"}[r] }

// class is a row of one of the two tables.
type class struct {
	reaction reaction
	reason   pylon.IntentReason
}

// dispatchClasses is the table of the errors with which a call fails in a block, by pallet and name: never by number,
// since numbers move with every runtime. It has every error that the calls of this package can raise
// (subtensor-chain 7.2 to 7.5, 9.2, 10.1, 16.2).
var dispatchClasses = map[string]class{
	"SubtensorModule.SettingWeightsTooFast":           {reactWait, ReasonRateLimited},
	"SubtensorModule.CommittingWeightsTooFast":        {reactWait, ReasonRateLimited},
	"SubtensorModule.ServingRateLimitExceeded":        {reactWait, ReasonRateLimited},
	"SubtensorModule.NetworkTxRateLimitExceeded":      {reactWait, ReasonRateLimited},
	"SubtensorModule.TxRateLimitExceeded":             {reactWait, ReasonRateLimited},
	"SubtensorModule.RevealTooEarly":                  {reactWait, ReasonNotYetRevealed},
	"SubtensorModule.CommitRevealEnabled":             {reactAgain, ReasonMethodChanged},
	"SubtensorModule.CommitRevealDisabled":            {reactAgain, ReasonMethodChanged},
	"SubtensorModule.InvalidRevealRound":              {reactAgain, ReasonInvalidRound},
	"SubtensorModule.UidVecContainInvalidOne":         {reactAgain, ReasonInvalidWeights},
	"SubtensorModule.UidsLengthExceedUidsInSubNet":    {reactAgain, ReasonInvalidWeights},
	"SubtensorModule.IncorrectCommitRevealVersion":    {reactEnd, ReasonCommitVersion},
	"SubtensorModule.HotKeyNotRegisteredInSubNet":     {reactEnd, ReasonNotRegistered},
	"SubtensorModule.HotKeyNotRegisteredInNetwork":    {reactEnd, ReasonNotRegistered},
	"SubtensorModule.HotKeyAccountNotExists":          {reactEnd, ReasonNotRegistered},
	"SubtensorModule.NotEnoughStakeToSetWeights":      {reactEnd, ReasonLowStake},
	"SubtensorModule.NeuronNoValidatorPermit":         {reactEnd, ReasonNoPermit},
	"SubtensorModule.IncorrectWeightVersionKey":       {reactEnd, ReasonVersionKey},
	"SubtensorModule.WeightVecLengthIsLow":            {reactEnd, ReasonTooFewWeights},
	"SubtensorModule.MaxWeightExceeded":               {reactEnd, ReasonWeightOverLimit},
	"SubtensorModule.WeightVecNotEqualSize":           {reactEnd, ReasonInvalidWeights},
	"SubtensorModule.InputLengthsUnequal":             {reactEnd, ReasonInvalidWeights},
	"SubtensorModule.DuplicateUids":                   {reactEnd, ReasonInvalidWeights},
	"SubtensorModule.CanNotSetRootNetworkWeights":     {reactEnd, ReasonRootSubnet},
	"SubtensorModule.MechanismDoesNotExist":           {reactEnd, ReasonNoMechanism},
	"SubtensorModule.SubnetNotExists":                 {reactEnd, ReasonNoSubnet},
	"SubtensorModule.SubNetworkDoesNotExist":          {reactEnd, ReasonNoSubnet},
	"SubtensorModule.SubtokenDisabled":                {reactEnd, ReasonSubnetInactive},
	"SubtensorModule.TooManyUnrevealedCommits":        {reactEnd, ReasonTooManyCommits},
	"SubtensorModule.CommitPayloadTooLarge":           {reactEnd, ReasonPayloadTooLarge},
	"SubtensorModule.CommitQueueFull":                 {reactEnd, ReasonCommitQueueFull},
	"SubtensorModule.NoWeightsCommitFound":            {reactEnd, ReasonCommitMissing},
	"SubtensorModule.InvalidRevealCommitHashNotMatch": {reactEnd, ReasonCommitMissing},
	"SubtensorModule.ExpiredWeightCommit":             {reactEnd, ReasonRevealMissed},
	"SubtensorModule.InvalidIpType":                   {reactEnd, ReasonInvalidAddress},
	"SubtensorModule.InvalidIpAddress":                {reactEnd, ReasonInvalidAddress},
	"SubtensorModule.InvalidPort":                     {reactEnd, ReasonInvalidPort},
	"SubtensorModule.InvalidIdentity":                 {reactEnd, ReasonRefused},
	"SubtensorModule.ColdkeySwapAnnounced":            {reactEnd, ReasonColdkeySwap},
	"SubtensorModule.ColdkeySwapDisputed":             {reactEnd, ReasonColdkeySwap},
	"Commitments.AccountNotAllowedCommit":             {reactEnd, ReasonNotRegistered},
	"Commitments.TooManyFieldsInCommitmentInfo":       {reactEnd, ReasonInvalidCommitment},
	"Commitments.SpaceLimitExceeded":                  {reactEnd, ReasonSpaceLimit},
	"Commitments.CommitmentSetRateLimitExceeded":      {reactEnd, ReasonRateLimited},
	"Commitments.UnexpectedUnreserveLeftover":         {reactEnd, ReasonRefused},
	"System.CallFiltered":                             {reactEnd, ReasonRefused},
	"BadOrigin":                                       {reactEnd, ReasonRefused},
	"Token.FundsUnavailable":                          {reactEnd, ReasonCannotPay},
	"Token.BelowMinimum":                              {reactEnd, ReasonCannotPay},
	"Exhausted":                                       {reactAgain, ReasonNotTaken},
	"Unavailable":                                     {reactAgain, ReasonNotTaken},
}

// classifyDispatch says what to do about a call that failed in a final block. What nobody foresaw ends.
func classifyDispatch(err *scale.DispatchError) class {
	if err == nil {
		return class{reactEnd, ReasonRefused}
	}
	name := err.Kind
	switch {
	case err.Kind == "Module":
		name = err.Pallet + "." + err.Name
	case err.Name != "":
		name = err.Kind + "." + err.Name
	}
	if c, ok := dispatchClasses[name]; ok {
		return c
	}
	return class{reactEnd, ReasonRefused}
}

// customClasses is the table of the runtime's own reasons not to let an extrinsic into the pool, by name
// (subtensor-chain 7.6).
var customClasses = map[string]class{
	"ColdkeyInSwapSchedule":            {reactEnd, ReasonColdkeySwap},
	"StakeAmountTooLow":                {reactEnd, ReasonLowStake},
	"BalanceTooLow":                    {reactEnd, ReasonCannotPay},
	"SubnetNotExists":                  {reactEnd, ReasonNoSubnet},
	"HotkeyAccountDoesntExist":         {reactEnd, ReasonNotRegistered},
	"RateLimitExceeded":                {reactWait, ReasonRateLimited},
	"HotKeyNotRegisteredInNetwork":     {reactEnd, ReasonNotRegistered},
	"InvalidIpAddress":                 {reactEnd, ReasonInvalidAddress},
	"ServingRateLimitExceeded":         {reactWait, ReasonRateLimited},
	"InvalidPort":                      {reactEnd, ReasonInvalidPort},
	"InvalidRevealRound":               {reactAgain, ReasonInvalidRound},
	"CommitNotFound":                   {reactEnd, ReasonCommitMissing},
	"CommitBlockNotInRevealRange":      {reactWait, ReasonNotYetRevealed},
	"InputLengthsUnequal":              {reactEnd, ReasonInvalidWeights},
	"UidNotFound":                      {reactEnd, ReasonNotRegistered},
	"EvmKeyAssociateRateLimitExceeded": {reactWait, ReasonRateLimited},
	"ColdkeySwapDisputed":              {reactEnd, ReasonColdkeySwap},
	"BadRequest":                       {reactEnd, ReasonRefused},
}

// submitClasses is the table of everything else that nodes say about an extrinsic. Nearly all of it is about the node
// and the moment, not about the extrinsic, whose bytes stay good for as long as their era lasts.
var submitClasses = map[substrate.SubmitKind]class{
	substrate.SubmitUnknown:         {reactSame, ReasonNotTaken},
	substrate.SubmitStale:           {reactSame, ReasonNotTaken}, // its nonce is used: blocks say by what
	substrate.SubmitCannotPay:       {reactEnd, ReasonCannotPay},
	substrate.SubmitCallRefused:     {reactEnd, ReasonRefused},
	substrate.SubmitAncientBirth:    {reactSame, ReasonNotTaken},
	substrate.SubmitBadProof:        {reactSame, ReasonNotTaken}, // a node on another branch, or a new runtime
	substrate.SubmitExhausted:       {reactSame, ReasonNotTaken},
	substrate.SubmitInvalid:         {reactSame, ReasonNotTaken},
	substrate.SubmitPriorityTooLow:  {reactSame, ReasonNotTaken}, // another extrinsic has the nonce, for now
	substrate.SubmitFuture:          {reactSame, ReasonNotTaken},
	substrate.SubmitBanned:          {reactSame, ReasonNotTaken},
	substrate.SubmitDropped:         {reactSame, ReasonNotTaken},
	substrate.SubmitPool:            {reactSame, ReasonNotTaken},
	substrate.SubmitUnknownValidity: {reactSame, ReasonNotTaken},
	substrate.SubmitBadFormat:       {reactEnd, ReasonRefused},
	substrate.SubmitVerification:    {reactSame, ReasonNotTaken},
	substrate.SubmitAlreadyImported: {reactSame, ReasonNotTaken},
	substrate.SubmitUnsupported:     {reactSame, ReasonChainUnreachable},
	substrate.SubmitUnreachable:     {reactSame, ReasonChainUnreachable},
}

// classifySubmit says what to do when no node has taken an extrinsic.
func classifySubmit(err error) class {
	refused, ok := errors.AsType[*substrate.SubmitError](err)
	if !ok {
		return class{reactSame, ReasonChainUnreachable}
	}
	if refused.Kind != substrate.SubmitCustom {
		return submitClasses[refused.Kind]
	}
	if c, ok := customClasses[refused.Name]; ok {
		return c
	}
	return class{reactEnd, ReasonRefused}
}

// refusalText is what a refusal is called in the detail of an intent.
func refusalText(err error) string {
	refused, ok := errors.AsType[*substrate.SubmitError](err)
	if !ok || refused.Kind != substrate.SubmitCustom {
		return err.Error()
	}
	name := refused.Name
	if name == "" {
		name = "a reason without a name"
	}
	return "The chain does not take it: " + name + " (custom error " + strconv.Itoa(int(refused.Code)) + ")."
}

// definite tells whether a refusal means that no node has the extrinsic, if none was sent it before.
func definite(err error) bool {
	refused, ok := errors.AsType[*substrate.SubmitError](err)
	return ok && !refused.MayBeTaken && (refused.Kind == substrate.SubmitCustom || submitClasses[refused.Kind].reaction == reactEnd)
}
