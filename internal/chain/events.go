package chain

import (
	"slices"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
)

// Events tells what happens on the chain between Start and Close: new best heads, new finalised heads, and the epochs of
// the subnets that somebody has asked for lately or that are configured. It begins with the newest heads that were told.
// An epoch is told after the first head that is in it; who joins later is not told of those that have begun. A reader who
// is more than buffer events late (at least 2) loses the oldest; nobody waits for it. The function ends the events and
// closes the channel, as Close does.
func (c *Chain) Events(buffer int) (<-chan pylon.ChainEvent, func()) {
	r := &eventReader{events: make(chan pylon.ChainEvent, max(buffer, 2))}
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	if c.news.closed {
		close(r.events)
		return r.events, func() {}
	}
	for _, event := range []*pylon.ChainEvent{c.news.head, c.news.finalized} {
		if event != nil {
			r.push(*event)
		}
	}
	c.news.readers = append(c.news.readers, r)
	return r.events, func() { c.news.leave(r) }
}

// news tells readers what happens.
type news struct {
	mu      sync.Mutex // guards the rest
	readers []*eventReader
	closed  bool
	// head and finalized are the newest of their kind.
	head, finalized *pylon.ChainEvent
}

// eventReader is one reader. Only push and the end send on or close its channel, under the mutex of the news.
type eventReader struct{ events chan pylon.ChainEvent }

func (r *eventReader) push(event pylon.ChainEvent) {
	for {
		select {
		case r.events <- event:
			return
		default:
		}
		select {
		case <-r.events:
		default:
		}
	}
}

// tell gives an event to every reader.
func (n *news) tell(event pylon.ChainEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch event.Kind {
	case pylon.EventHead:
		n.head = &event
	case pylon.EventFinalized:
		n.finalized = &event
	}
	for _, r := range n.readers {
		r.push(event)
	}
}

// wanted tells whether there is anybody to tell something.
func (n *news) wanted() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.readers) > 0
}

func (n *news) leave(r *eventReader) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.readers, r); i >= 0 {
		n.readers = slices.Delete(n.readers, i, i+1)
		close(r.events)
	}
}

// close ends the events of all readers.
func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, r := range n.readers {
		close(r.events)
	}
	n.readers = nil
}
