package chain

import (
	"context"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// refreshMargin is how long before the next run a failing refresh gives up.
const refreshMargin = 10 * time.Second

// run refreshes all contexts in intervals until ctx ends.
func (r *Recent) run(ctx context.Context) {
	ticker := time.NewTicker(r.config.interval())
	defer ticker.Stop()
	for {
		next := time.Now().Add(r.config.interval())
		r.refreshAll(ctx, next)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// refreshAll refreshes the contexts in parallel, all before the next run.
func (r *Recent) refreshAll(ctx context.Context, next time.Time) {
	ctx, cancel := context.WithDeadline(ctx, next)
	defer cancel()
	var group sync.WaitGroup
	for _, kept := range r.contexts {
		group.Go(func() { r.refresh(ctx, kept, next) })
	}
	group.Wait()
}

// refresh reads one context's objects, again and again while that fails and there is time before the next run.
func (r *Recent) refresh(ctx context.Context, kept *recentContext, next time.Time) {
	log := r.config.Logger.With("identity", kept.key.Identity, "netuid", kept.key.Netuid)
	for attempt := 0; ; attempt++ {
		neurons, err := r.config.Source.ReadNeurons(ctx, kept.key.Netuid)
		if err == nil {
			kept.neurons.Store(neurons)
			return
		}
		if r.ctx.Err() != nil {
			return // closed
		}
		if problem.KindOf(err) == problem.NotFound {
			log.Warn("there is no such subnet: recent neurons are not refreshed")
			return
		}
		wait := refreshWait(attempt)
		if again := time.Now().Add(wait); again.After(next.Add(-refreshMargin)) {
			log.Error("recent neurons were not refreshed", "attempts", attempt+1, "error", err)
			return
		}
		log.Warn("recent neurons could not be refreshed yet", "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// refreshWait returns the wait after that many failed retries: 10, 20, 40, 80, then always 120 seconds.
func refreshWait(retries int) time.Duration {
	return min(10*time.Second<<min(retries, 4), 120*time.Second)
}
