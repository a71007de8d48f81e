package synapse

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// array is a numpy array as msgpack_numpy writes it.
type array struct {
	kind  byte // f, i, u or b
	size  int  // of an element
	big   bool // big-endian
	shape []int
	data  []byte
}

// packArray writes the msgpack of an array up to its elements, of which there
// are size bytes. Keys are binary, not text: Python looks for bytes.
func packArray(d dtype, size int, shape []int) []byte {
	dst := make([]byte, 0, 64+9*len(shape)+size)
	dst = append(dst, 0x85, 0xc4, 2, 'n', 'd', 0xc3)
	dst = append(dst, 0xc4, 4, 't', 'y', 'p', 'e', 0xa0|byte(len(d.code)))
	dst = append(dst, d.code...)
	dst = append(dst, 0xc4, 4, 'k', 'i', 'n', 'd', 0xc4, 0)
	dst = append(dst, 0xc4, 5, 's', 'h', 'a', 'p', 'e')
	if len(shape) < 16 {
		dst = append(dst, 0x90|byte(len(shape)))
	} else {
		dst = binary.BigEndian.AppendUint16(append(dst, 0xdc), uint16(len(shape)))
	}
	for _, n := range shape {
		switch {
		case n < 0x80:
			dst = append(dst, byte(n))
		case n <= math.MaxUint8:
			dst = append(dst, 0xcc, byte(n))
		case n <= math.MaxUint16:
			dst = binary.BigEndian.AppendUint16(append(dst, 0xcd), uint16(n))
		case n <= math.MaxUint32:
			dst = binary.BigEndian.AppendUint32(append(dst, 0xce), uint32(n))
		default:
			dst = binary.BigEndian.AppendUint64(append(dst, 0xcf), uint64(n))
		}
	}
	dst = append(dst, 0xc4, 4, 'd', 'a', 't', 'a')
	switch {
	case size <= math.MaxUint8:
		dst = append(dst, 0xc4, byte(size))
	case size <= math.MaxUint16:
		dst = binary.BigEndian.AppendUint16(append(dst, 0xc5), uint16(size))
	default:
		dst = binary.BigEndian.AppendUint32(append(dst, 0xc6), uint32(size))
	}
	return dst
}

// unpackArray reads an array, without copying its elements.
func unpackArray(raw []byte) (array, error) {
	p := unpacker{rest: raw}
	n := p.mapSize()
	if p.bad || n > 8 {
		return array{}, fmt.Errorf("%w: not an array", ErrTensorData)
	}
	var a array
	var typeText string
	var nd, hasShape, hasData bool
	for range n {
		key := p.binary() // a text key is a plain dict for Python
		if p.bad {
			return array{}, fmt.Errorf("%w: not an array", ErrTensorData)
		}
		switch string(key) {
		case "nd":
			nd = p.boolean()
		case "type":
			typeText = p.text()
		case "kind":
			if kind := p.binary(); len(kind) != 0 {
				// "O" is a pickle, which would run what the sender likes.
				return array{}, fmt.Errorf("%w: kind %q", ErrTensorData, kind)
			}
		case "shape":
			hasShape = true
			a.shape = p.integers()
		case "data":
			hasData = true
			a.data = p.binary()
		default:
			return array{}, fmt.Errorf("%w: unknown key %q", ErrTensorData, key)
		}
	}
	if p.bad || len(p.rest) > 0 || typeText == "" || !hasData {
		return array{}, fmt.Errorf("%w: incomplete", ErrTensorData)
	}
	if !nd {
		a.shape, hasShape = nil, true // a scalar of NumPy
	}
	if !hasShape {
		return array{}, fmt.Errorf("%w: no shape", ErrTensorData)
	}
	if err := a.setType(typeText); err != nil {
		return array{}, err
	}
	count := len(a.data) / a.size
	product := 1
	for _, size := range a.shape {
		if size > 0 && product > count {
			product = -1
			break
		}
		product *= size
	}
	if product != count || count*a.size != len(a.data) {
		return array{}, fmt.Errorf("%w: %d bytes for shape %v", ErrTensorData, len(a.data), a.shape)
	}
	return a, nil
}

// setType reads a type string such as <f4.
func (a *array) setType(text string) error {
	if len(text) == 3 {
		a.big = text[0] == '>'
		a.kind, a.size = text[1], int(text[2]-'0')
		switch text[1:] {
		case "f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1":
			if text[0] == '<' || text[0] == '>' || text[0] == '|' || text[0] == '=' {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: element type %q", ErrTensorData, text)
}

// unpacker reads msgpack. After something unexpected, bad is set and everything
// it returns is zero.
type unpacker struct {
	rest []byte
	bad  bool
}

func (p *unpacker) take(n int) []byte {
	if p.bad || n < 0 || n > len(p.rest) {
		p.bad = true
		return nil
	}
	out := p.rest[:n]
	p.rest = p.rest[n:]
	return out
}

func (p *unpacker) byte() byte {
	if b := p.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

// number reads a big-endian number of 1 to 8 bytes.
func (p *unpacker) number(size int) uint64 {
	var n uint64
	for _, b := range p.take(size) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (p *unpacker) fail() { p.bad = true }

func (p *unpacker) mapSize() int {
	switch c := p.byte(); {
	case c>>4 == 8:
		return int(c & 15)
	case c == 0xde:
		return int(p.number(2))
	}
	p.fail()
	return 0
}

func (p *unpacker) boolean() bool {
	switch p.byte() {
	case 0xc2:
		return false
	case 0xc3:
		return true
	}
	p.fail()
	return false
}

func (p *unpacker) binary() []byte {
	switch p.byte() {
	case 0xc4:
		return p.take(int(p.number(1)))
	case 0xc5:
		return p.take(int(p.number(2)))
	case 0xc6:
		return p.take(int(p.number(4)))
	}
	p.fail()
	return nil
}

func (p *unpacker) text() string {
	switch c := p.byte(); {
	case c>>5 == 5:
		return string(p.take(int(c & 31)))
	case c == 0xd9:
		return string(p.take(int(p.number(1))))
	}
	p.fail()
	return ""
}

func (p *unpacker) integers() []int {
	n := 0
	switch c := p.byte(); {
	case c>>4 == 9:
		n = int(c & 15)
	case c == 0xdc:
		n = int(p.number(2))
	default:
		p.fail()
	}
	if n > maxDimensions {
		p.fail()
	}
	var out []int
	for range n {
		if p.bad {
			return nil
		}
		out = append(out, p.integer())
	}
	return out
}

func (p *unpacker) integer() int {
	c := p.byte()
	switch {
	case c < 0x80:
		return int(c)
	case c < 0xcc || c > 0xcf:
		p.fail()
		return 0
	}
	n := p.number(1 << (c - 0xcc))
	if n > math.MaxInt32 {
		p.fail()
		return 0
	}
	return int(n)
}

// appendElements writes elements in little-endian order.
func appendElements[T Element](dst []byte, values []T) []byte {
	switch values := any(values).(type) {
	case []bool:
		for _, v := range values {
			dst = append(dst, boolByte(v))
		}
	case []uint8:
		dst = append(dst, values...)
	case []int8:
		for _, v := range values {
			dst = append(dst, byte(v))
		}
	case []int16:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
		}
	case []int32:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v))
		}
	case []int64:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint64(dst, uint64(v))
		}
	case []Float16:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(v))
		}
	case []float32:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint32(dst, math.Float32bits(v))
		}
	case []float64:
		for _, v := range values {
			dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
		}
	}
	return dst
}

func boolByte(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// number is an element on its way between types: an integer or a float.
type number struct {
	i     int64
	u     uint64 // instead of i when above its range
	f     float64
	float bool
}

// at returns an element of an array.
func (a *array) at(i int) number {
	b := a.data[i*a.size : (i+1)*a.size]
	var bits uint64
	if a.big {
		for _, c := range b {
			bits = bits<<8 | uint64(c)
		}
	} else {
		for _, c := range slices.Backward(b) {
			bits = bits<<8 | uint64(c)
		}
	}
	switch {
	case a.kind == 'f' && a.size == 2:
		return number{f: float64(Float16(bits).Float32()), float: true}
	case a.kind == 'f' && a.size == 4:
		return number{f: float64(math.Float32frombits(uint32(bits))), float: true}
	case a.kind == 'f':
		return number{f: math.Float64frombits(bits), float: true}
	case a.kind == 'b':
		return number{i: int64(boolByte(bits != 0))}
	case a.kind == 'u':
		return number{i: int64(bits), u: bits}
	}
	shift := 64 - 8*a.size
	return number{i: int64(bits<<shift) >> shift}
}

func (n number) real() float64 {
	switch {
	case n.float:
		return n.f
	case n.u > math.MaxInt64:
		return float64(n.u)
	}
	return float64(n.i)
}

func (n number) integer() int64 {
	if !n.float {
		return n.i
	}
	// What Go makes of a float beyond an integer depends on the machine; this is
	// what NumPy makes of it on the usual one.
	if f := math.Trunc(n.f); f >= math.MinInt64 && f < math.MaxInt64 {
		return int64(f)
	}
	return math.MinInt64
}

func (n number) truth() bool {
	if n.float {
		return n.f != 0
	}
	return n.i != 0
}

// cast converts an element to one of the types of a tensor.
func (n number) cast(d dtype) number {
	switch d.name {
	case "bool":
		return number{i: int64(boolByte(n.truth()))}
	case "float16":
		return number{f: float64(NewFloat16(float32(n.real())).Float32()), float: true}
	case "float32":
		return number{f: float64(float32(n.real())), float: true}
	case "float64":
		return number{f: n.real(), float: true}
	case "uint8":
		return number{i: int64(uint8(n.integer()))}
	case "int8":
		return number{i: int64(int8(n.integer()))}
	case "int16":
		return number{i: int64(int16(n.integer()))}
	case "int32":
		return number{i: int64(int32(n.integer()))}
	}
	return number{i: n.integer()}
}

// elements converts an array to the type of its tensor and then to T.
func elements[T Element](a array, d dtype) []T {
	out := make([]T, len(a.data)/a.size)
	target := dtypeFor[T]()
	if a.kind == d.code[1] && a.size == d.size && d.name == target.name && !a.big && fastElements(out, a.data) {
		return out
	}
	for i := range out {
		n := a.at(i).cast(d).cast(target)
		switch out := any(out).(type) {
		case []bool:
			out[i] = n.i != 0
		case []uint8:
			out[i] = uint8(n.i)
		case []int8:
			out[i] = int8(n.i)
		case []int16:
			out[i] = int16(n.i)
		case []int32:
			out[i] = int32(n.i)
		case []int64:
			out[i] = n.i
		case []Float16:
			out[i] = NewFloat16(float32(n.f))
		case []float32:
			out[i] = float32(n.f)
		case []float64:
			out[i] = n.f
		}
	}
	return out
}

// fastElements reads elements that need no conversion; false for the types
// that it leaves to the general way.
func fastElements[T Element](out []T, data []byte) bool {
	switch out := any(out).(type) {
	case []uint8:
		copy(out, data)
	case []int32:
		for i := range out {
			out[i] = int32(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case []int64:
		for i := range out {
			out[i] = int64(binary.LittleEndian.Uint64(data[8*i:]))
		}
	case []Float16:
		for i := range out {
			out[i] = Float16(binary.LittleEndian.Uint16(data[2*i:]))
		}
	case []float32:
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
	case []float64:
		for i := range out {
			out[i] = math.Float64frombits(binary.LittleEndian.Uint64(data[8*i:]))
		}
	default:
		return false
	}
	return true
}
