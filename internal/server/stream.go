package server

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
)

// stream keeps the newest events for those who read them: the ones of the chain for everybody, and for the readers of an
// identity what becomes of its intents too. Nobody waits for a reader: an event is added under a short lock, and a reader
// that has fallen behind by a whole ring is dropped.
type stream struct {
	run     string        // begins the ids, so that those of an earlier process are not taken for ours
	max     int           // readers
	stopped chan struct{} // closed when the first follow ends
	stop    sync.Once     // closes stopped

	mu      sync.Mutex // guards the rest, the rings included
	next    uint64     // number of the next event; the first is 1
	open    *ring
	own     map[string]*ring // by the name of the identity
	readers int
	newest  map[pylon.ChainEventKind]event // of the kinds with which a new reader begins
}

// ring has the newest events that concern its readers, in the order of their numbers.
type ring struct {
	netuid  pylon.Netuid // of the identity
	kept    int          // how many events it has at most
	events  []event      // once there are kept of them, the oldest is at place oldest
	oldest  int
	lost    uint64        // number of the newest event that had to make room
	changed chan struct{} // closed when there is another event
}

// event is one event, ready to be sent.
type event struct {
	number uint64
	text   []byte
}

// How many events a reader can have missed: about an hour of finney, and for the readers of an identity, of whom there is a
// ring each, a quarter of that.
const (
	eventsKept    = 1024
	ownEventsKept = 256
)

func newStream(maxReaders int, identities []Identity) *stream {
	var run [4]byte
	random := rand.Uint32()
	for i := range run {
		run[i] = byte(random >> (8 * i))
	}
	s := &stream{
		run: hex.EncodeToString(run[:]), max: maxReaders, stopped: make(chan struct{}), next: 1,
		open: newRing(eventsKept), own: make(map[string]*ring, len(identities)), newest: map[pylon.ChainEventKind]event{},
	}
	for _, known := range identities {
		ring := newRing(ownEventsKept)
		ring.netuid = known.Netuid
		s.own[known.Name] = ring
	}
	return s
}

func newRing(kept int) *ring { return &ring{kept: kept, changed: make(chan struct{})} }

// ring returns the one that the readers of an identity read, or for nil the one of open access.
func (s *stream) ring(of *identity) *ring {
	if of == nil {
		return s.open
	}
	return s.own[of.Name]
}

// follow takes the events of the chain and of the intents until ctx ends. Then the readers are sent away. Either source
// may be nil.
func (s *stream) follow(ctx context.Context, source EventSource, writer Writer) {
	defer s.stop.Do(func() { close(s.stopped) })
	var events <-chan pylon.ChainEvent
	if source != nil {
		var stop func()
		events, stop = source.Events(eventsKept)
		defer stop()
	}
	var changes <-chan pylon.IntentEvent
	if writer != nil {
		var stop func()
		changes, stop = writer.Changes(eventsKept)
		defer stop()
	}
	for {
		select {
		case e, open := <-events:
			if !open {
				events = nil
				continue
			}
			s.add(e)
		case e, open := <-changes:
			if !open {
				changes = nil
				continue
			}
			s.addIntent(e)
		case <-ctx.Done():
			return
		}
	}
}

// add takes an event of the chain in and wakes the readers that it concerns. An identity hears of the epochs of its own
// subnet only.
func (s *stream) add(e pylon.ChainEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	added := s.number(string(e.Kind), func(dst []byte) []byte {
		if e.Kind != pylon.EventEpoch {
			return e.Block.AppendJSON(dst)
		}
		dst = append(dst, `{"netuid":`...)
		dst = strconv.AppendUint(dst, uint64(e.Netuid), 10)
		dst = append(dst, `,"block":`...)
		return append(e.Block.AppendJSON(dst), '}')
	})
	if e.Kind != pylon.EventEpoch {
		s.newest[e.Kind] = added
	}
	s.open.add(added)
	for _, own := range s.own {
		if e.Kind != pylon.EventEpoch || e.Netuid == own.netuid {
			own.add(added)
		}
	}
}

// addIntent takes a change of an intent in and wakes the readers of its identity.
func (s *stream) addIntent(e pylon.IntentEvent) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(e) != nil {
		return // it is made of texts and numbers: this does not happen
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.own[e.Intent.Identity]
	if own == nil {
		return
	}
	own.add(s.number("intent", func(dst []byte) []byte {
		return append(dst, bytes.TrimSuffix(body.Bytes(), []byte("\n"))...)
	}))
}

// number makes the next event.
func (s *stream) number(name string, data func(dst []byte) []byte) event {
	text := []byte("id: " + s.run + "-")
	text = strconv.AppendUint(text, s.next, 10)
	text = append(text, "\nevent: "...)
	text = append(text, name...)
	text = append(text, "\ndata: "...)
	text = append(data(text), "\n\n"...)
	made := event{number: s.next, text: text}
	s.next++
	return made
}

func (r *ring) add(e event) {
	if len(r.events) < r.kept {
		r.events = append(r.events, e)
	} else {
		r.lost = r.events[r.oldest].number
		r.events[r.oldest] = e
		r.oldest = (r.oldest + 1) % r.kept
	}
	close(r.changed)
	r.changed = make(chan struct{})
}

// from returns the events with that number and above.
func (r *ring) from(number uint64) []event {
	at := func(i int) event { return r.events[(r.oldest+i)%len(r.events)] }
	first := sort.Search(len(r.events), func(i int) bool { return at(i).number >= number })
	found := make([]event, 0, len(r.events)-first)
	for i := first; i < len(r.events); i++ {
		found = append(found, at(i))
	}
	return found
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
func (s *stream) begin(from *ring, lastID string) (first []event, next uint64, missed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run, text, ok := strings.Cut(lastID, "-"); ok && run == s.run {
		seen, err := strconv.ParseUint(text, 10, 64)
		if err == nil && seen < s.next && seen >= from.lost {
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

// since returns the events of a ring from a number on, the number of the next one, and a channel that closes when there
// are more. It is false when they are not kept any more.
func (s *stream) since(from *ring, number uint64) (events []event, next uint64, changed <-chan struct{}, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if number <= from.lost {
		return nil, 0, nil, false
	}
	return from.from(number), s.next, from.changed, true
}
