package devchain

import (
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/internal/native"
)

// Subtensor is the chain's own runtime: it plays Subtensor, from spec version 218
// to 475, with subnets, neurons, stakes, epochs, commitments, weights and a
// randomness beacon. Its methods write the state directly, for use with Edit and
// ProduceEdited: what the owner of a subnet could change (SetCommitReveal, SetTempo,
// SetWeightsRateLimit, TriggerEpoch, SetNullConsensus …), what happens to neurons
// (SetStake, SetPermit, Deregister …) and what the beacon does (HoldPulses, SetPulse).
type Subtensor = native.Runtime

// SubtensorConfig says which Subtensor to play and what block 0 holds. The zero
// value is the newest known spec with the four subnets of DefaultSubnets.
type SubtensorConfig = native.Config

// Subnet is one subnet of block 0.
type Subnet = native.Subnet

// DefaultSubnets returns the subnets of a chain that is not configured, one for each
// way to set weights: 1 directly, 2 by commit-reveal (tempo 20), 3 with two
// mechanisms, 4 every 20 blocks at most (tempo 100). They have 256, 64, 32 and 16
// neurons.
func DefaultSubnets() []Subnet { return native.DefaultSubnets() }

// Axon is where a neuron can be reached.
type Axon = native.Axon

// NeuronLayout is a change of the neuron layout that no real runtime made, for
// tests of clients that read by name.
type NeuronLayout = native.NeuronLayout

// The neuron layouts.
const (
	NeuronsAsInSpec  = native.NeuronsAsInSpec
	NeuronsWithExtra = native.NeuronsWithExtra // a field pylon_extra (u32) after coldkey
	NeuronsReordered = native.NeuronsReordered // last_update comes first, the hotkey last
)

// NewSubtensor makes the runtime. It takes a few dozen milliseconds at most.
func NewSubtensor(config SubtensorConfig) (*Subtensor, error) { return native.New(config) }

// Specs returns the spec versions that can be played, oldest first.
func Specs() []uint32 { return slices.Clone(native.Specs) }
