package intents

import (
	"context"
	"time"
)

// wait is the time before the retry with a number, counted from 1: 1, 2, 4 … seconds, at least Delay and at most ten
// times Delay. It is the Python service's rule.
func (b Budget) wait(retry int) time.Duration {
	const most = 20 // 2^20 seconds are over every Delay that makes sense
	wait := time.Second << min(max(retry-1, 0), most)
	return min(max(wait, b.Delay), 10*b.Delay)
}

// exhausted tells whether no try is left after so many.
func (b Budget) exhausted(attempts int) bool { return attempts > max(b.Retries, 0) }

// backoff waits longer each time.
type backoff struct{ count int }

// wait waits, and returns false when ctx has ended.
func (b *backoff) wait(ctx context.Context) bool {
	b.count++
	timer := time.NewTimer(Budget{Delay: time.Second}.wait(b.count))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
