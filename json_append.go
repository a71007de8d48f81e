package pylon

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// appendFloat appends the shortest text that reads back as f, as the contract writes floats: whole values keep a
// fraction, and an exponent without plus sign and leading zeros appears below 10⁻⁵ and from 10¹⁶ on. What JSON has no
// number for becomes null.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	start := len(dst)
	if abs := math.Abs(f); abs != 0 && (abs < 1e-5 || abs >= 1e16) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		return trimExponent(dst, start)
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// trimExponent turns e+16 into e16 and e-06 into e-6 in the number that starts at start.
func trimExponent(dst []byte, start int) []byte {
	e := start
	for dst[e] != 'e' {
		e++
	}
	from, to := e+1, e+1
	if dst[from] == '-' {
		to++
	}
	from++
	for dst[from] == '0' {
		from++
	}
	n := copy(dst[to:], dst[from:])
	return dst[:to+n]
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Only what must be escaped is: HTML means nothing here. Bytes that are not
// UTF-8 become the replacement character.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	clean := 0 // s[clean:i] needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(dst, s[clean:i]...)
			dst = append(dst, "\ufffd"...)
			i++
			clean = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[clean:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		clean = i
	}
	dst = append(dst, s[clean:]...)
	return append(dst, '"')
}
