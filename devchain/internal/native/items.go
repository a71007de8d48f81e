package native

import (
	"math/big"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// account is an AccountId32.
type account = [32]byte

// axonInfo is where a neuron can be reached.
type axonInfo struct {
	Block        uint64        `scale:"block"`
	Version      uint32        `scale:"version"`
	IP           scale.Uint128 `scale:"ip"`
	Port         uint16        `scale:"port"`
	IPType       uint8         `scale:"ip_type"`
	Protocol     uint8         `scale:"protocol"`
	Placeholder1 uint8         `scale:"placeholder1"`
	Placeholder2 uint8         `scale:"placeholder2"`
}

// prometheusInfo is where a neuron's metrics can be read.
type prometheusInfo struct {
	Block   uint64        `scale:"block"`
	Version uint32        `scale:"version"`
	IP      scale.Uint128 `scale:"ip"`
	Port    uint16        `scale:"port"`
	IPType  uint8         `scale:"ip_type"`
}

// certificate is a public key that a neuron published.
type certificate struct {
	PublicKey []byte `scale:"public_key"`
	Algorithm uint8  `scale:"algorithm"`
}

// chainIdentity describes the owner of a coldkey. GithubRepo is newer than the
// rest.
type chainIdentity struct {
	Name        string `scale:"name"`
	URL         string `scale:"url"`
	GithubRepo  string `scale:"github_repo,optional"`
	Image       string `scale:"image"`
	Discord     string `scale:"discord"`
	Description string `scale:"description"`
	Additional  string `scale:"additional"`
}

// subnetIdentity describes a subnet. Its first three fields are the oldest.
type subnetIdentity struct {
	SubnetName    string `scale:"subnet_name"`
	GithubRepo    string `scale:"github_repo"`
	SubnetContact string `scale:"subnet_contact"`
	SubnetURL     string `scale:"subnet_url,optional"`
	Discord       string `scale:"discord,optional"`
	Description   string `scale:"description,optional"`
	LogoURL       string `scale:"logo_url,optional"`
	Additional    string `scale:"additional,optional"`
}

// pair is two 16-bit numbers: a uid and a value in weights and bonds, or the low
// and the high alpha.
type pair struct {
	First  uint16 `scale:"0"`
	Second uint16 `scale:"1"`
}

// fixed is a fixed-point number as its bits.
type fixed struct {
	Bits *big.Int `scale:"bits"`
}

// accountInfo is an account of System and Balances. Amounts are in rao.
type accountInfo struct {
	Nonce       uint32 `scale:"nonce"`
	Consumers   uint32 `scale:"consumers"`
	Providers   uint32 `scale:"providers"`
	Sufficients uint32 `scale:"sufficients"`
	Data        struct {
		Free     uint64        `scale:"free"`
		Reserved uint64        `scale:"reserved"`
		Frozen   uint64        `scale:"frozen"`
		Flags    scale.Uint128 `scale:"flags"`
	} `scale:"data"`
}

// lastRuntimeUpgrade is the runtime that ran last.
type lastRuntimeUpgrade struct {
	SpecVersion uint32 `scale:"spec_version"`
	SpecName    string `scale:"spec_name"`
}

// registration is a commitment. Its fields are kept as the encoded
// CommitmentInfo describes them.
type registration struct {
	Deposit uint64 `scale:"deposit"`
	Block   uint32 `scale:"block"`
	Info    struct {
		Fields []scale.Enum `scale:"fields"`
	} `scale:"info"`
}

// items are the storage items that the runtime itself reads and writes; see
// bindItems. Others are in the metadata and stay at their defaults until
// somebody writes them.
type items struct {
	System struct {
		Account            item[accountInfo]
		BlockHash          item[[32]byte]
		Number             item[uint32]
		ParentHash         item[[32]byte]
		EventCount         item[uint32]
		LastRuntimeUpgrade item[lastRuntimeUpgrade]
	}
	Timestamp struct {
		Now       item[uint64]
		DidUpdate item[bool]
	}
	Aura struct {
		Authorities item[[][32]byte]
		CurrentSlot item[uint64]
	}
	Balances struct {
		TotalIssuance item[uint64]
	}
	Sudo struct {
		Key item[account]
	}
	EVMChainId struct { //nolint:revive // the chain's name
		ChainId item[uint64] //nolint:revive // the chain's name
	}
	Commitments struct {
		CommitmentOf        item[registration]
		LastCommitment      item[uint32]
		RevealedCommitments item[[]revealed]
		TimelockedIndex     item[[]timelockedOwner]
		UsedSpaceOf         item[usedSpace]
		MaxSpace            item[uint32]
	}
	Drand struct {
		BeaconConfig      item[beaconConfig]
		Pulses            item[pulse]
		LastStoredRound   item[uint64]
		OldestStoredRound item[uint64]
		NextUnsignedAt    item[uint32]
	}
	Swap struct {
		FeeRate      item[uint16]
		SwapBalancer item[struct {
			Quote uint64 `scale:"quote"`
		}]
		PalSwapInitialized item[bool]
		AlphaSqrtPrice     item[fixed]
		SwapV3Initialized  item[bool]
	}
	SubtensorModule subtensorItems
}

// subtensorItems are those of SubtensorModule.
type subtensorItems struct {
	// Of the chain.
	TotalNetworks                item[uint16]
	TotalIssuance                item[uint64]
	TotalStake                   item[uint64]
	TaoWeight                    item[uint64]
	StakeThreshold               item[uint64]
	WeightsMinStake              item[uint64]
	MaxEpochsPerBlock            item[uint8]
	CommitRevealWeightsVersion   item[uint16]
	AdminFreezeWindow            item[uint16]
	NetworkMinLockCost           item[uint64]
	NetworkLastLockCost          item[uint64]
	NetworkLockReductionInterval item[uint64]

	// Of keys.
	Owner             item[account]
	OwnedHotkeys      item[[]account]
	StakingHotkeys    item[[]account]
	Delegates         item[uint16]
	TotalHotkeyAlpha  item[uint64]
	TotalHotkeyShares item[fixed]
	Alpha             item[fixed]
	Stake             item[uint64]
	TotalHotkeyStake  item[uint64]
	TotalColdkeyStake item[uint64]
	IdentitiesV2      item[chainIdentity]
	Identities        item[chainIdentity]

	// Of subnets.
	NetworksAdded                  item[bool]
	NetworkRegisteredAt            item[uint64]
	SubnetworkN                    item[uint16]
	SubnetMechanism                item[uint16]
	SubnetOwner                    item[account]
	SubnetOwnerHotkey              item[account]
	SubnetIdentitiesV3             item[subnetIdentity]
	SubnetIdentitiesV2             item[subnetIdentity]
	SubnetIdentities               item[subnetIdentity]
	TokenSymbol                    item[string]
	SubnetTAO                      item[uint64]
	SubnetAlphaIn                  item[uint64]
	SubnetAlphaOut                 item[uint64]
	SubnetAlphaInEmission          item[uint64]
	SubnetAlphaOutEmission         item[uint64]
	SubnetTaoInEmission            item[uint64]
	SubnetMovingPrice              item[fixed]
	SubnetVolume                   item[scale.Uint128]
	FirstEmissionBlockNumber       item[uint64]
	PendingServerEmission          item[uint64]
	PendingValidatorEmission       item[uint64]
	PendingRootAlphaDivs           item[uint64]
	PendingEmission                item[uint64]
	MechanismCountCurrent          item[uint8]
	Tempo                          item[uint16]
	LastEpochBlock                 item[uint64]
	PendingEpochAt                 item[uint64]
	SubnetEpochIndex               item[uint64]
	BlocksSinceLastStep            item[uint64]
	LastMechansimStepBlock         item[uint64]
	Rho                            item[uint16]
	Kappa                          item[uint16]
	AlphaSigmoidSteepness          item[int16]
	ImmunityPeriod                 item[uint16]
	ActivityCutoff                 item[uint16]
	ActivityCutoffFactorMilli      item[uint32]
	MaxWeightsLimit                item[uint16]
	MinAllowedWeights              item[uint16]
	MaxAllowedValidators           item[uint16]
	MaxAllowedUids                 item[uint16]
	ScalingLawPower                item[uint16]
	WeightsVersionKey              item[uint64]
	WeightsSetRateLimit            item[uint64]
	ServingRateLimit               item[uint64]
	CommitRevealWeightsEnabled     item[bool]
	RevealPeriodEpochs             item[uint64]
	SubnetEpochConsensus           item[scale.Enum]
	LastYumaStepBlock              item[uint64]
	SavedYumaMaxAllowedValidators  item[uint16]
	AdjustmentInterval             item[uint16]
	AdjustmentAlpha                item[uint64]
	TargetRegistrationsPerInterval item[uint16]
	MaxRegistrationsPerBlock       item[uint16]
	BondsMovingAverage             item[uint64]
	BondsResetOn                   item[bool]
	Burn                           item[uint64]
	MinBurn                        item[uint64]
	MaxBurn                        item[uint64]
	BurnHalfLife                   item[uint16]
	BurnIncreaseMult               item[fixed]
	Difficulty                     item[uint64]
	MinDifficulty                  item[uint64]
	MaxDifficulty                  item[uint64]
	AlphaValues                    item[pair]
	LiquidAlphaOn                  item[bool]
	Yuma3On                        item[bool]
	SubtokenEnabled                item[bool]
	TransferToggle                 item[bool]
	NetworkRegistrationAllowed     item[bool]
	NetworkPowRegistrationAllowed  item[bool]
	OwnerCutEnabled                item[bool]
	OwnerCutAutoLockEnabled        item[bool]
	MinChildkeyTakePerSubnet       item[uint16]

	// Of neurons.
	Keys                       item[account]
	Uids                       item[uint16]
	IsNetworkMember            item[bool]
	BlockAtRegistration        item[uint64]
	Active                     item[[]bool]
	Rank                       item[[]uint16]
	Trust                      item[[]uint16]
	PruningScores              item[[]uint16]
	Consensus                  item[[]uint16]
	Dividends                  item[[]uint16]
	ValidatorTrust             item[[]uint16]
	Incentive                  item[[]uint16]
	Emission                   item[[]uint64]
	LastUpdate                 item[[]uint64]
	ValidatorPermit            item[[]bool]
	StakeWeight                item[[]uint16]
	Weights                    item[[]pair]
	Bonds                      item[[]pair]
	WeightCommits              item[[]hashCommit]
	TimelockedWeightCommits    item[[]timelockedCommit]
	Axons                      item[axonInfo]
	Prometheus                 item[prometheusInfo]
	NeuronCertificates         item[certificate]
	LastHotkeyEmissionOnNetuid item[uint64]
	AlphaDividendsPerSubnet    item[uint64]
	AutoStakeDestination       item[account]
	AssociatedEvmAddress       item[association]
}
