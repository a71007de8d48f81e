package scale

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// goField is a field of a Go struct that names a field of the chain.
type goField struct {
	name     string
	index    []int
	typ      reflect.Type
	optional bool
	variant  bool // takes the name of an enum's variant
}

// goFields returns the fields of a Go struct, those of embedded structs included.
func goFields(t reflect.Type) ([]goField, error) {
	var fields []goField
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("scale")
		if f.Anonymous && !tagged && f.Type.Kind() == reflect.Struct {
			embedded, err := goFields(f.Type)
			if err != nil {
				return nil, err
			}
			for _, e := range embedded {
				e.index = append([]int{i}, e.index...)
				fields = append(fields, e)
			}
			continue
		}
		if tag == "-" || !f.IsExported() && !tagged {
			continue
		}
		name, option, _ := strings.Cut(tag, ",")
		g := goField{name: name, index: []int{i}, typ: f.Type, optional: option == "optional", variant: option == "variant"}
		switch {
		case !f.IsExported():
			return nil, fmt.Errorf("the field %s of the Go type %s is not exported", f.Name, t)
		case g.variant && name == "" && f.Type.Kind() == reflect.String:
		case name == "" || g.variant || option != "" && !g.optional:
			return nil, fmt.Errorf(`the field %s of the Go type %s has no usable scale tag ("-" leaves it out)`, f.Name, t)
		}
		for _, other := range fields {
			if other.name == g.name {
				return nil, fmt.Errorf("the Go type %s has two fields for %q", t, g.name)
			}
		}
		fields = append(fields, g)
	}
	return fields, nil
}

// bindStruct binds a Go struct with a struct, a tuple or an enum.
func (b *binder) bindStruct(id TypeID, t reflect.Type) (plan, error) {
	fields, err := goFields(t)
	if err != nil {
		return nil, &BindError{Type: b.types.path(id), Reason: err.Error()}
	}
	inner, described := b.types.inner(id)
	if outer := &b.types.types[id]; len(outer.Fields) == 1 && len(fields) == 1 && fields[0].name == "0" {
		inner, described = id, outer // the Go type asks for the newtype itself
	}
	switch described.Kind {
	case KindComposite, KindTuple:
		return b.bindFields(b.types.path(inner), described.Fields, t, fields)
	case KindVariant:
		if !described.isOption() {
			return b.bindEnum(inner, described, t, fields)
		}
	}
	return nil, b.misfit(id, t)
}

// structPlan decodes a struct or a tuple.
type structPlan struct {
	types *Registry
	name  string
	steps []structStep
	// absent are the optional Go fields that the chain does not have.
	absent []goField
	// unbound is a field of the chain that no Go field names. Nothing can be encoded then.
	unbound string
}

// structStep is what to do next: skip bytes, skip a value, or decode a field.
type structStep struct {
	plan  plan // nil to skip
	name  string
	index []int // of the Go field
	bytes int   // to skip; when 0, skip a value of typ
	typ   TypeID
}

// bindFields joins fields of the chain with those of a Go struct.
func (b *binder) bindFields(name string, chain []Field, t reflect.Type, fields []goField) (plan, error) {
	p := &structPlan{types: b.types, name: name}
	taken := make([]bool, len(fields))
	for position, c := range chain {
		label := c.Name
		if label == "" {
			label = strconv.Itoa(position)
		}
		i := indexOfField(fields, label)
		if i < 0 {
			p.skip(c.Type)
			if p.unbound == "" {
				p.unbound = label
			}
			continue
		}
		taken[i] = true
		inner, err := b.bind(c.Type, fields[i].typ)
		if err != nil {
			return nil, within(err, name, label)
		}
		p.steps = append(p.steps, structStep{plan: inner, name: label, index: fields[i].index})
	}
	for i, f := range fields {
		switch {
		case taken[i]:
		case f.optional:
			p.absent = append(p.absent, f)
		case f.variant:
			return nil, &BindError{Type: name, Reason: fmt.Sprintf("the Go type %s wants an enum", t)}
		default:
			return nil, &BindError{Type: name, Field: f.name, Reason: fmt.Sprintf("no such field, wanted by the Go type %s", t)}
		}
	}
	return p, nil
}

func indexOfField(fields []goField, name string) int {
	for i := range fields {
		if fields[i].name == name {
			return i
		}
	}
	return -1
}

// within names the field whose type does not fit, when the error is about the type as a whole.
func within(err error, name, field string) error {
	if e, ok := err.(*BindError); ok && e.Field == "" { //nolint:errorlint // made by this package, never wrapped
		return &BindError{Type: name, Field: field, Reason: e.Reason}
	}
	return err
}

// skip adds a step over a value that nobody wants; steps over bytes of a known number are joined.
func (p *structPlan) skip(id TypeID) {
	fixed := p.types.layouts[id].fixed
	if fixed == 0 {
		return
	}
	if last := len(p.steps) - 1; fixed > 0 && last >= 0 && p.steps[last].bytes > 0 {
		p.steps[last].bytes += int(fixed)
		return
	}
	p.steps = append(p.steps, structStep{bytes: int(max(fixed, 0)), typ: id})
}

func (p *structPlan) decode(r *Reader, v reflect.Value) {
	for i := range p.steps {
		s := &p.steps[i]
		switch {
		case s.plan != nil:
			s.plan.decode(r, fieldAt(v, s.index))
		case s.bytes > 0:
			r.Take(s.bytes)
		default:
			p.types.skip(r, s.typ)
		}
		if r.err != nil {
			r.within(s.name)
			return
		}
	}
	for _, f := range p.absent {
		fieldAt(v, f.index).SetZero()
	}
}

func (p *structPlan) append(dst []byte, v reflect.Value) (_ []byte, err error) {
	if p.unbound != "" {
		return nil, &BindError{Type: p.name, Field: p.unbound, Reason: "not covered by the Go type, so it cannot be encoded"}
	}
	for _, f := range p.absent {
		if !fieldAt(v, f.index).IsZero() {
			return nil, &BindError{Type: p.name, Field: f.name, Reason: "no such field, but it has a value"}
		}
	}
	for i := range p.steps {
		s := &p.steps[i]
		if dst, err = s.plan.append(dst, fieldAt(v, s.index)); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return dst, nil
}

func fieldAt(v reflect.Value, index []int) reflect.Value {
	if len(index) == 1 {
		return v.Field(index[0])
	}
	return v.FieldByIndex(index)
}
