package synapse

import (
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// errDepth ends the way through a value that contains itself.
var errDepth = errors.New("nested too deeply")

// appendPython writes a value as Python does: as str() does at the top, where
// text stands bare, or as repr() does inside containers.
func (s *shape) appendPython(dst []byte, v reflect.Value, top bool, depth int) ([]byte, error) {
	if depth > maxDepth {
		return dst, errDepth
	}
	switch s.kind {
	case kindBool:
		return appendBool(dst, v.Bool()), nil
	case kindInt:
		return strconv.AppendInt(dst, v.Int(), 10), nil
	case kindUint:
		return strconv.AppendUint(dst, v.Uint(), 10), nil
	case kindBigInt:
		if v.IsNil() {
			return append(dst, None...), nil
		}
		return v.Interface().(*big.Int).Append(dst, 10), nil
	case kindFloat:
		return appendFloat(dst, v.Float()), nil
	case kindString:
		return appendText(dst, v.String(), top), nil
	case kindText:
		text, err := textOf(v)
		return appendText(dst, text, top), err
	case kindBytes:
		return appendBytesRepr(dst, v.Bytes()), nil
	case kindTime:
		if top {
			return appendTimeStr(dst, timeOf(v), ' '), nil
		}
		return appendTimeRepr(dst, timeOf(v)), nil
	case kindEnum:
		return appendEnum(dst, v.Interface().(Enum), top, depth)
	case kindAny, kindPointer:
		if v.IsNil() {
			return append(dst, None...), nil
		}
		inner, err := s.inner(v)
		if err != nil {
			return dst, err
		}
		return inner.appendPython(dst, v.Elem(), top, depth+1)
	case kindOptional:
		if !v.Field(1).Bool() {
			return append(dst, None...), nil
		}
		return s.elem.appendPython(dst, v.Field(0), top, depth+1)
	case kindList, kindTuple:
		opening, closing := byte('['), byte(']')
		if s.kind == kindTuple {
			opening, closing = '(', ')'
		}
		dst = append(dst, opening)
		var err error
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			if dst, err = s.elem.appendPython(dst, v.Index(i), false, depth+1); err != nil {
				return dst, err
			}
		}
		if s.kind == kindTuple && v.Len() == 1 {
			dst = append(dst, ',')
		}
		return append(dst, closing), nil
	case kindMap, kindDict:
		dst = append(dst, '{')
		first := true
		err := s.members(v, func(key, value reflect.Value) (err error) {
			if !first {
				dst = append(dst, ", "...)
			}
			first = false
			if dst, err = s.key.appendPython(dst, key, false, depth+1); err != nil {
				return err
			}
			dst = append(dst, ": "...)
			dst, err = s.elem.appendPython(dst, value, false, depth+1)
			return err
		})
		return append(dst, '}'), err
	case kindModel:
		dst = append(dst, '{')
		var err error
		for i, f := range s.fields {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(appendRepr(dst, f.name), ": "...)
			if dst, err = f.shape.appendPython(dst, v.FieldByIndex(f.index), false, depth+1); err != nil {
				return dst, fieldError(f.name, err)
			}
		}
		return append(dst, '}'), nil
	case kindTensor:
		return v.Interface().(Tensor).appendPython(dst), nil
	}
	return dst, fmt.Errorf("unprintable type %v", s.goType)
}

// inner returns the shape of what a pointer or an interface holds.
func (s *shape) inner(v reflect.Value) (*shape, error) {
	if s.kind == kindPointer {
		return s.elem, nil
	}
	return shapeOf(v.Elem().Type())
}

// members goes through a dict: a Dict in its order, a map by its sorted keys,
// so that a body and its hash agree.
func (s *shape) members(v reflect.Value, visit func(key, value reflect.Value) error) error {
	if s.kind == kindDict {
		d := addressable(v).Addr().Interface().(anyDict)
		for i := range d.dictLen() {
			if err := visit(d.dictAt(i)); err != nil {
				return err
			}
		}
		return nil
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, s.key.compare)
	for _, key := range keys {
		if err := visit(key, v.MapIndex(key)); err != nil {
			return err
		}
	}
	return nil
}

// compare orders the keys of a map.
func (s *shape) compare(a, b reflect.Value) int {
	switch s.kind {
	case kindInt:
		return compareOrdered(a.Int(), b.Int())
	case kindUint:
		return compareOrdered(a.Uint(), b.Uint())
	case kindFloat:
		return compareOrdered(a.Float(), b.Float())
	case kindString:
		return strings.Compare(a.String(), b.String())
	}
	return strings.Compare(fmt.Sprint(a.Interface()), fmt.Sprint(b.Interface()))
}

func compareOrdered[T int64 | uint64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, "True"...)
	}
	return append(dst, "False"...)
}

func appendText(dst []byte, text string, top bool) []byte {
	if !top {
		return appendRepr(dst, text)
	}
	if utf8.ValidString(text) {
		return append(dst, text...)
	}
	// One U+FFFD for each byte, as in the body.
	for _, r := range text {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

func appendEnum(dst []byte, e Enum, top bool, depth int) ([]byte, error) {
	name := e.Class + "." + e.Name
	if top {
		return append(dst, name...), nil
	}
	dst = append(append(append(dst, '<'), name...), ": "...)
	value := reflect.ValueOf(&e.Value).Elem()
	dst, err := (&shape{kind: kindAny}).appendPython(dst, value, false, depth+1)
	return append(dst, '>'), err
}
