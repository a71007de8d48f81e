package substrate

import (
	"bytes"
	"encoding/json"
	"errors"
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

var (
	errNotObject = errors.New("not a JSON object")
	errTruncated = errors.New("JSON ends in the middle")
	errTooDeep   = errors.New("JSON is nested too deeply")
)

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

// scanObject calls member for each member of a JSON object, in order. Keys are as written, without their quotes. It
// checks the object's own structure and finds the ends of the values, which may themselves be malformed inside.
func scanObject(b []byte, member func(key, value []byte) error) error {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '{' {
		return errNotObject
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == '}' {
		return scanEnd(b, i+1)
	}
	for {
		if i == len(b) {
			return errTruncated
		}
		if b[i] != '"' {
			return fmt.Errorf("byte %d: %q where a key should be", i, b[i])
		}
		end, err := skipString(b, i)
		if err != nil {
			return err
		}
		key := b[i+1 : end-1]
		if i = skipSpace(b, end); i == len(b) {
			return errTruncated
		}
		if b[i] != ':' {
			return fmt.Errorf("byte %d: %q where a colon should be", i, b[i])
		}
		i = skipSpace(b, i+1)
		if end, err = skipValue(b, i); err != nil {
			return err
		}
		if err := member(key, b[i:end:end]); err != nil {
			return err
		}
		if i = skipSpace(b, end); i == len(b) {
			return errTruncated
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case '}':
			return scanEnd(b, i+1)
		default:
			return fmt.Errorf("byte %d: %q where a comma should be", i, b[i])
		}
	}
}

func scanEnd(b []byte, i int) error {
	if i = skipSpace(b, i); i != len(b) {
		return fmt.Errorf("byte %d: %q after the end", i, b[i])
	}
	return nil
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// maxDepth bounds the nesting of values. What nodes send is less than ten deep.
const maxDepth = 64

// skipValue returns the end of the value that begins at i.
func skipValue(b []byte, i int) (int, error) {
	if i == len(b) {
		return 0, errTruncated
	}
	switch b[i] {
	case '"':
		return skipString(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	start := i
	for i < len(b) && isScalar(b[i]) {
		i++
	}
	if i == start {
		return 0, fmt.Errorf("byte %d: %q where a value should be", i, b[i])
	}
	return i, nil
}

func isScalar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.'
}

// skipNested matches brackets, outside of strings.
func skipNested(b []byte, i int) (int, error) {
	var closers [maxDepth]byte
	depth := 0
	for i < len(b) {
		switch c := b[i]; c {
		case '"':
			end, err := skipString(b, i)
			if err != nil {
				return 0, err
			}
			i = end
			continue
		case '{', '[':
			if depth == maxDepth {
				return 0, errTooDeep
			}
			closers[depth] = c + 2 // '}' and ']' come two after their opening brackets
			depth++
		case '}', ']':
			depth--
			if closers[depth] != c {
				return 0, fmt.Errorf("byte %d: %q closes nothing", i, c)
			}
			if depth == 0 {
				return i + 1, nil
			}
		}
		i++
	}
	return 0, errTruncated
}

// skipString returns the end of the string whose opening quote is at i, in linear time whatever is escaped in it.
func skipString(b []byte, i int) (int, error) {
	i++
	quote := -1
	for {
		if quote < i {
			if i > len(b) {
				return 0, errTruncated
			}
			at := bytes.IndexByte(b[i:], '"')
			if at < 0 {
				return 0, errTruncated
			}
			quote = i + at
		}
		at := bytes.IndexByte(b[i:quote], '\\')
		if at < 0 {
			return quote + 1, nil
		}
		i += at + 2
	}
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

// maxErrorText bounds what is kept of a node's words.
const maxErrorText = 1 << 10

// answeredError turns the error member of an answer into an Error without Op and Node.
func answeredError(raw []byte) *Error {
	var e struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return &Error{Kind: KindMalformed, Message: "the node's error is not a JSON-RPC error: " + clip(string(raw))}
	}
	data := string(e.Data)
	var text string
	if json.Unmarshal(e.Data, &text) == nil {
		data = text
	}
	kind := classify(e.Code, e.Message, data)
	message := e.Message
	if data != "" && data != "null" {
		message += " (" + data + ")"
	}
	return &Error{Kind: kind, Code: e.Code, Message: clip(message)}
}

func clip(text string) string {
	if len(text) > maxErrorText {
		return strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}
