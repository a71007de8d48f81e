package axon

import (
	"bytes"
	"testing"

	"github.com/bittensor-pylon/pylon/ss58"
)

// What is remembered is what package ss58 says, and is bounded.
func TestAddresses(t *testing.T) {
	t.Parallel()
	var a addresses
	for i := range 3 * maxAddresses {
		key := [32]byte{byte(i), byte(i >> 8), 1}
		address := ss58.Encode(key)
		for range 2 {
			if got, prefix, err := a.decode(address); got != key || prefix != ss58.Bittensor || err != nil {
				t.Fatalf("%s: %x, %d, %v", address, got, prefix, err)
			}
			a.add(address, key)
		}
		if len(a.keys) > maxAddresses {
			t.Fatalf("%d addresses", len(a.keys))
		}
	}
	for _, text := range []string{"", "x", ss58.Encode([32]byte{9}) + "1"} {
		if _, _, err := a.decode(text); err == nil {
			t.Errorf("%q is an address", text)
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for size := range 20 {
		for at := range size {
			for c := range 256 {
				text := bytes.Repeat([]byte{'~'}, size)
				text[at] = byte(c)
				if want := c >= ' ' && c <= '~'; printable(string(text)) != want {
					t.Errorf("%q is printable: %v", text, !want)
				}
			}
		}
	}
}
