package problem

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is what sort of thing went wrong. The zero value is Unknown.
type Kind uint8

// The kinds. The comment names the HTTP status that the server answers with.
const (
	Unknown       Kind = iota // nobody foresaw it: 500
	Invalid                   // the request is wrong: 400
	Unauthorized              // no usable credentials: 401
	Forbidden                 // the wrong credentials: 403
	NotFound                  // what the request names does not exist: 404
	Conflict                  // it does not fit the state of what the request names: 409
	TooLarge                  // the request's body is over the limit: 413
	Unprocessable             // the request is well formed and makes no sense: 422
	TooMany                   // the caller has done it wrong too often: 429
	Canceled                  // the caller went away before the answer: 499, seen by logs and metrics only
	Unsupported               // the chain could not do this at that block: 501
	Unavailable               // a node failed: 502
	NotReady                  // the service does not have it yet, or only too old: 503
	Timeout                   // the time that the request allows is over: 504
)

var kindNames = [...]string{
	Unknown:       "unknown",
	Invalid:       "invalid",
	Unauthorized:  "unauthorized",
	Forbidden:     "forbidden",
	NotFound:      "not found",
	Conflict:      "conflict",
	TooLarge:      "too large",
	Unprocessable: "unprocessable",
	TooMany:       "too many",
	Canceled:      "canceled",
	Unsupported:   "unsupported",
	Unavailable:   "unavailable",
	NotReady:      "not ready",
	Timeout:       "timeout",
}

// Kinds returns every kind, Unknown first.
func Kinds() []Kind {
	all := make([]Kind, len(kindNames))
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// String returns the kind in words.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Field is one thing wrong with a request, as an entry of the answer's "extra" list.
type Field struct {
	// Message says what is wrong.
	Message string
	// Key is the dotted path of the body's field or the name of the parameter. Empty leaves it out of the answer.
	Key string
	// Source is where the key was looked for, "body" or "query". Empty leaves it out of the answer.
	Source string
}

// Error is a failure that a user is told about.
type Error struct {
	Kind Kind
	// Detail is the text of the answer, exactly as the contract has it. It must not hold anything secret.
	Detail string
	// Fields lists what is wrong with the request, when there is a list. Defaults to none.
	Fields []Field
	// RetryAfter is how long the caller should wait before it tries again. Defaults to nothing said about it.
	RetryAfter time.Duration
	// Err is the cause, for the log. Users never see it. Defaults to none.
	Err error
}

// New returns a problem without a cause.
func New(kind Kind, detail string) *Error { return &Error{Kind: kind, Detail: detail} }

// Newf is New with a formatted detail.
func Newf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Wrap returns a problem with its cause.
func Wrap(kind Kind, detail string, err error) *Error {
	return &Error{Kind: kind, Detail: detail, Err: err}
}

// Error returns the detail, followed by the cause when there is one.
func (e *Error) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Kind.String()
	}
	if e.Err == nil {
		return text
	}
	return text + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the outermost problem in err. Without one, the end of a context counts as Timeout or
// Canceled and everything else is Unknown, nil included.
func KindOf(err error) Kind {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e.Kind
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	default:
		return Unknown
	}
}
