package pylon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// scanner reads JSON from the front, for the one answer whose size makes reflection felt: the neurons of a subnet. It
// takes exactly what encoding/json takes, but for the names of members, which it wants letter by letter.
type scanner struct {
	data []byte
	at   int
}

var errEnd = io.ErrUnexpectedEOF

// next returns the first byte that is no space, without taking it. It is 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take takes a byte that must be there.
func (s *scanner) take(c byte) error {
	if got := s.next(); got != c {
		if s.at == len(s.data) {
			return errEnd
		}
		return fmt.Errorf("%q at byte %d in place of %q", got, s.at, c)
	}
	s.at++
	return nil
}

// null takes a null, if there is one.
func (s *scanner) null() bool {
	if s.next() == 'n' && len(s.data)-s.at >= 4 && string(s.data[s.at:s.at+4]) == "null" {
		s.at += 4
		return true
	}
	return false
}

// object takes an object. member takes the value of each member. Its name is valid until then. A null is no object and
// has no members.
func (s *scanner) object(member func(name []byte) error) error {
	if s.null() {
		return nil
	}
	if s.next() != '{' {
		return fmt.Errorf("an object is missing at byte %d", s.at)
	}
	s.at++
	if s.next() == '}' {
		s.at++
		return nil
	}
	for {
		name, err := s.text()
		if err != nil {
			return err
		}
		if err := s.take(':'); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
		if s.next() != ',' {
			return s.take('}')
		}
		s.at++
	}
}

// text takes a string. The result may be a part of the data.
func (s *scanner) text() ([]byte, error) {
	if err := s.take('"'); err != nil {
		return nil, err
	}
	start, plain := s.at, true
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; {
		case c == '"':
			inside := s.data[start:s.at]
			s.at++
			if plain {
				return inside, nil
			}
			var text string
			err := json.Unmarshal(s.data[start-1:s.at], &text)
			return []byte(text), err
		case c == '\\':
			plain = false
			s.at++
		case c < ' ' || c >= utf8.RuneSelf:
			plain = false
		}
	}
	return nil, errEnd
}

// scalar takes a number or a word.
func (s *scanner) scalar() []byte {
	s.next()
	start := s.at
	for ; s.at < len(s.data); s.at++ {
		switch s.data[s.at] {
		case ',', '}', ']', ':', '{', '[', '"', ' ', '\t', '\r', '\n':
			return s.data[start:s.at]
		}
	}
	return s.data[start:]
}

// skip takes any value.
func (s *scanner) skip() error {
	start, depth := s.at, 0
	for {
		switch s.next() {
		case 0:
			return errEnd
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
		case '"':
			if _, err := s.text(); err != nil {
				return err
			}
		default:
			s.scalar()
		}
		if depth <= 0 {
			break
		}
	}
	if !json.Valid(s.data[start:s.at]) {
		return fmt.Errorf("no JSON value at byte %d", start)
	}
	return nil
}

// boolean takes a boolean. A null changes nothing, here and below.
func (s *scanner) boolean(into *bool) error {
	switch word := s.scalar(); string(word) {
	case "true":
		*into = true
	case "false":
		*into = false
	case "null":
	default:
		return fmt.Errorf("%q is no boolean", excerpt(word))
	}
	return nil
}

// float takes a number.
func (s *scanner) float(into *float64) error {
	word := s.scalar()
	if string(word) == "null" {
		return nil
	}
	if !isNumber(word) {
		return fmt.Errorf("%q is no number", excerpt(word))
	}
	value, err := strconv.ParseFloat(string(word), 64)
	if err != nil {
		return err
	}
	*into = value
	return nil
}

// readUint takes a whole number.
func readUint[T uint8 | uint16 | uint64](s *scanner, into *T) error {
	word := s.scalar()
	if string(word) == "null" {
		return nil
	}
	var value uint64
	if len(word) == 0 || len(word) > 1 && word[0] == '0' {
		return fmt.Errorf("%q is no whole number", excerpt(word))
	}
	for _, c := range word {
		digit := uint64(c - '0')
		if c < '0' || c > '9' {
			return fmt.Errorf("%q is no whole number", excerpt(word))
		}
		if value > (1<<64-1-digit)/10 {
			return errRange
		}
		value = value*10 + digit
	}
	if uint64(T(value)) != value {
		return errRange
	}
	*into = T(value)
	return nil
}

var errRange = errors.New("the number is too large")

// isNumber tells whether a word is a number of JSON, which is less than strconv takes.
func isNumber(word []byte) bool {
	digits := func() bool {
		n := 0
		for n < len(word) && word[n] >= '0' && word[n] <= '9' {
			n++
		}
		word = word[n:]
		return n > 0
	}
	if len(word) > 0 && word[0] == '-' {
		word = word[1:]
	}
	if len(word) > 1 && word[0] == '0' && word[1] >= '0' && word[1] <= '9' || !digits() {
		return false
	}
	if len(word) > 0 && word[0] == '.' {
		if word = word[1:]; !digits() {
			return false
		}
	}
	if len(word) > 0 && (word[0] == 'e' || word[0] == 'E') {
		word = word[1:]
		if len(word) > 0 && (word[0] == '+' || word[0] == '-') {
			word = word[1:]
		}
		if !digits() {
			return false
		}
	}
	return len(word) == 0
}

// excerpt is the beginning of a word for an error.
func excerpt(word []byte) []byte { return word[:min(len(word), 32)] }
