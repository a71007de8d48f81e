package intents

import (
	"context"
	"fmt"
	"strconv"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// settle follows bytes that are on their way. Blocks are looked at, and nobody's word is taken: they are settled when a
// final block has them, or when they can be in no later one, because the era is over at a final block or because the
// nonce is used by something else in one.
func (r *runner) settle(ctx context.Context, j *job, now sight) error {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	r.tryBegins(j)
	if settled, err := r.settleFinal(ctx, j, now); settled || err != nil {
		return err
	}
	found, err := r.find(ctx, r.engine.config.Nodes, j, now.head)
	if err != nil {
		return err
	}
	if found != nil {
		return r.seen(ctx, j, found)
	}
	p := &j.progress
	if p.Stage == stageIncluded {
		p.Stage = stageSubmitted
		j.IncludedBlock, j.IncludedHash = 0, [32]byte{}
		j.Reason, j.Detail = string(ReasonNotTaken), "The block that had it was given up."
		if err := r.save(ctx, j); err != nil {
			return err
		}
	}
	switch {
	case now.head.Number >= j.LastValidBlock:
		if now.head.Number > j.LastValidBlock+stalledBlocks {
			return r.waits(ctx, j, ReasonFinalityStalled, fmt.Sprintf("Block %d is the newest and %d the newest final one; what is signed could be in blocks up to %d.", now.head.Number, now.final.Number, j.LastValidBlock))
		}
		return nil
	case r.sentAt[j.ID] == now.head.Hash && p.RetryAt == 0, !r.due(j):
		return nil
	}
	return r.submit(ctx, j, now)
}

// stalledBlocks is how many blocks finality may be behind before it counts as stalled.
const stalledBlocks = 20

// settleFinal settles bytes by what is final.
func (r *runner) settleFinal(ctx context.Context, j *job, now sight) (settled bool, err error) {
	if now.final.Number <= j.BirthBlock {
		return false, nil
	}
	tip, err := r.finalTip(ctx, j, now)
	if err != nil {
		return false, err
	}
	found, err := r.find(ctx, r.engine.config.Nodes, j, tip)
	if err != nil {
		return false, err
	}
	counted := uint64(0)
	if found == nil {
		if counted, err = r.engine.config.Nodes.NonceAt(ctx, now.final.Hash, j.Hotkey); err != nil {
			return false, err
		}
	}
	over := now.final.Number >= j.LastValidBlock
	if found == nil && !over && counted <= j.Nonce && !j.progress.Refused {
		return false, nil
	}
	if one, err := r.oneBranch(ctx, now); !one || err != nil {
		return false, err
	}
	switch {
	case found != nil:
		return true, r.final(ctx, j, found)
	case over:
		return true, r.dead(ctx, j, fmt.Sprintf("It was in none of the blocks %d to %d, and can be in no later one.", j.BirthBlock+1, j.LastValidBlock))
	case counted > j.Nonce:
		return true, r.dead(ctx, j, fmt.Sprintf("The nonce %d is used by another extrinsic, final at block %d.", j.Nonce, now.final.Number))
	}
	return r.outdated(ctx, j, now)
}

// oneBranch tells whether the newest final block is on the branch of the newest block. When it is not, one node is on a
// branch of its own or lies, and nobody knows which: nothing is settled then.
func (r *runner) oneBranch(ctx context.Context, now sight) (bool, error) {
	if now.head.Number > now.final.Number+maxWalk {
		return true, nil // finality stalls, and long branches are not walked
	}
	below, err := r.ancestor(ctx, now.head, now.final.Number)
	if err != nil {
		return false, err
	}
	if below.Hash != now.final.Hash {
		r.log.WarnContext(ctx, "the nodes disagree: the newest final block is not on the branch of the newest block",
			"final", now.final.Number, "final_hash", now.final.Hash, "head", now.head.Number, "head_hash", now.head.Hash)
		return false, nil
	}
	return true, nil
}

// maxWalk is how many blocks a branch is walked from parent to parent.
const maxWalk = 128

// ancestor returns the block of a height on the branch of a block; the block itself when it is not higher.
func (r *runner) ancestor(ctx context.Context, at substrate.Header, number uint64) (substrate.Header, error) {
	for at.Number > number {
		parent, err := r.engine.config.Nodes.Header(ctx, at.Parent)
		if err != nil {
			return at, err
		}
		at = parent
	}
	return at, nil
}

// outdated settles bytes that were signed for a runtime which a final block has replaced: no later block can have them.
func (r *runner) outdated(ctx context.Context, j *job, now sight) (settled bool, err error) {
	runtime, err := r.engine.config.Nodes.Runtime(ctx, now.final.Hash)
	if err != nil || runtime.SpecVersion == j.progress.Spec {
		return false, err
	}
	return true, r.dead(ctx, j, fmt.Sprintf("It was signed for spec version %d; the final block %d has %d.", j.progress.Spec, now.final.Number, runtime.SpecVersion))
}

// finalTip is the last final block that can have the bytes. A node that is asked for the block of a height may answer with
// one that it will give up, so that is only done far below the newest final block.
func (r *runner) finalTip(ctx context.Context, j *job, now sight) (substrate.Header, error) {
	if now.final.Number <= j.LastValidBlock+maxWalk {
		return r.ancestor(ctx, now.final, j.LastValidBlock)
	}
	hash, err := r.engine.config.Nodes.BlockHash(ctx, j.LastValidBlock)
	if err != nil {
		return substrate.Header{}, err
	}
	return r.engine.config.Nodes.Header(ctx, hash)
}

func (r *runner) find(ctx context.Context, nodes blocks, j *job, tip substrate.Header) (*substrate.Inclusion, error) {
	if tip.Number <= j.BirthBlock {
		return nil, nil
	}
	return nodes.FindExtrinsic(ctx, substrate.Hash(j.ExtrinsicHash), tip, j.BirthBlock+1)
}

// seen notes the block that has the bytes for now.
func (r *runner) seen(ctx context.Context, j *job, found *substrate.Inclusion) error {
	if j.progress.Stage == stageIncluded && j.IncludedHash == [32]byte(found.Block.Hash) {
		return nil
	}
	r.engine.config.Crash(PointInBlock)
	j.progress.Stage = stageIncluded
	j.progress.RetryAt, j.progress.Failures = 0, 0
	j.IncludedBlock, j.IncludedHash = found.Block.Number, found.Block.Hash
	if j.progress.Verdict == nil {
		j.Reason, j.Detail = "", ""
	}
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.engine.config.Crash(PointIncluded)
	return nil
}

// final deals with what came of bytes in a final block.
func (r *runner) final(ctx context.Context, j *job, found *substrate.Inclusion) error {
	r.engine.config.Crash(PointFinalized)
	if found.Unread != nil {
		again, err := r.find(ctx, r.engine.config.Archive, j, found.Block)
		if err != nil {
			return err
		}
		if again == nil || again.Unread != nil {
			return r.end(ctx, j, verdict{pylon.StateFailed, ReasonOutcomeUnknown, fmt.Sprintf("It is in block %d: %s", found.Block.Number, found.Unread)})
		}
		found = again
	}
	j.IncludedBlock, j.IncludedHash = found.Block.Number, found.Block.Hash
	switch {
	case !found.Success:
		return r.callFailed(ctx, j, found)
	case j.progress.Revealing:
		return r.end(ctx, j, verdict{State: pylon.StateRevealed})
	case j.kind() == pylon.IntentWeights && j.progress.Plan.Method != pylon.MethodDirect:
		return r.committed(ctx, j, found)
	case r.keyLost(j):
		return r.end(ctx, j, verdict{pylon.StateFailed, ReasonKeyLost, "The certificate is published, but its private key was lost with the process that had it."})
	default:
		return r.end(ctx, j, verdict{State: pylon.StateFinalized})
	}
}

// callFailed deals with a call that failed in a final block. Its nonce is used, so another extrinsic can be signed.
func (r *runner) callFailed(ctx context.Context, j *job, found *substrate.Inclusion) error {
	c := classifyDispatch(found.Error)
	text := "The call failed in block " + strconv.FormatUint(found.Block.Number, 10)
	if found.Error != nil {
		text += ": " + found.Error.Error()
	}
	if c.reaction == reactEnd {
		return r.end(ctx, j, verdict{endOf(c.reason), c.reason, text})
	}
	if v := j.progress.Verdict; v != nil {
		return r.end(ctx, j, *v)
	}
	if err := r.again(ctx, j, c.reason, text); err != nil {
		return err
	}
	r.engine.config.Crash(PointSettled)
	return nil
}

// dead deals with bytes that can never be included any more.
func (r *runner) dead(ctx context.Context, j *job, why string) error {
	revealing := j.progress.Revealing
	v := j.progress.Verdict
	j.dropExtrinsic()
	j.progress.Failures = 0 // those were of the bytes that are gone
	switch {
	case v != nil:
		return r.end(ctx, j, *v)
	case j.SupersededBy != "" && !revealing && j.kind() == pylon.IntentWeights:
		return r.end(ctx, j, verdict{pylon.StateCancelled, ReasonReplaced, why})
	case r.keyLost(j):
		return r.end(ctx, j, verdict{pylon.StateFailed, ReasonKeyLost, "The private key was lost with the process that had it. " + why})
	}
	if err := r.again(ctx, j, ReasonNotTaken, why); err != nil {
		return err
	}
	r.engine.config.Crash(PointSettled)
	return nil
}

// again makes a job of which nothing is on its way any more ready for another try.
func (r *runner) again(ctx context.Context, j *job, reason pylon.IntentReason, why string) error {
	j.dropExtrinsic()
	r.tryEnded(j, StatusError)
	p := &j.progress
	p.LastError = why
	if p.CommitBlock == 0 && r.budget(j).exhausted(j.Attempts) {
		return r.end(ctx, j, verdict{pylon.StateFailed, ReasonAttemptsExhausted, "It was tried as often as allowed. The last time: " + why})
	}
	p.Failures++
	retry := r.later(p.Failures, j)
	p.RetryAt = retry.UnixMilli()
	r.retryAt(retry)
	j.Reason, j.Detail = string(reason), why
	return r.save(ctx, j)
}

// later is the moment of the next try after so many failures.
func (r *runner) later(failures int, j *job) time.Time {
	return time.Now().Add(r.budget(j).wait(failures))
}

func decimal(n uint64) string { return strconv.FormatUint(n, 10) }
