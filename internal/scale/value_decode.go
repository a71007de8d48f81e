package scale

import (
	"fmt"
	"unicode/utf8"
)

// DecodeValue decodes a value of a described type that takes all of b; see "Values" in the package documentation. The
// value shares nothing with b.
func (r *Registry) DecodeValue(id TypeID, b []byte) (any, error) {
	rd := NewReader(b)
	v := r.DecodeValueFrom(rd, id)
	if err := rd.Close(); err != nil {
		return nil, fmt.Errorf("decode %s: %w", r.Name(id), err)
	}
	return v, nil
}

// DecodeValueFrom decodes the next value of rd. The reader keeps the error; the value is then nil.
func (r *Registry) DecodeValueFrom(rd *Reader, id TypeID) any {
	if _, err := r.Type(id); err != nil {
		rd.fail(err)
		return nil
	}
	v := r.value(rd, id)
	if rd.err != nil {
		return nil
	}
	return v
}

func (r *Registry) value(rd *Reader, id TypeID) any {
	if !rd.spend(1) || !rd.enter() {
		return nil
	}
	defer rd.leave()
	id, t := r.inner(id)
	switch t.Kind {
	case KindComposite, KindTuple:
		return r.fieldValues(rd, t.Fields)
	case KindVariant:
		return r.enumValue(rd, id, t)
	case KindSequence:
		if r.isByte(t.Elem) {
			return Bytes(append([]byte{}, rd.ByteVec()...))
		}
		return r.listValue(rd, t.Elem, rd.Len(r.MinSize(t.Elem)))
	case KindArray:
		if r.isByte(t.Elem) {
			return Bytes(append([]byte{}, rd.Take(int(t.Len))...))
		}
		least := int64(r.MinSize(t.Elem))
		if least*int64(t.Len) > int64(rd.Remaining()) || int64(t.Len) > int64(rd.Remaining()+rd.values) {
			rd.fail(ErrShort)
			return nil
		}
		return r.listValue(rd, t.Elem, int(t.Len))
	case KindBitSequence:
		return r.bitsOf(t).read(rd)
	case KindCompact:
		n, ok := r.integerOf(t)
		if width, unit := r.compactOf(t); unit && width == 0 {
			return []any{}
		}
		if !ok {
			rd.invalid("the compact form of %s", r.Name(t.Elem))
			return nil
		}
		return integerValue(rd, n)
	default:
		return r.primitiveValue(rd, t)
	}
}

func (r *Registry) primitiveValue(rd *Reader, t *Type) any {
	switch t.Primitive {
	case Bool:
		return rd.Bool()
	case Str:
		return rd.Text()
	case Char:
		c := rd.Uint32()
		if c > utf8.MaxRune || !utf8.ValidRune(rune(c)) {
			rd.invalid("character %d", c)
			return nil
		}
		return string(rune(c))
	}
	n, _ := r.integerOf(t)
	return integerValue(rd, n)
}

func integerValue(rd *Reader, n integer) any {
	switch {
	case n.width > 8:
		return n.readBig(rd)
	case n.signed:
		return n.readInt(rd)
	}
	return n.readUint(rd)
}

// What an element of a []any and of an Object take in memory.
const bytesOfInterface, bytesOfMember = 16, 32

// fieldValues decodes the fields of a struct, a tuple or a variant. The caller has dealt with a single one that has no
// name, except in variants.
func (r *Registry) fieldValues(rd *Reader, fields []Field) any {
	if len(fields) == 0 {
		return []any{}
	}
	if fields[0].Name == "" {
		list := make([]any, 0, rd.reserve(len(fields), bytesOfInterface))
		for i := range fields {
			v := r.value(rd, fields[i].Type)
			if rd.err != nil {
				rd.withinIndex(i)
				return nil
			}
			list = append(list, v)
		}
		return list
	}
	object := make(Object, 0, rd.reserve(len(fields), bytesOfMember))
	for i := range fields {
		v := r.value(rd, fields[i].Type)
		if rd.err != nil {
			rd.within(fields[i].Name)
			return nil
		}
		object = append(object, Member{fields[i].Name, v})
	}
	return object
}

func (r *Registry) listValue(rd *Reader, elem TypeID, n int) any {
	if rd.err != nil {
		return nil
	}
	list := make([]any, 0, rd.reserve(n, bytesOfInterface))
	for i := range n {
		v := r.value(rd, elem)
		if rd.err != nil {
			rd.withinIndex(i)
			return nil
		}
		list = append(list, v)
	}
	return list
}

func (r *Registry) enumValue(rd *Reader, id TypeID, t *Type) any {
	if t.isOption() {
		some := t.Variants[1].Fields[0].Type
		_, inner := r.inner(some)
		switch {
		case !rd.Option():
			return nil
		case inner.isOption():
			return Enum{"Some", r.value(rd, some)}
		}
		return r.value(rd, some)
	}
	position := r.readVariant(rd, id, t)
	if position < 0 {
		return nil
	}
	v := &t.Variants[position]
	e := Enum{Name: v.Name, Value: r.variantFields(rd, v)}
	if rd.err != nil {
		rd.within(v.Name)
		return nil
	}
	return e
}

// variantFields decodes the fields of a variant: nil when it has none.
func (r *Registry) variantFields(rd *Reader, v *Variant) any {
	switch {
	case len(v.Fields) == 0:
		return nil
	case len(v.Fields) == 1 && v.Fields[0].Name == "":
		return r.value(rd, v.Fields[0].Type)
	}
	return r.fieldValues(rd, v.Fields)
}
