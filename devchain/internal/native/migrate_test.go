package native

import (
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// upgrade goes on with another spec version from the next block on.
func (c *chain) upgrade(spec uint32) {
	c.t.Helper()
	next := newWeights(c.t, spec)
	c.runtime, c.metadata = next.runtime, next.metadata
}

// An upgrade to stateful epochs changes no block of the epoch that is under way,
// and commits from before it are revealed after it.
func TestUpgradeToStatefulEpochs(t *testing.T) {
	t.Parallel()
	for upgrade := uint64(13); upgrade <= 30; upgrade++ {
		c := newWeights(t, 343)
		c.produce(5)
		c.commitNow(2, 1, 2) // in block 11, to be revealed from block 19 on
		if got := c.commitBob(7); got != "" {
			t.Fatal(got)
		}
		revealed := uint64(0)
		before := c.row(2, 1)
		var last uint64
		for c.number < 60 {
			if c.number+1 == upgrade {
				c.upgrade(475)
			}
			c.produce(1)
			if revealed == 0 && c.row(2, 1) != before {
				revealed = c.number
			}
			if at := c.uint("SubtensorModule", "LastMechansimStepBlock", 2); at != last {
				// Of the old schedule are 18, 29, 40, …; after the upgrade, and the next
				// epoch of that schedule, one comes every ten blocks.
				if want := map[bool]uint64{true: 11, false: 10}[last < upgrade]; last != 0 && at-last != want {
					t.Errorf("upgrade at %d: epochs at %d and %d", upgrade, last, at)
				}
				last = at
			}
		}
		if revealed != 19 && !(upgrade <= 18 && revealed == 18) {
			t.Errorf("upgrade at %d: revealed at %d", upgrade, revealed)
		}
	}

	// A hash from before the upgrade.
	c := newWeights(t, 343)
	c.produce(5)
	if got := c.commitBob(7); got != "" {
		t.Fatal(got)
	}
	c.upgrade(475)
	c.produce(int(20 - c.number))
	if got := c.send("//Bob", "reveal_weights", revealArgs(7)); got != "" || c.queued() != 0 {
		t.Errorf("%q, %d in the queue", got, c.queued())
	}
}

// A chain that had no beacon gets this one, not quicknet.
func TestUpgradeToBeacon(t *testing.T) {
	t.Parallel()
	c := newWeights(t, 218)
	c.upgrade(475)
	c.produce(1)
	key := c.runtime.beacon.PublicKey().Bytes()
	if got := field(t, c.storage("Drand", "BeaconConfig"), "public_key").(scale.Bytes); string(got) != string(key[:]) {
		t.Errorf("the key is %x", got)
	}
	if c.uint("Drand", "LastStoredRound") != c.round() {
		t.Error("there are no rounds")
	}
}
