package chain

import (
	"context"
	"sync/atomic"
	"time"
)

// latest is a question that is asked again of every new block, with the newest answer that is ready.
type latest[T any] struct {
	// read answers the question at one block. Equal reads share a flight.
	read func(ctx context.Context, at *sighting) (T, error)

	ready atomic.Pointer[answer[T]]
	// asked is when somebody last wanted the answer, in nanoseconds since the Unix epoch.
	asked atomic.Int64
	// attempted is the last read ahead.
	attempted atomic.Pointer[attempt]
}

type answer[T any] struct {
	at    *sighting
	value T
}

// askedGrain is how exactly we remember when a question was asked: many readers on many processors should not write
// to the same word all the time.
const askedGrain = int64(time.Second)

// touch notes that somebody wants the answer.
func (l *latest[T]) touch() {
	now := time.Now().UnixNano()
	if ago := now - l.asked.Load(); ago >= askedGrain || ago < 0 { // a clock can be set back
		l.asked.Store(now)
	}
}

// idle returns how long nobody has wanted the answer.
func (l *latest[T]) idle() time.Duration {
	return time.Duration(time.Now().UnixNano() - l.asked.Load())
}

// at returns the answer at that head: from memory when it is ready there, else from the chain.
func (l *latest[T]) at(ctx context.Context, head *sighting) (T, error) {
	if ready := l.ready.Load(); ready != nil && ready.at.Hash == head.Hash {
		return ready.value, nil
	}
	value, err := l.read(ctx, head)
	if err == nil {
		l.offer(&answer[T]{at: head, value: value})
	}
	return value, err
}

// offer makes a the newest answer, unless a later head has been answered meanwhile.
func (l *latest[T]) offer(a *answer[T]) {
	for {
		ready := l.ready.Load()
		if ready != nil && ready.at.turn >= a.at.turn {
			return
		}
		if l.ready.CompareAndSwap(ready, a) {
			return
		}
	}
}

// near returns the newest answer when it belongs to head or to head's parent: the answer at head is on its way then,
// and readers do not wait for it. An answer further back, or on a fork that head is not on, is nobody's latest.
func (l *latest[T]) near(head *sighting) (a *answer[T], newest bool) {
	ready := l.ready.Load()
	switch {
	case ready == nil:
		return nil, false
	case ready.at.Hash == head.Hash:
		return ready, true
	case ready.at.Hash == head.Parent:
		return ready, false
	default:
		return nil, false
	}
}

// attempt is a read ahead at the head of that turn.
type attempt struct {
	turn uint64
	at   time.Time
}

// attemptPause is the time between two reads ahead at the same head, when the first has failed.
const attemptPause = time.Second

// claim tells one of all who ask at about the same time to read ahead at that head.
func (l *latest[T]) claim(head *sighting) bool {
	last := l.attempted.Load()
	if last != nil && (last.turn > head.turn || last.turn == head.turn && time.Since(last.at) < attemptPause) {
		return false
	}
	return l.attempted.CompareAndSwap(last, &attempt{turn: head.turn, at: time.Now()})
}
