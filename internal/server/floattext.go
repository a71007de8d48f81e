package server

import (
	"math"
	"strconv"
	"strings"
)

// parsePythonFloat reads a decimal number as Python's float does, but for the words that are no numbers: "nan" and
// "inf" fail. A number too large for a float64 becomes an infinity.
func parsePythonFloat(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	digits, grouped := false, false
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			digits = true
		case c == '_':
			if i == 0 || i == len(text)-1 || !isDigit(text[i-1]) || !isDigit(text[i+1]) {
				return 0, false
			}
			grouped = true
		case c == '+' || c == '-' || c == '.' || c == 'e' || c == 'E':
		default: // what else strconv knows: hexadecimal digits, names
			return 0, false
		}
	}
	if !digits {
		return 0, false
	}
	if grouped {
		text = strings.ReplaceAll(text, "_", "")
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(value, 0) {
		return 0, false
	}
	return value, true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// pythonFloat prints a float as Python's repr does.
func pythonFloat(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
