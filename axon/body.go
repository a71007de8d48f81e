package axon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// buffers are for bodies, in and out.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// keptBuffer is how large a buffer may be to be used again.
const keptBuffer = 256 << 10

func release(b *[]byte) {
	if cap(*b) <= keptBuffer {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// readBody reads the body into c.body.
func (c *call) readBody() error {
	if c.body != nil {
		return nil
	}
	var err error
	c.body, err = c.readInto(nil)
	return err
}

// readInto reads the body in its time and size. Memory grows with what comes,
// not with what is announced.
func (c *call) readInto(dst []byte) ([]byte, error) {
	limit := c.a.config.MaxBody
	if c.r.ContentLength > limit {
		return dst, tooLarge(limit)
	}
	// Other kinds of ResponseWriter have no deadlines, and whoever uses them has
	// set his own.
	controller := http.NewResponseController(c.w)
	if now := time.Now(); now.Sub(c.start) > time.Second { // until then, what ServeHTTP set is good enough
		_ = controller.SetReadDeadline(now.Add(c.a.config.BodyTimeout))
	}
	body := http.MaxBytesReader(c.w, c.r.Body, limit)
	dst = slices.Grow(dst[:0], int(min(max(c.r.ContentLength, 512), 64<<10))+1)
	for {
		n, err := body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		c.read += int64(n)
		switch {
		case errors.Is(err, io.EOF):
			_ = controller.SetReadDeadline(time.Time{})
			return dst, nil
		case err != nil:
			return dst, c.readError(err)
		case len(dst) == cap(dst):
			dst = slices.Grow(dst, len(dst))
		}
	}
}

func tooLarge(limit int64) error {
	return refusal(http.StatusRequestEntityTooLarge, "The body is larger than %d bytes", limit)
}

func (c *call) readError(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(c.a.config.MaxBody)
	}
	timeout, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	if ok && timeout.Timeout() {
		return &Error{Code: http.StatusRequestTimeout, Message: "The body did not arrive in time", Err: err}
	}
	return &Error{Code: http.StatusBadRequest, Message: "The body did not arrive", Err: err}
}

// readMessage reads the body into a message of its own and checks that it is
// the one that was signed.
func (c *call) readMessage() (synapse.Message, error) {
	body := c.body
	if body == nil {
		buffer := buffers.Get().(*[]byte)
		defer release(buffer)
		var err error
		*buffer, err = c.readInto(*buffer)
		if err != nil {
			return nil, err
		}
		body = *buffer
	}
	m := c.route.message()
	hash, err := c.decodeBody(body, m)
	if err != nil {
		return nil, c.bodyError(err)
	}
	signed := c.head.Base().ComputedBodyHash().Or("")
	if hash != signed && !c.caller().BTAuth {
		if c.a.config.Mode == Compatible {
			return nil, fmt.Errorf("%w between header body hash %s and parsed body hash %s", errBodyHash, signed, hash)
		}
		return nil, refusal(http.StatusBadRequest, "Hash mismatch: the body is not the one that was signed")
	}
	base := m.Base()
	if c.a.config.Mode == Strict {
		base.Dendrite = c.head.Base().Dendrite
		base.Axon.StatusCode = synapse.Optional[int]{}
		base.Axon.StatusMessage = synapse.Optional[string]{}
		base.Axon.ProcessTime = synapse.Optional[float64]{}
	}
	return m, nil
}

func (c *call) decodeBody(body []byte, m synapse.Message) (hash string, err error) {
	switch {
	case !c.json:
		return "", errContentType
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return "", errByteOrderMark
	}
	return c.exchange.Decode(body, m)
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json")
}

// bodyError says what is wrong with a body: in Strict mode to the caller, else
// as Python does.
func (c *call) bodyError(err error) error {
	if c.a.config.Mode == Strict {
		if errors.Is(err, errContentType) {
			return refusal(http.StatusUnsupportedMediaType, "The content type is not application/json")
		}
		return refusal(http.StatusBadRequest, "Improperly formatted body: %s", reasonOf(err))
	}
	syntax, isSyntax := errors.AsType[*synapse.SyntaxError](err)
	switch {
	case isSyntax && c.read > 0:
		c.detail(http.StatusUnprocessableEntity, []any{map[string]any{
			"type": "json_invalid", "loc": []any{"body", syntax.Offset}, "msg": "JSON decode error",
			"input": struct{}{}, "ctx": map[string]string{"error": syntax.Message},
		}})
	case errors.Is(err, synapse.ErrUTF8):
		c.detail(http.StatusBadRequest, "There was an error parsing the body")
	}
	return fmt.Errorf("body: %w", err)
}

// respond answers with what the function made of the message.
func (c *call) respond(m synapse.Message, began time.Time) error {
	buffer := buffers.Get().(*[]byte)
	defer release(buffer)
	code, err := finish(m, began)
	if err != nil {
		return err
	}
	body, err := synapse.AppendResponse((*buffer)[:0], m)
	*buffer = body
	if err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	var content [2]synapse.Header
	content[0] = synapse.Header{Name: "Content-Type", Value: "application/json"}
	content[1] = synapse.Header{Name: "Content-Length", Value: strconv.Itoa(len(body))}
	if err := c.setHeaders(m, content[:]); err != nil {
		return err
	}
	c.setWriteDeadline()
	c.status = code
	c.w.WriteHeader(code)
	c.sent, err = c.w.Write(body)
	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		c.broken = true
	}
	return nil
}

// finish sets the status of an answer.
func finish(m synapse.Message, began time.Time) (code int, err error) {
	to := &m.Base().Axon
	if !to.StatusCode.Present {
		to.StatusCode = synapse.Some(http.StatusOK)
	}
	code = to.StatusCode.Value
	if code < 200 || code > 599 {
		return 0, fmt.Errorf("the function set status %d", code)
	}
	if code == http.StatusOK && to.StatusMessage.Or("") == "" {
		to.StatusMessage = synapse.Some("Success")
	}
	to.ProcessTime = synapse.Some(time.Since(began).Seconds())
	return code, nil
}

// setHeaders sets the headers of an answer, and some more.
func (c *call) setHeaders(m synapse.Message, more synapse.Headers) error {
	var scratch [32]synapse.Header // mostly enough, and not from the heap
	headers, err := c.exchange.AppendHeaders(scratch[:0], m)
	if err != nil {
		return fmt.Errorf("headers of the answer: %w", err)
	}
	setHeaders(c.w.Header(), append(headers, more...))
	return nil
}

// setWriteDeadline gives the caller time to take what is written next.
func (c *call) setWriteDeadline() {
	_ = http.NewResponseController(c.w).SetWriteDeadline(time.Now().Add(c.a.config.WriteTimeout))
}
