package chain

import (
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// writeLayout is the part of a layout that writes need.
type writeLayout struct {
	neuronCount    func() (*storageReader[uint16], error)
	permits        func() (*storageReader[[]bool], error)
	lastUpdate     func() (*storageReader[[]uint64], error)
	ownerHotkey    func() (*storageReader[accountID], error)
	axons          func() (*storageReader[servedRecord], error)
	pendingEpoch   func() (*storageReader[uint64], error)
	sinceStep      func() (*storageReader[uint64], error)
	commitReveal   func() (*storageReader[bool], error)
	revealPeriod   func() (*storageReader[uint64], error)
	commitVersion  func() (*storageReader[uint16], error)
	mechanisms     func() (*storageReader[uint8], error)
	rateLimit      func() (*storageReader[uint64], error)
	servingLimit   func() (*storageReader[uint64], error)
	versionKey     func() (*storageReader[uint64], error)
	minWeights     func() (*storageReader[uint16], error)
	stakeThreshold func() (*storageReader[uint64], error)
	consensusMode  func() (*storageReader[scale.Enum], error)
	beacon         func() (*storageReader[beaconRecord], error)

	weights    func() (*storageReader[[]weightRecord], error)
	timelocked func() (*storageReader[[]timelockedRecord], error)
	hashed     func() (*storageReader[[]hashedRecord], error)
}

func newWriteLayout(runtime *substrate.Runtime) writeLayout {
	const subtensor = "SubtensorModule"
	return writeLayout{
		neuronCount:    lazyStorage[uint16](runtime, subtensor, "SubnetworkN"),
		permits:        lazyStorage[[]bool](runtime, subtensor, "ValidatorPermit"),
		lastUpdate:     lazyStorage[[]uint64](runtime, subtensor, "LastUpdate"),
		ownerHotkey:    lazyStorage[accountID](runtime, subtensor, "SubnetOwnerHotkey"),
		axons:          lazyStorage[servedRecord](runtime, subtensor, "Axons"),
		pendingEpoch:   lazyStorage[uint64](runtime, subtensor, "PendingEpochAt"),
		sinceStep:      lazyStorage[uint64](runtime, subtensor, "BlocksSinceLastStep"),
		commitReveal:   lazyStorage[bool](runtime, subtensor, "CommitRevealWeightsEnabled"),
		revealPeriod:   lazyStorage[uint64](runtime, subtensor, "RevealPeriodEpochs"),
		commitVersion:  lazyStorage[uint16](runtime, subtensor, "CommitRevealWeightsVersion"),
		mechanisms:     lazyStorage[uint8](runtime, subtensor, "MechanismCountCurrent"),
		rateLimit:      lazyStorage[uint64](runtime, subtensor, "WeightsSetRateLimit"),
		servingLimit:   lazyStorage[uint64](runtime, subtensor, "ServingRateLimit"),
		versionKey:     lazyStorage[uint64](runtime, subtensor, "WeightsVersionKey"),
		minWeights:     lazyStorage[uint16](runtime, subtensor, "MinAllowedWeights"),
		stakeThreshold: lazyStorage[uint64](runtime, subtensor, "StakeThreshold"),
		consensusMode:  lazyStorage[scale.Enum](runtime, subtensor, "SubnetEpochConsensus"),
		beacon:         lazyStorage[beaconRecord](runtime, "Drand", "BeaconConfig"),

		weights:    lazyStorage[[]weightRecord](runtime, subtensor, "Weights"),
		timelocked: lazyStorage[[]timelockedRecord](runtime, subtensor, "TimelockedWeightCommits"),
		hashed:     lazyStorage[[]hashedRecord](runtime, subtensor, "WeightCommits"),
	}
}
