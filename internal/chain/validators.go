package chain

import (
	"cmp"
	"slices"
	"sync"
	"unsafe"

	pylon "github.com/bittensor-pylon/pylon"
)

// subnet is the answer to a question about the neurons of a subnet at one block.
type subnet struct {
	// neurons is nil when there was no such subnet.
	neurons *pylon.Neurons
	// validators makes the list of validators on first use.
	validators func() *pylon.Validators
}

func newSubnet(neurons *pylon.Neurons) *subnet {
	return &subnet{
		neurons:    neurons,
		validators: sync.OnceValue(func() *pylon.Validators { return validatorsOf(neurons) }),
	}
}

// bytes is about how much memory the answer takes. Neurons and validators are counted twice over at most; the
// addresses are shared with other blocks and count for the address book.
func (s *subnet) bytes() int64 {
	if s.neurons == nil {
		return 0
	}
	neurons := len(s.neurons.Neurons)
	for i := range s.neurons.Neurons {
		if s.neurons.Neurons[i].ValidatorPermit {
			neurons++
		}
	}
	return int64(neurons) * int64(unsafe.Sizeof(pylon.Neuron{}))
}

// validatorsOf returns the neurons with a permit by total stake, highest first. Equal stakes stay in uid order.
func validatorsOf(neurons *pylon.Neurons) *pylon.Validators {
	validators := make([]pylon.Neuron, 0, 64)
	for i := range neurons.Neurons {
		if neurons.Neurons[i].ValidatorPermit {
			validators = append(validators, neurons.Neurons[i])
		}
	}
	slices.SortStableFunc(validators, func(a, b pylon.Neuron) int { return cmp.Compare(b.Stakes.Total, a.Stakes.Total) })
	return &pylon.Validators{Block: neurons.Block, Validators: slices.Clip(validators)}
}
