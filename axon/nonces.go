package axon

import (
	"context"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// NonceStore remembers the newest nonce of each client. A client is a hotkey
// together with the id of the object that signs with it. Axons that have one
// hotkey between them, or that must not forget what they took when they start
// again, need a store that they share.
type NonceStore interface {
	// Last returns the newest nonce of a client, if there is one. It only saves
	// work: Advance decides.
	Last(ctx context.Context, client string) (nonce int64, known bool, err error)
	// Advance makes nonce the newest one of a client, unless the client had one
	// that is as new or newer, and tells whether it did. Both happen at once: of
	// two equal calls, one is told true. The record may go after expires, when
	// messages with this nonce or an older one are too old anyway; a zero expires
	// means that it should stay. Now is the time of the call by the clock that
	// decides that.
	Advance(ctx context.Context, client string, nonce int64, now, expires time.Time) (advanced bool, err error)
}

// defaultMaxClients is how many clients MemoryNonces remembers.
const defaultMaxClients = 1 << 18

// MemoryNonces is a NonceStore in memory. It is bounded: when it knows as many
// clients as it may, it forgets those whose records expire first, or those
// without expiry that were heard of longest ago. From then on it takes a client
// that it does not know only with a nonce above all those that it forgot before
// they expired. So a flood of clients makes it pickier, and never lets a message
// in twice. (For records without expiry that is not so; they are for Compatible
// mode, where the first nonce of a client may be any.)
type MemoryNonces struct {
	max  int
	seed maphash.Seed

	mu      sync.Mutex
	clients map[uint64]clientNonce        // guarded by mu; by a hash of the client
	ticks   map[int64]map[uint64]struct{} // guarded by mu; the clients by when their records go, in seconds
	swept   int64                         // guarded by mu; when expired records were last looked for
	floor   int64                         // guarded by mu; the newest nonce that was forgotten
}

type clientNonce struct {
	nonce   int64
	tick    int64
	expires bool
}

// staying is added to the ticks of records without expiry, which therefore go
// after all others.
const staying = int64(1) << 40

// NewMemoryNonces returns a store of at most maxClients clients, which take
// about 100 bytes each; 0 means 262144.
func NewMemoryNonces(maxClients int) *MemoryNonces {
	if maxClients <= 0 {
		maxClients = defaultMaxClients
	}
	return &MemoryNonces{
		max:     maxClients,
		seed:    maphash.MakeSeed(),
		clients: make(map[uint64]clientNonce),
		ticks:   make(map[int64]map[uint64]struct{}),
		swept:   math.MinInt64,
		floor:   math.MinInt64,
	}
}

// Last implements NonceStore. It never fails.
func (m *MemoryNonces) Last(_ context.Context, client string) (nonce int64, known bool, err error) {
	key := maphash.String(m.seed, client)
	m.mu.Lock()
	defer m.mu.Unlock()
	c, known := m.clients[key]
	return c.nonce, known, nil
}

// Advance implements NonceStore. It never fails.
func (m *MemoryNonces) Advance(_ context.Context, client string, nonce int64, now, expires time.Time) (advanced bool, err error) {
	key := maphash.String(m.seed, client)
	c := clientNonce{nonce: nonce, tick: expires.Unix(), expires: true}
	if expires.IsZero() {
		c.tick, c.expires = now.Unix()+staying, false
	}

	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now.Unix())
	last, known := m.clients[key]
	if known && nonce <= last.nonce || !known && c.expires && nonce <= m.floor {
		return false, nil
	}
	if known && last.tick != c.tick {
		m.unlist(key, last.tick)
	}
	m.clients[key] = c
	if m.ticks[c.tick] == nil {
		m.ticks[c.tick] = make(map[uint64]struct{})
	}
	m.ticks[c.tick][key] = struct{}{}
	for len(m.clients) > m.max {
		m.forget(slices.Min(slices.Collect(maps.Keys(m.ticks))))
	}
	return true, nil
}

func (m *MemoryNonces) unlist(key uint64, tick int64) {
	delete(m.ticks[tick], key)
	if len(m.ticks[tick]) == 0 {
		delete(m.ticks, tick)
	}
}

// sweep forgets the records that expired before now.
func (m *MemoryNonces) sweep(now int64) {
	if now <= m.swept {
		return
	}
	m.swept = now
	for tick := range m.ticks {
		if tick < now {
			m.forget(tick)
		}
	}
}

// forget drops the clients of a tick. What expired is too old to come again,
// unless the clock is set back.
func (m *MemoryNonces) forget(tick int64) {
	for key := range m.ticks[tick] {
		if c := m.clients[key]; c.expires {
			m.floor = max(m.floor, c.nonce)
		}
		delete(m.clients, key)
	}
	delete(m.ticks, tick)
}

// Len returns how many clients are remembered.
func (m *MemoryNonces) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.clients)
}
