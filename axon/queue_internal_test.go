package axon

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// park has someone wait for a worker and tells when he has one, or why not.
func park(ctx context.Context, q *queue, priority float64) <-chan error {
	got := make(chan error, 1)
	go func() { got <- q.acquire(ctx, priority) }()
	return got
}

func TestQueueServesByPriority(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 100)
		if err := q.acquire(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		var order []float64
		done := make(chan struct{})
		priorities := []float64{1, 5, 3, math.NaN(), 5, 2, math.Inf(1), -1}
		waiting := len(priorities)
		for _, p := range priorities {
			go func() {
				if err := q.acquire(t.Context(), p); err != nil {
					t.Error(err)
				}
				order = append(order, p) // one at a time, with the only worker
				if len(order) == waiting {
					close(done)
				}
				q.release()
			}()
			synctest.Wait()
		}
		q.release()
		<-done
		want := []float64{math.Inf(1), 5, 5, 3, 2, 1, -1, math.NaN()}
		if !slices.EqualFunc(order, want, func(a, b float64) bool { return a == b || a != a && b != b }) {
			t.Errorf("order %v", order)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(1, 2)
		if err := q.acquire(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		low := park(t.Context(), q, 1)
		synctest.Wait()
		high := park(t.Context(), q, 3)
		synctest.Wait()
		higher := park(t.Context(), q, 2)
		synctest.Wait()
		if err := <-low; !errors.Is(err, errQueueFull) {
			t.Errorf("the lowest of three: %v", err)
		}
		lowest := park(t.Context(), q, 2) // as high as another, but later
		if err := <-lowest; !errors.Is(err, errQueueFull) {
			t.Errorf("the later of two: %v", err)
		}
		q.release()
		if err := <-high; err != nil {
			t.Error(err)
		}
		q.release()
		if err := <-higher; err != nil {
			t.Error(err)
		}
		q.release()
		if q.free != 1 || len(q.waiting) != 0 {
			t.Errorf("%d free, %d waiting", q.free, len(q.waiting))
		}
	})
}

func TestQueueLeavesWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(2, 100)
		for range 2 {
			if err := q.acquire(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%10+1)*time.Second)
			defer cancel()
			got := park(ctx, q, float64(i%7))
			go func() {
				if err := <-got; err == nil {
					q.release()
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}()
		}
		// A worker becomes free at the very moment at which some leave.
		time.Sleep(5 * time.Second) //nolint:forbidigo // of the bubble's clock
		q.release()
		time.Sleep(10 * time.Second) //nolint:forbidigo // of the bubble's clock
		q.release()
		synctest.Wait()
		if q.free != 2 || len(q.waiting) != 0 {
			t.Errorf("%d free, %d waiting", q.free, len(q.waiting))
		}
	})
}
