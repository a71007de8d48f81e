package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// staged returns an App whose stages write down what happens to them.
func staged(names ...string) (a *App, happened func() []string) {
	var mu sync.Mutex
	var log []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, what)
	}
	a = &App{
		settings: Defaults(),
		logger:   slog.New(slog.DiscardHandler),
		listener: &listener{ended: make(chan struct{})},
	}
	for _, name := range names {
		a.order = append(a.order, stage{
			name:  name,
			start: func(context.Context) error { note("start " + name); return nil },
			stop:  func(context.Context) error { note("stop " + name); return nil },
		})
	}
	return a, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(log)
	}
}

func TestStopIsTheOtherWayRound(t *testing.T) {
	t.Parallel()
	a, happened := staged("one", "two", "three")
	a.order[1].start = nil // nothing to start
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Start(t.Context()); err == nil {
		t.Error("started after the stop")
	}
	want := []string{"start one", "start three", "stop three", "stop two", "stop one"}
	if got := happened(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFailedStartStopsWhatItStarted(t *testing.T) {
	t.Parallel()
	a, happened := staged("one", "two", "three")
	a.order[1].start = func(context.Context) error { return errors.New("port in use") }
	if err := a.Start(t.Context()); err == nil || err.Error() != "start the two: port in use" {
		t.Errorf("got the error %v", err)
	}
	want := []string{"start one", "stop one"}
	if got := happened(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A stage that does not stop costs the time that there is and nothing more: the others are stopped all the same.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, happened := staged("one", "two", "three")
		release := make(chan struct{})
		a.order[1].stop = closing(func() error { <-release; return nil })
		a.settings.ShutdownTimeout = 5 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		if err := a.Start(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		began := time.Now()
		err := a.Wait(ctx)
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "stop the two: ") {
			t.Errorf("got the error %v", err)
		}
		if got := happened(); !slices.Equal(got[3:], []string{"stop three", "stop one"}) {
			t.Errorf("got %q", got)
		}
		close(release)
	})
}

// The context of the start has ended by the time of the stop; the stop must not.
func TestStopDoesNotEndWithTheContextThatAskedForIt(t *testing.T) {
	t.Parallel()
	a, _ := staged("one")
	var during error
	a.order[0].stop = func(ctx context.Context) error { during = ctx.Err(); return nil }
	ctx, cancel := context.WithCancel(t.Context())
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := a.Wait(ctx); err != nil || during != nil {
		t.Errorf("wait: %v; context during the stop: %v", err, during)
	}
}

func TestListenerThatEndsByItselfIsAFailure(t *testing.T) {
	t.Parallel()
	a, happened := staged("one")
	close(a.listener.ended)
	if err := a.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the listener ended by itself") {
		t.Errorf("got the error %v", err)
	}
	if got := happened(); !slices.Equal(got, []string{"start one", "stop one"}) {
		t.Errorf("got %q", got)
	}
}

// A signal that comes while the service starts is a stop that was asked for.
func TestStopWhileStarting(t *testing.T) {
	t.Parallel()
	for name, wait := range map[string]func(ctx context.Context) error{
		"heard of": func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
		"ignored":  func(ctx context.Context) error { <-ctx.Done(); return nil },
	} {
		a, happened := staged("one", "two")
		ctx, cancel := context.WithCancel(t.Context())
		a.order[1].start = func(ctx context.Context) error { cancel(); return wait(ctx) }
		if err := a.Run(ctx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := happened(); got[len(got)-1] != "stop one" {
			t.Errorf("%s: %q", name, got)
		}
	}
	a, _ := staged("one")
	a.order[0].start = func(context.Context) error { return errors.New("broken") }
	if err := a.Run(t.Context()); err == nil || err.Error() != "start the one: broken" {
		t.Errorf("a failure: %v", err)
	}
}

// A second Stop waits for the first one, but no longer than its own context.
func TestSecondStopWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, _ := staged("one")
		release := make(chan struct{})
		a.order[0].stop = closing(func() error { <-release; return errors.New("sour") })
		first := make(chan error, 1)
		go func() { first <- a.Stop(t.Context()) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := a.Stop(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the impatient one got %v", err)
		}
		close(release)
		if err := a.Stop(t.Context()); err == nil || err.Error() != "stop the one: sour" {
			t.Errorf("the patient one got %v", err)
		}
		if err := <-first; err == nil || err.Error() != "stop the one: sour" {
			t.Errorf("the first one got %v", err)
		}
	})
}
