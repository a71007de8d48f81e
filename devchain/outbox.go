package devchain

import (
	"context"
	"sync"
)

// message is one WebSocket message to send.
type message struct {
	body         []byte
	cut          bool // see Call.Cut
	cutAt        int
	subscription *subscription // of a notification
}

// Room in an outbox. An answer waits for room, a notification does not: a
// subscription whose client is this slow is dropped, as on a real node.
const (
	outboxBytes          = 32 << 20
	pendingNotifications = 64
)

// outbox is what waits to be written to one connection, in order.
type outbox struct {
	mu     sync.Mutex
	queue  []message
	bytes  int
	change chan struct{} // closed and replaced when something is put in or taken out
}

func newOutbox() *outbox { return &outbox{change: make(chan struct{})} }

// put appends an answer, waiting for room.
func (o *outbox) put(ctx context.Context, m message) error {
	for {
		o.mu.Lock()
		if len(o.queue) == 0 || o.bytes+len(m.body) <= outboxBytes {
			o.push(m)
			o.mu.Unlock()
			return nil
		}
		change := o.change
		o.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// notify appends a notification if there is room.
func (o *outbox) notify(m message) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if m.subscription.pending >= pendingNotifications || o.bytes+len(m.body) > 2*outboxBytes {
		return false
	}
	m.subscription.pending++
	o.push(m)
	return true
}

// take returns the oldest message, waiting for one.
func (o *outbox) take(ctx context.Context) (message, error) {
	for {
		o.mu.Lock()
		if len(o.queue) > 0 {
			m := o.queue[0]
			o.queue[0] = message{}
			o.queue = o.queue[1:]
			o.bytes -= len(m.body)
			if m.subscription != nil {
				m.subscription.pending--
			}
			o.signal()
			o.mu.Unlock()
			return m, nil
		}
		change := o.change
		o.mu.Unlock()
		select {
		case <-change:
		case <-ctx.Done():
			return message{}, ctx.Err()
		}
	}
}

func (o *outbox) push(m message) {
	o.queue = append(o.queue, m)
	o.bytes += len(m.body)
	o.signal()
}

func (o *outbox) signal() {
	close(o.change)
	o.change = make(chan struct{})
}
