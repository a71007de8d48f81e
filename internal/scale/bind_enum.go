package scale

import (
	"errors"
	"fmt"
	"reflect"
)

// enumPlan decodes an enum into a struct with a pointer for each wanted variant.
type enumPlan struct {
	types     *Registry
	id        TypeID
	described *Type
	name      []int          // the Go field that takes the variant's name; nil when there is none
	variants  []*enumVariant // by position in described.Variants; nil for those nobody wants
	absent    []goField      // optional Go fields that the chain does not have
}

type enumVariant struct {
	index []int
	typ   reflect.Type
	plan  plan
}

func (b *binder) bindEnum(id TypeID, described *Type, t reflect.Type, fields []goField) (plan, error) {
	p := &enumPlan{
		types: b.types, id: id, described: described,
		variants: make([]*enumVariant, len(described.Variants)),
	}
	name := b.types.path(id)
	taken := make([]bool, len(fields))
	for i := range described.Variants {
		v := &described.Variants[i]
		j := indexOfField(fields, v.Name)
		if j < 0 {
			continue
		}
		taken[j] = true
		f := fields[j]
		if f.typ.Kind() != reflect.Pointer {
			return nil, &BindError{Type: name, Field: v.Name, Reason: fmt.Sprintf("the variant wants a pointer, not the Go type %s", f.typ)}
		}
		payload, err := b.bindPayload(name, v, f.typ.Elem())
		if err != nil {
			return nil, within(err, name, v.Name)
		}
		p.variants[i] = &enumVariant{f.index, f.typ.Elem(), payload}
	}
	for i, f := range fields {
		switch {
		case taken[i]:
		case f.variant:
			p.name = f.index
		case f.optional:
			p.absent = append(p.absent, f)
		default:
			return nil, &BindError{Type: name, Field: f.name, Reason: fmt.Sprintf("no such variant, wanted by the Go type %s", t)}
		}
	}
	return p, nil
}

// bindPayload binds the fields of a variant: one without a name as itself, others as a struct.
func (b *binder) bindPayload(name string, v *Variant, t reflect.Type) (plan, error) {
	if len(v.Fields) == 1 && v.Fields[0].Name == "" {
		return b.bind(v.Fields[0].Type, t)
	}
	if t.Kind() != reflect.Struct {
		return nil, &BindError{Type: name, Field: v.Name, Reason: fmt.Sprintf("the variant has %d fields and wants a Go struct, not %s", len(v.Fields), t)}
	}
	fields, err := goFields(t)
	if err != nil {
		return nil, &BindError{Type: name, Field: v.Name, Reason: err.Error()}
	}
	return b.bindFields(name+"::"+v.Name, v.Fields, t, fields)
}

// readVariant reads the first byte of an enum and returns the variant's position; -1 means an error.
func (r *Registry) readVariant(rd *Reader, id TypeID, t *Type) int {
	start := rd.pos
	index := rd.Uint8()
	if rd.err != nil {
		return -1
	}
	position := t.variantAt(index)
	if position < 0 {
		rd.pos = start
		rd.invalid("%s has no variant %d", r.Name(id), index)
	}
	return position
}

func (p *enumPlan) decode(r *Reader, v reflect.Value) {
	v.SetZero()
	position := p.types.readVariant(r, p.id, p.described)
	if position < 0 {
		return
	}
	variant := &p.described.Variants[position]
	if p.name != nil {
		fieldAt(v, p.name).SetString(variant.Name)
	}
	if wanted := p.variants[position]; wanted == nil {
		p.types.skipFields(r, variant.Fields)
	} else {
		value := reflect.New(wanted.typ)
		wanted.plan.decode(r, value.Elem())
		fieldAt(v, wanted.index).Set(value)
	}
	if r.err != nil {
		r.within(variant.Name)
	}
}

func (p *enumPlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	for _, f := range p.absent {
		if !fieldAt(v, f.index).IsZero() {
			return nil, fmt.Errorf("%s has no variant %s", p.types.Name(p.id), f.name)
		}
	}
	chosen := -1
	for i, w := range p.variants {
		if w == nil || fieldAt(v, w.index).IsNil() {
			continue
		}
		if chosen >= 0 {
			return nil, fmt.Errorf("%s is both %s and %s", p.types.Name(p.id), p.described.Variants[chosen].Name, p.described.Variants[i].Name)
		}
		chosen = i
	}
	name := ""
	if p.name != nil {
		name = fieldAt(v, p.name).String()
	}
	if chosen < 0 {
		return appendUnit(dst, p.described, name)
	}
	if variant := &p.described.Variants[chosen]; name != "" && name != variant.Name {
		return nil, fmt.Errorf("%s is both %s and %s", p.types.Name(p.id), variant.Name, name)
	}
	w, variant := p.variants[chosen], &p.described.Variants[chosen]
	dst, err := w.plan.append(append(dst, variant.Index), fieldAt(v, w.index).Elem())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variant.Name, err)
	}
	return dst, nil
}

// appendUnit appends a variant without fields by its name.
func appendUnit(dst []byte, t *Type, name string) ([]byte, error) {
	if name == "" {
		return nil, errors.New("no variant is chosen")
	}
	v := t.variantNamed(name)
	switch {
	case v == nil:
		return nil, fmt.Errorf("no variant %q", name)
	case len(v.Fields) > 0:
		return nil, fmt.Errorf("variant %s lacks its fields", name)
	}
	return append(dst, v.Index), nil
}

// variantNamePlan decodes an enum as the name of its variant.
type variantNamePlan struct {
	types     *Registry
	id        TypeID
	described *Type
}

func (p *variantNamePlan) decode(r *Reader, v reflect.Value) {
	if position := p.types.readVariant(r, p.id, p.described); position >= 0 {
		p.types.skipFields(r, p.described.Variants[position].Fields)
		v.SetString(p.described.Variants[position].Name)
	}
}

func (p *variantNamePlan) append(dst []byte, v reflect.Value) ([]byte, error) {
	return appendUnit(dst, p.described, v.String())
}
