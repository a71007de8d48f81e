package substrate

import (
	"slices"
	"time"
)

// sighting is what is known about one node's head when the client's head is chosen.
type sighting struct {
	known   bool // connected, and its head is believed
	failing bool
	head    Header
	age     time.Duration // since the head changed
}

// verdict is what a node is worth beside the others.
type verdict uint8

const (
	verdictUnknown verdict = iota // no head to judge by
	verdictGood
	verdictFailing
	verdictStale
	verdictBehind
	verdictAhead
)

// headRule is how heads are compared.
type headRule struct {
	staleAfter time.Duration
	blockTime  time.Duration
	margin     uint64 // blocks between heads that do not matter
}

// chosen is the head that was chosen last.
type chosen struct {
	head Header
	age  time.Duration
	ok   bool
}

// choose returns the index of the node whose head is the client's, or -1 when no head is known, and a verdict for each.
//
// It looks only at what the nodes say now, so nothing a node once said can pin the head. The highest head wins, of the
// nodes that neither fail nor stand still, if there are any. A head that is more than the margin above all others is not
// believed when at least two others agree with each other, or when the one other goes on from the head that was chosen
// last and the jump is more than the time since then explains. Otherwise the others are behind. So a majority of liars
// would be followed; nothing here can tell them from nodes that are up to date.
func (r headRule) choose(nodes []sighting, last chosen) (int, []verdict) {
	verdicts := make([]verdict, len(nodes))
	var pool []int
	for _, pass := range []func(*sighting) verdict{r.strict, r.lenient} {
		pool = pool[:0]
		for i := range nodes {
			if verdicts[i] = pass(&nodes[i]); verdicts[i] == verdictGood {
				pool = append(pool, i)
			}
		}
		if len(pool) > 0 {
			break
		}
	}
	if len(pool) == 0 {
		return -1, verdicts
	}
	best := r.highest(nodes, pool, last)
	for _, i := range pool {
		switch number := nodes[i].head.Number; {
		case number > nodes[best].head.Number:
			verdicts[i] = verdictAhead
		case r.apart(number, nodes[best].head.Number):
			verdicts[i] = verdictBehind
		}
	}
	// The lenient pass called them good for want of better ones.
	for i := range nodes {
		if v := r.strict(&nodes[i]); v != verdictGood {
			verdicts[i] = v
		}
	}
	return best, verdicts
}

func (r headRule) strict(n *sighting) verdict {
	switch {
	case !n.known:
		return verdictUnknown
	case n.failing:
		return verdictFailing
	case n.age >= r.staleAfter:
		return verdictStale
	}
	return verdictGood
}

func (r headRule) lenient(n *sighting) verdict {
	if !n.known {
		return verdictUnknown
	}
	return verdictGood
}

// highest returns the node of the pool with the highest head that can be believed.
func (r headRule) highest(nodes []sighting, pool []int, last chosen) int {
	number := func(i int) uint64 { return nodes[i].head.Number }
	for {
		top := pool[0]
		for _, i := range pool[1:] {
			// Of equally high heads the one chosen last stays, and otherwise the preferred node's counts.
			if number(i) > number(top) || number(i) == number(top) && nodes[i].head.Hash == last.head.Hash && nodes[top].head.Hash != last.head.Hash {
				top = i
			}
		}
		rest := slices.DeleteFunc(slices.Clone(pool), func(i int) bool { return i == top })
		if len(rest) == 0 || !r.doubtful(nodes, top, rest, last) {
			return top
		}
		pool = rest
	}
}

// doubtful tells whether the top head is above all the rest and not to be believed.
func (r headRule) doubtful(nodes []sighting, top int, rest []int, last chosen) bool {
	heights := make([]uint64, len(rest))
	for i, n := range rest {
		heights[i] = nodes[n].head.Number
	}
	slices.Sort(heights)
	second := heights[len(heights)-1]
	if !r.apart(nodes[top].head.Number, second) {
		return false
	}
	for i := range heights[1:] {
		if !r.apart(heights[i], heights[i+1]) {
			return true
		}
	}
	if !last.ok || last.age >= r.staleAfter {
		return false
	}
	// Twice as many blocks as the time allows, for a chain that catches up.
	explained := r.margin + 2*uint64(last.age/r.blockTime)
	jumped := nodes[top].head.Number > last.head.Number && nodes[top].head.Number-last.head.Number > explained
	goesOn := second >= last.head.Number || !r.apart(second, last.head.Number)
	return jumped && goesOn
}

// apart tells whether two heights differ by more than the margin.
func (r headRule) apart(a, b uint64) bool { return max(a, b)-min(a, b) > r.margin }
