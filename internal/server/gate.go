package server

import (
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// gate bounds how many requests for one resource wait at once, wherever the resource is mounted. A request takes its
// place when it begins to wait (see deadline), so that one that is answered from memory needs none and is never refused.
type gate struct {
	places int64
	taken  atomic.Int64
}

func newGate(places int) *gate { return &gate{places: int64(places)} }

// enter takes a place, or tells that there is none.
func (g *gate) enter() bool {
	if g.taken.Add(1) > g.places {
		g.taken.Add(-1)
		return false
	}
	return true
}

func (g *gate) leave() { g.taken.Add(-1) }

// busyPause is when a request that found no place should come again.
const busyPause = time.Second

func errBusy() error {
	return &problem.Error{
		Kind:       problem.NotReady,
		Detail:     "Too many requests are waiting for this. Try again later.",
		RetryAfter: busyPause,
	}
}
