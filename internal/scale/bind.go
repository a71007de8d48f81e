package scale

import (
	"fmt"
	"math/big"
	"reflect"
)

// Codec decodes and encodes values of one described type as the Go type T. It never changes, so any number of
// goroutines may use it.
type Codec[T any] struct {
	types *Registry
	id    TypeID
	plan  plan
}

// Bind joins the Go type T with a described type, once; decoding afterwards is quick. The error is a *BindError.
//
// The exported fields of a struct name the chain's fields in a tag, the positions of a tuple or of fields without
// names being "0", "1", and so on. A field with the tag "-" is left out; an embedded struct counts as its fields.
//
//	type Axon struct {
//		Block uint64        `scale:"block"`
//		IP    scale.Uint128 `scale:"ip"`
//		Extra *uint8        `scale:"extra,optional"` // zero where the chain has no such field
//	}
//
// Fields of the chain that no Go field names are skipped. What fits what:
//
//   - bool: bool. Integer kinds, *big.Int, [Uint128]: any integer and its Compact, whatever the width; a value that
//     does not fit is an error when it is met.
//   - string: text, byte vectors (as they are), enums (the name of the variant).
//   - []byte, [N]byte and other slices and arrays: vectors and arrays. An empty list decodes to nil.
//   - a pointer: an Option (nil is None), else the value, always there.
//   - a struct: a struct, a tuple, or an enum. For an enum the fields are pointers with the names of variants, of
//     which decoding sets the one that is there, if any; a string field with the tag ",variant" takes the name.
//   - any, [Object], [Enum], [Bits]: what [Registry.DecodeValue] makes.
//
// Newtypes of the chain (structs with a single field, such as NetUid or AccountId32) are looked through.
func Bind[T any](types *Registry, id TypeID) (*Codec[T], error) {
	p, err := types.bind(id, reflect.TypeFor[T]())
	if err != nil {
		return nil, err
	}
	return &Codec[T]{types, id, p}, nil
}

// Decode decodes a value that takes all of b. The value shares nothing with b.
func (c *Codec[T]) Decode(b []byte) (T, error) {
	var v T
	r := NewReader(b)
	c.DecodeFrom(r, &v)
	if err := r.Close(); err != nil {
		var zero T
		return zero, fmt.Errorf("decode %s: %w", c.types.Name(c.id), err)
	}
	return v, nil
}

// DecodeFrom decodes the next value of r into v. The reader keeps the error; v is then incomplete.
func (c *Codec[T]) DecodeFrom(r *Reader, v *T) {
	c.plan.decode(r, reflect.ValueOf(v).Elem())
}

// Append appends the encoded value. It is an error when T does not cover every field of the described type, and when
// a value does not fit.
func (c *Codec[T]) Append(dst []byte, v *T) ([]byte, error) {
	out, err := c.plan.append(dst, reflect.ValueOf(v).Elem())
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", c.types.Name(c.id), err)
	}
	return out, nil
}

// BindError says that a Go type does not fit a described type.
type BindError struct {
	// Type is the path of the described type. Field is its field, or the one that it lacks; empty when the type as a
	// whole does not fit.
	Type, Field string
	// Reason says what is wrong.
	Reason string
}

func (e *BindError) Error() string {
	name := e.Type
	if e.Field != "" {
		name += "." + e.Field
	}
	return "bind " + name + ": " + e.Reason
}

// plan decodes and encodes values of one described type as one Go type. It never changes once it is made. Values are
// always settable.
type plan interface {
	decode(r *Reader, v reflect.Value)
	append(dst []byte, v reflect.Value) ([]byte, error)
}

// binder makes plans. Types that hold themselves are bound once, to a plan that refers to itself.
type binder struct {
	types *Registry
	made  map[bindKey]*lazyPlan
}

type bindKey struct {
	id TypeID
	t  reflect.Type
}

// lazyPlan stands for a plan that is still being made. It bounds the depth of values that hold their own type.
type lazyPlan struct{ plan }

func (p *lazyPlan) decode(r *Reader, v reflect.Value) {
	if r.enter() {
		p.plan.decode(r, v)
	}
	r.leave()
}

func (r *Registry) bind(id TypeID, t reflect.Type) (plan, error) {
	if _, err := r.Type(id); err != nil {
		return nil, &BindError{Type: fmt.Sprintf("type %d", id), Reason: "does not exist"}
	}
	b := &binder{types: r, made: make(map[bindKey]*lazyPlan)}
	return b.bind(id, t)
}

var (
	anyType     = reflect.TypeFor[any]()
	bigIntType  = reflect.TypeFor[big.Int]()
	bigPtrType  = reflect.TypeFor[*big.Int]()
	uint128Type = reflect.TypeFor[Uint128]()
	objectType  = reflect.TypeFor[Object]()
	enumType    = reflect.TypeFor[Enum]()
	bitsType    = reflect.TypeFor[Bits]()
)

// bind makes the plan for one described type and one Go type.
func (b *binder) bind(id TypeID, t reflect.Type) (plan, error) {
	if t.Kind() == reflect.Struct || t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
		// Only these can lead back to themselves.
		key := bindKey{id, t}
		if p, ok := b.made[key]; ok {
			return p, nil
		}
		lazy := new(lazyPlan)
		b.made[key] = lazy
		p, err := b.bindNew(id, t)
		lazy.plan = p
		return p, err
	}
	return b.bindNew(id, t)
}

func (b *binder) bindNew(id TypeID, t reflect.Type) (plan, error) {
	inner, described := b.types.inner(id)
	switch t {
	case anyType:
		return &dynamicPlan{b.types, id}, nil
	case objectType:
		if described.Kind != KindComposite || len(described.Fields) == 0 || described.Fields[0].Name == "" {
			return nil, b.misfit(id, t)
		}
		return &dynamicPlan{b.types, id}, nil
	case enumType:
		if described.Kind != KindVariant || described.isOption() {
			return nil, b.misfit(id, t)
		}
		return &dynamicPlan{b.types, id}, nil
	case bitsType:
		if described.Kind != KindBitSequence {
			return nil, b.misfit(id, t)
		}
		return &dynamicPlan{b.types, id}, nil
	}
	switch {
	case t.Kind() == reflect.Pointer && described.isOption():
		some, err := b.bind(described.Variants[1].Fields[0].Type, t.Elem())
		return &optionPlan{t.Elem(), some}, err
	case t.Kind() == reflect.Pointer && t != bigPtrType:
		target, err := b.bind(id, t.Elem())
		return &pointerPlan{t.Elem(), target}, err
	case t.Kind() == reflect.Struct && t != bigIntType && t != uint128Type:
		return b.bindStruct(id, t)
	}
	// What is left is no struct, so a struct with a single field can only stand for that field.
	for range maxTypeDepth {
		if described.Kind != KindComposite || len(described.Fields) != 1 {
			break
		}
		inner, described = b.types.inner(described.Fields[0].Type)
	}
	return b.bindLeaf(inner, described, t)
}

// bindLeaf binds what is neither a struct nor a pointer.
func (b *binder) bindLeaf(id TypeID, described *Type, t reflect.Type) (plan, error) {
	if n, ok := b.types.integerOf(described); ok {
		if p := integerPlan(n, t); p != nil {
			return p, nil
		}
		return nil, b.misfit(id, t)
	}
	switch {
	case t.Kind() == reflect.Bool && described.Kind == KindPrimitive && described.Primitive == Bool:
		return boolPlan{}, nil
	case t.Kind() == reflect.String:
		if p := b.textPlan(id, described); p != nil {
			return p, nil
		}
	case t.Kind() == reflect.Slice && described.Kind == KindSequence,
		t.Kind() == reflect.Slice && described.Kind == KindArray,
		t.Kind() == reflect.Array && described.Kind == KindArray && t.Len() == int(described.Len):
		return b.bindList(described, t)
	}
	return nil, b.misfit(id, t)
}

func (b *binder) misfit(id TypeID, t reflect.Type) error {
	_, described := b.types.inner(id)
	return &BindError{
		Type:   b.types.path(id),
		Reason: fmt.Sprintf("%s does not fit the Go type %s", described.Kind, t),
	}
}
