package synapse

import (
	"encoding"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// What pydantic says of a value that does not fit, in the words used here.
var (
	errNull     = errors.New("null where a value is required")
	errBool     = errors.New("not a boolean")
	errString   = errors.New("not a string")
	errList     = errors.New("not a list")
	errObject   = errors.New("not an object")
	errMissing  = errors.New("field required")
	errRange    = errors.New("a number that the Go type cannot hold")
	errTime     = errors.New("not a date and time")
	errEnum     = errors.New("an enum cannot be read")
	errListSize = errors.New("a list of another length")
)

// integer reads a value that stands for an int, and returns its digits as
// Python writes them, such as -12 or 0.
func (s *scanner) integer() ([]byte, error) {
	switch c := s.peek(); c {
	case 'n':
		if err := s.word("null"); err != nil {
			return nil, err
		}
		return nil, errNull
	case 't':
		return []byte("1"), s.word("true")
	case 'f':
		return []byte("0"), s.word("false")
	case '"':
		text, err := s.text()
		if err != nil {
			return nil, err
		}
		return integerText(text)
	case '[', '{':
		if err := s.skip(); err != nil {
			return nil, err
		}
		return nil, ErrNotInteger
	}
	text, float, err := s.number()
	if err != nil {
		return nil, err
	}
	if !float {
		if string(text) == "-0" {
			return text[1:], nil
		}
		return text, nil
	}
	f, err := floatOf(text, true)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 {
		return nil, ErrNotInteger // also not a number, and infinity
	}
	return strconv.AppendInt(nil, int64(f), 10), nil
}

// integerText turns "+1_0" into 10.
func integerText(text string) ([]byte, error) {
	plain, ok := digitText(text)
	negative := strings.HasPrefix(plain, "-")
	digits := strings.TrimLeft(plain, "0")
	if plain != "" && (plain[0] == '-' || plain[0] == '+') {
		digits = strings.TrimLeft(plain[1:], "0")
		plain = plain[1:]
	}
	if !ok || plain == "" || len(plain) > maxDigits {
		return nil, ErrNotInteger
	}
	for i := range len(plain) {
		if !isDigit(plain[i]) {
			return nil, ErrNotInteger
		}
	}
	switch {
	case digits == "":
		return []byte("0"), nil
	case negative:
		return []byte("-" + digits), nil
	}
	return []byte(digits), nil
}

// float reads a value that stands for a float.
func (s *scanner) float() (float64, error) {
	switch s.peek() {
	case 'n':
		if err := s.word("null"); err != nil {
			return 0, err
		}
		return 0, errNull
	case 't':
		return 1, s.word("true")
	case 'f':
		return 0, s.word("false")
	case '"':
		text, err := s.text()
		if err != nil {
			return 0, err
		}
		f, err := parseFloat(text)
		return f.Value, err
	case '[', '{':
		if err := s.skip(); err != nil {
			return 0, err
		}
		return 0, ErrNotFloat
	}
	text, float, err := s.number()
	if err != nil {
		return 0, err
	}
	return floatOf(text, float)
}

// boolean reads a value that stands for a bool.
func (s *scanner) boolean() (bool, error) {
	switch s.peek() {
	case 'n':
		if err := s.word("null"); err != nil {
			return false, err
		}
		return false, errNull
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	case '"':
		text, err := s.text()
		if err != nil {
			return false, err
		}
		switch strings.ToLower(text) {
		case "1", "true", "t", "yes", "y", "on":
			return true, nil
		case "0", "false", "f", "no", "n", "off":
			return false, nil
		}
		return false, errBool
	case '[', '{':
		if err := s.skip(); err != nil {
			return false, err
		}
		return false, errBool
	}
	text, float, err := s.number()
	if err != nil {
		return false, err
	}
	f, err := floatOf(text, float)
	if err != nil || f != 0 && f != 1 {
		return false, errBool
	}
	return f == 1, nil
}

// str reads a value that stands for a str, which only a string does.
func (s *scanner) str() (string, error) {
	if s.peek() == '"' {
		return s.text()
	}
	return "", s.refuse(errString)
}

// refuse goes past a value of the wrong type and returns why it is refused, or
// what is wrong with its JSON.
func (s *scanner) refuse(reason error) error {
	null := s.peek() == 'n'
	if err := s.skip(); err != nil {
		return err
	}
	if null {
		return errNull
	}
	return reason
}

// datetime reads the naive form of ISO 8601, which is all that this protocol
// has.
func (s *scanner) datetime() (time.Time, error) {
	text, err := s.str()
	if err != nil {
		return time.Time{}, err
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, errTime
}

// setInt stores digits in an integer of any size.
func setInt(v reflect.Value, digits []byte) error {
	switch v.Kind() {
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil || v.OverflowUint(n) {
			return errRange
		}
		v.SetUint(n)
	default:
		n, err := strconv.ParseInt(string(digits), 10, 64)
		if err != nil || v.OverflowInt(n) {
			return errRange
		}
		v.SetInt(n)
	}
	return nil
}

// anyInt is the value of an integer where the type is any.
func anyInt(digits []byte) any {
	if len(digits) < 20 {
		if n, err := strconv.ParseInt(string(digits), 10, 64); err == nil {
			return n
		}
	}
	return bigInt(digits)
}

func bigInt(digits []byte) *big.Int {
	n, _ := new(big.Int).SetString(string(digits), 10)
	return n
}

// setText stores text in a value that implements encoding.TextUnmarshaler.
func setText(v reflect.Value, text string) error {
	return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
}

// textOf is the text of a value that implements encoding.TextMarshaler.
func textOf(v reflect.Value) (string, error) {
	m, ok := v.Interface().(encoding.TextMarshaler)
	if !ok {
		m = addressable(v).Addr().Interface().(encoding.TextMarshaler)
	}
	text, err := m.MarshalText()
	return string(text), err
}

// addressable returns v, or a copy of it that has an address.
func addressable(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v
	}
	out := reflect.New(v.Type()).Elem()
	out.Set(v)
	return out
}
