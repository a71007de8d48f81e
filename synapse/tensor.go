package synapse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// Errors of tensors.
var (
	ErrDType       = errors.New("synapse: unknown dtype")
	ErrShape       = errors.New("synapse: wrong shape of a tensor")
	ErrTensorData  = errors.New("synapse: malformed tensor data")
	ErrTensorEmpty = errors.New("synapse: tensor without data")
)

// Tensor is an array of numbers on its way: base64 of msgpack of a numpy array.
// It is immutable. Make one with NewTensor and read it with Values. A field of
// this type should be Optional[Tensor], because a Python axon refuses messages
// with required tensors.
type Tensor struct {
	buffer Optional[string]
	dtype  string
	shape  []int64
}

// RawTensor returns a tensor of its parts as they are in JSON: the base64 text,
// a dtype of NumPy with or without "torch." before it, and a shape, which is
// [0] for a scalar and never empty.
func RawTensor(buffer Optional[string], dtype string, shape ...int64) (Tensor, error) {
	if _, ok := dtypeOf(dtype); !ok {
		return Tensor{}, fmt.Errorf("%w %q", ErrDType, dtype)
	}
	if len(shape) == 0 {
		return Tensor{}, fmt.Errorf("%w: it is empty", ErrShape)
	}
	return Tensor{buffer: buffer, dtype: dtype, shape: append([]int64(nil), shape...)}, nil
}

// Element is a Go type that the elements of a tensor can have.
type Element interface {
	bool | int8 | int16 | int32 | int64 | uint8 | Float16 | float32 | float64
}

// NewTensor returns a tensor of values in C order. Without a shape it is a list
// of them; the product of a shape must be their number. Scalar makes a tensor
// without dimensions.
func NewTensor[T Element](values []T, shape ...int) (Tensor, error) {
	if len(shape) == 0 {
		shape = []int{len(values)}
	}
	n := 1
	for _, size := range shape {
		if size < 0 || size > 0 && n > len(values) {
			return Tensor{}, fmt.Errorf("%w: %v for %d values", ErrShape, shape, len(values))
		}
		n *= size
	}
	if n != len(values) {
		return Tensor{}, fmt.Errorf("%w: %v for %d values", ErrShape, shape, len(values))
	}
	return pack(dtypeFor[T](), values, shape), nil
}

// Scalar returns a tensor without dimensions.
func Scalar[T Element](value T) Tensor { return pack(dtypeFor[T](), []T{value}, nil) }

func pack[T Element](d dtype, values []T, shape []int) Tensor {
	raw := packArray(d, len(values)*d.size, shape)
	raw = appendElements(raw, values)
	t := Tensor{buffer: Some(base64.StdEncoding.EncodeToString(raw)), dtype: d.name}
	for _, size := range shape {
		t.shape = append(t.shape, int64(size))
	}
	if len(shape) == 0 {
		t.shape = []int64{0}
	}
	return t
}

// Buffer returns the base64 text of the data.
func (t Tensor) Buffer() Optional[string] { return t.buffer }

// DType returns the name of the elements' type, such as float32 or
// torch.float32.
func (t Tensor) DType() string { return t.dtype }

// Shape returns the shape as it is in JSON: [0] may also be a scalar, and -1
// stands for what is left. Values returns the real one.
func (t Tensor) Shape() []int64 { return append([]int64(nil), t.shape...) }

// Values returns the elements of a tensor in C order, and its shape, which is
// empty for a scalar. Elements of another type than T are converted as NumPy
// does: first to the tensor's own type, then to T.
func Values[T Element](t Tensor) (values []T, shape []int, err error) {
	d, ok := dtypeOf(t.dtype)
	if !ok {
		return nil, nil, fmt.Errorf("%w %q", ErrDType, t.dtype)
	}
	if !t.buffer.Present {
		return nil, nil, ErrTensorEmpty
	}
	raw, err := base64.StdEncoding.DecodeString(t.buffer.Value)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrTensorData, err)
	}
	a, err := unpackArray(raw)
	if err != nil {
		return nil, nil, err
	}
	if shape, err = reshape(a.shape, t.shape); err != nil {
		return nil, nil, err
	}
	return elements[T](a, d), shape, nil
}

// reshape returns the shape that a tensor has: [0] says nothing, because that
// is what scalars have too.
func reshape(inner []int, outer []int64) ([]int, error) {
	if len(outer) == 1 && outer[0] == 0 {
		return inner, nil
	}
	total := 1
	for _, size := range inner {
		total *= size
	}
	out := make([]int, len(outer))
	product, open := 1, -1
	for i, size := range outer {
		switch {
		case size == -1 && open < 0:
			open = i
			continue
		case size < 0 || size > int64(total):
			return nil, fmt.Errorf("%w: %v for %d elements", ErrShape, outer, total)
		}
		out[i] = int(size)
		product *= out[i]
		if product > total {
			return nil, fmt.Errorf("%w: %v for %d elements", ErrShape, outer, total)
		}
	}
	if open >= 0 && product > 0 {
		out[open] = total / product
		product *= out[open]
	}
	if product != total || open >= 0 && total == 0 && product == 0 && len(outer) > 1 {
		return nil, fmt.Errorf("%w: %v for %d elements", ErrShape, outer, total)
	}
	return out, nil
}

// tensor reads a tensor's three fields.
func (s *scanner) tensor() (t Tensor, err error) {
	if s.peek() != '{' {
		return t, s.refuse(errObject)
	}
	if err := s.enter(); err != nil {
		return t, err
	}
	var dtype Optional[string]
	var shape []int64
	for first := true; ; first = false {
		more, err := s.more(first, '}')
		if err != nil {
			return t, err
		}
		if !more {
			break
		}
		key, err := s.name()
		if err != nil {
			return t, err
		}
		switch string(key) {
		case "buffer":
			err = decodeString(s, &t.buffer, "")
		case "dtype":
			err = decodeString(s, &dtype, "")
		case "shape":
			shape, err = s.tensorShape()
		default:
			err = s.skip()
		}
		if err != nil {
			return t, fieldError(string(key), err)
		}
	}
	if !dtype.Present {
		return t, fieldError("dtype", errMissing)
	}
	return RawTensor(t.buffer, dtype.Value, shape...)
}

// maxDimensions is NumPy's limit.
const maxDimensions = 64

// tensorShape reads a list of integers, or the text of one.
func (s *scanner) tensorShape() ([]int64, error) {
	if s.peek() == '"' {
		text, err := s.text()
		if err != nil {
			return nil, err
		}
		inner := scanner{data: []byte(text)}
		shape, err := inner.tensorShape()
		if err != nil || inner.end() != nil {
			return nil, ErrShape
		}
		return shape, nil
	}
	if s.peek() != '[' {
		return nil, s.refuse(errList)
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	var shape []int64
	for first := true; ; first = false {
		if more, err := s.more(first, ']'); err != nil || !more {
			return shape, err
		}
		if c := s.peek(); c != '-' && !isDigit(c) {
			return nil, s.refuse(ErrNotInteger)
		}
		text, float, err := s.number()
		if err != nil {
			return nil, err
		}
		n, err := parseInt[int64](string(text))
		if err != nil || float {
			return nil, ErrNotInteger
		}
		if shape = append(shape, n.Value); len(shape) > maxDimensions {
			return nil, ErrShape
		}
	}
}

func (t Tensor) write(w *writer) {
	w.raw("{")
	w.name("buffer").optional(t.buffer)
	w.name("dtype").str(t.dtype)
	w.name("shape").raw("[")
	for i, size := range t.shape {
		if i > 0 {
			w.raw(w.comma)
		}
		w.integer(size)
	}
	w.raw("]}")
}

func (t Tensor) appendPython(dst []byte) []byte {
	dst = append(dst, "{'buffer': "...)
	if t.buffer.Present {
		dst = appendRepr(dst, t.buffer.Value)
	} else {
		dst = append(dst, None...)
	}
	dst = append(dst, ", 'dtype': "...)
	dst = appendRepr(dst, t.dtype)
	dst = append(dst, ", 'shape': ["...)
	for i, size := range t.shape {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = fmt.Append(dst, size)
	}
	return append(dst, ']', '}')
}

// MarshalJSON writes the three fields.
func (t Tensor) MarshalJSON() ([]byte, error) {
	w := writer{style: styleResponse}
	t.write(&w)
	return w.dst, nil
}

// UnmarshalJSON reads the three fields and checks dtype and shape; the data is
// checked by Values.
func (t *Tensor) UnmarshalJSON(data []byte) (err error) {
	in := scanner{data: data}
	*t, err = in.tensor()
	return err
}

// dtype is one of the types of NumPy that this protocol has.
type dtype struct {
	name string
	code string // NumPy's type string
	size int
}

var dtypes = [...]dtype{
	{"float16", "<f2", 2},
	{"float32", "<f4", 4},
	{"float64", "<f8", 8},
	{"uint8", "|u1", 1},
	{"int8", "|i1", 1},
	{"int16", "<i2", 2},
	{"int32", "<i4", 4},
	{"int64", "<i8", 8},
	{"bool", "|b1", 1},
}

func dtypeOf(name string) (dtype, bool) {
	name = strings.TrimPrefix(name, "torch.")
	for _, d := range dtypes {
		if d.name == name {
			return d, true
		}
	}
	return dtype{}, false
}

func dtypeFor[T Element]() dtype {
	name := strings.ToLower(reflect.TypeFor[T]().Name())
	d, _ := dtypeOf(name)
	return d
}
