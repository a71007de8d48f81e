package intents

import (
	"context"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// Observer is told what happens, for metrics. It must be quick and safe for concurrent use.
type Observer interface {
	// Attempt is told of every try that has ended.
	Attempt(Attempt)
	// Ended is told of every intent that has ended.
	Ended(Job)
	// Left is told, for every open intent with a deadline and every new block, how many blocks are left.
	Left(intent pylon.Intent, blocks int64)
}

// The statuses of attempts and jobs.
const (
	StatusSuccess   = "success"
	StatusError     = "error"
	StatusCancelled = "cancelled"
)

// Attempt is one try: from reading what the chain allows to the finalised block, or to what went wrong.
type Attempt struct {
	Kind   pylon.IntentKind
	Netuid pylon.Netuid
	Hotkey pylon.Hotkey
	// Status is success, error or cancelled.
	Status   string
	Duration time.Duration
	// Method is how weights were to be brought onto the chain.
	Method pylon.WeightsMethod
}

// Job is an intent that has ended.
type Job struct {
	Intent pylon.Intent
	// Status is success, error or cancelled. That the time was over is an error.
	Status string
	// Duration is from the request to the end.
	Duration time.Duration
}

// traced does a step of a job, and tells the tracer of it.
func (r *runner) traced(ctx context.Context, step string, j *job, do func(ctx context.Context) error) error {
	if r.engine.config.Trace == nil {
		return do(ctx)
	}
	ctx, end := r.engine.config.Trace(ctx, step, view(j.Record))
	err := do(ctx)
	end(err)
	return err
}

func statusOf(state pylon.IntentState) string {
	switch {
	case state.Succeeded():
		return StatusSuccess
	case state == pylon.StateCancelled:
		return StatusCancelled
	default:
		return StatusError
	}
}

// silence is the Observer that is told in vain.
type silence struct{}

func (silence) Attempt(Attempt)          {}
func (silence) Ended(Job)                {}
func (silence) Left(pylon.Intent, int64) {}
