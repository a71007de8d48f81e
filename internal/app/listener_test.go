package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/server"
)

// slowReader is a chain whose newest block is not known before the test says so.
type slowReader struct {
	server.ChainReader
	asked  chan struct{} // one element for each reader that waits
	answer chan struct{} // closed to let them go
}

func (r *slowReader) LatestBlock(ctx context.Context) (*pylon.BlockInfo, error) {
	r.asked <- struct{}{}
	select {
	case <-r.answer:
		return &pylon.BlockInfo{Number: 7, Hash: "0x" + strings.Repeat("ab", 32)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type noRecent struct{ server.RecentReader }

func listen(t *testing.T, reader *slowReader, drain time.Duration) *listener {
	t.Helper()
	service, err := server.New(server.Config{
		Chain: reader, Recent: noRecent{}, DrainTimeout: drain, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{server: service, address: "127.0.0.1:0", ended: make(chan struct{})}
	if err := l.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// fetch makes a request on a connection of its own, and returns the status and the body or the error.
func fetch(ctx context.Context, url string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err.Error()
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(response.StatusCode, " ", string(body))
}

func TestRequestInFlightIsAnsweredDuringTheStop(t *testing.T) {
	t.Parallel()
	reader := &slowReader{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	l := listen(t, reader, time.Minute)
	answered := make(chan string, 1)
	go func() { answered <- fetch(t.Context(), l.url()+"/api/v1/block/latest") }()
	<-reader.asked

	stopped := make(chan error, 1)
	go func() { stopped <- l.stop(t.Context()) }()
	// The stop has begun when new connections are refused; the request is still there.
	for {
		if got := fetch(t.Context(), l.url()+"/health"); strings.Contains(got, "refused") {
			break
		}
	}
	select {
	case err := <-stopped:
		t.Fatalf("the stop did not wait for the request: %v", err)
	case got := <-answered:
		t.Fatalf("the request did not wait for the chain: %s", got)
	default:
	}
	close(reader.answer)
	if got := <-answered; !strings.HasPrefix(got, `200 {"number":7,`) {
		t.Errorf("the request got %s", got)
	}
	if err := <-stopped; err != nil {
		t.Errorf("the stop: %v", err)
	}
}

func TestRequestThatNeverEndsIsCutOff(t *testing.T) {
	t.Parallel()
	reader := &slowReader{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	l := listen(t, reader, 50*time.Millisecond)
	answered := make(chan string, 1)
	go func() { answered <- fetch(t.Context(), l.url()+"/api/v1/block/latest") }()
	<-reader.asked
	if err := l.stop(t.Context()); err == nil || !strings.Contains(err.Error(), "still in flight") {
		t.Errorf("the stop: %v", err)
	}
	if got := <-answered; strings.HasPrefix(got, "200") {
		t.Errorf("the request got %s", got)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	first := listen(t, new(slowReader), time.Second)
	second := &listener{server: first.server, address: strings.TrimPrefix(first.url(), "http://"), ended: make(chan struct{})}
	if err := second.start(t.Context()); err == nil || !strings.Contains(err.Error(), "PYLON_UVICORN_PORT") || !strings.Contains(err.Error(), "address already in use") {
		t.Errorf("the second start: %v", err)
	}
	if err := second.stop(t.Context()); err != nil {
		t.Errorf("the stop of what did not start: %v", err)
	}
	if err := first.stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestURLIsOneThatClientsOnThisMachineCanUse(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0", ":0"} {
		l := listen(t, new(slowReader), time.Second)
		if err := l.stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		l = &listener{server: l.server, address: address, ended: make(chan struct{})}
		if l.url() != "" {
			t.Errorf("an address before the start: %s", l.url())
		}
		if err := l.start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := fetch(t.Context(), l.url()+"/health"); !strings.HasPrefix(l.url(), "http://127.0.0.1:") || !strings.HasPrefix(got, "200 ") {
			t.Errorf("%s is at %s, which answers %s", address, l.url(), got)
		}
		if err := l.stop(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
