package chain

import (
	"context"
	"unsafe"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Hyperparameters are the settings of a subnet at one block, under the names that the chain gives them.
//
// The chain has answered this question in three shapes. The third (since spec 413) lists names and values and has
// dropped what the chain no longer uses; the first two are fixed records, the second (since spec 283) a longer one.
// Fields that not every shape has are pointers, nil when the runtime of that block does not tell. A field without a
// pointer is always there: a runtime that lacks it is an error.
//
// Shares are the chain's 16-bit numbers divided by 65535, so they lie between 0 and 1. Amounts are rao of TAO
// (1 TAO = 10⁹ rao). Times are numbers of blocks. Source: the runtime's SubnetInfoRuntimeApi.
type Hyperparameters struct {
	// Tempo is the length of an epoch, in blocks.
	Tempo uint16
	// ImmunityPeriod is how long a new neuron can not be replaced, in blocks.
	ImmunityPeriod uint16
	// Kappa is the share of stake whose agreement makes consensus.
	Kappa float64

	// MinAllowedWeights is the smallest number of weights that may be set at once.
	MinAllowedWeights uint16
	// MaxWeightsLimit is the largest share one weight may have. Since spec 334 the chain enforces nothing: 1.
	MaxWeightsLimit float64
	// WeightsVersion is the smallest version key that weights must be set with.
	WeightsVersion uint64
	// WeightsRateLimit is how long to wait between two settings of weights, in blocks.
	WeightsRateLimit uint64
	// CommitRevealWeightsEnabled says that weights are committed first and revealed later.
	CommitRevealWeightsEnabled bool
	// CommitRevealPeriod is the number of epochs between commit and reveal.
	CommitRevealPeriod uint64

	// ActivityCutoff is how long a neuron counts as active after it has set weights, in blocks.
	ActivityCutoff uint64
	// ActivityCutoffFactor is that time in thousandths of the tempo. Third shape only.
	ActivityCutoffFactor *uint32
	// MaxValidators is the largest number of neurons with a validator permit.
	MaxValidators uint16
	// ServingRateLimit is how long to wait between two publications of an axon, in blocks.
	ServingRateLimit uint64

	// RegistrationAllowed says that neurons may register.
	RegistrationAllowed bool
	// TargetRegsPerInterval is the number of registrations that the price is adjusted to.
	TargetRegsPerInterval uint16
	// MaxRegsPerBlock is the largest number of registrations in a block.
	MaxRegsPerBlock uint16
	// MinBurn and MaxBurn bound the price of a registration, in rao.
	MinBurn, MaxBurn uint64
	// BurnHalfLife is the time in which that price halves, in blocks, and BurnIncreaseMult the factor by which a
	// registration raises it. Third shape only.
	BurnHalfLife     *uint16
	BurnIncreaseMult *float64

	// BondsMovingAvg is the weight of the past in the bonds, in millionths.
	BondsMovingAvg uint64
	// BondsResetEnabled says that a miner may have the bonds to it reset. Not in the first shape.
	BondsResetEnabled *bool
	// LiquidAlphaEnabled says that bonds move at a speed between AlphaLow and AlphaHigh, which are shares.
	LiquidAlphaEnabled  bool
	AlphaLow, AlphaHigh float64
	// AlphaSigmoidSteepness is the steepness of the curve between the two. Not in the first shape.
	AlphaSigmoidSteepness *float64
	// YumaVersion is the version of the consensus, 2 or 3. Not in the first shape.
	YumaVersion *uint16

	// SubnetIsActive says that the subnet's token is traded. Not in the first shape.
	SubnetIsActive *bool
	// TransfersEnabled says that stake may be transferred. Not in the first shape.
	TransfersEnabled *bool
	// UserLiquidityEnabled says that users may provide liquidity. Not in the first shape.
	UserLiquidityEnabled *bool
	// OwnerCutEnabled and OwnerCutAutoLockEnabled are about the owner's part of the emission. Third shape only.
	OwnerCutEnabled, OwnerCutAutoLockEnabled *bool
	// MinChildkeyTake is the smallest share that a child hotkey takes. Third shape only.
	MinChildkeyTake *float64

	// What follows is not in the third shape.

	// Rho is the steepness of the trust curve.
	Rho *uint16
	// AdjustmentInterval is the time between two adjustments of difficulty and price, in blocks, and AdjustmentAlpha
	// the weight of the past in them, as a part of 2⁶⁴−1.
	AdjustmentInterval *uint16
	AdjustmentAlpha    *uint64
	// Difficulty of a registration by work, and its bounds.
	Difficulty, MinDifficulty, MaxDifficulty *uint64
}

// hyperparametersBytes is about how much memory they take.
const hyperparametersBytes = int64(unsafe.Sizeof(Hyperparameters{}) + unsafe.Sizeof(hyperparams2Record{}))

// hyperparametersAt returns the settings of a subnet at a block.
func (c *Chain) hyperparametersAt(ctx context.Context, at block, netuid pylon.Netuid) (*Hyperparameters, error) {
	q := question{topic: aboutHyperparameters, netuid: netuid, hash: at.Hash}
	h, err := ask[*Hyperparameters](ctx, c.flights, q, func(ctx context.Context) (fetched, error) {
		h, err := read(ctx, c, getHyperparams, at, netuidLabel(netuid), func(ctx context.Context, v *visit) (*Hyperparameters, error) {
			return v.hyperparameters(ctx, netuid)
		})
		return fetched{value: h, bytes: hyperparametersBytes}, err
	})
	if err == nil && h == nil {
		return nil, subnetNotFound(netuid)
	}
	return h, err
}

// hyperparameters reads the settings in the newest shape that the runtime has, and nil when there is no such subnet.
func (v *visit) hyperparameters(ctx context.Context, netuid pylon.Netuid) (*Hyperparameters, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	args := scale.AppendUint16(nil, uint16(netuid))
	entries, err := answerOf(ctx, v, layout.hyperparams3, args)
	if err == nil && entries != nil {
		return hyperparametersOf(*entries)
	}
	if !lacksMethod(err) {
		return nil, err
	}
	long, err := answerOf(ctx, v, layout.hyperparams2, args)
	if err == nil && long != nil {
		return long.public()
	}
	if !lacksMethod(err) {
		return nil, err
	}
	short, err := answerOf(ctx, v, layout.hyperparams1, args)
	if err == nil && short != nil {
		return short.public()
	}
	return nil, err
}
