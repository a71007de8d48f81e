package intents

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
)

// row is one weight by uid.
type row struct {
	uid    uint16
	weight float64
}

// rowsOf maps hotkeys to the uids that they have on the subnet, in the order of the uids. Hotkeys without one are
// dropped and returned, in order.
func rowsOf(weights map[pylon.Hotkey]float64, neurons *pylon.Neurons) (rows []row, dropped []pylon.Hotkey) {
	rows = make([]row, 0, len(weights))
	for i := range neurons.Neurons {
		n := &neurons.Neurons[i]
		if weight, ok := weights[n.Hotkey]; ok {
			rows = append(rows, row{n.UID, weight})
		}
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.uid, b.uid) })
	if len(rows) == len(weights) {
		return rows, nil
	}
	found := make(map[pylon.Hotkey]bool, len(rows))
	for i := range neurons.Neurons {
		found[neurons.Neurons[i].Hotkey] = true
	}
	for hotkey := range weights {
		if !found[hotkey] {
			dropped = append(dropped, hotkey)
		}
	}
	slices.Sort(dropped)
	return rows, dropped
}

// quantise makes weights the chain's 16-bit numbers as the Python service does: divided by the largest, scaled to 65535,
// halves rounded to the even neighbour; all zero stays zero, and zeros stay in. A weight that has no such number, because
// it is negative, is an error.
func quantise(rows []row) (uids, values []uint16, err error) {
	uids, values = make([]uint16, len(rows)), make([]uint16, len(rows))
	largest := math.Inf(-1)
	for _, r := range rows {
		largest = max(largest, r.weight)
	}
	for i, r := range rows {
		uids[i] = r.uid
		if largest == 0 {
			if r.weight != 0 {
				return nil, nil, fmt.Errorf("the weight of uid %d is negative: %v", r.uid, r.weight)
			}
			continue
		}
		value := math.RoundToEven(r.weight / largest * math.MaxUint16)
		if r.weight < 0 || !(value >= 0 && value <= math.MaxUint16) {
			return nil, nil, fmt.Errorf("the weight of uid %d is negative: %v", r.uid, r.weight)
		}
		values[i] = uint16(value)
	}
	return uids, values, nil
}
