package devchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
)

// Errors of JSON-RPC and of jsonrpsee, the server that Substrate nodes use.
const (
	codeParseError           = -32700
	codeInvalidRequest       = -32600
	codeMethodNotFound       = -32601
	codeInvalidParams        = -32602
	codeInternalError        = -32603
	codeTooManySubscriptions = -32006
	codeOversizedResponse    = -32008
	codeTooBigBatch          = -32010
)

func errInvalidParams(format string, args ...any) *RPCError {
	return &RPCError{Code: codeInvalidParams, Message: "Invalid params", Data: fmt.Sprintf(format, args...)}
}

func errLimit(code int, message string, limit any) *RPCError {
	return &RPCError{Code: code, Message: message, Data: fmt.Sprintf("Exceeded max limit of %v", limit)}
}

// request is one call as it comes in.
type request struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

// reply is what goes back for one message, if anything.
type reply struct {
	message []byte   // nil for nothing
	silent  bool     // nothing because of a hook
	then    []func() // what to do once the message is on its way
	cut     bool
	cutAt   int
}

// answer answers one message: a call or a batch. The session is nil over HTTP.
func (n *Node) answer(ctx context.Context, s *session, message []byte) reply {
	message = bytes.TrimSpace(message)
	if len(message) == 0 || message[0] != '[' {
		return n.answerOne(ctx, s, message)
	}
	batch, complete, err := elements(message, n.config.Limits.Batch)
	switch {
	case err != nil:
		return reply{message: renderError(nil, &RPCError{Code: codeParseError, Message: "Parse error"})}
	case len(batch) == 0:
		return reply{message: renderError(nil, &RPCError{Code: codeInvalidRequest, Message: "Invalid request"})}
	case !complete:
		return reply{message: renderError(nil, errLimit(codeTooBigBatch, "The batch request was too large", n.config.Limits.Batch))}
	}
	all := reply{}
	for _, one := range batch {
		r := n.answerOne(ctx, s, one)
		all.then = append(all.then, r.then...)
		all.silent = all.silent || r.silent
		if r.cut {
			all.cut, all.cutAt = true, len(all.message)+r.cutAt
		}
		if r.message == nil {
			continue
		}
		all.message = append(all.message, ',')
		all.message = append(all.message, r.message...)
		if limit := n.config.Limits.ResponseBytes; int64(len(all.message)) > limit {
			return reply{message: renderError(nil, errLimit(codeOversizedResponse, "Response is too big", limit)), then: all.then}
		}
	}
	if all.message != nil {
		all.message[0] = '['
		all.message = append(all.message, ']')
	}
	return all
}

// answerOne answers one call.
func (n *Node) answerOne(ctx context.Context, s *session, message []byte) reply {
	var req request
	if err := json.Unmarshal(message, &req); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return reply{message: renderError(nil, &RPCError{Code: codeParseError, Message: "Parse error"})}
		}
		return invalidRequest(message)
	}
	if req.Version != "2.0" || req.Method == "" || !isID(req.ID) {
		return invalidRequest(message)
	}
	if req.ID == nil {
		return reply{} // a notification: nodes know none
	}
	name := canonical(req.Method)
	m := methods[name]
	if m != nil {
		n.hooks.count(name)
	} else {
		n.hooks.count(UnknownMethod)
	}
	hooked := Call{Method: name, Params: req.Params}
	n.hooks.run(ctx, &hooked)
	if hooked.Silent || ctx.Err() != nil {
		return reply{silent: true}
	}
	r := reply{cut: hooked.Cut, cutAt: hooked.CutAfter}
	var result any
	var err error
	switch {
	case hooked.Error != nil:
		err = hooked.Error
	case hooked.Result != nil:
		result = hooked.Result
	default:
		var then func()
		result, then, err = n.run(ctx, s, m, req.Params)
		if then != nil {
			r.then = append(r.then, then)
		}
	}
	r.message = n.render(req.ID, result, err)
	if hooked.Mangle != nil {
		r.message = hooked.Mangle(r.message)
	}
	return r
}

// run runs a method. A panic is an internal error of this call alone.
func (n *Node) run(ctx context.Context, s *session, m *method, params json.RawMessage) (result any, then func(), err error) {
	defer func() {
		if cause := recover(); cause != nil {
			n.chain.log.ErrorContext(ctx, "an RPC method panicked", "method", m.name, "cause", cause, "stack", string(debug.Stack()))
			result, then, err = nil, nil, &RPCError{Code: codeInternalError, Message: "Internal error"}
		}
	}()
	if m == nil {
		return nil, nil, &RPCError{Code: codeMethodNotFound, Message: "Method not found"}
	}
	args, err := parseParams(params, m.params)
	if err != nil {
		return nil, nil, err
	}
	c := &invocation{node: n, session: s, method: m, args: args}
	result, err = m.handle(c)
	if err == nil {
		then = c.then
	}
	return result, then, err
}

// invocation is one running call of a method.
type invocation struct {
	node    *Node
	session *session // nil over HTTP
	method  *method
	args    []json.RawMessage // by position; nil for what was left out or null
	then    func()
}

// render makes the message of an answer.
func (n *Node) render(id json.RawMessage, result any, err error) []byte {
	if err != nil {
		return renderError(id, err)
	}
	var body []byte
	if b, ok := result.(hexBytes); ok {
		body, err = b.MarshalJSON() // spares json.Marshal's second look at a megabyte of metadata
	} else {
		body, err = json.Marshal(result)
	}
	if err != nil {
		return renderError(id, err)
	}
	if limit := n.config.Limits.ResponseBytes; int64(len(body)) > limit {
		return renderError(id, errLimit(codeOversizedResponse, "Response is too big", limit))
	}
	out := make([]byte, 0, len(body)+len(id)+40)
	out = append(out, `{"jsonrpc":"2.0","id":`...)
	out = append(out, id...)
	out = append(out, `,"result":`...)
	out = append(out, body...)
	return append(out, '}')
}

func renderError(id json.RawMessage, err error) []byte {
	if id == nil {
		id = json.RawMessage("null")
	}
	var known *RPCError
	if !errors.As(err, &known) {
		known = &RPCError{Code: codeInternalError, Message: "Internal error", Data: err.Error()}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   *RPCError       `json:"error"`
	}{"2.0", id, known}); err != nil {
		// The data, which is a hook's, cannot be written.
		return renderError(id, &RPCError{Code: known.Code, Message: known.Message})
	}
	return bytes.TrimSpace(out.Bytes())
}

// invalidRequest answers JSON that is not a call, with its id if it has one.
func invalidRequest(message []byte) reply {
	var only struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(message, &only) != nil || !isID(only.ID) {
		only.ID = nil
	}
	return reply{message: renderError(only.ID, &RPCError{Code: codeInvalidRequest, Message: "Invalid request"})}
}

// isID tells whether an id is one that JSON-RPC allows, or none.
func isID(id json.RawMessage) bool {
	return len(id) == 0 || id[0] == '"' || id[0] == '-' || id[0] == 'n' || '0' <= id[0] && id[0] <= '9'
}
