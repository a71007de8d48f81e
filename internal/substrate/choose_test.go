package substrate

import (
	"slices"
	"testing"
	"time"
)

func TestChooseHead(t *testing.T) {
	t.Parallel()
	rule := headRule{staleAfter: 48 * time.Second, blockTime: 12 * time.Second, margin: 5}
	at := func(number uint64, age time.Duration) sighting {
		return sighting{known: true, head: Header{Number: number, Hash: Hash{byte(number)}}, age: age * time.Second}
	}
	fork := func(s sighting, salt byte) sighting { s.head.Hash[1] = salt; return s }
	failing := func(s sighting) sighting { s.failing = true; return s }
	none := sighting{}
	since := func(number uint64, age time.Duration) chosen {
		return chosen{head: Header{Number: number, Hash: Hash{byte(number)}}, age: age * time.Second, ok: true}
	}
	const (
		unknown = verdictUnknown
		good    = verdictGood
		fails   = verdictFailing
		stale   = verdictStale
		behind  = verdictBehind
		ahead   = verdictAhead
	)
	for _, c := range []struct {
		name     string
		nodes    []sighting
		last     chosen
		best     int
		verdicts []verdict
	}{
		{"nobody", []sighting{none, none}, chosen{}, -1, []verdict{unknown, unknown}},
		{"one", []sighting{none, at(100, 0)}, chosen{}, 1, []verdict{unknown, good}},
		{"block 0", []sighting{at(0, 0)}, chosen{}, 0, []verdict{good}},
		{"the highest", []sighting{at(100, 3), at(101, 0), at(99, 9)}, since(100, 3), 1, []verdict{good, good, good}},
		{"equal heights: the preferred node", []sighting{fork(at(100, 0), 1), fork(at(100, 0), 2)}, since(99, 9), 0, []verdict{good, good}},
		{"equal heights: no change for nothing", []sighting{fork(at(100, 0), 1), at(100, 0)}, since(100, 9), 1, []verdict{good, good}},
		{"lower than before: a node was replaced", []sighting{at(50, 0)}, since(1000, 3), 0, []verdict{good}},
		{"behind", []sighting{at(94, 0), at(95, 0), at(100, 0)}, since(100, 0), 2, []verdict{behind, good, good}},
		{"stale", []sighting{at(100, 48), at(99, 0)}, since(100, 48), 1, []verdict{stale, good}},
		{"all stale: the best of them", []sighting{at(98, 60), at(100, 50), at(90, 99)}, since(100, 50), 1, []verdict{stale, stale, stale}},
		{"failing", []sighting{failing(at(101, 0)), at(100, 0)}, since(100, 0), 1, []verdict{fails, good}},
		{"only a failing one", []sighting{failing(at(101, 0)), none}, since(100, 0), 0, []verdict{fails, unknown}},
		{"failing and stale against fresh", []sighting{failing(at(101, 0)), at(200, 99), at(50, 1)}, since(100, 0), 2, []verdict{fails, stale, good}},
		{"one liar of three", []sighting{at(1100, 0), at(100, 0), at(99, 0)}, since(99, 9), 1, []verdict{ahead, good, good}},
		{"one liar of three, from the start", []sighting{at(1100, 0), at(100, 0), at(99, 0)}, chosen{}, 1, []verdict{ahead, good, good}},
		{"a liar was followed, two honest nodes come", []sighting{at(1100, 0), at(100, 0), at(99, 0)}, since(1100, 0), 1, []verdict{ahead, good, good}},
		{"two liars that disagree", []sighting{at(5000, 0), at(1100, 0), at(100, 0), at(100, 0)}, since(100, 0), 2, []verdict{ahead, ahead, good, good}},
		{"two liars that disagree, from the start", []sighting{at(5000, 0), at(1100, 0), at(100, 0), at(100, 0)}, chosen{}, 2, []verdict{ahead, ahead, good, good}},
		{"a liar of two", []sighting{at(100, 0), at(1100, 0)}, since(99, 9), 0, []verdict{good, ahead}},
		{"one of two fell behind", []sighting{at(100, 0), at(1100, 0)}, since(1100, 0), 1, []verdict{behind, good}},
		{"two differ and nothing is known: the higher", []sighting{at(100, 0), at(1100, 0)}, chosen{}, 1, []verdict{behind, good}},
		{"two differ and what is known is old: the higher", []sighting{at(100, 0), at(1100, 0)}, since(90, 100), 1, []verdict{behind, good}},
		{"catching up after a pause", []sighting{at(100, 0), at(109, 0)}, since(98, 40), 1, []verdict{behind, good}},
		{"the largest number", []sighting{at(100, 0), at(1<<64-1, 0)}, since(1<<64-1, 0), 1, []verdict{behind, good}},
		{"the largest number, then honest nodes", []sighting{at(100, 0), at(1<<64-1, 0), at(100, 0)}, since(1<<64-1, 0), 0, []verdict{good, ahead, good}},
		{"a majority of liars is followed", []sighting{at(100, 0), at(1100, 0), at(1101, 0)}, since(100, 0), 2, []verdict{behind, good, good}},
	} {
		best, verdicts := rule.choose(c.nodes, c.last)
		if best != c.best || !slices.Equal(verdicts, c.verdicts) {
			t.Errorf("%s: node %d with %v, not node %d with %v", c.name, best, verdicts, c.best, c.verdicts)
		}
	}
}

func TestRecentForgetsTheOldest(t *testing.T) {
	t.Parallel()
	r := newRecent[int, string](2)
	r.put(1, "one")
	r.put(2, "two")
	if v, ok := r.get(1); !ok || v != "one" {
		t.Errorf("1: %q, %v", v, ok)
	}
	r.put(3, "three")
	if _, ok := r.get(2); ok {
		t.Error("2 was used longest ago and is still there")
	}
	r.put(1, "uno")
	r.put(4, "four")
	if v, _ := r.get(1); v != "uno" {
		t.Errorf("1: %q", v)
	}
	if _, ok := r.get(3); ok || len(r.items) != 2 || r.order.Len() != 2 {
		t.Error("3 is still there, or there are more than two")
	}
	r.clear()
	if _, ok := r.get(1); ok || len(r.items) != 0 || r.order.Len() != 0 {
		t.Error("not empty after clear")
	}
}
