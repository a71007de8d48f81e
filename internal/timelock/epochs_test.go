package timelock

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A chain in the words of its source, block by block: before a block's extrinsics
// it reveals and then runs an epoch that is due.
type chain interface {
	revealEpoch(block uint64) uint64 // the epoch that the reveals of a block count by
	run(block uint64)                // the epoch of a block, if one is due
	commitEpoch(block uint64) uint64 // the epoch that a commit in a block is kept under
}

// observe returns the blocks in which a chain opens a commit that lands in a block.
func observe(t *rapid.T, c chain, from, landing, period uint64) Window {
	var w Window
	var commit uint64
	for block := from; ; block++ {
		if block > landing && c.revealEpoch(block) == commit+period {
			if w.First == 0 {
				w.First = block
			}
			if w.End = block + 1; w.End-w.First > 70000 {
				t.Fatal("the window does not end")
			}
		} else if w.First != 0 {
			return w
		}
		c.run(block)
		if block == landing {
			commit = c.commitEpoch(block)
		}
	}
}

// fixedChain is a runtime up to spec 422.
type fixedChain struct{ tempo, netuid uint64 }

func (c fixedChain) revealEpoch(block uint64) uint64 { return (block + c.netuid + 1) / (c.tempo + 1) }
func (c fixedChain) run(uint64)                      {}

func (c fixedChain) commitEpoch(block uint64) uint64 {
	if (block+c.netuid+1)%(c.tempo+1) == c.tempo { // no block is left until the epoch
		return c.revealEpoch(block) + 1
	}
	return c.revealEpoch(block)
}

// statefulChain is a runtime from spec 423 on.
type statefulChain struct{ last, pending, index, since, tempo uint64 }

func (c *statefulChain) due(block uint64) bool {
	return c.pending > 0 && block >= c.pending || c.since > 50400 || block >= c.last+c.tempo
}

func (c *statefulChain) revealEpoch(block uint64) uint64 {
	if c.due(block) {
		return c.index + 1
	}
	return c.index
}

func (c *statefulChain) run(block uint64) {
	c.since++
	if c.due(block) {
		c.last, c.pending, c.since = block, 0, 0
		c.index++
	}
}

func (c *statefulChain) commitEpoch(block uint64) uint64 { return c.revealEpoch(block) }

// checkRound fails unless the round of a window of at least four blocks is signed
// within it, as far as blocks come at their pace.
func checkRound(t *rapid.T, w Window, head uint64) {
	if w.End-w.First < 4 {
		return
	}
	s := Schedule{Genesis: time.Unix(1600000000, 0), Period: time.Duration(rapid.Int64Range(1, 30).Draw(t, "period")) * time.Second}
	blockTime := rapid.Int64Range(int64(s.Period)*2/SecurityOffset+1, int64(time.Minute)).Draw(t, "block time")
	pace := Pace{Block: head, Time: time.Unix(1700000000, rapid.Int64Range(0, 1e10).Draw(t, "now")), BlockTime: time.Duration(blockTime)}
	signed := s.Time(s.RevealRound(w, SecurityOffset, pace))
	if first, end := pace.At(w.First), pace.At(w.End); signed.Before(first) || !signed.Before(end) {
		t.Fatalf("signed at %v, the window is from %v to %v", signed, first, end)
	}
}

func TestFixedWindowIsTheChains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tempo := rapid.OneOf(rapid.Uint16Range(1, 12), rapid.Uint16Range(1, 800)).Draw(t, "tempo")
		netuid := rapid.Uint16().Draw(t, "netuid")
		landing := rapid.OneOf(rapid.Uint64Range(1, 3000), rapid.Uint64Range(1, 1<<40)).Draw(t, "landing")
		reveal := rapid.Uint64Range(1, 5).Draw(t, "reveal period")
		got, err := FixedEpochs{Netuid: netuid, Tempo: tempo}.Window(landing, reveal)
		want := observe(t, fixedChain{uint64(tempo), uint64(netuid)}, landing, landing, reveal)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; the chain has %+v", got, err, want)
		}
		checkRound(t, got, landing-1)
	})
}

func TestStatefulWindowIsTheChains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := StatefulEpochs{
			Block: rapid.OneOf(rapid.Uint64Range(0, 2000), rapid.Uint64Range(0, 1<<40)).Draw(t, "block"),
			Tempo: rapid.OneOf(rapid.Uint16Range(1, 12), rapid.Uint16Range(1, 800)).Draw(t, "tempo"),
			// Neither the count of a long pause itself nor one less: see TestLongPause.
			BlocksSinceLastStep: rapid.OneOf(rapid.Uint64Range(0, 900), rapid.Uint64Range(49000, 50300), rapid.Uint64Range(50401, 60000)).Draw(t, "since"),
		}
		e.LastEpochBlock = e.Block - min(e.Block, rapid.Uint64Range(0, 2*uint64(e.Tempo)).Draw(t, "ago"))
		if rapid.Bool().Draw(t, "pending") {
			e.PendingEpochAt = e.Block + rapid.Uint64Range(0, 2*uint64(e.Tempo)).Draw(t, "in")
		}
		landing := e.Block + rapid.OneOf(rapid.Just(uint64(1)), rapid.Uint64Range(1, 40)).Draw(t, "after")
		reveal := rapid.Uint64Range(1, 5).Draw(t, "reveal period")
		got, err := e.Window(landing, reveal)
		c := &statefulChain{last: e.LastEpochBlock, pending: e.PendingEpochAt, index: 1000, since: e.BlocksSinceLastStep, tempo: uint64(e.Tempo)}
		want := observe(t, c, e.Block+1, landing, reveal)
		if err != nil || got != want {
			t.Fatalf("got %+v, %v; the chain has %+v", got, err, want)
		}
		checkRound(t, got, e.Block)
	})
}

// After a pause of exactly the longest, the clients of the chain count a commit for
// the old epoch where the chain, which raises its count first, has begun a new one.
// We answer as they do: the weights are then opened in the window of the next.
func TestLongPause(t *testing.T) {
	t.Parallel()
	for since, want := range map[uint64]Window{
		50399: {5000103, 5000462}, 50400: {5000102, 5000461}, 50401: {5000461, 5000821},
	} {
		e := StatefulEpochs{Block: 5000100, LastEpochBlock: 5000000, BlocksSinceLastStep: since, Tempo: 360}
		if got, err := e.Window(5000101, 1); err != nil || got != want {
			t.Errorf("%d blocks: %+v, %v; want %+v", since, got, err, want)
		}
	}
}

// Check values of the references.
func TestWindowsOfReferences(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		e               FixedEpochs
		landing, period uint64
		first, end      uint64
		head            uint64
		now             int64
		blockTime       time.Duration
		round           uint64
	}{
		{e: FixedEpochs{1, 360}, landing: 999, period: 1, first: 1081, end: 1442, head: 1000, now: 1700000000, blockTime: 12 * time.Second, round: 2399213},
		{e: FixedEpochs{1, 100}, landing: 999, period: 2, first: 1109, end: 1210, head: 1000, now: 1700000000, blockTime: 12 * time.Second, round: 2399325},
		{e: FixedEpochs{12, 360}, landing: 4999999, period: 1, first: 5000198, end: 5000559, head: 5000000, now: 1750000000, blockTime: 12 * time.Second, round: 19066348},
		{e: FixedEpochs{2, 99}, landing: 4999999, period: 1, first: 5000097, end: 5000197, head: 5000000, now: 1750000000, blockTime: time.Second / 4, round: 19065552},
		{e: FixedEpochs{64, 360}, landing: 4000000, period: 1, first: 4000176, end: 4000537, head: 4000000},
	} {
		w, err := v.e.Window(v.landing, v.period)
		if err != nil || w != (Window{v.first, v.end}) {
			t.Errorf("%+v: %+v, %v", v, w, err)
		}
		if v.round == 0 {
			continue
		}
		pace := Pace{v.head, time.Unix(v.now, 0), v.blockTime}
		if got := (Schedule{}).RevealRound(w, SecurityOffset, pace); got != v.round {
			t.Errorf("%+v: round %d", v, got)
		}
	}
	for _, v := range []struct {
		e      StatefulEpochs
		period uint64
		want   uint64
	}{
		{StatefulEpochs{Block: 1100, LastEpochBlock: 1000, Tempo: 360}, 1, 1360},
		{StatefulEpochs{Block: 1100, LastEpochBlock: 1000, Tempo: 360}, 2, 1720},
		{StatefulEpochs{Block: 1100, LastEpochBlock: 1000, Tempo: 360, PendingEpochAt: 1150}, 1, 1150},
		{StatefulEpochs{Block: 1359, LastEpochBlock: 1000, Tempo: 360}, 1, 1720},
		{StatefulEpochs{Block: 5000400, LastEpochBlock: 5000000, Tempo: 360}, 1, 5000761},
	} {
		if w, err := v.e.Window(v.e.Block+1, v.period); err != nil || w.First != v.want {
			t.Errorf("%+v: %+v, %v", v, w, err)
		}
	}
}

// The chain counts the epochs of a mechanism by its subnet's netuid. The storage
// index of a mechanism gives another phase, which is why no window takes one.
func TestMechanismsShareTheSubnetsEpochs(t *testing.T) {
	t.Parallel()
	subnet, err := FixedEpochs{Netuid: 64, Tempo: 360}.Window(3999999, 1)
	if err != nil {
		t.Fatal(err)
	}
	index, err := FixedEpochs{Netuid: 4096 + 64, Tempo: 360}.Window(3999999, 1)
	if err != nil {
		t.Fatal(err)
	}
	if subnet.First+SecurityOffset != 4000179 || index.First+SecurityOffset != 4000054 {
		t.Errorf("%+v, %+v", subnet, index)
	}
}

func TestWindowsThatCannotBe(t *testing.T) {
	t.Parallel()
	if _, err := (FixedEpochs{Netuid: 1}).Window(5, 1); !errors.Is(err, ErrNoEpochs) {
		t.Errorf("fixed, tempo 0: %v", err)
	}
	if _, err := (StatefulEpochs{}).Window(5, 1); !errors.Is(err, ErrNoEpochs) {
		t.Errorf("stateful, tempo 0: %v", err)
	}
	state := StatefulEpochs{Block: 100, LastEpochBlock: 90, Tempo: 20}
	for _, v := range []struct{ landing, period uint64 }{{100, 1}, {0, 1}, {101, 1 << 20}, {100 + 1<<20, 1}, {1 << 60, 1}, {101, 1<<64 - 1}} {
		if w, err := state.Window(v.landing, v.period); err == nil {
			t.Errorf("stateful, %+v: %+v", v, w)
		}
	}
	for _, v := range []struct{ landing, period uint64 }{{1 << 60, 1}, {1<<64 - 1, 1}, {5, 1 << 20}, {5, 1<<64 - 1}} {
		if w, err := (FixedEpochs{Netuid: 1, Tempo: 9}).Window(v.landing, v.period); err == nil {
			t.Errorf("fixed, %+v: %+v", v, w)
		}
	}
}

// Whatever a node says, a window comes at once and is one.
func TestHostileStates(t *testing.T) {
	t.Parallel()
	number := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 1<<41), rapid.SampledFrom([]uint64{0, 1, 1 << 48, 1<<64 - 1}))
	rapid.Check(t, func(t *rapid.T) {
		e := StatefulEpochs{
			Block: rapid.Uint64Range(0, 1<<41).Draw(t, "block"), LastEpochBlock: number.Draw(t, "last"), PendingEpochAt: number.Draw(t, "pending"),
			BlocksSinceLastStep: number.Draw(t, "since"), Tempo: rapid.Uint16Min(1).Draw(t, "tempo"),
		}
		w, err := e.Window(e.Block+rapid.Uint64Range(1, 1<<16).Draw(t, "after"), rapid.Uint64Range(0, 1<<16).Draw(t, "period"))
		if err != nil || w.First <= e.Block || w.End < w.First {
			t.Fatalf("%+v, %v", w, err)
		}
		if round := (Schedule{}).RevealRound(w, number.Draw(t, "offset"), Pace{Time: time.Unix(1.7e9, 0), BlockTime: time.Duration(rapid.Int64().Draw(t, "block time"))}); round == 0 {
			t.Fatal("round 0")
		}
	})
}
