package pylon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

const aStream = "retry: 3000\n\n" +
	"id: r-1\nevent: head\ndata: " + aBlock + "\n\n" +
	":\n\n" +
	"id: r-2\r\nevent: epoch\r\ndata: {\"netuid\":4,\r\ndata: \"block\":" + aBlock + "}\r\n\r\n" +
	"id: r-3\nevent: novelty\ndata: {}\n\n"

func TestEventsOutliveConnections(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	s := writable(t, func(w http.ResponseWriter, _ string, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		switch n.Add(1) {
		case 1:
			_, _ = io.WriteString(w, aStream+"id: r-4\nevent: head\ndata: {") // broken off
		default:
			_, _ = io.WriteString(w, "event: gap\ndata: {}\n\nid: r-9\nevent: intent\ndata: {\"before\":\"recorded\",\"intent\":"+intentText("signed", 1)+"}\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}
	})
	var kinds []pylon.ChainEventKind
	for event, err := range connect(t, config(s.URL)).Unstable().Identity().Events(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, event.Kind)
		switch event.Kind {
		case pylon.EventHead:
			if event.Block.Number != 7 || event.ID != "r-1" {
				t.Errorf("head: %+v", event)
			}
		case pylon.EventEpoch:
			if event.Netuid != 4 || event.Block.Number != 7 {
				t.Errorf("epoch: %+v", event)
			}
		}
		if event.Kind == pylon.EventIntent {
			if event.Intent.Intent.State != pylon.StateSigned || event.Intent.Before != pylon.StateRecorded {
				t.Errorf("intent: %+v", event.Intent)
			}
			break
		}
	}
	if got := fmt.Sprint(kinds); got != "[head epoch gap intent]" {
		t.Errorf("events %s", got)
	}
	if got := s.last(t).header.Get("Last-Event-ID"); got != "r-2" {
		t.Errorf("went on behind %q", got)
	}
	if got := s.last(t).path; got != "/api/_unstable/identity/sn1/subnet/1/events" {
		t.Errorf("path %s", got)
	}
}

func TestEventsEnd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    error
		asked   int
	}{
		"refused":       {func(w http.ResponseWriter, _ *http.Request) { fail(w, 403, "no") }, pylon.ErrForbidden, 1},
		"no stream":     {func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, "{}") }, pylon.ErrBody, 1},
		"always broken": {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/event-stream") }, pylon.ErrRequest, 3},
		"nonsense": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: head\ndata: []\n\n")
		}, pylon.ErrBody, 1},
		"no block": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "event: head\ndata: {}\n\n")
		}, pylon.ErrBody, 1},
		"an endless line": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+strings.Repeat("x", 2<<20))
		}, pylon.ErrBody, 1},
		"an endless event": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, strings.Repeat("data: "+strings.Repeat("x", 1<<10)+"\n", 2<<10))
		}, pylon.ErrBody, 1},
	} {
		s := serve(t, test.handler)
		var got []error
		for _, err := range connect(t, config(s.URL)).Unstable().Events(t.Context()) {
			got = append(got, err)
		}
		if len(got) != 1 || !errors.Is(got[0], test.want) || len(s.all()) != test.asked {
			t.Errorf("%s: %v after %d requests", name, got, len(s.all()))
		}
	}
}

func TestEventsEndWithTheirContextAndTheirClient(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, aStream)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	client := connect(t, config(s.URL))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range client.Unstable().Events(ctx) {
		if err != nil {
			t.Errorf("after the end of the context: %v", err)
		}
		cancel()
	}
	var last error
	for event, err := range client.Unstable().Events(t.Context()) {
		if last = err; event.Kind == pylon.EventEpoch {
			if err := client.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !errors.Is(last, pylon.ErrClosed) {
		t.Errorf("after the client was closed: %v", last)
	}
}
