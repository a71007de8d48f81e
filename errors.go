package pylon

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// What can go wrong, for errors.Is. The types below carry the details, for errors.As.
var (
	// ErrClosed: the client is closed, or was never opened.
	ErrClosed = errors.New("pylon: the client is closed")
	// ErrOpen: the client is open already.
	ErrOpen = errors.New("pylon: the client is open already")
	// ErrMisconfigured: the configuration does not allow what was asked for. See ConfigError.
	ErrMisconfigured = errors.New("pylon: misconfigured")
	// ErrInvalid: an argument is wrong; nothing was sent. See ArgumentError.
	ErrInvalid = errors.New("pylon: invalid argument")
	// ErrRequest: there was no answer. See RequestError and TimeoutError.
	ErrRequest = errors.New("pylon: no answer")
	// ErrTimeout: there was no answer in time. It is an ErrRequest too. See TimeoutError.
	ErrTimeout = errors.New("pylon: timed out")
	// ErrResponse: the service refused or failed. See ResponseError.
	ErrResponse = errors.New("pylon: invalid response")
	// ErrBody: the service said that all is well in a way that makes no sense. See BodyError.
	ErrBody = errors.New("pylon: unreadable answer")
	// ErrVerification: a neuron is not who it should be. See VerificationError.
	ErrVerification = errors.New("pylon: the neuron could not be verified")
	// ErrIntent: what was promised to be brought onto the chain did not happen. See IntentError.
	ErrIntent = errors.New("pylon: the intent did not succeed")
)

// Answers with these statuses are an ErrResponse and one of these.
var (
	ErrNetuidMismatch  = errors.New("pylon: netuid mismatch")     // 308
	ErrUnauthorized    = errors.New("pylon: unauthorized")        // 401
	ErrForbidden       = errors.New("pylon: forbidden")           // 403
	ErrNotFound        = errors.New("pylon: not found")           // 404
	ErrConflict        = errors.New("pylon: conflict")            // 409
	ErrTooManyRequests = errors.New("pylon: too many requests")   // 429
	ErrBadGateway      = errors.New("pylon: bad gateway")         // 502
	ErrUnavailable     = errors.New("pylon: service unavailable") // 503
)

// errorOf names the statuses that have an error of their own.
var errorOf = map[int]error{
	http.StatusPermanentRedirect:  ErrNetuidMismatch,
	http.StatusUnauthorized:       ErrUnauthorized,
	http.StatusForbidden:          ErrForbidden,
	http.StatusNotFound:           ErrNotFound,
	http.StatusConflict:           ErrConflict,
	http.StatusTooManyRequests:    ErrTooManyRequests,
	http.StatusBadGateway:         ErrBadGateway,
	http.StatusServiceUnavailable: ErrUnavailable,
}

// ConfigError says what is wrong with a configuration. It is an ErrMisconfigured.
type ConfigError struct {
	// Field is the field of Config. Empty when the configuration of the service is at fault.
	Field  string
	Detail string
	// Err is the cause, if there is one.
	Err error
}

func (e *ConfigError) Error() string {
	return "pylon: " + e.Detail
}

// Is tells that it is an ErrMisconfigured.
func (e *ConfigError) Is(target error) bool { return target == ErrMisconfigured }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// ArgumentError says what is wrong with an argument. It is an ErrInvalid. Nothing was sent.
type ArgumentError struct {
	Argument string
	Detail   string
}

func (e *ArgumentError) Error() string { return "pylon: " + e.Argument + ": " + e.Detail }

// Is tells that it is an ErrInvalid.
func (e *ArgumentError) Is(target error) bool { return target == ErrInvalid }

// RequestError says that there was no answer. It is an ErrRequest. Whether the service did what was asked is not known.
type RequestError struct {
	// Op is the method and the path of the request.
	Op  string
	Err error
}

func (e *RequestError) Error() string {
	return fmt.Sprintf("pylon: an error occurred while making a request to Pylon API: %s: %v", e.Op, e.Err)
}

// Is tells that it is an ErrRequest.
func (e *RequestError) Is(target error) bool { return target == ErrRequest }

// Unwrap returns the cause.
func (e *RequestError) Unwrap() error { return e.Err }

// TimeoutReason says whose patience ended.
type TimeoutReason string

// The reasons. All but the last are times of Timeouts.
const (
	TimeoutConnect TimeoutReason = "connect"
	TimeoutRead    TimeoutReason = "read"
	TimeoutWrite   TimeoutReason = "write"
	TimeoutPool    TimeoutReason = "pool"
	// TimeoutGateway: the service gave up before the client did, status 504.
	TimeoutGateway TimeoutReason = "gateway_timeout"
)

// TimeoutError says that there was no answer in time. It is an ErrTimeout, an ErrRequest and a net.Error.
type TimeoutError struct {
	Reason TimeoutReason
	// After is how long was waited. 0 when the service gave up.
	After time.Duration
	// Detail is what the service said.
	Detail string
	Err    error
}

func (e *TimeoutError) Error() string {
	text := "pylon: request to Pylon API timed out (" + string(e.Reason) + ")"
	switch {
	case e.Reason != TimeoutGateway:
		return text + " after " + strconv.FormatFloat(e.After.Seconds(), 'f', -1, 64) + "s"
	case e.Detail != "":
		return text + ": " + e.Detail
	default:
		return text
	}
}

// Is tells that it is an ErrTimeout and an ErrRequest.
func (e *TimeoutError) Is(target error) bool { return target == ErrTimeout || target == ErrRequest }

// Unwrap returns the cause.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout tells that it is a timeout.
func (e *TimeoutError) Timeout() bool { return true }

// Temporary tells that another try may succeed.
func (e *TimeoutError) Temporary() bool { return true }

// ResponseError is an answer that says that something went wrong. It is an ErrResponse, and the error of its status.
type ResponseError struct {
	StatusCode int
	// Detail is the service's word. Empty when it gave none.
	Detail string
	// Fields are what is wrong with the fields of a request.
	Fields []FieldError
	// RetryAfter is how long the service asks to wait before the next try. 0 when it does not say.
	RetryAfter time.Duration
}

// FieldError says what is wrong with a field of a request.
type FieldError struct {
	Message string `json:"message"`
	// Key is the dotted path of the field.
	Key string `json:"key"`
	// Source is where the field was: body or query. Empty for fields inside a body.
	Source string `json:"source"`
}

func (e *ResponseError) Error() string {
	var text strings.Builder
	text.WriteString("pylon: ")
	switch e.StatusCode {
	case http.StatusUnauthorized:
		text.WriteString("Unauthorized")
	case http.StatusForbidden:
		text.WriteString("Forbidden")
	case http.StatusNotFound:
		text.WriteString("Not found")
	case http.StatusBadGateway:
		text.WriteString("Bad gateway")
	case http.StatusPermanentRedirect:
		text.WriteString("Netuid mismatch")
	default:
		text.WriteString("Invalid response from Pylon API")
	}
	fmt.Fprintf(&text, " (HTTP %d)", e.StatusCode)
	if e.Detail != "" {
		text.WriteString(": " + e.Detail)
	}
	for _, field := range e.Fields {
		text.WriteString("; ")
		if field.Key != "" {
			text.WriteString(field.Key + ": ")
		}
		text.WriteString(field.Message)
	}
	return text.String()
}

// Is tells that it is an ErrResponse and the error of its status.
func (e *ResponseError) Is(target error) bool {
	return target == ErrResponse || target != nil && errorOf[e.StatusCode] == target
}

// BodyError is an answer that says that all is well, with a body that is not what the contract promises. It is an
// ErrBody. A write may have been done.
type BodyError struct {
	// Op is the method and the path of the request.
	Op         string
	StatusCode int
	Err        error
}

func (e *BodyError) Error() string {
	return fmt.Sprintf("pylon: %s: unreadable answer (HTTP %d): %v", e.Op, e.StatusCode, e.Err)
}

// Is tells that it is an ErrBody.
func (e *BodyError) Is(target error) bool { return target == ErrBody }

// Unwrap returns the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// IntentError says that an intent ended other than well. It is an ErrIntent.
type IntentError struct {
	// Intent is how it ended.
	Intent *Intent
}

func (e *IntentError) Error() string {
	text := fmt.Sprintf("pylon: intent %s is %s", e.Intent.ID, e.Intent.State)
	if e.Intent.Reason != "" {
		text += " (" + string(e.Intent.Reason) + ")"
	}
	if e.Intent.Detail != "" {
		text += ": " + e.Intent.Detail
	}
	return text
}

// Is tells that it is an ErrIntent.
func (e *IntentError) Is(target error) bool { return target == ErrIntent }
