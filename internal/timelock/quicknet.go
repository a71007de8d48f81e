package timelock

import (
	"encoding/hex"
	"sync"
	"time"
)

// Quicknet's public parameters, as the chain's drand pallet has them by default
// (subtensor pallets/drand, DefaultBeaconConfig).
const (
	quicknetKey = "83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c" +
		"8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb" +
		"5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
	quicknetGenesis = 1692803367 // seconds since 1970
	quicknetPeriod  = 3 * time.Second
)

// Quicknet returns the public key and the schedule of drand's quicknet, the beacon
// of the main and the test network.
func Quicknet() (PublicKey, Schedule) { return parsedQuicknetKey(), quicknetSchedule() }

func quicknetSchedule() Schedule {
	return Schedule{Genesis: time.Unix(quicknetGenesis, 0), Period: quicknetPeriod}
}

var parsedQuicknetKey = sync.OnceValue(func() PublicKey {
	b, err := hex.DecodeString(quicknetKey)
	if err != nil {
		panic(err)
	}
	key, err := ParsePublicKey(b)
	if err != nil {
		panic(err)
	}
	return key
})
