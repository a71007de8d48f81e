package substrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Fee returns what including an extrinsic would cost its payer in the state of a block, in rao, without the tip. The
// signature is not looked at: see [Unsigned]. Calls that turn out to pay nothing are estimated like all others.
func (c *Client) Fee(ctx context.Context, at Hash, extrinsic []byte) (uint64, error) {
	const method = "TransactionPaymentApi_query_info"
	args := scale.AppendUint32(slices.Clone(extrinsic), uint32(len(extrinsic)))
	return ask(ctx, c, stateCall(at, method, args), func(raw []byte) (uint64, error) {
		b, err := decodeHex(raw)
		if err != nil {
			return 0, err
		}
		// RuntimeDispatchInfo: a weight of two parts, the dispatch class, the fee.
		r := scale.NewReader(b)
		r.Compact()
		r.Compact()
		r.Uint8()
		fee := r.Uint64()
		if err := r.Close(); err != nil {
			return 0, fmt.Errorf("%s: %w", method, err)
		}
		return fee, nil
	})
}

// Validity is what a runtime says about an extrinsic that it would take.
type Validity struct {
	// Priority is how much it is preferred to others, as the runtime counts.
	Priority uint64
	// Waiting tells that it cannot be included before another one, of a lower nonce.
	Waiting bool
	// Longevity is the number of blocks for which this holds.
	Longevity uint64
	// Propagate tells whether nodes pass it on to others.
	Propagate bool
}

// The sources of an extrinsic that a runtime is asked about.
const sourceExternal = 2

// Validate asks the runtime, in the state of a block, whether it would take an extrinsic as the next block's. When it
// would not, the error is a *SubmitError. The pool asks the same; what a call says when it is dispatched is not known
// from it. The node that is asked sees the extrinsic, and could send it: a signature that must not be used must not be
// shown.
func (c *Client) Validate(ctx context.Context, at Hash, extrinsic []byte) (*Validity, error) {
	args := make([]byte, 0, 1+len(extrinsic)+len(at))
	args = append(args, sourceExternal)
	args = append(args, extrinsic...)
	args = append(args, at[:]...)
	v, err := ask(ctx, c, stateCall(at, "TaggedTransactionQueue_validate_transaction", args), func(raw []byte) (validation, error) {
		b, err := decodeHex(raw)
		if err != nil {
			return validation{}, err
		}
		return decodeValidation(b)
	})
	if err != nil {
		return nil, err
	}
	if v.refused != nil {
		if v.refused.Kind == SubmitCustom {
			version, err := c.version(ctx, at)
			if err != nil {
				return nil, err
			}
			v.refused.Name = customName(version.specVersion, v.refused.Code)
		}
		return nil, v.refused
	}
	return &v.validity, nil
}

type validation struct {
	validity Validity
	refused  *SubmitError
}

// invalidKinds are the variants of sp-runtime's InvalidTransaction, in their order.
var invalidKinds = []struct {
	kind SubmitKind
	name string
}{
	{SubmitCallRefused, "Call"},
	{SubmitCannotPay, "Payment"},
	{SubmitFuture, "Future"},
	{SubmitStale, "Stale"},
	{SubmitBadProof, "BadProof"},
	{SubmitAncientBirth, "AncientBirthBlock"},
	{SubmitExhausted, "ExhaustsResources"},
	{SubmitCustom, "Custom"},
	{SubmitInvalid, "BadMandatory"},
	{SubmitInvalid, "MandatoryValidation"},
	{SubmitInvalid, "BadSigner"},
	{SubmitInvalid, "IndeterminateImplicit"},
	{SubmitInvalid, "UnknownOrigin"},
}

// The variants of TransactionValidityError and of UnknownTransaction.
const (
	validityInvalid = 0
	validityUnknown = 1
	unknownCustom   = 2
)

// decodeValidation decodes a Result<ValidTransaction, TransactionValidityError>.
func decodeValidation(b []byte) (validation, error) {
	r := scale.NewReader(b)
	var v validation
	switch failed := r.Bool(); {
	case r.Err() != nil:
	case !failed:
		v.validity.Priority = r.Uint64()
		requires := r.Len(1)
		for range requires {
			r.ByteVec()
		}
		v.validity.Waiting = requires > 0
		for range r.Len(1) {
			r.ByteVec()
		}
		v.validity.Longevity = r.Uint64()
		v.validity.Propagate = r.Bool()
	default:
		v.refused = decodeInvalidity(r)
	}
	if err := r.Close(); err != nil {
		return validation{}, fmt.Errorf("transaction validity: %w", err)
	}
	return v, nil
}

func decodeInvalidity(r *scale.Reader) *SubmitError {
	sort, variant := r.Uint8(), r.Uint8()
	s := &SubmitError{Kind: SubmitInvalid}
	name := fmt.Sprintf("%d.%d", sort, variant)
	switch {
	case sort == validityInvalid && int(variant) < len(invalidKinds):
		row := invalidKinds[variant]
		s.Kind, name = row.kind, row.name
		if row.kind == SubmitCustom {
			s.Code = r.Uint8()
		}
	case sort == validityUnknown:
		s.Kind = SubmitUnknownValidity
		name = []string{"CannotLookup", "NoUnsignedValidator", "Custom"}[min(variant, unknownCustom)]
		if variant == unknownCustom {
			s.Code = r.Uint8()
		}
	}
	s.Errors = []error{&Error{Kind: KindRefused, Op: "validate extrinsic", Message: name}}
	return s
}
