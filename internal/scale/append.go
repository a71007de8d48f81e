package scale

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
)

// AppendBool appends 1 or 0.
func AppendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendUint16 appends two bytes, little-endian.
func AppendUint16(dst []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(dst, v) }

// AppendUint32 appends four bytes, little-endian.
func AppendUint32(dst []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(dst, v) }

// AppendUint64 appends eight bytes, little-endian.
func AppendUint64(dst []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(dst, v) }

// AppendUint128 appends sixteen bytes, little-endian.
func AppendUint128(dst []byte, lo, hi uint64) []byte {
	return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(dst, lo), hi)
}

// AppendCompact appends a compact integer in its shortest form.
func AppendCompact(dst []byte, v uint64) []byte {
	switch {
	case v < 1<<6:
		return append(dst, byte(v<<2))
	case v < 1<<14:
		return binary.LittleEndian.AppendUint16(dst, uint16(v<<2|1))
	case v < 1<<30:
		return binary.LittleEndian.AppendUint32(dst, uint32(v<<2|2))
	}
	n := (bits.Len64(v) + 7) / 8
	dst = append(dst, byte(n-4)<<2|3)
	for range n {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

// AppendCompactBig appends a compact integer of at most 536 bits. A negative or a larger one is an error.
func AppendCompactBig(dst []byte, v *big.Int) ([]byte, error) {
	if v.IsUint64() {
		return AppendCompact(dst, v.Uint64()), nil
	}
	if v.Sign() < 0 || v.BitLen() > 536 {
		return nil, fmt.Errorf("%v is not a compact integer", v)
	}
	b := v.Bytes()
	dst = append(dst, byte(len(b)-4)<<2|3)
	for i := len(b) - 1; i >= 0; i-- {
		dst = append(dst, b[i])
	}
	return dst, nil
}

// AppendByteVec appends a vector of bytes: its length as a compact integer, then the bytes.
func AppendByteVec(dst, b []byte) []byte {
	return append(AppendCompact(dst, uint64(len(b))), b...)
}

// AppendString appends text as a vector of its bytes.
func AppendString(dst []byte, s string) []byte {
	return append(AppendCompact(dst, uint64(len(s))), s...)
}

// appendBigInt appends an integer of the given width in bytes. It reports false when the integer does not fit.
func appendBigInt(dst []byte, v *big.Int, width int, signed bool) ([]byte, bool) {
	size := uint(8 * width)
	limit := new(big.Int).Lsh(big.NewInt(1), size)
	switch {
	case !signed:
		if v.Sign() < 0 || v.Cmp(limit) >= 0 {
			return dst, false
		}
	default:
		half := new(big.Int).Rsh(limit, 1)
		if v.Cmp(half) >= 0 || v.Cmp(new(big.Int).Neg(half)) < 0 {
			return dst, false
		}
		if v.Sign() < 0 {
			v = limit.Add(limit, v)
		}
	}
	b := v.FillBytes(make([]byte, width))
	for i := width - 1; i >= 0; i-- {
		dst = append(dst, b[i])
	}
	return dst, true
}
