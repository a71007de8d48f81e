package devchain

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

const (
	// concurrentCalls is how many calls of one connection run at a time; further
	// ones are not read from the socket.
	concurrentCalls = 64
	pingInterval    = 30 * time.Second
	bodyTimeout     = 30 * time.Second
)

// serve is the node's only HTTP handler: WebSocket, POST, and GET /health.
func (n *Node) serve(w http.ResponseWriter, r *http.Request) {
	if !n.faults.enter(&n.running) {
		return
	}
	defer n.running.Done()
	switch {
	case strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		n.serveWebSocket(w, r)
	case r.Method == http.MethodPost:
		n.servePost(w, r)
	case r.Method == http.MethodGet && r.URL.Path == "/health":
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"peers":0,"isSyncing":false,"shouldHavePeers":false}`)
	default:
		http.Error(w, "Used HTTP Method is not allowed. POST is required", http.StatusMethodNotAllowed)
	}
}

// servePost answers one message over HTTP.
func (n *Node) servePost(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/json") {
		http.Error(w, "Supplied content type is not allowed. Content-Type: application/json is required", http.StatusUnsupportedMediaType)
		return
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, n.config.Limits.RequestBytes))
	if err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			http.Error(w, "Request is too big", http.StatusRequestEntityTooLarge)
		}
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	answer := n.answer(r.Context(), nil, body)
	if answer.silent && answer.message == nil {
		<-r.Context().Done() // over HTTP, not answering is letting the client wait
		return
	}
	_ = control.SetWriteDeadline(time.Now().Add(n.config.Limits.WriteTimeout))
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if answer.cut {
		w.WriteHeader(http.StatusOK)
		_ = control.Flush()
		if c, ok := r.Context().Value(connKey{}).(*conn); ok {
			c.cutAfter(answer.cutAt)
		}
	}
	_, _ = w.Write(answer.message)
}

// session is one WebSocket connection.
type session struct {
	node *Node
	ws   *websocket.Conn
	conn *conn
	out  *outbox

	mu            sync.Mutex
	subscriptions map[string]*subscription
	storageKeys   int // of all its subscriptions
}

func (n *Node) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		// A development chain has no secrets, and the usual explorer is a web page
		// of another origin.
		InsecureSkipVerify: true,
		CompressionMode:    websocket.CompressionDisabled,
	})
	if err != nil {
		return // Accept has answered
	}
	ws.SetReadLimit(n.config.Limits.RequestBytes)
	s := &session{node: n, ws: ws, out: newOutbox(), subscriptions: make(map[string]*subscription)}
	s.conn, _ = r.Context().Value(connKey{}).(*conn)
	s.run(n.ctx) //nolint:contextcheck // the request's context ends when the connection is hijacked
}

// run serves the connection until either side ends it.
func (s *session) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer s.node.subscriptions.removeSession(s)
	defer s.ws.CloseNow()
	defer cancel()
	running.Go(func() {
		defer cancel()
		s.write(ctx)
	})
	running.Go(func() {
		defer cancel()
		s.ping(ctx)
	})
	slots := make(chan struct{}, concurrentCalls)
	for {
		_, body, err := s.ws.Read(ctx)
		if err != nil {
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		running.Go(func() {
			defer func() { <-slots }()
			s.handle(ctx, body)
		})
	}
}

// handle answers one message.
func (s *session) handle(ctx context.Context, body []byte) {
	answer := s.node.answer(ctx, s, body)
	if answer.message != nil || answer.cut {
		if s.out.put(ctx, message{body: answer.message, cut: answer.cut, cutAt: answer.cutAt}) != nil {
			return
		}
	}
	for _, then := range answer.then {
		then()
	}
}

// write sends what is in the outbox.
func (s *session) write(ctx context.Context) {
	for {
		m, err := s.out.take(ctx)
		if err != nil {
			return
		}
		if m.subscription != nil {
			call := Call{Method: m.subscription.notification}
			s.node.hooks.run(ctx, &call)
			if call.Silent {
				continue
			}
			if call.Mangle != nil {
				m.body = call.Mangle(m.body)
			}
			m.cut, m.cutAt = call.Cut, call.CutAfter
		}
		if m.cut && s.conn != nil {
			s.conn.cutAfter(m.cutAt)
		}
		if err := s.send(ctx, m.body); err != nil {
			return
		}
	}
}

func (s *session) send(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, s.node.config.Limits.WriteTimeout)
	defer cancel()
	return s.ws.Write(ctx, websocket.MessageText, body)
}

// ping ends the connection when the client does not answer pings.
func (s *session) ping(ctx context.Context) {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		waiting, cancel := context.WithTimeout(ctx, pingInterval)
		err := s.ws.Ping(waiting)
		cancel()
		if err != nil {
			return
		}
	}
}
