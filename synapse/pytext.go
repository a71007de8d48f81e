package synapse

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// None is Python's text of what is absent.
const None = "None"

// FormatFloat writes a float as Python does, such as 12.0 or 1e-05.
func FormatFloat(f float64) string { return string(appendFloat(nil, f)) }

// appendFloat writes a float as Python does: the shortest digits that read back
// as the same number, without an exponent from 1e-4 up to below 1e16.
func appendFloat(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	case f == 0:
		if math.Signbit(f) {
			return append(dst, "-0.0"...)
		}
		return append(dst, "0.0"...)
	}
	if whole := int64(f); -1e15 < f && f < 1e15 && float64(whole) == f {
		return append(strconv.AppendInt(dst, whole, 10), ".0"...)
	}
	// Whether a number has an exponent depends on its shortest digits, not on the
	// number: 9999999999999999.9 is 1e+16.
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	text := dst[start:]
	mark := len(text) - 3 // at least two digits of exponent after its sign
	for text[mark] != 'e' {
		mark--
	}
	exponent, _ := strconv.Atoi(string(text[mark+1:]))
	if exponent < -4 || exponent >= 16 {
		return dst
	}
	dst = strconv.AppendFloat(dst[:start], f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// appendRepr writes text as Python's repr does: in single quotes, or in double
// quotes when it contains single ones alone, with everything escaped that does
// not print.
func appendRepr(dst []byte, text string) []byte {
	quote := byte('\'')
	if strings.IndexByte(text, '\'') >= 0 && strings.IndexByte(text, '"') < 0 {
		quote = '"'
	}
	dst = append(dst, quote)
	for i := 0; i < len(text); {
		if n := plainRun(text[i:], quote); n > 0 {
			dst = append(dst, text[i:i+n]...)
			i += n
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, "\ufffd"...)
		case r == rune(quote) || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case unicode.IsPrint(r):
			dst = append(dst, text[i:i+size]...)
		case r < 0x100:
			dst = appendHex(append(dst, `\x`...), uint32(r), 2)
		case r < 0x10000:
			dst = appendHex(append(dst, `\u`...), uint32(r), 4)
		default:
			dst = appendHex(append(dst, `\U`...), uint32(r), 8)
		}
		i += size
	}
	return append(dst, quote)
}

// plainRun counts the bytes at the start of text that repr leaves alone and
// that are ASCII.
func plainRun(text string, quote byte) int {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == quote || c == '\\' {
			return i
		}
	}
	return len(text)
}

const hexDigits = "0123456789abcdef"

func appendHex(dst []byte, v uint32, digits int) []byte {
	for shift := 4 * (digits - 1); shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// appendBytesRepr writes bytes as Python does, such as b'ab\x00'.
func appendBytesRepr(dst, raw []byte) []byte {
	quote := byte('\'')
	if strings.IndexByte(string(raw), '\'') >= 0 && strings.IndexByte(string(raw), '"') < 0 {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for _, c := range raw {
		switch {
		case c == quote || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, `\n`...)
		case c == '\r':
			dst = append(dst, `\r`...)
		case c == '\t':
			dst = append(dst, `\t`...)
		case c < ' ' || c >= 0x7f:
			dst = appendHex(append(dst, `\x`...), uint32(c), 2)
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, quote)
}

// A time.Time stands for a naive datetime: its clock reading, whatever its zone.

// appendTimeStr writes 2024-01-02 03:04:05, with microseconds when there are
// any.
func appendTimeStr(dst []byte, t time.Time, separator byte) []byte {
	dst = t.AppendFormat(dst, time.DateOnly)
	dst = append(dst, separator)
	dst = t.AppendFormat(dst, time.TimeOnly)
	if micro := t.Nanosecond() / 1000; micro != 0 {
		dst = append(dst, '.')
		text := strconv.Itoa(1_000_000 + micro)
		dst = append(dst, text[1:]...)
	}
	return dst
}

// appendTimeRepr writes datetime.datetime(2024, 1, 2, 3, 4, 5), without seconds
// when they and the microseconds are zero.
func appendTimeRepr(dst []byte, t time.Time) []byte {
	dst = append(dst, "datetime.datetime("...)
	parts := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond() / 1000}
	for len(parts) > 5 && parts[len(parts)-1] == 0 {
		parts = parts[:len(parts)-1]
	}
	for i, part := range parts {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendInt(dst, int64(part), 10)
	}
	return append(dst, ')')
}
