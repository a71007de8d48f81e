package server

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"net/netip"
	"sync/atomic"
	"time"
)

// throttle slows down who guesses tokens. It counts the wrong tokens of each client address: after a number of them
// within a minute the address is told to wait, whatever tokens it sends, until time has given it back one try.
//
// But a token that was right from the same address before stays right while the address waits. So somebody who works from
// behind the address of a bad neighbour (a proxy, a NAT, the same machine) goes on working, and somebody who guesses
// still learns nothing: what is guessed while waiting is refused, right or wrong.
//
// An address is an IPv4 address or the /64 network of an IPv6 address, which is what one customer has. Behind a proxy
// all clients share the proxy's address; a header such as X-Forwarded-For is not believed, because anybody can send it.
//
// The memory is fixed and every operation takes constant time and no lock. Addresses are remembered by a keyed hash. When
// too many of them fail at once, those that are nearest to being forgiven are forgotten first.
type throttle struct {
	seed  maphash.Seed
	began time.Time
	// burst is how many wrong tokens there may be at once, pause what gives one of them back, in ticks.
	burst, pause uint32

	failures [failureSets][failureWays]atomic.Uint64
	trusted  [trustedSlots]atomic.Uint64
}

// The tables take 640 KiB. A word of theirs is the upper half of a client's hash, and a time in ticks.
const (
	failureSets  = 16 << 10
	failureWays  = 4 // one cache line has two sets
	trustedSlots = 16 << 10

	tick        = 100 * time.Millisecond
	minuteTicks = uint32(time.Minute / tick)
	// trustTicks is how long a right token is remembered after its last use, trustGrain how exactly.
	trustTicks = 24 * 60 * minuteTicks
	trustGrain = minuteTicks
)

// newThrottle returns a throttle that lets each address fail that often in a minute; nil, which never slows anybody,
// for a negative number.
func newThrottle(perMinute int) *throttle {
	if perMinute < 0 {
		return nil
	}
	return &throttle{
		seed:  maphash.MakeSeed(),
		began: time.Now(),
		burst: uint32(min(perMinute, math.MaxUint16)),
		pause: max(minuteTicks/uint32(min(perMinute, math.MaxUint16)), 1),
	}
}

// ticks returns a time in ticks, which begin at one.
func (t *throttle) ticks(at time.Time) uint32 { return uint32(max(at.Sub(t.began), 0)/tick) + 1 }

// client is an address as the tables know it. It is never zero.
type client uint64

// client returns who is behind the address of a connection. Those without an IP address are all the same one.
func (t *throttle) client(remote string) client {
	var network [16]byte
	if at, err := netip.ParseAddrPort(remote); err == nil {
		network = networkOf(at.Addr())
	}
	return client(maphash.Bytes(t.seed, network[:]) | 1<<63)
}

// networkOf returns what addresses of one client have in common: all of an IPv4 address, the first half of another.
func networkOf(address netip.Addr) [16]byte {
	network := address.Unmap().As16()
	if !address.Unmap().Is4() {
		clear(network[8:])
	}
	return network
}

// with returns what stands for the client together with a token.
func (c client) with(token *digest) client {
	return (c ^ client(binary.LittleEndian.Uint64(token[:]))) | 1<<63
}

func (c client) mark() uint64 { return uint64(c) &^ math.MaxUint32 }

func entryOf(c client, at uint32) uint64 { return c.mark() | uint64(at) }

func (c client) is(entry uint64) bool { return entry&^math.MaxUint32 == c.mark() }

// wait returns how long the client has to wait at that time, zero for one that may try.
func (t *throttle) wait(c client, now uint32) time.Duration {
	set := &t.failures[uint64(c)%failureSets]
	for i := range set {
		if entry := set[i].Load(); c.is(entry) {
			// The entry's time is when the last failure will be forgiven. All but one of them may be open.
			forgiven, allowed := uint32(entry), now+(t.burst-1)*t.pause
			if forgiven > allowed {
				return time.Duration(forgiven-allowed) * tick
			}
			return 0
		}
	}
	return 0
}

// fail counts a wrong token.
func (t *throttle) fail(c client, now uint32) {
	set := &t.failures[uint64(c)%failureSets]
	for {
		place := 0
		for i := range set {
			entry := set[i].Load()
			if c.is(entry) {
				place = i
				break
			}
			if uint32(entry) < uint32(set[place].Load()) {
				place = i // the one that is forgiven first
			}
		}
		entry := set[place].Load()
		forgiven := now
		if c.is(entry) {
			forgiven = max(forgiven, uint32(entry))
		}
		if set[place].CompareAndSwap(entry, entryOf(c, forgiven+t.pause)) {
			return
		}
	}
}

// trust remembers that the client has shown the right token.
func (t *throttle) trust(c client, token *digest, now uint32) {
	both := c.with(token)
	slot := &t.trusted[uint64(both)%trustedSlots]
	if entry := slot.Load(); !both.is(entry) || age(entry, now) > trustGrain {
		slot.Store(entryOf(both, now))
	}
}

// trusts tells whether the client has shown the right token before.
func (t *throttle) trusts(c client, token *digest, now uint32) bool {
	both := c.with(token)
	entry := t.trusted[uint64(both)%trustedSlots].Load()
	return both.is(entry) && age(entry, now) <= trustTicks
}

// age is how old an entry is. Another request may have made it a moment later.
func age(entry uint64, now uint32) uint32 { return now - min(uint32(entry), now) }
