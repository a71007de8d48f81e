package chain

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// errClosed is the end of every read of a closed Chain.
var errClosed = problem.New(problem.NotReady, "The service is stopping.")

// topic is what a question is about.
type topic uint8

const (
	aboutHash topic = iota + 1 // the hash of the finalised block with that number, by the count of Chain.rewound
	aboutTime                  // the block's time
	aboutNeurons
	aboutHyperparameters
	aboutExistence
	aboutCertificates
	aboutCertificate
	aboutCommitments
	aboutCommitment
	aboutAllRevealed
	aboutRevealed
	aboutBody
	aboutExtrinsic
	aboutDrand
	aboutPrices
	aboutPrice
	aboutEVMAssociations
	aboutEpochs
	aboutFacts
	aboutTimelocked
	aboutHashed
	aboutWeights
)

// question names an answer that can never change: what is asked, and at which block. A question about a block's
// number leaves the hash empty, every other leaves the number empty.
type question struct {
	topic  topic
	netuid pylon.Netuid
	number uint64
	hash   substrate.Hash
	// account is whose, for questions about one account.
	account accountID
	// index is the place of an extrinsic in its block, or another small number that the topic needs.
	index uint32
}

// flights lets equal questions share one journey to the chain. A flight belongs to no caller: it goes on when the one
// who started it has left, with a deadline of its own, and ends early only when the Chain is closed. Its answer is in
// the cache before the flight is over, so a question is never asked twice while its answer is kept.
type flights struct {
	cache   *cache
	timeout time.Duration
	logger  *slog.Logger
	tracer  Tracer          // nil for none
	ctx     context.Context // ends all flights
	cancel  context.CancelFunc
	// hits and misses count the questions by whether the cache had the answer.
	hits, misses atomic.Uint64

	mu      sync.Mutex // guards the rest
	running map[question]*flight
	closed  bool
	group   sync.WaitGroup // of running flights and of prefetches, see spawn
}

type flight struct {
	done   chan struct{} // closed when the rest is set
	answer any
	err    error
}

// fetched is the answer of a journey: the value, and about how many bytes it takes. An answer that may change later
// says so and is not kept.
type fetched struct {
	value    any
	bytes    int64
	volatile bool
}

func newFlights(cache *cache, timeout time.Duration, logger *slog.Logger) *flights {
	ctx, cancel := context.WithCancel(context.Background())
	return &flights{
		cache:   cache,
		timeout: timeout,
		logger:  logger,
		ctx:     ctx,
		cancel:  cancel,
		running: make(map[question]*flight),
	}
}

// ask answers q from the cache, from a flight that is already on its way, or by a new one. The end of ctx ends the
// wait only.
func ask[T any](ctx context.Context, f *flights, q question, fetch func(context.Context) (fetched, error)) (T, error) {
	var none T
	answer, err := f.ask(ctx, q, fetch)
	if err != nil {
		return none, err
	}
	return answer.(T), nil
}

func (f *flights) ask(ctx context.Context, q question, fetch func(context.Context) (fetched, error)) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if answer, ok := f.cache.get(q); ok {
		f.hits.Add(1)
		return answer, nil
	}
	// From here on the caller waits. Whoever bounds how many may wait ends ctx when it is asked for Done, and nothing
	// must have been sent then.
	ended := ctx.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.misses.Add(1)
	flight, err := f.board(ctx, q, fetch)
	if err != nil {
		return nil, err
	}
	select {
	case <-flight.done:
		return flight.answer, flight.err
	case <-ended:
		return nil, ctx.Err()
	}
}

// board returns the flight for q and starts it when there is none.
func (f *flights) board(asker context.Context, q question, fetch func(context.Context) (fetched, error)) (*flight, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	if flight, ok := f.running[q]; ok {
		return flight, nil
	}
	flight := &flight{done: make(chan struct{})}
	// The last flight for q may have landed since the caller looked into the cache.
	if answer, ok := f.cache.get(q); ok {
		flight.answer = answer
		close(flight.done)
		return flight, nil
	}
	f.running[q] = flight
	f.group.Go(func() { f.fly(asker, q, flight, fetch) })
	return flight, nil
}

func (f *flights) fly(asker context.Context, q question, flight *flight, fetch func(context.Context) (fetched, error)) {
	ctx, cancel := context.WithTimeout(f.ctx, f.timeout)
	defer cancel()
	if f.tracer != nil {
		ctx = f.tracer.Carry(ctx, asker)
	}
	got, err := f.guard(ctx, fetch)
	if err != nil && f.ctx.Err() != nil {
		err = errClosed
	}
	if err == nil {
		flight.answer = got.value
		if !got.volatile {
			f.cache.put(q, got.value, got.bytes)
		}
	}
	flight.err = err
	f.mu.Lock()
	delete(f.running, q)
	f.mu.Unlock()
	close(flight.done)
}

// guard turns a panic into an error: what is decoded here came from a node, and a flight runs on no request's
// goroutine, where a panic would be the end of the whole process.
func (f *flights) guard(ctx context.Context, fetch func(context.Context) (fetched, error)) (got fetched, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			f.logger.Error("a read of the chain panicked", "cause", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("chain: panic: %v", cause)
		}
	}()
	return fetch(ctx)
}

// spawn runs work on a goroutine that close waits for. The context ends with the flights. After close it does nothing
// and returns false.
func (f *flights) spawn(work func(ctx context.Context)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return false
	}
	f.group.Go(func() { work(f.ctx) })
	return true
}

// close ends all flights and waits for them. Their callers get an error.
func (f *flights) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.cancel()
	f.group.Wait()
}
