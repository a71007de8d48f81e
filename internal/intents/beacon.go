package intents

import (
	"time"

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

// now is the chain's time, that of the block. No clock of this machine has a say in it.
func (e *Engine) now(facts *chain.Facts) time.Time { return facts.Time }
