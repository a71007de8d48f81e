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
	p := &j.progress
	p.CommitBlock = found.Block.Number
	if p.Plan.Method == pylon.MethodTimelocked {
		err = r.timelocked(ctx, j, found.Block, schedule{facts})
	} else {
		err = j.hashed(schedule{facts})
	}
	if err != nil && !errors.Is(err, timelock.ErrNoEpochs) {
		p.CommitBlock = 0
		return err
	}
	p.Stage, p.RetryAt, p.Failures, p.Verdict = stageNone, 0, 0, nil
	j.Reason, j.Detail = string(ReasonNotYetRevealed), revealText(p)
	r.tryEnded(j, StatusSuccess)
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.engine.config.Crash(PointSettled)
	return nil
}

// timelocked notes the epoch under which the chain keeps a timelocked commit, and the blocks in which it opens it.
func (r *runner) timelocked(ctx context.Context, j *job, at substrate.Header, s schedule) error {
	parent, err := r.engine.config.Nodes.Header(ctx, at.Parent)
	if err != nil {
		return err
	}
	before, err := r.facts(ctx, j, parent)
	if err != nil {
		return err
	}
	window, err := schedule{before}.window(at.Number)
	if err != nil {
		return err
	}
	e, err := s.current()
	if err != nil {
		return err
	}
	p := &j.progress
	p.RevealFirst, p.RevealLast = window.First, max(window.End, 1)-1
	p.CommitEpoch = e.index
	// It is a neighbour should the chain count otherwise than we do.
	for _, epoch := range []uint64{e.index, e.index + 1, max(e.index, 1) - 1} {
		there, err := r.isOpen(ctx, j, at, epoch)
		if err != nil {
			return err
		}
		if there {
			p.CommitEpoch = epoch
			break
		}
	}
	return nil
}

// hashed notes the epoch that the chain counts a hashed commit for, by the state of the commit's block, and the blocks
// in which it can be revealed.
func (j *job) hashed(s schedule) error {
	p := &j.progress
	p.CommitEpoch = s.byNumber(p.CommitBlock).index
	if s.stateful() {
		e, err := s.current()
		if err != nil {
			return err
		}
		p.CommitEpoch = e.index
	}
	_, want, err := s.reveal(p.CommitBlock, p.CommitEpoch)
	p.RevealFirst, p.RevealLast = want.first, want.last
	return err
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
		return r.revealDue(ctx, j, now.head)
	}
	if now.final.Number < p.RevealFirst {
		return false, nil
	}
	open, err := r.isOpen(ctx, j, now.final, p.CommitEpoch)
	if open || err != nil {
		return false, err
	}
	revealed, block, err := r.revealed(ctx, j, now.final)
	if substrate.KindOf(err) == substrate.KindStateDiscarded {
		return false, fail(ReasonOutcomeUnknown, "The commit of block %d is gone at block %d, and no node has the states in which it may have been revealed: %s", p.CommitBlock, now.final.Number, err)
	}
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

// revealDue tells whether the chain takes the reveal of a hashed commit in the next block, or takes it no more. It is
// asked anew for every block: the subnet's owner may change the tempo and the period.
func (r *runner) revealDue(ctx context.Context, j *job, head substrate.Header) (bool, error) {
	facts, err := r.facts(ctx, j, head)
	if err != nil {
		return false, err
	}
	p := &j.progress
	next, want, err := schedule{facts}.reveal(p.CommitBlock, p.CommitEpoch)
	if err != nil {
		return false, err
	}
	if next.index >= want.index {
		return true, nil
	}
	if p.RevealFirst != want.first || p.RevealLast != want.last {
		p.RevealFirst, p.RevealLast = want.first, want.last
		return false, r.waits(ctx, j, ReasonNotYetRevealed, revealText(p))
	}
	return false, nil
}

func revealText(p *progress) string {
	return fmt.Sprintf("Committed in block %d; it is revealed in the blocks %d to %d.", p.CommitBlock, p.RevealFirst, p.RevealLast)
}

// prepareReveal reveals what was committed by hash, in the one epoch in which the chain takes it.
func (r *runner) prepareReveal(ctx context.Context, j *job, facts *chain.Facts) (*order, error) {
	p := &j.progress
	next, want, err := schedule{facts}.reveal(p.CommitBlock, p.CommitEpoch)
	if err != nil {
		return nil, err
	}
	if next.index > want.index {
		return nil, expire(ReasonRevealMissed, "The commit of block %d could be revealed in epoch %d; block %d is in epoch %d.", p.CommitBlock, want.index, facts.Block.Number+1, next.index)
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
