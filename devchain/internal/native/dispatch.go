package native

import (
	"errors"
	"fmt"
	"maps"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// dispatcher is how a call that accounts can make is checked and run.
type dispatcher struct {
	// run does what the call does. What it has written is undone if it returns an
	// error, which is that of dispatch.fail or dispatch.failAs; any other says that
	// the call cannot be in a block.
	run func(st runtime.State, c *dispatch) error

	// guard is what Subtensor's transaction extension checks before the call may
	// enter the pool or a block, nil for nothing. It writes nothing. An error of
	// dispatch.fail becomes the number that customCodes has for it; dispatch.refuse
	// gives another. Inside of a batch, where the call is in a block already, it
	// makes the call fail instead.
	guard func(st runtime.State, c *dispatch) error

	// pays tells that the signer pays a fee, as those of most calls do. The calls of
	// validators are free.
	pays bool

	// weight is what the call weighs. Defaults to servingWeight.
	weight weight

	// operational tells that the call is of the class Operational, not Normal.
	operational bool
}

// dispatchers are the calls that accounts can make, by "Pallet.call". A call that
// is not among them is refused, though the metadata describes it.
func (r *Runtime) dispatchers() map[string]dispatcher {
	all := map[string]dispatcher{}
	for _, group := range []map[string]dispatcher{
		r.generalCalls(), r.utilityCalls(), r.commitmentCalls(), r.servingCalls(), r.associationCalls(),
		r.weightCalls(),
		r.epochCalls(),
	} {
		maps.Copy(all, group)
	}
	return all
}

// dispatch is a call on its way.
type dispatch struct {
	runtime *Runtime
	state   runtime.State // the same that the dispatcher is given
	phase   phase
	signer  account
	call    *scale.DecodedCall
	depth   int // in how many batches the call is
}

// dispatchError is why a call failed, in a block.
type dispatchError struct {
	name  string     // "Pallet.Error"
	value scale.Enum // sp_runtime's DispatchError
}

func (e *dispatchError) Error() string { return "native: the call failed: " + e.name }

// fail makes the call fail on the chain, with an error of a pallet. Everything
// that the call has done is undone.
func (c *dispatch) fail(pallet, name string) error {
	p, index, ok := c.runtime.errorIndex(pallet, name)
	if !ok {
		return fmt.Errorf("native: spec %d has no error %s.%s", c.runtime.config.Spec, pallet, name)
	}
	return &dispatchError{pallet + "." + name, scale.Enum{Name: "Module", Value: map[string]any{
		"index": p, "error": scale.Bytes{index, 0, 0, 0},
	}}}
}

// errorIndex finds an error of a pallet in this spec version.
func (r *Runtime) errorIndex(pallet, name string) (palletIndex, index uint8, ok bool) {
	p, ok := r.description.Pallet(pallet)
	if !ok || p.Errors == scale.NoType {
		return 0, 0, false
	}
	t, err := r.description.Types.Type(p.Errors)
	if err != nil {
		return 0, 0, false
	}
	for _, v := range t.Variants {
		if v.Name == name {
			return p.Index, v.Index, true
		}
	}
	return 0, 0, false
}

func (r *Runtime) hasError(pallet, name string) bool {
	_, _, ok := r.errorIndex(pallet, name)
	return ok
}

// failAs makes the call fail with an error that is not of a pallet, such as
// "BadOrigin", or "Token" with its detail "FundsUnavailable".
func (c *dispatch) failAs(kind, detail string) error {
	e := scale.Enum{Name: kind}
	if detail != "" {
		e.Value = scale.Enum{Name: detail}
	}
	return &dispatchError{kind, e}
}

// refuse keeps the call out of the pool and of blocks, with a number of
// Subtensor's CustomTransactionError. Only guards do that.
func (c *dispatch) refuse(code uint8) error {
	return &runtime.InvalidError{Kind: runtime.InvalidCustom, Custom: code}
}

// unsupported keeps a call out of the pool that the real chain would run.
func (c *dispatch) unsupported(what string) error {
	return &runtime.InvalidError{
		Kind:   runtime.InvalidCall,
		Detail: fmt.Sprintf("the development chain does not run %s.%s%s", c.call.Pallet, c.call.Name, what),
	}
}

// deposit appends an event of this call.
func (c *dispatch) deposit(pallet, name string, fields ...any) {
	c.runtime.deposit(c.state, c.phase, pallet, name, fields...)
}

// arg is an argument by its name in the metadata, decoded as scale decodes
// values, nil if this spec version does not have it. Boxes are opened.
func (c *dispatch) arg(name string) any {
	value, _ := c.call.Args.Get(name)
	if list, ok := value.([]any); ok && len(list) == 1 {
		if _, isObject := list[0].(scale.Object); isObject {
			return list[0]
		}
	}
	return value
}

// The typed forms of arg. The metadata has checked the ranges already.

func (c *dispatch) uint64(name string) uint64 {
	number, _ := c.arg(name).(uint64)
	return number
}

func (c *dispatch) uint32(name string) uint32 { return uint32(c.uint64(name)) }
func (c *dispatch) uint16(name string) uint16 { return uint16(c.uint64(name)) }
func (c *dispatch) uint8(name string) uint8   { return uint8(c.uint64(name)) }

func (c *dispatch) bytes(name string) []byte {
	b, _ := c.arg(name).(scale.Bytes)
	return b
}

func (c *dispatch) object(name string) scale.Object {
	o, _ := c.arg(name).(scale.Object)
	return o
}

func (c *dispatch) list(name string) []any {
	value, _ := c.call.Args.Get(name)
	l, _ := value.([]any)
	return l
}

// uint16s is a list of numbers.
func (c *dispatch) uint16s(name string) []uint16 { return toUint16s(c.list(name)) }

func toUint16s(list []any) []uint16 {
	out := make([]uint16, len(list))
	for i, v := range list {
		n, _ := v.(uint64)
		out[i] = uint16(n)
	}
	return out
}

// account is an argument that is an AccountId32, or a MultiAddress that is one.
func (c *dispatch) account(name string) (account, bool) {
	value := c.arg(name)
	if e, ok := value.(scale.Enum); ok && (e.Name == "Id" || e.Name == "Address32") {
		value = e.Value
	}
	if b, ok := value.(scale.Bytes); ok && len(b) == len(account{}) {
		return account(b), true
	}
	return account{}, false
}

// customCodes are Subtensor's numbers for what its transaction extension refuses,
// by the error of the pallet that the check ends in. All others are badRequest.
var customCodes = map[string]uint8{
	"SubtensorModule.NotEnoughStakeToSetWeights":       1,
	"SubtensorModule.AmountTooLow":                     1,
	"SubtensorModule.NotEnoughBalanceToStake":          2,
	"SubtensorModule.SubnetNotExists":                  3,
	"SubtensorModule.HotKeyAccountNotExists":           4,
	"SubtensorModule.NotEnoughStakeToWithdraw":         5,
	"SubtensorModule.SettingWeightsTooFast":            6,
	"SubtensorModule.CommittingWeightsTooFast":         6,
	"SubtensorModule.NetworkTxRateLimitExceeded":       6,
	"SubtensorModule.HotKeyNotRegisteredInNetwork":     10,
	"SubtensorModule.InvalidIpAddress":                 11,
	"SubtensorModule.ServingRateLimitExceeded":         12,
	"SubtensorModule.InvalidPort":                      13,
	"SubtensorModule.InvalidRevealRound":               15,
	"SubtensorModule.NoWeightsCommitFound":             16,
	"SubtensorModule.RevealTooEarly":                   17,
	"SubtensorModule.InputLengthsUnequal":              18,
	"SubtensorModule.HotKeyNotRegisteredInSubNet":      19,
	"SubtensorModule.EvmKeyAssociateRateLimitExceeded": 20,
	"SubtensorModule.NonAssociatedColdKey":             25,
	"SubtensorModule.DelegateTakeTooLow":               26,
	"SubtensorModule.DelegateTakeTooHigh":              27,
}

const badRequest = 255

// check runs the guard for the pool and for a block's author.
func (d dispatcher) check(st runtime.State, c *dispatch) error {
	if d.guard == nil {
		return nil
	}
	err := d.guard(st, c)
	failed, ok := errors.AsType[*dispatchError](err)
	if !ok {
		return err
	}
	code, known := customCodes[failed.name]
	if !known {
		code = badRequest
	}
	return &runtime.InvalidError{Kind: runtime.InvalidCustom, Custom: code}
}

// dispatcher finds what runs a call.
func (c *dispatch) dispatcher() (dispatcher, error) {
	d, ok := c.runtime.calls[c.call.Pallet+"."+c.call.Name]
	if !ok {
		return dispatcher{}, c.unsupported("")
	}
	return d, nil
}

// attempt runs the call on an overlay, which is committed if it succeeds. The
// error is a *dispatchError for a call that failed.
func (d dispatcher) attempt(c *dispatch) error {
	below := c.state
	above := newOverlay(below)
	c.state = above
	err := d.run(above, c)
	c.state = below
	if err == nil {
		above.commit()
	}
	return err
}
