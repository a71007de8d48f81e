package synapse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// maxDepth is how deep lists and objects may be nested, and maxDigits how many
// digits an integer may have, as in Python.
const (
	maxDepth  = 200
	maxDigits = 4300
)

// ErrUTF8 reports a body that is not UTF-8.
var ErrUTF8 = errors.New("synapse: not UTF-8")

// SyntaxError reports text that is not JSON. The messages are those of Python's
// json module.
type SyntaxError struct {
	Offset  int // in bytes
	Message string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("synapse: %s at byte %d", e.Message, e.Offset)
}

// Messages that are used more than once.
const (
	wantsName    = "Expecting property name enclosed in double quotes"
	unterminated = "Unterminated string starting at"
)

// scanner reads JSON from left to right. Besides the standard it takes NaN,
// Infinity and -Infinity, which Python writes.
type scanner struct {
	data  []byte
	pos   int
	depth int
}

func (s *scanner) fail(message string) error { return &SyntaxError{Offset: s.pos, Message: message} }

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.data) {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return c
		}
	}
	return 0
}

// end checks that nothing but white space is left.
func (s *scanner) end() error {
	if s.peek(); s.pos != len(s.data) {
		return s.fail("Extra data")
	}
	return nil
}

// enter begins a list or an object, whose first byte is next.
func (s *scanner) enter() error {
	if s.depth++; s.depth > maxDepth {
		return s.fail("Nested too deeply")
	}
	s.pos++
	return nil
}

// more tells whether a list or object that enter began has another item, and
// goes past the comma before it or the closing bracket.
func (s *scanner) more(first bool, closing byte) (bool, error) {
	c := s.peek()
	switch {
	case c == closing:
		s.pos++
		s.depth--
		return false, nil
	case first:
		return true, nil
	case c != ',':
		return false, s.fail("Expecting ',' delimiter")
	}
	s.pos++
	if s.peek() == closing {
		if closing == '}' {
			return false, s.fail(wantsName)
		}
		return false, s.fail("Expecting value")
	}
	return true, nil
}

// name reads the name of an object's member and the colon. It is a part of the
// text that is read, unless it had escapes.
func (s *scanner) name() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail(wantsName)
	}
	name, escaped, err := s.rawText()
	if err != nil {
		return nil, err
	}
	if escaped {
		text, err := unescape(name)
		if err != nil {
			return nil, err
		}
		name = []byte(text)
	}
	if s.peek() != ':' {
		return nil, s.fail("Expecting ':' delimiter")
	}
	s.pos++
	return name, nil
}

// key is name as a string, for who keeps it.
func (s *scanner) key() (string, error) {
	name, err := s.name()
	return string(name), err
}

// text reads a string.
func (s *scanner) text() (string, error) {
	raw, escaped, err := s.rawText()
	if err != nil {
		return "", err
	}
	if !escaped {
		return string(raw), nil
	}
	return unescape(raw)
}

// rawText goes past a string, checks it, and returns what is between its
// quotes.
func (s *scanner) rawText() (raw []byte, escaped bool, err error) {
	begin := s.pos
	at := begin + 1
	for {
		at += plainJSON(s.data[at:])
		if at == len(s.data) {
			return nil, false, s.fail(unterminated)
		}
		switch c := s.data[at]; {
		case c == '"':
			s.pos = at + 1
			return s.data[begin+1 : at], escaped, nil
		case c == '\\':
			escaped = true
			size := escapeSize(s.data[at:])
			switch rest := s.data[at+1:]; {
			case size > 0:
			case len(rest) == 0:
				return nil, false, s.fail(unterminated)
			case rest[0] == 'u':
				s.pos = at + 1
				return nil, false, s.fail("Invalid \\uXXXX escape")
			default:
				s.pos = at
				return nil, false, s.fail("Invalid \\escape")
			}
			at += size
		case c < ' ':
			s.pos = at
			return nil, false, s.fail("Invalid control character at")
		default:
			r, size := utf8.DecodeRune(s.data[at:])
			if r == utf8.RuneError && size == 1 {
				return nil, false, ErrUTF8
			}
			at += size
		}
	}
}

// plainJSON counts the bytes at the start of b that a JSON string holds as they
// are and that are ASCII. It looks at eight bytes at a time.
func plainJSON(b []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(b); i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		special := w | (w - ones*' ') | (quote - ones) | (slash - ones)
		if special &= highs; special != 0 {
			// Borrows may mark a byte above a special one, never one below.
			i += bits.TrailingZeros64(special) / 8
			return i
		}
	}
	for ; i < len(b); i++ {
		if c := b[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return i
		}
	}
	return i
}

// plainText is plainJSON of a string.
func plainText(text string) int {
	return plainJSON(unsafe.Slice(unsafe.StringData(text), len(text)))
}

// escapeSize returns the length of the escape sequence at the start of b, or 0.
func escapeSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads \uXXXX.
func hex4(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range b[2:6] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// unescape resolves the escapes of a checked string. Python allows half of a
// surrogate pair in its strings, but cannot hash one, and neither do we.
func unescape(raw []byte) (string, error) {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			next := i + 1
			for next < len(raw) && raw[next] != '\\' {
				next++
			}
			out = append(out, raw[i:next]...)
			i = next
			continue
		}
		switch c := raw[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(raw[i:])
			i += 6
			if utf16.IsSurrogate(r) {
				low, _ := hex4(raw[i:])
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return "", errors.New("half of a surrogate pair")
				}
				i += 6
			}
			out = utf8.AppendRune(out, r)
			continue
		default:
			out = append(out, c)
		}
		i += 2
	}
	return unsafe.String(unsafe.SliceData(out), len(out)), nil // nothing else refers to out
}

// number reads a number. A float has a fraction or an exponent, or is NaN,
// Infinity or -Infinity.
func (s *scanner) number() (text []byte, float bool, err error) {
	begin := s.pos
	rest := s.data[begin:]
	for _, word := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.pos += len(word)
			return rest[:len(word)], true, nil
		}
	}
	at := 0
	digits := func() int {
		from := at
		for at < len(rest) && isDigit(rest[at]) {
			at++
		}
		return at - from
	}
	if at < len(rest) && rest[at] == '-' {
		at++
	}
	leading := at
	n := digits()
	if n == 0 {
		return nil, false, s.fail("Expecting value")
	}
	if n > 1 && rest[leading] == '0' {
		at = leading + 1 // as in Python, the digits after it are the next thing, and a wrong one
	}
	if at+1 < len(rest) && rest[at] == '.' && isDigit(rest[at+1]) {
		float = true
		at++
		digits()
	}
	if at < len(rest) && rest[at]|0x20 == 'e' {
		mark := at
		at++
		if at < len(rest) && (rest[at] == '+' || rest[at] == '-') {
			at++
		}
		if digits() == 0 {
			at = mark
		} else {
			float = true
		}
	}
	if !float && at-leading > maxDigits {
		return nil, false, s.fail("Exceeds the limit for integer string conversion")
	}
	s.pos += at
	return rest[:at], float, nil
}

// word goes past true, false or null.
func (s *scanner) word(word string) error {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.fail("Expecting value")
	}
	s.pos += len(word)
	return nil
}

// null goes past a null if that is next.
func (s *scanner) null() bool {
	return s.peek() == 'n' && s.word("null") == nil
}

// skip goes past a value and checks it.
func (s *scanner) skip() error {
	switch c := s.peek(); c {
	case '"':
		raw, escaped, err := s.rawText()
		if err == nil && escaped {
			_, err = unescape(raw)
		}
		return err
	case '{':
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			if more, err := s.more(first, '}'); err != nil || !more {
				return err
			}
			if _, err := s.name(); err != nil {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case '[':
		if err := s.enter(); err != nil {
			return err
		}
		for first := true; ; first = false {
			if more, err := s.more(first, ']'); err != nil || !more {
				return err
			}
			if err := s.skip(); err != nil {
				return err
			}
		}
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		_, _, err := s.number()
		return err
	}
}

// floatOf converts the text of a number. Too large is infinity, as in Python,
// where only an integer must not be too large for a float.
func floatOf(text []byte, float bool) (float64, error) {
	switch text[len(text)-1] {
	case 'N':
		return math.NaN(), nil
	case 'y':
		if text[0] == '-' {
			return math.Inf(-1), nil
		}
		return math.Inf(1), nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil && !(float && errors.Is(err, strconv.ErrRange)) {
		return 0, ErrNotFloat
	}
	return f, nil
}
