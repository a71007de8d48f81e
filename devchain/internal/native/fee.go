package native

import (
	"math"
	"math/bits"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

const (
	// callWeight is what every call weighs here, in picoseconds: that of
	// Commitments.set_commitment on a real node of spec 218.
	callWeight = 385_074_000
	callProof  = 6344
	// extrinsicWeight is what every extrinsic weighs besides.
	extrinsicWeight = 108_157_000
	// feeOfWeight is the fee of a billion picoseconds, in rao, and feeOfByte that of
	// a byte.
	feeOfWeight = 50_000
	feeOfByte   = 1
	// mostWeight is what fits into a block, in picoseconds, and mostBytes how long
	// its extrinsics may be.
	mostWeight = 3_000_000_000_000
	mostBytes  = 7_864_320
	// leastBalance is the balance below which an account does not exist, in rao.
	leastBalance = 500
)

// info is the DispatchInfo of the call.
func (d dispatcher) info() map[string]any {
	pays := "No"
	if d.pays {
		pays = "Yes"
	}
	return map[string]any{
		"weight":   map[string]any{"ref_time": uint64(callWeight), "proof_size": uint64(callProof)},
		"class":    d.class(),
		"pays_fee": pays,
	}
}

// class is the DispatchClass of the call.
func (d dispatcher) class() string {
	if d.pays {
		return "Normal"
	}
	return "Operational"
}

// fees are the parts of a fee, in rao.
type fees struct{ base, length, weight uint64 }

func (f fees) sum() uint64 { return f.base + f.length + f.weight }

// fees of an extrinsic of this length, without the tip.
func (d dispatcher) fees(length int) fees {
	if !d.pays {
		return fees{}
	}
	return fees{
		base:   weightFee(extrinsicWeight),
		length: uint64(length) * feeOfByte,
		weight: weightFee(callWeight),
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
	sum, carry := bits.Add64(x.fees(x.length).sum(), x.Tip, 0)
	if carry > 0 {
		return math.MaxUint64
	}
	return sum
}

// priority is the tip for each of the extrinsics of this size that a block would
// hold.
func (x *signedExtrinsic) priority() uint64 {
	perBlock := min(uint64(mostWeight/(callWeight+extrinsicWeight)), mostBytes/uint64(max(1, x.length)))
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
