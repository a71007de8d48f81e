package substrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Inclusion is where an extrinsic is in the chain, and what came of it.
type Inclusion struct {
	Block Header
	// Index is the extrinsic's place in the block.
	Index uint32
	// Success tells that the call was dispatched and did not fail. A call that holds others, as Utility.batch does, may
	// have succeeded while they failed: see Events.
	Success bool
	// Error is why the call failed.
	Error *scale.DispatchError
	// Events are those of the extrinsic, in their order.
	Events []scale.EventRecord
	// Fee is what was paid, in rao, with the tip; 0 when nothing was.
	Fee uint64
	// Unread is why the outcome is not known, though the extrinsic is in the block: no node has the state any more, or
	// what they all say makes no sense. Success, Error, Events and Fee then mean nothing.
	Unread error
}

// maxScan bounds a search, in blocks. An era that [EraPeriod] chooses is 32 blocks at most.
const maxScan = longestPeriod

// FindExtrinsic looks for an extrinsic by its hash in the block tip and those before it, down to the block number from,
// and reports what came of it; nil when it is in none of them. The blocks are those of tip's own branch. At most 4096
// blocks are looked at. What was in the latest few dozen blocks is remembered, so looking at a block again costs no call.
//
// A node can leave an extrinsic out of a block, or put one in. The header tells, so another node is asked then; when all
// say what the header does not, what the first says is taken: the local nodes of developers write headers of their own.
// That an extrinsic is nowhere though its nonce is used may mean that all nodes err.
func (c *Client) FindExtrinsic(ctx context.Context, extrinsic Hash, tip Header, from uint64) (*Inclusion, error) {
	if tip.Number >= from && tip.Number-from >= maxScan {
		return nil, fmt.Errorf("substrate: find extrinsic: %d blocks are more than %d", tip.Number-from+1, maxScan)
	}
	at := tip.Hash
	for number := tip.Number; number >= from; number-- {
		b, err := c.body(ctx, at)
		if err != nil {
			return nil, err
		}
		if b.header.Number != number {
			return nil, &Error{Kind: KindMalformed, Op: "chain_getBlock", Message: fmt.Sprintf("block %s has the number %d, not %d", at, b.header.Number, number)}
		}
		if i := slices.Index(b.extrinsics, extrinsic); i >= 0 {
			return c.outcome(ctx, b.header, uint32(i))
		}
		if number == 0 {
			break
		}
		at = b.header.Parent
	}
	return nil, nil
}

// body is which extrinsics are in a block.
type body struct {
	header     Header
	extrinsics []Hash
}

// unprovenBodyError is a body that is not the one that the header speaks of. It is an error so that it is not remembered.
type unprovenBodyError struct{ *body }

func (unprovenBodyError) Error() string { return "the extrinsics are not those of the header" }

// maxBody is more extrinsics than there is room for in a block.
const maxBody = 1 << 16

// bodies is how many blocks are remembered: two of the longest eras that EraPeriod chooses.
const bodies = 2 * maxPeriod

func (c *Client) body(ctx context.Context, hash Hash) (*body, error) {
	b, err := c.bodies.get(ctx, hash, func(ctx context.Context) (*body, error) { return c.loadBody(ctx, hash) })
	if unproven, ok := errors.AsType[unprovenBodyError](err); ok {
		return unproven.body, nil
	}
	if err != nil {
		return nil, named(ctx, "chain_getBlock", err)
	}
	return b, nil
}

// loadBody asks one node after the other for a block until one has the extrinsics that the header speaks of.
func (c *Client) loadBody(ctx context.Context, hash Hash) (*body, error) {
	q := query{method: "chain_getBlock", params: []any{hash}, at: &hash}
	decode := func(raw []byte) (*Block, error) {
		b, err := decodeBlockOf(hash, raw)
		if err == nil && len(b.Extrinsics) > maxBody {
			err = fmt.Errorf("a block of %d extrinsics", len(b.Extrinsics))
		}
		return b, err
	}
	block, err := ask(ctx, c, q, decode)
	if err != nil {
		return nil, err
	}
	if block.proven() {
		return bodyOf(block), nil
	}
	if len(c.nodes) > 1 {
		for _, t := range c.byRank(q) {
			another, err := askOn(ctx, c, t, q, share(ctx, c.config.CallTimeout, len(c.nodes)), decode)
			if err == nil && another.proven() {
				c.config.Logger.Warn("a node has other extrinsics in a block than its header says", "role", c.config.Role, "block", hash)
				return bodyOf(another), nil
			}
		}
	}
	return nil, unprovenBodyError{bodyOf(block)}
}

func bodyOf(block *Block) *body {
	b := &body{block.Header, make([]Hash, len(block.Extrinsics))}
	for i, x := range block.Extrinsics {
		b.extrinsics[i] = scale.ExtrinsicHash(x)
	}
	return b
}

// outcome reads what came of an extrinsic from the events of its block.
func (c *Client) outcome(ctx context.Context, block Header, index uint32) (*Inclusion, error) {
	found, err := c.readOutcome(ctx, block, index)
	switch KindOf(err) {
	case KindMalformed, KindTooLarge, KindStateDiscarded, KindUnknownBlock:
		return &Inclusion{Block: block, Index: index, Unread: err}, nil
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

func (c *Client) readOutcome(ctx context.Context, block Header, index uint32) (*Inclusion, error) {
	runtimes, err := c.runtimesOf(ctx, block)
	if err != nil {
		return nil, err
	}
	item, err := runtimes[0].Metadata.Storage("System", "Events")
	if err != nil {
		return nil, err
	}
	key, err := item.Key()
	if err != nil {
		return nil, err
	}
	q := query{method: "state_getStorage", params: []any{hexBytes(key), block.Hash}, at: &block.Hash}
	return ask(ctx, c, q, func(raw []byte) (*Inclusion, error) {
		if isNull(raw) {
			return nil, errors.New("a block without events")
		}
		b, err := decodeHex(raw)
		if err != nil {
			return nil, err
		}
		var failed error
		for _, runtime := range runtimes {
			found, err := runtime.outcome(b, index)
			if err == nil {
				found.Block = block
				return found, nil
			}
			failed = errors.Join(failed, err)
		}
		return nil, failed
	})
}

// runtimesOf returns the runtimes that may have written the events of a block: the one that the block began with, which
// is its parent's, and when the block put another into force, that one.
func (c *Client) runtimesOf(ctx context.Context, block Header) ([]*Runtime, error) {
	runtime, err := c.Runtime(ctx, block.Hash)
	if err != nil {
		return nil, err
	}
	if block.Number == 0 {
		return []*Runtime{runtime}, nil
	}
	before, err := c.version(ctx, block.Parent)
	switch {
	case KindOf(err) == KindStateDiscarded || KindOf(err) == KindUnknownBlock:
		return []*Runtime{runtime}, nil
	case err != nil:
		return nil, err
	case before == runtime.version():
		return []*Runtime{runtime}, nil
	}
	parent, err := c.Runtime(ctx, block.Parent)
	if err != nil {
		return nil, err
	}
	return []*Runtime{parent, runtime}, nil
}
