package substrate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// conn is one WebSocket to a node, shared by all callers. It dies once, for whatever reason, and then answers every call
// with that reason; the node's loop makes a new one.
//
// Three goroutines own it: the reader, the only one that reads, hands answers out by id; the writer, the only one that
// writes, takes requests from a short queue; the pinger finds a peer that has frozen. Callers touch none of the socket:
// coder/websocket closes a connection when the context of a read or a write ends.
type conn struct {
	socket *websocket.Conn
	config *connConfig
	ctx    context.Context
	cancel context.CancelFunc
	last   *lastRead
	group  sync.WaitGroup
	done   chan struct{} // closed when dead
	slots  chan struct{} // one for each call that waits
	writes chan []byte

	// told counts the heads that the subscription told of. It belongs to the client's mutex.
	told uint64
	// The loop's notes: heads have to be polled; how often in a row one was found that had not been told, and told then.
	polled   bool
	missed   int
	toldThen uint64

	mu            sync.Mutex
	issued        uint64 // ids 1 to issued have been sent
	waiting       map[uint64]*pendingCall
	subscriptions map[string]func(notice)
	reason        *Error // of its death
}

type connConfig struct {
	callTimeout  time.Duration // a frame that takes longer has nobody left who waits for it
	pingInterval time.Duration
	pingTimeout  time.Duration
	maxInFlight  int
	readLimit    int64
}

type pendingCall struct {
	answer chan answer // room for one
	// onNotice makes the call a subscription: it is called for each notification, by the reader, beginning with the one
	// that follows the answer. It must not block, and not keep what it is given.
	onNotice func(notice)
}

type answer struct {
	result []byte
	err    *Error
}

// newConn starts to work on a socket. The caller stops it.
func newConn(ctx context.Context, socket *websocket.Conn, config *connConfig, last *lastRead) *conn {
	ctx, cancel := context.WithCancel(ctx)
	c := &conn{
		socket:        socket,
		config:        config,
		ctx:           ctx,
		cancel:        cancel,
		last:          last,
		done:          make(chan struct{}),
		slots:         make(chan struct{}, config.maxInFlight),
		writes:        make(chan []byte, 16),
		waiting:       make(map[uint64]*pendingCall),
		subscriptions: make(map[string]func(notice)),
	}
	socket.SetReadLimit(config.readLimit)
	c.group.Go(c.read)
	c.group.Go(c.write)
	c.group.Go(c.ping)
	return c
}

// stop ends the connection and waits for its goroutines.
func (c *conn) stop(reason *Error) {
	c.die(reason)
	c.socket.CloseNow()
	c.group.Wait()
}

// die makes the connection useless and fails every waiting call at once. Only the first reason counts.
func (c *conn) die(reason *Error) { c.dieOver(0, nil, reason) }

// dieOver is die, with a reason of its own for one call, if that still waits.
func (c *conn) dieOver(id uint64, own, reason *Error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return
	}
	c.reason = reason
	for waiter, call := range c.waiting {
		if own != nil && waiter == id {
			call.answer <- answer{err: own}
		} else {
			call.answer <- answer{err: reason}
		}
	}
	clear(c.waiting)
	clear(c.subscriptions)
	close(c.done)
	c.cancel()
}

// diedOf returns why the connection died, nil while it lives.
func (c *conn) diedOf() *Error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}

// call sends a request and waits for its answer. The result is JSON. The error is ctx's, or an *Error without Op and
// Node.
func (c *conn) call(ctx context.Context, method string, params []any, onNotice func(notice)) ([]byte, error) {
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.done:
		return nil, c.diedOf()
	}
	defer func() { <-c.slots }()

	call := &pendingCall{answer: make(chan answer, 1), onNotice: onNotice}
	id, err := c.register(call)
	if err != nil {
		return nil, err
	}
	frame, encodeErr := appendRequest(nil, id, method, params)
	if encodeErr != nil {
		c.forget(id)
		return nil, &Error{Kind: KindInvalidParams, Message: encodeErr.Error()}
	}
	select {
	case c.writes <- frame:
	case <-ctx.Done():
		c.forget(id)
		return nil, ctx.Err()
	case <-c.done:
		return nil, c.diedOf()
	}
	select {
	case a := <-call.answer:
		if a.err != nil {
			return nil, a.err
		}
		return a.result, nil
	case <-ctx.Done():
		c.forget(id)
		return nil, ctx.Err()
	}
}

func (c *conn) register(call *pendingCall) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil {
		return 0, c.reason
	}
	c.issued++
	c.waiting[c.issued] = call
	return c.issued, nil
}

// forget gives a call up. Its answer will be dropped when it comes.
func (c *conn) forget(id uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, id)
}

// unsubscribe lets the notifications of a subscription fall on deaf ears. The node is not told.
func (c *conn) unsubscribe(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.subscriptions, id)
}

func (c *conn) write() {
	for {
		select {
		case frame := <-c.writes:
			ctx, cancel := context.WithTimeout(c.ctx, c.config.callTimeout)
			err := c.socket.Write(ctx, websocket.MessageText, frame)
			cancel()
			if err != nil {
				c.die(&Error{Kind: KindTransport, Message: "the request could not be sent: " + err.Error()})
				return
			}
		case <-c.done:
			return
		}
	}
}

// ping finds a peer that has stopped: TCP keepalive does not notice a frozen process, its kernel answers.
func (c *conn) ping() {
	ticker := time.NewTicker(c.config.pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.done:
			return
		}
		began := time.Now()
		ctx, cancel := context.WithTimeout(c.ctx, c.config.pingTimeout)
		err := c.socket.Ping(ctx)
		late := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
		case late && c.last.since(began):
			// Something is arriving, and the pong is behind it.
		case late:
			c.die(&Error{Kind: KindTransport, Message: "the node has frozen: nothing came for " + c.config.pingTimeout.String() + " after a ping"})
			return
		default:
			c.die(&Error{Kind: KindTransport, Message: "ping: " + err.Error()})
			return
		}
	}
}

// keptBuffer is the size up to which the buffer is used for one frame after the other. A larger frame gets a buffer of
// its own, which goes with its answer.
const keptBuffer = 64 << 10

func (c *conn) read() {
	kept := make([]byte, 0, 4<<10)
	for {
		frame, err := c.readFrame(kept)
		if err != nil {
			c.readFailed(frame, err)
			return
		}
		owned := cap(frame) > keptBuffer
		if !owned {
			kept = frame[:0]
		}
		if reason := c.handle(frame, owned); reason != nil {
			c.die(reason)
			return
		}
	}
}

// readFrame reads a message into buf, or a larger buffer. It returns what came before an error too.
func (c *conn) readFrame(buf []byte) ([]byte, error) {
	_, r, err := c.socket.Reader(c.ctx)
	if err != nil {
		return nil, err
	}
	slow := time.AfterFunc(c.config.callTimeout, func() {
		c.die(&Error{Kind: KindTransport, Message: "an answer did not end within " + c.config.callTimeout.String() + " of its beginning"})
	})
	defer slow.Stop()
	for {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(2*cap(buf), int(c.config.readLimit)+1))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// readFailed ends the connection after a failed read. When the frame was too large, only the call that it answers is to
// blame, if the part that was read tells which.
func (c *conn) readFailed(frame []byte, err error) {
	if errors.Is(err, net.ErrClosed) {
		// Not by the node: a write that took too long closes the socket.
		c.die(&Error{Kind: KindTransport, Message: "the node takes nothing that is sent to it"})
		return
	}
	if !errors.Is(err, websocket.ErrMessageTooBig) {
		c.die(&Error{Kind: KindTransport, Message: "the connection broke: " + err.Error()})
		return
	}
	tooLarge := &Error{Kind: KindTooLarge, Message: "an answer is over the limit of " + strconv.FormatInt(c.config.readLimit, 10) + " bytes"}
	if id, ok := leadingID(frame); ok {
		c.dieOver(id, tooLarge, &Error{Kind: KindTransport, Message: "the connection was closed over an answer to another call that is over the limit"})
		return
	}
	c.die(tooLarge)
}

// leadingID finds the id in the beginning of an answer, where servers that put it before the result have it.
func leadingID(frame []byte) (id uint64, found bool) {
	_ = scanObject(frame[:min(len(frame), 256)], func(key, value []byte) error {
		if string(key) != "id" {
			return nil
		}
		number, err := strconv.ParseUint(string(value), 10, 64)
		id, found = number, err == nil
		return errTruncated // seen enough
	})
	return id, found
}

// handle gives a message to whom it concerns. A message that makes no sense makes the whole stream useless: it is not
// known whose answer it was.
func (c *conn) handle(frame []byte, owned bool) *Error {
	m, err := parseMessage(frame)
	if err != nil && c.last.ended.Load() {
		// coder/websocket takes an end of the stream just after a frame's header for the end of the message.
		return &Error{Kind: KindTransport, Message: "the connection broke in the middle of an answer"}
	}
	if err != nil {
		return &Error{Kind: KindMalformed, Message: "the node sent a message that is not JSON-RPC: " + err.Error()}
	}
	switch {
	case m.result != nil || m.err != nil:
		return c.handleAnswer(&m, owned)
	case m.method != nil:
		return c.handleNotice(&m)
	}
	return &Error{Kind: KindMalformed, Message: "the node sent a message with neither result nor error nor method"}
}

// maxSubscriptionID is more than any node takes for one.
const maxSubscriptionID = 128

func (c *conn) handleAnswer(m *message, owned bool) *Error {
	if !m.hasID {
		// The node could not read a request, and does not say which.
		if m.err != nil {
			return answeredError(m.err)
		}
		return &Error{Kind: KindMalformed, Message: "the node sent an answer without an id"}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.id == 0 || m.id > c.issued {
		return &Error{Kind: KindMalformed, Message: "the node answered a request that was never sent"}
	}
	call, ok := c.waiting[m.id]
	if !ok {
		return nil // the caller has given up, or has had an answer
	}
	if call.onNotice != nil && len(m.result) > maxSubscriptionID {
		return &Error{Kind: KindMalformed, Message: "the node gave a subscription an id of " + strconv.Itoa(len(m.result)) + " bytes"}
	}
	delete(c.waiting, m.id)
	if m.err != nil {
		call.answer <- answer{err: answeredError(m.err)}
		return nil
	}
	if call.onNotice != nil {
		c.subscriptions[string(m.result)] = call.onNotice
	}
	if !owned {
		m.result = bytes.Clone(m.result)
	}
	call.answer <- answer{result: m.result}
	return nil
}

func (c *conn) handleNotice(m *message) *Error {
	n, err := parseNotice(m.params)
	if err != nil {
		return &Error{Kind: KindMalformed, Message: "the node sent a notification that is not JSON-RPC: " + err.Error()}
	}
	c.mu.Lock()
	onNotice := c.subscriptions[n.subscription]
	c.mu.Unlock()
	if onNotice != nil {
		onNotice(n)
	}
	return nil
}
