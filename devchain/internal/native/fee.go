package native

import (
	"math"
	"math/bits"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// What things weigh and cost on a real node of spec 218.
const (
	// extrinsicWeight is what every extrinsic weighs besides its call, in
	// picoseconds.
	extrinsicWeight = 107_074_000
	// feeOfWeight is the fee of a billion picoseconds, in rao, and feeOfByte that of
	// a byte.
	feeOfWeight = 500_000
	feeOfByte   = 1
	// mostWeight is what fits into a block, in picoseconds, and mostBytes how long
	// its extrinsics may be.
	mostWeight = 3_000_000_000_000
	mostBytes  = 7_864_320
	// leastBalance is the balance below which an account does not exist, in rao.
	leastBalance = 500
)

// weight is what a call costs the node: time in picoseconds, and bytes of proof.
type weight struct {
	RefTime   uint64 `scale:"ref_time"`
	ProofSize uint64 `scale:"proof_size"`
}

// The weights of calls. Those that are not here weigh as much as serve_axon.
var (
	remarkWeight     = weight{RefTime: 1_138_131}
	transferWeight   = weight{RefTime: 163_159_000, ProofSize: 3593}
	servingWeight    = weight{RefTime: 246_000_000}
	commitmentWeight = weight{RefTime: 278_000_000, ProofSize: 6344}
	batchWeight      = weight{RefTime: 50_000_000, ProofSize: 3997} // without what is in it
)

func (w weight) add(other weight) weight {
	return weight{w.RefTime + other.RefTime, w.ProofSize + other.ProofSize}
}

// weigh is what a call weighs, with those in it.
func (c *dispatch) weigh() weight {
	d, ok := c.runtime.calls[c.call.Pallet+"."+c.call.Name]
	w := d.weight
	if !ok || w == (weight{}) {
		w = servingWeight
	}
	if c.call.Pallet == "Utility" {
		for _, one := range c.inner() {
			w = w.add(one.weigh())
		}
	}
	return w
}

// info is the DispatchInfo of the call, as events tell it: with what every
// extrinsic weighs.
func (d dispatcher) info(w weight) map[string]any {
	pays := "No"
	if d.pays {
		pays = "Yes"
	}
	w.RefTime += extrinsicWeight
	return map[string]any{"weight": w, "class": d.class(), "pays_fee": pays}
}

// class is the DispatchClass of the call.
func (d dispatcher) class() string {
	if d.operational {
		return "Operational"
	}
	return "Normal"
}

// fees are the parts of a fee, in rao.
type fees struct{ base, length, weight uint64 }

func (f fees) sum() uint64 { return f.base + f.length + f.weight }

// fees of an extrinsic of this weight and length, without the tip.
func (d dispatcher) fees(w weight, length int) fees {
	if !d.pays {
		return fees{}
	}
	return fees{
		base:   weightFee(extrinsicWeight),
		length: uint64(length) * feeOfByte,
		weight: weightFee(w.RefTime),
	}
}

// weightFee is the fee of a weight in picoseconds.
func weightFee(weight uint64) uint64 {
	high, low := bits.Mul64(weight, feeOfWeight)
	fee, _ := bits.Div64(high, low, 1_000_000_000) // high is less than feeOfWeight
	return fee
}

// fee is what the signer pays, the tip included.
func (x *signedExtrinsic) fee() uint64 {
	sum, carry := bits.Add64(x.fees(x.weight, x.length).sum(), x.Tip, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// priority is the tip for each of the extrinsics of this size that a block would
// hold.
func (x *signedExtrinsic) priority() uint64 {
	perBlock := min(mostWeight/(x.weight.RefTime+extrinsicWeight), mostBytes/uint64(max(1, x.length)))
	high, low := bits.Mul64(max(x.Tip, x.Tip+1), max(1, perBlock))
	if high > 0 {
		return math.MaxUint64
	}
	return low
}

// canPay tells whether an account has an amount and is still there without it.
func (r *Runtime) canPay(st runtime.State, who account, amount uint64) bool {
	free := r.items.System.Account.get(st, who[:]).Data.Free
	return amount == 0 || free >= amount && free-amount >= leastBalance
}

// takeFee takes what canPay has found.
func (r *Runtime) takeFee(c *dispatch, amount uint64) {
	if amount == 0 {
		return
	}
	r.SetBalance(c.state, c.signer, r.items.System.Account.get(c.state, c.signer[:]).Data.Free-amount)
	c.deposit("Balances", "Withdraw", c.signer, amount)
}

// giveBack reports what is given back of a fee because the call weighed less than
// was thought: nothing here.
func (r *Runtime) giveBack(c *dispatch, amount uint64) {
	if amount > 0 {
		c.deposit("Balances", "Deposit", c.signer, uint64(0))
	}
}
