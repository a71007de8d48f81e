package native

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// poll makes a ballot of n neurons in which the first ones, with these stakes,
// have permits and weights.
func poll(n int, stakes []uint64, weights ...[]pair) *ballot {
	b := &ballot{
		stake: make([]uint64, n), active: slices.Repeat([]bool{true}, n), permits: make([]bool, n),
		weights: make([][]pair, n), bonds: make([][]pair, n), maxValidators: 64, kappa: 32767, bondsKept: 900_000,
	}
	copy(b.stake, stakes)
	for i := range stakes {
		b.permits[i] = true
		b.weights[i] = weights[i]
	}
	return b
}

func near(a, b uint64) bool { return a <= b+one/10000 && b <= a+one/10000 }

func TestConsensusAgrees(t *testing.T) {
	t.Parallel()
	// Two validators agree that miner 3 is worth three times miner 2.
	same := []pair{{2, 100}, {3, 300}}
	v := poll(4, []uint64{600, 400}, same, same).count()
	if !near(v.incentive[2], one/4) || !near(v.incentive[3], one*3/4) {
		t.Errorf("incentives %v", v.incentive)
	}
	if !near(v.dividends[0], one*6/10) || !near(v.dividends[1], one*4/10) {
		t.Errorf("dividends %v are not by stake", v.dividends)
	}
	if !near(v.validatorTrust[0], one) || !near(v.trust[2], one) {
		t.Errorf("trusts %v, %v of somebody who agrees", v.validatorTrust, v.trust)
	}
	if !slices.Equal(v.permits, []bool{true, true, false, false}) {
		t.Errorf("permits %v", v.permits)
	}
}

func TestConsensusClips(t *testing.T) {
	t.Parallel()
	// The minority gives everything to miner 3, whom the majority does not know.
	v := poll(4, []uint64{700, 300}, []pair{{2, 65535}}, []pair{{3, 65535}}).count()
	if v.consensus[3] != 0 || v.incentive[3] != 0 {
		t.Errorf("a minority of the stake made consensus %d, incentive %d", v.consensus[3], v.incentive[3])
	}
	if v.validatorTrust[1] != 0 || v.dividends[1] != 0 {
		t.Errorf("the minority has trust %d and dividends %d", v.validatorTrust[1], v.dividends[1])
	}
	if !near(v.dividends[0], one) {
		t.Errorf("the majority has dividends %d", v.dividends[0])
	}
}

func TestConsensusLeavesOut(t *testing.T) {
	t.Parallel()
	self := []pair{{0, 65535}, {2, 1}}
	b := poll(4, []uint64{500, 500}, self, []pair{{3, 65535}, {77, 65535}})
	b.active[1] = false
	v := b.count()
	if v.incentive[0] != 0 {
		t.Error("a weight for oneself counts")
	}
	if v.incentive[3] != 0 || v.stake[1] != 0 {
		t.Error("somebody inactive votes")
	}
	if !near(v.incentive[2], one) {
		t.Errorf("incentives %v", v.incentive)
	}
	if !v.permits[1] {
		t.Error("somebody inactive lost the permit, which depends on stake only")
	}
}

func TestBondsMove(t *testing.T) {
	t.Parallel()
	first, second := []pair{{2, 65535}}, []pair{{3, 65535}}
	b := poll(4, []uint64{500, 500}, first, first)
	for range 3 {
		v := b.count()
		b.bonds = v.bonds
	}
	before := b.bonds[0][0]
	if before.First != 2 {
		t.Fatalf("bonds %v", b.bonds[0])
	}
	b.weights[0], b.weights[1] = second, second
	after := b.count().bonds[0]
	if len(after) != 2 || after[0].Second >= before.Second || after[1].First != 3 || after[1].Second == 0 {
		t.Errorf("bonds %v became %v", b.bonds[0], after)
	}
	// Nobody votes: what is left falls by a tenth.
	b.permits = make([]bool, 4)
	if left := b.count().bonds[0]; len(left) != 1 || left[0].Second >= before.Second || left[0].Second < before.Second*8/10 {
		t.Errorf("without votes bonds %v became %v", b.bonds[0], left)
	}
}

func TestTopStakes(t *testing.T) {
	t.Parallel()
	if got := topStakes([]uint64{5, 0, 9, 5, 7}, 3); !slices.Equal(got, []bool{true, false, true, false, true}) {
		t.Errorf("the top three of 5 0 9 5 7 are %v", got)
	}
	if got := topStakes([]uint64{0, 0}, 3); slices.Contains(got, true) {
		t.Error("somebody without stake is on top")
	}
}

// Whatever the input, nothing panics, and what is paid out is at most everything.
func TestCountProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 20).Draw(t, "n")
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) pair {
			return pair{rapid.Uint16Range(0, 25).Draw(t, "uid"), rapid.Uint16().Draw(t, "weight")}
		}), 0, 10)
		b := &ballot{
			stake:   rapid.SliceOfN(rapid.Uint64(), n, n).Draw(t, "stake"),
			active:  rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "active"),
			permits: rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "permits"),
			weights: rapid.SliceOfN(list, n, n).Draw(t, "weights"), bonds: rapid.SliceOfN(list, n, n).Draw(t, "bonds"),
			maxValidators: rapid.IntRange(0, 30).Draw(t, "maxValidators"), kappa: rapid.Uint16().Draw(t, "kappa"),
			bondsKept: rapid.Uint64().Draw(t, "bondsKept"),
		}
		v := b.count()
		for name, list := range map[string][]uint64{"incentive": v.incentive, "dividends": v.dividends, "stake": v.stake} {
			sum := uint64(0)
			for _, share := range list {
				sum += share
			}
			if sum > one {
				t.Fatalf("the shares of %s are more than everything: %v", name, list)
			}
		}
		permits := 0
		for _, p := range v.permits {
			if p {
				permits++
			}
		}
		if permits > b.maxValidators {
			t.Fatalf("%d permits, at most %d", permits, b.maxValidators)
		}
	})
}

func TestPortion(t *testing.T) {
	t.Parallel()
	const all = 1<<64 - 1
	for _, tt := range []struct{ amount, share, want uint64 }{
		{100, one, 100}, {100, one / 2, 50}, {all, one, all}, {all, 2 * one, all}, {all, 0, 0}, {7, 1, 0},
	} {
		if got := portion(tt.amount, tt.share); got != tt.want {
			t.Errorf("portion(%d, %d) = %d, want %d", tt.amount, tt.share, got, tt.want)
		}
	}
}
