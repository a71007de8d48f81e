package devchain

import (
	"fmt"
	"testing"
)

// A block of 64 extrinsics, from submission to inclusion.
func BenchmarkPool(b *testing.B) {
	c := poolChain(b, nil)
	s := newSender(b, c, "//Bob")
	nonce := uint64(0)
	for b.Loop() {
		b.StopTimer()
		var all [][]byte
		for range 64 {
			all = append(all, s.sign(transaction{nonce: nonce, pallet: "System", call: "remark", args: map[string]any{"remark": fmt.Append(nil, nonce)}}))
			nonce++
		}
		b.StartTimer()
		for _, raw := range all {
			if _, err := c.Submit(raw); err != nil {
				b.Fatal(err)
			}
		}
		if block := produce(b, c, 1); len(block.Extrinsics) != 65 {
			b.Fatalf("%d extrinsics", len(block.Extrinsics))
		}
	}
}
