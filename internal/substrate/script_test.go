package substrate

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
	"golang.org/x/crypto/blake2b"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scripted is a node that says what a test tells it to: a chain of headers, subscriptions to it, and an answer for each
// method.
type scripted struct {
	t testing.TB

	mu       sync.Mutex
	blocks   []string // headers by number, JSON
	hashes   []Hash
	final    int
	handlers map[string]handler
	calls    map[string]int
	sockets  map[*websocket.Conn]*scriptedSocket
	accepted int
	quiet    bool // heads are not told
	gate     *gate
	// bodies are the extrinsics of blocks, by number, after the first of each, when there are any at all.
	bodies map[int][][]byte
	// onSubscribe is called after a subscription; lie replaces the best header that is asked for.
	onSubscribe func()
	lie         func() string
}

// handler answers a call: with a value to be written as JSON, a rawFrame to be sent instead of an answer, an rpcError,
// or nil to say nothing.
type handler func(id uint64, params []json.RawMessage) any

type (
	rawFrame string
	// rawFrames are several; "+" joins the one before and the one after as fragments of one message, and "..." leaves the
	// message without an end.
	rawFrames []string
	rpcError  struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Data    any    `json:"data,omitempty"`
	}
	// jsonNull is an answer of null, which nil is not.
	jsonNull struct{}
)

func (jsonNull) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

type scriptedSocket struct {
	write   sync.Mutex
	heads   map[string]bool // subscription id -> finalised heads
	notices chan string     // in their order
}

// newScripted makes a node whose chain has genesis and height more blocks. Seed makes different chains.
func newScripted(t testing.TB, seed string, height int) *scripted {
	t.Helper()
	return newScriptedWith(t, seed, height, nil)
}

// newScriptedWith makes a node whose blocks hold extrinsics, which their headers speak of.
func newScriptedWith(t testing.TB, seed string, height int, bodies map[int][][]byte) *scripted {
	t.Helper()
	s := &scripted{t: t, gate: newGate(), bodies: bodies, handlers: make(map[string]handler), calls: make(map[string]int), sockets: make(map[*websocket.Conn]*scriptedSocket)}
	s.append(seed)
	for range height {
		s.append("")
	}
	s.final = max(0, height-2)
	return s
}

// append adds a block without telling anybody. The caller holds mu, or is alone.
func (s *scripted) append(salt string) Header {
	number := uint64(len(s.blocks))
	var parent Hash
	if number > 0 {
		parent = s.hashes[number-1]
	}
	root := blake2b.Sum256(binary.LittleEndian.AppendUint64([]byte(salt), number))
	extrinsics := Hash(root)
	if s.bodies != nil {
		extrinsics = extrinsicsRoot(bodyWith(int(number), s.bodies[int(number)]), number%2 == 1)
	}
	text := fmt.Sprintf(`{"parentHash":"%s","number":"0x%x","stateRoot":"%s","extrinsicsRoot":"%s","digest":{"logs":["0x0642414245"]}}`, parent, number, Hash(root), extrinsics)
	h, err := decodeHeader([]byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	s.blocks = append(s.blocks, text)
	s.hashes = append(s.hashes, h.Hash)
	return h
}

// produce adds n blocks and tells of each.
func (s *scripted) produce(n int) Header {
	var h Header
	for range n {
		s.mu.Lock()
		h = s.append("")
		s.final = max(0, len(s.blocks)-3)
		s.mu.Unlock()
		s.tellHeads()
	}
	return h
}

// produceAlong lets nodes make blocks in step, until the test ends.
func produceAlong(t *testing.T, every time.Duration, nodes ...*scripted) {
	t.Helper()
	go func() {
		for {
			select {
			case <-time.After(every):
			case <-t.Context().Done():
				return
			}
			for _, s := range nodes {
				s.produce(1)
			}
		}
	}()
}

// rewind drops blocks and replaces them, as after a reorganisation.
func (s *scripted) rewind(drop int, salt string, grow int) {
	s.mu.Lock()
	keep := len(s.blocks) - drop
	s.blocks, s.hashes = s.blocks[:keep], s.hashes[:keep]
	s.final = min(s.final, keep-1)
	for range grow {
		s.append(salt)
	}
	s.mu.Unlock()
	s.tellHeads()
}

func (s *scripted) head() Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header(len(s.blocks) - 1)
}

func (s *scripted) header(number int) Header {
	h, err := decodeHeader([]byte(s.blocks[number]))
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// tellHeads sends the best and the finalised head to all subscribers.
func (s *scripted) tellHeads() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.quiet {
		return
	}
	for _, socket := range s.sockets {
		s.tell(socket)
	}
}

func (s *scripted) tell(socket *scriptedSocket) {
	for id, finalized := range socket.heads {
		number, method := len(s.blocks)-1, "chain_newHead"
		if finalized {
			number, method = s.final, "chain_finalizedHead"
		}
		socket.notices <- fmt.Sprintf(`{"jsonrpc":"2.0","method":%q,"params":{"subscription":%q,"result":%s}}`, method, id, s.blocks[number])
	}
}

// announce sends any header to the subscribers of best heads.
func (s *scripted) announce(header string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, socket := range s.sockets {
		for id, finalized := range socket.heads {
			if !finalized {
				socket.notices <- fmt.Sprintf(`{"jsonrpc":"2.0","method":"chain_newHead","params":{"subscription":%q,"result":%s}}`, id, header)
			}
		}
	}
}

func (s *scripted) send(ws *websocket.Conn, socket *scriptedSocket, text string) {
	socket.write.Lock()
	defer socket.write.Unlock()
	_ = ws.Write(context.Background(), websocket.MessageText, []byte(text))
}

func (s *scripted) sendAll(ws *websocket.Conn, socket *scriptedSocket, frames rawFrames) {
	socket.write.Lock()
	defer socket.write.Unlock()
	for i := 0; i < len(frames); i++ {
		w, err := ws.Writer(context.Background(), websocket.MessageText)
		if err != nil {
			return
		}
		_, _ = w.Write([]byte(frames[i]))
		for ; i+1 < len(frames) && frames[i+1] == "+"; i += 2 {
			_, _ = w.Write([]byte(frames[i+2]))
		}
		if i+1 < len(frames) && frames[i+1] == "..." {
			return
		}
		_ = w.Close()
	}
}

// handle sets the answer to a method. Nil takes it away.
func (s *scripted) handle(method string, h handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h == nil {
		delete(s.handlers, method)
	} else {
		s.handlers[method] = h
	}
}

// reply sets the same answer to every call of a method.
func (s *scripted) reply(method string, value any) {
	s.handle(method, func(uint64, []json.RawMessage) any { return value })
}

func (s *scripted) count(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// drop cuts all connections.
func (s *scripted) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ws := range s.sockets {
		go ws.CloseNow()
	}
}

func (s *scripted) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, n := range s.calls {
		total += n
	}
	return total
}

func (s *scripted) setQuiet(quiet bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quiet = quiet
}

func (s *scripted) connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// ServeHTTP takes a WebSocket.
func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(1 << 20)
	socket := &scriptedSocket{heads: make(map[string]bool), notices: make(chan string, 4096)}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			select {
			case text := <-socket.notices:
				s.send(ws, socket, text)
			case <-ended:
				return
			}
		}
	}()
	s.mu.Lock()
	s.sockets[ws] = socket
	s.accepted++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.sockets, ws)
		s.mu.Unlock()
	}()
	for {
		_, frame, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		var request struct {
			ID     uint64            `json:"id"`
			Method string            `json:"method"`
			Params []json.RawMessage `json:"params"`
		}
		if err := json.Unmarshal(frame, &request); err != nil {
			s.t.Errorf("a request that is not JSON: %q", frame)
			return
		}
		s.mu.Lock()
		s.calls[request.Method]++
		answer := s.handlers[request.Method]
		s.mu.Unlock()
		if answer == nil {
			answer = func(id uint64, params []json.RawMessage) any { return s.standard(request.Method, params, socket) }
		}
		// Each answer has a goroutine of its own, so a slow one holds up nobody.
		go func() {
			switch value := answer(request.ID, request.Params).(type) {
			case nil:
			case rawFrame:
				s.send(ws, socket, string(value))
			case rawFrames:
				s.sendAll(ws, socket, value)
			case rpcError:
				text, _ := json.Marshal(value)
				s.send(ws, socket, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"error":%s}`, request.ID, text))
			default:
				text, err := json.Marshal(value)
				if err != nil {
					s.t.Error(err)
				}
				s.send(ws, socket, fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"result":%s}`, request.ID, text))
				if s.onSubscribe != nil && strings.HasPrefix(request.Method, "chain_subscribe") {
					s.onSubscribe()
				}
			}
		}()
	}
}

// standard answers what every node knows.
func (s *scripted) standard(method string, params []json.RawMessage, socket *scriptedSocket) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch method {
	case "chain_getBlockHash":
		var number int
		if err := json.Unmarshal(params[0], &number); err != nil || number >= len(s.hashes) {
			return jsonNull{}
		}
		return s.hashes[number]
	case "chain_getHeader":
		if len(params) == 0 && s.lie != nil {
			return json.RawMessage(s.lie())
		}
		if len(params) == 0 {
			return json.RawMessage(s.blocks[len(s.blocks)-1])
		}
		var hash Hash
		if err := json.Unmarshal(params[0], &hash); err != nil {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		for i, h := range s.hashes {
			if h == hash {
				return json.RawMessage(s.blocks[i])
			}
		}
		return jsonNull{}
	case "chain_getFinalizedHead":
		return s.hashes[s.final]
	case "chain_subscribeNewHeads", "chain_subscribeFinalizedHeads":
		id := fmt.Sprintf("0x%02x", len(socket.heads))
		socket.heads[id] = method == "chain_subscribeFinalizedHeads"
		return id
	case "state_getRuntimeVersion":
		return map[string]any{"specName": "scripted", "specVersion": 1, "transactionVersion": 1}
	}
	return rpcError{Code: -32601, Message: "Method not found"}
}

// pipes is a network of scripted nodes without sockets, so that it works in a synctest bubble: node names are hosts.
type pipes struct {
	t     testing.TB
	mu    sync.Mutex
	hosts map[string]*pipeListener
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
	gate  *gate
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

// gate holds up what passes through it while it is shut, as a node does that has frozen.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while open
}

func newGate() *gate {
	g := &gate{open: make(chan struct{})}
	close(g.open)
	return g
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
}

func (g *gate) pass(done <-chan struct{}) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
	case <-done:
	}
}

// gatedConn is the node's end of a connection.
type gatedConn struct {
	net.Conn
	gate *gate
	done chan struct{}
	once sync.Once
}

func (c *gatedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gate.pass(c.done)
	return n, err
}

func (c *gatedConn) Write(p []byte) (int, error) {
	c.gate.pass(c.done)
	return c.Conn.Write(p)
}

func (c *gatedConn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

func newPipes(t testing.TB) *pipes {
	t.Helper()
	return &pipes{t: t, hosts: make(map[string]*pipeListener)}
}

// add makes a node reachable as ws://name. The function it returns makes it unreachable again.
func (p *pipes) add(name string, node http.Handler) func() {
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{}), gate: newGate()}
	if s, ok := node.(*scripted); ok {
		l.gate = s.gate
	}
	p.mu.Lock()
	p.hosts[name] = l
	p.mu.Unlock()
	server := &http.Server{Handler: node}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.Serve(l)
	}()
	remove := sync.OnceFunc(func() {
		p.mu.Lock()
		if p.hosts[name] == l {
			delete(p.hosts, name)
		}
		p.mu.Unlock()
		server.Close()
		<-stopped
		if s, ok := node.(*scripted); ok {
			s.drop()
		}
	})
	p.t.Cleanup(remove)
	return remove
}

func (p *pipes) dial(ctx context.Context, _, address string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	l := p.hosts[host]
	p.mu.Unlock()
	if l == nil {
		return nil, fmt.Errorf("dial %s: connection refused", host)
	}
	ours, theirs := net.Pipe()
	select {
	case l.conns <- &gatedConn{Conn: theirs, gate: l.gate, done: make(chan struct{})}:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.done:
		return nil, fmt.Errorf("dial %s: connection refused", host)
	}
}

// client makes a client of these nodes, closed with the test.
func (p *pipes) client(config Config, names ...string) *Client {
	p.t.Helper()
	for _, name := range names {
		config.Nodes = append(config.Nodes, "ws://"+name)
	}
	c, err := New(config)
	if err != nil {
		p.t.Fatal(err)
	}
	c.dialer.tcp = p.dial
	p.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return c
}

// advance lets time pass: that of a synctest bubble, which jumps as soon as nobody has anything left to do.
func advance(d time.Duration) { <-time.After(d) }
