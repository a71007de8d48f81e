package dendrite

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/bittensor-pylon/pylon/synapse"
)

// payloadError is an answer that ends too early.
type payloadError struct{ err error }

func (e *payloadError) Error() string { return e.err.Error() }
func (e *payloadError) Unwrap() error { return e.err }

// statusCancelled is for calls that the caller gave up; the SDK has no status
// for that.
const statusCancelled = 499

// explain turns what went wrong into a status code and a message, by the table
// of the SDK.
func (c *call) explain(err error) *Error {
	e := &Error{Target: c.target, Err: err}
	dial, isDial := errors.AsType[*net.OpError](err)
	payload, isPayload := errors.AsType[*payloadError](err)
	timeout, isNet := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded) || isNet && timeout.Timeout():
		e.Code = http.StatusRequestTimeout
		e.Message = "Request timeout after " + synapse.FormatFloat(c.timeout.Seconds()) + " seconds"
	case errors.Is(err, context.Canceled):
		e.Code, e.Message = statusCancelled, "Request cancelled"
	case isDial && dial.Op == "dial":
		e.Code = http.StatusServiceUnavailable
		e.Message = "Service unavailable at " + c.target.IP + ":" + itoa(c.target.Port) + "/" + c.name
	case isPayload:
		e.Code, e.Message = http.StatusBadRequest, "Payload error: "+payload.Error()
	case isDisconnect(err):
		e.Code, e.Message = http.StatusServiceUnavailable, "Service disconnected: Server disconnected"
	case isMalformed(err):
		e.Code, e.Message = http.StatusBadRequest, "Client response error: "+err.Error()
	default:
		e.Code, e.Message = http.StatusUnprocessableEntity, "Failed to parse response: "+err.Error()
	}
	return e
}

// isDisconnect tells whether the axon hung up without an answer.
func isDisconnect(err error) bool {
	return errors.Is(err, io.EOF) || strings.Contains(err.Error(), "server closed idle connection")
}

// isMalformed tells whether what the axon sent is not HTTP. Package net/http has
// no types for that.
func isMalformed(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return false // the connection failed, such as by a reset
	}
	text := err.Error()
	for _, sign := range [...]string{"malformed HTTP", "transport connection broken", "response headers exceeded", "malformed MIME header"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}
