package native

import (
	"fmt"
	"slices"
	"time"
)

// Config says which Subtensor to play and what its block 0 holds. The zero
// value is the newest known spec with the subnets of DefaultSubnets.
type Config struct {
	// Spec is the spec version whose names and layouts are played, one of Specs.
	// Defaults to 475.
	Spec uint32

	// SpecVersion is the spec version that is reported, for tests of upgrades
	// between runtimes that differ in nothing else or in what no real one did.
	// Defaults to Spec.
	SpecVersion uint32

	// Subnets are the subnets of block 0 besides root, by netuid. Defaults to
	// DefaultSubnets().
	Subnets []Subnet

	// GenesisTime is what Timestamp.Now says at block 0, to the millisecond.
	// Defaults to the zero time, which leaves it at 0 as real chains do.
	GenesisTime time.Time

	// BlockTime is the length of an Aura slot that the metadata tells. Defaults to
	// 12 seconds.
	BlockTime time.Duration

	// Quiet keeps neurons from acting by themselves: without it, all seeded
	// validators but //Alice set new weights whenever an epoch is due. Defaults to
	// false.
	Quiet bool

	// MovePallets gives pallets other indexes, by name. Defaults to none.
	MovePallets map[string]uint8

	// NeuronLayout changes what get_neurons and its relatives return. Defaults to
	// the layout of Spec.
	NeuronLayout NeuronLayout
}

// Subnet is one subnet of block 0.
type Subnet struct {
	// Netuid is at least 1.
	Netuid uint16
	// Neurons is how many neurons are registered: the validators, then miners, at
	// most 4096. Defaults to 16.
	Neurons int
	// Tempo is the number of blocks between epochs. Defaults to 20.
	Tempo uint16
	// Mechanisms is how many mechanisms the subnet has, where Spec knows them.
	// Defaults to 1.
	Mechanisms uint8
	// CommitReveal tells whether weights must be committed first. Defaults to
	// false.
	CommitReveal bool
	// WeightsRateLimit is how many blocks a neuron waits between settings of its
	// weights, or commits to them. Defaults to 0, no limit.
	WeightsRateLimit uint64
}

// NeuronLayout is a change of the neuron layout that no real runtime made.
type NeuronLayout uint8

// The neuron layouts.
const (
	NeuronsAsInSpec  NeuronLayout = iota
	NeuronsWithExtra              // a field pylon_extra (u32) after coldkey
	NeuronsReordered              // last_update comes first, the hotkey last
)

// Specs are the spec versions that can be played.
var Specs = []uint32{218, 233, 320, 343, 393, 425, 475}

const (
	newestSpec       = 475
	defaultBlockTime = 12 * time.Second
	maxNeurons       = 4096
)

// DefaultSubnets returns the subnets of a chain that is not configured, one for
// each way to set weights:
//
//   - 1 has 256 neurons and tempo 100; weights are set directly.
//   - 2 has 64 neurons, tempo 20 and commit-reveal.
//   - 3 has 32 neurons, tempo 20 and two mechanisms.
//   - 4 has 16 neurons, tempo 100, and takes weights every 20 blocks.
func DefaultSubnets() []Subnet {
	return []Subnet{
		{Netuid: 1, Neurons: 256, Tempo: 100},
		{Netuid: 2, Neurons: 64, Tempo: 20, CommitReveal: true},
		{Netuid: 3, Neurons: 32, Tempo: 20, Mechanisms: 2},
		{Netuid: 4, Neurons: 16, Tempo: 100, WeightsRateLimit: 20},
	}
}

func (c Config) withDefaults() Config {
	if c.Spec == 0 {
		c.Spec = newestSpec
	}
	if c.SpecVersion == 0 {
		c.SpecVersion = c.Spec
	}
	if c.BlockTime == 0 {
		c.BlockTime = defaultBlockTime
	}
	if c.Subnets == nil {
		c.Subnets = DefaultSubnets()
	}
	c.Subnets = slices.Clone(c.Subnets)
	for i := range c.Subnets {
		s := &c.Subnets[i]
		if s.Neurons == 0 {
			s.Neurons = 16
		}
		if s.Tempo == 0 {
			s.Tempo = 20
		}
		if s.Mechanisms == 0 {
			s.Mechanisms = 1
		}
	}
	return c
}

func (c Config) validate() error {
	switch {
	case !slices.Contains(Specs, c.Spec):
		return fmt.Errorf("native: Config.Spec is %d, not one of %d", c.Spec, Specs)
	case c.BlockTime < time.Millisecond:
		return fmt.Errorf("native: Config.BlockTime is less than a millisecond: %v", c.BlockTime)
	case !c.GenesisTime.IsZero() && c.GenesisTime.UnixMilli() < 0:
		return fmt.Errorf("native: Config.GenesisTime is before 1970: %v", c.GenesisTime)
	case c.NeuronLayout > NeuronsReordered:
		return fmt.Errorf("native: Config.NeuronLayout is %d, which is none", c.NeuronLayout)
	}
	seen := map[uint16]bool{}
	for i, s := range c.Subnets {
		field := fmt.Sprintf("Config.Subnets[%d]", i)
		switch {
		case s.Netuid == 0:
			return fmt.Errorf("native: %s.Netuid is 0, which is the root subnet", field)
		case s.Netuid >= maxSubnets:
			return fmt.Errorf("native: %s.Netuid is %d; the largest is %d", field, s.Netuid, maxSubnets-1)
		case seen[s.Netuid]:
			return fmt.Errorf("native: %s.Netuid is %d again", field, s.Netuid)
		case s.Neurons < 0 || s.Neurons > maxNeurons:
			return fmt.Errorf("native: %s.Neurons is %d, not between 0 and %d", field, s.Neurons, maxNeurons)
		case s.Mechanisms > maxMechanisms:
			return fmt.Errorf("native: %s.Mechanisms is %d; the most is %d", field, s.Mechanisms, maxMechanisms)
		}
		seen[s.Netuid] = true
	}
	return nil
}
