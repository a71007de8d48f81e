package native

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Why an extrinsic cannot be in a block.
var (
	errBadSignature = &runtime.InvalidError{Kind: runtime.InvalidBadProof}
	errStale        = &runtime.InvalidError{Kind: runtime.InvalidStale}
	errFuture       = &runtime.InvalidError{Kind: runtime.InvalidFuture}
	errAncientBirth = &runtime.InvalidError{Kind: runtime.InvalidAncientBirthBlock}
	errPayment      = &runtime.InvalidError{Kind: runtime.InvalidPayment}
)

// signedExtrinsic is an extrinsic whose signature is right.
type signedExtrinsic struct {
	*scale.Extrinsic
	dispatcher
	call   *dispatch
	weight weight
	length int    // in bytes, with the one that is in front
	nonce  uint64 // of the account
}

// open decodes an extrinsic and checks its signature, for the block that the
// state is in. The error is an *InvalidError, or wraps errMalformed.
func (r *Runtime) open(st runtime.State, extrinsic []byte) (*signedExtrinsic, error) {
	metadata, err := r.parsed()
	if err != nil {
		return nil, err
	}
	decoded, err := metadata.DecodeExtrinsic(extrinsic)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	x := &signedExtrinsic{Extrinsic: decoded, length: len(extrinsic)}
	signer, ok := x.SignerKey()
	if !x.Signed || !ok {
		// Unsigned calls are those of inherents and of offchain workers, of which
		// this chain has none.
		return nil, &runtime.InvalidError{Kind: runtime.UnknownNoUnsignedValidator}
	}
	x.call = &dispatch{runtime: r, state: st, signer: signer, call: &x.Call}
	if err := r.checkSignature(st, metadata, x); err != nil {
		return nil, err
	}
	if x.dispatcher, err = x.call.dispatcher(); err != nil {
		return nil, err
	}
	x.weight = x.call.weigh()
	x.nonce = uint64(r.items.System.Account.get(st, signer[:]).Nonce)
	return x, nil
}

// checkSignature checks what an extrinsic was signed with, for this very block.
func (r *Runtime) checkSignature(st runtime.State, metadata *scale.Metadata, x *signedExtrinsic) error {
	signing, err := r.signing(st, x.Era)
	if err != nil {
		return err
	}
	signing.Nonce, signing.Tip = x.Nonce, x.Tip
	extra, implicit, err := metadata.Extensions(signing)
	if err != nil {
		return err
	}
	// Only what was signed with the metadata's hash switched off can be checked.
	if mode, on := x.Extensions.Get("CheckMetadataHash"); on && fmt.Sprint(mode) != fmt.Sprint(metadataHashOff) {
		return errBadSignature
	}
	if !verify(x.call.signer, scale.SigningPayload(x.CallData, extra, implicit), x.Signature) {
		return errBadSignature
	}
	return nil
}

// ValidateTransaction implements runtime.Runtime. It begins the next block as far
// as extrinsics can tell.
func (r *Runtime) ValidateTransaction(st runtime.State, _ runtime.Source, extrinsic []byte, parent [32]byte) (runtime.Validity, error) {
	st = newOverlay(st)
	number := r.items.System.Number.get(st)
	r.items.System.Number.set(st, number+1)
	r.items.System.BlockHash.set(st, parent, u32(number))
	x, err := r.open(st, extrinsic)
	if err != nil {
		return runtime.Validity{}, err
	}
	if x.Nonce < x.nonce {
		return runtime.Validity{}, errStale
	}
	if err := x.admit(st); err != nil {
		return runtime.Validity{}, err
	}
	v := runtime.Validity{Priority: x.priority(), Longevity: math.MaxUint64, Propagate: true}
	v.Provides = [][]byte{nonceTag(x.call.signer, x.Nonce)}
	if x.Nonce > x.nonce {
		v.Requires = [][]byte{nonceTag(x.call.signer, x.Nonce-1)}
	}
	if !x.Era.Immortal() {
		next := uint64(number) + 1
		v.Longevity = x.Era.Death(next) - next
	}
	return v, nil
}

// nonceTag is what an extrinsic provides, and the account's next one requires.
func nonceTag(signer account, nonce uint64) []byte {
	return scale.AppendUint32(append([]byte{}, signer[:]...), uint32(nonce))
}

// admit checks the fee and what Subtensor checks.
func (x *signedExtrinsic) admit(st runtime.State) error {
	if !x.call.runtime.canPay(st, x.call.signer, x.fee()) {
		return errPayment
	}
	return x.check(st, x.call)
}

// applySigned runs a signed extrinsic: it checks the signature and what was
// signed with the call, takes the fee, counts the nonce, runs the call and
// reports how it went. An extrinsic that a block cannot hold is an error.
func (r *Runtime) applySigned(st runtime.State, index int, extrinsic []byte) error {
	x, err := r.open(st, extrinsic)
	if err != nil {
		return err
	}
	return x.apply(st, index)
}

var _ runtime.Failing = (*Runtime)(nil)

// ApplyFailing implements runtime.Failing.
func (r *Runtime) ApplyFailing(st runtime.State, index int, extrinsic []byte, name string) error {
	x, err := r.open(st, extrinsic)
	if err != nil {
		return err
	}
	x.run = func(_ runtime.State, c *dispatch) error {
		if pallet, name, ok := strings.Cut(name, "."); ok {
			return c.fail(pallet, name)
		}
		return c.failAs("Other", "")
	}
	return x.apply(st, index)
}

// apply puts the extrinsic into a block.
func (x *signedExtrinsic) apply(st runtime.State, index int) error {
	r := x.call.runtime
	switch {
	case x.Nonce < x.nonce:
		return errStale
	case x.Nonce > x.nonce:
		return errFuture
	}
	if err := x.admit(st); err != nil {
		return err
	}
	above := newOverlay(st)
	c := x.call
	c.state, c.phase = above, phase(index)
	fee := x.fee()
	r.takeFee(c, fee)
	info := r.items.System.Account.get(above, c.signer[:])
	info.Nonce++
	r.items.System.Account.set(above, info, c.signer[:])
	failure := x.attempt(c)
	failed, ok := errors.AsType[*dispatchError](failure)
	if failure != nil && !ok {
		return failure
	}
	r.giveBack(c, fee)
	// Calls that are free report a fee of nothing, as on the chain.
	c.deposit("TransactionPayment", "TransactionFeePaid", c.signer, fee, x.Tip)
	if ok {
		c.deposit("System", "ExtrinsicFailed", failed.value, x.info(x.weight))
	} else {
		c.deposit("System", "ExtrinsicSuccess", x.info(x.weight))
	}
	above.commit()
	return nil
}

var metadataHashOff = scale.Object{{Name: "mode", Value: scale.Enum{Name: "Disabled"}}}

// signing is what extrinsics for this block are signed with, besides nonce and
// tip.
func (r *Runtime) signing(st runtime.State, era scale.Era) (scale.Signing, error) {
	hash := &r.items.System.BlockHash
	s := scale.Signing{
		Era: era, Genesis: hash.get(st, u32(0)),
		SpecVersion: r.version.SpecVersion, TransactionVersion: r.version.TransactionVersion,
	}
	if !era.Immortal() {
		birth, ok := hash.lookup(st, u32(uint32(era.Birth(r.blockNumber(st)))))
		if !ok {
			return s, errAncientBirth
		}
		s.Birth = birth
	}
	return s, nil
}

// verify checks a MultiSignature. The chain's keys are sr25519 and ed25519.
func verify(signer account, message []byte, signature any) bool {
	multi, _ := signature.(scale.Enum)
	raw, _ := multi.Value.(scale.Bytes)
	scheme := wallet.Sr25519
	switch multi.Name {
	case "Sr25519":
	case "Ed25519":
		scheme = wallet.Ed25519
	default:
		return false
	}
	return len(raw) == 64 && scheme.Verify(signer, message, [64]byte(raw))
}
