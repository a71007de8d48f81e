package devchain

import (
	"slices"
	"sync"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// block is a Block with its place in the tree and its state. Everything but the
// state is fixed once the block is in the ledger.
type block struct {
	Block
	parent  *block
	order   int             // how many blocks were imported before it
	runtime runtime.Runtime // what its state is read with and its children are built with
	state   trie.Trie       // of a block without one, empty; guarded by ledger.mu
	kept    bool            // whether it has a state; guarded by ledger.mu

	hashOnce sync.Once
	hashes   []Hash // of the extrinsics
}

// extrinsicHashes are the hashes of what the block holds.
func (b *block) extrinsicHashes() []Hash {
	b.hashOnce.Do(func() {
		b.hashes = make([]Hash, len(b.Extrinsics))
		for i, x := range b.Extrinsics {
			b.hashes[i] = scale.ExtrinsicHash(x)
		}
	})
	return b.hashes
}

// ledger is the tree of all blocks. It only grows, but for states.
type ledger struct {
	mu        sync.RWMutex
	blocks    map[Hash]*block
	imported  []*block      // a block's order is its index
	stateful  []*block      // those that have a state
	canonical []*block      // by number, up to best
	best      *block        // the end of the longest chain, of several the one seen first
	finalized *block        // best or an ancestor of it
	changed   chan struct{} // closed and replaced when best or finalized moves
	nodes     []*Node
}

func newLedger() *ledger {
	return &ledger{blocks: make(map[Hash]*block), changed: make(chan struct{})}
}

// add puts a block, whose parent is there, into the tree, and follows it if that
// makes a longer chain. The caller holds mu.
func (l *ledger) add(b *block) {
	b.order = len(l.imported)
	l.imported = append(l.imported, b)
	l.blocks[b.Hash] = b
	if b.kept {
		l.stateful = append(l.stateful, b)
	}
	switch {
	case l.best == nil:
		l.finalized = b
		l.follow(b)
	case b.Number > l.best.Number && (b.parent == l.best || l.finalized.isAncestorOf(b)):
		l.follow(b)
	}
}

// follow makes b the best block. The caller holds mu.
func (l *ledger) follow(b *block) {
	var branch []*block // what the canonical chain lacks
	for at := b; at != nil && !l.isCanonical(at); at = at.parent {
		branch = append(branch, at)
	}
	slices.Reverse(branch)
	shared := int(b.Number) + 1 - len(branch)
	l.canonical = append(l.canonical[:shared], branch...)
	l.best = b
}

// finalize makes b, a descendant of the finalised block, the finalised one. If
// the best chain does not contain b, the longest that does becomes the best. The
// caller holds mu.
func (l *ledger) finalize(b *block) {
	l.finalized = b
	if b.isAncestorOf(l.best) {
		return
	}
	longest := b
	for _, other := range l.imported[b.order:] {
		if other.Number > longest.Number && b.isAncestorOf(other) {
			longest = other
		}
	}
	l.follow(longest)
}

// prune drops the states of blocks below number. The caller holds mu.
func (l *ledger) prune(number uint64) {
	l.stateful = slices.DeleteFunc(l.stateful, func(b *block) bool {
		if b.Number >= number {
			return false
		}
		b.state, b.kept = trie.Trie{}, false
		return true
	})
}

// isCanonical tells whether b is on the best chain. The caller holds mu.
func (l *ledger) isCanonical(b *block) bool {
	return b.Number < uint64(len(l.canonical)) && l.canonical[b.Number] == b
}

// ancestor is the block with the given number on the chain that ends in head,
// nil if number is past its end. The caller holds mu.
func (l *ledger) ancestor(head *block, number uint64) *block {
	if number > head.Number {
		return nil
	}
	for head.Number > number && !l.isCanonical(head) {
		head = head.parent
	}
	if head.Number > number {
		return l.canonical[number]
	}
	return head
}

// announce wakes those who wait for a change. The caller holds mu.
func (l *ledger) announce() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// isAncestorOf tells whether b is other or one of its ancestors.
func (b *block) isAncestorOf(other *block) bool {
	for other != nil && other.Number > b.Number {
		other = other.parent
	}
	return other == b
}

// route is how one gets from a block to another: the blocks that one leaves and
// those that one enters, oldest first.
func route(from, to *block) (left, entered []*block) {
	for from != to {
		up, down := to.Number >= from.Number, from.Number >= to.Number
		if up {
			entered = append(entered, to)
			to = to.parent
		}
		if down {
			left = append(left, from)
			from = from.parent
		}
	}
	slices.Reverse(left)
	slices.Reverse(entered)
	return left, entered
}
