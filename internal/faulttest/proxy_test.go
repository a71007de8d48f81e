package faulttest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/internal/faulttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends back what it gets.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

func dial(t *testing.T, p *faulttest.Proxy) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange sends a text and reads as many bytes back.
func exchange(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len(text))
	if _, err := io.ReadFull(c, b); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestForwards(t *testing.T) {
	t.Parallel()
	p := faulttest.NewProxy(t, echo(t))
	long := strings.Repeat("0123456789abcdef", 8<<10)
	if got := exchange(t, dial(t, p), long[:64<<10]); got != long[:64<<10] {
		t.Error("64 KiB came back changed")
	}
	if p.Accepted() != 1 {
		t.Errorf("%d connections, not 1", p.Accepted())
	}
}

func TestLatencyAndDrip(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]faulttest.Faults{
		"latency": {Latency: 60 * time.Millisecond},
		"jitter":  {Latency: 60 * time.Millisecond, Jitter: time.Millisecond},
		"drip":    {Drip: 10 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := faulttest.NewProxy(t, echo(t))
			c := dial(t, p)
			p.Set(f)
			began := time.Now()
			if got := exchange(t, c, "1234567"); got != "1234567" {
				t.Errorf("got %q", got)
			}
			if took := time.Since(began); took < 60*time.Millisecond {
				t.Errorf("took only %s", took)
			}
		})
	}
}

func TestFreezeHoldsEverything(t *testing.T) {
	t.Parallel()
	p := faulttest.NewProxy(t, echo(t))
	c := dial(t, p)
	exchange(t, c, "before")
	p.Set(faulttest.Faults{Freeze: true})
	if _, err := io.WriteString(c, "during"); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || !isTimeout(err) {
		t.Errorf("read %d bytes, %v", n, err)
	}
	p.Set(faulttest.Faults{})
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 6)
	if _, err := io.ReadFull(c, b); err != nil || string(b) != "during" {
		t.Errorf("after the freeze: %q, %v", b, err)
	}
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

func TestCutAfterLetsTheRestThrough(t *testing.T) {
	t.Parallel()
	p := faulttest.NewProxy(t, echo(t))
	c := dial(t, p)
	p.Set(faulttest.Faults{CutAfter: 4})
	if _, err := io.WriteString(c, "0123456789"); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c)
	if string(got) != "0123" {
		t.Errorf("%q came through, not the first four bytes", got)
	}
	exchange(t, dial(t, p), "works again")
}

func TestCutAndRefuse(t *testing.T) {
	t.Parallel()
	p := faulttest.NewProxy(t, echo(t))
	c := dial(t, p)
	exchange(t, c, "before")
	if p.Open() != 1 {
		t.Errorf("%d connections are open, not 1", p.Open())
	}
	p.Set(faulttest.Faults{Refuse: true})
	exchange(t, c, "still open")
	p.Cut()
	if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("reading from a cut connection: %v", err)
	}
	// The reset may come so early that not even the dial succeeds.
	refused, err := net.Dial("tcp", p.Addr())
	if err == nil {
		defer refused.Close()
		if err := refused.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		_, err = refused.Read(make([]byte, 1))
	}
	if err == nil || isTimeout(err) {
		t.Errorf("a refused connection: %v", err)
	}
}

func TestBefore(t *testing.T) {
	t.Parallel()
	p := faulttest.NewProxy(t, echo(t))
	c := dial(t, p)
	p.Set(faulttest.Faults{Before: faulttest.Bytes("garbage\n")})
	if _, err := io.WriteString(c, "one\ntwo\n"); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(c)
	for _, want := range []string{"garbage\n", "one\n", "two\n"} {
		if got, err := r.ReadString('\n'); err != nil || got != want {
			t.Errorf("got %q, %v, not %q", got, err, want)
		}
	}
}

// The frames are read by a WebSocket library, which knows what is well formed.
func TestFrames(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		for {
			kind, b, err := ws.Read(context.Background())
			if err != nil || ws.Write(context.Background(), kind, b) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	p := faulttest.NewProxy(t, server.URL)
	ws, _, err := websocket.Dial(t.Context(), p.URL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.CloseNow() })
	ws.SetReadLimit(1 << 20)
	long := `{"x":"` + strings.Repeat("0", 70_000)
	for _, c := range []struct {
		write func(io.Writer) error
		want  string
	}{
		{faulttest.Frame("short"), "short"},
		{faulttest.Frame(long[:200]), long[:200]},
		{faulttest.LargeFrame(`{"x":"`, int64(len(long))), long},
		{faulttest.Fragments("a", "b", "c"), "abc"},
	} {
		p.Set(faulttest.Faults{Before: c.write})
		if err := ws.Write(t.Context(), websocket.MessageText, []byte("end")); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{c.want, "end"} {
			_, got, err := ws.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want {
				t.Errorf("got %.40q (%d bytes), not %.40q (%d bytes)", got, len(got), want, len(want))
			}
		}
	}
}

var held []byte

func TestCosts(t *testing.T) { //nolint:paralleltest // looks at the memory of the whole process
	if n := faulttest.Allocated(func() { held = make([]byte, 8<<20) }); n < 8<<20 {
		t.Errorf("allocated %d bytes, not at least 8 MiB", n)
	}
	if n := faulttest.Kept(func() { held = nil }); n > -8<<20+64<<10 {
		t.Errorf("kept %d bytes after freeing 8 MiB", n)
	}
}
