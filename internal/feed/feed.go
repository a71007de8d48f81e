// Package feed hands events to readers, none of whom is waited for.
package feed

import (
	"slices"
	"sync"
)

// Feed hands every event to every reader who has joined. A reader who is behind loses the oldest events. Its zero value
// has no readers; it is safe for concurrent use.
type Feed[E any] struct {
	mu      sync.Mutex
	readers []chan E // guarded by mu; only put and the end send on or close them
	closed  bool     // guarded by mu
}

// Join adds a reader, who is told of these events first and then of all that come. He keeps at most buffer events that he
// has not read, at least two and as many as these. The function takes him out again and closes the channel, as Close
// does; it may be called more than once.
func (f *Feed[E]) Join(buffer int, first ...E) (<-chan E, func()) {
	reader := make(chan E, max(buffer, 2, len(first)))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		close(reader)
		return reader, func() {}
	}
	for _, event := range first {
		reader <- event
	}
	f.readers = append(f.readers, reader)
	return reader, func() { f.leave(reader) }
}

func (f *Feed[E]) leave(reader chan E) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.readers, reader); i >= 0 {
		f.readers = slices.Delete(f.readers, i, i+1)
		close(reader)
	}
}

// Tell gives an event to every reader.
func (f *Feed[E]) Tell(event E) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, reader := range f.readers {
		put(reader, event)
	}
}

// put makes room for an event where there is none.
func put[E any](reader chan E, event E) {
	for {
		select {
		case reader <- event:
			return
		default:
		}
		select {
		case <-reader:
		default:
		}
	}
}

// Wanted tells whether there is a reader.
func (f *Feed[E]) Wanted() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.readers) > 0
}

// Close ends the events of all readers, and of those who join later at once.
func (f *Feed[E]) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, reader := range f.readers {
		close(reader)
	}
	f.readers = nil
}
