package intents

import (
	"context"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// repeatWindow is how long after a write has succeeded an equal request is taken for a repeat of it: a client whose
// connection broke before the answer came tries again at once, and means the same write.
const repeatWindow = 10 * time.Second

// perform records a request and waits for its end.
func (e *Engine) perform(ctx context.Context, name string, kind pylon.IntentKind, key string, request any) (pylon.Intent, error) {
	identity, err := e.identity(name)
	if err != nil {
		return pylon.Intent{}, err
	}
	r, err := e.newRecord(ctx, identity, kind, 0, key, request)
	if err != nil {
		return pylon.Intent{}, err
	}
	if done, err := e.justDone(ctx, &r); err != nil || done != nil {
		if err != nil {
			return pylon.Intent{}, explain(err)
		}
		return view(*done), nil
	}
	result, err := e.record(ctx, r, store.Policy{Attach: true, Beside: besides(kind)})
	if err != nil {
		return pylon.Intent{}, err
	}
	return e.awaitSuccess(ctx, result.Record.ID)
}

// besides are the kinds that write to the same place as one: a plain commitment takes the place of a timelocked one, and
// the other way round.
func besides(kind pylon.IntentKind) []string {
	switch kind {
	case pylon.IntentCommitment:
		return []string{string(pylon.IntentRevealedCommitment)}
	case pylon.IntentRevealedCommitment:
		return []string{string(pylon.IntentCommitment)}
	}
	return nil
}

// justDone returns the newest intent for the place that the request writes to, when it is an equal one that has just
// succeeded.
func (e *Engine) justDone(ctx context.Context, r *store.Record) (*store.Record, error) {
	if r.IdempotencyKey != "" {
		return nil, nil
	}
	last, err := e.newest(ctx, r, r.Kind)
	if err != nil || last == nil || last.Identity != r.Identity || last.Fingerprint != r.Fingerprint || !pylon.IntentState(last.State).Succeeded() {
		return nil, err
	}
	if age := time.Since(last.EndedAt); age < 0 || age > repeatWindow { // negative: the clock was put back since
		return nil, nil
	}
	for _, kind := range besides(pylon.IntentKind(r.Kind)) {
		other, err := e.newest(ctx, r, kind)
		if err != nil || other != nil && !other.CreatedAt.Before(last.CreatedAt) {
			return nil, err
		}
	}
	return last, nil
}

// newest returns the newest intent of a kind for the hotkey and subnet of r, whatever identity asked for it; nil when
// there is none.
func (e *Engine) newest(ctx context.Context, r *store.Record, kind string) (*store.Record, error) {
	listing, err := e.store.List(ctx, store.Filter{Genesis: &r.Genesis, Hotkey: &r.Hotkey, Kind: kind, Netuid: &r.Netuid}, store.Page{Limit: 1})
	if err != nil || len(listing.Records) == 0 {
		return nil, err
	}
	return &listing.Records[0], nil
}

// awaitSuccess waits for the end of an intent. An end other than a good one is a problem whose text is what went wrong.
// So is an extrinsic that nodes have refused as often as the settings allow: it is followed to its end all the same, and
// a repeat of the request waits for that.
func (e *Engine) awaitSuccess(ctx context.Context, id string) (pylon.Intent, error) {
	refused := false
	record, err := e.wait(ctx, id, func(r *store.Record) bool {
		j, err := openJob(*r)
		refused = err == nil && !r.Ended() && j.progress.Stage == stageSigned && e.config.Commitments.exhausted(j.progress.Failures)
		return r.Ended() || refused
	})
	intent := view(record)
	if err != nil {
		return intent, err
	}
	if intent.State.Succeeded() {
		return intent, nil
	}
	return intent, problem.New(problem.Unavailable, failureText(&intent))
}

func failureText(intent *pylon.Intent) string {
	switch {
	case intent.Reason == ReasonAttemptsExhausted && intent.LastError != "":
		return intent.LastError
	case intent.Detail != "":
		return intent.Detail
	case intent.LastError != "":
		return intent.LastError
	default:
		return string(intent.Reason)
	}
}

// Wait returns an intent when it has come that far, or has ended, or ctx has: then with the error of ctx, and the intent
// as it is.
func (e *Engine) Wait(ctx context.Context, id string, until pylon.WaitFor) (pylon.Intent, error) {
	record, err := e.wait(ctx, id, func(r *store.Record) bool { return until.Satisfied(pylon.IntentState(r.State)) })
	return view(record), err
}

func (e *Engine) wait(ctx context.Context, id string, over func(*store.Record) bool) (record store.Record, err error) {
	events, stop := e.Changes(64)
	defer stop()
	poll := time.NewTicker(e.config.Poll)
	defer poll.Stop()
	for {
		known, err := e.store.Get(ctx, id)
		if err != nil {
			if ctx.Err() != nil {
				err = ctx.Err()
			}
			return record, explain(err)
		}
		if record = known; over(&record) {
			return record, nil
		}
		if err := waitForNews(ctx, events, poll.C, id); err != nil {
			return record, err
		}
	}
}

// waitForNews waits until an intent has changed, or may have.
func waitForNews(ctx context.Context, events <-chan pylon.IntentEvent, poll <-chan time.Time, id string) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-poll:
			return nil
		case event, ok := <-events:
			if !ok {
				return problem.New(problem.NotReady, "The service is stopping.")
			}
			if event.Intent.ID == id {
				return nil
			}
		}
	}
}
