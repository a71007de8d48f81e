package intents

import (
	"context"
	"errors"
	"slices"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// sight is what the chain looks like in a step.
type sight struct{ head, final substrate.Header }

// step does what can be done now: it follows the extrinsic that is on its way, looks after everything that waits, and
// signs the next one when nothing is on its way any more.
func (r *runner) step(ctx context.Context) error {
	jobs, err := r.load(ctx)
	if err != nil || len(jobs) == 0 {
		return err
	}
	now, err := r.look(ctx)
	if err != nil {
		return r.unreachable(ctx, jobs, err)
	}
	// One job's trouble is not the others'. Only the store's is everybody's.
	var ready []*job
	busy := false
	for _, j := range jobs {
		if j.progress.Stage.unsettled() {
			err := r.traced(ctx, "settle", j, func(ctx context.Context) error { return r.settle(ctx, j, now) })
			if err := r.guard(ctx, j, err); err != nil {
				return err
			}
			busy = busy || j.progress.Stage.unsettled()
		}
	}
	for _, j := range jobs {
		if j.Ended() || j.progress.Stage.unsettled() {
			continue
		}
		can, err := r.examine(ctx, j, now)
		if err := r.guard(ctx, j, err); err != nil {
			return err
		}
		if can && !j.Ended() {
			ready = append(ready, j)
		}
	}
	slices.SortStableFunc(ready, byUrgency)
	for _, j := range ready {
		if busy {
			if err := r.waits(ctx, j, ReasonHotkeyBusy, ""); err != nil {
				return err
			}
			continue
		}
		err := r.traced(ctx, "try", j, func(ctx context.Context) error { return r.try(ctx, j, now) })
		if err := r.guard(ctx, j, err); err != nil {
			return err
		}
		busy = j.progress.Stage.unsettled()
	}
	return nil
}

// load reads the open intents of the hotkey, oldest first.
func (r *runner) load(ctx context.Context) ([]*job, error) {
	records, err := r.engine.store.Open(ctx, r.engine.genesis, r.hotkey)
	if err != nil {
		return nil, err
	}
	jobs := make([]*job, 0, len(records))
	for _, record := range records {
		j, err := openJob(record)
		if err != nil {
			r.log.ErrorContext(ctx, "an intent can not be read", "intent", record.ID, "error", err.Error())
			continue
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

func (r *runner) look(ctx context.Context) (s sight, err error) {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	if s.head, err = r.engine.config.Nodes.Head(ctx); err != nil {
		return s, err
	}
	s.final, err = r.engine.config.Nodes.Finalized(ctx)
	return s, err
}

func (r *runner) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, r.engine.config.AttemptTimeout)
}

// unreachable notes that the chain can not be asked, as a try of everything that waited to be tried.
func (r *runner) unreachable(ctx context.Context, jobs []*job, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	for _, j := range jobs {
		if j.progress.Stage.unsettled() || j.progress.CommitBlock > 0 {
			j.progress.LastError = err.Error()
			j.Reason, j.Detail = string(ReasonChainUnreachable), ""
			if err := r.stored(j, r.save(ctx, j)); err != nil {
				return err
			}
			continue
		}
		if !r.due(j) {
			continue
		}
		if err := r.stored(j, r.failed(ctx, j, err)); err != nil {
			return err
		}
	}
	return nil
}

// guard deals with the error of a job's work: it ends the job, or the job is tried again. What it returns is everybody's
// trouble.
func (r *runner) guard(ctx context.Context, j *job, err error) error {
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var v *verdictError
	switch {
	case errors.As(err, &v):
		err = r.end(ctx, j, v.verdict)
	case isStoreError(err):
	default:
		err = r.failed(ctx, j, err)
	}
	return r.stored(j, err)
}

// stored leaves a job alone that somebody else has changed or ended meanwhile; the next step reads it again.
func (r *runner) stored(j *job, err error) error {
	if errors.Is(err, store.ErrEnded) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) {
		j.EndedAt = time.Now()
		j.progress.Stage = stageNone
		r.forget(j)
		r.nudge()
		return nil
	}
	return err
}

func isStoreError(err error) bool {
	for _, kind := range []error{
		store.ErrEnded, store.ErrConflict, store.ErrNotFound, store.ErrLeaseLost, store.ErrFull, store.ErrBusy, store.ErrUnwritable,
		store.ErrUnreachable, store.ErrDamaged, store.ErrHeld, store.ErrClosed, store.ErrInvalid,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// failed notes that a try has failed, and plans the next one, or ends the job when there were enough.
func (r *runner) failed(ctx context.Context, j *job, cause error) error {
	p, budget := &j.progress, r.budget(j)
	p.LastError = cause.Error()
	p.Failures++
	unsettled := p.Stage.unsettled()
	if !unsettled {
		j.Attempts++
		r.tryEnded(j, StatusError)
	}
	if !unsettled && p.CommitBlock == 0 && budget.exhausted(j.Attempts) {
		return r.end(ctx, j, verdict{pylon.StateFailed, ReasonAttemptsExhausted, "It was tried as often as allowed. The last time: " + p.LastError})
	}
	retry := time.Now().Add(budget.wait(p.Failures))
	p.RetryAt = retry.UnixMilli()
	r.retryAt(retry)
	j.Reason, j.Detail = string(ReasonChainUnreachable), ""
	return r.save(ctx, j)
}

// due tells whether the time before the next try is over, and plans a step for when it is. A moment further ahead than
// any retry is planned was written down by a clock that has been put back since: it says nothing.
func (r *runner) due(j *job) bool {
	if j.progress.RetryAt == 0 {
		return true
	}
	moment := time.UnixMilli(j.progress.RetryAt)
	if wait := time.Until(moment); wait > 0 && wait <= 10*r.budget(j).Delay {
		r.retryAt(moment)
		return false
	}
	return true
}

// waits notes why a job waits.
func (r *runner) waits(ctx context.Context, j *job, reason pylon.IntentReason, detail string) error {
	j.Reason, j.Detail = string(reason), detail
	return r.stored(j, r.save(ctx, j))
}

// byUrgency puts reveals first, then what has the nearest deadline.
func byUrgency(a, b *job) int {
	key := func(j *job) uint64 {
		switch {
		case j.progress.CommitBlock > 0:
			return 0
		case j.DeadlineBlock == 0:
			return ^uint64(0)
		default:
			return j.DeadlineBlock
		}
	}
	switch ka, kb := key(a), key(b); {
	case ka < kb:
		return -1
	case ka > kb:
		return 1
	default:
		return 0
	}
}

// examine looks after a job of which nothing is on its way, and tells whether something may be signed for it now.
func (r *runner) examine(ctx context.Context, j *job, now sight) (ready bool, err error) {
	ctx, cancel := r.limited(ctx)
	defer cancel()
	if j.progress.CommitBlock > 0 {
		return r.awaitReveal(ctx, j, now)
	}
	if err := r.stillWanted(j); err != nil {
		return false, err
	}
	facts, err := r.facts(ctx, j, now.head)
	if err != nil {
		if !r.due(j) {
			return false, nil
		}
		return false, err
	}
	if j.kind() == pylon.IntentWeights {
		if err := j.checkEpoch(facts); err != nil {
			return false, r.expiry(j, err)
		}
		if err := r.engine.checkForeign(ctx, j, facts); err != nil {
			return false, err
		}
		r.engine.config.Observe.Left(view(j.Record), int64(j.DeadlineBlock)-int64(now.head.Number))
	}
	if err := r.save(ctx, j); err != nil {
		return false, err
	}
	return r.due(j), nil
}

// expiry gives a better reason to a job that has waited for the rate limit until its time was over.
func (r *runner) expiry(j *job, err error) error {
	var v *verdictError
	if errors.As(err, &v) && v.State == pylon.StateExpired && j.Reason == string(ReasonRateLimited) && j.NotBefore > 0 {
		return expire(ReasonRateLimited, "The rate limit allowed it from block %d; the epoch ended before. %s", j.NotBefore, v.Detail)
	}
	return err
}

// stillWanted ends what nobody can answer for any more.
func (r *runner) stillWanted(j *job) error {
	identity := r.engine.identities[j.Identity]
	if identity == nil || identity.Signer.PublicKey() != j.Hotkey || identity.Netuid != j.netuid() {
		return &verdictError{verdict{pylon.StateCancelled, ReasonIdentityChanged, "The identity is no longer configured with this hotkey and subnet."}}
	}
	if j.SupersededBy != "" && j.kind() == pylon.IntentWeights {
		return &verdictError{verdict{pylon.StateCancelled, ReasonReplaced, "The intent " + j.SupersededBy + " has taken its place."}}
	}
	if r.keyLost(j) {
		return &verdictError{verdict{pylon.StateCancelled, ReasonKeyLost, "The private key was lost with the process that had it."}}
	}
	return nil
}

// keyLost tells whether the private key of a certificate is gone. Another process that shares the store may have it, if
// the intent is younger than this process.
func (r *runner) keyLost(j *job) bool {
	if j.kind() != pylon.IntentCertificate {
		return false
	}
	if j.progress.KeyOwner == r.engine.config.Owner {
		return !r.engine.keys.has(j.ID)
	}
	return j.CreatedAt.Before(r.began)
}

func (r *runner) facts(ctx context.Context, j *job, at substrate.Header) (*chain.Facts, error) {
	return r.engine.config.Chain.Facts(ctx, at, j.query())
}
