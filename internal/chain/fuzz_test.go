package chain

import (
	"math"
	"testing"
)

// Whatever a node answers, it is an error or as many neurons as it lists, with numbers that JSON can say.
func FuzzNeurons(f *testing.F) {
	neurons := twoNeurons()
	f.Add(encodeNeurons(1, 5, neurons), encodeState(1, neurons))
	f.Add([]byte{0}, []byte{0})
	f.Add([]byte{0}, encodeState(1, nil))
	f.Add(encodeNeurons(1, 5, neurons[:1]), encodeState(1, neurons))
	f.Add(encodeNeurons(1, 5, neurons), encodeState(1, neurons[1:]))
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff}, []byte{1, 4, 0xfe, 0xff, 0xff, 0xff})
	l := newLayout(runtimeOf(f, 343, "v15"))
	lists, states := must(l.neurons())(f), must(l.subnetState())(f)
	book := new(addressBook)
	f.Fuzz(func(t *testing.T, list, state []byte) {
		records, err := lists.decode(list)
		if err != nil {
			return
		}
		stakes, err := states.decode(state)
		if err != nil {
			return
		}
		got, err := neuronsOf(block{Number: 5}, 1, *records, stakes, book)
		if err != nil {
			return
		}
		if len(got.Neurons) != len(*records) {
			t.Fatalf("%d neurons of %d records", len(got.Neurons), len(*records))
		}
		for i, n := range got.Neurons {
			record := (*records)[i]
			if n.UID != record.UID || len(n.Hotkey) < 40 || !n.AxonInfo.IP.IsValid() {
				t.Fatalf("neuron %d: %+v", i, n)
			}
			for _, number := range []float64{n.Stake, n.Rank, n.Emission, n.Trust, n.Stakes.Alpha, n.Stakes.TAO, n.Stakes.Total} {
				if math.IsNaN(number) || math.IsInf(number, 0) || number < 0 {
					t.Fatalf("neuron %d: %+v", i, n)
				}
			}
		}
		validatorsOf(got)
	})
}
