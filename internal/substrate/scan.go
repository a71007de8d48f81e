package substrate

import (
	"bytes"
	"errors"
	"fmt"
)

// What nodes send is read where it lies, piece by piece. Building it first, as encoding/json does, would let a node turn
// an answer of many small elements into ten times its size.

var (
	errNotObject = errors.New("not a JSON object")
	errNotArray  = errors.New("not a JSON array")
	errTruncated = errors.New("JSON ends in the middle")
	errTooDeep   = errors.New("JSON is nested too deeply")
)

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

// scanArray calls element for each element of a JSON array, in order, in the way of scanObject.
func scanArray(b []byte, element func(value []byte) error) error {
	i := skipSpace(b, 0)
	if i == len(b) || b[i] != '[' {
		return errNotArray
	}
	i = skipSpace(b, i+1)
	if i < len(b) && b[i] == ']' {
		return scanEnd(b, i+1)
	}
	for {
		end, err := skipValue(b, i)
		if err != nil {
			return err
		}
		if err := element(b[i:end:end]); err != nil {
			return err
		}
		if i = skipSpace(b, end); i == len(b) {
			return errTruncated
		}
		switch b[i] {
		case ',':
			i = skipSpace(b, i+1)
		case ']':
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
