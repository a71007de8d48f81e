package pylon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// request is what is asked of the service.
type request struct {
	method string
	path   string // below the address, escaped
	query  url.Values
	// token lets in; empty for none.
	token string
	// body is sent as JSON; nil for none.
	body any
	// key is the idempotency key of a write.
	key string
}

// op names the request in errors.
func (r *request) op() string { return r.method + " " + r.path }

// do makes a request, repeats it as the policy says, and returns the body of the answer.
func (c *Client) do(ctx context.Context, r request) ([]byte, error) {
	s, err := c.opened()
	if err != nil {
		return nil, err
	}
	var body []byte
	if r.body != nil {
		if body, err = json.Marshal(r.body); err != nil {
			return nil, &ArgumentError{Argument: "body", Detail: err.Error()}
		}
	}
	for repeat := 1; ; repeat++ {
		answer, err := c.attempt(ctx, s, &r, body)
		if err == nil {
			return answer, nil
		}
		if ctx.Err() != nil || errors.Is(err, ErrClosed) {
			return nil, err
		}
		wait, again := c.config.Retry.pause(repeat, err)
		if !again || !s.sleep(ctx, wait) {
			return nil, err
		}
	}
}

// sleep waits. It is false when there is no use in waiting, or the client is closed.
func (s *session) sleep(ctx context.Context, wait time.Duration) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()
	return sleep(ctx, wait)
}

// attempt makes a request once.
func (c *Client) attempt(ctx context.Context, s *session, r *request, body []byte) ([]byte, error) {
	timeouts := c.config.Timeouts
	if deadline, ok := ctx.Deadline(); ok {
		timeouts.Read = max(min(timeouts.Read, time.Until(deadline)), 0)
	}
	release, err := s.take(ctx, timeouts.Pool)
	if err != nil {
		return nil, explain(ctx, s, r, err, timeouts)
	}
	defer release()

	timed, cancel := context.WithTimeout(ctx, timeouts.Read)
	defer cancel()
	defer context.AfterFunc(s.life, cancel)()

	httpRequest, err := c.prepare(timed, r, body)
	if err != nil {
		return nil, &RequestError{Op: r.op(), Err: err}
	}
	httpRequest.Header.Set("X-Pylon-Timeout", timeoutHeader(timeouts.Read))
	response, err := s.http.Do(httpRequest)
	if err != nil {
		return nil, explain(ctx, s, r, err, timeouts)
	}
	defer response.Body.Close()
	answer, err := readAll(response, c.config.MaxAnswer)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, &BodyError{Op: r.op(), StatusCode: response.StatusCode, Err: err}
	case err != nil:
		return nil, explain(ctx, s, r, err, timeouts)
	case response.StatusCode/100 != 2:
		return nil, refusal(response, answer)
	default:
		return answer, nil
	}
}

// prepare makes a request of net/http.
func (c *Client) prepare(ctx context.Context, r *request, body []byte) (*http.Request, error) {
	target := c.base + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	var reader io.Reader
	if body != nil {
		reader = bytes.NewReader(body)
	}
	httpRequest, err := http.NewRequestWithContext(ctx, r.method, target, reader)
	if err != nil {
		return nil, err
	}
	header := httpRequest.Header
	header.Set("User-Agent", "pylon-go")
	header.Set("Accept", "application/json")
	if body != nil {
		header.Set("Content-Type", "application/json")
	}
	if r.token != "" {
		header.Set("Authorization", "Bearer "+r.token)
	}
	if r.key != "" {
		header.Set("Idempotency-Key", r.key)
	}
	return httpRequest, nil
}

// take waits for a place.
func (s *session) take(ctx context.Context, patience time.Duration) (release func(), err error) {
	release = func() { <-s.slots }
	select {
	case s.slots <- struct{}{}:
		return release, nil
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		return release, nil
	case <-timer.C:
		return nil, &TimeoutError{Reason: TimeoutPool, After: patience, Err: errPoolBusy}
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.life.Done():
		return nil, ErrClosed
	}
}

var (
	errPoolBusy = errors.New("all connections are in use")
	errTooLarge = errors.New("it is larger than Config.MaxAnswer")
)

// timeoutHeader is the time that the service gets in seconds: half a second less than the client's own, so that its
// answer arrives in time.
func timeoutHeader(patience time.Duration) string {
	seconds := max(patience.Seconds()-0.5, 0.5)
	text := strconv.FormatFloat(math.Floor(seconds*1000)/1000, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// readAll reads an answer of up to limit bytes.
func readAll(response *http.Response, limit int64) ([]byte, error) {
	var buffer bytes.Buffer
	if length := response.ContentLength; length > 0 {
		// The peer may lie: no more is taken on its word than it could send in a moment.
		buffer.Grow(int(min(length, limit, 1<<20)) + bytes.MinRead)
	}
	n, err := buffer.ReadFrom(io.LimitReader(response.Body, limit+1))
	if n > limit {
		return nil, errTooLarge
	}
	return buffer.Bytes(), err
}

// explain turns an error of net/http into one of ours.
func explain(ctx context.Context, s *session, r *request, err error, timeouts Timeouts) error {
	var timeout *TimeoutError
	var dial *dialError
	var write *writeError
	timedOut := isTimeout(err)
	switch {
	case s.life.Err() != nil:
		return ErrClosed
	case errors.As(err, &timeout):
		return err
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &TimeoutError{Reason: TimeoutRead, After: timeouts.Read, Err: ctx.Err()}
	case ctx.Err() != nil:
		return &RequestError{Op: r.op(), Err: context.Cause(ctx)}
	case timedOut && (errors.As(err, &dial) || strings.Contains(err.Error(), "TLS handshake timeout")):
		return &TimeoutError{Reason: TimeoutConnect, After: timeouts.Connect, Err: err}
	case timedOut && errors.As(err, &write):
		return &TimeoutError{Reason: TimeoutWrite, After: timeouts.Write, Err: err}
	case timedOut:
		return &TimeoutError{Reason: TimeoutRead, After: timeouts.Read, Err: err}
	}
	// url.Error repeats the address, which may have a password.
	var address *url.Error
	if errors.As(err, &address) {
		err = address.Err
	}
	return &RequestError{Op: r.op(), Err: err}
}

// refusal turns an answer that is not 2xx into an error.
func refusal(response *http.Response, answer []byte) error {
	var body struct {
		Detail json.RawMessage `json:"detail"`
		Extra  json.RawMessage `json:"extra"`
	}
	var detail string
	var fields []FieldError
	if json.Unmarshal(answer, &body) == nil {
		// Both are for people: of another type than they should be, they are shown as they are, or not at all.
		if json.Unmarshal(body.Detail, &detail) != nil && string(body.Detail) != "null" {
			detail = string(body.Detail)
		}
		if json.Unmarshal(body.Extra, &fields) != nil {
			fields = nil
		}
	}
	if response.StatusCode == http.StatusGatewayTimeout {
		return &TimeoutError{Reason: TimeoutGateway, Detail: detail}
	}
	return &ResponseError{
		StatusCode: response.StatusCode, Detail: detail, Fields: fields,
		RetryAfter: retryAfter(response.Header.Get("Retry-After")),
	}
}

// retryAfter reads the header, which has seconds or a date. It is 0 when there is none, or none that can be read.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return max(time.Duration(seconds)*time.Second, time.Millisecond)
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(time.Until(date), time.Millisecond)
	}
	return 0
}

// ask makes a request and reads the object that it is answered with. check tells what the object lacks; nil when
// nothing can be missing.
func ask[T any](ctx context.Context, c *Client, r request, check func(*T) error) (*T, error) {
	answer, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	read := new(T)
	err = decodeObject(answer, read)
	if err == nil && check != nil {
		err = check(read)
	}
	if err != nil {
		return nil, &BodyError{Op: r.op(), StatusCode: http.StatusOK, Err: err}
	}
	return read, nil
}

// decodeObject reads a JSON object.
func decodeObject(data []byte, into any) error {
	trimmed := bytes.TrimLeft(data, " \t\r\n")
	if len(trimmed) == 0 {
		return errors.New("it is empty")
	}
	if trimmed[0] != '{' {
		return fmt.Errorf("it is no JSON object but begins with %q", trimmed[:min(len(trimmed), 16)])
	}
	if neurons, ok := into.(*Neurons); ok {
		return neurons.UnmarshalJSON(data) // encoding/json would look through all of it first
	}
	return json.Unmarshal(data, into)
}
