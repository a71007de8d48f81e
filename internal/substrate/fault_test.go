package substrate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/faulttest"
)

// A node that answers garbage, cuts the socket in the middle of a frame, freezes, or sends a frame over the limit costs
// one clear error (or none, if another node can answer) and no goroutine, memory or later request.
//
// These tests look at the goroutines and the memory of the whole process, so they do not run in parallel.

const faultLimit = 1 << 20

// behindProxy starts a node behind a proxy.
func behindProxy(t *testing.T) (*scripted, *faulttest.Proxy) {
	t.Helper()
	node := newScripted(t, "a", 10)
	node.handle("echo", echo)
	server := httptest.NewServer(node)
	t.Cleanup(func() {
		node.drop()
		server.Close()
	})
	return node, faulttest.NewProxy(t, server.URL)
}

func impatient(t *testing.T, proxies ...*faulttest.Proxy) *Client {
	t.Helper()
	return impatientAbout(t, 800*time.Millisecond, 2*time.Second, proxies...)
}

// impatientAbout makes a client that waits so long for a pong and for an answer.
func impatientAbout(t *testing.T, pong, answer time.Duration, proxies ...*faulttest.Proxy) *Client {
	t.Helper()
	config := Config{
		CallTimeout:  answer,
		ConnectWait:  800 * time.Millisecond,
		DialTimeout:  500 * time.Millisecond,
		PingInterval: 200 * time.Millisecond,
		PingTimeout:  pong,
		BackoffMin:   time.Millisecond,
		BackoffMax:   5 * time.Millisecond,
		ReadLimit:    faultLimit,
	}
	for _, p := range proxies {
		config.Nodes = append(config.Nodes, p.URL())
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := c.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "all nodes are healthy", healthy(c))
	return c
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for !ok() {
		select {
		case <-deadline:
			t.Fatalf("still not: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func healthy(c *Client) func() bool {
	return func() bool {
		for _, s := range c.Nodes() {
			if s.State != NodeHealthy {
				return false
			}
		}
		return true
	}
}

// costs runs rounds of a fault and fails the test if goroutines or memory are left afterwards, with the client open.
func costs(t *testing.T, c *Client, rounds int, round func()) {
	t.Helper()
	round() // what is made once
	before := atRest(t, c)
	kept := faulttest.Kept(func() {
		for range rounds {
			round()
			until(t, "all nodes are healthy", healthy(c))
		}
		atRest(t, c)
	})
	if kept > 512<<10 {
		t.Errorf("%d bytes are kept after %d rounds", kept, rounds)
	}
	if after := atRest(t, c); after > before {
		stacks := make([]byte, 1<<20)
		t.Errorf("%d goroutines are left of %d:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// atRest waits until all nodes are healthy and the number of goroutines has not changed for a while, and returns it.
func atRest(t *testing.T, c *Client) int {
	t.Helper()
	last, same := 0, 0
	until(t, "at rest", func() bool {
		n := runtime.NumGoroutine()
		if n != last || !healthy(c)() {
			last, same = n, 0
		}
		same++
		return same > 20
	})
	return last
}

// nodeFault is a fault, and what it costs with one node alone: KindUnknown for nothing.
type nodeFault struct {
	name   string
	faults faulttest.Faults
	alone  Kind
	says   string
}

// rounds is how often a fault is repeated. A freeze takes a second each time.
func (f *nodeFault) rounds() int {
	if f.faults.Freeze {
		return 1
	}
	return 5
}

// pong is how long to wait for one: a machine that is busy with other tests is slow, but not here to be found out.
func (f *nodeFault) pong() time.Duration {
	if f.faults.Freeze {
		return 200 * time.Millisecond
	}
	return 800 * time.Millisecond
}

func TestFaults(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	for _, fault := range []nodeFault{
		{"garbage instead of frames", faulttest.Faults{Before: faulttest.Bytes("HTTP/1.1 500 Garbage\r\n\r\n")}, KindUnknown, ""},
		{"a frame of garbage", faulttest.Faults{Before: faulttest.Frame("\x00\x01garbage")}, KindMalformed, "not JSON-RPC"},
		{"half of an answer", faulttest.Faults{Before: faulttest.Frame(`{"jsonrpc":"2.0","id":1,"res`)}, KindMalformed, "ends in the middle"},
		{"an answer to nobody", faulttest.Faults{Before: faulttest.Frame(`{"jsonrpc":"2.0","id":999999999,"result":"x"}`)}, KindMalformed, "never sent"},
		{"brackets without end", faulttest.Faults{Before: faulttest.LargeFrame(`{"id":1,"result":`+strings.Repeat("[", 1<<19), faultLimit)}, KindMalformed, "too deeply"},
		{"garbage in fragments", faulttest.Faults{Before: faulttest.Fragments(`{"id"`, `:`, `]`)}, KindMalformed, "not JSON-RPC"},
		{"a cut in the middle of a frame", faulttest.Faults{CutAfter: 20}, KindUnknown, ""},
		{"a freeze", faulttest.Faults{Freeze: true}, KindTransport, ""},
		{"a frame over the limit", faulttest.Faults{Before: faulttest.LargeFrame(`{"result":"0x`, faultLimit+1)}, KindTooLarge, "over the limit of 1048576 bytes"},
		{"a frame of 1 GiB", faulttest.Faults{Before: faulttest.LargeFrame(`{"result":"0x`, 1<<30)}, KindTooLarge, "over the limit"},
		{"an answer over the limit to somebody else", faulttest.Faults{Before: faulttest.LargeFrame(`{"jsonrpc":"2.0","id":1,"result":"0x`, 1<<30)}, KindUnknown, ""},
		{"resets of the connection", faulttest.Faults{CutAfter: 1}, KindUnknown, ""},
	} {
		t.Run(fault.name, func(t *testing.T) {
			faulttest.Goroutines(t)
			_, first := behindProxy(t)
			_, second := behindProxy(t)

			t.Run("alone", func(t *testing.T) {
				c := impatientAbout(t, fault.pong(), 2*time.Second, first)
				seen := 0
				costs(t, c, fault.rounds(), func() {
					first.Set(fault.faults)
					defer first.Set(faulttest.Faults{})
					began := time.Now()
					got, err := question(t.Context(), c, "x")
					switch {
					case err == nil && got == "x":
						// None. A fault that happens once may also have hit a pong before the question.
					case fault.alone == KindUnknown || KindOf(err) != fault.alone || !strings.Contains(err.Error(), fault.says):
						t.Fatalf("%q, %v", got, err)
					default:
						seen++
					}
					if took := time.Since(began); took > 4*time.Second {
						t.Errorf("took %s", took)
					}
					first.Set(faulttest.Faults{})
					if got, err := question(t.Context(), c, "y"); got != "y" || err != nil {
						t.Fatalf("the next request: %q, %v", got, err)
					}
				})
				if seen == 0 && fault.alone != KindUnknown {
					t.Error("the fault was never seen")
				}
			})
			t.Run("beside another node", func(t *testing.T) {
				c := impatientAbout(t, fault.pong(), 2*time.Second, first, second)
				costs(t, c, fault.rounds(), func() {
					first.Set(fault.faults)
					defer first.Set(faulttest.Faults{})
					for range 3 {
						if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
							t.Fatalf("%q, %v", got, err)
						}
					}
				})
			})
		})
	}
}

// An answer over the limit is never in memory as a whole.
func TestTooLargeFrameIsNotRead(t *testing.T) { //nolint:paralleltest // looks at the memory of the process
	faulttest.Goroutines(t)
	_, proxy := behindProxy(t)
	c := impatient(t, proxy)
	proxy.Set(faulttest.Faults{Before: faulttest.LargeFrame(`{"result":"0x`, 1<<30)})
	if n := faulttest.Allocated(func() {
		if _, err := question(t.Context(), c, "x"); KindOf(err) != KindTooLarge {
			t.Error(err)
		}
	}); n > 8*faultLimit {
		t.Errorf("a frame of 1 GiB cost %d bytes, with a limit of %d", n, faultLimit)
	}
}

// Reading an answer allocates a small multiple of it.
func TestLargeAnswerAllocatesLittle(t *testing.T) { //nolint:paralleltest // looks at the memory of the process
	faulttest.Goroutines(t)
	node, proxy := behindProxy(t)
	c := impatient(t, proxy)
	answer := json.RawMessage(`"0x` + strings.Repeat("ab", 400<<10) + `"`)
	node.reply("state_call", answer)
	call := func() {
		if b, err := c.StateCall(t.Context(), Hash{1}, "x", nil); err != nil || len(b) != 400<<10 {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	call()
	node.handle("state_call", func(id uint64, _ []json.RawMessage) any { return json.RawMessage(`"0x"`) })
	overhead := faulttest.Allocated(func() { _, _ = c.StateCall(t.Context(), Hash{1}, "x", nil) })
	node.reply("state_call", answer)
	n := faulttest.Allocated(call)
	// The node of this test makes the answer in the same process: it marshals, prints and converts it.
	if limit := overhead + 10*uint64(len(answer)); n > limit {
		t.Errorf("an answer of %d bytes cost %d, more than %d", len(answer), n, limit)
	}
}

// The socket is cut after each number of bytes of an answer, and every call of many gets one answer, soon.
func TestCutAfterEveryByte(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	_, proxy := behindProxy(t)
	c := impatient(t, proxy)
	frame := len(`{"jsonrpc":"2.0","id":100,"result":"x"}`) + 2
	for after := 1; after <= frame; after++ {
		until(t, "the node is healthy", healthy(c))
		proxy.Set(faulttest.Faults{CutAfter: int64(after)})
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("after %d bytes: %q, %v", after, got, err)
		}
	}
}

func TestManyCallsAreCutAtOnce(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	node, proxy := behindProxy(t)
	node.handle("never", func(uint64, []json.RawMessage) any { return nil })
	c := impatient(t, proxy)
	c.mu.Lock()
	on := c.nodes[0].conn
	c.mu.Unlock()
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if _, err := on.call(context.Background(), "never", nil, nil); KindOf(err) != KindTransport {
				t.Error(err)
			}
		})
	}
	until(t, "all calls have arrived", func() bool { return node.count("never") == 100 })
	began := time.Now()
	proxy.Cut()
	group.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the last call failed after %s", took)
	}
}

// A node that has frozen is found by pings, left out, and comes back by itself when it goes on.
func TestFrozenNodeComesBack(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	_, first := behindProxy(t)
	_, second := behindProxy(t)
	c := impatient(t, first, second)
	first.Set(faulttest.Faults{Freeze: true})
	until(t, "the frozen node is left out", func() bool { return c.Nodes()[0].State == NodeConnecting })
	if s := c.Nodes()[0]; s.LastErrorKind != KindTransport || !strings.Contains(s.LastError.Error(), "frozen") {
		t.Errorf("%+v", s)
	}
	began := time.Now()
	for range 20 {
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("20 calls beside a frozen node took %s", took)
	}
	first.Set(faulttest.Faults{})
	until(t, "it is back", healthy(c))
}

// An answer that drips is waited for: the pongs behind it are late, but something arrives all the time.
func TestSlowAnswerIsNoFreeze(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	_, proxy := behindProxy(t)
	// Much more for the answer than the drips should take: on a busy machine each comes late.
	c := impatientAbout(t, 800*time.Millisecond, 30*time.Second, proxy)
	proxy.Set(faulttest.Faults{Drip: 2 * time.Millisecond})
	text := strings.Repeat("x", 80)
	if got, err := question(t.Context(), c, text); got != text || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if s := c.Nodes()[0]; s.Reconnects != 0 {
		t.Errorf("%+v", s)
	}
}

func TestSlowNodeBesideAnother(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	_, first := behindProxy(t)
	secondNode, second := behindProxy(t)
	c := impatient(t, first, second)
	first.Set(faulttest.Faults{Latency: 600 * time.Millisecond, Jitter: 50 * time.Millisecond})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := question(ctx, c, "x"); got != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if n := secondNode.count("echo"); n != 1 {
		t.Errorf("the quick node was asked %d times", n)
	}
}

func TestRefusedConnections(t *testing.T) { //nolint:paralleltest // counts the goroutines of the process
	faulttest.Goroutines(t)
	_, proxy := behindProxy(t)
	c := impatient(t, proxy)
	proxy.Set(faulttest.Faults{Refuse: true})
	proxy.Cut()
	began := time.Now()
	if _, err := question(t.Context(), c, "x"); KindOf(err) != KindTransport {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
	proxy.Set(faulttest.Faults{})
	if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// A server that answers the handshake with anything but a WebSocket.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(io.Writer) error{
		"no HTTP":           faulttest.Bytes("\x16\x03\x01\x02\x00garbage\r\n\r\n"),
		"headers for ever":  func(w io.Writer) error { return headers(w, 1<<20) },
		"another status":    faulttest.Bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
		"a wrong accept":    faulttest.Bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n"),
		"the end of stream": func(io.Writer) error { return io.ErrUnexpectedEOF },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, proxy := behindProxy(t)
			proxy.Set(faulttest.Faults{Before: before})
			c, err := New(Config{Nodes: []string{proxy.URL()}, BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Head(t.Context()); err != nil {
				t.Errorf("the second connection: %v", err)
			}
			if s := c.Nodes()[0]; s.LastErrorKind != KindTransport || s.LastError == nil {
				t.Errorf("%+v", s)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func headers(w io.Writer, n int) error {
	if _, err := io.WriteString(w, "HTTP/1.1 101 Switching Protocols\r\n"); err != nil {
		return err
	}
	for i := 0; i < n; i += 16 {
		if _, err := fmt.Fprintf(w, "x%012d: y\r\n", i); err != nil {
			return err
		}
	}
	return nil
}

// No answer, however it is made, is turned into many times its size.
func TestHostileAnswersAllocateLittle(t *testing.T) { //nolint:paralleltest // looks at the memory of the process
	const size = 1 << 20
	many := func(element string) string { return strings.Repeat(element+",", size/(len(element)+1)) + element }
	good := `"parentHash":"` + Hash{}.String() + `","number":"0x1","stateRoot":"` + Hash{}.String() + `","extrinsicsRoot":"` + Hash{}.String() + `"`
	keys := [][]byte{{0}}
	for name, c := range map[string]struct {
		answer string
		decode func([]byte) error
	}{
		"digest items":    {`{` + good + `,"digest":{"logs":[` + many(`"0x"`) + `]}}`, func(b []byte) error { _, err := decodeHeader(b); return err }},
		"members":         {`{` + many(`"":0`) + `}`, func(b []byte) error { _, err := decodeHeader(b); return err }},
		"extrinsics":      {`{"block":{"header":{` + good + `,"digest":{"logs":[]}},"extrinsics":[` + many(`"0x00"`) + `]}}`, func(b []byte) error { _, err := decodeBlock(b); return err }},
		"changes":         {`[{"block":"` + Hash{}.String() + `","changes":[` + many(`["0x00",null]`) + `]}]`, func(b []byte) error { _, err := decodeChanges(b, Hash{}, keys); return err }},
		"empty changes":   {`[{"block":"` + Hash{}.String() + `","changes":[` + many(`[]`) + `]}]`, func(b []byte) error { _, err := decodeChanges(b, Hash{}, keys); return err }},
		"sets":            {`[` + many(`{}`) + `]`, func(b []byte) error { _, err := decodeChanges(b, Hash{}, keys); return err }},
		"an error":        {`{"code":1,"message":"` + strings.Repeat("x", size) + `"}`, func(b []byte) error { return answeredError(b) }},
		"an error's data": {`{"code":1,"message":"x","data":[` + many(`[]`) + `]}`, func(b []byte) error { return answeredError(b) }},
		"a version":       {`{"specVersion":1,"specName":"x","apis":[` + many(`[]`) + `]}`, func(b []byte) error { _, err := decodeRuntimeVersion(b); return err }},
		"a long name":     {`{"specVersion":1,"specName":"` + strings.Repeat("x", size) + `"}`, func(b []byte) error { _, err := decodeRuntimeVersion(b); return err }},
		"a message":       {`{` + many(`"x":[]`) + `}`, func(b []byte) error { _, err := parseMessage(b); return err }},
		"hexadecimals":    {`"0x` + strings.Repeat("ab", size/2) + `"`, func(b []byte) error { _, err := decodeHex(b); return err }},
	} {
		b := []byte(c.answer)
		var err error
		n := faulttest.Allocated(func() { err = c.decode(b) })
		if limit := 4*uint64(len(b)) + 64<<10; n > limit {
			t.Errorf("%s: %d bytes cost %d, and give %.100v", name, len(b), n, err)
		}
	}
}
