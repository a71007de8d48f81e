package scale

import (
	"fmt"
	"math"
	"math/big"
)

// Uint128 is an unsigned integer of 128 bits. [Bind] takes it for any unsigned integer, without an allocation.
type Uint128 struct{ Lo, Hi uint64 }

// Big returns the integer as a big one.
func (u Uint128) Big() *big.Int {
	n := new(big.Int).SetUint64(u.Hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(u.Lo))
}

// String returns the integer in decimal.
func (u Uint128) String() string { return u.Big().String() }

// integer is how an integer is encoded.
type integer struct {
	compact, signed bool
	width           int // bytes of the integer itself: 1, 2, 4, 8, 16 or 32; 0 for the compact of nothing
}

// integerOf returns how values of the type are encoded, ok false when it is no integer.
func (r *Registry) integerOf(t *Type) (n integer, ok bool) {
	switch {
	case t.Kind == KindCompact:
		width, ok := r.compactOf(t)
		return integer{compact: true, width: width}, ok && width > 0
	case t.Kind == KindPrimitive && (t.Primitive.unsigned() || t.Primitive.signed()):
		return integer{signed: t.Primitive.signed(), width: t.Primitive.width()}, true
	}
	return integer{}, false
}

// String returns Rust's name of the integer.
func (n integer) String() string {
	name := fmt.Sprintf("u%d", 8*n.width)
	if n.signed {
		name = "i" + name[1:]
	}
	if n.compact {
		return "Compact<" + name + ">"
	}
	return name
}

// limit returns the largest value of an unsigned integer of at most 64 bits.
func (n integer) limit() uint64 {
	if n.width >= 8 {
		return math.MaxUint64
	}
	return 1<<(8*n.width) - 1
}

// readUint reads an unsigned integer that must fit 64 bits.
func (n integer) readUint(r *Reader) uint64 {
	if n.compact {
		start := r.pos
		v := r.Compact()
		if n.width < 8 && v > n.limit() {
			r.pos = start
			r.invalid("%d does not fit u%d", v, 8*n.width)
			return 0
		}
		return v
	}
	switch n.width {
	case 1:
		return uint64(r.Uint8())
	case 2:
		return uint64(r.Uint16())
	case 4:
		return uint64(r.Uint32())
	case 8:
		return r.Uint64()
	}
	start := r.pos
	lo, hi := r.Uint128()
	if n.width == 32 {
		l, h := r.Uint128()
		hi |= l | h
	}
	if hi != 0 {
		r.pos = start
		r.invalid("%s over 64 bits", n)
		return 0
	}
	return lo
}

// readUint128 reads an unsigned integer that must fit 128 bits.
func (n integer) readUint128(r *Reader) Uint128 {
	start := r.pos
	var u Uint128
	switch {
	case n.compact && n.width > 8, !n.compact && n.width == 32:
		v := n.readBig(r)
		if v.BitLen() > 128 {
			r.pos = start
			r.invalid("%s over 128 bits", n)
			return u
		}
		var b [16]byte
		v.FillBytes(b[:])
		for _, x := range b[:8] {
			u.Hi = u.Hi<<8 | uint64(x)
		}
		for _, x := range b[8:] {
			u.Lo = u.Lo<<8 | uint64(x)
		}
	case n.width == 16:
		u.Lo, u.Hi = r.Uint128()
	default:
		u.Lo = n.readUint(r)
	}
	return u
}

// readInt reads a signed integer that must fit 64 bits.
func (n integer) readInt(r *Reader) int64 {
	switch n.width {
	case 1:
		return int64(int8(r.Uint8()))
	case 2:
		return int64(int16(r.Uint16()))
	case 4:
		return int64(int32(r.Uint32()))
	case 8:
		return int64(r.Uint64())
	}
	start := r.pos
	v := n.readBig(r)
	if !v.IsInt64() {
		r.pos = start
		r.invalid("%s over 64 bits", n)
		return 0
	}
	return v.Int64()
}

// readBig reads an integer of any kind. It is never nil.
func (n integer) readBig(r *Reader) *big.Int {
	if n.compact {
		start := r.pos
		v := r.CompactBig()
		if v.BitLen() > 8*n.width {
			r.pos = start
			r.invalid("%d does not fit u%d", v, 8*n.width)
			return new(big.Int)
		}
		return v
	}
	return bigFromLittleEndian(r.Take(n.width), n.signed)
}

// appendUint appends an unsigned value.
func (n integer) appendUint(dst []byte, v uint64) ([]byte, error) {
	if n.signed && (n.width <= 8 && v > n.limit()>>1) || v > n.limit() {
		return nil, fmt.Errorf("%d does not fit %s", v, n)
	}
	if n.compact {
		return AppendCompact(dst, v), nil
	}
	return appendWidth(dst, v, 0, n.width), nil
}

// appendInt appends a value that may be negative.
func (n integer) appendInt(dst []byte, v int64) ([]byte, error) {
	if v >= 0 {
		return n.appendUint(dst, uint64(v))
	}
	if !n.signed || n.width < 8 && v < -1<<(8*n.width-1) {
		return nil, fmt.Errorf("%d does not fit %s", v, n)
	}
	return appendWidth(dst, uint64(v), 0xff, n.width), nil
}

// appendBig appends an integer of any size.
func (n integer) appendBig(dst []byte, v *big.Int) ([]byte, error) {
	if n.compact {
		if v.Sign() < 0 || v.BitLen() > 8*n.width {
			return nil, fmt.Errorf("%v does not fit %s", v, n)
		}
		return AppendCompactBig(dst, v)
	}
	dst, ok := appendBigInt(dst, v, n.width, n.signed)
	if !ok {
		return nil, fmt.Errorf("%v does not fit %s", v, n)
	}
	return dst, nil
}

// appendWidth appends the low bytes of v, and fill for those beyond the eighth.
func appendWidth(dst []byte, v uint64, fill byte, width int) []byte {
	for range min(width, 8) {
		dst = append(dst, byte(v))
		v >>= 8
	}
	for range width - 8 {
		dst = append(dst, fill)
	}
	return dst
}
