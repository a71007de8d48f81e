package native

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// The chain has a beacon of its own, with the schedule of drand's quicknet. What
// clients encrypt to is in Drand.BeaconConfig; its secret is as public as the
// development phrase.
const (
	beaconID     = "pylon-devnet"
	beaconScheme = "bls-unchained-g1-rfc9380"
	drandGenesis = 1_692_803_367 // of round 1, in seconds since 1970
	drandPeriod  = 3             // seconds

	// mostPulses is how many rounds a block stores at most, and keptPulses how many
	// are kept. A real chain keeps 216,000.
	mostPulses = 50
	keptPulses = 1000
)

// beaconSchedule says when the beacon signs its rounds.
var beaconSchedule = timelock.Schedule{Genesis: time.Unix(drandGenesis, 0), Period: drandPeriod * time.Second}

// pulse is a round of the beacon.
type pulse struct {
	Round      uint64 `scale:"round"`
	Randomness []byte `scale:"randomness"`
	Signature  []byte `scale:"signature"`
}

// beaconConfig is what the chain knows of the beacon.
type beaconConfig struct {
	PublicKey   []byte `scale:"public_key"`
	Period      uint32 `scale:"period"`       // seconds
	GenesisTime uint32 `scale:"genesis_time"` // seconds since 1970
	Hash        []byte `scale:"hash"`
	GroupHash   []byte `scale:"group_hash"`
	SchemeID    []byte `scale:"scheme_id"`
	Metadata    struct {
		BeaconID []byte `scale:"beacon_id"`
	} `scale:"metadata"`
}

// chainHash names a beacon as drand does: by the hash of what never changes of it.
func (b *beaconConfig) chainHash() []byte {
	in := binary.BigEndian.AppendUint32(nil, b.Period)
	in = binary.BigEndian.AppendUint64(in, uint64(b.GenesisTime))
	hash := sha256.Sum256(slices.Concat(in, b.PublicKey, b.GroupHash, b.Metadata.BeaconID))
	return hash[:]
}

// newBeacon makes the beacon of every development chain.
func newBeacon() (*timelock.Beacon, error) {
	return timelock.NewBeacon(sha256.Sum256([]byte(beaconID)))
}

// seedBeacon publishes the beacon's parameters.
func (r *Runtime) seedBeacon(st runtime.State) {
	key, group := r.beacon.PublicKey().Bytes(), sha256.Sum256([]byte(beaconID+" group"))
	b := beaconConfig{
		PublicKey: key[:], Period: drandPeriod, GenesisTime: drandGenesis,
		GroupHash: group[:], SchemeID: []byte(beaconScheme),
	}
	b.Metadata.BeaconID = []byte(beaconID)
	b.Hash = b.chainHash()
	r.items.Drand.BeaconConfig.set(st, b)
}

// storePulses stores the rounds that have come since the last block, unless they
// are held. A chain without any begins with the newest one, and one that has slept
// for so long that it would forget rounds at once leaves those out.
//
// On a real chain they come in extrinsics that offchain workers send, so what a
// block does before its extrinsics cannot use the rounds of the same block yet.
// The caller sees to that.
func (r *Runtime) storePulses(st runtime.State, at time.Time) {
	drand := &r.items.Drand
	newest := beaconSchedule.Round(at)
	last, some := drand.LastStoredRound.lookup(st)
	if !drand.LastStoredRound.exists() || newest <= last || r.blockNumber(st) < uint64(drand.NextUnsignedAt.get(st)) {
		return
	}
	first := last + 1
	if !some {
		first = newest
		drand.OldestStoredRound.set(st, newest)
	}
	first = max(first, newest-min(newest, keptPulses-1))
	newest = min(newest, first+mostPulses-1)
	rounds := make([]any, 0, newest-first+1)
	for round := first; round <= newest; round++ {
		drand.Pulses.set(st, r.pulse(round), u64(round))
		rounds = append(rounds, round)
	}
	drand.LastStoredRound.set(st, newest)
	oldest := drand.OldestStoredRound.get(st)
	for ; newest-oldest >= keptPulses; oldest++ {
		drand.Pulses.delete(st, u64(oldest))
	}
	drand.OldestStoredRound.set(st, oldest)
	r.deposit(st, initialization, "Drand", "NewPulse", rounds)
}

// signedPulses are the last ones that were signed, at their round modulo the length.
// All development chains have the same beacon, its forks ask for the same rounds
// again and again, and to sign one takes longer than the rest of a block.
var signedPulses [2048]atomic.Pointer[pulse]

// pulse signs a round.
func (r *Runtime) pulse(round uint64) pulse {
	place := &signedPulses[round%uint64(len(signedPulses))]
	if p := place.Load(); p != nil && p.Round == round {
		return *p
	}
	signature := r.beacon.Sign(round)
	raw, randomness := signature.Bytes(), signature.Randomness()
	p := &pulse{Round: round, Randomness: randomness[:], Signature: raw[:]}
	place.Store(p)
	return *p
}

// opener is the signature of a round that opens what was encrypted to it, and
// whether the round is stored. A signature that is no point opens nothing.
func (r *Runtime) opener(st runtime.State, round uint64) (signature timelock.Signature, stored bool) {
	p, stored := r.items.Drand.Pulses.lookup(st, u64(round))
	if !stored {
		return signature, false
	}
	// Some workers wrote the hexadecimal form's prefix in front.
	raw := p.Signature
	if len(raw) > 2 && string(raw[:2]) == "0x" {
		raw = raw[2:]
	}
	if len(raw) >= timelock.SignatureSize {
		signature, _ = timelock.ParseSignature(raw[:timelock.SignatureSize])
	}
	return signature, true
}

// HoldPulses keeps the beacon's rounds away from the chain, as when nobody's
// offchain worker reaches the beacon, or lets them come again: those that were
// missed then follow, some in each block. In storage it is the block at which the
// chain takes the next one.
func (r *Runtime) HoldPulses(st runtime.State, hold bool) {
	next := uint32(0)
	if hold {
		next = math.MaxUint32
	}
	r.items.Drand.NextUnsignedAt.set(st, next)
}

// SetPulse stores a signature of a round, whether or not it is the beacon's. The
// round becomes the last one if it is newer than that. It reports whether the
// spec version has a beacon.
func (r *Runtime) SetPulse(st runtime.State, round uint64, signature []byte) bool {
	drand := &r.items.Drand
	randomness := sha256.Sum256(signature)
	drand.Pulses.set(st, pulse{round, randomness[:], signature}, u64(round))
	drand.LastStoredRound.set(st, max(round, drand.LastStoredRound.get(st)))
	return drand.Pulses.exists()
}
