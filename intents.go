package pylon

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
)

// Intents returns what the identity has asked to be written, newest first.
func (i identityUnstable) Intents(ctx context.Context, filter IntentFilter) ([]Intent, error) {
	query := url.Values{}
	for name, value := range map[string]string{"kind": string(filter.Kind), "state": string(filter.State), "before": filter.Before} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if filter.Open {
		query.Set("open", "true")
	}
	if filter.Limit > 0 {
		query.Set("limit", strconv.Itoa(filter.Limit))
	}
	type list struct {
		Intents []Intent `json:"intents"`
	}
	check := func(l *list) error {
		if l.Intents == nil {
			return missing("intents")
		}
		return nil
	}
	read, err := submit(ctx, i.place, request{method: http.MethodGet, path: "/intents", query: query}, check)
	if err != nil {
		return nil, err
	}
	return read.Intents, nil
}

// Intent returns what has become of an intent. Is there none of that id, it is an ErrNotFound.
func (i identityUnstable) Intent(ctx context.Context, id string) (*Intent, error) {
	return i.intent(ctx, http.MethodGet, id)
}

// CancelIntent gives an intent up for which nothing has been signed yet. Otherwise it is an ErrConflict, unless it was
// cancelled before.
func (i identityUnstable) CancelIntent(ctx context.Context, id string) (*Intent, error) {
	intent, err := i.intent(ctx, http.MethodDelete, id)
	if !errors.Is(err, ErrConflict) {
		return intent, err
	}
	// The request may have been repeated because its first answer was lost.
	if now, readErr := i.Intent(ctx, id); readErr == nil && now.State == StateCancelled {
		return now, nil
	}
	return nil, err
}

func (i identityUnstable) intent(ctx context.Context, method, id string) (*Intent, error) {
	part, err := pathPart("intent id", id)
	if err != nil {
		return nil, err
	}
	check := func(intent *Intent) error {
		if intent.ID == "" || intent.State == "" {
			return missing("state")
		}
		return nil
	}
	return submit(ctx, i.place, request{method: method, path: "/intents/" + part}, check)
}

// Follow returns what becomes of an intent: how it is now, and then how it is after each change, until it has ended. The
// last element is an error when it can not be read, or ctx ends. Once it was read, a service that is away is waited for,
// as long as Config.Outage.
func (i identityUnstable) Follow(ctx context.Context, id string) iter.Seq2[*Intent, error] {
	return func(yield func(*Intent, error) bool) {
		s, err := i.place.client.opened()
		if err != nil {
			yield(nil, err)
			return
		}
		config := &i.place.client.config
		var last *Intent
		var gone absence
		for {
			intent, err := i.Intent(ctx, id)
			switch {
			case err == nil:
				gone = absence{}
				if changed := last == nil || !intent.UpdatedAt.Equal(last.UpdatedAt) || intent.State != last.State; changed {
					if !yield(intent, nil) {
						return
					}
				}
				if last = intent; intent.State.Ended() {
					return
				}
			case last == nil || ctx.Err() != nil || !gone.bearable(err, config.Outage):
				yield(nil, err)
				return
			}
			if !s.sleep(ctx, config.PollInterval) {
				yield(nil, i.overslept(ctx))
				return
			}
		}
	}
}

// overslept tells why a pause was cut short.
func (i identityUnstable) overslept(ctx context.Context) error {
	if _, err := i.place.client.opened(); err != nil {
		return err
	}
	err := context.Cause(ctx)
	if err == nil {
		err = context.DeadlineExceeded // it would have come during the pause
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &TimeoutError{Reason: TimeoutRead, Err: err}
	}
	return &RequestError{Op: "wait for an intent", Err: err}
}

// WaitForWeights waits until an intent has come that far, and returns it: of weights that PutWeights has handed over, or
// any other. One that ends other than well is returned with an ErrIntent. The context bounds the wait; an epoch of many
// subnets takes more than an hour.
func (i identityUnstable) WaitForWeights(ctx context.Context, id string, until WaitFor) (*Intent, error) {
	for intent, err := range i.Follow(ctx, id) {
		switch {
		case err != nil:
			return nil, err
		case !until.Satisfied(intent.State):
		case intent.State.Ended() && !intent.State.Succeeded():
			return intent, &IntentError{Intent: intent}
		default:
			return intent, nil
		}
	}
	return nil, &RequestError{Op: "wait for an intent", Err: errors.New("it ended unseen")} // Follow ends with an end or an error
}
