package scale

import (
	"fmt"
	"reflect"
)

// bindList binds a Go slice or array with a vector or an array.
func (b *binder) bindList(described *Type, t reflect.Type) (plan, error) {
	fixed := -1
	if described.Kind == KindArray {
		fixed = int(described.Len)
	}
	if t.Elem().Kind() == reflect.Uint8 && b.types.isByte(described.Elem) {
		return bytesPlan{fixed}, nil
	}
	elem, err := b.bind(described.Elem, t.Elem())
	if err != nil {
		return nil, err
	}
	return &listPlan{elem: elem, fixed: fixed, least: b.types.MinSize(described.Elem)}, nil
}

// bytesPlan is a byte vector, or (fixed ≥ 0) a byte array, in a Go slice or array of bytes.
type bytesPlan struct{ fixed int }

func (p bytesPlan) decode(r *Reader, v reflect.Value) {
	n := p.fixed
	if n < 0 {
		n = r.Len(1)
	}
	b := r.Take(n)
	if v.Kind() == reflect.Array {
		copy(v.Bytes(), b)
		return
	}
	v.SetZero()
	if len(b) > 0 {
		v.SetBytes(append([]byte(nil), b...))
	}
}

func (p bytesPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	b := v.Bytes()
	if p.fixed < 0 {
		return AppendByteVec(dst, b), nil
	}
	if len(b) != p.fixed {
		return nil, fmt.Errorf("%d bytes wanted, not %d", p.fixed, len(b))
	}
	return append(dst, b...), nil
}

// listPlan is any other vector or (fixed ≥ 0) array, in a Go slice or array.
type listPlan struct {
	elem  plan
	fixed int
	least int // bytes of an encoded element
}

func (p *listPlan) decode(r *Reader, v reflect.Value) {
	n := p.fixed
	switch {
	case n < 0:
		n = r.Len(p.least)
	case n > 0 && p.least > 0 && n > r.Remaining()/p.least:
		r.fail(ErrShort)
	case n > 0 && p.least <= 0:
		r.spend(n)
	}
	if v.Kind() == reflect.Slice {
		v.SetZero()
	}
	if r.err != nil || n == 0 {
		return
	}
	if v.Kind() == reflect.Array {
		for i := range n {
			if p.elem.decode(r, v.Index(i)); r.err != nil {
				r.withinIndex(i)
				return
			}
		}
		return
	}
	v.Grow(r.reserve(n, int(v.Type().Elem().Size())))
	for i := range n {
		if i == v.Cap() {
			v.Grow(1)
		}
		v.SetLen(i + 1)
		if p.elem.decode(r, v.Index(i)); r.err != nil {
			r.withinIndex(i)
			return
		}
	}
}

func (p *listPlan) append(dst []byte, v reflect.Value) (_ []byte, err error) {
	n := v.Len()
	if p.fixed < 0 {
		dst = AppendCompact(dst, uint64(n))
	} else if n != p.fixed {
		return nil, fmt.Errorf("%d elements wanted, not %d", p.fixed, n)
	}
	for i := range n {
		if dst, err = p.elem.append(dst, v.Index(i)); err != nil {
			return nil, fmt.Errorf("%d: %w", i, err)
		}
	}
	return dst, nil
}

// optionPlan is an Option in a Go pointer.
type optionPlan struct {
	typ  reflect.Type
	some plan
}

func (p *optionPlan) decode(r *Reader, v reflect.Value) {
	v.SetZero()
	if r.Option() {
		some := reflect.New(p.typ)
		p.some.decode(r, some.Elem())
		v.Set(some)
	}
}

func (p *optionPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return append(dst, 0), nil
	}
	return p.some.append(append(dst, 1), v.Elem())
}

// pointerPlan is a value that is always there, in a Go pointer.
type pointerPlan struct {
	typ    reflect.Type
	target plan
}

func (p *pointerPlan) decode(r *Reader, v reflect.Value) {
	target := reflect.New(p.typ)
	p.target.decode(r, target.Elem())
	v.Set(target)
}

func (p *pointerPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	if v.IsNil() {
		return nil, fmt.Errorf("no value (nil)")
	}
	return p.target.append(dst, v.Elem())
}

// dynamicPlan is any value, without a Go type of its own.
type dynamicPlan struct {
	types *Registry
	id    TypeID
}

func (p *dynamicPlan) decode(r *Reader, v reflect.Value) {
	value := p.types.DecodeValueFrom(r, p.id)
	v.SetZero()
	if value != nil && r.err == nil {
		v.Set(reflect.ValueOf(value))
	}
}

func (p *dynamicPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return p.types.AppendValue(dst, p.id, v.Interface())
}
