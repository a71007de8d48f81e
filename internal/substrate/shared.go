package substrate

import (
	"context"
	"errors"
	"sync"
	"time"
)

// shared keeps values that are expensive to get and the same for everybody. Callers who want the same value at the same
// time wait for one load, which belongs to none of them: it goes on when they give up. Failures are not kept.
type shared[K comparable, V any] struct {
	// op is what a load does, for errors.
	op string
	// spawn runs a load. Loads end with its context.
	spawn func(func(context.Context)) bool
	// limit is the time for a load.
	limit time.Duration

	mu      sync.Mutex
	values  *recent[K, V]
	flights map[K]*flight[V]
}

type flight[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newShared[K comparable, V any](op string, size int, limit time.Duration, spawn func(func(context.Context)) bool) *shared[K, V] {
	return &shared[K, V]{op: op, spawn: spawn, limit: limit, values: newRecent[K, V](size), flights: make(map[K]*flight[V])}
}

// get returns the value of a key, loading it when it is not there. The error is ctx's or load's.
func (s *shared[K, V]) get(ctx context.Context, key K, load func(context.Context) (V, error)) (V, error) {
	s.mu.Lock()
	if v, ok := s.values.get(key); ok {
		s.mu.Unlock()
		return v, nil
	}
	f, ok := s.flights[key]
	if !ok {
		f = &flight[V]{done: make(chan struct{})}
		if !s.spawn(func(ctx context.Context) { s.fly(ctx, key, f, load) }) {
			s.mu.Unlock()
			var zero V
			return zero, closedError(s.op)
		}
		s.flights[key] = f
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero V
		return zero, ctx.Err()
	}
}

func (s *shared[K, V]) fly(ctx context.Context, key K, f *flight[V], load func(context.Context) (V, error)) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	f.value, f.err = load(ctx)
	if f.err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		// It is the load's deadline, not that of those who wait.
		f.err = &Error{Kind: KindTimeout, Op: s.op, Message: "not done within " + s.limit.String()}
	}
	s.mu.Lock()
	delete(s.flights, key)
	if f.err == nil {
		s.values.put(key, f.value)
	}
	s.mu.Unlock()
	close(f.done)
}
