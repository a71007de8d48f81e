package substrate

import (
	"context"
	"sync"
	"time"
)

// Identity is which chain the nodes of one or several clients serve: the hash of its block 0. Where no setting says it,
// the first node that tells its own decides, once and for all that share the Identity. The zero value is undecided.
type Identity struct {
	mu      sync.Mutex
	genesis *Hash
	decided chan struct{} // closed when genesis is set; made when somebody waits
}

// decide sets the genesis unless it is set, and returns the one that is.
func (i *Identity) decide(genesis Hash) Hash {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.genesis == nil {
		i.genesis = &genesis
		if i.decided != nil {
			close(i.decided)
		}
	}
	return *i.genesis
}

// known returns the genesis, nil while it is undecided, and a channel that is closed when it is not any more.
func (i *Identity) known() (*Hash, <-chan struct{}) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.decided == nil {
		i.decided = make(chan struct{})
		if i.genesis != nil {
			close(i.decided)
		}
	}
	return i.genesis, i.decided
}

// Genesis returns the hash of block 0. It waits for the first node when it is neither configured nor known by name.
func (c *Client) Genesis(ctx context.Context) (Hash, error) {
	genesis, decided := c.identity.known()
	if genesis != nil {
		return *genesis, nil
	}
	if err := c.await(ctx, "genesis", func() bool {
		select {
		case <-decided:
			return true
		default:
			return false
		}
	}); err != nil {
		return Hash{}, err
	}
	genesis, _ = c.identity.known()
	return *genesis, nil
}

// checkGenesis refuses a node of another chain. When nobody has said yet which chain it is, the nodes say it in the
// order of the setting: one waits for those before it, until they have failed once or have been silent for a quarter of
// DialTimeout. Otherwise it would be chance which of two chains is served, and signed for.
func (c *Client) checkGenesis(ctx context.Context, n *node, genesis Hash) error {
	patience := time.NewTimer(c.config.DialTimeout / 4)
	defer patience.Stop()
	for impatient := false; ; {
		c.mu.Lock()
		first, changed := c.mayDecide(n), c.changed
		c.mu.Unlock()
		known, decided := c.identity.known()
		if known == nil && (first || impatient) {
			was := c.identity.decide(genesis)
			known = &was
			c.mu.Lock()
			c.wake()
			c.mu.Unlock()
			n.log.Info("the first node decides which chain it is", "genesis", was)
		}
		switch {
		case known == nil:
		case genesis != *known:
			return &Error{Kind: KindWrongChain, Message: "its genesis is " + genesis.String() + ", not " + known.String()}
		default:
			return nil
		}
		select {
		case <-changed:
		case <-decided:
		case <-patience.C:
			impatient = true
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// mayDecide tells whether every node before this one has failed already. The caller holds mu.
func (c *Client) mayDecide(n *node) bool {
	for _, before := range c.nodes[:n.index] {
		if before.lastError == nil {
			return false
		}
	}
	return true
}
