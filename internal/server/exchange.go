package server

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

// exchange is one request that has found its route, and its answer. It belongs to the goroutine of the request.
type exchange struct {
	server  *Server
	writer  http.ResponseWriter
	request *http.Request
	route   *route
	params  [maxParams]string

	started  time.Time
	ctx      *deadline
	identity *identity // nil but on identity routes, once admitted
	id       [1]string // the request id, in the form of a header value
	status   int       // 0 until the answer has begun
	traced   func(int) // ends the trace of the request, nil without one
}

// ServeHTTP answers a request in the order of the contract: what cannot be routed is answered at once and leaves no
// trace; then request id, metrics and timeout; then the guard; then the route.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !validHost(r.Host) {
		s.refuse(w, http.StatusBadRequest, "Invalid host header")
		return
	}
	x := &exchange{server: s, writer: w, request: r}
	found := s.routes.find(r.URL.Path, &x.params)
	if found == nil {
		s.refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	if x.route = found.route(r.Method); x.route == nil {
		w.Header()["allow"] = found.allow // lower-case, as the Python service sends it
		s.refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
		return
	}
	if !x.pathIntegersParse() {
		s.refuse(w, http.StatusNotFound, "Not Found")
		return
	}

	x.started = time.Now()
	x.id[0] = requestID(r.Header)
	w.Header()["X-Request-Id"] = x.id[:]
	if trace := s.config.Trace; trace != nil {
		ctx, end := trace(r, x.route.template, x.id[0])
		x.request, x.traced = r.WithContext(ctx), end
	}
	x.route.meter.begin()
	defer x.end()                     //nolint:contextcheck // an exchange carries the context of its request
	if err := x.serve(); err != nil { //nolint:contextcheck // as above
		x.fail(err)
	}
}

func (x *exchange) serve() error {
	allowed, err := x.server.timeout(x.request.Header)
	if err != nil {
		return err
	}
	if x.route.untimed {
		allowed = century
	}
	x.ctx = newDeadline(x.request.Context(), x.started.Add(allowed), x.route.gate)
	if err := x.admit(); err != nil {
		return err
	}
	return x.route.answer(x)
}

// century is the time of requests that may take any.
const century = 100 * 365 * 24 * time.Hour

// end closes the books: a panic of the route becomes a 500, and the answer is counted.
func (x *exchange) end() {
	panicked := recover()
	abort := panicked == any(http.ErrAbortHandler)
	if panicked != nil && !abort {
		x.server.log.ErrorContext(x.request.Context(), "panic while answering a request", x.attr(),
			slog.String("panic", clip(fmt.Sprint(panicked), longestText)), slog.String("stack", string(debug.Stack())))
		if x.status == 0 {
			x.write(problemAnswer{status: http.StatusInternalServerError, detail: internalError})
		} else {
			abort = true // the answer has begun: cut it off, so that nobody takes it for whole
		}
	}
	if x.ctx != nil {
		x.ctx.finish()
	}
	if x.status == 0 {
		x.status = http.StatusOK // what net/http sends for an answer that was never written
	}
	took := time.Since(x.started)
	x.route.meter.end(x.status, took)
	if level := x.server.config.AccessLevel.Level(); x.server.log.Enabled(x.request.Context(), level) {
		x.server.log.LogAttrs(x.request.Context(), level, "request answered", x.attr(), slog.Int("status", x.status), slog.Duration("duration", took))
	}
	if x.traced != nil {
		x.traced(x.status)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// attr describes the request to the log.
func (x *exchange) attr() slog.Attr {
	return slog.Group("request",
		"id", x.id[0], "method", x.route.method, "route", x.route.template, "path", clip(x.request.URL.Path, longestText))
}

// longestText is how many bytes of a text from outside a log line holds.
const longestText = 1024

func clip(text string, longest int) string {
	if len(text) <= longest {
		return text
	}
	return text[:longest] + "…"
}

// param returns the value of the path parameter with that name.
func (x *exchange) param(name string) string {
	for i, known := range x.route.params {
		if known == name {
			return x.params[i]
		}
	}
	panic("server: " + x.route.template + " has no parameter " + name)
}

// isPathInteger tells which path parameters are integers.
func isPathInteger(name string) bool {
	return name == "netuid" || name == "block_number" || name == "extrinsic_index" || name == mechanismParam
}

func (x *exchange) pathIntegersParse() bool {
	for i, name := range x.route.params {
		if isPathInteger(name) {
			if _, ok := parsePathInt(x.params[i]); !ok {
				return false
			}
		}
	}
	return true
}

// integer returns a path parameter that isPathInteger.
func (x *exchange) integer(name string) pathInt {
	n, _ := parsePathInt(x.param(name)) // it has parsed when the route was found
	return n
}

var jsonContent = []string{"application/json"}

// writeJSON answers with a body that is made for this request alone.
func (x *exchange) writeJSON(status int, body []byte) {
	header := x.writer.Header()
	header["Content-Type"] = jsonContent
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.begin(status)
	_, _ = x.writer.Write(body) // an error means that the client has gone
}

// begin sends the status and the headers.
func (x *exchange) begin(status int) {
	x.status = status
	x.writer.WriteHeader(status)
}

// hand lets another handler answer and learns the status.
func (x *exchange) hand(handler http.Handler, r *http.Request) {
	handler.ServeHTTP(&statusWriter{ResponseWriter: x.writer, exchange: x}, r)
}

type statusWriter struct {
	http.ResponseWriter

	exchange *exchange
}

func (w *statusWriter) WriteHeader(status int) {
	w.exchange.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.exchange.status == 0 {
		w.exchange.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

func (x *exchange) answerOptions() error {
	x.writer.Header()["Allow"] = x.route.allow
	x.begin(http.StatusNoContent)
	return nil
}

// requestID returns the id that the client gave, when it is one that a log line can hold, else a new one.
func requestID(header http.Header) string {
	if values := header["X-Request-Id"]; len(values) == 1 && validRequestID(values[0]) {
		return values[0]
	}
	var raw [8]byte
	var text [16]byte
	random := rand.Uint64()
	for i := range raw {
		raw[i] = byte(random >> (8 * i))
	}
	hex.Encode(text[:], raw[:])
	return string(text[:])
}

func validRequestID(id string) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}

// validHost tells whether a Host header has only characters that a host can have. net/http refuses almost all others
// before, in words of its own.
func validHost(host string) bool {
	for i := range len(host) {
		if !hostCharacters[host[i]] {
			return false
		}
	}
	return true
}

var hostCharacters = func() (set [256]bool) {
	const allowed = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!$&'()*+,;=-._~:[]@%"
	for i := range len(allowed) {
		set[allowed[i]] = true
	}
	return set
}()
