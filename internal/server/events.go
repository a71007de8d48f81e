package server

import (
	"net/http"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// The times of a reader of events.
const (
	// heartbeat is the time between comments that show both sides, and what is between them, that the connection lives.
	heartbeat = 15 * time.Second
	// readerTime is how long a reader may take to take what is sent.
	readerTime = 10 * time.Second
	// readerPause is when a reader should come back that was refused, or whose connection broke.
	readerPause = 3 * time.Second
)

var (
	eventStream = []string{"text/event-stream"}
	unbuffered  = []string{"no"}
	// streamStart tells the reader when to come back, in milliseconds.
	streamStart = []byte("retry: 3000\n\n")
	// streamGap tells a reader that there were events which it has not seen and will not see.
	streamGap  = []byte("event: gap\ndata: {}\n\n")
	streamBeat = []byte(":\n\n")
)

// answerEvents sends events until the reader goes, falls behind, or the server stops. On the routes of an identity, of
// the events about subnets and intents it gets only those about its own; nobody else hears of intents.
func (x *exchange) answerEvents() error {
	s := x.server.stream
	if !s.enter() {
		return &problem.Error{Kind: problem.NotReady, Detail: "Too many clients are reading events. Try again later.", RetryAfter: readerPause}
	}
	defer s.leave()

	header := x.writer.Header()
	header["Content-Type"] = eventStream
	header["Cache-Control"] = noStore
	header["X-Accel-Buffering"] = unbuffered
	out := reader{controller: http.NewResponseController(x.writer), writer: x.writer}
	from := s.ring(x.identity)
	first, next, missed := s.begin(from, x.request.Header.Get("Last-Event-Id"))
	x.begin(http.StatusOK)
	out.write(streamStart)
	if missed {
		out.write(streamGap)
	}
	for _, e := range first {
		out.write(e.text)
	}

	stopping := x.stopping().Done() // nil without Serve
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		events, following, changed, ok := s.since(from, next)
		if !ok {
			return nil // it comes back and hears of the gap
		}
		for _, e := range events {
			out.write(e.text)
		}
		next = following
		if !out.flush() {
			return nil
		}
		select {
		case <-changed:
		case <-beat.C:
			out.write(streamBeat)
		case <-x.ctx.Done():
			return nil
		case <-stopping:
			return nil
		}
	}
}

// reader writes to one client. After the first error, which means that the client has gone or takes nothing, it writes
// no more.
type reader struct {
	controller *http.ResponseController
	writer     http.ResponseWriter
	failed     bool
}

func (r *reader) write(text []byte) {
	if r.failed {
		return
	}
	// Where deadlines are not supported there is no connection that could be slow.
	_ = r.controller.SetWriteDeadline(time.Now().Add(readerTime))
	_, err := r.writer.Write(text)
	r.failed = err != nil
}

// flush sends what was written and tells whether the client is still there.
func (r *reader) flush() bool {
	if !r.failed {
		_ = r.controller.SetWriteDeadline(time.Now().Add(readerTime))
		r.failed = r.controller.Flush() != nil
	}
	return !r.failed
}
