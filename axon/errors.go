package axon

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/synapse"
)

// Error is an error that the caller is told: its code is the status of the
// answer, and its message the text. What other errors say only the log is told.
type Error struct {
	// Code is an HTTP status from 400 to 599; other values count as 500.
	Code int
	// Message is for the caller.
	Message string
	// Err is for the log.
	Err error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("axon: %d %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("axon: %d %s", e.Code, e.Message)
}

// Unwrap returns the error for the log.
func (e *Error) Unwrap() error { return e.Err }

// Errors that are the caller's fault, where they happen.
var (
	errBodyHash      = errors.New("hash mismatch")
	errContentType   = errors.New("the content type is not application/json")
	errByteOrderMark = errors.New("it begins with a byte order mark")
)

// refusal returns an Error without anything for the log.
func refusal(code int, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// internalError returns the error for what the caller is not told. The id is in
// the log and in the answer.
func (c *call) internalError(err error) *Error {
	id := newUUID()
	c.a.config.Logger.ErrorContext(
		c.r.Context(), "message failed", "id", id, "name", c.name(), "hotkey", c.caller().Hotkey, "error", err,
	)
	return &Error{Code: http.StatusInternalServerError, Message: "Internal Server Error #" + id, Err: err}
}

// told returns what of an error the caller is told.
func (c *call) told(err error) *Error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return c.internalError(err)
	}
	if e.Code < 400 || e.Code > 599 {
		e = &Error{Code: http.StatusInternalServerError, Message: e.Message, Err: e.Err}
	}
	return e
}

// fail answers with an error: the headers of the message and the text.
func (c *call) fail(err error) {
	e := c.told(err)
	m := c.head
	if m == nil {
		m = synapse.New[synapse.Synapse]()
	}
	base := m.Base()
	base.Axon.StatusCode = synapse.Some(e.Code)
	if kept := base.Axon.StatusMessage; c.a.config.Mode == Strict || kept.Or("") == "" {
		base.Axon.StatusMessage = synapse.Some(e.Message)
	}
	base.Axon.ProcessTime = synapse.Some(c.elapsed())
	if c.a.config.Mode == Strict && !base.Timeout.Present {
		// The answer carries the timeout, and Python fails to read "None".
		base.Timeout = synapse.Some(synapse.DefaultTimeout)
	}
	if c.head != nil {
		signature := c.a.config.Signer.Sign(synapse.ResponseMessage(base.Axon, base.Dendrite))
		base.Axon.Signature = synapse.Some(synapse.FormatSignature(signature))
	}
	c.setWriteDeadline()
	c.status = e.Code
	c.sent = createErrorResponse(c.w, m)
}

// CreateErrorResponse answers with the status code and the status message of a
// message's Axon field, as an axon does: the message's headers, and the text as
// {"message": …}. Without a status code, or with one that is none, it is 400.
func CreateErrorResponse(w http.ResponseWriter, m synapse.Message) { createErrorResponse(w, m) }

func createErrorResponse(w http.ResponseWriter, m synapse.Message) int {
	base := m.Base()
	code := base.Axon.StatusCode.Or(http.StatusBadRequest)
	if code < 200 || code > 599 {
		code = http.StatusBadRequest
	}
	var message any
	if text, ok := base.Axon.StatusMessage.Get(); ok {
		message = text
	}
	if headers, err := synapse.ToHeaders(m); err == nil {
		setHeaders(w.Header(), headers)
	}
	return writeJSON(w, code, struct {
		Message any `json:"message"`
	}{message})
}

// detail answers as FastAPI does where no message is concerned.
func (c *call) detail(code int, detail any) {
	c.setWriteDeadline()
	c.status = code
	c.sent = writeJSON(c.w, code, struct {
		Detail any `json:"detail"`
	}{detail})
}

func writeJSON(w http.ResponseWriter, code int, value any) int {
	var body strings.Builder
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic("axon: " + err.Error()) // text and numbers have JSON
	}
	text := strings.TrimSuffix(body.String(), "\n")
	header := w.Header()
	header["Content-Type"] = []string{"application/json"}
	header["Content-Length"] = []string{strconv.Itoa(len(text))}
	w.WriteHeader(code)
	n, _ := w.Write([]byte(text))
	return n
}

// maxHeaderValue is how long a header's value may be. A Python dendrite fails
// at a line of 8190 bytes.
const maxHeaderValue = 4096

// setHeaders sets headers with their names as they are, which Python clients
// insist on, and their values made fit for a header.
func setHeaders(to http.Header, headers synapse.Headers) {
	values := make([]string, len(headers))
	for i, h := range headers {
		values[i] = headerValue(h.Value)
		to[h.Name] = values[i : i+1 : i+1]
	}
}

// headerValue replaces what is not printable ASCII, and cuts what is too long.
func headerValue(value string) string {
	if len(value) > maxHeaderValue {
		value = value[:maxHeaderValue]
	}
	if printable(value) {
		return value
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case r > '~':
			return '?'
		}
		return r
	}, value)
}

// printable tells whether a text is printable ASCII. It looks at eight bytes at a
// time.
func printable(text string) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	b := []byte(text) // which the compiler does not copy
	for ; len(b) >= 8; b = b[8:] {
		w := binary.LittleEndian.Uint64(b)
		// A high bit for bytes above 0x7f, below a blank, and 0x7f itself; carries
		// only come from such bytes.
		if (w|(w-ones*' ')|(w+ones))&highs != 0 {
			return false
		}
	}
	for _, c := range b {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}
