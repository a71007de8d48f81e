package native

import (
	"errors"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

const (
	// flatBatches is the spec version since which a batch cannot hold another one.
	flatBatches = 425
	// mostBatched is how many calls a batch holds at most.
	mostBatched = 10_922
)

// utilityCalls are those that run other calls.
func (r *Runtime) utilityCalls() map[string]dispatcher {
	all := map[string]dispatcher{}
	for _, name := range []string{"batch", "batch_all", "force_batch"} {
		all["Utility."+name] = dispatcher{run: r.runBatch, guard: r.guardBatch, pays: true, weight: batchWeight}
	}
	return all
}

// inner are the calls of a batch.
func (c *dispatch) inner() []*dispatch {
	list := c.list("calls")
	calls := make([]*dispatch, len(list))
	for i, item := range list {
		pallet, _ := item.(scale.Enum)
		call, _ := pallet.Value.(scale.Enum)
		args, _ := call.Value.(scale.Object)
		one := *c
		one.call = &scale.DecodedCall{Pallet: pallet.Name, Name: call.Name, Args: args}
		one.depth++
		calls[i] = &one
	}
	return calls
}

// guardBatch refuses a batch with calls that this chain does not run, however deep
// they are. What else there is against them shows when they run.
func (r *Runtime) guardBatch(st runtime.State, c *dispatch) error {
	for _, one := range c.inner() {
		d, err := one.dispatcher()
		if err == nil && d.guard != nil {
			err = d.guard(st, one)
		}
		if err != nil && !refusedByNumber(err) {
			return err
		}
	}
	return nil
}

// refusedByNumber tells whether a call may be in a block, where it fails.
func refusedByNumber(err error) bool {
	if invalid, ok := errors.AsType[*runtime.InvalidError](err); ok {
		return invalid.Kind == runtime.InvalidCustom
	}
	_, ok := errors.AsType[*dispatchError](err)
	return ok
}

// runInner runs a call of a batch. The error is a *dispatchError for one that
// failed.
func (r *Runtime) runInner(c *dispatch) error {
	if c.call.Pallet == "Utility" && r.config.Spec >= flatBatches {
		return c.fail("System", "CallFiltered")
	}
	d, err := c.dispatcher()
	if err != nil {
		return err
	}
	if d.guard != nil {
		// What the extension would refuse by a number only, the call refuses itself.
		if failed, ok := errors.AsType[*dispatchError](d.guard(c.state, c)); ok {
			return failed
		}
	}
	return d.attempt(c)
}

// runBatch runs batch, batch_all and force_batch, which differ in what they do when a
// call fails: end, undo everything, go on.
func (r *Runtime) runBatch(_ runtime.State, c *dispatch) error {
	calls := c.inner()
	if len(calls) > mostBatched {
		return c.fail("Utility", "TooManyCalls")
	}
	failures := 0
	for i, one := range calls {
		one.state = c.state
		err := r.runInner(one)
		failed, ok := errors.AsType[*dispatchError](err)
		switch {
		case err == nil:
			c.deposit("Utility", "ItemCompleted")
		case !ok || c.call.Name == "batch_all":
			return err
		case c.call.Name == "batch":
			c.deposit("Utility", "BatchInterrupted", uint32(i), failed.value)
			return nil
		default:
			failures++
			c.deposit("Utility", "ItemFailed", failed.value)
		}
	}
	if failures > 0 {
		c.deposit("Utility", "BatchCompletedWithErrors")
	} else {
		c.deposit("Utility", "BatchCompleted")
	}
	return nil
}
