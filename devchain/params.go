package devchain

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// parseParams puts parameters into the order of names. As with jsonrpsee they are
// an array or an object, names may be in camel case, and what is unknown or too
// much is ignored. Missing ones and null are nil.
func parseParams(params json.RawMessage, names []string) ([]json.RawMessage, error) {
	args := make([]json.RawMessage, len(names))
	params = bytes.TrimSpace(params)
	switch {
	case len(params) == 0 || string(params) == "null":
	case params[0] == '[':
		values, _, err := elements(params, len(names))
		if err != nil {
			return nil, errInvalidParams("%v", err)
		}
		copy(args, values)
	case params[0] == '{':
		if err := fields(params, names, args); err != nil {
			return nil, errInvalidParams("%v", err)
		}
	default:
		return nil, errInvalidParams("expected an array or an object")
	}
	for i, arg := range args {
		if string(arg) == "null" {
			args[i] = nil
		}
	}
	return args, nil
}

// elements returns the elements of an array, limit of them at most, and whether
// these are all. What is beyond the limit is not looked at, so that a long array
// costs nothing.
func elements(array []byte, limit int) (values []json.RawMessage, complete bool, err error) {
	decoder := json.NewDecoder(bytes.NewReader(array))
	if _, err := decoder.Token(); err != nil {
		return nil, false, err
	}
	for decoder.More() {
		if len(values) == limit {
			return values, false, nil
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, false, err
		}
		values = append(values, value)
	}
	if _, err := decoder.Token(); err != nil {
		return nil, false, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, false, errors.New("something follows the array")
	}
	return values, true, nil
}

// fields puts the fields of an object that have one of the names into args.
func fields(object []byte, names []string, args []json.RawMessage) error {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		field, err := decoder.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		for i, name := range names {
			if field == name || field == camelCase(name) {
				args[i] = value
			}
		}
	}
	return nil
}

func camelCase(name string) string {
	var out strings.Builder
	upper := false
	for _, r := range name {
		if r == '_' {
			upper = true
			continue
		}
		if upper {
			out.WriteString(strings.ToUpper(string(r)))
			upper = false
		} else {
			out.WriteRune(r)
		}
	}
	return out.String()
}

// invalid is the error for argument i.
func (c *invocation) invalid(i int, format string, args ...any) error {
	return errInvalidParams("%s: %s", c.method.params[i], fmt.Sprintf(format, args...))
}

// decode reads argument i, which must be there.
func (c *invocation) decode(i int, into any) error {
	if c.args[i] == nil {
		return c.invalid(i, "missing")
	}
	err := json.Unmarshal(c.args[i], into)
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return c.invalid(i, "expected %v, not %s", wrong.Type, wrong.Value)
	}
	if err != nil {
		return c.invalid(i, "%v", err)
	}
	return nil
}

// hash reads argument i as an optional block hash.
func (c *invocation) hash(i int) (*Hash, error) {
	if c.args[i] == nil {
		return nil, nil
	}
	var text string
	if err := c.decode(i, &text); err != nil {
		return nil, err
	}
	hash, err := ParseHash(text)
	if err != nil {
		return nil, c.invalid(i, "expected a hash of 64 hexadecimal digits")
	}
	return &hash, nil
}

// bytes reads argument i as hexadecimal digits with or without 0x. A missing one
// is nil.
func (c *invocation) bytes(i int) ([]byte, error) {
	if c.args[i] == nil {
		return nil, nil
	}
	var text string
	if err := c.decode(i, &text); err != nil {
		return nil, err
	}
	return c.unhex(i, text)
}

func (c *invocation) unhex(i int, text string) ([]byte, error) {
	digits := strings.TrimPrefix(text, "0x")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, c.invalid(i, "expected hexadecimal digits")
	}
	return b, nil
}

// requiredBytes is bytes of an argument that must be there.
func (c *invocation) requiredBytes(i int) ([]byte, error) {
	if c.args[i] == nil {
		return nil, c.invalid(i, "missing")
	}
	return c.bytes(i)
}

// keys reads argument i as an optional list of storage keys.
func (c *invocation) keys(i int) ([][]byte, error) {
	if c.args[i] == nil {
		return nil, nil
	}
	values, err := c.list(i)
	if err != nil {
		return nil, err
	}
	keys := make([][]byte, len(values))
	for j, value := range values {
		var text string
		if json.Unmarshal(value, &text) != nil {
			return nil, c.invalid(i, "expected hexadecimal digits")
		}
		if keys[j], err = c.unhex(i, text); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// maxList bounds the lists that are parameters, whose answers are many times as
// long.
const maxList = 50_000

// list reads argument i as a list.
func (c *invocation) list(i int) ([]json.RawMessage, error) {
	if c.args[i][0] != '[' {
		return nil, c.invalid(i, "expected a list")
	}
	values, complete, err := elements(c.args[i], maxList)
	if err != nil {
		return nil, c.invalid(i, "%v", err)
	}
	if !complete {
		return nil, c.invalid(i, "more than %d elements", maxList)
	}
	return values, nil
}
