package synapse

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
)

// Errors of the casts.
var (
	ErrNotInteger = errors.New("not an integer")
	ErrNotFloat   = errors.New("not a number")
	ErrCastType   = errors.New("cannot be a number")
)

// CastInt converts a value by the rules of Python's int(): nil stays absent, a
// float loses its fraction, true is 1, and text may have blanks around it, a
// sign and underscores between its digits. Numbers beyond 64 bits, which Python
// would take, are refused.
func CastInt(value any) (Optional[int64], error) {
	switch v := value.(type) {
	case nil:
		return Optional[int64]{}, nil
	case string:
		return parseInt[int64](v)
	case *big.Int:
		if v == nil {
			return Optional[int64]{}, nil
		}
		if !v.IsInt64() {
			return Optional[int64]{}, fmt.Errorf("%w of 64 bits", ErrNotInteger)
		}
		return Some(v.Int64()), nil
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return Some[int64](1), nil
		}
		return Some[int64](0), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Some(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if v.Uint() > math.MaxInt64 {
			return Optional[int64]{}, fmt.Errorf("%w of 64 bits", ErrNotInteger)
		}
		return Some(int64(v.Uint())), nil
	case reflect.Float32, reflect.Float64:
		f := math.Trunc(v.Float())
		// 2^63 is a float, but one more than the largest integer.
		if !(f >= math.MinInt64 && f < math.MaxInt64) {
			return Optional[int64]{}, fmt.Errorf("%w of 64 bits", ErrNotInteger)
		}
		return Some(int64(f)), nil
	case reflect.String:
		return parseInt[int64](v.String())
	}
	return Optional[int64]{}, fmt.Errorf("%T %w", value, ErrCastType)
}

// CastFloat converts a value by the rules of Python's float(): nil stays
// absent, and text may be inf or nan.
func CastFloat(value any) (Optional[float64], error) {
	switch v := value.(type) {
	case nil:
		return Optional[float64]{}, nil
	case string:
		return parseFloat(v)
	case *big.Int:
		if v == nil {
			return Optional[float64]{}, nil
		}
		f, _ := new(big.Float).SetInt(v).Float64()
		if math.IsInf(f, 0) {
			return Optional[float64]{}, fmt.Errorf("%w: too large", ErrNotFloat)
		}
		return Some(f), nil
	}
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return Some(1.0), nil
		}
		return Some(0.0), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Some(float64(v.Int())), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return Some(float64(v.Uint())), nil
	case reflect.Float32, reflect.Float64:
		return Some(v.Float()), nil
	case reflect.String:
		return parseFloat(v.String())
	}
	return Optional[float64]{}, fmt.Errorf("%T %w", value, ErrCastType)
}

// pythonSpace is the white space of ASCII that int() and float() take away.
const pythonSpace = " \t\n\r\v\f\x1c\x1d\x1e\x1f"

// digitText removes what Python allows in the text of a number and strconv does
// not: blanks around it, and single underscores between digits.
func digitText(text string) (string, bool) {
	text = strings.Trim(text, pythonSpace)
	if !strings.Contains(text, "_") {
		return text, true
	}
	plain := make([]byte, 0, len(text))
	for i := range len(text) {
		if text[i] != '_' {
			plain = append(plain, text[i])
			continue
		}
		if i == 0 || i == len(text)-1 || !isDigit(text[i-1]) || !isDigit(text[i+1]) {
			return "", false
		}
	}
	return string(plain), true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func parseInt[T int | int64](text string) (Optional[T], error) {
	plain, ok := digitText(text)
	if !ok {
		return Optional[T]{}, ErrNotInteger
	}
	bits := 64
	if _, isInt := any(T(0)).(int); isInt {
		bits = strconv.IntSize
	}
	n, err := strconv.ParseInt(plain, 10, bits)
	if err != nil {
		return Optional[T]{}, ErrNotInteger
	}
	return Some(T(n)), nil
}

func parseFloat(text string) (Optional[float64], error) {
	plain, ok := digitText(text)
	if !ok || plain == "" {
		return Optional[float64]{}, ErrNotFloat
	}
	// strconv also takes hexadecimal, which Python does not.
	if strings.ContainsAny(plain, "xXpP") {
		return Optional[float64]{}, ErrNotFloat
	}
	f, err := strconv.ParseFloat(plain, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // out of range is infinity in Python too
		return Optional[float64]{}, ErrNotFloat
	}
	return Some(f), nil
}
