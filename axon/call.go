package axon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bittensor-pylon/pylon/btauth"
	"github.com/bittensor-pylon/pylon/synapse"
)

// call is one message on its way.
type call struct {
	a     *Axon
	w     http.ResponseWriter
	r     *http.Request
	route *route
	start time.Time // of the whole, by the real clock
	head  synapse.Message
	// exchange is between the head, the message and the answer.
	exchange *synapse.Exchange
	json     bool   // the content type
	body     []byte // when it was read early

	ctx messageContext

	// who is replaced, never changed: a hook may have passed the context on.
	who     atomic.Pointer[Caller]
	claimed Caller // what who is first
	proven  struct {
		Caller // what who is next
		taken  atomic.Bool
	}
	// Of the address that the caller claims.
	prefix     uint16
	addressErr error

	queued time.Duration
	status int
	read   int64
	sent   int
	broken bool // the answer is incomplete: the connection has to go
}

// ServeHTTP serves one message.
func (a *Axon) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{a: a, w: w, r: r, start: time.Now()}
	c.who.Store(&c.claimed)
	// Also for a body that nobody reads: net/http reads it to its end to use the
	// connection again.
	_ = http.NewResponseController(w).SetReadDeadline(c.start.Add(a.config.BodyTimeout))
	c.serve()
	observation := Observation{
		Name: c.name(), Status: c.status, Duration: time.Since(c.start), Queued: c.queued, BytesIn: c.read, BytesOut: int64(c.sent),
	}
	if caller := c.caller(); caller.Verified {
		observation.Hotkey = caller.Hotkey
	}
	a.config.Observe(observation)
	if a.config.Logger.Enabled(r.Context(), slog.LevelDebug) {
		a.config.Logger.DebugContext(
			r.Context(), "message", "name", observation.Name, "hotkey", c.caller().Hotkey, "remote", r.RemoteAddr,
			"status", c.status, "in", c.read, "out", c.sent, "duration", observation.Duration,
		)
	}
	if c.head != nil {
		c.route.releaseHead(c.head)
	}
	if c.broken {
		panic(http.ErrAbortHandler) // which net/http takes as: hang up, and say nothing
	}
}

func (c *call) name() string {
	if c.route == nil {
		return ""
	}
	return c.route.name
}

func (c *call) caller() *Caller { return c.who.Load() }

// prove replaces the caller.
func (c *call) prove(caller Caller) {
	to := &c.proven.Caller
	if !c.proven.taken.CompareAndSwap(false, true) {
		to = new(Caller) // a hook verified it twice
	}
	*to = caller
	c.who.Store(to)
}

func (c *call) elapsed() float64 { return time.Since(c.start).Seconds() }

// serve finds the route and answers.
func (c *call) serve() {
	_, rest, _ := strings.Cut(c.r.URL.Path, "/")
	name, rest, deeper := strings.Cut(rest, "/")
	c.route = c.a.route(name)
	switch {
	case c.route == nil:
		c.fail(refusal(
			http.StatusNotFound, "Synapse name '%s' not found. Available synapses %s", shorten(name), pythonList(c.a.Attached()),
		))
		return
	case deeper && rest == "":
		c.w.Header()["Location"] = []string{"/" + c.route.name}
		c.setWriteDeadline()
		c.status = http.StatusTemporaryRedirect
		c.w.WriteHeader(c.status)
		return
	case deeper:
		c.detail(http.StatusNotFound, "Not Found")
		return
	case c.r.Method != http.MethodPost && c.r.Method != http.MethodGet:
		c.w.Header()["Allow"] = []string{"POST, GET"}
		c.detail(http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	defer func() {
		if p := recover(); p != nil {
			err := fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			if c.status != 0 { // too late for an answer
				c.a.config.Logger.ErrorContext(c.r.Context(), "message failed", "name", c.name(), "error", err)
				c.broken = true
				return
			}
			c.fail(c.internalError(err))
		}
	}()
	if err := c.handle(); err != nil && c.status == 0 {
		c.fail(err)
	}
}

// shorten keeps what a caller sent from filling the answer.
func shorten(text string) string {
	if len(text) > 100 {
		return text[:100]
	}
	return text
}

// handle takes the message through its hooks and to its function.
func (c *call) handle() error {
	if err := c.readHeaders(); err != nil {
		return err
	}
	var ctx context.Context
	if c.a.config.Mode == Strict {
		c.ctx.request, c.ctx.call, c.ctx.deadline = c.r.Context(), c, c.start.Add(c.deadline(c.head.Base()))
		defer c.ctx.end()
		ctx = &c.ctx
	} else {
		ctx = context.WithValue(c.r.Context(), callKey{}, c)
	}

	if c.route.blacklist != nil {
		if refuse, reason := c.route.blacklist(ctx, c.head); refuse {
			return refusal(http.StatusForbidden, "Forbidden. Key is blacklisted: %s.", reason)
		}
	}
	if c.caller().BTAuth {
		// Its signature is over the body, and no hook takes the place of it.
		if err := c.readBody(); err != nil {
			return err
		}
		if err := notVerified(c.verifyBTAuth(ctx)); err != nil {
			return err
		}
	}
	if err := c.verify(ctx); err != nil {
		return err
	}
	priority := 0.0
	if c.route.priority != nil {
		var err error
		if priority, err = c.route.priority(ctx, c.head); err != nil {
			return c.late(err)
		}
	}

	c.exchange = synapse.NewExchange(c.head)
	defer c.exchange.Release()
	m, err := c.readMessage()
	if err != nil {
		return err
	}
	waiting := time.Now()
	if err := c.a.queue.acquire(ctx, priority); err != nil {
		c.queued = time.Since(waiting)
		if errors.Is(err, errQueueFull) {
			return &Error{Code: http.StatusServiceUnavailable, Message: "Service unavailable: too many messages are waiting", Err: err}
		}
		return c.late(err)
	}
	began := time.Now()
	c.queued = began.Sub(waiting)
	if c.route.stream != nil {
		s := &Stream{call: c, message: m, began: began}
		return s.finish(c.late(c.work(func() error { return c.route.stream(ctx, m, s) })))
	}
	if err := c.work(func() error { return c.route.forward(ctx, m) }); err != nil {
		return c.late(err)
	}
	return c.respond(m, began)
}

// work calls the function and gives its worker back, before the answer is
// written: a caller who is slow to read it keeps no worker.
func (c *call) work(function func() error) error {
	defer c.a.queue.release()
	return function()
}

// late turns an error that comes from the end of the message's time into status
// 408.
func (c *call) late(err error) error {
	if err == nil {
		return nil
	}
	switch _, told := errors.AsType[*Error](err); {
	case told:
		return err
	case errors.Is(err, context.Canceled) && c.r.Context().Err() != nil:
		return &Error{Code: statusCallerGone, Message: "The caller has gone", Err: err}
	case !errors.Is(err, context.DeadlineExceeded):
		return err
	}
	timeout := synapse.None
	if t, ok := c.head.Base().Timeout.Get(); ok {
		timeout = synapse.FormatFloat(t)
	}
	return &Error{Code: http.StatusRequestTimeout, Message: "Response timeout after: " + timeout + "s", Err: err}
}

// deadline is how long the message may take.
func (c *call) deadline(base *synapse.Synapse) time.Duration {
	if timeout := c.a.timeout(base); timeout > 0 {
		return timeout
	}
	return c.a.config.MaxTimeout
}

// verify checks the signature, by the hook if there is one.
func (c *call) verify(ctx context.Context) error {
	check := c.a.DefaultVerify
	if c.route.verify != nil {
		check = c.route.verify
	}
	return notVerified(check(ctx, c.head))
}

// notVerified turns what is wrong with a signature into status 401.
func notVerified(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*storeError](err); ok {
		return err // which is ours, and not told
	}
	return &Error{Code: http.StatusUnauthorized, Message: "Not Verified with error: " + err.Error(), Err: err}
}

// readHeaders makes the message of the headers.
func (c *call) readHeaders() error {
	header := c.r.Header
	c.json = isJSON(header.Get("Content-Type"))
	m := c.route.newHead()
	caller := &c.claimed // which nobody has seen yet
	caller.Remote = remoteOf(c.r)
	if c.a.config.BTAuth != nil && btauth.Signed(header) {
		caller.BTAuth = true
		if err := synapse.Reset(m); err != nil {
			return err
		}
		base := m.Base()
		base.Dendrite.Hotkey = synapse.Some(header.Get(btauth.HeaderHotkey))
	} else {
		if c.a.config.Mode == Strict {
			if name := repeated(header); name != "" {
				return refusal(http.StatusBadRequest, "Improperly formatted request: the header %s comes twice", name)
			}
		}
		if err := synapse.FromHTTP(header, m); err != nil {
			if c.a.config.Mode == Compatible {
				return fmt.Errorf("headers: %w", err)
			}
			return refusal(http.StatusBadRequest, "Improperly formatted request: %s", reasonOf(err))
		}
	}

	base := m.Base()
	from := &base.Dendrite
	caller.Hotkey = from.Hotkey.Or("")
	caller.PublicKey, c.prefix, c.addressErr = c.a.known.decode(caller.Hotkey)
	caller.UUID = from.UUID.Or("")
	caller.Version = from.Version.Or(0)
	caller.Nonce = from.Nonce.Or(0)
	if caller.Remote.IsValid() {
		from.IP = synapse.Some(caller.Remote.Addr().String())
		from.Port = synapse.Some(int(caller.Remote.Port()))
	}
	if c.a.config.Mode == Strict {
		base.Axon.StatusMessage = synapse.Optional[string]{}
		base.Axon.ProcessTime = synapse.Optional[float64]{}
	}
	base.Axon.Version = synapse.Some(synapse.ProtocolVersion)
	base.Axon.UUID = synapse.Some(c.a.uuid)
	base.Axon.Nonce = synapse.Some(c.a.config.Now().UnixNano())
	base.Axon.StatusCode = synapse.Some(statusOnItsWay)
	c.head = m
	return nil
}

// statusCallerGone is for the log: nobody is left to read it.
const statusCallerGone = 499

// statusOnItsWay is the status of a message that has no answer yet.
const statusOnItsWay = 100

// repeated returns the name of a header of the protocol that comes more than
// once, which two readers may read differently.
func repeated(header http.Header) string {
	for name, values := range header {
		if len(values) < 2 {
			continue
		}
		switch name {
		case "Name", "Timeout", "Total_size", "Header_size", "Computed_body_hash", "Content-Type":
			return name
		}
		if strings.HasPrefix(name, "Bt_header_") {
			return name
		}
	}
	return ""
}

// reasonOf says what is wrong with what a caller sent, without our prefix.
func reasonOf(err error) string { return strings.TrimPrefix(err.Error(), "synapse: ") }

func (c *call) verifyBTAuth(ctx context.Context) error {
	who, err := c.a.config.BTAuth.Verify(ctx, c.r.Header, btauth.Request{Method: c.r.Method, Target: c.r.RequestURI, Body: c.body})
	if err != nil {
		for _, class := range [...]error{btauth.ErrMalformedAuth, btauth.ErrWrongReceiver, btauth.ErrStaleRequest, btauth.ErrBadSignature, btauth.ErrReplayedRequest} {
			if errors.Is(err, class) {
				return err
			}
		}
		return &storeError{err}
	}
	caller := *c.caller()
	caller.Hotkey, caller.PublicKey, caller.Nonce, caller.Verified = who.Hotkey, who.PublicKey, who.Nonce, true
	c.prove(caller)
	return nil
}
