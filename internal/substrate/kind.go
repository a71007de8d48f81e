package substrate

import (
	"context"
	"errors"
	"fmt"
)

// Kind is what sort of thing went wrong with a call. The zero value is KindUnknown.
type Kind uint8

// The kinds.
const (
	KindUnknown          Kind = iota // the node answered an error that the table does not know
	KindClosed                       // the Client was closed
	KindCanceled                     // the caller gave up
	KindTimeout                      // no answer in time; the error says whose time it was
	KindTransport                    // no connection, or it broke before the answer came
	KindTooLarge                     // the answer is over the limit, ours or the node's
	KindMalformed                    // the answer is not what the protocol says, or contradicts the question
	KindStateDiscarded               // the node has pruned the state of that block
	KindUnknownBlock                 // the node does not know that block
	KindMethodMissing                // the runtime of that block does not export the runtime API
	KindRPCMethodMissing             // the node has no such RPC method
	KindInvalidParams                // the node refused the parameters
	KindWrongChain                   // the node serves another chain
	KindNode                         // the node, or its runtime, says that it failed
	KindRefused                      // the node's pool does not take the extrinsic: see SubmitError
)

var kindNames = [...]string{
	KindUnknown:          "Unknown",
	KindClosed:           "Closed",
	KindCanceled:         "Canceled",
	KindTimeout:          "Timeout",
	KindTransport:        "Transport",
	KindTooLarge:         "TooLarge",
	KindMalformed:        "Malformed",
	KindStateDiscarded:   "StateDiscarded",
	KindUnknownBlock:     "UnknownBlock",
	KindMethodMissing:    "MethodMissing",
	KindRPCMethodMissing: "RPCMethodMissing",
	KindInvalidParams:    "InvalidParams",
	KindWrongChain:       "WrongChain",
	KindNode:             "NodeError",
	KindRefused:          "Refused",
}

// String returns the kind as one word in camel case, the error type of error texts and metrics.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind%d", uint8(k))
}

// Error is a call that failed.
type Error struct {
	Kind Kind
	// Op is the RPC method, or what else was tried.
	Op string
	// Node is the address of the node without credentials, empty when no node was asked.
	Node string
	// Code is the JSON-RPC error code, 0 when the node did not answer with an error.
	Code int
	// Message is the node's own words, cut at 1 KiB, or ours.
	Message string
	// Err is the cause. It is the context's error when the caller's context ended, and only then: a node that did not
	// answer in its own time is no context.DeadlineExceeded.
	Err error

	// earlier tells that the same question was sent to the node before, and its answer was lost.
	earlier bool
	// trapped tells that the node says that the runtime failed, and not itself.
	trapped bool
}

// Error names the method, the node, the kind, and what was said.
func (e *Error) Error() string {
	text := e.Op
	if e.Node != "" {
		text += " on " + e.Node
	}
	text += ": " + e.Kind.String()
	if e.Code != 0 {
		text += fmt.Sprintf(" %d", e.Code)
	}
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the *Error that err is or wraps, KindCanceled and KindTimeout for the ends of a context,
// and KindUnknown otherwise.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	switch {
	case errors.Is(err, context.Canceled):
		return KindCanceled
	case errors.Is(err, context.DeadlineExceeded):
		return KindTimeout
	}
	return KindUnknown
}
