package chain

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// neuronRecord is what is read of the chain's NeuronInfoLite. Shares are parts of 65535, amounts are rao.
type neuronRecord struct {
	Hotkey   accountID    `scale:"hotkey"`
	Coldkey  accountID    `scale:"coldkey"`
	UID      uint16       `scale:"uid"`
	Netuid   uint16       `scale:"netuid"`
	Active   bool         `scale:"active"`
	AxonInfo axonRecord   `scale:"axon_info"`
	Stake    []stakeEntry `scale:"stake"`
	// Rank and trust are gone from the chain since spec 401 and only zeros here; a runtime may drop them.
	Rank            uint16 `scale:"rank,optional"`
	Emission        uint64 `scale:"emission"`
	Incentive       uint16 `scale:"incentive"`
	Consensus       uint16 `scale:"consensus"`
	Trust           uint16 `scale:"trust,optional"`
	ValidatorTrust  uint16 `scale:"validator_trust"`
	Dividends       uint16 `scale:"dividends"`
	LastUpdate      uint64 `scale:"last_update"`
	ValidatorPermit bool   `scale:"validator_permit"`
	PruningScore    uint16 `scale:"pruning_score"`
}

type axonRecord struct {
	IP       scale.Uint128 `scale:"ip"`
	Port     uint16        `scale:"port"`
	Protocol uint8         `scale:"protocol"`
}

// stakeEntry is a coldkey and its stake, in rao. Since spec 233 there is one for each neuron: its owner and all of the
// hotkey's alpha. Before, there is one for each who staked TAO on the hotkey.
type stakeEntry struct {
	Amount uint64 `scale:"1"`
}

// subnetStateRecord is what is read of the chain's SubnetState: stakes in rao, by the place of the hotkey. The chain's
// emission_history (as many numbers as there are neurons, for every subnet that exists) is not.
type subnetStateRecord struct {
	Netuid     uint16      `scale:"netuid"`
	Hotkeys    []accountID `scale:"hotkeys"`
	AlphaStake []uint64    `scale:"alpha_stake"`
	TAOStake   []uint64    `scale:"tao_stake"`
	TotalStake []uint64    `scale:"total_stake"`
}

// check tells what is wrong with a state that is said to be that subnet's.
func (s *subnetStateRecord) check(netuid pylon.Netuid) error {
	if s.Netuid != uint16(netuid) {
		return fmt.Errorf("the answer is about subnet %d instead of %d", s.Netuid, netuid)
	}
	if n := len(s.Hotkeys); len(s.AlphaStake) != n || len(s.TAOStake) != n || len(s.TotalStake) != n {
		return fmt.Errorf("%d hotkeys with %d, %d and %d stakes", n, len(s.AlphaStake), len(s.TAOStake), len(s.TotalStake))
	}
	return nil
}

// stakeFinder finds the stakes of the neurons of one block.
type stakeFinder struct {
	state *subnetStateRecord // nil before spec 233
	// places is where each hotkey is in state, made for the first neuron that is not at its own place.
	places map[accountID]int
}

// find returns the stakes of the neuron at that place of the list.
//
// They are those that the subnet's state has for its hotkey. Runtimes before spec 233 have no such state and no alpha:
// there, all stake is TAO, and TAO and total are the sum of what is staked on the hotkey.
func (f *stakeFinder) find(place int, neuron *neuronRecord) (pylon.Stakes, error) {
	if f.state == nil {
		var sum uint64
		for _, entry := range neuron.Stake {
			sum += entry.Amount
		}
		return pylon.Stakes{TAO: tokens(sum), Total: tokens(sum)}, nil
	}
	if place >= len(f.state.Hotkeys) || f.state.Hotkeys[place] != neuron.Hotkey {
		if f.places == nil {
			f.places = make(map[accountID]int, len(f.state.Hotkeys))
			for i, hotkey := range f.state.Hotkeys {
				f.places[hotkey] = i
			}
		}
		var ok bool
		if place, ok = f.places[neuron.Hotkey]; !ok {
			return pylon.Stakes{}, fmt.Errorf("the state of the subnet lacks the hotkey of neuron %d", neuron.UID)
		}
	}
	return pylon.Stakes{
		Alpha: tokens(f.state.AlphaStake[place]),
		TAO:   tokens(f.state.TAOStake[place]),
		Total: tokens(f.state.TotalStake[place]),
	}, nil
}

// neuronsOf makes the public form of the neurons of a subnet at a block, in the order of the runtime's list, which is
// that of the uids. The state is nil where the runtime has none. One neuron that makes no sense fails the whole: it must
// not silently be missing.
func neuronsOf(at block, netuid pylon.Netuid, records []neuronRecord, state *subnetStateRecord, book *addressBook) (*pylon.Neurons, error) {
	if state != nil {
		if err := state.check(netuid); err != nil {
			return nil, fmt.Errorf("subnet state: %w", err)
		}
		if len(records) != len(state.Hotkeys) {
			return nil, fmt.Errorf("%d neurons, and %d hotkeys in the subnet's state", len(records), len(state.Hotkeys))
		}
	}
	stakes := stakeFinder{state: state}
	addresses := book.read(at.Number, len(records))
	neurons := make([]pylon.Neuron, len(records))
	for i := range records {
		record := &records[i]
		if record.Netuid != uint16(netuid) {
			return nil, fmt.Errorf("neurons: the answer is about subnet %d instead of %d", record.Netuid, netuid)
		}
		staked, err := stakes.find(i, record)
		if err != nil {
			return nil, err
		}
		hotkey, coldkey := addresses.next(&record.Hotkey, &record.Coldkey)
		neurons[i] = pylon.Neuron{
			UID:     record.UID,
			Coldkey: coldkey,
			Hotkey:  hotkey,
			Active:  record.Active,
			AxonInfo: pylon.AxonInfo{
				IP:       address(record.AxonInfo.IP),
				Port:     record.AxonInfo.Port,
				Protocol: pylon.AxonProtocol(record.AxonInfo.Protocol),
			},
			Stake:           record.firstStake(),
			Rank:            share(record.Rank),
			Emission:        tokens(record.Emission),
			Incentive:       share(record.Incentive),
			Consensus:       share(record.Consensus),
			Trust:           share(record.Trust),
			ValidatorTrust:  share(record.ValidatorTrust),
			Dividends:       share(record.Dividends),
			LastUpdate:      record.LastUpdate,
			ValidatorPermit: record.ValidatorPermit,
			PruningScore:    record.PruningScore,
			Stakes:          staked,
		}
	}
	addresses.done()
	return &pylon.Neurons{Block: at.public(), Neurons: neurons}, nil
}

// firstStake is the neuron's stake as the contract wants it: the first entry, in tokens.
func (n *neuronRecord) firstStake() float64 {
	if len(n.Stake) == 0 {
		return 0
	}
	return tokens(n.Stake[0].Amount)
}

// share is a proportion, which the chain keeps in 16 bits.
func share(value uint16) float64 { return float64(value) / 65535 }

// tokens is an amount of rao (or of an alpha token's smallest part) in whole tokens.
func tokens(rao uint64) float64 { return float64(rao) / 1e9 }

// address is the address in an axon's 128 bits: those below 2³² are IPv4, as the chain's own clients have it, which
// also makes 0.0.0.0 of an axon that was never served. The record has the kind as well, but what is below 2³² as an IPv6
// address reaches nobody.
func address(ip scale.Uint128) netip.Addr {
	if ip.Hi == 0 && ip.Lo < 1<<32 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(ip.Lo))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], ip.Hi)
	binary.BigEndian.PutUint64(b[8:], ip.Lo)
	return netip.AddrFrom16(b)
}
