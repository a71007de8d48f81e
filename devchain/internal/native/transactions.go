package native

import (
	"errors"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// bindTransactions answers what nodes and wallets ask about extrinsics that are in
// no block yet.
func (r *Runtime) bindTransactions(b *methodBinder) {
	const pays = "TransactionPaymentApi"
	type info struct {
		Weight     weight     `scale:"weight"`
		Class      scale.Enum `scale:"class"`
		PartialFee uint64     `scale:"partial_fee"`
	}
	type inclusionFee struct {
		Base   uint64 `scale:"base_fee"`
		Length uint64 `scale:"len_fee"`
		Weight uint64 `scale:"adjusted_weight_fee"`
	}
	type details struct {
		InclusionFee *inclusionFee `scale:"inclusion_fee"`
		Tip          uint64        `scale:"tip"`
	}
	answer(b, pays, "query_info", func(_ runtime.State, in *scale.Reader) info {
		d, x, length := r.readExtrinsic(in)
		if x == nil {
			return info{}
		}
		w := r.weigh(x)
		return info{w, scale.Enum{Name: d.class()}, d.fees(w, length).sum()}
	})
	answer(b, pays, "query_fee_details", func(_ runtime.State, in *scale.Reader) details {
		d, x, length := r.readExtrinsic(in)
		if x == nil || !x.Signed {
			return details{}
		}
		f := d.fees(r.weigh(x), length)
		return details{&inclusionFee{f.base, f.length, f.weight}, x.Tip}
	})
	answer(b, pays, "query_weight_to_fee", func(_ runtime.State, in *scale.Reader) uint64 {
		fee := weightFee(in.Compact())
		in.Compact()
		return fee
	})
	answer(b, pays, "query_length_to_fee", func(_ runtime.State, in *scale.Reader) uint64 {
		return uint64(in.Uint32()) * feeOfByte
	})
	if _, _, ok := r.description.Method("TaggedTransactionQueue", "validate_transaction"); ok {
		r.methods["TaggedTransactionQueue_validate_transaction"] = r.validateTransaction
	}
}

// readExtrinsic reads an extrinsic and its length, for its fee. Its signature may
// be made up. A call that is not run would pay.
func (r *Runtime) readExtrinsic(in *scale.Reader) (d dispatcher, x *scale.Extrinsic, length int) {
	raw := scale.AppendByteVec(nil, in.ByteVec())
	length = int(in.Uint32())
	metadata, err := r.parsed()
	if err != nil {
		return d, nil, length
	}
	if x, err = metadata.DecodeExtrinsic(raw); err != nil {
		in.Take(in.Remaining() + 1) // the arguments end in the middle of something
		return d, nil, length
	}
	d, known := r.calls[x.Call.Pallet+"."+x.Call.Name]
	if !known {
		d.pays = true
	}
	if !x.Signed {
		d.pays = false
	}
	return d, x, length
}

// weigh is what the call of an extrinsic weighs.
func (r *Runtime) weigh(x *scale.Extrinsic) weight {
	return (&dispatch{runtime: r, call: &x.Call}).weigh()
}

// validateTransaction is ValidateTransaction as a runtime API.
func (r *Runtime) validateTransaction(st runtime.State, args []byte) ([]byte, error) {
	in := scale.NewReader(args)
	source := runtime.Source(in.Uint8())
	extrinsic := scale.AppendByteVec(nil, in.ByteVec())
	parent := in.Take(32)
	if err := in.Close(); err != nil || source > runtime.External {
		return nil, errors.New("native: bad input data provided to validate_transaction")
	}
	v, err := r.ValidateTransaction(st, source, extrinsic, [32]byte(parent))
	if invalid, ok := errors.AsType[*runtime.InvalidError](err); ok {
		return invalid.AppendSCALE([]byte{1}), nil
	}
	if err != nil {
		return nil, err
	}
	return v.AppendSCALE([]byte{0}), nil
}
