package app

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// stage is a part of the service that is started and stopped.
type stage struct {
	name string
	// start must not wait for the chain. Defaults to nothing to start.
	start func(ctx context.Context) error
	// stop ends what start began and gives up when ctx ends. It also works when start never ran.
	stop func(ctx context.Context) error
}

// stages is the order in which everything is started; it is stopped the other way round. This list is the only place
// that starts or stops a part of the service.
func (a *App) stages() []stage {
	return []stage{
		// What the others have to say when they stop is sent at the end.
		{name: "telemetry", stop: a.telemetry.close},
		// The archive's nodes are opened by the first question to them, so that an archive that is down costs nobody
		// anything who does not need it.
		{name: "archive nodes", stop: closing(a.archive.Close)},
		{name: "main nodes", stop: closing(a.main.Close)},
		{name: "chain", start: starting(a.chain.Start), stop: closing(ending(a.chain.Close))},
		{name: "intents", start: a.writer.start, stop: closing(a.writer.stop)},
		{name: "warm-up", start: a.warmUp.start, stop: a.warmUp.stop},
		{name: "recent objects", start: starting(a.recent.Start), stop: closing(ending(a.recent.Close))},
		{name: "listener", start: a.listener.start, stop: a.listener.stop},
	}
}

// starting makes the start of a stage from a Start that cannot fail.
func starting(startIt func()) func(context.Context) error {
	return func(context.Context) error { startIt(); return nil }
}

// ending makes a Close that can fail from one that cannot.
func ending(closeIt func()) func() error {
	return func() error { closeIt(); return nil }
}

// closing makes the stop of a stage from a Close that knows no deadline. When the time is over it is left to itself.
func closing(closeIt func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- closeIt() }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startAll starts the stages in order. After a failure it stops what it had started.
func (a *App) startAll(ctx context.Context) error {
	for i, s := range a.order {
		if s.start == nil {
			continue
		}
		began := time.Now()
		if err := s.start(ctx); err != nil {
			stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.settings.ShutdownTimeout)
			defer cancel()
			return errors.Join(fmt.Errorf("start the %s: %w", s.name, err), a.stopAll(stopping, i))
		}
		a.logger.Debug("started", "stage", s.name, "took", time.Since(began))
	}
	return nil
}

// stopAll stops the first n stages, the last one first. A stage that fails or takes too long does not keep the others
// from being stopped.
func (a *App) stopAll(ctx context.Context, n int) error {
	var failures []error
	for i := n - 1; i >= 0; i-- {
		s := a.order[i]
		began := time.Now()
		if err := s.stop(ctx); err != nil {
			failures = append(failures, fmt.Errorf("stop the %s: %w", s.name, err))
		}
		a.logger.Debug("stopped", "stage", s.name, "took", time.Since(began))
	}
	return errors.Join(failures...)
}
