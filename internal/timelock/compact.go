package timelock

import (
	"encoding/binary"
	"fmt"
)

// maxCompact is the largest number that four bytes of SCALE's compact form hold.
// No length here is longer.
const maxCompact = 1<<30 - 1

// appendCompact appends a length in SCALE's compact form.
func appendCompact(dst []byte, n int) []byte {
	switch {
	case n < 1<<6:
		return append(dst, byte(n)<<2)
	case n < 1<<14:
		return binary.LittleEndian.AppendUint16(dst, uint16(n)<<2|1)
	default:
		return binary.LittleEndian.AppendUint32(dst, uint32(n)<<2|2)
	}
}

// cutCompact cuts a length in compact form from the front of b. As on the chain, a
// longer form than needed is an error.
func cutCompact(b []byte) (n int, rest []byte, err error) {
	if len(b) == 0 {
		return 0, nil, fmt.Errorf("%w: no length", ErrMalformed)
	}
	size, least := 1<<(b[0]&3), []int{0, 1 << 6, 1 << 14, 0}[b[0]&3]
	if size == 8 {
		return 0, nil, fmt.Errorf("%w: a length of more than 30 bits", ErrMalformed)
	}
	if len(b) < size {
		return 0, nil, fmt.Errorf("%w: cut length", ErrMalformed)
	}
	var word [4]byte
	copy(word[:], b[:size])
	if n = int(binary.LittleEndian.Uint32(word[:]) >> 2); n < least {
		return 0, nil, fmt.Errorf("%w: length %d in %d bytes", ErrMalformed, n, size)
	}
	return n, b[size:], nil
}

// cutCompactBytes cuts a length and as many bytes from the front of b.
func cutCompactBytes(b []byte) (field, rest []byte, err error) {
	n, rest, err := cutCompact(b)
	if err != nil {
		return nil, nil, err
	}
	if n > len(rest) {
		return nil, nil, fmt.Errorf("%w: %d bytes where %d are left", ErrMalformed, n, len(rest))
	}
	return rest[:n], rest[n:], nil
}
