package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

const busyText = "Too many requests are waiting for this. Try again later."

// crowd is a chain whose reads wait, like those of a real one, until they are released, and count what they have sent.
type crowd struct {
	release chan struct{}
	sent    atomic.Int32
}

func (c *crowd) wait(ctx context.Context, _ string) error {
	ended := ctx.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	c.sent.Add(1)
	select {
	case <-c.release:
		return nil
	case <-ended:
		return problem.Wrap(problem.Unavailable, "read failed", ctx.Err())
	}
}

func TestTooManyWaitingRequestsAreRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crowd := &crowd{release: make(chan struct{})}
		f := newFixture(t, func(c *Config) { c.MaxWaiting = 3 })
		f.chain.before = crowd.wait
		token := authorization(openToken)
		answers := make(chan int, 100)
		ask := func(path string, token []string) {
			go func() { answers <- f.ask(t, path, token...).Code }()
			synctest.Wait()
		}
		ask(v1Neurons, token)
		ask("/api/_unstable/openaccess/subnet/9/block/latest/neurons", token)
		ask(v1IdentityNeurons, authorization(sn1Token)) // wherever it is mounted
		got := f.ask(t, v1Neurons, token...)
		wantProblem(t, got, 503, busyText)
		wantHeader(t, got, "Retry-After", "1")
		if n := crowd.sent.Load(); n != 3 {
			t.Errorf("%d reads were sent to the chain", n)
		}
		// Other resources have gates of their own.
		ask("/api/v1/subnet/1/block/latest/validators", token)
		ask("/api/v1/block/latest", nil)
		if n := crowd.sent.Load(); n != 5 {
			t.Errorf("%d reads were sent to the chain", n)
		}
		// What is answered from memory is never refused.
		f.chain.before = nil
		if got := f.ask(t, v1Neurons, token...); got.Code != 200 {
			t.Errorf("a hot read: %d", got.Code)
		}
		f.chain.before = crowd.wait
		close(crowd.release)
		for range 5 {
			if code := <-answers; code != 200 {
				t.Errorf("a waiting request: %d", code)
			}
		}
		if got := f.ask(t, v1Neurons, token...); got.Code != 200 {
			t.Errorf("after the rush: %d", got.Code)
		}
	})
}

// However a request ends, its place is free again.
func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, func(c *Config) { c.MaxWaiting = 1 })
		for name, end := range map[string]func(ctx context.Context) error{
			"an answer":  func(context.Context) error { return nil },
			"an error":   func(context.Context) error { return problem.New(problem.Unavailable, "") },
			"a panic":    func(context.Context) error { panic("x") },
			"its time":   func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
			"many waits": func(ctx context.Context) error { _, _ = ctx.Done(), ctx.Done(); return nil },
		} {
			f.chain.before = func(ctx context.Context, _ string) error {
				_ = ctx.Done()
				if err := ctx.Err(); err != nil {
					return err
				}
				return end(ctx)
			}
			f.ask(t, v1Neurons, append(authorization(openToken), timeoutHeader, "1")...)
			f.chain.before = func(ctx context.Context, _ string) error { _ = ctx.Done(); return ctx.Err() }
			if got := f.ask(t, v1Neurons, authorization(openToken)...); got.Code != 200 {
				t.Errorf("after %s: %d %s", name, got.Code, got.Body)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		f.ServeHTTP(newRecorder(), newRequest(gone, v1Neurons, authorization(openToken)...))
		if got := f.ask(t, v1Neurons, authorization(openToken)...); got.Code != 200 {
			t.Errorf("after a client that had gone: %d", got.Code)
		}
	})
}

func TestBodiesTakePlaces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, nil)
		release := make(chan struct{})
		f.evm.before = func(ctx context.Context) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		post := func() int {
			return f.send(t, http.MethodPost, openLogs+"?from_block=1&to_block=1", strings.NewReader(`{"abi":[]}`), authorization(openToken)...).Code
		}
		places := 0
		for _, r := range resources {
			if r.name == "evm-logs" {
				places = r.places
			}
		}
		answers := make(chan int, places)
		for range places {
			go func() { answers <- post() }()
		}
		synctest.Wait()
		if got := post(); got != 503 {
			t.Errorf("one more than there are places: %d", got)
		}
		close(release)
		for range places {
			if got := <-answers; got != 200 {
				t.Errorf("got %d", got)
			}
		}
	})
}

func TestRefusedContextEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gate := newGate(0)
		began := time.Now()
		d := newDeadline(t.Context(), time.Now().Add(time.Hour), gate)
		if d.Err() != nil || d.isRefused() {
			t.Error("it is refused before it waits")
		}
		<-d.Done()
		if !d.isRefused() || d.Err() == nil || time.Since(began) != 0 {
			t.Errorf("refused %v, %v", d.isRefused(), d.Err())
		}
		d.finish()
		if gate.taken.Load() != 0 {
			t.Error("a place that was never taken is given back")
		}
	})
}
