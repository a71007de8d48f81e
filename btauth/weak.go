package btauth

import (
	"encoding/hex"
	"strings"
)

// weakKey tells whether anybody can sign for a public key: for sr25519 that is
// the neutral element, which is 32 zero bytes, and for ed25519 each point of
// small order.
func weakKey(scheme Scheme, key [32]byte) bool {
	if scheme == Sr25519 {
		return key == [32]byte{}
	}
	key[31] &= 0x7f // both signs of a coordinate
	return smallOrder[key]
}

// smallOrder has the points of ed25519 whose order divides 8, by their y
// coordinates, also in the spellings that are not reduced.
var smallOrder = func() map[[32]byte]bool {
	ff := strings.Repeat("ff", 30)
	keys := make(map[[32]byte]bool)
	for _, text := range [...]string{
		"00" + strings.Repeat("00", 31), // order 4
		"01" + strings.Repeat("00", 31), // the neutral element
		"ec" + ff + "7f",                // order 2
		"ed" + ff + "7f",                // 0, not reduced
		"ee" + ff + "7f",                // 1, not reduced
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
	} {
		raw, err := hex.DecodeString(text)
		if err != nil {
			panic("btauth: " + err.Error())
		}
		keys[[32]byte(raw)] = true
	}
	return keys
}()
