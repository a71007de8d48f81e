package server

import (
	"strconv"
	"strings"
)

// pathInt is an integer of any size from a path, as Python's integer parser reads it: an optional sign, and digits
// that single underscores may group.
type pathInt struct {
	digits   string // without leading zeros
	negative bool
}

// maxDigits is how many digits Python's parser takes.
const maxDigits = 4300

func parsePathInt(text string) (pathInt, bool) {
	text = strings.TrimSpace(text)
	var n pathInt
	if text != "" && (text[0] == '-' || text[0] == '+') {
		n.negative = text[0] == '-'
		text = text[1:]
	}
	underscores := 0
	for i := range len(text) {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
		case c == '_' && i > 0 && text[i-1] != '_' && i < len(text)-1:
			underscores++
		default:
			return pathInt{}, false
		}
	}
	if len(text) == 0 || len(text)-underscores > maxDigits {
		return pathInt{}, false
	}
	if underscores > 0 {
		text = strings.ReplaceAll(text, "_", "")
	}
	for len(text) > 1 && text[0] == '0' {
		text = text[1:]
	}
	n.digits = text
	if text == "0" {
		n.negative = false
	}
	return n, true
}

// uint returns the value when it lies between 0 and the largest number of that many bits.
func (n pathInt) uint(bits int) (uint64, bool) {
	if n.negative {
		return 0, false
	}
	value, err := strconv.ParseUint(n.digits, 10, bits)
	return value, err == nil
}

// String returns the integer as Python prints it.
func (n pathInt) String() string {
	if n.negative {
		return "-" + n.digits
	}
	return n.digits
}
