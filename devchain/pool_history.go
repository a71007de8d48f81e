package devchain

import (
	"errors"
	"fmt"
	"slices"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// history remembers the signed extrinsics that the pool has taken, or would have
// taken but for others, to find two that exclude each other. What is dead is
// forgotten in the end.
type history struct {
	sent       map[slot][]sent
	count      int
	purged     int // the count after the last purge
	violations []error
}

// slot is what one extrinsic can be in the place of.
type slot struct {
	account [32]byte
	nonce   uint64
}

// sent is an extrinsic that some node was sent.
type sent struct {
	hash      Hash
	lastValid uint64
	at        *block // the best one then
}

const (
	// purgeFrom is how much is remembered before the dead are looked for.
	purgeFrom = 10_000
	// mostViolations are reported.
	mostViolations = 100
)

func newHistory() history { return history{sent: make(map[slot][]sent)} }

// CheckNonces reports whether an account was ever so careless as to send two
// different extrinsics with one nonce while both could still be included. Every
// signed extrinsic counts that a node of this chain has taken, or has refused only
// for another one in the pool. One can no longer be included when the final block
// is past its era or has another runtime. What a runtime begins blocks with does
// not count, nor what a PoolPolicy usurps with.
func (c *Chain) CheckNonces() error {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	return errors.Join(c.pool.history.violations...)
}

// record remembers an extrinsic and looks for those that it can be in the place
// of.
func (h *history) record(c *Chain, p *Pending) {
	if p.Pallet == "" {
		return
	}
	at := slot{p.Signer, p.Nonce}
	c.ledger.mu.RLock()
	final := c.ledger.finalized
	c.ledger.mu.RUnlock()
	if slices.ContainsFunc(h.sent[at], func(other sent) bool { return other.hash == p.Hash }) {
		return
	}
	before := len(h.sent[at])
	alive := slices.DeleteFunc(h.sent[at], func(other sent) bool { return other.dead(final) })
	h.count -= before - len(alive)
	for _, other := range alive {
		if len(h.violations) < mostViolations {
			h.violations = append(h.violations, fmt.Errorf(
				"devchain: account %x has sent %v (%s.%s) with the nonce %d at block %d, while %v with the same nonce could be included up to block %d",
				p.Signer, p.Hash, p.Pallet, p.Call, p.Nonce, c.pool.best.Number, other.hash, other.lastValid))
		}
	}
	h.sent[at] = append(alive, sent{p.Hash, p.LastValid, c.pool.best})
	h.count++
	if h.count >= max(purgeFrom, 2*h.purged) {
		h.purge(c, final)
	}
}

// dead tells whether no block after the final one can include the extrinsic.
func (s sent) dead(final *block) bool {
	return s.lastValid <= final.Number || final.Number >= s.at.Number && final.runtime != s.at.runtime
}

// purge forgets the dead, and those whose nonce the final block has used: they may
// be valid for ever and still never come again.
func (h *history) purge(c *Chain, final *block) {
	h.count = 0
	used := make(map[[32]byte]uint64)
	for at, all := range h.sent {
		if _, asked := used[at.account]; !asked {
			used[at.account] = c.nonceAt(final, at.account)
		}
		var alive []sent
		if at.nonce < used[at.account] {
			all = nil
		}
		for _, s := range all {
			if !s.dead(final) {
				alive = append(alive, s)
			}
		}
		if alive == nil {
			delete(h.sent, at)
			continue
		}
		h.sent[at] = alive
		h.count += len(alive)
	}
	h.purged = h.count
}

// nonceAt is how many extrinsics of an account there are up to a block, 0 if its
// runtime does not tell.
func (c *Chain) nonceAt(b *block, account [32]byte) uint64 {
	state, err := c.stateOf(b)
	if err != nil {
		return 0
	}
	output, err := b.runtime.Call(state.Edit(), "AccountNonceApi_account_nonce", account[:])
	if err != nil {
		return 0
	}
	return uint64(scale.NewReader(output).Uint32())
}
