package devchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
)

func TestHTTP(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.Limits.RequestBytes, c.Limits.ResponseBytes, c.Limits.Batch = 1000, 900, 3 })
	start(t, c)
	produce(t, c, 1)
	const call = `{"jsonrpc":"2.0","id":1,"method":"chain_getFinalizedHead"}`
	final := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"result":"%v"}`, c.Finalized().Hash)
	for _, test := range []struct {
		name, kind, body string
		status           int
		want             string
	}{
		{"call", "application/json", call, 200, final},
		{"with a charset", "application/json; charset=utf-8", " \n" + call, 200, final},
		{"batch", "application/json", "[" + call + "," + call + "]", 200, "[" + final + "," + final + "]"},
		{"big batch", "application/json", "[" + strings.Repeat(call+",", 3) + call + "]", 200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32010,"message":"The batch request was too large","data":"Exceeded max limit of 3"}}`},
		{"big answer", "application/json", `{"jsonrpc":"2.0","id":1,"method":"rpc_methods"}`, 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32008,"message":"Response is too big","data":"Exceeded max limit of 900"}}`},
		{"notification", "application/json", `{"jsonrpc":"2.0","method":"chain_getFinalizedHead"}`, 200, ""},
		{"subscription", "application/json", `{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}`, 200, `{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Internal error"}}`},
		{"other type", "text/plain", call, 415, "Supplied content type is not allowed. Content-Type: application/json is required"},
		{"too big", "application/json", strings.Repeat(" ", 1001), 413, "Request is too big"},
		{"empty", "application/json", "", 200, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error"}}`},
	} {
		status, body := post(t, c.HTTPURL(), test.kind, strings.NewReader(test.body))
		if status != test.status || body != test.want {
			t.Errorf("%s: %d %s", test.name, status, body)
		}
	}
	big := fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"state_getStorage","params":[%q]}`, strings.Repeat("00", 400))
	if _, body := post(t, c.HTTPURL(), "application/json", strings.NewReader("["+strings.Repeat(call+",", 2)+big+"]")); !strings.Contains(body, "result") {
		t.Errorf("batch within the limit: %s", body)
	}
	for _, get := range []struct {
		path   string
		status int
	}{{"/health", 200}, {"/", 405}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.HTTPURL()+get.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := do(t, request); status != get.status {
			t.Errorf("GET %s: %d %s", get.path, status, body)
		}
	}
}

// A message over the limit ends a WebSocket connection, as it does on a node.
func TestWebSocketRequestLimit(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.Limits.RequestBytes = 1000 })
	start(t, c)
	ws := dial(t, c.URL())
	ws.send(strings.Repeat(" ", 1001))
	if _, err := ws.read(); websocket.CloseStatus(err) != websocket.StatusMessageTooBig {
		t.Errorf("error %v", err)
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())

	var seen json.RawMessage
	c.Hook("chain_getHead", func(_ context.Context, call *Call) { seen = bytes.Clone(call.Params) }) // an alias
	var hash string
	ws.result("chain_getBlockHash", "[0]", &hash)
	if string(seen) != "[0]" || hash != c.Genesis().Hash.String() {
		t.Errorf("the hook saw %s, the client %s", seen, hash)
	}
	c.Hook("chain_getBlockHash", Fail(-32000, "try later"))
	if a := ws.ask("chain_getBlockHash", "[0]"); a.Error == nil || a.Error.Code != -32000 || a.Error.Message != "try later" {
		t.Errorf("answer %v", a)
	}
	c.Hook("chain_getBlockHash", First(1, Answer("0x12")))
	ws.result("chain_getBlockHash", "[0]", &hash)
	if hash != "0x12" {
		t.Errorf("answer %s", hash)
	}
	ws.result("chain_getBlockHash", "[0]", &hash)
	if hash != c.Genesis().Hash.String() {
		t.Errorf("the hook ran twice: %s", hash)
	}
	// A method that the node does not have, and all that have no hook.
	c.Hook("author_signExtrinsic", Answer(true))
	c.Hook("*", Fail(1, "nothing works"))
	var ok bool
	ws.result("author_signExtrinsic", "[]", &ok)
	if a := ws.ask("system_name", "[]"); a.Error == nil || a.Error.Message != "nothing works" {
		t.Errorf("answer %v", a)
	}
	c.Hook("*", nil)
	ws.result("system_name", "[]", new(string))
	c.Hook("system_name", Answer(func() {})) // cannot be written
	if a := ws.ask("system_name", "[]"); a.Error == nil || a.Error.Code != codeInternalError {
		t.Errorf("answer %v", a)
	}
	want := map[string]int{"chain_getBlockHash": 4, "system_name": 3, UnknownMethod: 1}
	if diff := cmp.Diff(want, c.Calls()); diff != "" {
		t.Error(diff)
	}
}

// What a hook does to the message arrives as it is.
func TestMangledAnswers(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	const call = `{"jsonrpc":"2.0","id":3,"method":"system_chain"}`
	const answer = `{"jsonrpc":"2.0","id":3,"result":"Development"}`
	for name, test := range map[string]struct {
		hook Hook
		want string
	}{
		"garble":   {Garble(), "<garbled>" + answer[len(answer)/2:]},
		"truncate": {Truncate(), answer[:len(answer)/2]},
		"wrong id": {WrongID(), `{"id":4611686018427387904,"jsonrpc":"2.0","result":"Development"}`},
		"enlarge":  {Enlarge(1000), answer + strings.Repeat(" ", 1000-len(answer))},
		"delay":    {Delay(time.Millisecond), answer},
	} {
		c.Hook("system_chain", test.hook)
		ws.send(call)
		message, err := ws.read()
		if err != nil || string(message) != test.want {
			t.Errorf("%s: %s, %v", name, message, err)
		}
		if _, body := post(t, c.HTTPURL(), "application/json", strings.NewReader(call)); body != strings.TrimSpace(test.want) {
			t.Errorf("%s over HTTP: %s", name, body)
		}
	}
}

// Calls that wait do not hold up others, and end with the connection.
func TestSilentAndWaitingCalls(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	c.Hook("system_chain", Silence())
	release, entered := make(chan struct{}), make(chan struct{})
	c.Hook("system_version", func(ctx context.Context, call *Call) {
		close(entered)
		Until(release)(ctx, call)
	})
	ws := dial(t, c.URL())
	ws.send(`{"jsonrpc":"2.0","id":1,"method":"system_chain"}`)
	ws.send(`{"jsonrpc":"2.0","id":2,"method":"system_version"}`)
	ws.send(`{"jsonrpc":"2.0","id":3,"method":"system_name"}`)
	if message, err := ws.read(); err != nil || !bytes.Contains(message, []byte(`"id":3`)) {
		t.Fatalf("%s, %v", message, err)
	}
	<-entered
	close(release)
	if message, err := ws.read(); err != nil || !bytes.Contains(message, []byte(`"id":2`)) {
		t.Fatalf("%s, %v", message, err)
	}
	// Over HTTP nothing is said at all until the client gives up.
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.HTTPURL(), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"system_chain"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	c.Hook("system_chain", func(_ context.Context, call *Call) {
		call.Silent = true
		cancel()
	})
	response, err := http.DefaultClient.Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	// Closing does not wait for a hook that waits for ever.
	c.Hook("system_version", Until(nil))
	ws.send(`{"jsonrpc":"2.0","id":4,"method":"system_version"}`)
	await(t, "the call arrives", func() bool { return c.Calls()["system_version"] == 2 })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// The connection ends after exactly that many bytes, wherever in the message that
// is: in the frame's header, in the middle, or before the first byte.
func TestCut(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	const body = `{"jsonrpc":"2.0","id":1,"result":"Development"}`
	frame := append([]byte{0x81, byte(len(body))}, body...)
	for n := range frame {
		c.Hook("system_chain", CutAfter(n))
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.URL(), "ws://"))
		if err != nil {
			t.Fatal(err)
		}
		call := []byte(`{"jsonrpc":"2.0","id":1,"method":"system_chain"}`)
		handshake := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
		masked := append([]byte{0x81, 0x80 | byte(len(call)), 0, 0, 0, 0}, call...)
		if _, err := conn.Write(append([]byte(handshake), masked...)); err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(patience))
		all, err := io.ReadAll(conn)
		_ = conn.Close()
		_, got, ok := bytes.Cut(all, []byte("\r\n\r\n"))
		if !ok || !bytes.Equal(got, frame[:n]) {
			t.Fatalf("cut after %d: %q, %v", n, all, err)
		}
	}
	c.Hook("system_chain", CutAfter(10))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.HTTPURL(), strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"system_chain"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("cut over HTTP: %q, %v", got, err)
	}
	_ = response.Body.Close()
}

// Notifications can be held back and spoilt like answers.
func TestNotificationHook(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	id := ws.subscribe("chain_subscribeNewHeads", "[]")
	ws.numbers(1, "chain_newHead", id)
	swallowed := make(chan struct{})
	c.Hook("chain_newHead", func(_ context.Context, call *Call) {
		call.Silent = true
		close(swallowed)
	})
	produce(t, c, 1)
	<-swallowed
	c.Hook("chain_newHead", nil)
	produce(t, c, 1)
	if diff := cmp.Diff([]string{"0x2"}, ws.numbers(1, "chain_newHead", id)); diff != "" {
		t.Error(diff)
	}
	c.Hook("chain_newHead", CutAfter(20))
	produce(t, c, 1)
	if _, err := ws.read(); err == nil {
		t.Error("the connection did not end")
	}
}

// A frozen node accepts connections and says nothing, then catches up.
func TestFreeze(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	id := ws.subscribe("chain_subscribeNewHeads", "[]")
	ws.numbers(1, "chain_newHead", id)
	c.Freeze()
	c.Freeze()
	ws.send(`{"jsonrpc":"2.0","id":9,"method":"system_chain"}`)
	produce(t, c, 3)
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(c.URL(), "ws://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !isTimeout(err) {
		t.Errorf("a frozen node said something: %v", err)
	}
	c.Unfreeze()
	c.Unfreeze()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Errorf("after thawing: %v", err)
	}
	got := map[string]bool{}
	for range 2 {
		message, err := ws.read()
		if err != nil {
			t.Fatal(err)
		}
		got[string(message[:20])] = true
		if n, ok := notification(message); ok && !bytes.Contains(n.Params.Result, []byte(`"number":"0x3"`)) {
			t.Errorf("notified of %s", n.Params.Result)
		}
	}
	if len(got) != 2 {
		t.Errorf("got %v, not an answer and a notification", got)
	}
	// Closing a frozen chain does not hang.
	c.Freeze()
	ws.send(`{"jsonrpc":"2.0","id":9,"method":"system_chain"}`)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestRefuseAndDrop(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	c.Refuse()
	if _, err := tryDial(t, c.URL()); err == nil {
		t.Error("connected to a node that refuses")
	}
	ws.result("system_name", "[]", new(string)) // an open connection stays
	if n := c.DropConnections(); n != 1 {
		t.Errorf("dropped %d connections", n)
	}
	if _, err := ws.read(); err == nil {
		t.Error("the connection did not end")
	}
	c.Accept()
	dial(t, c.URL()).result("system_name", "[]", new(string))
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.Limits.Connections = 2 })
	start(t, c)
	first := dial(t, c.URL())
	dial(t, c.URL())
	if _, err := tryDial(t, c.URL()); err == nil {
		t.Error("a third connection")
	}
	_ = first.ws.CloseNow()
	await(t, "a place", func() bool { return c.Connections() < 2 })
	dial(t, c.URL()).result("system_name", "[]", new(string))
}

// Nodes of one chain differ in what they have seen.
func TestStuckAndForkedNodes(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	other, err := c.AddNode(NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	ws := dial(t, other.URL())
	id := ws.subscribe("chain_subscribeNewHeads", "[]")
	ws.numbers(1, "chain_newHead", id)
	stuck := produce(t, c, 4)
	ws.numbers(4, "chain_newHead", id)
	other.Hold()
	ahead := produce(t, c, 2)
	var header struct{ Number string }
	ws.result("chain_getHeader", "[]", &header)
	if header.Number != "0x4" {
		t.Errorf("a stuck node is at %s", header.Number)
	}
	for _, unknown := range []string{
		fmt.Sprintf("chain_getHeader [%q]", ahead.Hash),
		"chain_getBlockHash [5]",
	} {
		method, params, _ := strings.Cut(unknown, " ")
		if a := ws.ask(method, params); a.Error != nil || string(a.Result) != "null" {
			t.Errorf("%s on a stuck node: %s, %v", unknown, a.Result, a.Error)
		}
	}
	if a := ws.ask("state_getStorage", fmt.Sprintf(`["0x00",%q]`, ahead.Hash)); a.Error == nil || a.Error.Code != 4003 || !strings.Contains(a.Error.Message, "Header was not found") {
		t.Errorf("state of an unseen block: %v", a.Error)
	}
	side := fork(t, c, stuck.Parent, 2)
	if err := other.Follow(side.Hash); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0x5"}, ws.numbers(1, "chain_newHead", id)); diff != "" {
		t.Error(diff)
	}
	var hash string
	ws.result("chain_getBlockHash", "[4]", &hash)
	if hash != side.Parent.String() {
		t.Errorf("block 4 of the fork is %s", hash)
	}
	ws.result("chain_getFinalizedHead", "[]", &hash)
	if final := c.Finalized(); hash != final.Hash.String() || final.Number != 3 {
		t.Errorf("final block %s, of the chain %d", hash, final.Number)
	}
	// A node can be put before what is final for the others.
	if err := other.Follow(c.Genesis().Hash); err != nil {
		t.Fatal(err)
	}
	ws.numbers(1, "chain_newHead", id)
	ws.result("chain_getFinalizedHead", "[]", &hash)
	if hash != c.Genesis().Hash.String() {
		t.Errorf("final block %s", hash)
	}
	other.Release()
	if diff := cmp.Diff([]string{"0x6"}, ws.numbers(1, "chain_newHead", id)); diff != "" {
		t.Error(diff)
	}
	if err := other.Follow(Hash{1}); err == nil {
		t.Error("followed a block that does not exist")
	}
}

// A client that reads nothing does not keep the node from closing.
func TestCloseWithFullSocket(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) {
		c.Runtime = &tiny{spec: 1, genesis: map[string]string{"a": strings.Repeat("x", 1<<19)}}
	})
	start(t, c)
	ws := dial(t, c.URL())
	for i := range 24 {
		ws.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"state_getStorage","params":["0x61"]}`, i))
	}
	await(t, "all calls arrive", func() bool { return c.Calls()["state_getStorage"] == 24 })
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// A client that stops reading is cut off after the write timeout.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) {
		c.Limits.WriteTimeout = 20 * time.Millisecond
		c.Runtime = &tiny{spec: 1, genesis: map[string]string{"a": strings.Repeat("x", 4<<20)}}
	})
	start(t, c)
	ws := dial(t, c.URL())
	for i := range 5 {
		ws.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"state_getStorage","params":["0x61"]}`, i))
	}
	await(t, "the connection ends", func() bool { return c.Connections() == 0 })
}
