package txpool

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func limits() Limits {
	return Limits{Ready: 5, Future: 3, ReadyBytes: 500, FutureBytes: 300, Ban: time.Hour}
}

// numbered is an extrinsic that provides its tag and requires the one before, if
// it is not the next one of the chain.
func numbered(name byte, tag, next uint32, priority uint64) Extrinsic {
	x := Extrinsic{Hash: Hash{name}, Bytes: make([]byte, 10)}
	x.Validity = validity(tag, next, priority)
	return x
}

func validity(tag, next uint32, priority uint64) runtime.Validity {
	v := runtime.Validity{Priority: priority, Provides: [][]byte{binary.BigEndian.AppendUint32(nil, tag)}}
	if tag > next {
		v.Requires = [][]byte{binary.BigEndian.AppendUint32(nil, tag-1)}
	}
	return v
}

func names(all []Extrinsic) (out []byte) {
	for _, x := range all {
		out = append(out, x.Hash[0])
	}
	return out
}

func wantEvents(t *testing.T, what string, got []Event, want ...Event) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v instead of %v", what, got, want)
	}
}

func TestImport(t *testing.T) {
	t.Parallel()
	p := New(limits())
	must := func(x Extrinsic) []Event {
		t.Helper()
		events, err := p.Import(x)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	a, b, c := Hash{'a'}, Hash{'b'}, Hash{'c'}
	wantEvents(t, "later", must(numbered('c', 2, 0, 1)), Event{Hash: c, Status: Future})
	wantEvents(t, "first", must(numbered('a', 0, 0, 1)), Event{Hash: a, Status: Ready})
	wantEvents(t, "between", must(numbered('b', 1, 0, 9)), Event{Hash: b, Status: Ready}, Event{Hash: c, Status: Ready})
	if _, err := p.Import(numbered('b', 1, 0, 9)); !errors.Is(err, ErrImported) {
		t.Error(err)
	}
	_, err := p.Import(numbered('d', 1, 0, 9))
	if low, ok := errors.AsType[*PriorityError](err); !ok || low.Old != 9 || low.New != 9 {
		t.Errorf("the same priority: %v", err)
	}
	if _, err := p.Import(Extrinsic{Hash: Hash{'n'}}); !errors.Is(err, ErrNoTags) {
		t.Error(err)
	}
	wantEvents(t, "more", must(numbered('d', 1, 0, 10)), Event{Hash: Hash{'d'}, Status: Ready}, Event{Hash: b, Status: Usurped, By: Hash{'d'}})
	var order []byte
	for x := range p.Block() {
		order = append(order, x.Hash[0])
	}
	if string(order) != "adc" {
		t.Errorf("a block takes %s", order)
	}
	wantEvents(t, "invalid", p.Discard(a, noon),
		Event{Hash: a, Status: Invalid}, Event{Hash: Hash{'d'}, Status: Invalid}, Event{Hash: c, Status: Invalid})
	if err := p.Known(a, noon.Add(time.Hour-1)); !errors.Is(err, ErrBanned) {
		t.Error(err)
	}
	if err := p.Known(a, noon.Add(time.Hour)); err != nil {
		t.Error(err)
	}
}

// What waits for one tag fights for it when it comes.
func TestPromotionOfRivals(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		first, second uint64
		loser         Event
	}{
		{2, 1, Event{Hash: Hash{'y'}, Status: Invalid}},
		{1, 2, Event{Hash: Hash{'x'}, Status: Usurped, By: Hash{'y'}}},
	} {
		p := New(limits())
		for _, x := range []Extrinsic{numbered('x', 1, 0, test.first), numbered('y', 1, 0, test.second)} {
			if _, err := p.Import(x); err != nil {
				t.Fatal(err)
			}
		}
		events, err := p.Import(numbered('a', 0, 0, 1))
		if err != nil || !slices.Contains(events, test.loser) || p.Len(Ready) != 2 || p.Len(Future) != 0 {
			t.Errorf("%v, %v", events, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	p := New(limits())
	for i := range byte(5) {
		if _, err := p.Import(numbered('a'+i, uint32(i), 9, uint64(10+i))); err != nil {
			t.Fatal(err)
		}
	}
	if events, err := p.Import(numbered('z', 7, 9, 10)); !errors.Is(err, ErrFull) || len(events) != 0 {
		t.Errorf("worth as little as the least: %v, %v", events, err)
	}
	events, err := p.Import(numbered('z', 7, 9, 11))
	if err != nil {
		t.Fatal(err)
	}
	wantEvents(t, "worth more", events, Event{Hash: Hash{'z'}, Status: Ready}, Event{Hash: Hash{'a'}, Status: Dropped})
	big := numbered('y', 8, 9, 99)
	big.Bytes = make([]byte, 470)
	if _, err := p.Import(big); err != nil || p.size[Ready].bytes > 500 || p.Len(Ready) != 4 {
		t.Errorf("%v, %d of %d bytes", err, p.Len(Ready), p.size[Ready].bytes)
	}
	for i := range byte(4) {
		if _, err := p.Import(numbered('1'+i, uint32(20+2*i), 0, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(p.All(Future)); string(got) != "234" {
		t.Errorf("waiting are %s", got)
	}
	for i := range uint32(3 * mostBans) {
		p.Ban(Hash(binary.BigEndian.AppendUint32(make([]byte, 28), i)), noon)
	}
	if len(p.bans) > mostBans {
		t.Errorf("%d are banned", len(p.bans))
	}
}

func TestRevalidate(t *testing.T) {
	t.Parallel()
	p := New(limits())
	for _, x := range []Extrinsic{numbered('a', 0, 0, 1), numbered('b', 1, 0, 1), numbered('c', 2, 0, 1), numbered('f', 5, 0, 1)} {
		if _, err := p.Import(x); err != nil {
			t.Fatal(err)
		}
	}
	// The chain has used nonce 0 for something else.
	stale := &runtime.InvalidError{Kind: runtime.InvalidStale}
	tags := map[Hash]uint32{{'b'}: 1, {'c'}: 2, {'f'}: 5}
	answer := func(next uint32, bad Hash, err error) func(Extrinsic) (runtime.Validity, error) {
		return func(x Extrinsic) (runtime.Validity, error) {
			if x.Hash == bad {
				return runtime.Validity{}, err
			}
			return validity(tags[x.Hash], next, 1), nil
		}
	}
	wantEvents(t, "stale", p.Revalidate(noon, answer(1, Hash{'a'}, stale)), Event{Hash: Hash{'a'}, Status: Invalid})
	// It was left out of the chain again: 1 has to wait for 0.
	wantEvents(t, "reorganised", p.Revalidate(noon, answer(0, Hash{}, nil)),
		Event{Hash: Hash{'b'}, Status: Future}, Event{Hash: Hash{'c'}, Status: Future})
	wantEvents(t, "and back", p.Revalidate(noon, answer(1, Hash{}, nil)),
		Event{Hash: Hash{'b'}, Status: Ready}, Event{Hash: Hash{'c'}, Status: Ready})
	// What cannot be said changes nothing.
	for _, err := range []error{errors.New("no state"), &runtime.InvalidError{Kind: runtime.UnknownCannotLookup}} {
		wantEvents(t, "unknown", p.Revalidate(noon, answer(1, Hash{'b'}, err)))
	}
	wantEvents(t, "invalid", p.Revalidate(noon, answer(1, Hash{'b'}, &runtime.InvalidError{Kind: runtime.InvalidPayment})),
		Event{Hash: Hash{'b'}, Status: Invalid}, Event{Hash: Hash{'c'}, Status: Invalid})
	wantEvents(t, "usurped by nothing", p.Usurp(Hash{'f'}, Hash{'g'}), Event{Hash: Hash{'f'}, Status: Usurped, By: Hash{'g'}})
	if p.Len(Ready)+p.Len(Future) != 0 {
		t.Error("something is left")
	}
}

// Whatever happens, the pool is in order and the events tell of it.
func TestPoolInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := New(limits())
		told := map[Hash]Status{}
		tags := map[Hash]uint32{}
		priorities := map[Hash]uint64{}
		note := func(events []Event) {
			for _, e := range events {
				if told[e.Hash] = e.Status; e.Status > Ready {
					delete(told, e.Hash)
				}
			}
		}
		next := uint32(0)
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			hash := Hash{byte(rapid.IntRange(0, 40).Draw(t, "which"))}
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			default:
				x := Extrinsic{Hash: hash, Bytes: make([]byte, rapid.IntRange(1, 120).Draw(t, "length"))}
				tag, priority := next+uint32(rapid.IntRange(0, 6).Draw(t, "tag")), uint64(rapid.IntRange(0, 3).Draw(t, "priority"))
				x.Validity = validity(tag, next, priority)
				had := p.Has(hash)
				events, err := p.Import(x)
				note(events)
				if !had && err == nil {
					tags[hash], priorities[hash] = tag, priority
				}
			case 1:
				note(p.Discard(hash, noon.Add(time.Duration(step)*time.Minute)))
			case 2:
				note(p.Drop(hash))
			case 3:
				p.Forget(hash)
				delete(told, hash)
				fallthrough
			case 4:
				next += uint32(rapid.IntRange(0, 2).Draw(t, "blocks"))
				note(p.Revalidate(noon, func(x Extrinsic) (runtime.Validity, error) {
					if tags[x.Hash] < next {
						return runtime.Validity{}, &runtime.InvalidError{Kind: runtime.InvalidStale}
					}
					return validity(tags[x.Hash], next, priorities[x.Hash]), nil
				}))
			case 5:
				note(p.Usurp(hash, Hash{0xff}))
			}
			checkOrder(t, p, told)
		}
	})
}

func checkOrder(t *rapid.T, p *Pool, told map[Hash]Status) {
	count := map[Status]int{}
	provided := map[string]bool{}
	for hash, e := range p.entries {
		count[e.status]++
		if told[hash] != e.status {
			t.Fatalf("%x is %d, told was %d", hash[0], e.status, told[hash])
		}
		if e.status != Ready {
			continue
		}
		if p.missing(e) {
			t.Fatalf("%x is ready but misses something", hash[0])
		}
		for _, tag := range e.Validity.Provides {
			if provided[string(tag)] {
				t.Fatalf("two provide %x", tag)
			}
			provided[string(tag)] = true
		}
	}
	if len(told) != len(p.entries) {
		t.Fatalf("told of %d, there are %d", len(told), len(p.entries))
	}
	if count[Ready] != p.Len(Ready) || count[Future] != p.Len(Future) || count[Ready] > 5 || count[Future] > 3 ||
		p.size[Ready].bytes > 500 || p.size[Future].bytes > 300 {
		t.Fatalf("%v, counted %v", p.size, count)
	}
	given := map[string]bool{}
	n := 0
	for x := range p.Block() {
		for _, tag := range x.Validity.Requires {
			if !given[string(tag)] {
				t.Fatalf("%x comes too early", x.Hash[0])
			}
		}
		for _, tag := range x.Validity.Provides {
			given[string(tag)] = true
		}
		n++
	}
	if n != count[Ready] {
		t.Fatalf("a block takes %d of %d", n, count[Ready])
	}
}
