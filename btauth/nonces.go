package btauth

import (
	"context"
	"hash/maphash"
	"maps"
	"math"
	"slices"
	"sync"
	"time"
)

// defaultMaxNonces is how many nonces MemoryNonces remembers.
const defaultMaxNonces = 1 << 20

// MemoryNonces is a NonceStore in memory. It is bounded: when more nonces are
// alive than it may hold, it forgets those that expire first. What expires no
// later than something that was forgotten counts as a replay, so a flood of
// valid requests shortens the time for which requests are good and never lets
// one in twice. The same goes for a clock that is set back.
type MemoryNonces struct {
	max  int
	seed maphash.Seed

	mu sync.Mutex
	// Nonces by the tenth of a second in which they expire: about ten times as
	// many as a request is good for seconds.
	ticks map[int64]map[nonceKey]struct{} // guarded by mu
	count int                             // guarded by mu
	swept int64                           // guarded by mu; when expired ticks were last looked for
	floor int64                           // guarded by mu; the last tick that was forgotten
}

// nonceKey has a hash of the hotkey. A collision, which nobody can look for
// without the seed, refuses a request.
type nonceKey struct {
	hotkey uint64
	nonce  int64
}

// NewMemoryNonces returns a store of at most maxNonces nonces, which take about
// 50 bytes each; 0 means 1048576.
func NewMemoryNonces(maxNonces int) *MemoryNonces {
	if maxNonces <= 0 {
		maxNonces = defaultMaxNonces
	}
	return &MemoryNonces{
		max:   maxNonces,
		seed:  maphash.MakeSeed(),
		ticks: make(map[int64]map[nonceKey]struct{}),
		swept: math.MinInt64,
		floor: math.MinInt64,
	}
}

// Use implements NonceStore. It never fails.
func (m *MemoryNonces) Use(_ context.Context, hotkey string, nonce int64, now, expires time.Time) (first bool, err error) {
	key := nonceKey{maphash.String(m.seed, hotkey), nonce}
	at := tick(expires)

	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(tick(now))
	if at <= m.floor {
		return false, nil
	}
	if _, known := m.ticks[at][key]; known {
		return false, nil
	}
	if m.ticks[at] == nil {
		m.ticks[at] = make(map[nonceKey]struct{})
	}
	m.ticks[at][key] = struct{}{}
	for m.count++; m.count > m.max; {
		m.forget(slices.Min(slices.Collect(maps.Keys(m.ticks))))
	}
	return true, nil
}

func tick(t time.Time) int64 { return t.UnixMilli() / 100 }

// sweep forgets the ticks before now.
func (m *MemoryNonces) sweep(now int64) {
	if now <= m.swept {
		return
	}
	m.swept = now
	for at := range m.ticks {
		if at < now {
			m.forget(at)
		}
	}
}

func (m *MemoryNonces) forget(at int64) {
	m.count -= len(m.ticks[at])
	m.floor = max(m.floor, at)
	delete(m.ticks, at)
}

// Len returns how many nonces are remembered.
func (m *MemoryNonces) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.count
}
