package dendrite_test

import (
	"testing"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
)

// BenchmarkCall is a signed call to an axon that checks it, and its answer, one
// after the other.
func BenchmarkCall(b *testing.B) {
	target := serve(b, axon.Config{}, double)
	d := newDendrite(b, dendrite.Config{})
	m := &Dummy{Input: 41, Note: "é"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dendrite.Call(b.Context(), d, target, m); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCallAlone is the same without the network and the axon.
func BenchmarkCallAlone(b *testing.B) {
	for name, signer := range map[string]synapse.Signer{"signed": key(b, "//Alice"), "unsigned": quick{}} {
		b.Run(name, func(b *testing.B) {
			d := newDendrite(b, dendrite.Config{Signer: signer, Transport: canned(response(
				200, `{"input":41,"output":82,"note":"é","axon":{"status_code":200}}`, "bt_header_axon_status_code: 200",
			))})
			target := synapse.AxonInfo{IP: "127.0.0.1", Port: 1, Hotkey: key(b, "//Bob").Address()}
			m := &Dummy{Input: 41, Note: "é"}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dendrite.Call(b.Context(), d, target, m); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
