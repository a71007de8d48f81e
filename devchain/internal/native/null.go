package native

import (
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Null consensus (since spec 475) is that one validator decides: the uid with the
// largest stake has the only permit, its weights are kept as it gave them and pay
// the miners, and nothing is clipped. Everybody with stake earns dividends by it.

// defaultValidators is how many validators a new subnet may have.
const defaultValidators = 64

// nullConsensus tells whether a subnet has Null consensus.
func (r *Runtime) nullConsensus(st runtime.State, netuid uint16) bool {
	return r.items.SubtensorModule.SubnetEpochConsensus.get(st, u16(netuid)).Name == "Null"
}

// SetNullConsensus switches a subnet to Null consensus, or back to Yuma. The permit
// of the validator with the largest stake is the only one at once. It reports
// whether the spec version knows it.
func (r *Runtime) SetNullConsensus(st runtime.State, netuid uint16, null bool) bool {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	if !s.SubnetEpochConsensus.exists() || r.nullConsensus(st, netuid) == null {
		return s.SubnetEpochConsensus.exists()
	}
	if !null {
		s.SubnetEpochConsensus.set(st, scale.Enum{Name: "Yuma"}, key)
		before, ok := s.SavedYumaMaxAllowedValidators.lookup(st, key)
		if !ok {
			before = defaultValidators
		}
		s.MaxAllowedValidators.set(st, before, key)
		s.SavedYumaMaxAllowedValidators.delete(st, key)
		return true
	}
	s.SubnetEpochConsensus.set(st, scale.Enum{Name: "Null"}, key)
	s.SavedYumaMaxAllowedValidators.set(st, s.MaxAllowedValidators.get(st, key), key)
	s.MaxAllowedValidators.set(st, 1, key)
	s.ValidatorPermit.set(st, topStakes(r.votingStakes(st, netuid), 1), key)
	return true
}

// countNull is count with Null consensus.
func (b *ballot) countNull() *verdict {
	n := len(b.stake)
	v := &verdict{
		permits:   topStakes(b.stake, 1),
		stake:     shares(b.stake),
		dividends: shares(b.stake),
		incentive: make([]uint64, n),
		consensus: make([]uint64, n), trust: make([]uint64, n), validatorTrust: make([]uint64, n),
		bonds: b.bonds, // they freeze
	}
	if top := slices.Index(v.permits, true); top >= 0 {
		row := make([]uint64, n)
		for _, w := range b.weights[top] {
			if int(w.First) < n {
				row[w.First] = uint64(w.Second)
			}
		}
		v.incentive = shares(row)
	}
	return v
}
