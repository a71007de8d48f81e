package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

const internalError = "Internal Server Error"

// statusClientGone is what an answer counts as when nobody is there to get it. Nothing of it is ever seen by a client.
const statusClientGone = 499

// answers is the one table from kinds of problems to answers.
var answers = map[problem.Kind]struct {
	status int
	// detail is the text when the problem brings none, or when users must not see what it brings.
	detail string
	when   string // for the documentation
}{
	problem.Unknown:       {http.StatusInternalServerError, internalError, "Nobody foresaw it. The cause is in the log, under the request id, and nowhere else."},
	problem.Invalid:       {http.StatusBadRequest, "Bad Request", "The request is wrong: a header, a parameter or the body. Wrong fields are listed under `extra`."},
	problem.Unauthorized:  {http.StatusUnauthorized, "Unauthorized", "No usable `Authorization` header."},
	problem.Forbidden:     {http.StatusForbidden, "Forbidden", "A token, but not the one of this route."},
	problem.NotFound:      {http.StatusNotFound, "Not Found", "What the request names does not exist."},
	problem.Conflict:      {http.StatusConflict, "Conflict", "What the request names is in a state that does not allow it."},
	problem.TooLarge:      {http.StatusRequestEntityTooLarge, "Request Entity Too Large", "The body is over 10,000,000 bytes."},
	problem.Unprocessable: {http.StatusUnprocessableEntity, "Unprocessable Entity", "The request is well formed and makes no sense."},
	problem.TooMany:       {http.StatusTooManyRequests, "Too Many Requests", "Too many wrong tokens from this address. The `Retry-After` header says when to try again."},
	problem.Canceled:      {statusClientGone, "Client Closed Request", "The client has gone. Only the log and the metrics see it."},
	problem.Unsupported:   {http.StatusNotImplemented, "Not Implemented", "The chain could not do this yet at that block."},
	problem.Unavailable:   {http.StatusBadGateway, "Bad Gateway", "A node failed. Try again."},
	problem.NotReady:      {http.StatusServiceUnavailable, "Service Unavailable", "The service does not have it yet, or only too old, or has too much to do: then there is a `Retry-After` header."},
	problem.Timeout:       {http.StatusGatewayTimeout, "Request timed out", "The time that the request allows is over. What it has started on the chain goes on."},
}

// problemAnswer is an error body.
type problemAnswer struct {
	status int
	detail string
	fields []problem.Field
	// retryAfter is rounded up to whole seconds; zero says nothing about it.
	retryAfter time.Duration
}

// answerTo finds the answer to an error.
func answerTo(err error) problemAnswer {
	kind := knownKind(err)
	answer := problemAnswer{status: answers[kind].status, detail: answers[kind].detail}
	if known := (*problem.Error)(nil); kind != problem.Unknown && errors.As(err, &known) {
		answer.fields, answer.retryAfter = known.Fields, known.RetryAfter
		if known.Detail != "" {
			answer.detail = known.Detail
		}
	}
	return answer
}

// knownKind returns a kind that has a row in the table.
func knownKind(err error) problem.Kind {
	kind := problem.KindOf(err)
	if _, ok := answers[kind]; !ok {
		return problem.Unknown
	}
	return kind
}

func (a problemAnswer) body() []byte {
	type entry struct {
		Message string `json:"message"`
		Key     string `json:"key,omitempty"`
		Source  string `json:"source,omitempty"`
	}
	body := struct {
		StatusCode int     `json:"status_code"`
		Detail     string  `json:"detail"`
		Extra      []entry `json:"extra,omitempty"`
	}{StatusCode: a.status, Detail: a.detail}
	for _, field := range a.fields {
		body.Extra = append(body.Extra, entry(field))
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // strings and an integer always encode
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// refuse answers a request that has no exchange.
func (s *Server) refuse(w http.ResponseWriter, status int, detail string) {
	body := problemAnswer{status: status, detail: detail}.body()
	header := w.Header()
	header["Content-Type"] = jsonContent
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail answers with an error. What users must not see is logged, here and once.
func (x *exchange) fail(err error) {
	kind := knownKind(err)
	switch kind {
	case problem.Unknown, problem.Unavailable, problem.Canceled:
		// Whatever a read says after its time is over, the time is the reason.
		switch {
		case x.ctx == nil:
		case x.ctx.isRefused():
			kind, err = problem.NotReady, errBusy()
		case x.request.Context().Err() != nil:
			kind, err = problem.Canceled, problem.Wrap(problem.Canceled, "", err)
		case x.ctx.expired():
			kind, err = problem.Timeout, problem.Wrap(problem.Timeout, "", err)
		}
	}
	switch kind {
	case problem.Unknown:
		x.server.log.ErrorContext(x.request.Context(), "request failed", x.attr(), reason(err))
	case problem.Unavailable, problem.Timeout: // a node that is down fails every request
		if dropped, ok := x.server.failed.allow(time.Second); ok {
			x.server.log.WarnContext(x.request.Context(), "request failed", x.attr(), reason(err), slog.Int64("unlogged", dropped))
		}
	}
	answer := answerTo(err)
	if answer.status >= http.StatusInternalServerError && answer.status != http.StatusNotImplemented { // which is what the block was like
		x.server.failures.add(failureStatus{
			At: time.Now(), Status: answer.status, Method: x.route.method, Route: x.route.template, Detail: answer.detail, RequestID: x.id[0],
		})
	}
	x.write(answer)
}

// reason is an error for the log. It can hold texts from outside.
func reason(err error) slog.Attr { return slog.String("error", clip(err.Error(), longestText)) }

func (x *exchange) write(answer problemAnswer) {
	if answer.retryAfter > 0 {
		seconds := (answer.retryAfter + time.Second - 1) / time.Second
		x.writer.Header()["Retry-After"] = []string{strconv.FormatInt(int64(seconds), 10)}
	}
	x.writeJSON(answer.status, answer.body())
}
