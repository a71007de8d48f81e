package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// generalCalls are those of the pallets System and Balances that this chain runs.
func (r *Runtime) generalCalls() map[string]dispatcher {
	return map[string]dispatcher{
		"System.remark": {run: func(runtime.State, *dispatch) error { return nil }, pays: true, weight: remarkWeight},
		"System.remark_with_event": {run: func(_ runtime.State, c *dispatch) error {
			hash := scale.Blake2_256(c.bytes("remark"))
			c.deposit("System", "Remarked", c.signer, scale.Bytes(hash[:]))
			return nil
		}, pays: true, weight: remarkWeight},
		"Balances.transfer_keep_alive": {run: r.transfer, pays: true, weight: transferWeight},
	}
}

// transfer runs Balances.transfer_keep_alive.
func (r *Runtime) transfer(st runtime.State, c *dispatch) error {
	dest, ok := c.account("dest")
	if !ok {
		return c.failAs("CannotLookup", "")
	}
	amount := c.uint64("value")
	from := r.items.System.Account.get(st, c.signer[:]).Data.Free
	switch {
	case from < amount:
		return c.failAs("Token", "FundsUnavailable")
	case from-amount < leastBalance:
		return c.failAs("Token", "NotExpendable")
	}
	to := r.items.System.Account.get(st, dest[:])
	if to.Data.Free+amount < leastBalance {
		return c.failAs("Token", "BelowMinimum")
	}
	r.SetBalance(st, c.signer, from-amount)
	// They may be one and the same.
	r.SetBalance(st, dest, r.items.System.Account.get(st, dest[:]).Data.Free+amount)
	if to.Providers == 0 {
		c.deposit("System", "NewAccount", dest)
		c.deposit("Balances", "Endowed", dest, amount)
	}
	c.deposit("Balances", "Transfer", c.signer, dest, amount)
	return nil
}
