package native

import (
	"math/big"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// hyperparameters is SubnetHyperparams.
type hyperparameters struct {
	Rho                       uint16 `scale:"rho"`
	Kappa                     uint16 `scale:"kappa"`
	ImmunityPeriod            uint16 `scale:"immunity_period"`
	MinAllowedWeights         uint16 `scale:"min_allowed_weights"`
	MaxWeightsLimit           uint16 `scale:"max_weights_limit"`
	Tempo                     uint16 `scale:"tempo"`
	MinDifficulty             uint64 `scale:"min_difficulty"`
	MaxDifficulty             uint64 `scale:"max_difficulty"`
	WeightsVersion            uint64 `scale:"weights_version"`
	WeightsRateLimit          uint64 `scale:"weights_rate_limit"`
	AdjustmentInterval        uint16 `scale:"adjustment_interval"`
	ActivityCutoff            uint64 `scale:"activity_cutoff"`
	RegistrationAllowed       bool   `scale:"registration_allowed"`
	TargetRegsPerInterval     uint16 `scale:"target_regs_per_interval"`
	MinBurn                   uint64 `scale:"min_burn"`
	MaxBurn                   uint64 `scale:"max_burn"`
	BondsMovingAvg            uint64 `scale:"bonds_moving_avg"`
	MaxRegsPerBlock           uint16 `scale:"max_regs_per_block"`
	ServingRateLimit          uint64 `scale:"serving_rate_limit"`
	MaxValidators             uint16 `scale:"max_validators"`
	AdjustmentAlpha           uint64 `scale:"adjustment_alpha"`
	Difficulty                uint64 `scale:"difficulty"`
	CommitRevealPeriod        uint64 `scale:"commit_reveal_period,optional"`
	CommitRevealInterval      uint64 `scale:"commit_reveal_weights_interval,optional"` // its name before spec 233
	CommitRevealWeightEnabled bool   `scale:"commit_reveal_weights_enabled"`
	AlphaHigh                 uint16 `scale:"alpha_high"`
	AlphaLow                  uint16 `scale:"alpha_low"`
	LiquidAlphaEnabled        bool   `scale:"liquid_alpha_enabled"`
}

// hyperparametersV2 is SubnetHyperparamsV2.
type hyperparametersV2 struct {
	hyperparameters
	AlphaSigmoidSteepness struct {
		Bits int64 `scale:"bits"` // 32 bits of it after the point
	} `scale:"alpha_sigmoid_steepness"`
	YumaVersion          uint16 `scale:"yuma_version"`
	SubnetIsActive       bool   `scale:"subnet_is_active"`
	TransfersEnabled     bool   `scale:"transfers_enabled"`
	BondsResetEnabled    bool   `scale:"bonds_reset_enabled"`
	UserLiquidityEnabled bool   `scale:"user_liquidity_enabled"`
}

// hyperparameterEntry is one of the list that the third version is.
type hyperparameterEntry struct {
	Name  string     `scale:"name"`
	Value scale.Enum `scale:"value"`
}

func (r *Runtime) bindHyperparameters(b *methodBinder) {
	const api = "SubnetInfoRuntimeApi"
	answer(b, api, "get_subnet_hyperparams", func(st runtime.State, in *scale.Reader) *hyperparameters {
		if v2 := r.hyperparameters(st, in.Uint16()); v2 != nil {
			return &v2.hyperparameters
		}
		return nil
	})
	answer(b, api, "get_subnet_hyperparams_v2", func(st runtime.State, in *scale.Reader) *hyperparametersV2 {
		return r.hyperparameters(st, in.Uint16())
	})
	answer(b, api, "get_subnet_hyperparams_v3", func(st runtime.State, in *scale.Reader) *[]hyperparameterEntry {
		return r.hyperparameterList(st, in.Uint16())
	})
}

func (r *Runtime) hyperparameters(st runtime.State, netuid uint16) *hyperparametersV2 {
	if !r.subnetExists(st, netuid) {
		return nil
	}
	s, key := &r.items.SubtensorModule, u16(netuid)
	alpha := s.AlphaValues.get(st, key)
	h := &hyperparametersV2{hyperparameters: hyperparameters{
		Rho: s.Rho.get(st, key), Kappa: s.Kappa.get(st, key), ImmunityPeriod: s.ImmunityPeriod.get(st, key),
		MinAllowedWeights: s.MinAllowedWeights.get(st, key), MaxWeightsLimit: r.maxWeightsLimit(st, netuid),
		Tempo: s.Tempo.get(st, key), MinDifficulty: s.MinDifficulty.get(st, key), MaxDifficulty: s.MaxDifficulty.get(st, key),
		WeightsVersion: s.WeightsVersionKey.get(st, key), WeightsRateLimit: s.WeightsSetRateLimit.get(st, key),
		AdjustmentInterval: s.AdjustmentInterval.get(st, key), ActivityCutoff: r.activityCutoff(st, netuid),
		RegistrationAllowed:   s.NetworkRegistrationAllowed.get(st, key),
		TargetRegsPerInterval: s.TargetRegistrationsPerInterval.get(st, key),
		MinBurn:               s.MinBurn.get(st, key), MaxBurn: s.MaxBurn.get(st, key),
		BondsMovingAvg: s.BondsMovingAverage.get(st, key), MaxRegsPerBlock: s.MaxRegistrationsPerBlock.get(st, key),
		ServingRateLimit: s.ServingRateLimit.get(st, key), MaxValidators: s.MaxAllowedValidators.get(st, key),
		AdjustmentAlpha: s.AdjustmentAlpha.get(st, key), Difficulty: s.Difficulty.get(st, key),
		CommitRevealWeightEnabled: s.CommitRevealWeightsEnabled.get(st, key),
		AlphaLow:                  alpha.First, AlphaHigh: alpha.Second, LiquidAlphaEnabled: s.LiquidAlphaOn.get(st, key),
	}}
	if period := s.RevealPeriodEpochs.get(st, key); r.config.Spec < 233 {
		h.CommitRevealInterval = period
	} else {
		h.CommitRevealPeriod = period
	}
	h.AlphaSigmoidSteepness.Bits = int64(s.AlphaSigmoidSteepness.get(st, key)) << 32
	h.YumaVersion = 2
	if s.Yuma3On.get(st, key) {
		h.YumaVersion = 3
	}
	h.SubnetIsActive = s.SubtokenEnabled.get(st, key)
	h.TransfersEnabled = s.TransferToggle.get(st, key)
	h.BondsResetEnabled = s.BondsResetOn.get(st, key)
	return h
}

// hyperparameterList is the third version: names with values of their own types,
// in the chain's order.
func (r *Runtime) hyperparameterList(st runtime.State, netuid uint16) *[]hyperparameterEntry {
	h := r.hyperparameters(st, netuid)
	if h == nil {
		return nil
	}
	s, key := &r.items.SubtensorModule, u16(netuid)
	bits := func(i *item[fixed]) any {
		if v := i.get(st, key); v.Bits != nil {
			return v
		}
		return fixed{new(big.Int)}
	}
	var list []hyperparameterEntry
	add := func(kind, name string, value any) {
		list = append(list, hyperparameterEntry{name, scale.Enum{Name: kind, Value: value}})
	}
	add("U16", "kappa", h.Kappa)
	add("U16", "immunity_period", h.ImmunityPeriod)
	add("U16", "min_allowed_weights", h.MinAllowedWeights)
	add("U16", "max_weights_limit", h.MaxWeightsLimit)
	add("U16", "tempo", h.Tempo)
	add("U64", "weights_version", h.WeightsVersion)
	add("U64", "weights_rate_limit", h.WeightsRateLimit)
	add("U64", "activity_cutoff", h.ActivityCutoff)
	add("U32", "activity_cutoff_factor", s.ActivityCutoffFactorMilli.get(st, key))
	add("Bool", "registration_allowed", h.RegistrationAllowed)
	add("U16", "target_regs_per_interval", h.TargetRegsPerInterval)
	add("TaoBalance", "min_burn", h.MinBurn)
	add("TaoBalance", "max_burn", h.MaxBurn)
	add("U16", "burn_half_life", s.BurnHalfLife.get(st, key))
	add("U64F64", "burn_increase_mult", bits(&s.BurnIncreaseMult))
	add("U64", "bonds_moving_avg", h.BondsMovingAvg)
	add("U16", "max_regs_per_block", h.MaxRegsPerBlock)
	add("U64", "serving_rate_limit", h.ServingRateLimit)
	add("U16", "max_validators", h.MaxValidators)
	add("U64", "commit_reveal_period", h.CommitRevealPeriod)
	add("Bool", "commit_reveal_weights_enabled", h.CommitRevealWeightEnabled)
	add("U16", "alpha_high", h.AlphaHigh)
	add("U16", "alpha_low", h.AlphaLow)
	add("Bool", "liquid_alpha_enabled", h.LiquidAlphaEnabled)
	add("I32F32", "alpha_sigmoid_steepness", h.AlphaSigmoidSteepness)
	add("U16", "yuma_version", h.YumaVersion)
	add("Bool", "subnet_is_active", h.SubnetIsActive)
	add("Bool", "transfers_enabled", h.TransfersEnabled)
	add("Bool", "bonds_reset_enabled", h.BondsResetEnabled)
	add("Bool", "user_liquidity_enabled", h.UserLiquidityEnabled)
	add("Bool", "owner_cut_enabled", s.OwnerCutEnabled.get(st, key))
	add("Bool", "owner_cut_auto_lock_enabled", s.OwnerCutAutoLockEnabled.get(st, key))
	add("U16", "min_childkey_take", s.MinChildkeyTakePerSubnet.get(st, key))
	return &list
}
