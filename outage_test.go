package pylon_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// transport answers requests below the identity's subnet, in the time of a synctest bubble.
type transport func(r *http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/identities") {
		return respond(200, "application/json", strings.NewReader(oneIdentity)), nil
	}
	return f(r)
}

func respond(status int, media string, body io.Reader) *http.Response {
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {media}}, Body: io.NopCloser(body),
	}
}

// stream is a body that has some events, each in a piece, and then nothing until its request ends.
func stream(r *http.Request, events ...string) *http.Response {
	return respond(200, "text/event-stream", &pieces{r.Context(), events})
}

type pieces struct {
	ctx  context.Context
	left []string
}

func (p *pieces) Read(into []byte) (int, error) {
	if len(p.left) == 0 {
		<-p.ctx.Done()
	}
	if p.ctx.Err() != nil {
		return 0, context.Cause(p.ctx)
	}
	n := copy(into, p.left[0])
	p.left = p.left[1:]
	return n, nil
}

const aHead = "id: r-1\nevent: head\ndata: " + aBlock + "\n\n"

var errRefused = errors.New("connection refused")

// What a reader does with an event may take any time: that is not the silence of the service.
func TestSlowReadersKeepTheirStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var streams int
		c := config("http://h")
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			streams++
			return stream(r, aHead, aHead), nil
		})
		var events int
		for event, err := range connect(t, c).Unstable().Identity().Events(t.Context()) {
			if err != nil || event.Kind != pylon.EventHead {
				t.Fatal(event, err)
			}
			<-time.After(time.Hour)
			if events++; events == 2 {
				break
			}
		}
		if streams != 1 {
			t.Errorf("%d streams", streams)
		}
		// A service that is silent while it is listened to is left.
		began := time.Now()
		for _, err := range connect(t, c).Unstable().Events(t.Context()) {
			if events++; err != nil || events == 5 {
				break
			}
		}
		if after := time.Since(began); after < 45*time.Second || after > 50*time.Second || streams != 3 {
			t.Errorf("after %v, %d streams", after, streams)
		}
	})
}

// A service that is restarted is waited for, but not for ever.
func TestEventsOutliveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away time.Time
		var back time.Duration
		c := config("http://h")
		c.Transport = transport(func(r *http.Request) (*http.Response, error) {
			switch {
			case away.IsZero():
				away = time.Now()
				return respond(200, "text/event-stream", strings.NewReader(aHead)), nil
			case time.Since(away) > back:
				if r.Header.Get("Last-Event-ID") != "r-1" {
					t.Errorf("header %v", r.Header)
				}
				return stream(r, aHead), nil
			case time.Since(away) > back/2: // by what is in front of it
				return respond(502, "text/html", strings.NewReader("<html>")), nil
			default:
				return nil, errRefused
			}
		})
		read := func() (events int, last error) {
			away = time.Time{}
			for _, err := range connect(t, c).Unstable().Events(t.Context()) {
				if err != nil {
					return events, err
				}
				if events++; events == 2 {
					break
				}
			}
			return events, nil
		}
		back = 50 * time.Second
		if events, err := read(); events != 2 || err != nil {
			t.Errorf("after a restart: %d events, %v", events, err)
		}
		back = time.Hour
		if events, err := read(); events != 1 || !errors.Is(err, pylon.ErrRequest) || time.Since(away) < time.Minute || time.Since(away) > 2*time.Minute {
			t.Errorf("after an hour: %d events, %v, after %v", events, err, time.Since(away))
		}
		c.Outage = -1
		if events, err := read(); events != 1 || !errors.Is(err, pylon.ErrRequest) || time.Since(away) > time.Second {
			t.Errorf("not waited for: %d events, %v, after %v", events, err, time.Since(away))
		}
	})
}

func TestWaitsOutliveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var back time.Duration
		c := config("http://h")
		c.Transport = transport(func(*http.Request) (*http.Response, error) {
			switch after := time.Since(began); {
			case after < 10*time.Second:
				return respond(200, "application/json", strings.NewReader(intentText("awaiting_reveal", 1))), nil
			case after < back:
				return nil, errRefused
			default:
				return respond(200, "application/json", strings.NewReader(intentText("revealed", 2))), nil
			}
		})
		wait := func() (*pylon.Intent, error) {
			began = time.Now()
			return connect(t, c).Unstable().Identity().WaitForWeights(t.Context(), "i1", pylon.WaitRevealed)
		}
		back = time.Minute
		if intent, err := wait(); err != nil || intent.State != pylon.StateRevealed {
			t.Errorf("after a restart: %+v, %v", intent, err)
		}
		back = time.Hour
		if _, err := wait(); !errors.Is(err, pylon.ErrRequest) || time.Since(began) > 2*time.Minute {
			t.Errorf("after an hour: %v, after %v", err, time.Since(began))
		}
		c.Outage = -1
		if _, err := wait(); !errors.Is(err, pylon.ErrRequest) || time.Since(began) > 15*time.Second {
			t.Errorf("not waited for: %v, after %v", err, time.Since(began))
		}
		// Of an intent that was never seen nothing is expected.
		c.Outage, back = 0, time.Hour
		began = began.Add(-time.Minute)
		client := connect(t, c)
		if _, err := client.Unstable().Identity().WaitForWeights(t.Context(), "i1", pylon.WaitRevealed); !errors.Is(err, pylon.ErrRequest) {
			t.Errorf("never seen: %v", err)
		}
	})
}

// A client that was closed and opened again asks anew, and does not take over a question whose answer nobody will hear.
func TestLookUpsEndWithTheirSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{}, 2)
		var first bool
		c := config("http://h")
		c.Transport = lookups(func(r *http.Request) (*http.Response, error) {
			switch {
			case !strings.HasSuffix(r.URL.Path, "/identities"):
				return respond(200, "application/json", strings.NewReader(noNeurons)), nil
			case !first:
				first = true
				asked <- struct{}{}
				<-r.Context().Done()
				time.Sleep(time.Second) //nolint:forbidigo // of the bubble's clock
				return nil, r.Context().Err()
			default:
				return respond(200, "application/json", strings.NewReader(oneIdentity)), nil
			}
		})
		client := connect(t, c)
		ended := make(chan error, 1)
		go func() {
			_, err := client.V1().Identity().LatestNeurons(t.Context())
			ended <- err
		}()
		<-asked
		if err := errors.Join(client.Close(), client.Open()); err != nil {
			t.Fatal(err)
		}
		if _, err := client.V1().Identity().LatestNeurons(t.Context()); err != nil {
			t.Errorf("after it was opened again: %v", err)
		}
		if err := <-ended; !errors.Is(err, pylon.ErrClosed) {
			t.Errorf("what was asked before it was closed: %v", err)
		}
	})
}

// lookups answers all requests.
type lookups func(r *http.Request) (*http.Response, error)

func (f lookups) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestDeadlinesThatAreOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Hour))
	defer cancel()
	_, err := connect(t, config("http://h")).V1().LatestBlock(ctx)
	if !errors.Is(err, pylon.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "-") {
		t.Errorf("error %v", err)
	}
}
