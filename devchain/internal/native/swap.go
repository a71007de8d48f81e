package native

import (
	"math/big"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// subnetPrice is SubnetPrice.
type subnetPrice struct {
	Netuid uint16 `scale:"netuid"`
	Price  uint64 `scale:"price"`
}

// simulatedSwap is SimSwapResult. The slippages are newer than the rest.
type simulatedSwap struct {
	TAOAmount     uint64 `scale:"tao_amount"`
	AlphaAmount   uint64 `scale:"alpha_amount"`
	TAOFee        uint64 `scale:"tao_fee"`
	AlphaFee      uint64 `scale:"alpha_fee"`
	TAOSlippage   uint64 `scale:"tao_slippage,optional"`
	AlphaSlippage uint64 `scale:"alpha_slippage,optional"`
}

const (
	// perquintill is a whole Perquintill.
	perquintill = 1_000_000_000_000_000_000
	// dynamicMechanism is the SubnetMechanism of subnets with a token of their own.
	dynamicMechanism = 1
	// withSlippage is the spec version since which simulations tell the slippage.
	withSlippage = 385
)

func (r *Runtime) bindSwap(b *methodBinder) {
	const api = "SwapRuntimeApi"
	answer(b, api, "current_alpha_price", func(st runtime.State, in *scale.Reader) uint64 {
		return r.price(st, in.Uint16())
	})
	answer(b, api, "current_alpha_price_all", func(st runtime.State, _ *scale.Reader) (all []subnetPrice) {
		for _, netuid := range r.netuids(st) {
			all = append(all, subnetPrice{netuid, r.price(st, netuid)})
		}
		return all
	})
	answer(b, api, "sim_swap_tao_for_alpha", func(st runtime.State, in *scale.Reader) simulatedSwap {
		netuid, amount := in.Uint16(), in.Uint64()
		out, fee, slippage := r.simulate(st, netuid, amount, true)
		swap := simulatedSwap{TAOAmount: amount, AlphaAmount: out, TAOFee: fee}
		if r.config.Spec >= withSlippage {
			swap.AlphaSlippage = slippage
		}
		return swap
	})
	answer(b, api, "sim_swap_alpha_for_tao", func(st runtime.State, in *scale.Reader) simulatedSwap {
		netuid, amount := in.Uint16(), in.Uint64()
		out, fee, slippage := r.simulate(st, netuid, amount, false)
		swap := simulatedSwap{TAOAmount: out, AlphaAmount: amount, AlphaFee: fee}
		if r.config.Spec >= withSlippage {
			swap.TAOSlippage = slippage
		}
		return swap
	})
}

// reserves are what a pool holds, in rao.
func (r *Runtime) reserves(st runtime.State, netuid uint16) (tao, alpha *big.Int) {
	s := &r.items.SubtensorModule
	return new(big.Int).SetUint64(s.SubnetTAO.get(st, u16(netuid))), new(big.Int).SetUint64(s.SubnetAlphaIn.get(st, u16(netuid)))
}

// price is the price of alpha in TAO times 10⁹, truncated.
func (r *Runtime) price(st runtime.State, netuid uint16) uint64 {
	if r.items.SubtensorModule.SubnetMechanism.get(st, u16(netuid)) != dynamicMechanism {
		return tao
	}
	swap := &r.items.Swap
	inTAO, inAlpha := r.reserves(st, netuid)
	switch {
	case swap.SwapBalancer.exists():
		// (base ÷ quote) × (TAO ÷ alpha), where quote is a share and base the rest.
		quote := min(swap.SwapBalancer.get(st, u16(netuid)).Quote, perquintill)
		inTAO.Mul(inTAO, new(big.Int).SetUint64(perquintill-quote))
		inAlpha.Mul(inAlpha, new(big.Int).SetUint64(quote))
	case swap.SwapV3Initialized.get(st, u16(netuid)):
		// The square of a number with 64 bits after the point.
		if root := swap.AlphaSqrtPrice.get(st, u16(netuid)).Bits; root != nil {
			inTAO.Mul(root, root)
			inAlpha.Lsh(big.NewInt(1), 128)
		}
	}
	if inAlpha.Sign() == 0 {
		return 0
	}
	price := inTAO.Mul(inTAO, big.NewInt(tao))
	if price.Div(price, inAlpha); !price.IsUint64() {
		return 1<<64 - 1
	}
	return price.Uint64()
}

// simulate swaps an amount in a pool whose product stays constant: what comes
// out, the fee taken from what goes in, and how much less than at the current
// price comes out.
func (r *Runtime) simulate(st runtime.State, netuid uint16, amount uint64, buy bool) (out, fee, slippage uint64) {
	fee = portion(amount, uint64(r.items.Swap.FeeRate.get(st, u16(netuid)))*one/65535)
	net := new(big.Int).SetUint64(amount - fee)
	if r.items.SubtensorModule.SubnetMechanism.get(st, u16(netuid)) != dynamicMechanism {
		return net.Uint64(), fee, 0
	}
	from, to := r.reserves(st, netuid)
	if !buy {
		from, to = to, from
	}
	if from.Sign() == 0 {
		return 0, fee, 0
	}
	ideal := new(big.Int).Mul(net, to)
	got := new(big.Int).Div(ideal, new(big.Int).Add(from, net))
	ideal.Div(ideal, from)
	if !ideal.IsUint64() {
		return got.Uint64(), fee, 1<<64 - 1
	}
	return got.Uint64(), fee, ideal.Uint64() - got.Uint64()
}
