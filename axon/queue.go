package axon

import (
	"container/heap"
	"context"
	"errors"
	"math"
	"sync"
)

// errQueueFull is told to the message with the lowest priority when too many
// wait.
var errQueueFull = errors.New("too many messages are waiting")

// queue hands out the workers: to who asks while there are free ones, and then
// by priority, equal ones in the order in which they came.
type queue struct {
	mu      sync.Mutex
	free    int     // guarded by mu
	waiting waiters // guarded by mu
	max     int
	seq     uint64 // guarded by mu
}

// waiter waits for a worker.
type waiter struct {
	priority float64
	seq      uint64
	index    int // in the heap, -1 when it is not there
	ready    chan error
}

func newQueue(workers, maxWaiting int) *queue { return &queue{free: workers, max: maxWaiting} }

// acquire waits for a worker, which release gives back.
func (q *queue) acquire(ctx context.Context, priority float64) error {
	if math.IsNaN(priority) {
		priority = math.Inf(-1)
	}
	q.mu.Lock()
	if q.free > 0 {
		q.free--
		q.mu.Unlock()
		return nil
	}
	q.seq++
	w := &waiter{priority: priority, seq: q.seq, ready: make(chan error, 1)}
	heap.Push(&q.waiting, w)
	if len(q.waiting) > q.max {
		last := q.waiting.last()
		heap.Remove(&q.waiting, last.index)
		last.ready <- errQueueFull
	}
	q.mu.Unlock()

	select {
	case err := <-w.ready:
		return err
	case <-ctx.Done():
	}
	q.mu.Lock()
	if w.index >= 0 {
		heap.Remove(&q.waiting, w.index)
		q.mu.Unlock()
		return ctx.Err()
	}
	q.mu.Unlock()
	// The worker, or the refusal, came at the same moment.
	if err := <-w.ready; err != nil {
		return err
	}
	q.release()
	return ctx.Err()
}

func (q *queue) release() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.free++
		return
	}
	heap.Pop(&q.waiting).(*waiter).ready <- nil
}

// waiters is a heap with the next one first.
type waiters []*waiter

func (w waiters) Len() int { return len(w) }

func (w waiters) Less(i, j int) bool { return w[i].before(w[j]) }

func (w *waiter) before(other *waiter) bool {
	if w.priority != other.priority {
		return w.priority > other.priority
	}
	return w.seq < other.seq
}

func (w waiters) Swap(i, j int) {
	w[i], w[j] = w[j], w[i]
	w[i].index, w[j].index = i, j
}

// Push and Pop are for package heap.
func (w *waiters) Push(x any) {
	x.(*waiter).index = len(*w)
	*w = append(*w, x.(*waiter))
}

func (w *waiters) Pop() any {
	old := *w
	out := old[len(old)-1]
	old[len(old)-1] = nil
	*w = old[:len(old)-1]
	out.index = -1
	return out
}

// last returns the one that would be served last.
func (w waiters) last() *waiter {
	last := w[len(w)/2] // the leaves are in the second half
	for _, other := range w[len(w)/2:] {
		if last.before(other) {
			last = other
		}
	}
	return last
}
