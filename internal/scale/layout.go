package scale

import (
	"fmt"
	"math"
)

// layout is what decoding needs to know of a type at once.
type layout struct {
	// least is the least number of bytes of a value, at most maxSize.
	least int32
	// fixed is the number of bytes when all values take the same number, else -1.
	fixed int32
	// inner is the type without its newtypes: structs with exactly one field that has no name.
	inner TypeID
	// depth is how many types deep the type holds others directly.
	depth uint16
	state uint8
}

const (
	layoutUnknown = iota
	layoutBusy
	layoutDone
)

const (
	// maxSize caps sizes. No input is as large as that, so a type that reaches it cannot be decoded.
	maxSize = math.MaxInt32
	// maxTypeDepth bounds how deeply types hold each other directly, without a vector or an enum in between. Real
	// runtimes stay below twenty.
	maxTypeDepth = 256
)

// check proves the types sound and fills in the layouts.
func (r *Registry) check() error {
	if len(r.types) >= int(NoType) {
		return fmt.Errorf("%d types are too many", len(r.types))
	}
	for id := range r.types {
		if err := r.checkType(&r.types[id]); err != nil {
			return fmt.Errorf("type %d (%s): %w", id, r.Name(TypeID(id)), err)
		}
	}
	r.layouts = make([]layout, len(r.types))
	for id := range r.types {
		if err := r.layOut(TypeID(id), 0); err != nil {
			return err
		}
	}
	return nil
}

func (r *Registry) known(ids ...TypeID) error {
	for _, id := range ids {
		if int64(id) >= int64(len(r.types)) {
			return fmt.Errorf("refers to type %d, which does not exist", id)
		}
	}
	return nil
}

// checkType looks at one type by itself: what it refers to exists, and names and indexes occur once.
func (r *Registry) checkType(t *Type) error {
	for _, p := range t.Params {
		if p.Type != NoType {
			if err := r.known(p.Type); err != nil {
				return err
			}
		}
	}
	switch t.Kind {
	case KindComposite, KindTuple:
		return r.checkFields(t.Fields)
	case KindVariant:
		var used [256]bool
		names := make(map[string]bool, len(t.Variants))
		for i := range t.Variants {
			v := &t.Variants[i]
			if used[v.Index] || names[v.Name] {
				return fmt.Errorf("variant %s (%d) occurs twice", v.Name, v.Index)
			}
			used[v.Index], names[v.Name] = true, true
			if err := r.checkFields(v.Fields); err != nil {
				return fmt.Errorf("variant %s: %w", v.Name, err)
			}
		}
	case KindSequence, KindArray, KindCompact:
		return r.known(t.Elem)
	case KindPrimitive:
		if t.Primitive > I256 {
			return fmt.Errorf("unknown primitive %d", t.Primitive)
		}
	case KindBitSequence:
		return r.known(t.BitStore, t.BitOrder)
	default:
		return fmt.Errorf("unknown kind %d", t.Kind)
	}
	return nil
}

func (r *Registry) checkFields(fields []Field) error {
	for i := range fields {
		f := &fields[i]
		if err := r.known(f.Type); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
		if (f.Name == "") != (fields[0].Name == "") {
			return fmt.Errorf("only some fields have names")
		}
	}
	if len(fields) < 2 || fields[0].Name == "" {
		return nil
	}
	if len(fields) <= 16 { // the usual case, without a map
		for i := range fields {
			for j := range i {
				if fields[i].Name == fields[j].Name {
					return fmt.Errorf("field %q occurs twice", fields[i].Name)
				}
			}
		}
		return nil
	}
	names := make(map[string]bool, len(fields))
	for i := range fields {
		if names[fields[i].Name] {
			return fmt.Errorf("field %q occurs twice", fields[i].Name)
		}
		names[fields[i].Name] = true
	}
	return nil
}

// layOut fills in the layout of a type and of those it holds directly.
func (r *Registry) layOut(id TypeID, depth int) error {
	l := &r.layouts[id]
	switch {
	case l.state == layoutDone:
		return nil
	case l.state == layoutBusy:
		return fmt.Errorf("type %d (%s) contains itself", id, r.Name(id))
	case depth > maxTypeDepth:
		return fmt.Errorf("type %d (%s) nests too deeply", id, r.Name(id))
	}
	l.state = layoutBusy
	t := &r.types[id]
	for _, held := range t.held() {
		if err := r.layOut(held.Type, depth+1); err != nil {
			return err
		}
		l.depth = max(l.depth, r.layouts[held.Type].depth+1)
	}
	if l.depth > maxTypeDepth {
		return fmt.Errorf("type %d (%s) nests too deeply", id, r.Name(id))
	}
	l.inner = id
	switch t.Kind {
	case KindComposite, KindTuple:
		var least, fixed int64
		for _, f := range t.Fields {
			inner := &r.layouts[f.Type]
			least = min(least+int64(inner.least), maxSize)
			if inner.fixed < 0 {
				fixed = -1
			} else if fixed >= 0 {
				fixed = min(fixed+int64(inner.fixed), maxSize)
			}
		}
		l.least, l.fixed = int32(least), int32(fixed)
		if len(t.Fields) == 1 && t.Fields[0].Name == "" {
			l.inner = r.layouts[t.Fields[0].Type].inner
		}
	case KindArray:
		elem := &r.layouts[t.Elem]
		l.least = int32(min(int64(elem.least)*int64(t.Len), maxSize))
		l.fixed = -1
		if elem.fixed >= 0 {
			l.fixed = int32(min(int64(elem.fixed)*int64(t.Len), maxSize))
		}
	case KindPrimitive:
		l.least, l.fixed = int32(max(t.Primitive.width(), 1)), int32(t.Primitive.width())
		if t.Primitive == Str {
			l.fixed = -1
		}
	case KindVariant:
		l.least, l.fixed = 1, 1
		for i := range t.Variants {
			if len(t.Variants[i].Fields) > 0 {
				l.fixed = -1
			}
		}
	case KindCompact:
		l.least, l.fixed = 1, -1
		if width, ok := r.compactOf(t); ok && width == 0 {
			l.least, l.fixed = 0, 0
		}
	default: // vectors and bit sequences
		l.least, l.fixed = 1, -1
	}
	l.state = layoutDone
	return nil
}

// held returns the types that every value of the type contains.
func (t *Type) held() []Field {
	switch {
	case t.Kind == KindComposite, t.Kind == KindTuple:
		return t.Fields
	case t.Kind == KindArray, t.Kind == KindCompact:
		return []Field{{Type: t.Elem}}
	}
	return nil
}

// inner returns the type without its newtypes.
func (r *Registry) inner(id TypeID) (TypeID, *Type) {
	id = r.layouts[id].inner
	return id, &r.types[id]
}

// compactOf returns the unsigned integer that a compact stands for; ok is false when it stands for something else.
// The compact of a type without fields, which takes no bytes, has the width 0.
func (r *Registry) compactOf(t *Type) (width int, ok bool) {
	for range maxTypeDepth {
		_, e := r.inner(t.Elem)
		switch {
		case e.Kind == KindPrimitive && e.Primitive.unsigned():
			return e.Primitive.width(), true
		case (e.Kind == KindComposite || e.Kind == KindTuple) && len(e.Fields) == 0:
			return 0, true
		case e.Kind == KindComposite && len(e.Fields) == 1: // a newtype whose field has a name
			t = &Type{Elem: e.Fields[0].Type}
			continue
		}
		return 0, false
	}
	return 0, false
}
