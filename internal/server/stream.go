package server

import (
	"context"
	"encoding/hex"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
)

// stream keeps the newest events of the chain for those who read them. Nobody waits for a reader: an event is added
// under a short lock, and a reader that has fallen behind by the whole ring is dropped.
type stream struct {
	run     string        // begins the ids, so that those of an earlier process are not taken for ours
	max     int           // readers
	stopped chan struct{} // closed when the first follow ends
	stop    sync.Once     // closes stopped

	mu      sync.Mutex // guards the rest
	ring    []event    // of the events next-len(ring) to next-1; that number modulo its capacity is the place
	next    uint64     // number of the next event; the first is 1
	changed chan struct{}
	readers int
	newest  map[pylon.ChainEventKind]event // of the kinds with which a new reader begins
}

// event is one event, ready to be sent.
type event struct {
	number uint64
	text   []byte
	// netuid is the subnet that it is about; some is false for what is about the chain.
	netuid pylon.Netuid
	some   bool
}

// eventsKept is how many events a reader can have missed. It is about an hour of finney.
const eventsKept = 1024

func newStream(maxReaders int) *stream {
	var run [4]byte
	random := rand.Uint32()
	for i := range run {
		run[i] = byte(random >> (8 * i))
	}
	return &stream{
		run: hex.EncodeToString(run[:]), max: maxReaders, stopped: make(chan struct{}),
		ring: make([]event, 0, eventsKept), next: 1, changed: make(chan struct{}), newest: map[pylon.ChainEventKind]event{},
	}
}

// follow takes the events of the chain until ctx ends. Then the readers are sent away.
func (s *stream) follow(ctx context.Context, source EventSource) {
	defer s.stop.Do(func() { close(s.stopped) })
	if source == nil {
		<-ctx.Done()
		return
	}
	events, stop := source.Events(eventsKept)
	defer stop()
	for {
		select {
		case e, open := <-events:
			if !open {
				<-ctx.Done()
				return
			}
			s.add(e)
		case <-ctx.Done():
			return
		}
	}
}

// add takes an event in and wakes the readers.
func (s *stream) add(e pylon.ChainEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := event{number: s.next, netuid: e.Netuid, some: e.Kind == pylon.EventEpoch}
	added.text = s.render(added, e)
	if len(s.ring) < cap(s.ring) {
		s.ring = append(s.ring, added)
	} else {
		s.ring[(s.next-1)%uint64(cap(s.ring))] = added
	}
	s.next++
	if !added.some {
		s.newest[e.Kind] = added
	}
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *stream) render(added event, e pylon.ChainEvent) []byte {
	text := []byte("id: " + s.run + "-")
	text = strconv.AppendUint(text, added.number, 10)
	text = append(text, "\nevent: "...)
	text = append(text, e.Kind...)
	text = append(text, "\ndata: "...)
	if added.some {
		text = append(text, `{"netuid":`...)
		text = strconv.AppendUint(text, uint64(e.Netuid), 10)
		text = append(text, `,"block":`...)
		text = e.Block.AppendJSON(text)
		text = append(text, '}')
	} else {
		text = e.Block.AppendJSON(text)
	}
	return append(text, "\n\n"...)
}

// enter counts a reader in, or tells that there are too many.
func (s *stream) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers >= s.max {
		return false
	}
	s.readers++
	return true
}

func (s *stream) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers--
}

func (s *stream) readerCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readers
}

// begin returns the events that a reader starts with and the number of the one after them. A reader that has seen an
// event before gets those after it, or missed when they are not kept any more. A new reader gets the newest head and
// the newest finalised head.
func (s *stream) begin(lastID string) (first []event, next uint64, missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, text, ok := strings.Cut(lastID, "-"); ok && run == s.run {
		seen, err := strconv.ParseUint(text, 10, 64)
		if err == nil && seen < s.next && seen+1 >= s.next-uint64(len(s.ring)) {
			return nil, seen + 1, false
		}
	}
	head, known := s.newest[pylon.EventHead]
	finalized, both := s.newest[pylon.EventFinalized]
	switch {
	case known && both && finalized.number < head.number:
		first = []event{finalized, head}
	case known && both:
		first = []event{head, finalized}
	case known:
		first = []event{head}
	case both:
		first = []event{finalized}
	}
	return first, s.next, lastID != ""
}

// since returns the events from a number on, and a channel that closes when there are more. It is false when they are
// not kept any more.
func (s *stream) since(number uint64) (events []event, changed <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number < s.next-uint64(len(s.ring)) {
		return nil, nil, false
	}
	for ; number < s.next; number++ {
		events = append(events, s.ring[(number-1)%uint64(cap(s.ring))])
	}
	return events, s.changed, true
}
