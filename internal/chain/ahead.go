package chain

import (
	"context"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// headBuffer is how many heads may wait while one is worked on. Missing some does no harm: only the newest counts.
const headBuffer = 16

// Start begins to read ahead on every new block, and to tell what happens, until Close. Further calls do nothing.
func (c *Chain) Start() {
	c.start.Do(func() {
		events, stop := c.lookout.nodes.Watch(headBuffer)
		epochs := newEpochWatch(c)
		if !c.flights.spawn(func(ctx context.Context) {
			defer stop()
			c.watch(ctx, events, epochs)
		}) {
			stop()
		}
		c.flights.spawn(epochs.run)
	})
}

// Close ends all reads, those ahead included, and all events, and waits for them. Their callers get an error.
func (c *Chain) Close() {
	c.start.Do(func() {}) // a later Start does nothing
	c.flights.close()
	c.news.Close()
}

func (c *Chain) watch(ctx context.Context, events <-chan substrate.HeadEvent, epochs *epochWatch) {
	for {
		select {
		case event, ok := <-events:
			at := block{Number: event.Header.Number, Hash: event.Header.Hash}
			switch {
			case !ok:
				return
			case event.Finalized:
				c.settle(at.Number)
				c.final.Store(&SeenBlock{Block: at.public(), Seen: time.Now()})
				c.news.tell(pylon.ChainEvent{Kind: pylon.EventFinalized, Block: at.public()})
			default:
				c.readAll()
				c.news.tell(pylon.ChainEvent{Kind: pylon.EventHead, Block: at.public()})
				if head := c.lookout.known(); head != nil {
					epochs.look(head)
				}
			}
		case <-ctx.Done():
			return
		}
	}
}

// settle notes that the block with that number is final. What was final before stays so, unless the newest head is below
// it: then it never was, as when the chain of developers has begun anew, and no block has the number that it had.
func (c *Chain) settle(number uint64) {
	if head := c.lookout.known(); head == nil || head.Number >= c.finalized.Load() {
		c.finalized.Store(max(c.finalized.Load(), number))
		return
	}
	c.finalized.Store(number)
	c.rewound.Add(1) // after that, so that who asks in the new count knows the new number
}

// readAll reads at the newest head what somebody has asked for lately, and forgets the subnets for which nobody has. The
// number of reads depends on the number of subnets, not on how many ask for them.
func (c *Chain) readAll() {
	head := c.lookout.known()
	if head == nil {
		return
	}
	if c.info.idle() < c.config.KeepReady {
		readAhead(c, &c.info, head)
	}
	c.subnets.Range(func(netuid, asked any) bool {
		l := asked.(*latest[*subnet])
		if l.idle() >= c.config.KeepReady {
			c.subnets.CompareAndDelete(netuid.(pylon.Netuid), asked)
			return true
		}
		// A number that was no subnet's is not followed, however often it is asked for: there are 65536 of them.
		if ready := l.ready.Load(); ready == nil || ready.value.neurons != nil {
			readAhead(c, l, head)
		}
		return true
	})
}

// readAhead begins to read the answer at head, if nobody has begun yet.
func readAhead[T any](c *Chain, l *latest[T], head *sighting) {
	if !l.claim(head) {
		return
	}
	c.flights.spawn(func(ctx context.Context) {
		select {
		case c.ahead <- struct{}{}:
		case <-ctx.Done():
			return
		}
		defer func() { <-c.ahead }()
		if c.lookout.last.Load() != head {
			return // it took too long to get here: the next head is being read
		}
		if _, err := l.at(ctx, head); err != nil {
			c.config.Logger.Debug("a read ahead failed", "block", head.Number, "error", err)
		}
	})
}
