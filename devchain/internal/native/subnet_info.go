package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// subnetInfo is SubnetInfo and, with the identity, SubnetInfov2.
type subnetInfo struct {
	Netuid               uint16          `scale:"netuid"`
	Rho                  uint16          `scale:"rho"`
	Kappa                uint16          `scale:"kappa"`
	Difficulty           uint64          `scale:"difficulty"`
	ImmunityPeriod       uint16          `scale:"immunity_period"`
	MaxAllowedValidators uint16          `scale:"max_allowed_validators"`
	MinAllowedWeights    uint16          `scale:"min_allowed_weights"`
	MaxWeightsLimit      uint16          `scale:"max_weights_limit"`
	ScalingLawPower      uint16          `scale:"scaling_law_power"`
	SubnetworkN          uint16          `scale:"subnetwork_n"`
	MaxAllowedUIDs       uint16          `scale:"max_allowed_uids"`
	BlocksSinceLastStep  uint64          `scale:"blocks_since_last_step"`
	Tempo                uint16          `scale:"tempo"`
	NetworkModality      uint16          `scale:"network_modality"`
	NetworkConnect       [][2]uint16     `scale:"network_connect"`
	EmissionValues       uint64          `scale:"emission_values,optional"`
	EmissionValue        uint64          `scale:"emission_value,optional"` // its name in v2
	Burn                 uint64          `scale:"burn"`
	Owner                account         `scale:"owner"`
	Identity             *subnetIdentity `scale:"identity,optional"`
}

func (r *Runtime) bindSubnets(b *methodBinder) {
	const api = "SubnetInfoRuntimeApi"
	single := func(v2 bool) func(runtime.State, *scale.Reader) *subnetInfo {
		return func(st runtime.State, in *scale.Reader) *subnetInfo {
			netuid := in.Uint16()
			if !r.subnetExists(st, netuid) {
				return nil
			}
			return r.subnetInfo(st, netuid, v2)
		}
	}
	all := func(v2 bool) func(runtime.State, *scale.Reader) []*subnetInfo {
		return func(st runtime.State, _ *scale.Reader) (infos []*subnetInfo) {
			for _, netuid := range r.netuids(st) {
				infos = append(infos, r.subnetInfo(st, netuid, v2))
			}
			return infos
		}
	}
	answer(b, api, "get_subnet_info", single(false))
	answer(b, api, "get_subnet_info_v2", single(true))
	answer(b, api, "get_subnets_info", all(false))
	answer(b, api, "get_subnets_info_v2", all(true))
	answer(b, api, "get_next_epoch_start_block", func(st runtime.State, in *scale.Reader) *uint64 {
		return r.nextEpoch(st, in.Uint16())
	})
}

func (r *Runtime) subnetInfo(st runtime.State, netuid uint16, v2 bool) *subnetInfo {
	s, key := &r.items.SubtensorModule, u16(netuid)
	info := &subnetInfo{
		Netuid: netuid, Rho: s.Rho.get(st, key), Kappa: s.Kappa.get(st, key), Difficulty: s.Difficulty.get(st, key),
		ImmunityPeriod: s.ImmunityPeriod.get(st, key), MaxAllowedValidators: s.MaxAllowedValidators.get(st, key),
		MinAllowedWeights: s.MinAllowedWeights.get(st, key), MaxWeightsLimit: r.maxWeightsLimit(st, netuid),
		ScalingLawPower: s.ScalingLawPower.get(st, key), SubnetworkN: s.SubnetworkN.get(st, key),
		MaxAllowedUIDs: s.MaxAllowedUids.get(st, key), BlocksSinceLastStep: s.BlocksSinceLastStep.get(st, key),
		Tempo: s.Tempo.get(st, key), Burn: s.Burn.get(st, key), Owner: s.SubnetOwner.get(st, key),
	}
	if v2 {
		info.Identity = r.subnetIdentity(st, netuid)
	}
	return info
}

// subnetIdentity is how a subnet describes itself, in the newest form that the
// spec version has, or nil.
func (r *Runtime) subnetIdentity(st runtime.State, netuid uint16) *subnetIdentity {
	s := &r.items.SubtensorModule
	for _, i := range []*item[subnetIdentity]{&s.SubnetIdentitiesV3, &s.SubnetIdentitiesV2, &s.SubnetIdentities} {
		if identity, ok := i.lookup(st, u16(netuid)); ok {
			return &identity
		}
	}
	return nil
}

// maxWeightsLimit is a constant since spec 334.
func (r *Runtime) maxWeightsLimit(st runtime.State, netuid uint16) uint16 {
	if r.config.Spec >= 334 {
		return 65535
	}
	return r.items.SubtensorModule.MaxWeightsLimit.get(st, u16(netuid))
}

// nextEpoch is the block at which the subnet's next epoch is to run, nil if
// there is none. It is for stateful epochs only.
func (r *Runtime) nextEpoch(st runtime.State, netuid uint16) *uint64 {
	s, key := &r.items.SubtensorModule, u16(netuid)
	tempo := uint64(s.Tempo.get(st, key))
	if !r.subnetExists(st, netuid) || tempo == 0 {
		return nil
	}
	next := s.LastEpochBlock.get(st, key) + tempo
	if pending := s.PendingEpochAt.get(st, key); pending > 0 {
		next = min(next, pending)
	}
	return &next
}
