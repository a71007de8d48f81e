package intents

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// Intent returns an intent by its id.
func (e *Engine) Intent(ctx context.Context, id string) (pylon.Intent, error) {
	r, err := e.store.Get(ctx, id)
	if err != nil {
		return pylon.Intent{}, explain(err)
	}
	return view(r), nil
}

// Intents returns intents of an identity, newest first, and the IntentFilter.Before of the next page: empty when there
// is none.
func (e *Engine) Intents(ctx context.Context, filter pylon.IntentFilter) (intents []pylon.Intent, next string, err error) {
	if _, err := e.identity(filter.Identity); err != nil {
		return nil, "", err
	}
	if filter.Limit < 0 || filter.Limit > store.MaxPage {
		return nil, "", problem.Newf(problem.Invalid, "A page has 1 to %d intents.", store.MaxPage)
	}
	f := store.Filter{Identity: filter.Identity, Kind: string(filter.Kind), Open: filter.Open}
	if filter.State != "" {
		f.States = []string{string(filter.State)}
	}
	listing, err := e.store.List(ctx, f, store.Page{After: filter.Before, Limit: filter.Limit})
	if err != nil {
		return nil, "", explain(err)
	}
	intents = make([]pylon.Intent, len(listing.Records))
	for i, r := range listing.Records {
		intents[i] = view(r)
	}
	return intents, listing.Next, nil
}

// CancelIntent ends an intent of an identity for which nothing has been signed.
func (e *Engine) CancelIntent(ctx context.Context, identity, id string) (pylon.Intent, error) {
	r, err := e.store.Get(ctx, id)
	if err == nil && r.Identity != identity {
		err = store.ErrNotFound
	}
	if err != nil {
		return pylon.Intent{}, explain(err)
	}
	before := pylon.IntentState(r.State)
	if r, err = e.store.Cancel(ctx, id); err != nil {
		return pylon.Intent{}, explain(err)
	}
	e.told(r, before)
	return view(r), nil
}
