package timelock

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Times of rounds whose pulses are public.
func TestRoundClock(t *testing.T) {
	t.Parallel()
	_, s := Quicknet()
	for round, at := range map[uint64]int64{1: 1692803367, 1000: 1692806364, 2000: 1692809364, 13300875: 1732705989, 17200000: 1744403364} {
		if got := s.Time(round); got.Unix() != at {
			t.Errorf("round %d at %d, want %d", round, got.Unix(), at)
		}
		for after, want := range map[time.Duration]uint64{0: round, 3*time.Second - 1: round, 3 * time.Second: round + 1, -1: round - 1} {
			if got := s.Round(time.Unix(at, 0).Add(after)); got != want {
				t.Errorf("%v after round %d: round %d", after, round, got)
			}
		}
	}
	if got := s.Round(time.Unix(0, 0)); got != 0 {
		t.Errorf("before the first: round %d", got)
	}
}

func TestRoundAndTimeAreInverse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Schedule{
			Genesis: time.Unix(rapid.Int64Range(0, 2e9).Draw(t, "genesis"), 0),
			Period:  time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "period")),
		}
		round := rapid.Uint64Range(1, 1<<27).Draw(t, "round")
		if got := s.Round(s.Time(round)); got != round {
			t.Fatalf("round %d becomes %d", round, got)
		}
		if got := s.Round(s.Time(round).Add(-1)); got != round-1 {
			t.Fatalf("just before round %d it is %d", round, got)
		}
	})
}

// Numbers that no chain has end somewhere and do not wrap around.
func TestFarFuture(t *testing.T) {
	t.Parallel()
	var s Schedule
	if got := s.Time(math.MaxUint64); got.Year() < 2200 {
		t.Errorf("the last round is at %v", got)
	}
	now := time.Unix(1.7e9, 0)
	if got := (Pace{1, now, 12 * time.Second}).At(math.MaxUint64); got.Year() < 2200 {
		t.Errorf("the last block is at %v", got)
	}
	for name, got := range map[string]time.Time{
		"a block of the past": Pace{5, now, time.Second}.At(4), "the newest block": Pace{5, now, time.Second}.At(5), "no block time": Pace{5, now, 0}.At(9),
		"a negative block time": Pace{5, now, -1}.At(9),
	} {
		if !got.Equal(now) {
			t.Errorf("%s: %v", name, got)
		}
	}
	for name, got := range map[string]uint64{
		"reveal": s.RevealRound(Window{}, 0, Pace{}), "commitment": s.CommitmentRound(time.Unix(0, 0), 1, time.Second), "frame": s.FrameRound(time.Unix(0, 0), 1, -time.Second),
	} {
		if got != 1 {
			t.Errorf("%s before the first round: %d", name, got)
		}
	}
}
