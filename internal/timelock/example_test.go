package timelock_test

import (
	"crypto/rand"
	"fmt"
	"time"

	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// A weights commit: which blocks open it, which round that makes, and the bytes.
func Example() {
	head := uint64(5000100)
	schedule := timelock.StatefulEpochs{Block: head, LastEpochBlock: 5000000, BlocksSinceLastStep: 100, Tempo: 360}
	window, err := schedule.Window(head+1, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	key, rounds := timelock.Quicknet()
	pace := timelock.Pace{Block: head, Time: time.Unix(1750000000, 0), BlockTime: 12 * time.Second}
	round := rounds.RevealRound(window, timelock.SecurityOffset, pace)

	weights := timelock.Weights{UIDs: []uint16{1, 3}, Values: []uint16{28086, 65535}, VersionKey: 9003000}
	message, err := weights.Append(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	ciphertext, err := timelock.Encrypt(rand.Reader, key, round, message)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("blocks %d to %d, round %d, %d bytes\n", window.First, window.End-1, round, len(ciphertext))
	// Output: blocks 5000360 to 5000719, round 19066596, 295 bytes
}
