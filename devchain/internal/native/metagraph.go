package native

import (
	"cmp"
	"math/big"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// subnetPool is what Metagraph and DynamicInfo have in common.
type subnetPool struct {
	Netuid               uint16        `scale:"netuid"`
	NetworkRegisteredAt  uint64        `scale:"network_registered_at"`
	OwnerHotkey          account       `scale:"owner_hotkey"`
	OwnerColdkey         account       `scale:"owner_coldkey"`
	Tempo                uint16        `scale:"tempo"`
	LastStep             uint64        `scale:"last_step"`
	BlocksSinceLastStep  uint64        `scale:"blocks_since_last_step"`
	AlphaIn              uint64        `scale:"alpha_in"`
	AlphaOut             uint64        `scale:"alpha_out"`
	TAOIn                uint64        `scale:"tao_in"`
	AlphaOutEmission     uint64        `scale:"alpha_out_emission"`
	AlphaInEmission      uint64        `scale:"alpha_in_emission"`
	TAOInEmission        uint64        `scale:"tao_in_emission"`
	PendingAlphaEmission uint64        `scale:"pending_alpha_emission"`
	PendingRootEmission  uint64        `scale:"pending_root_emission"`
	SubnetVolume         scale.Uint128 `scale:"subnet_volume"`
	MovingPrice          fixed         `scale:"moving_price"`
}

// dynamicInfo is DynamicInfo.
type dynamicInfo struct {
	subnetPool
	SubnetName  string          `scale:"subnet_name"`
	TokenSymbol string          `scale:"token_symbol"`
	Emission    uint64          `scale:"emission"` // always 0
	Identity    *subnetIdentity `scale:"subnet_identity"`
}

// metagraph is Metagraph and, with its last two fields, what a
// SelectiveMetagraph selects from.
type metagraph struct {
	subnetPool
	neuronLists
	Name                       string           `scale:"name"`
	Symbol                     string           `scale:"symbol"`
	Identity                   *subnetIdentity  `scale:"identity"`
	Block                      uint64           `scale:"block"`
	SubnetEmission             uint64           `scale:"subnet_emission"` // always 0
	Rho                        uint16           `scale:"rho"`
	Kappa                      uint16           `scale:"kappa"`
	MinAllowedWeights          uint16           `scale:"min_allowed_weights"`
	MaxWeightsLimit            uint16           `scale:"max_weights_limit"`
	WeightsVersion             uint64           `scale:"weights_version"`
	WeightsRateLimit           uint64           `scale:"weights_rate_limit"`
	ActivityCutoff             uint64           `scale:"activity_cutoff"`
	MaxValidators              uint16           `scale:"max_validators"`
	NumUIDs                    uint16           `scale:"num_uids"`
	MaxUIDs                    uint16           `scale:"max_uids"`
	Burn                       uint64           `scale:"burn"`
	Difficulty                 uint64           `scale:"difficulty"`
	RegistrationAllowed        bool             `scale:"registration_allowed"`
	PowRegistrationAllowed     bool             `scale:"pow_registration_allowed"`
	ImmunityPeriod             uint16           `scale:"immunity_period"`
	MinDifficulty              uint64           `scale:"min_difficulty"`
	MaxDifficulty              uint64           `scale:"max_difficulty"`
	MinBurn                    uint64           `scale:"min_burn"`
	MaxBurn                    uint64           `scale:"max_burn"`
	AdjustmentAlpha            uint64           `scale:"adjustment_alpha"`
	AdjustmentInterval         uint16           `scale:"adjustment_interval"`
	TargetRegsPerInterval      uint16           `scale:"target_regs_per_interval"`
	MaxRegsPerBlock            uint16           `scale:"max_regs_per_block"`
	ServingRateLimit           uint64           `scale:"serving_rate_limit"`
	CommitRevealWeightsEnabled bool             `scale:"commit_reveal_weights_enabled"`
	CommitRevealPeriod         uint64           `scale:"commit_reveal_period"`
	LiquidAlphaEnabled         bool             `scale:"liquid_alpha_enabled"`
	AlphaHigh                  uint16           `scale:"alpha_high"`
	AlphaLow                   uint16           `scale:"alpha_low"`
	BondsMovingAvg             uint64           `scale:"bonds_moving_avg"`
	Identities                 []*chainIdentity `scale:"identities"`
	Axons                      []axonInfo       `scale:"axons"`
	TAODividends               []holding        `scale:"tao_dividends_per_hotkey"`
	AlphaDividends             []holding        `scale:"alpha_dividends_per_hotkey"`
	Validators                 []uint16         `scale:"validators,optional"`
	Commitments                []commitmentOf   `scale:"commitments,optional"`
}

// commitmentOf is the encoded commitment of an account.
type commitmentOf struct {
	Account account `scale:"0"`
	Data    []byte  `scale:"1"`
}

func (r *Runtime) bindMetagraphs(b *methodBinder) {
	const api = "SubnetInfoRuntimeApi"
	answer(b, api, "get_dynamic_info", func(st runtime.State, in *scale.Reader) *dynamicInfo {
		return r.dynamicInfo(st, in.Uint16())
	})
	answer(b, api, "get_all_dynamic_info", func(st runtime.State, _ *scale.Reader) (all []*dynamicInfo) {
		for _, netuid := range r.netuids(st) {
			all = append(all, r.dynamicInfo(st, netuid))
		}
		return all
	})
	answer(b, api, "get_metagraph", func(st runtime.State, in *scale.Reader) *metagraph {
		return r.metagraph(st, in.Uint16(), 0)
	})
	answer(b, api, "get_all_metagraphs", func(st runtime.State, _ *scale.Reader) (all []*metagraph) {
		for _, netuid := range r.netuids(st) {
			all = append(all, r.metagraph(st, netuid, 0))
		}
		return all
	})
	answer(b, api, "get_mechagraph", func(st runtime.State, in *scale.Reader) *metagraph {
		return r.mechagraph(st, in.Uint16(), in.Uint8())
	})
	answer(b, api, "get_all_mechagraphs", func(st runtime.State, _ *scale.Reader) (all []*metagraph) {
		for _, netuid := range r.netuids(st) {
			for mechanism := range r.mechanisms(st, netuid) {
				all = append(all, r.mechagraph(st, netuid, mechanism))
			}
		}
		return all
	})
	r.bindSelective(b, "get_selective_metagraph", func(in *scale.Reader) selection {
		return selection{netuid: in.Uint16(), indexes: indexes(in)}
	})
	r.bindSelective(b, "get_selective_mechagraph", func(in *scale.Reader) selection {
		return selection{netuid: in.Uint16(), mechanism: in.Uint8(), named: true, indexes: indexes(in)}
	})
}

func (r *Runtime) pool(st runtime.State, netuid uint16) subnetPool {
	s, key := &r.items.SubtensorModule, u16(netuid)
	p := subnetPool{
		Netuid: netuid, NetworkRegisteredAt: s.NetworkRegisteredAt.get(st, key),
		OwnerHotkey: s.SubnetOwnerHotkey.get(st, key), OwnerColdkey: s.SubnetOwner.get(st, key),
		Tempo: s.Tempo.get(st, key), LastStep: s.LastMechansimStepBlock.get(st, key),
		BlocksSinceLastStep: s.BlocksSinceLastStep.get(st, key),
		AlphaIn:             s.SubnetAlphaIn.get(st, key), AlphaOut: s.SubnetAlphaOut.get(st, key), TAOIn: s.SubnetTAO.get(st, key),
		AlphaOutEmission: s.SubnetAlphaOutEmission.get(st, key), AlphaInEmission: s.SubnetAlphaInEmission.get(st, key),
		TAOInEmission:        s.SubnetTaoInEmission.get(st, key),
		PendingAlphaEmission: s.PendingServerEmission.get(st, key) + s.PendingValidatorEmission.get(st, key) + s.PendingEmission.get(st, key),
		PendingRootEmission:  s.PendingRootAlphaDivs.get(st, key),
		SubnetVolume:         s.SubnetVolume.get(st, key), MovingPrice: s.SubnetMovingPrice.get(st, key),
	}
	if p.MovingPrice.Bits == nil {
		p.MovingPrice.Bits = new(big.Int)
	}
	return p
}

// subnetName is the name that a subnet gave itself.
func (r *Runtime) subnetName(st runtime.State, netuid uint16) string {
	if netuid == rootNetuid {
		return "root"
	}
	if identity := r.subnetIdentity(st, netuid); identity != nil {
		return identity.SubnetName
	}
	return ""
}

func (r *Runtime) dynamicInfo(st runtime.State, netuid uint16) *dynamicInfo {
	if !r.subnetExists(st, netuid) {
		return nil
	}
	return &dynamicInfo{
		subnetPool: r.pool(st, netuid), SubnetName: r.subnetName(st, netuid),
		TokenSymbol: r.items.SubtensorModule.TokenSymbol.get(st, u16(netuid)), Identity: r.subnetIdentity(st, netuid),
	}
}

// mechagraph is the metagraph of one mechanism; where the netuid should be, the
// chain puts the mechanism's storage index.
func (r *Runtime) mechagraph(st runtime.State, netuid uint16, mechanism uint8) *metagraph {
	m := r.metagraph(st, netuid, mechanism)
	if m != nil {
		m.Netuid = storageIndex(netuid, mechanism)
	}
	return m
}

// metagraph returns nil if there is no such subnet or mechanism.
func (r *Runtime) metagraph(st runtime.State, netuid uint16, mechanism uint8) *metagraph {
	if !r.subnetExists(st, netuid) || mechanism >= r.mechanisms(st, netuid) {
		return nil
	}
	s, key := &r.items.SubtensorModule, u16(netuid)
	h := r.hyperparameters(st, netuid)
	m := &metagraph{
		subnetPool: r.pool(st, netuid), neuronLists: r.neuronLists(st, netuid, mechanism),
		Name: r.subnetName(st, netuid), Symbol: s.TokenSymbol.get(st, key), Identity: r.subnetIdentity(st, netuid),
		Block: r.blockNumber(st), Rho: h.Rho, Kappa: h.Kappa, MinAllowedWeights: h.MinAllowedWeights,
		MaxWeightsLimit: h.MaxWeightsLimit, WeightsVersion: h.WeightsVersion, WeightsRateLimit: h.WeightsRateLimit,
		ActivityCutoff: h.ActivityCutoff, MaxValidators: h.MaxValidators, NumUIDs: s.SubnetworkN.get(st, key),
		MaxUIDs: s.MaxAllowedUids.get(st, key), Burn: s.Burn.get(st, key), Difficulty: h.Difficulty,
		RegistrationAllowed: h.RegistrationAllowed, PowRegistrationAllowed: s.NetworkPowRegistrationAllowed.get(st, key),
		ImmunityPeriod: h.ImmunityPeriod, MinDifficulty: h.MinDifficulty, MaxDifficulty: h.MaxDifficulty,
		MinBurn: h.MinBurn, MaxBurn: h.MaxBurn, AdjustmentAlpha: h.AdjustmentAlpha, AdjustmentInterval: h.AdjustmentInterval,
		TargetRegsPerInterval: h.TargetRegsPerInterval, MaxRegsPerBlock: h.MaxRegsPerBlock, ServingRateLimit: h.ServingRateLimit,
		CommitRevealWeightsEnabled: h.CommitRevealWeightEnabled, CommitRevealPeriod: h.CommitRevealPeriod,
		LiquidAlphaEnabled: h.LiquidAlphaEnabled, AlphaHigh: h.AlphaHigh, AlphaLow: h.AlphaLow, BondsMovingAvg: h.BondsMovingAvg,
	}
	for uid, hotkey := range m.Hotkeys {
		var identity *chainIdentity
		if found, ok := s.IdentitiesV2.lookup(st, m.Coldkeys[uid][:]); ok {
			identity = &found
		}
		m.Identities = append(m.Identities, identity)
		m.Axons = append(m.Axons, s.Axons.get(st, key, hotkey[:]))
		m.TAODividends = append(m.TAODividends, holding{hotkey, 0}) // there are none any more
		m.AlphaDividends = append(m.AlphaDividends, holding{hotkey, s.AlphaDividendsPerSubnet.get(st, key, hotkey[:])})
	}
	return m
}

// validatorUIDs are the uids whose stake is above the threshold, by stake.
func (r *Runtime) validatorUIDs(st runtime.State, m *metagraph) []uint16 {
	threshold := r.items.SubtensorModule.StakeThreshold.get(st)
	var uids []uint16
	for uid, stake := range m.TotalStake {
		if stake > threshold {
			uids = append(uids, uint16(uid))
		}
	}
	slices.SortStableFunc(uids, func(a, b uint16) int { return cmp.Compare(m.TotalStake[a], m.TotalStake[b]) })
	return uids
}

// commitments are all commitments on a subnet, encoded.
func (r *Runtime) commitments(st runtime.State, netuid uint16) []commitmentOf {
	of := &r.items.Commitments.CommitmentOf
	var all []commitmentOf
	for _, end := range of.lastKeys(st, len(account{}), u16(netuid)) {
		who := account(end)
		if raw, ok := st.Get(of.key(u16(netuid), who[:])); ok {
			all = append(all, commitmentOf{who, slices.Clone(raw)})
		}
	}
	return all
}
