package pylon

import "net/netip"

// Netuid numbers a subnet. 0 is the root subnet.
type Netuid uint16

// Hotkey is the SS58 address of the key that a neuron works with.
type Hotkey string

// Coldkey is the SS58 address of the key that owns a hotkey.
type Coldkey string

// AxonProtocol is the protocol a neuron says that its axon speaks. The chain accepts any number; the constants name
// the ones in use.
type AxonProtocol uint8

// The protocols in use.
const (
	ProtocolTCP  AxonProtocol = 0
	ProtocolUDP  AxonProtocol = 1
	ProtocolHTTP AxonProtocol = 4
)

// AxonInfo is where a neuron can be reached. A neuron that has served no axon has the address 0.0.0.0 and port 0.
type AxonInfo struct {
	IP       netip.Addr   `json:"ip"`
	Port     uint16       `json:"port"`
	Protocol AxonProtocol `json:"protocol"`
}

// IsServing tells whether the neuron has published an address.
func (a AxonInfo) IsServing() bool { return a.IP.IsValid() && !a.IP.IsUnspecified() }

// Stakes are the stakes behind a hotkey on one subnet, in tokens (rao divided by 10⁹).
type Stakes struct {
	// Alpha is the subnet token, own and inherited.
	Alpha float64 `json:"alpha"`
	// TAO is the stake on the root subnet, unweighted.
	TAO float64 `json:"tao"`
	// Total is what permits and thresholds look at: alpha plus weighted TAO.
	Total float64 `json:"total"`
}

// Neuron is one registered key of a subnet at one block. Shares (rank, incentive, consensus, trust, validator trust,
// dividends) lie between 0 and 1.
type Neuron struct {
	UID      uint16   `json:"uid"`
	Coldkey  Coldkey  `json:"coldkey"`
	Hotkey   Hotkey   `json:"hotkey"`
	Active   bool     `json:"active"`
	AxonInfo AxonInfo `json:"axon_info"`
	// Stake is the alpha stake of the hotkey on this subnet, in tokens, without inheritance.
	Stake float64 `json:"stake"`
	Rank  float64 `json:"rank"`
	// Emission is what the last epoch gave, in alpha tokens.
	Emission       float64 `json:"emission"`
	Incentive      float64 `json:"incentive"`
	Consensus      float64 `json:"consensus"`
	Trust          float64 `json:"trust"`
	ValidatorTrust float64 `json:"validator_trust"`
	Dividends      float64 `json:"dividends"`
	// LastUpdate is the number of the block at which the neuron last set weights.
	LastUpdate      uint64 `json:"last_update"`
	ValidatorPermit bool   `json:"validator_permit"`
	// PruningScore is the raw 16-bit score; 65535 since spec 401.
	PruningScore uint16 `json:"pruning_score"`
	Stakes       Stakes `json:"stakes"`
}

// Neurons are all neurons of a subnet at one block, in uid order. In JSON they are an object keyed by hotkey, in the
// same order.
type Neurons struct {
	Block   Block
	Neurons []Neuron
}

// Validators are the neurons of a subnet that hold a validator permit, by total stake, highest first; equal stakes
// stay in uid order.
type Validators struct {
	Block      Block    `json:"block"`
	Validators []Neuron `json:"validators"`
}
