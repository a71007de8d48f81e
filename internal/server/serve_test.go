package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// serve runs the server on a loopback address until the test ends.
func serve(tb testing.TB, f *fixture) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- f.Serve(ctx, listener) }()
	tb.Cleanup(func() {
		stop()
		if err := <-stopped; err != nil {
			tb.Errorf("stop: %v", err)
		}
	})
	return listener.Addr().String()
}

// pipeListener is a listener for connections in memory, which synctest can wait for.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	select {
	case <-l.closed:
	default:
		close(l.closed)
	}
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// dial connects to a listener.
func (l *pipeListener) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// running is a server in a synctest bubble.
type running struct {
	*fixture

	listener *pipeListener
	stop     context.CancelFunc
	stopped  chan error
}

func run(t *testing.T, change func(*Config)) *running {
	t.Helper()
	r := &running{fixture: newFixture(t, change), listener: newPipeListener(), stopped: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.stopped <- r.Serve(ctx, r.listener) }()
	return r
}

// request sends a GET on a connection and returns a reader for the answer.
func request(t *testing.T, conn net.Conn, path string) *bufio.Reader {
	t.Helper()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Error(err)
	}
	return bufio.NewReader(conn)
}

func response(t *testing.T, from *bufio.Reader) *http.Response {
	t.Helper()
	answer, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Error(err)
	}
	answer.Body = io.NopCloser(strings.NewReader(string(body)))
	return answer
}

func TestConformance136IdleConnectionsAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		conn := r.listener.dial()
		answers := request(t, conn, "/health")
		if got := response(t, answers); got.StatusCode != http.StatusOK {
			t.Errorf("first: %d", got.StatusCode)
		}
		for _, idle := range []time.Duration{6 * time.Second, 30 * time.Second, 74 * time.Second} {
			pass(idle)
			request(t, conn, "/health")
			if got := response(t, answers); got.StatusCode != http.StatusOK {
				t.Errorf("after %v: %d", idle, got.StatusCode)
			}
		}
		pass(76 * time.Second)
		if _, err := answers.ReadByte(); err == nil {
			t.Error("an idle connection is kept for ever")
		}
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestStopLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		release := make(chan struct{})
		r.chain.before = func(ctx context.Context, _ string) error {
			select {
			case <-release:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		idle := r.listener.dial()
		_ = response(t, request(t, idle, "/health"))
		busy := r.listener.dial()
		answer := request(t, busy, "/api/v1/block/latest")
		synctest.Wait()
		r.stop()
		synctest.Wait()
		if _, err := idle.Read(make([]byte, 1)); err == nil {
			t.Error("the idle connection is still open")
		}
		if !r.draining.Load() {
			t.Error("readiness does not know of the stop")
		}
		select {
		case err := <-r.stopped:
			t.Errorf("stopped with a request in flight: %v", err)
		default:
		}
		pass(20 * time.Second)
		close(release)
		got := response(t, answer)
		if got.StatusCode != http.StatusOK || !got.Close {
			t.Errorf("the request in flight: %d, close %v", got.StatusCode, got.Close)
		}
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		_ = busy.Close()
	})
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(c *Config) { c.DrainTimeout = 5 * time.Second })
		ended := make(chan error, 1)
		r.chain.before = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			ended <- ctx.Err()
			return ctx.Err()
		}
		conn := r.listener.dial()
		// While a body is still to come, net/http does not notice that the connection is closed.
		if _, err := io.WriteString(conn, "GET /api/v1/block/latest HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		began := time.Now()
		r.stop()
		err := <-r.stopped
		if err == nil || !strings.Contains(err.Error(), "still in flight") {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took < 5*time.Second || took > 6*time.Second {
			t.Errorf("the stop took %v", took)
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the read ended with %v", err)
		}
		_ = conn.Close()
	})
}

func TestLongRequestsOutliveTheTimeoutsOfTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, nil)
		r.chain.before = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(295 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		conn := r.listener.dial()
		if _, err := io.WriteString(conn, "GET /api/v1/block/latest HTTP/1.1\r\nHost: a\r\nX-Pylon-Timeout: 300\r\n\r\n"); err != nil {
			t.Error(err)
		}
		if got := response(t, bufio.NewReader(conn)); got.StatusCode != http.StatusOK {
			t.Errorf("got %d", got.StatusCode)
		}
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	})
}

func TestTheTimeOfABodyDoesNotCutOffItsAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(c *Config) { c.LegacyLogin = true })
		r.routes.find(loginPath, new([maxParams]string)).route(http.MethodPost).answer = func(x *exchange) error {
			body, err := x.readBody()
			if err != nil {
				return err
			}
			select {
			case <-time.After(50 * time.Second):
				x.writeJSON(http.StatusCreated, body)
				return nil
			case <-x.ctx.Done():
				return x.ctx.Err()
			}
		}
		conn := r.listener.dial()
		if _, err := io.WriteString(conn, "POST "+loginPath+" HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			t.Error(err)
		}
		if got := response(t, bufio.NewReader(conn)); got.StatusCode != http.StatusCreated {
			t.Errorf("got %d", got.StatusCode)
		}
		r.stop()
		if err := <-r.stopped; err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	})
}

func TestSlowClientsAreCutOff(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		send string
		most time.Duration
	}{
		"headers that never end":       {"GET /health HTTP/1.1\r\nHost: a\r\nX-", 11 * time.Second},
		"nothing at all":               {"", 11 * time.Second},
		"a body that never ends":       {"POST " + loginPath + " HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{", 31 * time.Second},
		"a body that nobody asked for": {"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{", 31 * time.Second},
		"a body for an unknown path":   {"GET /nope HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{", 31 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(c *Config) { c.LegacyLogin = true })
				conn := r.listener.dial()
				began := time.Now()
				if _, err := io.WriteString(conn, test.send); err != nil {
					t.Error(err)
				}
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > test.most {
					t.Errorf("cut off after %v", took)
				}
				r.stop()
				if err := <-r.stopped; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestListenerThatFailsEndsServe(t *testing.T) {
	t.Parallel()
	f := newFixture(t, nil)
	listener := newPipeListener()
	_ = listener.Close()
	if err := f.Serve(t.Context(), listener); !errors.Is(err, net.ErrClosed) {
		t.Errorf("error %v", err)
	}
}
