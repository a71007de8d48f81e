package pylon

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"time"
)

// RetryPolicy says how often and when a request is repeated.
//
// It is repeated when there was no answer, when the service gave up (504), and when it was too busy (429, 503) and says
// with Retry-After when to come back. No other answer would be another one a moment later. A write carries an
// idempotency key, which the client makes when the caller gives none, so that the service does it once however often it
// is asked.
type RetryPolicy struct {
	// Attempts is how often a request is made at most; 1 turns repeats off. Defaults to 3.
	Attempts int
	// Wait is the time before a repeat; the first is number 1. Defaults to DefaultWait.
	Wait func(repeat int) time.Duration
	// MaxRetryAfter is how long the client waits at most when the service says how long. Is it told to wait longer, it
	// does not wait. Defaults to 30 seconds.
	MaxRetryAfter time.Duration
}

const (
	defaultAttempts      = 3
	defaultMaxRetryAfter = 30 * time.Second
)

func (p RetryPolicy) withDefaults() RetryPolicy {
	p.Attempts = cmp.Or(p.Attempts, defaultAttempts)
	p.MaxRetryAfter = cmp.Or(p.MaxRetryAfter, defaultMaxRetryAfter)
	if p.Wait == nil {
		p.Wait = DefaultWait
	}
	return p
}

// DefaultWait is a tenth of a second, doubled at each further repeat up to a minute, and up to two tenths at random on
// top, so that many clients do not come back at the same moment.
func DefaultWait(repeat int) time.Duration {
	const longest = time.Minute
	wait := longest
	if repeat < 10 {
		wait = min(100*time.Millisecond<<max(repeat-1, 0), longest)
	}
	return wait + rand.N(200*time.Millisecond)
}

// pause returns how long to wait before repeat number repeat of a request that failed with err, and whether to repeat
// it at all.
func (p RetryPolicy) pause(repeat int, err error) (time.Duration, bool) {
	if repeat >= p.Attempts {
		return 0, false
	}
	var response *ResponseError
	switch {
	case errors.Is(err, ErrRequest):
		return p.Wait(repeat), true
	case errors.As(err, &response):
		busy := response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable
		return response.RetryAfter, busy && response.RetryAfter > 0 && response.RetryAfter <= p.MaxRetryAfter
	default:
		return 0, false
	}
}

// absence is a time without the service, for what goes on for long: streams and waits.
type absence struct{ since time.Time }

// bearable tells whether to try again after err: the service, or what is in front of it, does not answer, and not longer
// than that.
func (a *absence) bearable(err error, longest time.Duration) bool {
	if !errors.Is(err, ErrRequest) && !errors.Is(err, ErrBadGateway) && !errors.Is(err, ErrUnavailable) {
		return false
	}
	if a.since.IsZero() {
		a.since = time.Now()
	}
	return time.Since(a.since) < longest
}

// sleep waits. It is false when ctx ends before, or would: then there is no use in waiting.
func sleep(ctx context.Context, wait time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
