package chain

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// sighting is a block that was the newest one when we saw it.
type sighting struct {
	substrate.Header
	// turn counts the sightings. It orders them where numbers do not: a head on another fork may be lower.
	turn uint64
	// seen is when we saw it first.
	seen time.Time
}

func (s *sighting) block() block { return block{Number: s.Number, Hash: s.Hash} }

// lookout keeps the newest sighting. The nodes' own record is what counts: it is looked at in every read, so that no
// read works with an older head than the nodes' client knows, whichever goroutine hears of it first.
type lookout struct {
	nodes heads
	// trust is how long a head is the newest one without another look: the time in which no other is expected.
	trust time.Duration

	last atomic.Pointer[sighting]
	mu   sync.Mutex // held while last is replaced
	// failed is the last time that the nodes could not say which head is the newest.
	failed atomic.Pointer[failure]
	// confirmed is when the nodes last said that last is still the newest, in nanoseconds since the Unix epoch.
	confirmed atomic.Int64
}

// confirmation is how long the nodes' word counts for a head that is older than the time between two blocks. It bounds
// how long answers are still served from memory after the last node has gone.
const confirmation = time.Second

// failure is what the nodes said instead of their newest head, and when.
type failure struct {
	err error
	at  time.Time
}

// recentFailure returns why the nodes could not be asked a moment ago, nil when they could. Readers who have somewhere
// else to go do not wait for them again until then.
func (l *lookout) recentFailure() error {
	if f := l.failed.Load(); f != nil && time.Since(f.at) < lossKnown {
		return f.err
	}
	return nil
}

// lossKnown is how long a failure to reach any node counts.
const lossKnown = 2 * time.Second

// known returns the newest head that the nodes know of, without I/O and, while it stays the same, without a lock. It is
// nil before the first. It may be old: the nodes' client keeps it when it has lost them all.
func (l *lookout) known() *sighting {
	header, ok := l.nodes.KnownHead()
	if !ok {
		return nil
	}
	if last := l.last.Load(); last != nil && last.Hash == header.Hash {
		return last
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// Look again: while we waited for the lock, others may have gone further than what we came with.
	if header, ok = l.nodes.KnownHead(); !ok {
		return nil
	}
	return l.set(header)
}

// set makes header the newest sighting unless it is that already. The caller holds mu.
func (l *lookout) set(header substrate.Header) *sighting {
	last := l.last.Load()
	if last != nil && last.Hash == header.Hash {
		return last
	}
	next := &sighting{Header: header, turn: 1, seen: time.Now()}
	if last != nil {
		next.turn = last.turn + 1
	}
	l.last.Store(next)
	return next
}

// fresh returns the newest known head if there is no reason yet to ask the nodes about it, nil otherwise.
func (l *lookout) fresh() *sighting {
	head := l.known()
	if head != nil && (time.Since(head.seen) < l.trust || l.justConfirmed()) {
		return head
	}
	return nil
}

// justConfirmed tells whether the nodes' word still counts. One from the future is of a clock that has been set back since,
// and tells nothing.
func (l *lookout) justConfirmed() bool {
	ago := time.Now().UnixNano() - l.confirmed.Load()
	return ago >= 0 && ago < int64(confirmation)
}

// newest returns the newest head, and waits for the first one. It asks the nodes when the head that it knows is older
// than a block should get; asked tells whether it did.
func (l *lookout) newest(ctx context.Context) (head *sighting, asked bool, err error) {
	if head = l.fresh(); head != nil {
		return head, false, nil
	}
	header, err := l.nodes.Head(ctx)
	if err != nil {
		if unreachable(err) {
			l.failed.Store(&failure{err: err, at: time.Now()})
		}
		return nil, true, err
	}
	l.failed.Store(nil)
	l.confirmed.Store(time.Now().UnixNano())
	if head = l.known(); head != nil {
		return head, true, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.set(header), true, nil
}

// newestOrLost is newest for those who can do without: when no main node can be reached the error is a *lost, and comes
// at once where another reader has waited for it already.
func (c *Chain) newestOrLost(ctx context.Context) (*sighting, error) {
	if head := c.lookout.fresh(); head != nil {
		return head, nil
	}
	if err := c.lookout.recentFailure(); err != nil {
		return nil, &lost{failed(getLatestBlock, c.main.uri, err)}
	}
	head, err := c.newest(ctx)
	if err != nil && unreachable(err) {
		return nil, &lost{err}
	}
	return head, err
}
