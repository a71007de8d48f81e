package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// neuronLists is what SubnetState and Metagraph have in common: lists with an
// entry for every neuron.
type neuronLists struct {
	Hotkeys             []account `scale:"hotkeys"`
	Coldkeys            []account `scale:"coldkeys"`
	Active              []bool    `scale:"active"`
	ValidatorPermit     []bool    `scale:"validator_permit"`
	PruningScore        []uint16  `scale:"pruning_score"`
	LastUpdate          []uint64  `scale:"last_update"`
	Emission            []uint64  `scale:"emission"`
	Dividends           []uint16  `scale:"dividends"`
	Incentives          []uint16  `scale:"incentives"`
	Consensus           []uint16  `scale:"consensus"`
	Trust               []uint16  `scale:"trust"`
	Rank                []uint16  `scale:"rank"`
	BlockAtRegistration []uint64  `scale:"block_at_registration"`
	AlphaStake          []uint64  `scale:"alpha_stake"`
	TAOStake            []uint64  `scale:"tao_stake"`
	TotalStake          []uint64  `scale:"total_stake"`
}

// subnetState is SubnetState.
type subnetState struct {
	Netuid uint16 `scale:"netuid"`
	neuronLists
	// EmissionHistory is for every subnet what its last epoch paid to the hotkeys
	// of this one.
	EmissionHistory [][]uint64 `scale:"emission_history"`
}

func (r *Runtime) bindSubnetState(b *methodBinder) {
	answer(b, "SubnetInfoRuntimeApi", "get_subnet_state", func(st runtime.State, in *scale.Reader) *subnetState {
		netuid := in.Uint16()
		if !r.subnetExists(st, netuid) {
			return nil
		}
		state := &subnetState{Netuid: netuid, neuronLists: r.neuronLists(st, netuid, 0)}
		state.EmissionHistory = r.emissionHistory(st, state.Hotkeys)
		return state
	})
}

func (r *Runtime) neuronLists(st runtime.State, netuid uint16, mechanism uint8) neuronLists {
	s, key, index := &r.items.SubtensorModule, u16(netuid), u16(storageIndex(netuid, mechanism))
	n := int(s.SubnetworkN.get(st, key))
	l := neuronLists{
		Hotkeys: r.hotkeys(st, netuid),
		Active:  fit(s.Active.get(st, key), n), ValidatorPermit: fit(s.ValidatorPermit.get(st, key), n),
		LastUpdate: fit(s.LastUpdate.get(st, index), n), Emission: fit(s.Emission.get(st, key), n),
		Dividends: fit(s.Dividends.get(st, key), n), Incentives: fit(s.Incentive.get(st, index), n),
		Consensus: fit(s.Consensus.get(st, key), n),
	}
	if r.config.Spec < rankless {
		l.Rank = fit(s.Rank.get(st, key), n)
		l.Trust = fit(s.Trust.get(st, key), n)
		l.PruningScore = fit(s.PruningScores.get(st, key), n)
	}
	taoWeight := s.TaoWeight.get(st)
	for uid, hotkey := range l.Hotkeys {
		l.Coldkeys = append(l.Coldkeys, s.Owner.get(st, hotkey[:]))
		l.BlockAtRegistration = append(l.BlockAtRegistration, s.BlockAtRegistration.get(st, key, u16(uint16(uid))))
		stake := r.stakeAt(st, s.TotalHotkeyAlpha.key(hotkey[:]), netuid, taoWeight)
		l.AlphaStake = append(l.AlphaStake, stake.alpha)
		l.TAOStake = append(l.TAOStake, stake.tao)
		l.TotalStake = append(l.TotalStake, stake.total)
	}
	return l
}

// emissionHistory reads one value for every subnet and hotkey, so it makes the
// part of the key that belongs to the hotkey once.
func (r *Runtime) emissionHistory(st runtime.State, hotkeys []account) [][]uint64 {
	last := &r.items.SubtensorModule.LastHotkeyEmissionOnNetuid
	prefixes := make([][]byte, len(hotkeys))
	for i, hotkey := range hotkeys {
		key := last.key(hotkey[:])
		prefixes[i] = key[:len(key):len(key)]
	}
	var history [][]uint64
	for _, netuid := range r.netuids(st) {
		paid := make([]uint64, len(hotkeys))
		for i, prefix := range prefixes {
			if raw, ok := st.Get(append(prefix, byte(netuid), byte(netuid>>8))); ok {
				if v, err := last.codec.Decode(raw); err == nil {
					paid[i] = v
				}
			}
		}
		history = append(history, paid)
	}
	return history
}
