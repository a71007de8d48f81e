package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// neuronInfo is NeuronInfo and, without weights and bonds, NeuronInfoLite.
type neuronInfo struct {
	Hotkey         account        `scale:"hotkey"`
	Coldkey        account        `scale:"coldkey"`
	UID            uint16         `scale:"uid"`
	Netuid         uint16         `scale:"netuid"`
	Active         bool           `scale:"active"`
	AxonInfo       axonInfo       `scale:"axon_info"`
	PrometheusInfo prometheusInfo `scale:"prometheus_info"`
	Stake          []holding      `scale:"stake"`
	Rank           uint16         `scale:"rank"`
	Emission       uint64         `scale:"emission"`
	Incentive      uint16         `scale:"incentive"`
	Consensus      uint16         `scale:"consensus"`
	Trust          uint16         `scale:"trust"`
	ValidatorTrust uint16         `scale:"validator_trust"`
	Dividends      uint16         `scale:"dividends"`
	LastUpdate     uint64         `scale:"last_update"`
	Permit         bool           `scale:"validator_permit"`
	Weights        []pair         `scale:"weights,optional"`
	Bonds          []pair         `scale:"bonds,optional"`
	PruningScore   uint16         `scale:"pruning_score"`
	Extra          uint32         `scale:"pylon_extra,optional"` // of NeuronsWithExtra
}

// holding is an amount that belongs to an account.
type holding struct {
	Account account `scale:"0"`
	Amount  uint64  `scale:"1"`
}

const (
	// rankless is the spec version since which ranks, trusts and pruning scores
	// are no more.
	rankless = 401
	// noPruningScore is what they are then.
	noPruningScore = 65535
	// extraNeuronField is the value of NeuronsWithExtra in every neuron.
	extraNeuronField = 0xfeed
)

func (r *Runtime) bindNeurons(b *methodBinder) {
	const api = "NeuronInfoRuntimeApi"
	all := func(full bool) func(runtime.State, *scale.Reader) []neuronInfo {
		return func(st runtime.State, in *scale.Reader) []neuronInfo {
			return r.neurons(st, in.Uint16(), full)
		}
	}
	single := func(full bool) func(runtime.State, *scale.Reader) *neuronInfo {
		return func(st runtime.State, in *scale.Reader) *neuronInfo {
			netuid, uid := in.Uint16(), in.Uint16()
			if !r.subnetExists(st, netuid) || uid >= r.items.SubtensorModule.SubnetworkN.get(st, u16(netuid)) {
				return nil
			}
			neuron := r.readNeurons(st, netuid).neuron(uid, full)
			return &neuron
		}
	}
	answer(b, api, "get_neurons", all(true))
	answer(b, api, "get_neurons_lite", all(false))
	answer(b, api, "get_neuron", single(true))
	answer(b, api, "get_neuron_lite", single(false))
}

// neurons returns the neurons of a subnet, none if there is no such subnet.
func (r *Runtime) neurons(st runtime.State, netuid uint16, full bool) []neuronInfo {
	if !r.subnetExists(st, netuid) {
		return nil
	}
	reader := r.readNeurons(st, netuid)
	neurons := make([]neuronInfo, r.items.SubtensorModule.SubnetworkN.get(st, u16(netuid)))
	for uid := range neurons {
		neurons[uid] = reader.neuron(uint16(uid), full)
	}
	return neurons
}

// neuronReader reads the neurons of one subnet. It holds the lists that have an
// entry for every neuron.
type neuronReader struct {
	runtime *Runtime
	state   runtime.State
	netuid  uint16

	active, permits                                                       []bool
	incentive, consensus, dividends, validatorTrust, rank, trust, pruning []uint16
	emission, lastUpdate                                                  []uint64
}

// readNeurons reads the lists of mechanism 0.
func (r *Runtime) readNeurons(st runtime.State, netuid uint16) *neuronReader {
	s, key := &r.items.SubtensorModule, u16(netuid)
	return &neuronReader{
		runtime: r, state: st, netuid: netuid,
		active: s.Active.get(st, key), permits: s.ValidatorPermit.get(st, key),
		incentive: s.Incentive.get(st, key), consensus: s.Consensus.get(st, key), dividends: s.Dividends.get(st, key),
		validatorTrust: s.ValidatorTrust.get(st, key),
		rank:           s.Rank.get(st, key), trust: s.Trust.get(st, key), pruning: s.PruningScores.get(st, key),
		emission: s.Emission.get(st, key), lastUpdate: s.LastUpdate.get(st, key),
	}
}

// at is the entry of a uid, or zero.
func at[T any](list []T, uid uint16) T {
	if int(uid) < len(list) {
		return list[uid]
	}
	var zero T
	return zero
}

func (n *neuronReader) neuron(uid uint16, full bool) neuronInfo {
	s, st, key := &n.runtime.items.SubtensorModule, n.state, u16(n.netuid)
	hotkey := s.Keys.get(st, key, u16(uid))
	info := neuronInfo{
		Hotkey: hotkey, Coldkey: s.Owner.get(st, hotkey[:]), UID: uid, Netuid: n.netuid,
		Active: at(n.active, uid), Permit: at(n.permits, uid),
		AxonInfo: s.Axons.get(st, key, hotkey[:]), PrometheusInfo: s.Prometheus.get(st, key, hotkey[:]),
		Emission: at(n.emission, uid), Incentive: at(n.incentive, uid), Consensus: at(n.consensus, uid),
		ValidatorTrust: at(n.validatorTrust, uid), Dividends: at(n.dividends, uid), LastUpdate: at(n.lastUpdate, uid),
		PruningScore: noPruningScore,
	}
	if n.runtime.config.NeuronLayout == NeuronsWithExtra {
		info.Extra = extraNeuronField
	}
	if n.runtime.config.Spec < rankless {
		info.Rank, info.Trust, info.PruningScore = at(n.rank, uid), at(n.trust, uid), at(n.pruning, uid)
	}
	info.Stake = n.holdings(hotkey, info.Coldkey)
	if full {
		info.Weights = withoutZeros(s.Weights.get(st, key, u16(uid)))
		info.Bonds = withoutZeros(s.Bonds.get(st, key, u16(uid)))
	}
	return info
}

// holdings are the stake behind a hotkey: since spec 233 the alpha of the subnet
// as one entry for the owner, before the TAO of every nominator.
func (n *neuronReader) holdings(hotkey, coldkey account) []holding {
	s := &n.runtime.items.SubtensorModule
	if s.TotalHotkeyAlpha.exists() {
		return []holding{{coldkey, s.TotalHotkeyAlpha.get(n.state, hotkey[:], u16(n.netuid))}}
	}
	var all []holding
	for _, end := range s.Stake.lastKeys(n.state, len(account{}), hotkey[:]) {
		nominator := account(end)
		all = append(all, holding{nominator, s.Stake.get(n.state, hotkey[:], nominator[:])})
	}
	return all
}

// withoutZeros leaves out the pairs whose value is zero.
func withoutZeros(list []pair) []pair {
	var out []pair
	for _, p := range list {
		if p.Second > 0 {
			out = append(out, p)
		}
	}
	return out
}
