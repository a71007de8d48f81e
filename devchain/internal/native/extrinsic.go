package native

import (
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Why an extrinsic cannot be in a block.
var (
	errBadSignature = errors.New("native: the extrinsic has a bad signature")
	errStale        = errors.New("native: the extrinsic is outdated: its nonce was used already")
	errFuture       = errors.New("native: the extrinsic is of the future: a nonce before its own was not used yet")
	errAncientBirth = errors.New("native: the extrinsic has an ancient birth block")
	errPayment      = errors.New("native: the development chain takes no tips yet")
)

// dispatcher runs a call. What it returns is an error of the block's author, who
// included what cannot run; a call that fails on the chain reports that by
// dispatch.fail.
type dispatcher func(st runtime.State, c *dispatch) error

// dispatchers are the calls that accounts can make, all of them free of fees.
func (r *Runtime) dispatchers() map[string]dispatcher {
	return map[string]dispatcher{
		"Commitments.set_commitment": r.setCommitment,
	}
}

// dispatch is a call on its way.
type dispatch struct {
	runtime *Runtime
	state   runtime.State
	phase   phase
	signer  account
	call    *scale.DecodedCall
	failure *scale.Enum // a DispatchError
}

// uint16 is an argument that the metadata has checked already.
func (c *dispatch) uint16(name string) uint16 {
	value, _ := c.call.Args.Get(name)
	number, _ := value.(uint64)
	return uint16(number)
}

func (c *dispatch) object(name string) scale.Object {
	value, _ := c.call.Args.Get(name)
	if list, ok := value.([]any); ok && len(list) == 1 { // a box
		value = list[0]
	}
	object, _ := value.(scale.Object)
	return object
}

// deposit appends an event of this call.
func (c *dispatch) deposit(pallet, name string, fields ...any) {
	c.runtime.deposit(c.state, c.phase, pallet, name, fields...)
}

// fail makes the call fail on the chain, with an error of a pallet. Nothing must
// have been changed.
func (c *dispatch) fail(pallet, name string) error {
	p, ok := c.runtime.description.Pallet(pallet)
	if ok {
		if t, err := c.runtime.description.Types.Type(p.Errors); err == nil {
			for _, v := range t.Variants {
				if v.Name == name {
					c.failure = &scale.Enum{Name: "Module", Value: map[string]any{
						"index": p.Index, "error": scale.Bytes{v.Index, 0, 0, 0},
					}}
					return nil
				}
			}
		}
	}
	return fmt.Errorf("native: spec %d has no error %s.%s", c.runtime.config.Spec, pallet, name)
}

func (c *dispatch) unsupported(what string) error {
	return fmt.Errorf("native: the development chain cannot run %s.%s %s yet", c.call.Pallet, c.call.Name, what)
}

// applySigned runs a signed extrinsic: it checks the signature and what was
// signed with the call, counts the nonce, runs the call and reports how it went.
// An extrinsic that a block cannot hold is an error, and changes nothing.
func (r *Runtime) applySigned(st runtime.State, index int, extrinsic []byte) error {
	metadata, err := r.parsed()
	if err != nil {
		return err
	}
	x, err := metadata.DecodeExtrinsic(extrinsic)
	if err != nil {
		return fmt.Errorf("%w: %w", errMalformed, err)
	}
	run := r.dispatchers()[x.Call.Pallet+"."+x.Call.Name]
	if run == nil {
		return fmt.Errorf("native: the development chain cannot run %s.%s yet", x.Call.Pallet, x.Call.Name)
	}
	signer, err := r.checkSigned(st, metadata, x)
	if err != nil {
		return err
	}
	c := &dispatch{runtime: r, state: st, phase: phase(index), signer: signer, call: &x.Call}
	if err := run(st, c); err != nil {
		return err
	}
	info := r.items.System.Account.get(st, signer[:])
	info.Nonce++
	r.items.System.Account.set(st, info, signer[:])
	// Calls that are free report a fee of nothing, as on the chain.
	c.deposit("TransactionPayment", "TransactionFeePaid", signer, uint64(0), uint64(0))
	if c.failure != nil {
		c.deposit("System", "ExtrinsicFailed", *c.failure, freeDispatch)
	} else {
		c.deposit("System", "ExtrinsicSuccess", freeDispatch)
	}
	return nil
}

// freeDispatch is the DispatchInfo of a free call. The weight is that of
// Commitments.set_commitment on a real node of spec 218.
var freeDispatch = map[string]any{
	"weight":   map[string]any{"ref_time": uint64(385_074_000), "proof_size": uint64(6344)},
	"class":    "Operational",
	"pays_fee": "No",
}

// checkSigned returns who has signed an extrinsic for this very block.
func (r *Runtime) checkSigned(st runtime.State, metadata *scale.Metadata, x *scale.Extrinsic) (account, error) {
	signer, ok := x.SignerKey()
	if !x.Signed || !ok {
		return account{}, errBadSignature
	}
	signing, err := r.signing(st, x.Era)
	if err != nil {
		return account{}, err
	}
	signing.Nonce, signing.Tip = x.Nonce, x.Tip
	extra, implicit, err := metadata.Extensions(signing)
	if err != nil {
		return account{}, err
	}
	// Only what was signed with the metadata's hash switched off can be checked.
	if mode, on := x.Extensions.Get("CheckMetadataHash"); on && fmt.Sprint(mode) != fmt.Sprint(metadataHashOff) {
		return account{}, errBadSignature
	}
	if !verify(signer, scale.SigningPayload(x.CallData, extra, implicit), x.Signature) {
		return account{}, errBadSignature
	}
	switch nonce := uint64(r.items.System.Account.get(st, signer[:]).Nonce); {
	case x.Nonce < nonce:
		return account{}, errStale
	case x.Nonce > nonce:
		return account{}, errFuture
	case x.Tip > 0:
		return account{}, errPayment
	}
	return signer, nil
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
