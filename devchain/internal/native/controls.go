package native

import (
	"fmt"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Controls of everything that decides what becomes of weights, for tests. They
// write at once and are bound to no freeze window, rate limit or range, as those
// who call AdminUtils on a real chain are. See also SetTempo, SetCommitReveal,
// SetNullConsensus, SetPermit, SetStake, SetLastUpdate, HoldPulses and SetPulse.

// SetCommitRevealVersion sets the version that timelocked commits must have, 4 at
// first.
func (r *Runtime) SetCommitRevealVersion(st runtime.State, version uint16) {
	r.items.SubtensorModule.CommitRevealWeightsVersion.set(st, version)
}

// SetRevealPeriod sets after how many epochs commits are revealed, 1 at first.
func (r *Runtime) SetRevealPeriod(st runtime.State, netuid uint16, epochs uint64) {
	r.items.SubtensorModule.RevealPeriodEpochs.set(st, epochs, u16(netuid))
}

// SetWeightsRateLimit sets how many blocks a neuron waits between settings of its
// weights, or commits to them.
func (r *Runtime) SetWeightsRateLimit(st runtime.State, netuid uint16, blocks uint64) {
	r.items.SubtensorModule.WeightsSetRateLimit.set(st, blocks, u16(netuid))
}

// SetWeightsVersionKey sets the least version key that weights must have; 0 takes
// any.
func (r *Runtime) SetWeightsVersionKey(st runtime.State, netuid uint16, key uint64) {
	r.items.SubtensorModule.WeightsVersionKey.set(st, key, u16(netuid))
}

// SetMinAllowedWeights sets how many weights somebody must set at least.
func (r *Runtime) SetMinAllowedWeights(st runtime.State, netuid, n uint16) {
	r.items.SubtensorModule.MinAllowedWeights.set(st, n, u16(netuid))
}

// SetMaxWeightsLimit sets the largest part of 65535 that one weight may be of all.
// Since spec 334 the chain no longer looks at it.
func (r *Runtime) SetMaxWeightsLimit(st runtime.State, netuid, limit uint16) {
	r.items.SubtensorModule.MaxWeightsLimit.set(st, limit, u16(netuid))
}

// SetStakeThreshold sets the stake that permits and weights need, in rao.
func (r *Runtime) SetStakeThreshold(st runtime.State, rao uint64) {
	r.items.SubtensorModule.StakeThreshold.set(st, rao)
	r.items.SubtensorModule.WeightsMinStake.set(st, rao)
}

// SetMaxEpochsPerBlock sets how many epochs a block runs; those of further subnets
// are deferred. At first it is 32.
func (r *Runtime) SetMaxEpochsPerBlock(st runtime.State, n uint8) {
	r.items.SubtensorModule.MaxEpochsPerBlock.set(st, n)
}

// SetMechanisms sets how many mechanisms a subnet has, at least 1 and at most 8.
// It reports whether the spec version knows them.
func (r *Runtime) SetMechanisms(st runtime.State, netuid uint16, count uint8) bool {
	s := &r.items.SubtensorModule
	count = min(max(count, 1), maxMechanisms)
	n := int(s.SubnetworkN.get(st, u16(netuid)))
	for mechanism := r.mechanisms(st, netuid); mechanism < count && s.MechanismCountCurrent.exists(); mechanism++ {
		index := u16(storageIndex(netuid, mechanism))
		s.LastUpdate.set(st, fit(s.LastUpdate.get(st, index), n), index)
		s.Incentive.set(st, fit(s.Incentive.get(st, index), n), index)
	}
	s.MechanismCountCurrent.set(st, count, u16(netuid))
	return s.MechanismCountCurrent.exists()
}

// TriggerEpoch makes a subnet's epoch run at a block, if none is due before, as the
// owner's call trigger_epoch does with AdminFreezeWindow blocks of notice. Before
// spec 423 nobody can.
func (r *Runtime) TriggerEpoch(st runtime.State, netuid uint16, block uint64) {
	r.items.SubtensorModule.PendingEpochAt.set(st, block, u16(netuid))
}

// Deregister gives the uid of a hotkey to a newcomer, whose hotkey nobody has the
// secret of, as it happens to the neuron with the least emission when somebody
// registers. The uid's weights and stake in the subnet's consensus are gone.
func (r *Runtime) Deregister(st runtime.State, netuid uint16, hotkey [32]byte) error {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	uid, err := r.uid(st, netuid, hotkey)
	if err != nil {
		return err
	}
	newcomer := scale.Blake2_256(fmt.Appendf(nil, "%x takes uid %d of %d at %d", hotkey, uid, netuid, r.blockNumber(st)))
	s.Uids.delete(st, key, hotkey[:])
	s.IsNetworkMember.delete(st, hotkey[:], key)
	s.Axons.delete(st, key, hotkey[:])
	s.Prometheus.delete(st, key, hotkey[:])
	s.NeuronCertificates.delete(st, key, hotkey[:])
	s.AssociatedEvmAddress.delete(st, key, u16(uid))

	s.Owner.set(st, r.keys.minerOwner, newcomer[:])
	s.Keys.set(st, newcomer, key, u16(uid))
	s.Uids.set(st, uid, key, newcomer[:])
	s.IsNetworkMember.set(st, true, newcomer[:], key)
	s.BlockAtRegistration.set(st, r.blockNumber(st), key, u16(uid))
	permits := slices.Clone(s.ValidatorPermit.get(st, key))
	if int(uid) < len(permits) {
		permits[uid] = false
		s.ValidatorPermit.set(st, permits, key)
	}
	for mechanism := range r.mechanisms(st, netuid) {
		index := storageIndex(netuid, mechanism)
		s.Weights.delete(st, u16(index), u16(uid))
		s.Bonds.delete(st, u16(index), u16(uid))
		r.touch(st, index, uid)
	}
	return nil
}
