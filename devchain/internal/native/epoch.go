package native

import (
	"math/bits"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

const (
	// statefulEpochs is the spec version since which epochs follow LastEpochBlock.
	// Before, they follow from the block number.
	statefulEpochs = 423
	// maxEpochDistance is how long an epoch can stay away at most.
	maxEpochDistance = 50400
	// alphaPerBlock is what a subnet emits in a block, in rao of alpha.
	alphaPerBlock = 1_000_000_000
	// partMiners and partValidators are hundredths of it; the rest is the owner's.
	partMiners, partValidators = 41, 41
)

// stateful tells whether the spec version has stateful epochs.
func (r *Runtime) stateful() bool { return r.config.Spec >= statefulEpochs }

// runEpochs counts the block for every subnet and runs the epochs that are due.
func (r *Runtime) runEpochs(st runtime.State, block uint64) {
	s := &r.items.SubtensorModule
	most := int(s.MaxEpochsPerBlock.get(st))
	run := 0
	for _, netuid := range r.netuids(st) {
		key := u16(netuid)
		if netuid == rootNetuid {
			continue
		}
		since := s.BlocksSinceLastStep.get(st, key) + 1
		s.BlocksSinceLastStep.set(st, since, key)
		r.accrue(st, key)
		if !r.epochDue(st, netuid, block) {
			continue
		}
		if r.stateful() {
			if run == most {
				s.PendingEpochAt.set(st, block+1, key)
				r.deposit(st, initialization, "SubtensorModule", "EpochDeferred", netuid, block, block+1)
				continue
			}
			s.LastEpochBlock.set(st, block, key)
			s.PendingEpochAt.set(st, 0, key)
			s.SubnetEpochIndex.set(st, s.SubnetEpochIndex.get(st, key)+1, key)
		}
		run++
		if !r.config.Quiet {
			r.act(st, netuid, block)
		}
		r.epoch(st, netuid, block, since*alphaPerBlock)
		s.BlocksSinceLastStep.set(st, 0, key)
		s.LastMechansimStepBlock.set(st, block, key)
		for _, pending := range []*item[uint64]{&s.PendingServerEmission, &s.PendingValidatorEmission, &s.PendingEmission} {
			pending.set(st, 0, key)
		}
	}
}

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

// epochDue tells whether a subnet's epoch runs at a block.
func (r *Runtime) epochDue(st runtime.State, netuid uint16, block uint64) bool {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	tempo := uint64(s.Tempo.get(st, key))
	if tempo == 0 {
		return false
	}
	if !r.stateful() {
		return (block+uint64(netuid)+1)%(tempo+1) == tempo
	}
	pending := s.PendingEpochAt.get(st, key)
	return pending > 0 && block >= pending ||
		s.BlocksSinceLastStep.get(st, key) > maxEpochDistance ||
		block-min(block, s.LastEpochBlock.get(st, key)) >= tempo
}

// epochIndex numbers a subnet's epochs.
func (r *Runtime) epochIndex(st runtime.State, netuid uint16, block uint64) uint64 {
	s := &r.items.SubtensorModule
	if r.stateful() {
		return s.SubnetEpochIndex.get(st, u16(netuid))
	}
	return (block + uint64(netuid) + 1) / (uint64(s.Tempo.get(st, u16(netuid))) + 1)
}

// act makes the seeded validators, all but //Alice, set new weights.
func (r *Runtime) act(st runtime.State, netuid uint16, block uint64) {
	s := &r.items.SubtensorModule
	n := int(s.SubnetworkN.get(st, u16(netuid)))
	for number, hotkey := range r.keys.validators[1:] {
		uid, ok := s.Uids.lookup(st, u16(netuid), hotkey[:])
		if !ok || int(uid) >= n {
			continue
		}
		for mechanism := range r.mechanisms(st, netuid) {
			index := storageIndex(netuid, mechanism)
			s.Weights.set(st, opinion(n, number+1, r.epochIndex(st, netuid, block)), u16(index), u16(uid))
			updates := s.LastUpdate.get(st, u16(index))
			if int(uid) < len(updates) {
				updates[uid] = block
				s.LastUpdate.set(st, updates, u16(index))
			}
			r.deposit(st, initialization, "SubtensorModule", "WeightsSet", index, uid)
		}
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

	b := ballot{
		stake: make([]uint64, n), active: make([]bool, n),
		permits:       fit(s.ValidatorPermit.get(st, key), n),
		maxValidators: int(s.MaxAllowedValidators.get(st, key)),
		kappa:         s.Kappa.get(st, key),
		bondsKept:     s.BondsMovingAverage.get(st, key),
	}
	threshold := max(s.StakeThreshold.get(st), s.WeightsMinStake.get(st)) // one of them exists
	for uid, hotkey := range hotkeys {
		if total := r.stakeOf(st, netuid, hotkey).total; total >= threshold {
			b.stake[uid] = total
		}
	}
	cutoff := r.activityCutoff(st, netuid)
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
		v := b.count()
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
