package app

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// tallyEvery is how old the counts of intents can be.
const tallyEvery = 5 * time.Second

// tally keeps the counts of intents by identity and state, so that who looks at them never waits for the database.
type tally struct {
	store  *store.Store
	known  atomic.Pointer[[]store.Count]
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// newTally counts until close.
func newTally(s *store.Store) *tally {
	ctx, cancel := context.WithCancel(context.Background())
	t := &tally{store: s, cancel: cancel}
	t.done.Go(func() {
		again := time.NewTicker(tallyEvery)
		defer again.Stop()
		for {
			t.count(ctx)
			select {
			case <-again.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return t
}

// count forgets the counts when the database does not tell: none say more than old ones that look new.
func (t *tally) count(ctx context.Context) {
	counted, err := t.store.Counts(ctx)
	if err != nil {
		t.known.Store(nil)
		return
	}
	t.known.Store(&counted)
}

func (t *tally) counts() []store.Count {
	if known := t.known.Load(); known != nil {
		return *known
	}
	return nil
}

func (t *tally) close() {
	t.cancel()
	t.done.Wait()
}
