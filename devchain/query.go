package devchain

import (
	"context"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Genesis returns block 0.
func (c *Chain) Genesis() Block {
	b, _ := c.Block(0)
	return b
}

// Best returns the last block of the best chain.
func (c *Chain) Best() Block { return c.bestBlock().clone() }

// Finalized returns the last block that is final.
func (c *Chain) Finalized() Block {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	return c.ledger.finalized.clone()
}

// Block returns the block with this number on the best chain.
func (c *Chain) Block(number uint64) (Block, bool) {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	b := c.ledger.ancestor(c.ledger.best, number)
	if b == nil {
		return Block{}, false
	}
	return b.clone(), true
}

// BlockByHash returns a block of any fork.
func (c *Chain) BlockByHash(hash Hash) (Block, bool) {
	b, err := c.known(hash)
	if err != nil {
		return Block{}, false
	}
	return b.clone(), true
}

// BlockHash returns the hash of the block with this number on the best chain.
func (c *Chain) BlockHash(number uint64) (Hash, bool) {
	b, ok := c.Block(number)
	return b.Hash, ok
}

// State returns the state of a block, for reading. What is written to it is seen
// through it and by nobody else. The error is of a block that is unknown or has
// no state any more.
func (c *Chain) State(at Hash) (runtime.State, error) {
	b, err := c.known(at)
	if err != nil {
		return nil, err
	}
	state, err := c.stateOf(b)
	if err != nil {
		return nil, err
	}
	return state.Edit(), nil
}

// Runtime returns the runtime that the state of a block is read with.
func (c *Chain) Runtime(at Hash) (runtime.Runtime, error) {
	b, err := c.known(at)
	if err != nil {
		return nil, err
	}
	return b.runtime, nil
}

// WaitBlock returns the block with this number on the best chain as soon as
// there is one.
func (c *Chain) WaitBlock(ctx context.Context, number uint64) (Block, error) {
	return c.wait(ctx, func(l *ledger) *block { return l.ancestor(l.best, number) })
}

// WaitFinalized returns the final block with this number as soon as there is one.
func (c *Chain) WaitFinalized(ctx context.Context, number uint64) (Block, error) {
	return c.wait(ctx, func(l *ledger) *block { return l.ancestor(l.finalized, number) })
}

func (c *Chain) wait(ctx context.Context, find func(*ledger) *block) (Block, error) {
	for {
		c.ledger.mu.RLock()
		b, changed := find(c.ledger), c.ledger.changed
		c.ledger.mu.RUnlock()
		if b != nil {
			return b.clone(), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Block{}, ctx.Err()
		}
	}
}

func (c *Chain) bestBlock() *block {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	return c.ledger.best
}

func (c *Chain) known(hash Hash) (*block, error) {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	b, ok := c.ledger.blocks[hash]
	if !ok {
		return nil, fmt.Errorf("devchain: %w", &blockError{hash: hash})
	}
	return b, nil
}

func (c *Chain) stateOf(b *block) (trie.Trie, error) {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	if !b.kept {
		return trie.Trie{}, fmt.Errorf("devchain: %w", &blockError{hash: b.Hash, discarded: true})
	}
	return b.state, nil
}

// blockError says why there is no state, in the words of sp-blockchain and
// sc-client-db.
type blockError struct {
	hash      Hash
	discarded bool // else the block is not known at all
}

func (e *blockError) Error() string { return "UnknownBlock: " + e.detail() }

func (e *blockError) detail() string {
	if e.discarded {
		return "State already discarded for " + e.hash.String()
	}
	return "Header was not found in the database: " + e.hash.String()
}
