package intents

import (
	"context"
	"fmt"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// try signs and sends the next extrinsic of a job.
func (r *runner) try(ctx context.Context, j *job, now sight) error {
	limited, cancel := r.limited(ctx)
	defer cancel()
	r.tryBegins(j)
	facts, err := r.facts(limited, j, now.head)
	if err != nil {
		return err
	}
	var o *order
	if j.progress.CommitBlock > 0 {
		o, err = r.prepareReveal(limited, j, facts)
	} else {
		o, err = r.engine.prepare(limited, j, facts)
	}
	if err != nil {
		return r.expiry(j, err)
	}
	j.NotBefore = o.notBefore
	if landing := now.head.Number + 1; o.notBefore > landing {
		delete(r.tries, j.ID)
		return r.waits(ctx, j, ReasonRateLimited, rateText(o, facts))
	}
	r.engine.config.Crash(PointPlanned)
	if err := r.traced(limited, "sign", j, func(ctx context.Context) error { return r.sign(ctx, j, o, now) }); err != nil {
		return r.expiry(j, err)
	}
	return r.submit(limited, j, now)
}

// sign makes the bytes and writes them down before anybody sees them.
func (r *runner) sign(ctx context.Context, j *job, o *order, now sight) error {
	upgraded, err := r.upgraded(ctx, now)
	if err != nil {
		return err
	}
	eras := now
	if upgraded {
		eras.final = now.head
	}
	birth, period, ok := eras.era(o.deadline)
	if !ok {
		switch {
		case j.progress.CommitBlock > 0:
			return expire(ReasonRevealMissed, "%s", tooLate(now.head.Number, o.deadline))
		case j.kind() != pylon.IntentWeights:
			return expire(ReasonTimeOver, "%s", tooLate(now.head.Number, o.deadline))
		}
		return expire(ReasonEpochOver, "%s", tooLateForEpoch(now.head.Number, o.deadline))
	}
	nonce, err := r.nonce(ctx, now)
	if err != nil {
		return err
	}
	x, err := r.engine.config.Nodes.Sign(ctx, substrate.SignRequest{
		At: birth, Period: period, Nonce: nonce, Tip: r.engine.config.Tip, Pallet: o.pallet, Call: o.call, Args: o.args,
	}, r.signer)
	if err != nil {
		return err
	}
	r.engine.config.Crash(PointSigned)
	p := &j.progress
	p.Stage, p.Spec, p.Revealing = stageSigned, x.SpecVersion, p.CommitBlock > 0
	p.Failures, p.RetryAt, p.Verdict = 0, 0, nil
	j.Attempts++
	j.Extrinsic, j.ExtrinsicHash, j.Nonce, j.HasNonce = x.Bytes, x.Hash, x.Nonce, true
	j.BirthBlock, j.LastValidBlock = x.Birth.Number, x.LastValid
	j.Reason, j.Detail = "", ""
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.unsent[j.ID] = true
	r.engine.config.Crash(PointSignRecorded)
	return nil
}

// upgraded tells whether the newest block has another runtime than the newest final one. Bytes are signed for the runtime
// of their first block, and nodes take none of an older one.
func (r *runner) upgraded(ctx context.Context, now sight) (bool, error) {
	head, err := r.engine.config.Nodes.Runtime(ctx, now.head.Hash)
	if err != nil {
		return false, err
	}
	final, err := r.engine.config.Nodes.Runtime(ctx, now.final.Hash)
	return err == nil && head.SpecVersion != final.SpecVersion, err
}

// nonce chooses the next nonce: what the chain has counted at its newest block, or one more than the highest of ours that
// is in a block, should all nodes be behind that block. Nothing of ours is on its way when it is asked for.
//
// What nodes say about their pools does not count. Who believes a pool that has nothing, or loses what it has, signs a
// nonce that waits for one which never comes, until the era is over, and again in the next. Who does not, and is wrong,
// signs the nonce that another program's extrinsic has too: the chain takes one of them, and when it is the other, a
// final block says so within seconds. And bytes under one nonce exclude each other, whatever becomes of them.
func (r *runner) nonce(ctx context.Context, now sight) (uint64, error) {
	next, err := r.engine.config.Nodes.NonceAt(ctx, now.head.Hash, r.hotkey)
	if err != nil {
		return 0, err
	}
	own, ok, err := r.engine.store.HighestNonce(ctx, r.engine.genesis, r.hotkey)
	if err != nil || !ok || own.Nonce < next || own.LastValidBlock <= now.final.Number {
		return next, err
	}
	used, err := r.used(ctx, own.Nonce, now.final.Number)
	if used {
		next = own.Nonce + 1
	}
	return next, err
}

// used tells whether one of our records has the nonce, in a block after the newest that the nodes call final. One that
// was signed with it and can never be included has forgotten it, and it is free again.
func (r *runner) used(ctx context.Context, nonce, final uint64) (bool, error) {
	listing, err := r.engine.store.List(ctx, store.Filter{Genesis: (*[32]byte)(&r.engine.genesis), Hotkey: &r.hotkey, States: written}, store.Page{Limit: store.MaxPage})
	return slices.ContainsFunc(listing.Records, func(record store.Record) bool {
		return record.HasNonce && record.Nonce == nonce && record.IncludedBlock > final
	}), err
}

// tooLate says that no era fits between the newest block and the last one that may have an extrinsic.
func tooLate(head, deadline uint64) string {
	return fmt.Sprintf("The newest block is %d and the last one for it %d; an extrinsic needs %d blocks after the newest.", head, deadline, shortestEra-1)
}

func tooLateForEpoch(head, deadline uint64) string {
	return fmt.Sprintf("The epoch that they are for ends with block %d. %s The next epoch begins with block %d: hand them over then.",
		deadline, tooLate(head, deadline), max(head, deadline)+1)
}

func rateText(o *order, facts *chain.Facts) string {
	return "The newest block is " + decimal(facts.Block.Number) + "; the rate limit allows it from block " + decimal(o.notBefore) + "."
}

// submit sends the bytes to all nodes.
func (r *runner) submit(ctx context.Context, j *job, now sight) error {
	first := r.unsent[j.ID]
	delete(r.unsent, j.ID)
	r.sentAt[j.ID] = now.head.Hash
	err := r.traced(ctx, "submit", j, func(ctx context.Context) error { return r.engine.config.Nodes.Submit(ctx, j.Extrinsic) })
	r.engine.config.Crash(PointSent)
	if err != nil {
		return r.notTaken(ctx, j, err, first)
	}
	p := &j.progress
	if p.Stage == stageSigned {
		p.Stage = stageSubmitted
	}
	p.Failures, p.RetryAt = 0, 0
	if p.Verdict == nil {
		j.Reason, j.Detail = "", ""
	}
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.engine.config.Crash(PointAnswered)
	return nil
}

// notTaken deals with a refusal. When it is certain that nobody has the bytes, they are never sent again, and the job can
// end or be done anew at once. When it is not, they are followed until they can be included no more.
func (r *runner) notTaken(ctx context.Context, j *job, err error, first bool) error {
	p, c := &j.progress, classifySubmit(err)
	p.LastError = err.Error()
	if c.reason != ReasonChainUnreachable {
		p.Refused = true
	}
	certain := first && definite(err)
	switch {
	case certain && c.reaction == reactEnd:
		j.dropExtrinsic()
		return r.end(ctx, j, verdict{endOf(c.reason), c.reason, refusalText(err)})
	case certain && c.reaction == reactAgain:
		j.dropExtrinsic()
		return r.again(ctx, j, c.reason, refusalText(err))
	case c.reaction == reactEnd && p.Verdict == nil:
		p.Verdict = &verdict{endOf(c.reason), c.reason, refusalText(err)}
	}
	p.Failures++
	retry := r.later(p.Failures, j)
	p.RetryAt = retry.UnixMilli()
	r.retryAt(retry)
	j.Reason, j.Detail = string(c.reason), refusalText(err)
	return r.save(ctx, j)
}

// endOf is the state of an end for a reason.
func endOf(reason pylon.IntentReason) pylon.IntentState {
	if reason == ReasonRevealMissed {
		return pylon.StateExpired
	}
	return pylon.StateFailed
}
