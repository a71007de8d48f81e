package intents

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// committed notes that a commit is final, and when it will be revealed.
func (r *runner) committed(ctx context.Context, j *job, found *substrate.Inclusion) error {
	facts, err := r.facts(ctx, j, found.Block)
	if err != nil {
		return err
	}
	e, err := schedule{facts}.current()
	if err != nil && !errors.Is(err, timelock.ErrNoEpochs) {
		return err
	}
	parent, err := r.engine.config.Nodes.Header(ctx, found.Block.Parent)
	if err != nil {
		return err
	}
	before, err := r.facts(ctx, j, parent)
	if err != nil {
		return err
	}
	window, err := schedule{before}.window(found.Block.Number)
	if err != nil && !errors.Is(err, timelock.ErrNoEpochs) {
		return err
	}
	p := &j.progress
	if p.CommitEpoch, err = r.commitEpoch(ctx, j, found.Block, e.index); err != nil {
		return err
	}
	p.CommitBlock = found.Block.Number
	p.RevealFirst, p.RevealLast = window.First, max(window.End, 1)-1
	p.Stage, p.RetryAt, p.Failures, p.Verdict = stageNone, 0, 0, nil
	j.Reason, j.Detail = string(ReasonNotYetRevealed), fmt.Sprintf("Committed in block %d; it is revealed in the blocks %d to %d.", p.CommitBlock, p.RevealFirst, p.RevealLast)
	r.tryEnded(j, StatusSuccess)
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.engine.config.Crash(PointSettled)
	return nil
}

// commitEpoch returns the epoch under which the chain keeps a commit: the computed one, or a neighbour when the chain
// counts otherwise than we do.
func (r *runner) commitEpoch(ctx context.Context, j *job, at substrate.Header, computed uint64) (uint64, error) {
	if j.progress.Plan.Method != pylon.MethodTimelocked {
		return computed, nil
	}
	for _, epoch := range []uint64{computed, computed + 1, max(computed, 1) - 1} {
		there, err := r.isOpen(ctx, j, at, epoch)
		if there || err != nil {
			return epoch, err
		}
	}
	return computed, nil
}

// isOpen tells whether a timelocked commit waits to be opened.
func (r *runner) isOpen(ctx context.Context, j *job, at substrate.Header, epoch uint64) (bool, error) {
	open, err := r.engine.config.Chain.TimelockedCommits(ctx, at, j.netuid(), j.Mechanism, epoch)
	return slices.ContainsFunc(open, func(c chain.TimelockedCommit) bool {
		return c.Hotkey == j.Hotkey && hex.EncodeToString(c.Hash[:]) == j.progress.Plan.CommitHash
	}), err
}

// awaitReveal looks after a commit that is final. A timelocked one is revealed by the chain, and it is checked that it
// was; a hashed one has to be revealed by us when its epoch has come, and the job is ready then.
func (r *runner) awaitReveal(ctx context.Context, j *job, now sight) (ready bool, err error) {
	if !r.due(j) {
		return false, nil
	}
	p := &j.progress
	if p.Plan.Method == pylon.MethodCommitReveal {
		return now.head.Number+1 >= p.RevealFirst, nil
	}
	if now.final.Number < p.RevealFirst {
		return false, nil
	}
	open, err := r.isOpen(ctx, j, now.final, p.CommitEpoch)
	if open || err != nil {
		return false, err
	}
	revealed, block, err := r.revealed(ctx, j, now.final)
	if err != nil {
		return false, err
	}
	if !revealed {
		return false, fail(ReasonNotRevealed, "The commit of block %d is gone at block %d, and the weights are not set.", p.CommitBlock, block)
	}
	return false, r.end(ctx, j, verdict{State: pylon.StateRevealed})
}

// revealed tells whether a timelocked commit that is not open any more was opened and set, looking at a final block and,
// when newer weights may have taken their place, at the block in which the commit went away.
func (r *runner) revealed(ctx context.Context, j *job, final substrate.Header) (bool, uint64, error) {
	set, err := r.isSet(ctx, j, final)
	if set || err != nil {
		return set, final.Number, err
	}
	// The commit is there at its own block and gone at this one: find the first block without it.
	there, gone := j.progress.CommitBlock, final
	for gone.Number-there > 1 {
		hash, err := r.engine.config.Nodes.BlockHash(ctx, there+(gone.Number-there)/2)
		if err != nil {
			return false, 0, err
		}
		middle, err := r.engine.config.Nodes.Header(ctx, hash)
		if err != nil {
			return false, 0, err
		}
		open, err := r.isOpen(ctx, j, middle, j.progress.CommitEpoch)
		if err != nil {
			return false, 0, err
		}
		if open {
			there = middle.Number
		} else {
			gone = middle
		}
	}
	set, err = r.isSet(ctx, j, gone)
	return set, gone.Number, err
}

// isSet tells whether the weights at a block are those of the plan.
func (r *runner) isSet(ctx context.Context, j *job, at substrate.Header) (bool, error) {
	facts, err := r.facts(ctx, j, at)
	if err != nil || !facts.Registered {
		return false, err
	}
	weights, err := r.engine.config.Chain.WeightsOf(ctx, at, j.netuid(), j.Mechanism, facts.UID)
	if err != nil {
		return false, err
	}
	plan := j.progress.Plan
	if len(weights) != len(plan.UIDs) {
		return false, nil
	}
	for i, weight := range weights {
		if weight != (chain.Weight{UID: plan.UIDs[i], Value: plan.Values[i]}) {
			return false, nil
		}
	}
	return true, nil
}

// prepareReveal reveals what was committed by hash, in the one epoch in which the chain takes it.
func (r *runner) prepareReveal(ctx context.Context, j *job, facts *chain.Facts) (*order, error) {
	p, s := &j.progress, schedule{facts}
	next, err := s.next()
	if err != nil {
		return nil, err
	}
	want := p.CommitEpoch + facts.RevealPeriod
	landing := facts.Block.Number + 1
	early := next.index < want || !s.stateful() && next.index == want && landing == next.first
	switch {
	case next.index > want:
		return nil, expire(ReasonRevealMissed, "The commit of block %d could be revealed in epoch %d; block %d is in epoch %d.", p.CommitBlock, want, landing, next.index)
	case early:
		// One epoch more is the least that it takes; further ones are looked at when that has come.
		p.RevealFirst = max(next.last+1, landing+1)
		if next.index == want {
			p.RevealFirst = landing + 1
		}
		return &order{notBefore: p.RevealFirst}, nil
	}
	p.RevealFirst, p.RevealLast = next.first, next.last
	open, err := r.engine.config.Chain.HashedCommits(ctx, facts.Block, facts.FactsQuery)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(open, func(c chain.HashedCommit) bool { return hex.EncodeToString(c.Hash[:]) == p.Plan.CommitHash }) {
		if j.SupersededBy != "" {
			return nil, &verdictError{verdict{pylon.StateCancelled, ReasonReplaced, "A newer commit of the same epoch was revealed in its place."}}
		}
		return nil, fail(ReasonCommitMissing, "The commit of block %d is not on the chain at block %d.", p.CommitBlock, facts.Block.Number)
	}
	o, err := callReveal(p.Plan, facts)
	if err == nil {
		o.deadline = next.last
	}
	return o, err
}
