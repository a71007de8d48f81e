package axon_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
)

func streaming(forward func(context.Context, *Dummy, *axon.Stream) error, options ...axon.Options[*Dummy]) func(*axon.Axon) error {
	return func(a *axon.Axon) error { return axon.AttachStream(a, forward, options...) }
}

func TestConformance063Stream(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		next := make(chan struct{})
		_, address := serve(t, axon.Config{Mode: mode}, streaming(func(ctx context.Context, m *Dummy, s *axon.Stream) error {
			m.Axon.SetStatus(201, "whatever it says here") // the status line is 200
			for _, piece := range []string{"one ", "two ", "three"} {
				if _, err := s.WriteString(piece); err != nil {
					return err
				}
				<-next
			}
			return nil
		}))
		r := build(t, &Dummy{Input: 41}, time.Now().UnixNano())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+r.path, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header = r.header
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		got := answer{header: response.Header}
		if response.StatusCode != http.StatusOK || got.get("content-type") != "text/event-stream" || got.get("bt_header_axon_status_code") != "201" ||
			got.get("name") != "Dummy" || got.get("bt_header_axon_process_time") == "" || len(response.TransferEncoding) != 1 || response.TransferEncoding[0] != "chunked" {
			t.Errorf("%d %v %v", response.StatusCode, response.TransferEncoding, response.Header)
		}
		// Each piece arrives before the next one is made.
		reader := bufio.NewReader(response.Body)
		for _, want := range []string{"one ", "two ", "three"} {
			piece := make([]byte, len(want))
			if _, err := io.ReadFull(reader, piece); err != nil || string(piece) != want {
				t.Errorf("%q, %v, want %q", piece, err, want)
			}
			next <- struct{}{}
		}
		if rest, err := io.ReadAll(reader); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

func TestStreamFailures(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, mode axon.Mode) {
		var forward func(m *Dummy, s *axon.Stream) error
		_, address := serve(t, axon.Config{Mode: mode}, streaming(func(_ context.Context, m *Dummy, s *axon.Stream) error { return forward(m, s) }))
		send := func() (answer, error) {
			return build(t, &Dummy{Input: 1}, time.Now().UnixNano()).try(t.Context(), address)
		}

		// Before the first piece: an answer like any other.
		forward = func(*Dummy, *axon.Stream) error { return &axon.Error{Code: http.StatusConflict, Message: "busy"} }
		if got, err := send(); err != nil || got.status != http.StatusConflict || got.body != `{"message":"busy"}` {
			t.Errorf("%+v, %v", got, err)
		}
		forward = func(*Dummy, *axon.Stream) error { panic("before") }
		if got, err := send(); err != nil || got.status != http.StatusInternalServerError {
			t.Errorf("%+v, %v", got, err)
		}
		forward = func(m *Dummy, s *axon.Stream) error {
			m.Axon.SetStatus(7, "no status")
			_, err := s.WriteString("x")
			return err
		}
		if got, err := send(); err != nil || got.status != http.StatusInternalServerError {
			t.Errorf("%+v, %v", got, err)
		}
		// Nothing at all is an empty stream.
		forward = func(*Dummy, *axon.Stream) error { return nil }
		if got, err := send(); err != nil || got.status != http.StatusOK || got.body != "" || got.get("content-type") != "text/event-stream" {
			t.Errorf("%+v, %v", got, err)
		}
		// Midway: a strict axon hangs up, so that the caller knows.
		for _, fail := range []func() error{func() error { return errors.New("no more tokens") }, func() error { panic("midway") }} {
			forward = func(_ *Dummy, s *axon.Stream) error {
				if _, err := s.WriteString("piece"); err != nil {
					return err
				}
				return fail()
			}
			got, err := send()
			if mode == axon.Strict && err == nil {
				t.Errorf("the answer looks complete: %+v", got)
			}
		}
	})
}

// The checks are those of every message.
func TestStreamIsVerified(t *testing.T) {
	t.Parallel()
	_, address := serve(t, axon.Config{}, streaming(func(context.Context, *Dummy, *axon.Stream) error { return nil }))
	r := build(t, &Dummy{Input: 1}, time.Now().UnixNano())
	if got := r.send(address); got.status != http.StatusOK {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := r.send(address); got.status != http.StatusUnauthorized || got.get("content-type") != "application/json" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
