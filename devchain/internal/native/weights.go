package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Setting weights follows do_set_mechanism_weights of Subtensor's pallet, check by
// check: which error a call with several mistakes gets is part of what clients see.

const (
	// constantWeightLimit is the spec version since which no weight is too large.
	constantWeightLimit = 334
	// ownersMay is the spec version since which the hotkey of a subnet's owner needs
	// neither stake nor permit.
	ownersMay = 401
	// manyMechanisms is the spec version since which subnets have mechanisms.
	manyMechanisms = 320
)

// refusal is the name of an error of the pallet SubtensorModule, empty for none.
type refusal string

// weighting is what somebody wants the weights of a neuron to be.
type weighting struct {
	hotkey       account
	netuid       uint16
	mechanism    uint8
	uids, values []uint16
	version      uint64
}

func (w *weighting) index() uint16 { return storageIndex(w.netuid, w.mechanism) }

// about tells that the weights are those of a neuron for itself alone.
func (w *weighting) about(uid uint16) bool { return len(w.values) == 1 && w.uids[0] == uid }

// setWeights checks and stores weights. Nothing is written when they are refused.
func (r *Runtime) setWeights(st runtime.State, at phase, w *weighting) refusal {
	uid, refused := r.checkWeights(st, w)
	if refused == "" {
		r.storeWeights(st, at, w, uid)
	}
	return refused
}

// checkWeights returns the uid whose weights they are to be.
func (r *Runtime) checkWeights(st runtime.State, w *weighting) (uid uint16, refused refusal) {
	s := &r.items.SubtensorModule
	key := u16(w.netuid)
	if w.netuid == rootNetuid {
		return 0, "CanNotSetRootNetworkWeights"
	}
	if len(w.uids) != len(w.values) {
		return 0, "WeightVecNotEqualSize"
	}
	if refused := r.checkMechanism(st, w.netuid, w.mechanism); refused != "" {
		return 0, refused
	}
	n := s.SubnetworkN.get(st, key)
	if len(w.uids) > int(n) {
		return 0, "UidsLengthExceedUidsInSubNet"
	}
	uid, registered := s.Uids.lookup(st, key, w.hotkey[:])
	if !registered {
		return 0, "HotKeyNotRegisteredInSubNet"
	}
	if !r.enoughStake(st, w.netuid, w.hotkey) {
		return 0, "NotEnoughStakeToSetWeights"
	}
	if wanted := s.WeightsVersionKey.get(st, key); wanted != 0 && w.version < wanted {
		return 0, "IncorrectWeightVersionKey"
	}
	if !s.CommitRevealWeightsEnabled.get(st, key) && r.tooSoon(st, w.netuid, w.mechanism, uid) {
		return 0, "SettingWeightsTooFast"
	}
	if !r.mayWeigh(st, w, uid) {
		return 0, "NeuronNoValidatorPermit"
	}
	seen := make(map[uint16]bool, len(w.uids))
	for _, other := range w.uids {
		if seen[other] {
			return 0, "DuplicateUids"
		}
		seen[other] = true
	}
	for _, other := range w.uids {
		if other >= n {
			return 0, "UidVecContainInvalidOne"
		}
	}
	if !w.about(uid) && len(w.uids) < int(min(n, s.MinAllowedWeights.get(st, key))) {
		return 0, "WeightVecLengthIsLow"
	}
	if !w.about(uid) && !withinLimit(upscaled(w.values), r.weightLimit(st, w.netuid)) {
		return 0, "MaxWeightExceeded"
	}
	return uid, ""
}

// storeWeights replaces the weights of a uid.
func (r *Runtime) storeWeights(st runtime.State, at phase, w *weighting, uid uint16) {
	s := &r.items.SubtensorModule
	values := w.values
	if !r.nullConsensus(st, w.netuid) {
		values = upscaled(values)
	}
	row := make([]pair, len(w.uids))
	for i, other := range w.uids {
		row[i] = pair{other, values[i]}
	}
	s.Weights.set(st, row, u16(w.index()), u16(uid))
	if !s.CommitRevealWeightsEnabled.get(st, u16(w.netuid)) {
		r.touch(st, w.index(), uid)
	}
	r.deposit(st, at, "SubtensorModule", "WeightsSet", w.index(), uid)
}

// checkMechanism refuses subnets and mechanisms that do not exist.
func (r *Runtime) checkMechanism(st runtime.State, netuid uint16, mechanism uint8) refusal {
	switch {
	case r.subnetExists(st, netuid) && mechanism < r.mechanisms(st, netuid):
		return ""
	case r.config.Spec < manyMechanisms:
		return "SubNetworkDoesNotExist"
	}
	return "MechanismDoesNotExist"
}

// enoughStake tells whether a hotkey has the stake that weights need.
func (r *Runtime) enoughStake(st runtime.State, netuid uint16, hotkey account) bool {
	return r.stakeOf(st, netuid, hotkey).total >= r.threshold(st) || r.ownerHotkey(st, netuid, hotkey)
}

// ownerHotkey tells whether a hotkey is its subnet's owner, where that matters.
func (r *Runtime) ownerHotkey(st runtime.State, netuid uint16, hotkey account) bool {
	return r.config.Spec >= ownersMay && r.items.SubtensorModule.SubnetOwnerHotkey.get(st, u16(netuid)) == hotkey
}

// tooSoon tells whether a neuron's last update is less blocks ago than the subnet
// wants. A neuron without any may begin at once.
func (r *Runtime) tooSoon(st runtime.State, netuid uint16, mechanism uint8, uid uint16) bool {
	s := &r.items.SubtensorModule
	updates := s.LastUpdate.get(st, u16(storageIndex(netuid, mechanism)))
	if int(uid) >= len(updates) || updates[uid] == 0 {
		return false
	}
	block := r.blockNumber(st)
	return block-min(block, updates[uid]) < s.WeightsSetRateLimit.get(st, u16(netuid))
}

// permitted tells whether a uid has a validator permit.
func (r *Runtime) permitted(st runtime.State, netuid, uid uint16) bool {
	permits := r.items.SubtensorModule.ValidatorPermit.get(st, u16(netuid))
	return int(uid) < len(permits) && permits[uid]
}

// mayWeigh tells whether a neuron may set these weights. With Null consensus there
// are no exceptions.
func (r *Runtime) mayWeigh(st runtime.State, w *weighting, uid uint16) bool {
	if r.permitted(st, w.netuid, uid) {
		return true
	}
	return !r.nullConsensus(st, w.netuid) && (w.about(uid) || r.ownerHotkey(st, w.netuid, w.hotkey))
}

// weightLimit is the largest share of all weights that one may be, of 65535.
func (r *Runtime) weightLimit(st runtime.State, netuid uint16) uint16 {
	if r.config.Spec >= constantWeightLimit {
		return 65535
	}
	return r.items.SubtensorModule.MaxWeightsLimit.get(st, u16(netuid))
}

// withinLimit tells whether the largest value is at most limit/65535 of the sum.
func withinLimit(values []uint16, limit uint16) bool {
	sum, largest := uint64(0), uint64(0)
	for _, v := range values {
		sum, largest = sum+uint64(v), max(largest, uint64(v))
	}
	return limit == 65535 || sum == 0 || largest*65535 <= uint64(limit)*sum
}

// upscaled scales values so that the largest is 65535, in the chain's fixed-point
// arithmetic: 32 bits after the point, and cut off there.
func upscaled(values []uint16) []uint16 {
	const whole, fraction, half = 65535, 32, 1 << 31
	largest := uint64(0)
	for _, v := range values {
		largest = max(largest, uint64(v))
	}
	out := make([]uint16, len(values))
	for i, v := range values {
		switch {
		case largest == 0:
		case largest > 32768:
			out[i] = uint16((uint64(v)*(whole<<fraction/largest) + half) >> fraction)
		default:
			out[i] = uint16((uint64(v)*whole<<fraction/largest + half) >> fraction)
		}
	}
	return out
}
