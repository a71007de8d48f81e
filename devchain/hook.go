package devchain

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Hook looks at a call before the node answers it, and may spoil the answer. It
// runs in the call's goroutine and may wait; ctx is done when the connection or
// the node closes.
type Hook func(ctx context.Context, call *Call)

// Call is what a Hook sees, and what it decides. Of a notification it decides
// Silent, Mangle and Cut only.
type Call struct {
	// Method is the method's own name if the client used an alias. Of a
	// notification, as chain_newHead, it is the notification's.
	Method string
	// Params is what the client sent. A notification has none.
	Params json.RawMessage

	// Error, if set, is the answer. The method is not run.
	Error *RPCError
	// Result, if not nil, is the answer as JSON. The method is not run.
	Result any
	// Silent leaves the call without an answer, or drops the notification.
	Silent bool
	// Mangle, if set, changes the complete message before it is sent.
	Mangle func(message []byte) []byte
	// Cut ends the connection after CutAfter bytes of the message: of its WebSocket
	// frame, header included, or of its HTTP body.
	Cut      bool
	CutAfter int
}

// RPCError is an error as JSON-RPC knows it.
type RPCError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    any    `json:"data,omitempty"`
}

func (e *RPCError) Error() string { return e.Message }

// Hook makes hook see every call of a method from now on, in place of the hook
// that did so before; nil removes it. The method may be one that the node does
// not have, or a notification such as chain_newHead. "*" stands for all methods
// and notifications that have no hook of their own.
func (n *Node) Hook(method string, hook Hook) {
	n.hooks.mu.Lock()
	defer n.hooks.mu.Unlock()
	next := maps.Clone(n.hooks.byMethod)
	if next == nil {
		next = make(map[string]Hook)
	}
	if hook == nil {
		delete(next, canonical(method))
	} else {
		next[canonical(method)] = hook
	}
	n.hooks.byMethod = next
}

// Calls counts the calls that clients made, by method; aliases count as the
// method, and names that the node does not know as UnknownMethod. A batch counts
// call by call.
func (n *Node) Calls() map[string]int {
	n.hooks.mu.RLock()
	defer n.hooks.mu.RUnlock()
	counts := make(map[string]int, len(n.hooks.counts))
	for method, count := range n.hooks.counts {
		counts[method] = int(count.Load())
	}
	return counts
}

// UnknownMethod is what Calls counts calls of unknown methods under.
const UnknownMethod = "unknown"

// hooks are a node's hooks and counters.
type hooks struct {
	mu       sync.RWMutex
	byMethod map[string]Hook
	counts   map[string]*atomic.Int64
}

// count counts a call.
func (h *hooks) count(method string) {
	h.mu.RLock()
	counter, ok := h.counts[method]
	h.mu.RUnlock()
	if !ok {
		h.mu.Lock()
		if h.counts == nil {
			h.counts = make(map[string]*atomic.Int64)
		}
		if counter, ok = h.counts[method]; !ok {
			counter = new(atomic.Int64)
			h.counts[method] = counter
		}
		h.mu.Unlock()
	}
	counter.Add(1)
}

// run lets the hook for a method see the call.
func (h *hooks) run(ctx context.Context, call *Call) {
	h.mu.RLock()
	hook, ok := h.byMethod[call.Method]
	if !ok {
		hook = h.byMethod["*"]
	}
	h.mu.RUnlock()
	if hook != nil {
		hook(ctx, call)
	}
}

// Delay makes calls wait before they are answered.
func Delay(d time.Duration) Hook {
	return func(ctx context.Context, _ *Call) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
}

// Until makes calls wait until the channel is closed.
func Until(closed <-chan struct{}) Hook {
	return func(ctx context.Context, _ *Call) {
		select {
		case <-closed:
		case <-ctx.Done():
		}
	}
}

// Fail answers with an error.
func Fail(code int, message string) Hook {
	return func(_ context.Context, call *Call) { call.Error = &RPCError{Code: code, Message: message} }
}

// Answer answers with a result of the caller's choice.
func Answer(result any) Hook {
	return func(_ context.Context, call *Call) { call.Result = result }
}

// Silence never answers.
func Silence() Hook {
	return func(_ context.Context, call *Call) { call.Silent = true }
}

// Garble answers with something that is not JSON.
func Garble() Hook {
	return func(_ context.Context, call *Call) {
		call.Mangle = func(message []byte) []byte { return append([]byte("<garbled>"), message[len(message)/2:]...) }
	}
}

// Truncate answers with the first half of the message, as a complete frame.
func Truncate() Hook {
	return func(_ context.Context, call *Call) {
		call.Mangle = func(message []byte) []byte { return message[:len(message)/2] }
	}
}

// WrongID answers with an id that nobody asked with.
func WrongID() Hook {
	return func(_ context.Context, call *Call) {
		call.Mangle = func(message []byte) []byte {
			var fields map[string]json.RawMessage
			if json.Unmarshal(message, &fields) != nil {
				return message
			}
			fields["id"] = json.RawMessage("4611686018427387904")
			mangled, _ := json.Marshal(fields)
			return mangled
		}
	}
}

// Enlarge makes the answer at least n bytes long without making it wrong: it
// ends in spaces.
func Enlarge(n int) Hook {
	return func(_ context.Context, call *Call) {
		call.Mangle = func(message []byte) []byte {
			return append(message, bytes.Repeat([]byte{' '}, max(0, n-len(message)))...)
		}
	}
}

// CutAfter ends the connection after n bytes of the answer.
func CutAfter(n int) Hook {
	return func(_ context.Context, call *Call) { call.Cut, call.CutAfter = true, n }
}

// First applies a hook to the first n calls only.
func First(n int, hook Hook) Hook {
	var seen atomic.Int64
	return func(ctx context.Context, call *Call) {
		if seen.Add(1) <= int64(n) {
			hook(ctx, call)
		}
	}
}
