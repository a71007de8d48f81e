package chain

import (
	"errors"
	"fmt"
	"math"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// hyperparamsRecord is the chain's SubnetHyperparams, the first shape. activity_cutoff was a u16 before spec 423.
type hyperparamsRecord struct {
	Rho                        uint16  `scale:"rho"`
	Kappa                      uint16  `scale:"kappa"`
	ImmunityPeriod             uint16  `scale:"immunity_period"`
	MinAllowedWeights          uint16  `scale:"min_allowed_weights"`
	MaxWeightsLimit            uint16  `scale:"max_weights_limit"`
	Tempo                      uint16  `scale:"tempo"`
	MinDifficulty              uint64  `scale:"min_difficulty"`
	MaxDifficulty              uint64  `scale:"max_difficulty"`
	WeightsVersion             uint64  `scale:"weights_version"`
	WeightsRateLimit           uint64  `scale:"weights_rate_limit"`
	AdjustmentInterval         uint16  `scale:"adjustment_interval"`
	ActivityCutoff             uint64  `scale:"activity_cutoff"`
	RegistrationAllowed        bool    `scale:"registration_allowed"`
	TargetRegsPerInterval      uint16  `scale:"target_regs_per_interval"`
	MinBurn                    uint64  `scale:"min_burn"`
	MaxBurn                    uint64  `scale:"max_burn"`
	BondsMovingAvg             uint64  `scale:"bonds_moving_avg"`
	MaxRegsPerBlock            uint16  `scale:"max_regs_per_block"`
	ServingRateLimit           uint64  `scale:"serving_rate_limit"`
	MaxValidators              uint16  `scale:"max_validators"`
	AdjustmentAlpha            uint64  `scale:"adjustment_alpha"`
	Difficulty                 uint64  `scale:"difficulty"`
	CommitRevealPeriod         *uint64 `scale:"commit_reveal_period,optional"`
	CommitRevealInterval       *uint64 `scale:"commit_reveal_weights_interval,optional"` // its name at spec 218
	CommitRevealWeightsEnabled bool    `scale:"commit_reveal_weights_enabled"`
	AlphaHigh                  uint16  `scale:"alpha_high"`
	AlphaLow                   uint16  `scale:"alpha_low"`
	LiquidAlphaEnabled         bool    `scale:"liquid_alpha_enabled"`
}

// hyperparams2Record is the chain's SubnetHyperparamsV2, the second shape: the first one and what follows.
type hyperparams2Record struct {
	hyperparamsRecord

	AlphaSigmoidSteepness int64  `scale:"alpha_sigmoid_steepness"` // I32F32
	YumaVersion           uint16 `scale:"yuma_version"`
	SubnetIsActive        bool   `scale:"subnet_is_active"`
	TransfersEnabled      bool   `scale:"transfers_enabled"`
	BondsResetEnabled     bool   `scale:"bonds_reset_enabled"`
	UserLiquidityEnabled  bool   `scale:"user_liquidity_enabled"`
}

func (r *hyperparamsRecord) public() (*Hyperparameters, error) {
	period := r.CommitRevealPeriod
	if period == nil {
		period = r.CommitRevealInterval
	}
	if period == nil {
		return nil, errors.New("hyperparameter commit_reveal_period is missing")
	}
	return &Hyperparameters{
		Tempo:                      r.Tempo,
		ImmunityPeriod:             r.ImmunityPeriod,
		Kappa:                      share(r.Kappa),
		MinAllowedWeights:          r.MinAllowedWeights,
		MaxWeightsLimit:            share(r.MaxWeightsLimit),
		WeightsVersion:             r.WeightsVersion,
		WeightsRateLimit:           r.WeightsRateLimit,
		CommitRevealWeightsEnabled: r.CommitRevealWeightsEnabled,
		CommitRevealPeriod:         *period,
		ActivityCutoff:             r.ActivityCutoff,
		MaxValidators:              r.MaxValidators,
		ServingRateLimit:           r.ServingRateLimit,
		RegistrationAllowed:        r.RegistrationAllowed,
		TargetRegsPerInterval:      r.TargetRegsPerInterval,
		MaxRegsPerBlock:            r.MaxRegsPerBlock,
		MinBurn:                    r.MinBurn,
		MaxBurn:                    r.MaxBurn,
		BondsMovingAvg:             r.BondsMovingAvg,
		LiquidAlphaEnabled:         r.LiquidAlphaEnabled,
		AlphaLow:                   share(r.AlphaLow),
		AlphaHigh:                  share(r.AlphaHigh),
		Rho:                        &r.Rho,
		AdjustmentInterval:         &r.AdjustmentInterval,
		AdjustmentAlpha:            &r.AdjustmentAlpha,
		Difficulty:                 &r.Difficulty,
		MinDifficulty:              &r.MinDifficulty,
		MaxDifficulty:              &r.MaxDifficulty,
	}, nil
}

func (r *hyperparams2Record) public() (*Hyperparameters, error) {
	h, err := r.hyperparamsRecord.public()
	if err != nil {
		return nil, err
	}
	h.AlphaSigmoidSteepness = new(float64(r.AlphaSigmoidSteepness) / (1 << 32))
	h.YumaVersion = &r.YumaVersion
	h.SubnetIsActive = &r.SubnetIsActive
	h.TransfersEnabled = &r.TransfersEnabled
	h.BondsResetEnabled = &r.BondsResetEnabled
	h.UserLiquidityEnabled = &r.UserLiquidityEnabled
	return h, nil
}

// hyperparamEntry is a name and a value of the third shape.
type hyperparamEntry struct {
	Name  string          `scale:"name"`
	Value hyperparamValue `scale:"value"`
}

// hyperparamValue has one field that is not nil, none when the value is of a kind that is not known here.
type hyperparamValue struct {
	Bool       *bool          `scale:"Bool"`
	U16        *uint16        `scale:"U16"`
	U32        *uint32        `scale:"U32"`
	U64        *uint64        `scale:"U64"`
	TaoBalance *uint64        `scale:"TaoBalance"`
	I32F32     *int64         `scale:"I32F32"`
	U64F64     *scale.Uint128 `scale:"U64F64"`
}

// integer returns the value if it is an unsigned integer of any width.
func (v *hyperparamValue) integer() (uint64, bool) {
	switch {
	case v.U16 != nil:
		return uint64(*v.U16), true
	case v.U32 != nil:
		return uint64(*v.U32), true
	case v.U64 != nil:
		return *v.U64, true
	case v.TaoBalance != nil:
		return *v.TaoBalance, true
	default:
		return 0, false
	}
}

// A hyperparamSetter puts a value where it belongs and tells whether it is of a kind that belongs there.
type hyperparamSetter func(h *Hyperparameters, v *hyperparamValue) bool

func setBool(field func(*Hyperparameters) *bool) hyperparamSetter {
	return func(h *Hyperparameters, v *hyperparamValue) bool {
		if v.Bool == nil {
			return false
		}
		*field(h) = *v.Bool
		return true
	}
}

func setInteger[T uint16 | uint32 | uint64](field func(*Hyperparameters) *T) hyperparamSetter {
	return func(h *Hyperparameters, v *hyperparamValue) bool {
		value, ok := v.integer()
		if !ok || uint64(T(value)) != value {
			return false
		}
		*field(h) = T(value)
		return true
	}
}

func setShare(field func(*Hyperparameters) *float64) hyperparamSetter {
	return func(h *Hyperparameters, v *hyperparamValue) bool {
		value, ok := v.integer()
		if !ok || value > math.MaxUint16 {
			return false
		}
		*field(h) = share(uint16(value))
		return true
	}
}

func setFixedPoint(field func(*Hyperparameters) *float64) hyperparamSetter {
	return func(h *Hyperparameters, v *hyperparamValue) bool {
		switch {
		case v.I32F32 != nil:
			*field(h) = float64(*v.I32F32) / (1 << 32)
		case v.U64F64 != nil:
			*field(h) = float64(v.U64F64.Hi) + float64(v.U64F64.Lo)/(1<<64)
		default:
			return false
		}
		return true
	}
}

// optional is for a field that not every shape has.
func optional[T any](field func(*Hyperparameters) **T) func(*Hyperparameters) *T {
	return func(h *Hyperparameters) *T {
		value := new(T)
		*field(h) = value
		return value
	}
}

// requiredHyperparams are the names without which the third shape is no answer, optionalHyperparams the others that are
// known. Names that are in neither are skipped: the list is made to grow.
var (
	requiredHyperparams = map[string]hyperparamSetter{
		"kappa":                         setShare(func(h *Hyperparameters) *float64 { return &h.Kappa }),
		"immunity_period":               setInteger(func(h *Hyperparameters) *uint16 { return &h.ImmunityPeriod }),
		"min_allowed_weights":           setInteger(func(h *Hyperparameters) *uint16 { return &h.MinAllowedWeights }),
		"max_weights_limit":             setShare(func(h *Hyperparameters) *float64 { return &h.MaxWeightsLimit }),
		"tempo":                         setInteger(func(h *Hyperparameters) *uint16 { return &h.Tempo }),
		"weights_version":               setInteger(func(h *Hyperparameters) *uint64 { return &h.WeightsVersion }),
		"weights_rate_limit":            setInteger(func(h *Hyperparameters) *uint64 { return &h.WeightsRateLimit }),
		"activity_cutoff":               setInteger(func(h *Hyperparameters) *uint64 { return &h.ActivityCutoff }),
		"registration_allowed":          setBool(func(h *Hyperparameters) *bool { return &h.RegistrationAllowed }),
		"target_regs_per_interval":      setInteger(func(h *Hyperparameters) *uint16 { return &h.TargetRegsPerInterval }),
		"min_burn":                      setInteger(func(h *Hyperparameters) *uint64 { return &h.MinBurn }),
		"max_burn":                      setInteger(func(h *Hyperparameters) *uint64 { return &h.MaxBurn }),
		"bonds_moving_avg":              setInteger(func(h *Hyperparameters) *uint64 { return &h.BondsMovingAvg }),
		"max_regs_per_block":            setInteger(func(h *Hyperparameters) *uint16 { return &h.MaxRegsPerBlock }),
		"serving_rate_limit":            setInteger(func(h *Hyperparameters) *uint64 { return &h.ServingRateLimit }),
		"max_validators":                setInteger(func(h *Hyperparameters) *uint16 { return &h.MaxValidators }),
		"commit_reveal_period":          setInteger(func(h *Hyperparameters) *uint64 { return &h.CommitRevealPeriod }),
		"commit_reveal_weights_enabled": setBool(func(h *Hyperparameters) *bool { return &h.CommitRevealWeightsEnabled }),
		"alpha_high":                    setShare(func(h *Hyperparameters) *float64 { return &h.AlphaHigh }),
		"alpha_low":                     setShare(func(h *Hyperparameters) *float64 { return &h.AlphaLow }),
		"liquid_alpha_enabled":          setBool(func(h *Hyperparameters) *bool { return &h.LiquidAlphaEnabled }),
	}
	optionalHyperparams = map[string]hyperparamSetter{
		"activity_cutoff_factor":      setInteger(optional(func(h *Hyperparameters) **uint32 { return &h.ActivityCutoffFactor })),
		"burn_half_life":              setInteger(optional(func(h *Hyperparameters) **uint16 { return &h.BurnHalfLife })),
		"burn_increase_mult":          setFixedPoint(optional(func(h *Hyperparameters) **float64 { return &h.BurnIncreaseMult })),
		"alpha_sigmoid_steepness":     setFixedPoint(optional(func(h *Hyperparameters) **float64 { return &h.AlphaSigmoidSteepness })),
		"yuma_version":                setInteger(optional(func(h *Hyperparameters) **uint16 { return &h.YumaVersion })),
		"subnet_is_active":            setBool(optional(func(h *Hyperparameters) **bool { return &h.SubnetIsActive })),
		"transfers_enabled":           setBool(optional(func(h *Hyperparameters) **bool { return &h.TransfersEnabled })),
		"bonds_reset_enabled":         setBool(optional(func(h *Hyperparameters) **bool { return &h.BondsResetEnabled })),
		"user_liquidity_enabled":      setBool(optional(func(h *Hyperparameters) **bool { return &h.UserLiquidityEnabled })),
		"owner_cut_enabled":           setBool(optional(func(h *Hyperparameters) **bool { return &h.OwnerCutEnabled })),
		"owner_cut_auto_lock_enabled": setBool(optional(func(h *Hyperparameters) **bool { return &h.OwnerCutAutoLockEnabled })),
		"min_childkey_take":           setShare(optional(func(h *Hyperparameters) **float64 { return &h.MinChildkeyTake })),
	}
)

// hyperparametersOf reads the third shape.
func hyperparametersOf(entries []hyperparamEntry) (*Hyperparameters, error) {
	h := new(Hyperparameters)
	found := make(map[string]bool, len(entries))
	for i := range entries {
		entry := &entries[i]
		if found[entry.Name] {
			return nil, fmt.Errorf("hyperparameter %s is there twice", entry.Name)
		}
		found[entry.Name] = true
		set, required := requiredHyperparams[entry.Name]
		if !required {
			set = optionalHyperparams[entry.Name]
		}
		if set != nil && !set(h, &entry.Value) {
			return nil, fmt.Errorf("hyperparameter %s has a value of another kind", entry.Name)
		}
	}
	for name := range requiredHyperparams {
		if !found[name] {
			return nil, fmt.Errorf("hyperparameter %s is missing", name)
		}
	}
	return h, nil
}
