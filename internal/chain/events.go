package chain

import (
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/feed"
)

// Events tells what happens on the chain between Start and Close: new best heads, new finalised heads, and the epochs of
// the subnets that somebody has asked for lately or that are configured. It begins with the newest heads that were told.
// An epoch is told after the first head that is in it; who joins later is not told of those that have begun. A reader who
// is more than buffer events late (at least 2) loses the oldest; nobody waits for it. The function ends the events and
// closes the channel, as Close does.
func (c *Chain) Events(buffer int) (<-chan pylon.ChainEvent, func()) {
	c.news.mu.Lock()
	defer c.news.mu.Unlock()
	var newest []pylon.ChainEvent
	for _, event := range []*pylon.ChainEvent{c.news.head, c.news.finalized} {
		if event != nil {
			newest = append(newest, *event)
		}
	}
	return c.news.Join(buffer, newest...)
}

// news tells readers what happens.
type news struct {
	feed.Feed[pylon.ChainEvent]

	mu sync.Mutex // guards the rest, and what is told is told under it: who joins gets each head once
	// head and finalized are the newest of their kind.
	head, finalized *pylon.ChainEvent
}

// tell gives an event to every reader.
func (n *news) tell(event pylon.ChainEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch event.Kind {
	case pylon.EventHead:
		n.head = &event
	case pylon.EventFinalized:
		n.finalized = &event
	}
	n.Tell(event)
}
