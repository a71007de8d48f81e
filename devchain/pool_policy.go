package devchain

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/internal/txpool"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// PoolPolicy decides what happens to an extrinsic that a block could hold now. It
// is asked for each of them whenever a block is made on top of the best one, and
// must not call methods of the Chain.
type PoolPolicy func(Pending) Verdict

// Verdict is what a PoolPolicy decides. The zero value accepts.
type Verdict struct {
	Action Action
	// By is the extrinsic that Usurp puts in the place, with its length in front;
	// without one nothing takes the place.
	By []byte
	// Error is the error that FailInBlock makes the call end in, such as
	// "SubtensorModule.SettingWeightsTooFast". Defaults to the DispatchError Other.
	Error string
}

// Action is what a PoolPolicy can do.
type Action uint8

// The actions.
const (
	// Accept puts the extrinsic into the block.
	Accept Action = iota
	// Hold keeps it in the pool.
	Hold
	// Drop removes it, with the status "dropped".
	Drop
	// Usurp removes it, with the status "usurped".
	Usurp
	// Retract puts it into the block, and the next Produce begins with a fork
	// that leaves that block. The extrinsic comes back to the pool and can be included
	// again, which is not retracted.
	Retract
	// RetractForever is Retract, but the extrinsic does not come back. Sent again it
	// is accepted, and not retracted.
	RetractForever
	// FailInBlock puts it into the block and makes its call fail there.
	FailInBlock
)

// SetPoolPolicy decides what happens to extrinsics in the pool. Nil accepts all,
// as at the beginning.
func (c *Chain) SetPoolPolicy(policy PoolPolicy) {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	c.pool.policy = policy
}

// Always is the policy that decides the same for every extrinsic.
func Always(v Verdict) PoolPolicy { return func(Pending) Verdict { return v } }

// pick is an extrinsic on its way from the pool into a block.
type pick struct {
	hash  Hash
	bytes []byte
	fail  *string // the error that its call shall end in
}

// retractions are the blocks and extrinsics that are to be left behind.
type retractions struct {
	block *block            // of which the next block makes a fork
	once  map[Hash]struct{} // are not retracted again
	gone  map[Hash]struct{} // do not come back
}

func newRetractions() retractions {
	return retractions{once: make(map[Hash]struct{}), gone: make(map[Hash]struct{})}
}

// forgotten tells whether an extrinsic shall not come back this time.
func (r *retractions) forgotten(hash Hash) bool {
	_, gone := r.gone[hash]
	delete(r.gone, hash)
	return gone
}

// picks are what the next block shall hold. The block that holds an extrinsic to
// be retracted is known when it was made.
func (p *pool) picks() (all []pick, retract bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var candidates []txpool.Extrinsic
	for x := range p.txs.Block() {
		candidates = append(candidates, x)
	}
	skipped := map[string]bool{} // tags that are not provided after all
	size := 0
	for _, x := range candidates {
		skip := func() {
			for _, tag := range x.Validity.Provides {
				skipped[string(tag)] = true
			}
		}
		hash := Hash(x.Hash)
		if !p.txs.Has(x.Hash) || size+len(x.Bytes) > blockBytes ||
			slices.ContainsFunc(x.Validity.Requires, func(tag []byte) bool { return skipped[string(tag)] }) {
			skip()
			continue
		}
		one := pick{hash: hash, bytes: x.Bytes}
		var verdict Verdict
		if p.policy != nil {
			pending := *p.pending[hash]
			pending.Ready = true
			verdict = p.policy(pending)
		}
		switch verdict.Action {
		case Hold:
			skip()
			continue
		case Drop:
			p.tell(p.txs.Drop(x.Hash))
			skip()
			continue
		case Usurp:
			p.usurp(hash, verdict.By)
			skip()
			continue
		case Retract, RetractForever:
			if _, done := p.retracts.once[hash]; !done {
				p.retracts.once[hash] = struct{}{}
				if verdict.Action == RetractForever {
					p.retracts.gone[hash] = struct{}{}
				}
				retract = true
			}
		case FailInBlock:
			one.fail = &verdict.Error
		case Accept:
		}
		size += len(x.Bytes)
		all = append(all, one)
	}
	return all, retract
}

// usurp puts another extrinsic into the place of one.
func (p *pool) usurp(hash Hash, by []byte) {
	other := txpool.Hash(scale.Blake2_256(append(hash[:], "usurped"...)))
	if by != nil {
		other = txpool.Hash(scale.ExtrinsicHash(by))
	}
	p.tell(p.txs.Usurp(txpool.Hash(hash), other))
	if by != nil {
		if _, err := p.submit(p.chain.Node, by, func(*Chain, *Pending) {}); err != nil {
			p.chain.log.Error("the usurping extrinsic was refused", slog.Any("error", err))
		}
	}
}

// refused removes what the block's author found invalid.
func (p *pool) refused(hash Hash) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tell(p.txs.Discard(txpool.Hash(hash), p.best.Time))
}

// retractNext has the next block leave this one.
func (p *pool) retractNext(b *block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retracts.block = b
}

// retract makes a fork of two empty blocks that leaves what a policy wants to be
// left, and returns its end. It is nil if there is nothing to leave. The caller
// holds building.
func (c *Chain) retract() (*block, error) {
	c.pool.mu.Lock()
	leaving := c.pool.retracts.block
	c.pool.retracts.block = nil
	c.pool.mu.Unlock()
	if leaving == nil || c.bestBlock() != leaving {
		return nil, nil
	}
	c.ledger.mu.RLock()
	final := leaving.isAncestorOf(c.ledger.finalized)
	c.ledger.mu.RUnlock()
	if final {
		return nil, fmt.Errorf("devchain: block %v is final and cannot be retracted; see Config.FinalityLag", leaving.Hash)
	}
	b, err := c.add(leaving.parent, nil)
	if err != nil {
		return nil, err
	}
	return c.add(b, nil)
}

// applyPick applies an extrinsic of the pool to a block that is being built.
func applyPick(rt runtime.Runtime, st runtime.State, index int, one pick) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the runtime panicked: %v\n%s", cause, debug.Stack())
		}
	}()
	if one.fail == nil {
		return rt.ApplyExtrinsic(st, index, one.bytes)
	}
	failing, ok := rt.(runtime.Failing)
	if !ok {
		return errors.New("the runtime cannot make a call fail on demand")
	}
	return failing.ApplyFailing(st, index, one.bytes, *one.fail)
}
