package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// bindAccounts answers what does not belong to a subnet.
func (r *Runtime) bindAccounts(b *methodBinder) {
	answer(b, "AccountNonceApi", "account_nonce", func(st runtime.State, in *scale.Reader) uint32 {
		who := readAccount(in)
		return r.items.System.Account.get(st, who[:]).Nonce
	})
	answer(b, "AuraApi", "slot_duration", func(runtime.State, *scale.Reader) uint64 {
		return uint64(r.config.BlockTime.Milliseconds())
	})
	answer(b, "AuraApi", "authorities", func(st runtime.State, _ *scale.Reader) [][32]byte {
		return r.items.Aura.Authorities.get(st)
	})
	answer(b, "SubnetRegistrationRuntimeApi", "get_network_registration_cost", func(st runtime.State, _ *scale.Reader) uint64 {
		return r.registrationCost(st)
	})
}

// registrationCost is what registering a subnet locks, in rao. No subnet has
// been registered since block 0, so it is the last cost, falling by a part of
// itself over the reduction interval down to the least cost.
func (r *Runtime) registrationCost(st runtime.State) uint64 {
	s := &r.items.SubtensorModule
	last, least := s.NetworkLastLockCost.get(st), s.NetworkMinLockCost.get(st)
	interval := max(s.NetworkLockReductionInterval.get(st), 1)
	perBlock, blocks := last/interval, r.blockNumber(st)
	if perBlock > 0 && blocks > last/perBlock {
		return least
	}
	return max(last-perBlock*blocks, least)
}
