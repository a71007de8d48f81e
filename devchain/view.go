package devchain

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
)

// view is what one node has seen of the chain. The ledger's lock guards it.
type view struct {
	best, finalized *block
	seen            int    // blocks with a lower order are known to the node
	held            bool   // by Hold or Follow
	frozen          bool   // by Freeze
	forgotten       uint64 // blocks below have no state here, by Prune
}

// heads is what changed in a node's view.
type heads struct {
	best      *block   // nil if it is the one it was
	finalized *block   // nil if it is the one it was
	imported  []*block // all that is new
}

// advance shows the node what the ledger has, and its clients what changed. The
// caller holds the ledger's lock.
func (n *Node) advance() {
	if n.held || n.frozen {
		return
	}
	if changed := n.catchUp(n.chain.ledger); changed.imported != nil || changed.best != nil || changed.finalized != nil {
		n.subscriptions.publish(changed)
	}
}

func (v *view) catchUp(l *ledger) heads {
	changed := heads{imported: l.imported[v.seen:]}
	v.seen = len(l.imported)
	if v.best != l.best {
		v.best, changed.best = l.best, l.best
	}
	if v.finalized != l.finalized {
		v.finalized, changed.finalized = l.finalized, l.finalized
	}
	return changed
}

// horizon is the number of the oldest block whose state the node shows. The
// caller holds the ledger's lock.
func (n *Node) horizon() uint64 {
	oldest := n.forgotten
	if keep := n.config.KeepStates; keep > 0 && n.best.Number >= uint64(keep) {
		oldest = max(oldest, n.best.Number+1-uint64(keep))
	}
	return oldest
}

// Prune makes the node forget the states of all blocks but the newest keep ones,
// once. Headers and bodies stay. With keep zero even the best block has no state.
func (n *Node) Prune(keep int) {
	l := n.chain.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if next := n.best.Number + 1; next > uint64(max(0, keep)) {
		n.forgotten = max(n.forgotten, next-uint64(max(0, keep)))
	}
	n.chain.settle()
}

// Hold makes the node stop seeing new blocks: it answers, but it is stuck.
func (n *Node) Hold() {
	n.chain.ledger.mu.Lock()
	defer n.chain.ledger.mu.Unlock()
	n.held = true
}

// Follow puts the node on the chain that ends in the given block, of any fork
// and any height, and holds it there. Its finalised block is the chain's, or the
// block itself if that is older.
func (n *Node) Follow(hash Hash) error {
	l := n.chain.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	b, ok := l.blocks[hash]
	if !ok {
		return fmt.Errorf("devchain: %w", &blockError{hash: hash})
	}
	changed := n.catchUp(l)
	final := l.finalized
	for !final.isAncestorOf(b) {
		final = final.parent
	}
	n.held = true
	n.best, n.finalized = b, final
	changed.best, changed.finalized = b, final
	n.subscriptions.publish(changed)
	return nil
}

// Release ends Hold and Follow: the node is where the chain is.
func (n *Node) Release() {
	n.chain.ledger.mu.Lock()
	defer n.chain.ledger.mu.Unlock()
	n.held = false
	n.advance()
}

// find is the block that a client means: the best one if it names none. It is nil
// if the node has not seen it. The caller holds the ledger's lock.
func (n *Node) find(hash *Hash) *block {
	if hash == nil {
		return n.best
	}
	b := n.chain.ledger.blocks[*hash]
	if b == nil || b.order >= n.seen {
		return nil
	}
	return b
}

// header is find with the lock taken.
func (n *Node) header(hash *Hash) *block {
	l := n.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	return n.find(hash)
}

// state is a block and its state, as far as the node shows it.
func (n *Node) state(hash *Hash) (*block, trie.Trie, *blockError) {
	l := n.chain.ledger
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := n.find(hash)
	if b == nil {
		return nil, trie.Trie{}, &blockError{hash: *hash}
	}
	if !b.kept || b.Number < n.horizon() {
		return nil, trie.Trie{}, &blockError{hash: b.Hash, discarded: true}
	}
	return b, b.state, nil
}
