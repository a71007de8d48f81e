package runtime

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Source says where an extrinsic that is to be validated comes from,
// sp_runtime's TransactionSource.
type Source uint8

// The sources.
const (
	InBlock  Source = iota // it is in a block already
	Local                  // the node made it itself
	External               // a client or a peer sent it
)

// Validity is what a runtime says of an extrinsic that can be in a block, now or
// when others have been: sp_runtime's ValidTransaction.
type Validity struct {
	// Priority orders extrinsics of which not all fit, the highest first.
	Priority uint64
	// Requires are tags that other extrinsics must have provided before, Provides
	// those that this one provides. Two that provide the same tag exclude each
	// other.
	Requires, Provides [][]byte
	// Longevity is for how many blocks this holds. Afterwards the extrinsic must be
	// validated anew.
	Longevity uint64
	// Propagate tells whether peers may be sent the extrinsic.
	Propagate bool
}

// InvalidKind is why an extrinsic cannot be in a block.
type InvalidKind uint8

// The kinds, in the order of sp_runtime's InvalidTransaction, then those of its
// UnknownTransaction.
const (
	InvalidCall InvalidKind = iota
	InvalidPayment
	InvalidFuture
	InvalidStale
	InvalidBadProof
	InvalidAncientBirthBlock
	InvalidExhaustsResources
	InvalidCustom
	InvalidBadMandatory
	InvalidMandatoryValidation
	InvalidBadSigner
	InvalidIndeterminateImplicit
	InvalidUnknownOrigin
	UnknownCannotLookup
	UnknownNoUnsignedValidator
	UnknownCustom
)

// invalidTexts are sp_runtime's own.
var invalidTexts = [...]string{
	InvalidCall:                  "Transaction call is not expected",
	InvalidPayment:               "Inability to pay some fees (e.g. account balance too low)",
	InvalidFuture:                "Transaction will be valid in the future",
	InvalidStale:                 "Transaction is outdated",
	InvalidBadProof:              "Transaction has a bad signature",
	InvalidAncientBirthBlock:     "Transaction has an ancient birth block",
	InvalidExhaustsResources:     "Transaction would exhaust the block limits",
	InvalidCustom:                "InvalidTransaction custom error",
	InvalidBadMandatory:          "A call was labelled as mandatory, but resulted in an Error.",
	InvalidMandatoryValidation:   "Transaction dispatch is mandatory; transactions must not be validated.",
	InvalidBadSigner:             "Invalid signing address",
	InvalidIndeterminateImplicit: "The implicit data was unable to be calculated",
	InvalidUnknownOrigin:         "The transaction extension did not authorize any origin",
	UnknownCannotLookup:          "CannotLookup",
	UnknownNoUnsignedValidator:   "NoUnsignedValidator",
	UnknownCustom:                "Custom",
}

// InvalidError is why an extrinsic cannot be in a block: sp_runtime's
// TransactionValidityError.
type InvalidError struct {
	Kind InvalidKind
	// Custom is the number of InvalidCustom and UnknownCustom.
	Custom uint8
	// Detail is for people, and empty mostly.
	Detail string
}

// Unknown tells whether the validity could not be found out, which is not the same
// as being invalid.
func (e *InvalidError) Unknown() bool { return e.Kind >= UnknownCannotLookup }

// Text is what a node tells a client, and the detail.
func (e *InvalidError) Text() string {
	text := fmt.Sprintf("invalid transaction %d", e.Kind)
	if int(e.Kind) < len(invalidTexts) {
		text = invalidTexts[e.Kind]
	}
	switch e.Kind {
	case InvalidCustom:
		text = fmt.Sprintf("Custom error: %d", e.Custom)
	case UnknownCustom:
		text = fmt.Sprintf("Custom(%d)", e.Custom)
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	return text
}

// Error is Text.
func (e *InvalidError) Error() string { return e.Text() }

// Is tells whether the target is the same error but for the detail.
func (e *InvalidError) Is(target error) bool {
	other, ok := target.(*InvalidError)
	return ok && other.Kind == e.Kind && other.Custom == e.Custom
}

// AppendSCALE appends sp_runtime's TransactionValidityError.
func (e *InvalidError) AppendSCALE(dst []byte) []byte {
	if e.Unknown() {
		dst = append(dst, 1, uint8(e.Kind-UnknownCannotLookup))
	} else {
		dst = append(dst, 0, uint8(e.Kind))
	}
	if e.Kind == InvalidCustom || e.Kind == UnknownCustom {
		dst = append(dst, e.Custom)
	}
	return dst
}

// AppendSCALE appends sp_runtime's ValidTransaction.
func (v Validity) AppendSCALE(dst []byte) []byte {
	dst = scale.AppendUint64(dst, v.Priority)
	for _, tags := range [][][]byte{v.Requires, v.Provides} {
		dst = scale.AppendCompact(dst, uint64(len(tags)))
		for _, tag := range tags {
			dst = scale.AppendByteVec(dst, tag)
		}
	}
	dst = scale.AppendUint64(dst, v.Longevity)
	return scale.AppendBool(dst, v.Propagate)
}
