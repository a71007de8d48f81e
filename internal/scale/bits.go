package scale

import (
	"fmt"
	"strings"
)

// Bits is a bit sequence; in JSON a string of 0b and binary digits, the first bit first.
type Bits []bool

// String returns 0b and the digits.
func (b Bits) String() string {
	var s strings.Builder
	s.Grow(2 + len(b))
	s.WriteString("0b")
	for _, bit := range b {
		if bit {
			s.WriteByte('1')
		} else {
			s.WriteByte('0')
		}
	}
	return s.String()
}

// MarshalText returns the same as String.
func (b Bits) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

func parseBits(s string) (Bits, error) {
	digits, ok := strings.CutPrefix(s, "0b")
	if !ok || strings.Trim(digits, "01") != "" {
		return nil, fmt.Errorf("%q is not 0b and binary digits", s)
	}
	bits := make(Bits, len(digits))
	for i := range bits {
		bits[i] = digits[i] == '1'
	}
	return bits, nil
}

// bitPacking is how the bits of a sequence are packed into words.
type bitPacking struct {
	word     int // bytes
	msbFirst bool
}

func (r *Registry) bitsOf(t *Type) bitPacking {
	p := bitPacking{word: 1}
	if _, store := r.inner(t.BitStore); store.Kind == KindPrimitive && store.Primitive.unsigned() {
		p.word = store.Primitive.width()
	}
	if order := r.types[t.BitOrder].Path; len(order) > 0 {
		p.msbFirst = order[len(order)-1] == "Msb0"
	}
	return p
}

// take reads the packed bits and how many they are.
func (p bitPacking) take(rd *Reader) (packed []byte, n int) {
	start := rd.pos
	bits := rd.Compact()
	if bits > 8*uint64(rd.Remaining()) {
		rd.pos = start
		rd.fail(fmt.Errorf("%w: %d bits", ErrShort, bits))
		return nil, 0
	}
	n = int(bits)
	return rd.Take((n + 8*p.word - 1) / (8 * p.word) * p.word), n
}

// at returns where the bit is in the packed bytes. Words are little-endian.
func (p bitPacking) at(i int) (index int, mask byte) {
	size := 8 * p.word
	word, bit := i/size, i%size
	if p.msbFirst {
		bit = size - 1 - bit
	}
	return word*p.word + bit/8, 1 << (bit % 8)
}

func (p bitPacking) read(rd *Reader) Bits {
	packed, n := p.take(rd)
	if rd.err != nil {
		return nil
	}
	bits := make(Bits, n)
	for i := range bits {
		index, mask := p.at(i)
		bits[i] = packed[index]&mask != 0
	}
	return bits
}

func (p bitPacking) append(dst []byte, bits Bits) []byte {
	dst = AppendCompact(dst, uint64(len(bits)))
	packed := make([]byte, (len(bits)+8*p.word-1)/(8*p.word)*p.word)
	for i, bit := range bits {
		if bit {
			index, mask := p.at(i)
			packed[index] |= mask
		}
	}
	return append(dst, packed...)
}
