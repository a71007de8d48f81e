package scale

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"unicode/utf8"
)

// What may be wrong with bytes. A [Reader] wraps these with the position.
var (
	// ErrShort means that the input ends inside a value, or that a length announces more than the input holds.
	ErrShort = errors.New("input ends inside a value")
	// ErrTrailing means that bytes are left over after a complete value.
	ErrTrailing = errors.New("bytes left over after the value")
	// ErrInvalid means that the bytes are not an encoding of the type: a boolean of 2, an unknown variant, a compact
	// integer that is not in its shortest form, text that is not UTF-8.
	ErrInvalid = errors.New("not an encoding of the type")
	// ErrTooComplex means that a value nests too deeply, or that few bytes would make very many values.
	ErrTooComplex = errors.New("value is too complex")
)

const (
	// maxDepth bounds how deeply values nest. A runtime refuses calls that nest more than 256 deep, and each such
	// level is at most four types (call, call of the pallet, vector, call).
	maxDepth = 1024
	// valuesPerByte and freeValues bound how many values one input may make. Types that take no bytes would otherwise
	// let a few bytes make any number of values. Real types make at most about two values of a byte.
	valuesPerByte = 4
	freeValues    = 1024
	// reservedPerByte and freeReserved bound how many bytes of memory announced lengths may have reserved before their
	// elements are seen. Together, because lists within lists could each announce all that is left.
	reservedPerByte = 32
	freeReserved    = 1024
)

// Reader reads SCALE values from a byte slice. Its error sticks: after the first one every read returns a zero value,
// so callers check once, at the end. The zero Reader is empty.
type Reader struct {
	buf    []byte
	pos    int
	err    error
	depth  int
	values int // how many values may still be built
	room   int // how many bytes of memory lists may still reserve ahead
}

// NewReader returns a reader of b. The reader keeps b, and what [Reader.Take] and [Reader.ByteVec] return are parts of
// it.
func NewReader(b []byte) *Reader {
	return &Reader{buf: b, values: valuesPerByte*len(b) + freeValues, room: reservedPerByte*len(b) + freeReserved}
}

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

// Remaining returns how many bytes are left; 0 after an error.
func (r *Reader) Remaining() int { return len(r.buf) - r.pos }

// Offset returns how many bytes have been read. After an error it is where the value that failed began.
func (r *Reader) Offset() int {
	if e, ok := r.err.(*positionError); ok { //nolint:errorlint // set by fail only, never wrapped
		return e.offset
	}
	return r.pos
}

// Close returns the first error, or one when bytes are left.
func (r *Reader) Close() error {
	if r.err == nil && r.pos != len(r.buf) {
		r.fail(fmt.Errorf("%w: %d bytes", ErrTrailing, len(r.buf)-r.pos))
	}
	return r.err
}

type positionError struct {
	offset int
	path   string // of the value that failed, from the outside in
	err    error
}

func (e *positionError) Error() string {
	if e.path == "" {
		return fmt.Sprintf("byte %d: %v", e.offset, e.err)
	}
	return fmt.Sprintf("byte %d: %s: %v", e.offset, e.path, e.err)
}

func (e *positionError) Unwrap() error { return e.err }

// within and withinIndex add the field or the element that was being read to the error, from the inside out.
func (r *Reader) within(field string) {
	e, ok := r.err.(*positionError) //nolint:errorlint // set by fail only, never wrapped
	if !ok || field == "" || len(e.path) > 200 {
		return
	}
	if e.path != "" && e.path[0] != '[' {
		field += "."
	}
	e.path = field + e.path
}

func (r *Reader) withinIndex(i int) {
	if r.err != nil {
		r.within("[" + strconv.Itoa(i) + "]")
	}
}

// fail keeps the first error and makes every later read fail by itself: nothing is left to read.
func (r *Reader) fail(err error) {
	if r.err == nil {
		r.err = &positionError{offset: r.pos, err: err}
	}
	r.pos, r.values = len(r.buf), 0
}

func (r *Reader) invalid(format string, args ...any) {
	if r.err == nil {
		r.fail(fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...)))
	}
}

// spend takes n from the number of values that may still be built.
func (r *Reader) spend(n int) bool {
	if n > r.values {
		r.fail(ErrTooComplex)
		return false
	}
	r.values -= n
	return true
}

// reserve returns for how many of n announced elements, each of size bytes in memory, room may be made at once. The
// list grows by itself as the others arrive.
func (r *Reader) reserve(n, size int) int {
	if size == 0 {
		return n
	}
	n = min(n, r.room/size)
	r.room -= n * size
	return n
}

// enter and leave bracket a nested value.
func (r *Reader) enter() bool {
	if r.depth++; r.depth > maxDepth {
		r.fail(ErrTooComplex)
		return false
	}
	return r.err == nil
}

func (r *Reader) leave() { r.depth-- }

// Take returns the next n bytes, as a part of the input; nil when fewer are left.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.buf)-r.pos {
		r.fail(ErrShort)
		return nil
	}
	b := r.buf[r.pos : r.pos+n : r.pos+n]
	r.pos += n
	return b
}

// Uint8 reads one byte.
func (r *Reader) Uint8() uint8 {
	if r.pos >= len(r.buf) {
		r.fail(ErrShort)
		return 0
	}
	b := r.buf[r.pos]
	r.pos++
	return b
}

// Uint16 reads two bytes, little-endian.
func (r *Reader) Uint16() uint16 {
	if b := r.Take(2); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads four bytes, little-endian.
func (r *Reader) Uint32() uint32 {
	if b := r.Take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// Uint64 reads eight bytes, little-endian.
func (r *Reader) Uint64() uint64 {
	if b := r.Take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// Uint128 reads sixteen bytes, little-endian.
func (r *Reader) Uint128() (lo, hi uint64) {
	if b := r.Take(16); b != nil {
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	}
	return 0, 0
}

// Bool reads a byte that must be 0 or 1.
func (r *Reader) Bool() bool {
	b := r.Uint8()
	if b > 1 {
		r.pos--
		r.invalid("boolean of %d", b)
	}
	return b == 1
}

// Option reads the byte in front of an optional value and tells whether the value follows.
func (r *Reader) Option() bool {
	b := r.Uint8()
	if b > 1 {
		r.pos--
		r.invalid("option of %d", b)
	}
	return b == 1
}

// Compact reads a compact integer of at most 64 bits. Like the chain's own decoder it takes an integer only in its
// shortest form, so equal values have equal bytes.
func (r *Reader) Compact() uint64 {
	if r.pos >= len(r.buf) {
		r.fail(ErrShort)
		return 0
	}
	first := r.buf[r.pos]
	var size int
	var v, least uint64
	switch first & 3 {
	case 0:
		r.pos++
		return uint64(first >> 2)
	case 1:
		size, least = 2, 1<<6
	case 2:
		size, least = 4, 1<<14
	default:
		return r.compactLong(int(first>>2) + 4)
	}
	if size > len(r.buf)-r.pos {
		r.fail(ErrShort)
		return 0
	}
	if size == 2 {
		v = uint64(binary.LittleEndian.Uint16(r.buf[r.pos:]) >> 2)
	} else {
		v = uint64(binary.LittleEndian.Uint32(r.buf[r.pos:]) >> 2)
	}
	if v < least {
		r.invalid("compact integer %d in %d bytes", v, size)
		return 0
	}
	r.pos += size
	return v
}

// compactLong reads the form of a prefix byte and n bytes.
func (r *Reader) compactLong(n int) uint64 {
	if n > 8 {
		r.invalid("compact integer of %d bytes where 64 bits are the most", n)
		return 0
	}
	if n+1 > len(r.buf)-r.pos {
		r.fail(ErrShort)
		return 0
	}
	b := r.buf[r.pos+1 : r.pos+1+n]
	var v uint64
	for i := n - 1; i >= 0; i-- {
		v = v<<8 | uint64(b[i])
	}
	if b[n-1] == 0 || v < 1<<30 {
		r.invalid("compact integer %d in %d bytes", v, n+1)
		return 0
	}
	r.pos += n + 1
	return v
}

// CompactBig reads a compact integer of any size (at most 536 bits). It is never nil.
func (r *Reader) CompactBig() *big.Int {
	if r.pos < len(r.buf) && r.buf[r.pos]&3 == 3 {
		if n := int(r.buf[r.pos]>>2) + 4; n > 8 {
			start := r.pos
			b := r.Take(n + 1)
			if b == nil {
				return new(big.Int)
			}
			if b[n] == 0 {
				r.pos = start
				r.invalid("compact integer with a leading zero byte")
				return new(big.Int)
			}
			return bigFromLittleEndian(b[1:], false)
		}
	}
	return new(big.Int).SetUint64(r.Compact())
}

// compactSize returns how many bytes the compact integer with this first byte takes.
func compactSize(first byte) int {
	if first&3 == 3 {
		return int(first>>2) + 5
	}
	return 1 << (first & 3)
}

// skipCompacts moves past n compact integers without looking at their values.
func (r *Reader) skipCompacts(n int) {
	pos, buf := r.pos, r.buf
	for range n {
		if pos >= len(buf) {
			r.fail(ErrShort)
			return
		}
		pos += compactSize(buf[pos])
	}
	if pos > len(buf) {
		r.fail(ErrShort)
		return
	}
	r.pos = pos
}

// Len reads the length of a vector whose elements take at least minElem bytes each, and refuses one for which the
// input has not enough bytes left. Elements that take no bytes are limited too, see [ErrTooComplex].
func (r *Reader) Len(minElem int) int {
	start := r.pos
	n := r.Compact()
	left := uint64(len(r.buf) - r.pos)
	switch {
	case r.err != nil:
		return 0
	case minElem > 0 && n > left/uint64(minElem):
		r.pos = start
		r.fail(fmt.Errorf("%w: %d elements of at least %d bytes", ErrShort, n, minElem))
		return 0
	case minElem <= 0 && (n > uint64(r.values) || !r.spend(int(n))):
		r.pos = start
		r.fail(fmt.Errorf("%w: %d elements without bytes", ErrTooComplex, n))
		return 0
	}
	return int(n)
}

// ByteVec reads a vector of bytes, as a part of the input.
func (r *Reader) ByteVec() []byte { return r.Take(r.Len(1)) }

// Text reads a string, which must be UTF-8.
func (r *Reader) Text() string {
	start := r.pos
	b := r.ByteVec()
	if !utf8.Valid(b) {
		r.pos = start
		r.invalid("text is not UTF-8")
		return ""
	}
	return string(b)
}

// bigFromLittleEndian makes an integer of any width, in two's complement when signed.
func bigFromLittleEndian(b []byte, signed bool) *big.Int {
	be := make([]byte, len(b))
	for i, x := range b {
		be[len(b)-1-i] = x
	}
	n := new(big.Int).SetBytes(be)
	if signed && len(be) > 0 && be[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}
