package native

import (
	"math/bits"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

const (
	// alphaPerBlock is what a subnet emits in a block, in rao of alpha.
	alphaPerBlock = 1_000_000_000
	// partMiners and partValidators are hundredths of it; the rest is the owner's.
	partMiners, partValidators = 41, 41
)

// accrue adds what a block emits to what the next epoch pays.
func (r *Runtime) accrue(st runtime.State, key []byte) {
	s := &r.items.SubtensorModule
	add := func(i *item[uint64], amount uint64) {
		if i.exists() {
			i.set(st, i.get(st, key)+amount, key)
		}
	}
	add(&s.PendingServerEmission, alphaPerBlock/100*partMiners)
	add(&s.PendingValidatorEmission, alphaPerBlock/100*partValidators)
	add(&s.PendingEmission, alphaPerBlock)
	add(&s.SubnetAlphaOut, alphaPerBlock)
}

// act makes the seeded validators, all but //Alice, set new weights. The validator
// whose number is the subnet's netuid does not (//Alice on 1, //Bob on 2, //Charlie
// on 3, //Dave on 4), nor does one who has sent extrinsics: they are left to those
// who use the chain.
func (r *Runtime) act(st runtime.State, netuid uint16, block uint64) {
	s := &r.items.SubtensorModule
	n := int(s.SubnetworkN.get(st, u16(netuid)))
	for number, hotkey := range r.keys.validators {
		uid, ok := s.Uids.lookup(st, u16(netuid), hotkey[:])
		left := number == 0 || number+1 == int(netuid) || r.items.System.Account.get(st, hotkey[:]).Nonce > 0
		if !ok || left {
			continue
		}
		for mechanism := range r.mechanisms(st, netuid) {
			index := storageIndex(netuid, mechanism)
			s.Weights.set(st, opinion(n, number, r.epochIndex(st, netuid, block)), u16(index), u16(uid))
			r.touch(st, index, uid)
			r.deposit(st, initialization, "SubtensorModule", "WeightsSet", index, uid)
		}
	}
}

// touch makes this block that of a neuron's last update.
func (r *Runtime) touch(st runtime.State, index, uid uint16) {
	updates := &r.items.SubtensorModule.LastUpdate
	list := fit(updates.get(st, u16(index)), int(r.items.SubtensorModule.SubnetworkN.get(st, u16(index%maxSubnets))))
	if int(uid) < len(list) {
		list[uid] = r.blockNumber(st)
		updates.set(st, list, u16(index))
	}
}

// opinion is a validator's weights in an epoch: much the same for all of them,
// and a little different each time. The largest is 65535, as the chain wants it.
func opinion(n, validator int, epoch uint64) []pair {
	const largest = 599
	var weights []pair
	for uid := len(validators); uid < n; uid++ {
		value := 100 + uint64(uid)*37%400 + (uint64(uid)*13+uint64(validator)*29+epoch*11)%100
		weights = append(weights, pair{uint16(uid), uint16(value * 65535 / largest)})
	}
	return weights
}

// epoch counts the weights of all mechanisms of a subnet, and pays an emission.
func (r *Runtime) epoch(st runtime.State, netuid uint16, block, emission uint64) {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	n := int(s.SubnetworkN.get(st, key))
	hotkeys := r.hotkeys(st, netuid)
	count := r.mechanisms(st, netuid)

	null := r.nullConsensus(st, netuid)
	b := ballot{
		stake: r.votingStakes(st, netuid), active: make([]bool, n),
		permits:       fit(s.ValidatorPermit.get(st, key), n),
		maxValidators: int(s.MaxAllowedValidators.get(st, key)),
		kappa:         s.Kappa.get(st, key),
		bondsKept:     s.BondsMovingAverage.get(st, key),
	}
	cutoff := r.activityCutoff(st, netuid)
	if !null {
		s.LastYumaStepBlock.set(st, block, key)
	}
	if !slicesAny(b.permits) {
		b.permits = topStakes(b.stake, b.maxValidators) // the first epoch
	}

	sum := verdict{
		consensus: make([]uint64, n), dividends: make([]uint64, n), validatorTrust: make([]uint64, n),
		incentive: make([]uint64, n), trust: make([]uint64, n),
	}
	for mechanism := range count {
		index := u16(storageIndex(netuid, mechanism))
		for uid, updated := range fit(s.LastUpdate.get(st, index), n) {
			b.active[uid] = updated+cutoff >= block
		}
		b.weights, b.bonds = make([][]pair, n), make([][]pair, n)
		for uid := range n {
			b.weights[uid] = s.Weights.get(st, index, u16(uint16(uid)))
			b.bonds[uid] = s.Bonds.get(st, index, u16(uint16(uid)))
		}
		var v *verdict
		if null {
			v = b.countNull()
		} else {
			v = b.count()
		}
		for uid := range n {
			if len(v.bonds[uid]) > 0 || len(b.bonds[uid]) > 0 {
				s.Bonds.set(st, v.bonds[uid], index, u16(uint16(uid)))
			}
			// Terms of the whole subnet are the average of its mechanisms.
			sum.consensus[uid] += v.consensus[uid] / uint64(count)
			sum.dividends[uid] += v.dividends[uid] / uint64(count)
			sum.validatorTrust[uid] += v.validatorTrust[uid] / uint64(count)
			sum.incentive[uid] += v.incentive[uid] / uint64(count)
			sum.trust[uid] += v.trust[uid] / uint64(count)
		}
		s.Incentive.set(st, proportions(v.incentive), index)
		sum.permits, sum.stake = v.permits, v.stake
		if mechanism == 0 {
			s.Active.set(st, append([]bool(nil), b.active...), key)
		}
	}

	s.ValidatorPermit.set(st, sum.permits, key)
	s.StakeWeight.set(st, proportions(sum.stake), key)
	s.Consensus.set(st, proportions(sum.consensus), key)
	s.Dividends.set(st, proportions(sum.dividends), key)
	s.ValidatorTrust.set(st, proportions(sum.validatorTrust), key)
	s.Rank.set(st, proportions(sum.incentive), key)
	s.Trust.set(st, proportions(sum.trust), key)
	s.PruningScores.set(st, proportions(sum.incentive), key)
	r.pay(st, netuid, hotkeys, &sum, emission)
}

// votingStakes are the total stakes of a subnet by uid, 0 for those below the
// threshold.
func (r *Runtime) votingStakes(st runtime.State, netuid uint16) []uint64 {
	hotkeys, threshold := r.hotkeys(st, netuid), r.threshold(st)
	stakes := make([]uint64, len(hotkeys))
	for uid, hotkey := range hotkeys {
		if total := r.stakeOf(st, netuid, hotkey).total; total >= threshold {
			stakes[uid] = total
		}
	}
	return stakes
}

// threshold is the stake that weights need, in rao. One of the items exists.
func (r *Runtime) threshold(st runtime.State) uint64 {
	return max(r.items.SubtensorModule.StakeThreshold.get(st), r.items.SubtensorModule.WeightsMinStake.get(st))
}

// pay splits an emission among miners, validators and the owner of a subnet.
func (r *Runtime) pay(st runtime.State, netuid uint16, hotkeys []account, v *verdict, emission uint64) {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	paid := make([]uint64, len(hotkeys))
	for uid, hotkey := range hotkeys {
		dividends := portion(emission/100*partValidators, v.dividends[uid])
		paid[uid] = portion(emission/100*partMiners, v.incentive[uid]) + dividends
		r.addStake(st, netuid, hotkey, paid[uid])
		s.LastHotkeyEmissionOnNetuid.set(st, paid[uid], hotkey[:], key)
		if dividends > 0 {
			s.AlphaDividendsPerSubnet.set(st, dividends, key, hotkey[:])
		}
	}
	s.Emission.set(st, paid, key)
	if owner := s.SubnetOwnerHotkey.get(st, key); owner != (account{}) {
		r.addStake(st, netuid, owner, emission/100*(100-partMiners-partValidators))
	}
}

// stakes are those that count for a hotkey on a subnet, in rao.
type stakes struct {
	alpha, tao, total uint64
}

// stakeOf weighs a hotkey's stake: alpha on the subnet, and TAO on root by
// TaoWeight.
func (r *Runtime) stakeOf(st runtime.State, netuid uint16, hotkey account) stakes {
	s := &r.items.SubtensorModule
	if !s.TotalHotkeyAlpha.exists() {
		tao := s.TotalHotkeyStake.get(st, hotkey[:])
		return stakes{tao: tao, total: tao}
	}
	prefix := s.TotalHotkeyAlpha.key(hotkey[:])
	return r.stakeAt(st, prefix, netuid, s.TaoWeight.get(st))
}

// stakeAt is stakeOf for a caller that has the hotkey's part of the key and the
// weight of TAO already.
func (r *Runtime) stakeAt(st runtime.State, prefix []byte, netuid uint16, taoWeight uint64) stakes {
	s := &r.items.SubtensorModule
	read := func(netuid uint16) uint64 {
		raw, _ := st.Get(append(prefix[:len(prefix):len(prefix)], byte(netuid), byte(netuid>>8)))
		v, err := s.TotalHotkeyAlpha.codec.Decode(raw)
		if err != nil {
			return 0
		}
		return v
	}
	out := stakes{alpha: read(netuid), tao: read(rootNetuid)}
	hi, lo := bits.Mul64(out.tao, taoWeight)
	weighted, _ := bits.Div64(hi, lo, 1<<64-1)
	out.total = out.alpha + weighted
	return out
}

// addStake adds to the stake of a hotkey on a subnet.
func (r *Runtime) addStake(st runtime.State, netuid uint16, hotkey account, amount uint64) {
	if amount == 0 {
		return
	}
	s := &r.items.SubtensorModule
	if s.TotalHotkeyAlpha.exists() {
		s.TotalHotkeyAlpha.set(st, s.TotalHotkeyAlpha.get(st, hotkey[:], u16(netuid))+amount, hotkey[:], u16(netuid))
		return
	}
	coldkey := s.Owner.get(st, hotkey[:])
	s.TotalHotkeyStake.set(st, s.TotalHotkeyStake.get(st, hotkey[:])+amount, hotkey[:])
	s.TotalColdkeyStake.set(st, s.TotalColdkeyStake.get(st, coldkey[:])+amount, coldkey[:])
	s.Stake.set(st, s.Stake.get(st, hotkey[:], coldkey[:])+amount, hotkey[:], coldkey[:])
}

// activityCutoff is how many blocks a neuron stays active after its last update.
func (r *Runtime) activityCutoff(st runtime.State, netuid uint16) uint64 {
	s := &r.items.SubtensorModule
	if s.ActivityCutoffFactorMilli.exists() {
		return uint64(s.ActivityCutoffFactorMilli.get(st, u16(netuid))) * uint64(s.Tempo.get(st, u16(netuid))) / 1000
	}
	return uint64(s.ActivityCutoff.get(st, u16(netuid)))
}

// slicesAny tells whether any of the flags is set.
func slicesAny(flags []bool) bool {
	for _, f := range flags {
		if f {
			return true
		}
	}
	return false
}

// fit copies a list to exactly n entries.
func fit[T any](list []T, n int) []T {
	out := make([]T, n)
	copy(out, list)
	return out
}
