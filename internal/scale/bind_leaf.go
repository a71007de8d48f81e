package scale

import (
	"fmt"
	"math/big"
	"reflect"
	"unicode/utf8"
)

type boolPlan struct{}

func (boolPlan) decode(r *Reader, v reflect.Value) { v.SetBool(r.Bool()) }

func (boolPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return AppendBool(dst, v.Bool()), nil
}

// integerPlan returns a plan for an integer, nil when the Go type takes none.
func integerPlan(n integer, t reflect.Type) plan {
	switch {
	case t == bigPtrType:
		return bigPlan{n}
	case n.signed && t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return intPlan{n}
	case n.signed:
		return nil
	case t == uint128Type:
		return uint128Plan{n}
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		return uintPlan{n, 1<<t.Bits() - 1}
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Int64:
		return unsignedAsIntPlan{n, 1<<(t.Bits()-1) - 1}
	}
	return nil
}

// uintPlan is an unsigned integer in an unsigned Go integer.
type uintPlan struct {
	integer
	most uint64 // that the Go type can hold
}

func (p uintPlan) decode(r *Reader, v reflect.Value) {
	start := r.pos
	u := p.readUint(r)
	if u > p.most {
		r.pos = start
		r.invalid("%d does not fit the Go type %s", u, v.Type())
		return
	}
	v.SetUint(u)
}

func (p uintPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return p.appendUint(dst, v.Uint())
}

// unsignedAsIntPlan is an unsigned integer in a signed Go integer.
type unsignedAsIntPlan struct {
	integer
	most uint64
}

func (p unsignedAsIntPlan) decode(r *Reader, v reflect.Value) {
	start := r.pos
	u := p.readUint(r)
	if u > p.most {
		r.pos = start
		r.invalid("%d does not fit the Go type %s", u, v.Type())
		return
	}
	v.SetInt(int64(u))
}

func (p unsignedAsIntPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return p.appendInt(dst, v.Int())
}

// intPlan is a signed integer in a signed Go integer.
type intPlan struct{ integer }

func (p intPlan) decode(r *Reader, v reflect.Value) {
	start := r.pos
	i := p.readInt(r)
	if v.OverflowInt(i) {
		r.pos = start
		r.invalid("%d does not fit the Go type %s", i, v.Type())
		return
	}
	v.SetInt(i)
}

func (p intPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return p.appendInt(dst, v.Int())
}

type uint128Plan struct{ integer }

func (p uint128Plan) decode(r *Reader, v reflect.Value) {
	u := p.readUint128(r)
	v.Field(0).SetUint(u.Lo)
	v.Field(1).SetUint(u.Hi)
}

func (p uint128Plan) append(dst []byte, v reflect.Value) ([]byte, error) {
	u := Uint128{Lo: v.Field(0).Uint(), Hi: v.Field(1).Uint()}
	if !p.compact && p.width == 16 {
		return AppendUint128(dst, u.Lo, u.Hi), nil
	}
	return p.appendBig(dst, u.Big())
}

type bigPlan struct{ integer }

func (p bigPlan) decode(r *Reader, v reflect.Value) { v.Set(reflect.ValueOf(p.readBig(r))) }

func (p bigPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	n, _ := v.Interface().(*big.Int)
	if n == nil {
		return nil, fmt.Errorf("no integer (nil)")
	}
	return p.appendBig(dst, n)
}

// textPlan returns a plan for a Go string, nil when the described type is neither text nor bytes nor an enum.
func (b *binder) textPlan(id TypeID, t *Type) plan {
	switch {
	case t.Kind == KindPrimitive && t.Primitive == Str:
		return stringPlan{}
	case t.Kind == KindSequence && b.types.isByte(t.Elem):
		return byteStringPlan{}
	case t.Kind == KindSequence:
		if _, elem := b.types.inner(t.Elem); elem.Kind == KindCompact && b.types.isByte(elem.Elem) {
			return compactStringPlan{}
		}
	case t.Kind == KindVariant && !t.isOption():
		return &variantNamePlan{b.types, id, t}
	}
	return nil
}

// isByte tells whether the type is u8. A newtype of it is one too.
func (r *Registry) isByte(id TypeID) bool {
	_, t := r.inner(id)
	return t.Kind == KindPrimitive && t.Primitive == U8
}

// stringPlan is text.
type stringPlan struct{}

func (stringPlan) decode(r *Reader, v reflect.Value) { v.SetString(r.Text()) }

func (stringPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	if !utf8.ValidString(v.String()) {
		return nil, fmt.Errorf("text is not UTF-8")
	}
	return AppendString(dst, v.String()), nil
}

// byteStringPlan is a byte vector in a Go string, whatever the bytes are.
type byteStringPlan struct{}

func (byteStringPlan) decode(r *Reader, v reflect.Value) { v.SetString(string(r.ByteVec())) }

func (byteStringPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return AppendString(dst, v.String()), nil
}

// compactStringPlan is a vector of compact bytes, as which some runtime APIs return names, in a Go string.
type compactStringPlan struct{}

func (compactStringPlan) decode(r *Reader, v reflect.Value) { v.SetString(string(readCompactBytes(r))) }

func (compactStringPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	s := v.String()
	dst = AppendCompact(dst, uint64(len(s)))
	for i := range len(s) {
		dst = AppendCompact(dst, uint64(s[i]))
	}
	return dst, nil
}

var compactByte = integer{compact: true, width: 1}

func readCompactBytes(r *Reader) []byte {
	b := make([]byte, r.Len(1))
	for i := range b {
		b[i] = byte(compactByte.readUint(r))
	}
	return b
}
