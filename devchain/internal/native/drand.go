package native

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// The beacon whose rounds the chain stores: drand's quicknet.
const (
	drandGenesis = 1_692_803_367 // of round 1, in seconds since 1970
	drandPeriod  = 3             // seconds
	// mostPulses is how many rounds a block stores at most, and keptPulses how many
	// are kept. A real chain keeps 216,000.
	mostPulses = 50
	keptPulses = 1000
)

// pulse is a round of the beacon.
type pulse struct {
	Round      uint64 `scale:"round"`
	Randomness []byte `scale:"randomness"`
	Signature  []byte `scale:"signature"`
}

// drandRound is the newest round at a time, 0 before the first.
func drandRound(at time.Time) uint64 {
	since := at.Unix() - drandGenesis
	if since < 0 {
		return 0
	}
	return uint64(since)/drandPeriod + 1
}

// storePulses stores the rounds that have come since the last block. A chain
// without any begins with the newest one. The real beacon's signatures are not
// to be had here, so these are stand-ins: they verify nothing and open nothing.
func (r *Runtime) storePulses(st runtime.State, at time.Time) {
	drand := &r.items.Drand
	newest := drandRound(at)
	last, some := drand.LastStoredRound.lookup(st)
	if !drand.LastStoredRound.exists() || newest <= last {
		return
	}
	first := last + 1
	if !some {
		first = newest
		drand.OldestStoredRound.set(st, newest)
	}
	newest = min(newest, first+mostPulses-1)
	rounds := make([]any, 0, newest-first+1)
	for round := first; round <= newest; round++ {
		drand.Pulses.set(st, standIn(round), u64(round))
		rounds = append(rounds, round)
	}
	drand.LastStoredRound.set(st, newest)
	for oldest := drand.OldestStoredRound.get(st); newest-oldest >= keptPulses; oldest++ {
		drand.Pulses.delete(st, u64(oldest))
		drand.OldestStoredRound.set(st, oldest+1)
	}
	r.deposit(st, initialization, "Drand", "NewPulse", rounds)
}

// standIn stands for the beacon's pulse. Like there, the randomness is the hash
// of the signature.
func standIn(round uint64) pulse {
	half := sha256.Sum256(binary.BigEndian.AppendUint64([]byte("no signature of round "), round))
	signature := append(half[:], half[:16]...)
	randomness := sha256.Sum256(signature)
	return pulse{Round: round, Randomness: randomness[:], Signature: signature}
}
