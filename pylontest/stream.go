package pylontest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
)

// stream is the answer that is a stream of events.
type stream struct{}

// stream opens a stream of events, or goes on with one.
func (f *Fake) stream(request *http.Request) *http.Response {
	next, _ := strconv.Atoi(request.Header.Get("Last-Event-ID")) // 0 without one; the first event has the id 1
	return &http.Response{
		Status: http.StatusText(http.StatusOK), StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/event-stream"}}, ContentLength: -1, Request: request,
		Body: io.NopCloser(&streamBody{fake: f, ctx: request.Context(), next: max(next, 0)}),
	}
}

// streamBody is read by one goroutine.
type streamBody struct {
	fake *Fake
	ctx  context.Context
	next int    // index of the event after those that were taken
	left []byte // of the event before
}

func (b *streamBody) Read(into []byte) (int, error) {
	for len(b.left) == 0 {
		if err := b.ctx.Err(); err != nil {
			return 0, err
		}
		b.fake.mu.Lock()
		sent := b.fake.sent
		if b.next < len(b.fake.events) {
			b.left = eventText(b.next+1, b.fake.events[b.next])
			b.next++
		}
		b.fake.mu.Unlock()
		if len(b.left) > 0 {
			break
		}
		select {
		case <-sent:
		case <-b.ctx.Done():
		}
	}
	n := copy(into, b.left)
	b.left = b.left[n:]
	return n, nil
}

// eventText is an event as it stands in a stream.
func eventText(id int, event pylon.Event) []byte {
	if event.Block.Hash == "" {
		event.Block.Hash = noHash
	}
	var data any = event.Block
	switch event.Kind {
	case pylon.EventEpoch:
		data = map[string]any{"netuid": event.Netuid, "block": event.Block}
	case pylon.EventIntent:
		data = event.Intent
	case pylon.EventGap:
		data = struct{}{}
	}
	text, err := json.Marshal(data)
	if err != nil {
		panic("pylontest: an event has no JSON form: " + err.Error())
	}
	return fmt.Appendf(nil, "id: %d\nevent: %s\ndata: %s\n\n", id, event.Kind, text)
}
