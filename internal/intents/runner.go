package intents

import (
	"context"
	"errors"
	"log/slog"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// runner works for one hotkey, as long as it holds the hotkey's lease. Everything of a hotkey happens on one goroutine,
// one step after the other, so there is never more than one extrinsic of it on its way.
type runner struct {
	engine *Engine
	signer substrate.Signer
	hotkey [32]byte
	log    *slog.Logger
	// wake has a token when there may be something to do.
	wake chan struct{}

	lease store.Lease
	// began is when this process began to work: private keys of before are lost.
	began time.Time
	// unsent are the intents whose bytes were signed by this runner and have been sent to nobody.
	unsent map[string]bool
	// sentAt is the head at which an intent's bytes were last sent.
	sentAt map[string]substrate.Hash
	// tries are when the present tries began.
	tries map[string]time.Time
	// stepped is told of every step that is over, for tests. Defaults to nothing.
	stepped func(seen substrate.Header)
	// next is the earliest moment for which a retry is planned.
	next time.Time
}

func newRunner(e *Engine, signer substrate.Signer) *runner {
	hotkey := signer.PublicKey()
	return &runner{
		engine: e, signer: signer, hotkey: hotkey, log: e.log.With("hotkey", string(hotkeyOf(hotkey))),
		wake: make(chan struct{}, 1), began: time.Now(),
	}
}

// nudge makes the runner look. It never blocks.
func (r *runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run takes the lease and works, until ctx ends.
func (r *runner) run(ctx context.Context) {
	for ctx.Err() == nil {
		lease, ok, err := r.engine.store.Acquire(ctx, r.engine.genesis, r.hotkey, r.engine.config.Owner, r.engine.config.LeaseTTL)
		switch {
		case err == nil && ok:
			r.hold(ctx, lease)
		case err != nil && !errors.Is(err, store.ErrHeld) && ctx.Err() == nil:
			r.log.WarnContext(ctx, "the lease of a hotkey could not be taken", "error", err.Error())
		}
		if !pause(ctx, min(r.engine.config.Poll, r.engine.config.LeaseTTL/3)) {
			return
		}
	}
}

// pause waits, and returns false when ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// hold works while the lease lasts, and gives it back at the end.
func (r *runner) hold(ctx context.Context, lease store.Lease) {
	r.lease = lease
	r.unsent, r.sentAt = make(map[string]bool), make(map[string]substrate.Hash)
	r.tries = make(map[string]time.Time)
	held, lose := context.WithCancel(ctx)
	defer lose()
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		defer lose()
		r.beat(held, lease)
	}()
	r.work(held)
	lose()
	<-beating
	if err := r.engine.store.Release(context.WithoutCancel(ctx), lease); err != nil {
		r.log.WarnContext(ctx, "the lease of a hotkey could not be given back", "error", err.Error())
	}
}

// beat gives signs of life until the lease is lost.
func (r *runner) beat(ctx context.Context, lease store.Lease) {
	for pause(ctx, r.engine.config.LeaseTTL/4) {
		renewed, err := r.engine.store.Renew(ctx, lease)
		if err == nil {
			lease = renewed
			continue
		}
		if ctx.Err() != nil {
			return
		}
		r.log.WarnContext(ctx, "the lease of a hotkey could not be renewed", "error", err.Error())
		if errors.Is(err, store.ErrLeaseLost) || r.engine.store.Remaining(lease) <= r.engine.config.LeaseTTL/4 {
			return
		}
	}
}

// work does one step after the other.
func (r *runner) work(ctx context.Context) {
	for ctx.Err() == nil {
		r.next = time.Now().Add(r.engine.config.Poll)
		seen, _ := r.engine.config.Nodes.KnownHead()
		if err := r.step(ctx); err != nil && ctx.Err() == nil {
			if errors.Is(err, store.ErrLeaseLost) {
				return
			}
			r.log.WarnContext(ctx, "a step failed", "error", err.Error())
		}
		if r.stepped != nil {
			r.stepped(seen)
		}
		timer := time.NewTimer(time.Until(r.next))
		select {
		case <-ctx.Done():
		case <-r.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// retryAt plans a step.
func (r *runner) retryAt(moment time.Time) {
	if moment.Before(r.next) {
		r.next = moment
	}
}

// save writes a job down when it has changed, and tells those who listen. It does so even when ctx ends: what has
// happened has happened.
func (r *runner) save(ctx context.Context, j *job) error {
	if j.EndedAt.IsZero() {
		j.State = string(j.openState())
	}
	changed, err := j.encode()
	if err != nil || !changed {
		return err
	}
	before := pylon.IntentState(j.loaded.State)
	stored, err := r.engine.store.Update(context.WithoutCancel(ctx), r.lease, j.Record)
	if err != nil {
		return err
	}
	j.Record, j.loaded = stored, stored
	r.engine.told(stored, before)
	return nil
}

// end ends a job.
func (r *runner) end(ctx context.Context, j *job, v verdict) error {
	r.engine.config.Crash(PointOutcome)
	j.State, j.Reason, j.Detail = string(v.State), string(v.Reason), v.Detail
	j.EndedAt = time.Now()
	j.progress.Stage, j.progress.Verdict = stageNone, nil
	r.tryEnded(j, statusOf(v.State))
	r.forget(j)
	if err := r.save(ctx, j); err != nil {
		return err
	}
	r.engine.config.Crash(PointEnded)
	r.log.InfoContext(ctx, "an intent has ended", "intent", j.ID, "kind", j.Kind, "netuid", j.Netuid, "state", j.State, "reason", j.Reason, "detail", j.Detail)
	return nil
}

// forget forgets what is known of a job in memory only.
func (r *runner) forget(j *job) {
	delete(r.unsent, j.ID)
	delete(r.sentAt, j.ID)
	delete(r.tries, j.ID)
}

// tryBegins notes the beginning of a try.
func (r *runner) tryBegins(j *job) {
	if _, ok := r.tries[j.ID]; !ok {
		r.tries[j.ID] = time.Now()
	}
}

// tryEnded tells the observer of the try.
func (r *runner) tryEnded(j *job, status string) {
	began, ok := r.tries[j.ID]
	if !ok {
		return
	}
	delete(r.tries, j.ID)
	attempt := Attempt{Kind: j.kind(), Netuid: j.netuid(), Hotkey: hotkeyOf(j.Hotkey), Status: status, Duration: time.Since(began)}
	if j.progress.Plan != nil {
		attempt.Method = j.progress.Plan.Method
	}
	r.engine.config.Observe.Attempt(attempt)
}

func (r *runner) budget(j *job) Budget {
	if j.kind() == pylon.IntentWeights {
		return r.engine.config.Weights
	}
	return r.engine.config.Commitments
}
