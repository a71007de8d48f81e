package txpool

import (
	"container/heap"
	"errors"
	"iter"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Revalidate asks anew about every extrinsic, after the best block changed. What
// is invalid goes, with what depends on it, and is banned; what could not be
// validated stays as it was.
func (p *Pool) Revalidate(now time.Time, validate func(Extrinsic) (runtime.Validity, error)) []Event {
	var events []Event
	before := make(map[Hash]Status, len(p.entries))
	all := p.ordered()
	for _, e := range all {
		before[e.Hash] = e.status
	}
	fresh := make(map[*entry]runtime.Validity, len(all))
	for _, e := range all {
		v, err := validate(e.Extrinsic)
		invalid, refused := errors.AsType[*runtime.InvalidError](err)
		switch {
		case err == nil:
			fresh[e] = v
		case !refused || invalid.Unknown():
			fresh[e] = e.Validity
		case p.entries[e.Hash] != e:
			// It went with one that it depends on.
		case invalid.Kind == runtime.InvalidStale:
			// Another one is in its place on the chain: what follows may be valid.
			p.Ban(e.Hash, now)
			p.remove(e)
			events = append(events, Event{Hash: e.Hash, Status: Invalid})
		default:
			events = append(events, p.Discard(e.Hash, now)...)
		}
	}
	// Everything that is left finds its place anew.
	left := p.ordered()
	for _, e := range left {
		p.remove(e)
	}
	for _, e := range left {
		if v, ok := fresh[e]; ok {
			e.Validity = v
		}
		p.insert(e, Future)
	}
	for _, event := range p.promote() {
		if event.Status != Ready {
			events = append(events, event)
		}
	}
	for _, e := range left {
		if p.entries[e.Hash] == e && before[e.Hash] != e.status {
			events = append(events, Event{Hash: e.Hash, Status: e.status})
		}
	}
	return append(events, p.enforce()...)
}

// Block yields the ready extrinsics in the order in which a block takes them: the
// one with the highest priority first, of several the one that came first, and
// none before those that it depends on. The pool may not be changed meanwhile.
func (p *Pool) Block() iter.Seq[Extrinsic] {
	return func(yield func(Extrinsic) bool) {
		waiting := make(map[*entry]int)
		followers := make(map[*entry][]*entry)
		var next queue
		for _, e := range p.ordered() {
			if e.status != Ready {
				continue
			}
			for _, tag := range e.Validity.Requires {
				leader := p.provided[string(tag)]
				followers[leader] = append(followers[leader], e)
				waiting[e]++
			}
			if waiting[e] == 0 {
				heap.Push(&next, e)
			}
		}
		for next.Len() > 0 {
			e, _ := heap.Pop(&next).(*entry)
			if !yield(e.Extrinsic) {
				return
			}
			for _, follower := range followers[e] {
				if waiting[follower]--; waiting[follower] == 0 {
					heap.Push(&next, follower)
				}
			}
		}
	}
}

// queue is a heap of entries, the best first.
type queue []*entry

func (q queue) Len() int      { return len(q) }
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q queue) Less(i, j int) bool {
	if a, b := q[i].Validity.Priority, q[j].Validity.Priority; a != b {
		return a > b
	}
	return q[i].order < q[j].order
}

// Push implements heap.Interface.
func (q *queue) Push(x any) {
	e, _ := x.(*entry)
	*q = append(*q, e)
}

// Pop implements heap.Interface.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	*q = (*q)[:last]
	return e
}
