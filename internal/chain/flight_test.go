package chain

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

func newTestFlights(t *testing.T, timeout time.Duration) *flights {
	t.Helper()
	f := newFlights(newCache(1<<20), timeout, slog.New(slog.DiscardHandler))
	t.Cleanup(f.close)
	return f
}

var testQuestion = question{topic: aboutTime, number: 7}

func TestEqualQuestionsShareAFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestFlights(t, time.Minute)
		var journeys atomic.Int32
		fetch := func(context.Context) (fetched, error) {
			journeys.Add(1)
			pause(time.Second)
			return fetched{value: "answer"}, nil
		}
		var group sync.WaitGroup
		for range 256 {
			group.Go(func() {
				if got, err := ask[string](t.Context(), f, testQuestion, fetch); got != "answer" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			})
		}
		group.Wait()
		if got, err := ask[string](t.Context(), f, testQuestion, fetch); got != "answer" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		if n := journeys.Load(); n != 1 {
			t.Errorf("%d journeys", n)
		}
	})
}

func TestAFlightOutlivesThoseWhoWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestFlights(t, time.Minute)
		journeys := 0
		fetch := func(ctx context.Context) (fetched, error) {
			journeys++
			select {
			case <-time.After(time.Second):
				return fetched{value: "answer"}, nil
			case <-ctx.Done():
				return fetched{}, ctx.Err()
			}
		}
		first, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := ask[string](first, f, testQuestion, fetch)
			left <- err
		}()
		stayed := make(chan error, 1)
		go func() {
			synctest.Wait() // the first one has taken off
			_, err := ask[string](t.Context(), f, testQuestion, fetch)
			stayed <- err
		}()
		pause(time.Millisecond)
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the one who left: %v", err)
		}
		if err := <-stayed; err != nil {
			t.Errorf("the one who stayed: %v", err)
		}

		// Nobody at all waits: the answer is there all the same.
		other := question{topic: aboutTime, number: 8}
		brief, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := ask[string](brief, f, other, fetch); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the one whose time was up: %v", err)
		}
		pause(time.Second)
		synctest.Wait()
		if got, ok := f.cache.get(other); got != "answer" || !ok {
			t.Errorf("%v, %v in the cache", got, ok)
		}
		if journeys != 2 {
			t.Errorf("%d journeys", journeys)
		}
	})
}

func TestAFlightHasADeadlineOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestFlights(t, 5*time.Second)
		start := time.Now()
		_, err := ask[string](t.Context(), f, testQuestion, func(ctx context.Context) (fetched, error) {
			<-ctx.Done()
			return fetched{}, ctx.Err()
		})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 5*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestOnlyLastingAnswersAreKept(t *testing.T) {
	t.Parallel()
	f := newTestFlights(t, time.Minute)
	failure := errors.New("failure")
	for _, answer := range []struct {
		got fetched
		err error
	}{
		{err: failure},
		{got: fetched{value: "for now", volatile: true}},
		{got: fetched{value: "for ever"}},
		{got: fetched{value: "too late"}},
	} {
		got, err := ask[string](t.Context(), f, testQuestion, func(context.Context) (fetched, error) { return answer.got, answer.err })
		switch answer.got.value {
		case nil:
			if !errors.Is(err, failure) {
				t.Errorf("failure: %v", err)
			}
		case "too late":
			if got != "for ever" || err != nil {
				t.Errorf("after a lasting answer: %q, %v", got, err)
			}
		default:
			if got != answer.got.value || err != nil {
				t.Errorf("%v: %q, %v", answer.got.value, got, err)
			}
		}
	}
}

func TestAPanicIsAnError(t *testing.T) {
	t.Parallel()
	f := newTestFlights(t, time.Minute)
	_, err := ask[string](t.Context(), f, testQuestion, func(context.Context) (fetched, error) { panic("a length of -1") })
	if err == nil || err.Error() != "chain: panic: a length of -1" {
		t.Errorf("%v", err)
	}
	if _, err := ask[string](t.Context(), f, testQuestion, func(context.Context) (fetched, error) {
		return fetched{value: "fine"}, nil
	}); err != nil {
		t.Errorf("the next flight: %v", err)
	}
}

func TestCloseEndsFlights(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newTestFlights(t, time.Minute)
		ended := make(chan error, 1)
		go func() {
			_, err := ask[string](t.Context(), f, testQuestion, func(ctx context.Context) (fetched, error) {
				<-ctx.Done()
				return fetched{}, ctx.Err()
			})
			ended <- err
		}()
		synctest.Wait()
		f.close()
		if err := <-ended; problem.KindOf(err) != problem.NotReady {
			t.Errorf("the one in flight: %v", err)
		}
		_, err := ask[string](t.Context(), f, testQuestion, func(context.Context) (fetched, error) {
			t.Error("a closed Chain went to the chain")
			return fetched{}, nil
		})
		if problem.KindOf(err) != problem.NotReady {
			t.Errorf("after close: %v", err)
		}
		if f.spawn(func(context.Context) {}) {
			t.Error("work was taken on after close")
		}
		f.close()
	})
}

// full is the context of a request for which there is no room: it ends when somebody begins to wait.
type full struct {
	context.Context

	asked atomic.Bool
	ended chan struct{}
}

func (f *full) Done() <-chan struct{} {
	f.asked.Store(true)
	return f.ended
}

func (f *full) Err() error {
	if f.asked.Load() {
		return context.Canceled
	}
	return nil
}

func TestWhoMayNotWaitStartsNoJourney(t *testing.T) {
	t.Parallel()
	f := newTestFlights(t, time.Minute)
	answer := func(context.Context) (fetched, error) { return fetched{value: "answer"}, nil }
	nowhere := func(context.Context) (fetched, error) {
		t.Error("a journey was started")
		return fetched{}, nil
	}
	ended := make(chan struct{})
	close(ended)
	if _, err := ask[string](&full{Context: t.Context(), ended: ended}, f, testQuestion, nowhere); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if _, err := ask[string](t.Context(), f, testQuestion, answer); err != nil {
		t.Error(err)
	}
	// What is kept needs no waiting.
	known := &full{Context: t.Context(), ended: ended}
	if got, err := ask[string](known, f, testQuestion, nowhere); got != "answer" || err != nil || known.asked.Load() {
		t.Errorf("%q, %v, waited %v", got, err, known.asked.Load())
	}
}

// Who bounds how many may wait for the chain counts on this.
func TestAHotReadWaitsForNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 10)
		c := newFakeChain(t, node, node, Config{})
		c.Start()
		reads := map[string]func(context.Context) error{
			"the latest block":      func(ctx context.Context) error { _, err := c.LatestBlock(ctx); return err },
			"the latest neurons":    func(ctx context.Context) error { _, err := c.LatestNeurons(ctx, 1); return err },
			"the latest validators": func(ctx context.Context) error { _, err := c.LatestValidators(ctx, 1); return err },
			"neurons at a block":    func(ctx context.Context) error { _, err := c.Neurons(ctx, 10, 1); return err },
		}
		for name, read := range reads {
			if err := read(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, read := range reads {
			hot := &full{Context: t.Context()}
			if err := read(hot); err != nil || hot.asked.Load() {
				t.Errorf("%s: %v, waited %v", name, err, hot.asked.Load())
			}
		}
	})
}
