package substrate

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// message is one JSON-RPC message of a node. Its values are still JSON, and parts of the frame.
type message struct {
	// id is the request that the message answers; hasID is false when the message has none, or null.
	id    uint64
	hasID bool
	// method is set for notifications.
	method []byte
	params []byte
	// result and err are nil when absent; an error of null is absent.
	result []byte
	err    []byte
}

// parseMessage finds the parts of a message without building anything: an answer can be 64 MiB of hexadecimal digits.
// The parts themselves are looked at by those who decode them.
func parseMessage(frame []byte) (message, error) {
	var m message
	err := scanObject(frame, func(key, value []byte) error {
		switch string(key) {
		case "id":
			if string(value) == "null" {
				m.hasID = false
				return nil
			}
			id, err := strconv.ParseUint(string(value), 10, 64)
			if err != nil {
				return fmt.Errorf("the id %.40q is no number that was sent", value)
			}
			m.id, m.hasID = id, true
		case "method":
			m.method = value
		case "params":
			m.params = value
		case "result":
			m.result = value
		case "error":
			m.err = nil
			if string(value) != "null" {
				m.err = value
			}
		}
		return nil
	})
	return m, err
}

// notice is what a notification carries.
type notice struct {
	subscription string // the id as the node writes it, JSON
	result       []byte
	err          []byte
}

func parseNotice(params []byte) (notice, error) {
	var n notice
	err := scanObject(params, func(key, value []byte) error {
		switch string(key) {
		case "subscription":
			n.subscription = string(value)
		case "result":
			n.result = value
		case "error":
			n.err = value
		}
		return nil
	})
	return n, err
}

// appendRequest writes a request. Parameters are positional: servers disagree about the names of some.
func appendRequest(dst []byte, id uint64, method string, params []any) ([]byte, error) {
	if params == nil {
		params = []any{}
	}
	encoded, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	dst = append(dst, `{"jsonrpc":"2.0","id":`...)
	dst = strconv.AppendUint(dst, id, 10)
	dst = append(dst, `,"method":"`...)
	dst = append(dst, method...)
	dst = append(dst, `","params":`...)
	dst = append(dst, encoded...)
	return append(dst, '}'), nil
}

// maxErrorText bounds what is kept of a node's message, and of the data with it.
const maxErrorText = 1 << 10

// answeredError turns the error member of an answer into an Error without Op and Node.
func answeredError(raw []byte) *Error {
	var e struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return &Error{Kind: KindMalformed, Message: "the node's error is not a JSON-RPC error: " + clip(raw)}
	}
	data := string(e.Data)
	var text string
	if json.Unmarshal(e.Data, &text) == nil {
		data = text
	}
	message := clip(e.Message)
	if data != "" && data != "null" {
		message += " (" + clip(data) + ")"
	}
	kind := classify(e.Code, e.Message, data)
	const execution = "Execution " // failed, or aborted
	trapped := kind == KindNode && (strings.Contains(e.Message, execution) || strings.Contains(data, execution))
	return &Error{Kind: kind, Code: e.Code, Message: message, trapped: trapped}
}

// clip cuts a text of a node, and keeps nothing of the rest in memory.
func clip[T string | []byte](text T) string {
	if len(text) <= maxErrorText {
		return strings.Clone(string(text))
	}
	return strings.ToValidUTF8(string(text[:maxErrorText]), "") + "…"
}
