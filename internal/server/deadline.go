package server

import (
	"context"
	"math"
	"net/http"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// timeoutHeader is how a client says how long it is going to wait, in seconds.
const timeoutHeader = "X-Pylon-Timeout"

// timeout returns how long the request may take.
func (s *Server) timeout(header http.Header) (time.Duration, error) {
	values := header[timeoutHeader]
	if len(values) == 0 {
		return s.config.DefaultTimeout, nil
	}
	seconds, ok := parsePythonFloat(values[0])
	if !ok {
		return 0, problem.New(problem.Invalid, "Invalid X-Pylon-Timeout header value: "+values[0])
	}
	if !(seconds > 0) {
		return 0, problem.New(problem.Invalid,
			"X-Pylon-Timeout header value must be positive, got "+pythonFloat(seconds))
	}
	longest := s.config.MaxTimeout
	if seconds > longest.Seconds() {
		s.warnCapped(seconds)
		return longest, nil
	}
	announced := time.Duration(math.Ceil(seconds * float64(time.Second)))
	return announced - margin(announced), nil
}

// margin is how long before the announced end the answer is on its way, so that the client hears it before its own
// timer ends: a tenth of the time, at most half a second.
func margin(announced time.Duration) time.Duration {
	return min(announced/10, 500*time.Millisecond)
}

// warnCapped warns of a timeout over the maximum. A client that sends one sends it with every request, so that one
// warning a minute must do.
func (s *Server) warnCapped(seconds float64) {
	if dropped, ok := s.capped.allow(time.Minute); ok {
		s.log.Warn("request timeout over the maximum, capped", "header", timeoutHeader,
			"seconds", seconds, "maximum", s.config.MaxTimeout.Seconds(), "unlogged", dropped)
	}
}

// deadline is the context of a request. It ends with the request's connection or when its time is over, like
// one from context.WithDeadline, but makes its timer only when somebody waits for the end: an answer from memory costs no
// timer. To wait is also what takes a place at the gate of the request's resource. When there is none left, the context
// ends at once, before anything has been asked of the chain.
type deadline struct {
	context.Context // the connection's

	at   time.Time
	gate *gate // nil for what has none

	mu       sync.Mutex
	waiting  context.Context // nil until somebody waits
	cancel   context.CancelFunc
	entered  bool // a place at the gate is ours
	refused  bool // there was none
	finished bool
}

func newDeadline(parent context.Context, at time.Time, gate *gate) *deadline {
	return &deadline{Context: parent, at: at, gate: gate}
}

// Deadline returns when the request's time is over.
func (d *deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done returns a channel that closes when the context ends.
func (d *deadline) Done() <-chan struct{} { return d.wait().Done() }

// Err returns why the context has ended, nil before.
func (d *deadline) Err() error {
	d.mu.Lock()
	waiting, finished := d.waiting, d.finished
	d.mu.Unlock()
	if waiting != nil {
		return waiting.Err()
	}
	if err := d.Context.Err(); err != nil {
		return err
	}
	if !time.Now().Before(d.at) {
		return context.DeadlineExceeded
	}
	if finished {
		return context.Canceled
	}
	return nil
}

// Value makes contexts derived from this one find the standard context that they can hang on to.
func (d *deadline) Value(key any) any {
	d.mu.Lock()
	waiting := d.waiting
	d.mu.Unlock()
	if waiting != nil {
		return waiting.Value(key)
	}
	return d.Context.Value(key)
}

func (d *deadline) wait() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting == nil {
		d.waiting, d.cancel = context.WithDeadline(d.Context, d.at)
		if !d.finished && d.gate != nil {
			d.entered = d.gate.enter()
			d.refused = !d.entered
		}
		if d.finished || d.refused {
			d.cancel()
		}
	}
	return d.waiting
}

// yield gives the place at the gate back. The context goes on.
func (d *deadline) yield() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.entered {
		d.entered = false
		d.gate.leave()
	}
}

// isRefused tells whether the context has ended because there was no place at the gate.
func (d *deadline) isRefused() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// expired tells whether the time is over, whatever else has ended the context.
func (d *deadline) expired() bool { return !time.Now().Before(d.at) }

// finish ends the context when the request has been answered.
func (d *deadline) finish() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.finished = true
	if d.cancel != nil {
		d.cancel()
	}
	if d.entered {
		d.entered = false
		d.gate.leave()
	}
}
