package intents

import (
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// beacon is the drand beacon that the chain opens ciphertexts with: what its drand pallet says, or quicknet where it
// says nothing. The main and the test network have quicknet: a node that names another one there could read what is
// encrypted to it at once, and is refused.
func (e *Engine) beacon(facts *chain.Facts) (timelock.PublicKey, timelock.Schedule, error) {
	quicknet, schedule := timelock.Quicknet()
	if facts.Beacon == nil {
		return quicknet, schedule, nil
	}
	key, err := timelock.ParsePublicKey(facts.Beacon.PublicKey)
	if err != nil || facts.Beacon.Period <= 0 {
		return key, schedule, fail(ReasonBeacon, "The beacon that the chain names has no usable key or period.")
	}
	named := timelock.Schedule{Genesis: facts.Beacon.Genesis, Period: facts.Beacon.Period}
	if e.publicNetwork() && (key != quicknet || !named.Genesis.Equal(schedule.Genesis) || named.Period != schedule.Period) {
		return key, named, fail(ReasonBeacon, "The node names the beacon %s, period %s; this network has quicknet.", key, named.Period)
	}
	return key, named, nil
}

// publicNetwork tells whether the chain is Bittensor's main or test network.
func (e *Engine) publicNetwork() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return substrate.Public(e.genesis)
}

// pace is the chain's time, that of the block, and how fast blocks come by the runtime's own word. No clock of this machine
// has a say in it.
func (e *Engine) pace(facts *chain.Facts) timelock.Pace {
	p := timelock.Pace{Block: facts.Block.Number, Time: facts.Time, BlockTime: facts.BlockTime}
	if p.BlockTime == 0 {
		p.BlockTime = e.config.BlockTime
	}
	return p
}

// revealRound picks the round of weights that the chain opens in a window, when it has stored the rounds up to one.
//
// The chain takes no older round than that, and everybody can read what is encrypted to a round that is stored. So it is
// the next one where blocks are so fast that the round of the usual rule has passed. But a round that comes too late
// loses the weights, which is worse: then it is the newest one that is stored.
func revealRound(rounds timelock.Schedule, window timelock.Window, pace timelock.Pace, stored uint64) uint64 {
	offset := min(timelock.SecurityOffset, (window.End-window.First)/4)
	if round := rounds.RevealRound(window, offset, pace); round > stored {
		return round
	}
	// A pulse counts from the block after the one that stores it, and takes a moment to get there.
	last := window.End - min(window.End, timelock.SecurityOffset+1)
	if next := stored + 1; !rounds.Time(next).After(pace.At(last)) {
		return next
	}
	return stored
}
