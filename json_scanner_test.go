package pylon_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	pylon "github.com/bittensor-pylon/pylon"
)

// plainNeurons is read by encoding/json alone.
type plainNeurons struct {
	Block   pylon.Block                   `json:"block"`
	Neurons map[pylon.Hotkey]pylon.Neuron `json:"neurons"`
}

// What our scanner takes, encoding/json takes too, and reads the same from it.
func FuzzNeuronsAreThoseOfEncodingJSON(f *testing.F) {
	f.Add(testdata(f, "neurons.json"))
	f.Add([]byte(`{"block":{"number":1,"hash":"0x"},"neurons":{"b":{"uid":0,"stake":-1.5e-3,"coldkey":"\u00e9\n","x":[{"y":[]}]}}}`))
	f.Add([]byte(`{"block":null,"neurons":{"a":{"axon_info":{"ip":"::1","port":1,"protocol":4},"active":null,"stakes":null}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var ours pylon.Neurons
		if ours.UnmarshalJSON(data) != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("no JSON: %q", data)
		}
		var theirs plainNeurons
		if err := json.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", data, err)
		}
		if hasVariants(data) {
			return
		}
		for _, neuron := range ours.Neurons {
			theirs := theirs.Neurons[neuron.Hotkey]
			theirs.Hotkey = neuron.Hotkey
			if neuron != theirs {
				t.Fatal(cmp.Diff(theirs, neuron, cmpopts.EquateComparable(pylon.Neuron{})))
			}
		}
	})
}

// hasVariants tells whether names of members are written otherwise than we write them: encoding/json takes capitals too.
func hasVariants(data []byte) bool {
	for _, c := range data {
		if c >= 'A' && c <= 'Z' || c >= 0x80 || c == '\\' {
			return true
		}
	}
	return false
}

// thousand is an answer with 1,024 neurons, made from one that the Python service gave.
func thousand(tb testing.TB) []byte {
	tb.Helper()
	var some, many pylon.Neurons
	if err := json.Unmarshal(testdata(tb, "neurons.json"), &some); err != nil {
		tb.Fatal(err)
	}
	many.Block = some.Block
	for i := range 1024 {
		neuron := some.Neurons[i%len(some.Neurons)]
		neuron.UID = uint16(i)
		neuron.Hotkey = pylon.Hotkey(fmt.Sprintf("5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNo%07d", i))
		neuron.Coldkey = pylon.Coldkey(fmt.Sprintf("5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj%07d", i))
		many.Neurons = append(many.Neurons, neuron)
	}
	return many.AppendJSON(nil)
}

// An answer costs two allocations for a neuron at most, and two of its strings are the result itself.
func TestNeuronsCostFewAllocations(t *testing.T) {
	data := thousand(t)
	var neurons pylon.Neurons
	allocations := testing.AllocsPerRun(5, func() {
		neurons = pylon.Neurons{}
		if err := neurons.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
	})
	result := float64(2*len(neurons.Neurons) + 2) // hotkeys and coldkeys, the list, the block's hash
	if beyond := (allocations - result) / float64(len(neurons.Neurons)); beyond > 2 {
		t.Errorf("%.0f allocations: %.2f for each neuron beyond the result", allocations, beyond)
	}
	runtime.KeepAlive(neurons)
}

func BenchmarkDecodeNeurons(b *testing.B) {
	data := thousand(b)
	b.Run("pylon", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var neurons pylon.Neurons
			if err := neurons.UnmarshalJSON(data); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var neurons plainNeurons
			if err := json.Unmarshal(data, &neurons); err != nil {
				b.Fatal(err)
			}
		}
	})
}
