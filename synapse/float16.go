package synapse

import "math"

// Float16 is the bits of a floating-point number of half precision (IEEE 754
// binary16), which Go has no type for.
type Float16 uint16

// NewFloat16 rounds to the nearest number of half precision, to the even one of
// two. Too large becomes infinity.
func NewFloat16(f float32) Float16 {
	bits := math.Float32bits(f)
	sign := Float16(bits >> 16 & 0x8000)
	exponent := int(bits>>23&0xff) - 127
	fraction := bits & 0x7fffff
	switch {
	case exponent == 128 && fraction != 0: // not a number
		return sign | 0x7e00 | Float16(fraction>>13)
	case exponent > 15:
		return sign | 0x7c00
	case exponent >= -14:
		// Rounding may carry into the exponent, which is then right too.
		return sign + Float16(roundShift(uint32(exponent+15)<<23|fraction, 13))
	case exponent >= -25:
		return sign + Float16(roundShift(fraction|0x800000, uint(-exponent-1)))
	}
	return sign
}

// roundShift shifts right and rounds to the nearest, to the even one of two.
func roundShift(v uint32, by uint) uint32 {
	half := uint32(1) << (by - 1)
	out, lost := v>>by, v&(1<<by-1)
	if lost > half || lost == half && out&1 == 1 {
		out++
	}
	return out
}

// Float32 returns the number, exactly.
func (h Float16) Float32() float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 31
	fraction := uint32(h & 0x3ff)
	switch exponent {
	case 0:
		f := float32(fraction) / (1 << 24)
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
}
