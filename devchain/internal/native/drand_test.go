package native

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

func TestDrandRounds(t *testing.T) {
	t.Parallel()
	// Round 1 came at the beacon's genesis, and one has come every three seconds.
	for at, want := range map[int64]uint64{0: 0, 1692803366: 0, 1692803367: 1, 1692803369: 1, 1692803370: 2, 1692803367 + 3*999: 1000} {
		if got := beaconSchedule.Round(time.Unix(at, 0)); got != want {
			t.Errorf("at %d: %d instead of %d", at, got, want)
		}
	}
}

func TestPulses(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{320, 475} {
		c := newChain(t, small(spec))
		begin := beaconSchedule.Round(genesisTime)
		check := func(oldest, newest uint64) {
			t.Helper()
			if got := c.uint("Drand", "LastStoredRound"); got != newest {
				t.Errorf("spec %d: the last round is %d instead of %d", spec, got, newest)
			}
			if got := c.uint("Drand", "OldestStoredRound"); got != oldest {
				t.Errorf("spec %d: the oldest round is %d instead of %d", spec, got, oldest)
			}
			for _, round := range []uint64{oldest - 1, oldest, newest, newest + 1} {
				pulse := c.storage("Drand", "Pulses", round)
				if there := pulse != nil; there != (round >= oldest && round <= newest) {
					t.Errorf("spec %d: round %d is there: %v", spec, round, there)
				} else if there && (field(t, pulse, "round") != round || len(field(t, pulse, "signature").(scale.Bytes)) != 48) {
					t.Errorf("spec %d: %v", spec, pulse)
				}
			}
		}
		check(begin, begin)
		c.produce(1)
		check(begin, begin+4)
		events := c.events()
		want := fmt.Sprint([]any{begin + 1, begin + 2, begin + 3, begin + 4})
		if i := slices.IndexFunc(events, func(e scale.EventRecord) bool { return e.Pallet == "Drand" }); i < 0 ||
			events[i].Name != "NewPulse" || fmt.Sprint(field(t, events[i].Fields, "rounds")) != want {
			t.Errorf("spec %d: the events are %+v", spec, events)
		}
		// A chain that has slept catches up, some rounds in each block.
		c.time = c.time.Add(5 * time.Minute)
		c.produce(1)
		check(begin, begin+4+mostPulses)
		c.produce(3)
		newest := beaconSchedule.Round(c.time)
		check(begin, newest)
		if spec != 475 {
			continue // it takes long
		}
		for range 40 {
			c.time = c.time.Add(2 * time.Minute)
			c.produce(1)
		}
		newest = beaconSchedule.Round(c.time)
		check(newest-keptPulses+1, newest)
	}
	// A chain that has slept for a day is awake again after some blocks.
	c := newChain(t, small(475))
	c.time = c.time.Add(24 * time.Hour)
	c.produce(keptPulses/mostPulses + 3)
	if newest := c.round(); c.uint("Drand", "LastStoredRound") != newest || c.uint("Drand", "OldestStoredRound") != newest-keptPulses+1 {
		t.Errorf("the rounds are %d to %d, the newest is %d", c.uint("Drand", "OldestStoredRound"), c.uint("Drand", "LastStoredRound"), newest)
	}
	// Before the beacon's time there are no rounds.
	early := newChain(t, Config{Subnets: small(475).Subnets, GenesisTime: time.Unix(1_000_000_000, 0)})
	early.produce(2)
	if got := early.uint("Drand", "LastStoredRound"); got != 0 {
		t.Errorf("round %d in 2001", got)
	}
}

// Every pulse verifies under the key that is in storage.
func TestBeacon(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{320, 475} {
		c := newChain(t, small(spec))
		c.produce(2)
		key := c.beaconKey()
		for round := c.round() - 5; round <= c.round(); round++ {
			p := c.storage("Drand", "Pulses", round)
			signature, err := timelock.ParseSignature(field(t, p, "signature").(scale.Bytes))
			if err != nil || !key.Verify(round, signature) {
				t.Errorf("spec %d: the pulse of round %d does not verify: %v", spec, round, err)
			}
			if want := signature.Randomness(); !isAccount(field(t, p, "randomness"), want) {
				t.Errorf("spec %d: the randomness of round %d is wrong", spec, round)
			}
		}
		config := c.storage("Drand", "BeaconConfig")
		if field(t, config, "period") != uint64(3) || field(t, config, "genesis_time") != uint64(1692803367) {
			t.Errorf("spec %d: the schedule is %v", spec, config)
		}
	}
}

// The hash that names a beacon, with the parameters of quicknet.
func TestChainHash(t *testing.T) {
	t.Parallel()
	r, err := New(small(475))
	if err != nil {
		t.Fatal(err)
	}
	quicknet := r.items.Drand.BeaconConfig.fallback
	if got := hex.EncodeToString(quicknet.chainHash()); got != "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971" ||
		got != hex.EncodeToString(quicknet.Hash) {
		t.Errorf("the hash is %s", got)
	}
}

// Rounds that are held do not come, and come later.
func TestHoldPulses(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	c.produce(1)
	last := c.uint("Drand", "LastStoredRound")
	c.runtime.HoldPulses(c.state, true)
	c.produce(20)
	if got := c.uint("Drand", "LastStoredRound"); got != last {
		t.Errorf("the last round is %d, not %d", got, last)
	}
	c.runtime.HoldPulses(c.state, false)
	c.produce(1)
	if got := c.uint("Drand", "LastStoredRound"); got != last+mostPulses {
		t.Errorf("the last round is %d, not %d", got, last+mostPulses)
	}
	c.produce(1)
	if got := c.uint("Drand", "LastStoredRound"); got != c.round() {
		t.Errorf("the last round is %d, not %d", got, c.round())
	}
}
