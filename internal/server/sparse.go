package server

import (
	"sync/atomic"
	"time"
)

// sparse lets one event through per period, for log lines that every request could cause.
type sparse struct {
	last    atomic.Int64 // when the newest went through, in nanoseconds since the Unix epoch
	dropped atomic.Int64 // how many did not since
}

// allow tells whether this one goes through, and how many have not since the one before.
func (s *sparse) allow(period time.Duration) (dropped int64, ok bool) {
	now := time.Now().UnixNano()
	last := s.last.Load()
	if (last != 0 && now-last < int64(period)) || !s.last.CompareAndSwap(last, now) {
		s.dropped.Add(1)
		return 0, false
	}
	return s.dropped.Swap(0), true
}
