package txpool

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Hash names an extrinsic.
type Hash [32]byte

// Extrinsic is an extrinsic and what the runtime says of it.
type Extrinsic struct {
	Hash     Hash
	Bytes    []byte
	Validity runtime.Validity
}

// Status is what becomes of an extrinsic in a pool.
type Status uint8

// The statuses. The last three are the end.
const (
	Future Status = iota
	Ready
	Usurped // another one with its tag and a higher priority came
	Dropped // the pool was full
	Invalid // it can be in no block any more
)

// Event says that the status of an extrinsic is another now.
type Event struct {
	Hash   Hash
	Status Status
	By     Hash // what has usurped it
}

// Why an extrinsic cannot enter a pool. A PriorityError is the other reason.
var (
	ErrImported = errors.New("txpool: the extrinsic is in the pool already")
	ErrBanned   = errors.New("txpool: the extrinsic is banned for a while")
	ErrFull     = errors.New("txpool: the pool is full of what is worth more")
	ErrNoTags   = errors.New("txpool: the extrinsic provides no tags")
)

// PriorityError says that an extrinsic is not worth more than what it would
// replace.
type PriorityError struct{ Old, New uint64 }

func (e *PriorityError) Error() string {
	return fmt.Sprintf("txpool: the priority is too low (%d, of what is there %d)", e.New, e.Old)
}

// Limits bound a Pool. All fields are required.
type Limits struct {
	Ready, Future           int // extrinsics
	ReadyBytes, FutureBytes int
	Ban                     time.Duration // for how long what is invalid stays out
}

// mostBans bounds the memory of what is banned.
const mostBans = 4096

// Pool is a pool of extrinsics. New makes one.
type Pool struct {
	limits   Limits
	entries  map[Hash]*entry
	provided map[string]*entry // tags, by the ready ones
	imported uint64
	bans     map[Hash]time.Time // until when
	size     [2]struct{ count, bytes int }
}

// entry is an extrinsic in the pool.
type entry struct {
	Extrinsic
	order  uint64 // how many were imported before
	status Status // Ready or Future
}

// New makes an empty pool.
func New(limits Limits) *Pool {
	return &Pool{
		limits:   limits,
		entries:  make(map[Hash]*entry),
		provided: make(map[string]*entry),
		bans:     make(map[Hash]time.Time),
	}
}

// Has tells whether an extrinsic is in the pool.
func (p *Pool) Has(hash Hash) bool { return p.entries[hash] != nil }

// Provides tells whether a ready extrinsic provides the tag.
func (p *Pool) Provides(tag []byte) bool { return p.provided[string(tag)] != nil }

// Len is how many extrinsics have a status, Ready or Future.
func (p *Pool) Len(s Status) int { return p.size[s].count }

// All returns the extrinsics with a status in the order in which they came.
func (p *Pool) All(s Status) []Extrinsic {
	var out []Extrinsic
	for _, e := range p.ordered() {
		if e.status == s {
			out = append(out, e.Extrinsic)
		}
	}
	return out
}

func (p *Pool) ordered() []*entry {
	all := make([]*entry, 0, len(p.entries))
	for _, e := range p.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.order, b.order) })
	return all
}

// Ban keeps an extrinsic out for a while.
func (p *Pool) Ban(hash Hash, now time.Time) {
	if len(p.bans) >= mostBans {
		p.unban(now)
	}
	p.bans[hash] = now.Add(p.limits.Ban)
}

// unban forgets the bans that are over, or if none is, half of them.
func (p *Pool) unban(now time.Time) {
	for hash, until := range p.bans {
		if !now.Before(until) {
			delete(p.bans, hash)
		}
	}
	for hash := range p.bans {
		if len(p.bans) < mostBans/2 {
			return
		}
		delete(p.bans, hash)
	}
}

// Known is the reason not to look at an extrinsic: ErrBanned, ErrImported or nil.
func (p *Pool) Known(hash Hash, now time.Time) error {
	if until, ok := p.bans[hash]; ok && now.Before(until) {
		return ErrBanned
	}
	if p.Has(hash) {
		return ErrImported
	}
	return nil
}

// Import puts an extrinsic into the pool. The events are also of others, and
// happen even if there is an error.
func (p *Pool) Import(x Extrinsic) ([]Event, error) {
	if p.Has(x.Hash) {
		return nil, ErrImported
	}
	if len(x.Validity.Provides) == 0 {
		return nil, ErrNoTags
	}
	e := &entry{Extrinsic: x, order: p.imported}
	p.imported++
	var events []Event
	if p.missing(e) {
		p.insert(e, Future)
		events = []Event{{Hash: x.Hash, Status: Future}}
	} else {
		usurped, err := p.makeReady(e)
		if err != nil {
			return nil, err
		}
		events = append([]Event{{Hash: x.Hash, Status: Ready}}, usurped...)
		events = append(events, p.promote()...)
	}
	events = append(events, p.enforce()...)
	if !p.Has(x.Hash) {
		events = slices.DeleteFunc(events, func(e Event) bool { return e.Hash == x.Hash })
		return events, ErrFull
	}
	return events, nil
}

// missing tells whether something that e requires is not provided.
func (p *Pool) missing(e *entry) bool {
	return slices.ContainsFunc(e.Validity.Requires, func(tag []byte) bool { return !p.Provides(tag) })
}

func (p *Pool) insert(e *entry, s Status) {
	e.status = s
	p.entries[e.Hash] = e
	p.size[s].count++
	p.size[s].bytes += len(e.Bytes)
	if s == Ready {
		for _, tag := range e.Validity.Provides {
			p.provided[string(tag)] = e
		}
	}
}

func (p *Pool) remove(e *entry) {
	delete(p.entries, e.Hash)
	p.size[e.status].count--
	p.size[e.status].bytes -= len(e.Bytes)
	for _, tag := range e.Validity.Provides {
		if p.provided[string(tag)] == e {
			delete(p.provided, string(tag))
		}
	}
}

// makeReady puts an entry that misses nothing among the ready ones, in the place
// of those that provide the same tags.
func (p *Pool) makeReady(e *entry) ([]Event, error) {
	var rivals []*entry
	var worth uint64
	for _, tag := range e.Validity.Provides {
		if rival := p.provided[string(tag)]; rival != nil && !slices.Contains(rivals, rival) {
			rivals = append(rivals, rival)
			sum, carry := bits.Add64(worth, rival.Validity.Priority, 0)
			worth = sum | -carry // the highest number if it is more than that
		}
	}
	if len(rivals) > 0 && e.Validity.Priority <= worth {
		return nil, &PriorityError{Old: worth, New: e.Validity.Priority}
	}
	var events []Event
	for _, rival := range rivals {
		p.remove(rival)
		events = append(events, Event{Hash: rival.Hash, Status: Usurped, By: e.Hash})
	}
	p.insert(e, Ready)
	return events, nil
}

// promote makes ready what misses nothing any more.
func (p *Pool) promote() []Event {
	var events []Event
	for changed := p.size[Future].count > 0; changed; {
		changed = false
		for _, e := range p.ordered() {
			if e.status != Future || p.entries[e.Hash] != e || p.missing(e) {
				continue
			}
			changed = true
			p.remove(e)
			usurped, err := p.makeReady(e)
			if err != nil {
				events = append(events, Event{Hash: e.Hash, Status: Invalid})
				continue
			}
			events = append(append(events, usurped...), Event{Hash: e.Hash, Status: Ready})
		}
	}
	return events
}

// enforce drops what is worth least until the pool is within its limits.
func (p *Pool) enforce() []Event {
	var events []Event
	for p.size[Ready].count > p.limits.Ready || p.size[Ready].bytes > p.limits.ReadyBytes {
		worst := p.worst(Ready, func(a, b *entry) int {
			return cmp.Or(cmp.Compare(a.Validity.Priority, b.Validity.Priority), cmp.Compare(b.order, a.order))
		})
		events = append(events, p.removeTree(worst, Dropped)...)
	}
	for p.size[Future].count > p.limits.Future || p.size[Future].bytes > p.limits.FutureBytes {
		worst := p.worst(Future, func(a, b *entry) int { return cmp.Compare(a.order, b.order) })
		p.remove(worst)
		events = append(events, Event{Hash: worst.Hash, Status: Dropped})
	}
	return events
}

// worst is the smallest entry with a status.
func (p *Pool) worst(s Status, compare func(a, b *entry) int) *entry {
	var worst *entry
	for _, e := range p.entries {
		if e.status == s && (worst == nil || compare(e, worst) < 0) {
			worst = e
		}
	}
	return worst
}

// removeTree removes an entry and what is ready only because of it.
func (p *Pool) removeTree(e *entry, as Status) []Event {
	p.remove(e)
	events := []Event{{Hash: e.Hash, Status: as}}
	if e.status != Ready {
		return events
	}
	for _, other := range p.ordered() {
		if other.status == Ready && p.entries[other.Hash] == other && p.missing(other) {
			events = append(events, p.removeTree(other, as)...)
		}
	}
	return events
}

// Forget removes an extrinsic, and nothing else, without an event: it is in a
// block.
func (p *Pool) Forget(hash Hash) {
	if e := p.entries[hash]; e != nil {
		p.remove(e)
	}
}

// Discard removes an extrinsic that is invalid, and what depends on it, and bans
// it.
func (p *Pool) Discard(hash Hash, now time.Time) []Event {
	p.Ban(hash, now)
	if e := p.entries[hash]; e != nil {
		return p.removeTree(e, Invalid)
	}
	return nil
}

// Drop removes an extrinsic as if the pool were full, and what depends on it.
func (p *Pool) Drop(hash Hash) []Event {
	if e := p.entries[hash]; e != nil {
		return p.removeTree(e, Dropped)
	}
	return nil
}

// Usurp removes an extrinsic as if another had taken its place.
func (p *Pool) Usurp(hash, by Hash) []Event {
	if e := p.entries[hash]; e != nil {
		p.remove(e)
		events := append([]Event{{Hash: hash, Status: Usurped, By: by}}, p.demote()...)
		return append(events, p.enforce()...)
	}
	return nil
}

// demote makes future what is ready but misses something.
func (p *Pool) demote() []Event {
	var events []Event
	for changed := true; changed; {
		changed = false
		for _, e := range p.ordered() {
			if e.status == Ready && p.missing(e) {
				p.remove(e)
				p.insert(e, Future)
				events = append(events, Event{Hash: e.Hash, Status: Future})
				changed = true
			}
		}
	}
	return events
}
