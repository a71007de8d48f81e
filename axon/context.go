package axon

import (
	"context"
	"sync"
	"time"
)

// messageContext is the context of a message in Strict mode: that of the
// request with the call as a value, until the message's time is over. It is what
// context.WithDeadline makes, but makes that only for somebody who waits for its
// end or asks after it: most functions never do, and a timer is dear. Of two ends
// that came before anybody asked, either counts as the first.
type messageContext struct {
	request  context.Context
	call     *call
	deadline time.Time

	mu     sync.Mutex
	real   context.Context    // guarded by mu; nil until somebody needs it
	cancel context.CancelFunc // guarded by mu; of real
	ended  bool               // guarded by mu
}

// Deadline implements context.Context.
func (c *messageContext) Deadline() (deadline time.Time, ok bool) {
	if earlier, ok := c.request.Deadline(); ok && earlier.Before(c.deadline) {
		return earlier, true
	}
	return c.deadline, true
}

// Done implements context.Context.
func (c *messageContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.needed().Done()
}

// Err implements context.Context.
func (c *messageContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running() {
		return nil
	}
	return c.needed().Err()
}

// Value implements context.Context. Package context finds the real one with it,
// which is the parent of contexts that are derived.
func (c *messageContext) Value(key any) any {
	if key == (callKey{}) {
		return c.call
	}
	c.mu.Lock()
	ctx := c.request
	if !c.running() {
		ctx = c.needed()
	}
	c.mu.Unlock()
	return ctx.Value(key)
}

// running tells that nobody has needed the real context, and that it would not
// be canceled.
func (c *messageContext) running() bool {
	return c.real == nil && !c.ended && c.request.Err() == nil && time.Now().Before(c.deadline)
}

// needed returns the real context.
func (c *messageContext) needed() context.Context {
	switch {
	case c.real != nil:
	case c.ended:
		// Canceled by end, whatever became of the request.
		c.real, c.cancel = context.WithCancel(context.WithoutCancel(c.request))
		c.cancel()
	default:
		c.real, c.cancel = context.WithDeadline(c.request, c.deadline)
	}
	return c.real
}

// end cancels the context when the message has been served.
func (c *messageContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.real != nil {
		c.cancel()
	}
}
