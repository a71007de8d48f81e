package intents

import (
	"slices"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
)

// Changes tells of every change of an intent that this process makes or records. A reader who is more than buffer events
// late (at least 2) loses the oldest; nobody waits for it. The function ends the events and closes the channel, as Close
// does.
func (e *Engine) Changes(buffer int) (<-chan pylon.IntentEvent, func()) { return e.news.join(buffer) }

// news tells readers what happens to intents.
type news struct {
	mu      sync.Mutex // guards the rest
	readers []*newsReader
	closed  bool
}

// newsReader is one reader. Only push and the end use its channel, under the mutex of the news.
type newsReader struct{ events chan pylon.IntentEvent }

func (n *news) join(buffer int) (<-chan pylon.IntentEvent, func()) {
	r := &newsReader{events: make(chan pylon.IntentEvent, max(buffer, 2))}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		close(r.events)
		return r.events, func() {}
	}
	n.readers = append(n.readers, r)
	return r.events, func() { n.leave(r) }
}

func (n *news) leave(r *newsReader) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i := slices.Index(n.readers, r); i >= 0 {
		n.readers = slices.Delete(n.readers, i, i+1)
		close(r.events)
	}
}

func (n *news) tell(event pylon.IntentEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.readers {
		r.push(event)
	}
}

func (r *newsReader) push(event pylon.IntentEvent) {
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

func (n *news) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, r := range n.readers {
		close(r.events)
	}
	n.readers = nil
}
