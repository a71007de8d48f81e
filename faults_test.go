package pylon_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// raw starts a peer that speaks TCP and does what it wants with each connection.
func raw(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, conn)
			mu.Unlock()
			all.Go(func() { defer conn.Close(); handle(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		mu.Lock()
		for _, conn := range conns {
			conn.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return "http://" + listener.Addr().String()
}

// reply reads a request and answers with text.
func reply(text string) func(net.Conn) {
	return func(conn net.Conn) {
		reader := bufio.NewReader(conn)
		for {
			request, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if _, err := io.WriteString(conn, text); err != nil || strings.Contains(text, "close") {
				return
			}
		}
	}
}

func TestServicesThatStall(t *testing.T) {
	t.Parallel()
	for name, handle := range map[string]func(net.Conn){
		"in silence":       func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) },
		"in the header":    reply("HTTP/1.1 200 OK\r\nContent-"),
		"in the body":      reply("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
		"in an error body": reply("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\n{"),
	} {
		var repeats atomic.Int32
		c := config(raw(t, handle))
		c.Timeouts.Read = 50 * time.Millisecond
		c.Retry.Wait = func(int) time.Duration { repeats.Add(1); return 0 }
		_, err := connect(t, c).V1().LatestBlock(t.Context())
		var timeout *pylon.TimeoutError
		if !errors.As(err, &timeout) || timeout.Reason != pylon.TimeoutRead || !errors.Is(err, pylon.ErrRequest) {
			t.Errorf("%s: %v", name, err)
		}
		if repeats.Load() != 2 {
			t.Errorf("%s: %d repeats", name, repeats.Load())
		}
	}
}

func TestServicesThatBreakOffOrLie(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"at once":         "close",
		"in the header":   "HTTP/1.1 200 OK\r\nX: close",
		"in the body":     "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{",
		"no HTTP":         "220 smtp close\r\n",
		"a huge header":   "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("close", 1<<16) + "\r\n\r\n{}",
		"chunks of lies":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n",
		"a false gzip":    "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}",
		"a long length":   "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000\r\nConnection: close\r\n\r\n{}",
		"a broken length": "HTTP/1.1 200 OK\r\nContent-Length: -1\r\nConnection: close\r\n\r\n{}",
	} {
		_, err := connect(t, config(raw(t, reply(text)))).V1().LatestBlock(t.Context())
		if !errors.Is(err, pylon.ErrRequest) || errors.Is(err, pylon.ErrTimeout) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		piece := []byte(`{"x":"` + strings.Repeat("x", 1<<16))
		for {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
	c := config(s.URL)
	c.MaxAnswer = 1 << 20
	_, err := connect(t, c).V1().LatestBlock(t.Context())
	if !errors.Is(err, pylon.ErrBody) || len(s.all()) != 1 {
		t.Errorf("%v after %d requests", err, len(s.all()))
	}
}

func TestContextsEndCalls(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{}, 10)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	client := connect(t, config(s.URL))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if _, err := client.V1().LatestBlock(ctx); !errors.Is(err, context.Canceled) || !errors.Is(err, pylon.ErrRequest) {
		t.Errorf("cancelled: %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := client.V1().LatestBlock(ctx)
	var network net.Error
	if !errors.Is(err, pylon.ErrTimeout) || !errors.As(err, &network) || !network.Timeout() {
		t.Errorf("deadline: %v", err)
	}
	// One caller that gives up does not end the look-up of the others.
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := client.V1().Identity().LatestNeurons(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("identity: %v", err)
	}
	go func() { <-asked; <-asked; _ = client.Close() }()
	if _, err := client.V1().LatestBlock(t.Context()); !errors.Is(err, pylon.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestNoWaitThatCannotEnd(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "25")
		fail(w, 503, "busy")
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := connect(t, config(s.URL)).V1().LatestBlock(ctx); !errors.Is(err, pylon.ErrUnavailable) || ctx.Err() != nil {
		t.Errorf("error %v", err)
	}
}

func TestPoolAndConnectTimeouts(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 1)
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { entered <- struct{}{}; <-r.Context().Done() })
	c := config(s.URL)
	c.MaxConnections, c.Timeouts.Pool, c.Retry.Attempts = 1, 10*time.Millisecond, 1
	client := connect(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { _, _ = client.V1().LatestBlock(ctx) })
	<-entered
	_, err := client.V1().LatestBlock(t.Context())
	var timeout *pylon.TimeoutError
	if !errors.As(err, &timeout) || timeout.Reason != pylon.TimeoutPool || err.Error() != "pylon: request to Pylon API timed out (pool) after 0.01s" {
		t.Errorf("pool: %v", err)
	}
	cancel()
	all.Wait()
}

func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	c := config(raw(t, func(net.Conn) {}))
	c.Timeouts.Connect = time.Nanosecond
	_, err := connect(t, c).V1().LatestBlock(t.Context())
	var timeout *pylon.TimeoutError
	if !errors.As(err, &timeout) || timeout.Reason != pylon.TimeoutConnect {
		t.Errorf("error %v", err)
	}
}

func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	address := raw(t, func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetReadBuffer(4096)
		var one [1]byte
		_, _ = io.ReadFull(conn, one[:])
		<-t.Context().Done() // reads no more
	})
	c := config(address)
	c.Timeouts.Write, c.Retry.Attempts, c.IdentityName, c.IdentityToken = 50*time.Millisecond, 1, "", ""
	abi := make([]pylon.ABIEntry, 1<<20)
	_, err := connect(t, c).Unstable().EVMLogs(t.Context(), "0x00", 1, 2, abi)
	var timeout *pylon.TimeoutError
	if !errors.As(err, &timeout) || timeout.Reason != pylon.TimeoutWrite {
		t.Errorf("error %v", err)
	}
}

func TestManyRequestsLeaveNoGoroutine(t *testing.T) {
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%100 == 0 {
			fail(w, 500, "now and then")
			return
		}
		answer(w, 200, aBlockInfo)
	})
	before := runtime.NumGoroutine()
	client, err := pylon.New(config(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	const requests, callers = 10_000, 20
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range requests / callers {
				_, _ = client.V1().LatestBlock(t.Context())
			}
		})
	}
	all.Wait()
	if n.Load() != requests {
		t.Errorf("%d requests", n.Load())
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	s.CloseClientConnections()
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > before {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
		}
		runtime.Gosched()
	}
}
