package axon

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// The context of a message behaves as the one of package context that it stands
// for, whatever is done to it and in which order. Not parallel: another test
// looks at the allocations of the whole process.
func TestMessageContext(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		early := rapid.Bool().Draw(r, "the request has an earlier deadline")
		looks := []string{"err", "cause", "done", "deadline", "child", "child with deadline", "after func", "value", "children"}
		steps := rapid.SliceOfN(rapid.SampledFrom(append([]string{"cancel request", "wait", "wait", "end"}, looks...)), 1, 12).Draw(r, "steps")
		steps = append(steps, "end", "err", "cause", "done", "children", "wait", "err", "cause")
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := newObserved(early, true), newObserved(early, false)
			for i, step := range steps {
				got, want := ours.step(step), theirs.step(step)
				if !slices.Equal(got, want) {
					t.Fatalf("step %d of %q: %v, want %v", i, steps, got, want)
				}
			}
		})
	})
}

var errGone = errors.New("gone")

type observed struct {
	ctx           context.Context
	cancelRequest context.CancelCauseFunc
	end           func()
	children      []context.Context
	mu            sync.Mutex
	called        int
}

func newObserved(early, ours bool) *observed {
	o := new(observed)
	request := context.WithValue(context.Background(), "request", "value") //nolint:staticcheck // a test's own key
	if early {
		var stop context.CancelFunc
		request, stop = context.WithTimeout(request, 90*time.Second)
		context.AfterFunc(request, stop)
	}
	request, o.cancelRequest = context.WithCancelCause(request)
	c := new(call)
	if ours {
		c.ctx.request, c.ctx.call, c.ctx.deadline = request, c, time.Now().Add(150*time.Second)
		o.ctx, o.end = &c.ctx, c.ctx.end
	} else {
		o.ctx, o.end = context.WithTimeout(context.WithValue(request, callKey{}, c), 150*time.Second)
	}
	return o
}

func (o *observed) step(what string) (seen []any) {
	synctest.Wait()
	defer synctest.Wait()
	switch what {
	case "cancel request":
		_ = o.ctx.Err() // of two ends that nobody saw come, either may count as the first
		o.cancelRequest(errGone)
	case "wait":
		<-time.After(time.Minute)
	case "end":
		_ = o.ctx.Err()
		o.end()
	case "err":
		return []any{o.ctx.Err()}
	case "cause":
		return []any{context.Cause(o.ctx)}
	case "done":
		select {
		case <-o.ctx.Done():
			return []any{"done", o.ctx.Err()}
		default:
			return []any{"not done", o.ctx.Err()}
		}
	case "deadline":
		at, ok := o.ctx.Deadline()
		return []any{at.UnixNano(), ok}
	case "child":
		child, cancel := context.WithCancel(o.ctx)
		context.AfterFunc(child, cancel)
		o.children = append(o.children, child)
	case "child with deadline":
		child, cancel := context.WithTimeoutCause(o.ctx, 31*time.Second, errors.ErrUnsupported)
		context.AfterFunc(child, cancel)
		o.children = append(o.children, child)
	case "after func":
		context.AfterFunc(o.ctx, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.called++
		})
	case "value":
		_, ok := o.ctx.Value(callKey{}).(*call)
		return []any{ok, o.ctx.Value("request"), o.ctx.Value("else")}
	case "children":
		for _, child := range o.children {
			at, ok := child.Deadline()
			seen = append(seen, child.Err(), context.Cause(child), at.UnixNano(), ok)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		seen = append(seen, o.called)
	}
	return seen
}

// Nobody is needed to look at a context while it ends.
func TestMessageContextIsSafe(t *testing.T) {
	t.Parallel()
	for range 200 {
		request, cancel := context.WithCancel(t.Context())
		c := new(call)
		c.ctx.request, c.ctx.call, c.ctx.deadline = request, c, time.Now().Add(time.Hour)
		var wg sync.WaitGroup
		wg.Go(c.ctx.end)
		wg.Go(cancel)
		for range 2 {
			wg.Go(func() {
				child, cancel := context.WithCancel(&c.ctx)
				defer cancel()
				<-child.Done()
				if err := c.ctx.Err(); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
			wg.Go(func() { _ = c.ctx.Err() })
			wg.Go(func() { c.ctx.Value(1) })
		}
		wg.Wait()
	}
}
