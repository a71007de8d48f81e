package scale

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// typeParser reads the text of types. Methods skip spaces in front of what they read.
type typeParser struct {
	b     *Builder
	src   string
	pos   int
	depth int
}

func (p *typeParser) space() {
	for p.pos < len(p.src) && strings.IndexByte(" \t\n", p.src[p.pos]) >= 0 {
		p.pos++
	}
}

// accept moves past a text if it comes next.
func (p *typeParser) accept(text string) bool {
	p.space()
	if !strings.HasPrefix(p.src[p.pos:], text) {
		return false
	}
	p.pos += len(text)
	return true
}

func (p *typeParser) expect(text string) error {
	if !p.accept(text) {
		return p.errorf("%q expected", text)
	}
	return nil
}

func (p *typeParser) errorf(format string, args ...any) error {
	return fmt.Errorf("%s, at %q", fmt.Sprintf(format, args...), p.src[p.pos:])
}

func (p *typeParser) end() error {
	if p.space(); p.pos < len(p.src) {
		return p.errorf("nothing more expected")
	}
	return nil
}

// word reads an identifier, or a path of identifiers joined by "::"; empty when none comes next.
func (p *typeParser) word() string {
	p.space()
	start := p.pos
	for p.pos < len(p.src) {
		c := p.src[p.pos]
		switch {
		case c == '_', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			p.pos++
		case c == ':' && strings.HasPrefix(p.src[p.pos:], "::"):
			p.pos += 2
		default:
			return p.src[start:p.pos]
		}
	}
	return p.src[start:]
}

func (p *typeParser) number(bits int) (uint64, error) {
	word := p.word()
	n, err := strconv.ParseUint(word, 10, bits)
	if err != nil {
		return 0, p.errorf("number expected, not %q", word)
	}
	return n, nil
}

// list reads items separated by commas until the closing text. A comma may follow the last.
func (p *typeParser) list(closing string, item func() error) error {
	for !p.accept(closing) {
		if err := item(); err != nil {
			return err
		}
		if !p.accept(",") {
			return p.expect(closing)
		}
	}
	return nil
}

func (p *typeParser) whole() (TypeID, error) {
	id, err := p.typ()
	if err == nil {
		err = p.end()
	}
	return id, err
}

// typ reads a type expression.
func (p *typeParser) typ() (TypeID, error) {
	if p.depth++; p.depth > maxTypeDepth {
		return NoType, p.errorf("nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept("("):
		return p.tuple()
	case p.accept("["):
		return p.array()
	}
	name := p.word()
	if name == "" {
		return NoType, p.errorf("type expected")
	}
	var args []TypeID
	if p.accept("<") {
		err := p.list(">", func() error {
			id, err := p.typ()
			args = append(args, id)
			return err
		})
		if err != nil {
			return NoType, err
		}
	}
	return p.named(name, args)
}

func (p *typeParser) tuple() (TypeID, error) {
	var fields []Field
	comma := false
	err := p.list(")", func() error {
		id, err := p.typ()
		fields = append(fields, Field{Type: id})
		p.space()
		comma = comma || strings.HasPrefix(p.src[p.pos:], ",")
		return err
	})
	if err != nil {
		return NoType, err
	}
	if len(fields) == 1 && !comma {
		return fields[0].Type, nil // only parentheses
	}
	return p.b.ofKind(Type{Kind: KindTuple, Fields: fields}), nil
}

func (p *typeParser) array() (TypeID, error) {
	elem, err := p.typ()
	if err != nil {
		return NoType, err
	}
	if err := p.expect(";"); err != nil {
		return NoType, err
	}
	n, err := p.number(32)
	if err != nil {
		return NoType, err
	}
	if err := p.expect("]"); err != nil {
		return NoType, err
	}
	return p.b.ofKind(Type{Kind: KindArray, Elem: elem, Len: uint32(n)}), nil
}

// generics are the type constructors and how many types each takes.
var generics = map[string]int{
	"Vec": 1, "Option": 1, "Result": 2, "Compact": 1, "BTreeMap": 2, "BTreeSet": 1, "BoundedVec": 1, "Box": 1,
}

// named returns a type by its name and parameters.
func (p *typeParser) named(name string, args []TypeID) (TypeID, error) {
	b := p.b
	if d, err := b.lookup(name); err == nil && len(args) == 0 {
		return b.resolve(d)
	} else if _, generic := generics[name]; !generic && len(b.byName[name]) > 1 {
		return NoType, err // which of them?
	}
	if n, ok := generics[name]; ok {
		if len(args) != n {
			return NoType, p.errorf("%s takes %d types, got %d", name, n, len(args))
		}
		return b.generic(name, args), nil
	}
	if len(args) > 0 {
		return NoType, p.errorf("%s takes no types", name)
	}
	if name == "String" {
		name = "str"
	}
	if i := slices.Index(primitiveNames[:], name); i >= 0 {
		return b.ofKind(Type{Kind: KindPrimitive, Primitive: Primitive(i)}), nil
	}
	if name == "BitVec" {
		store := b.ofKind(Type{Kind: KindPrimitive, Primitive: U8})
		order := b.shared("Lsb0", func() Type { return Type{Path: []string{"bitvec", "order", "Lsb0"}} })
		return b.shared("BitVec", func() Type {
			return Type{Kind: KindBitSequence, BitStore: store, BitOrder: order}
		}), nil
	}
	return NoType, p.errorf("%s is not defined", name)
}

// generic returns a constructed type, with the path and the parameters that Rust's metadata gives it.
func (b *Builder) generic(name string, args []TypeID) TypeID {
	arg := args[0]
	switch name {
	case "Box":
		return arg
	case "Vec":
		return b.ofKind(Type{Kind: KindSequence, Elem: arg})
	case "Compact":
		return b.ofKind(Type{Kind: KindCompact, Elem: arg})
	}
	t := Type{Path: []string{name}, Kind: KindComposite}
	switch name {
	case "Option":
		t.Kind, t.Params = KindVariant, []TypeParam{{"T", arg}}
		t.Variants = []Variant{{Name: "None"}, {Name: "Some", Index: 1, Fields: []Field{{Type: arg}}}}
	case "Result":
		t.Kind, t.Params = KindVariant, []TypeParam{{"T", arg}, {"E", args[1]}}
		t.Variants = []Variant{
			{Name: "Ok", Fields: []Field{{Type: arg}}},
			{Name: "Err", Index: 1, Fields: []Field{{Type: args[1]}}},
		}
	case "BTreeMap":
		pair := b.ofKind(Type{Kind: KindTuple, Fields: []Field{{Type: arg}, {Type: args[1]}}})
		t.Params = []TypeParam{{"K", arg}, {"V", args[1]}}
		t.Fields = []Field{{Type: b.ofKind(Type{Kind: KindSequence, Elem: pair})}}
	case "BTreeSet":
		t.Params = []TypeParam{{"T", arg}}
		t.Fields = []Field{{Type: b.ofKind(Type{Kind: KindSequence, Elem: arg})}}
	case "BoundedVec":
		t.Path = []string{"bounded_collections", "bounded_vec", "BoundedVec"}
		t.Params = []TypeParam{{"T", arg}, {"S", NoType}}
		t.Fields = []Field{{Type: b.ofKind(Type{Kind: KindSequence, Elem: arg}), TypeName: "Vec<T>"}}
	}
	return b.shared(fmt.Sprint(name, args), func() Type { return t })
}

// typed reads a type and keeps its text as the field's type name.
func (p *typeParser) typed(name string) (Field, error) {
	p.space()
	start := p.pos
	id, err := p.typ()
	if err != nil {
		return Field{}, err
	}
	return Field{Name: name, Type: id, TypeName: strings.TrimSpace(p.src[start:p.pos])}, nil
}

// fields reads "{name: type, …}", "(type, …)" or nothing.
func (p *typeParser) fields() (fields []Field, err error) {
	switch {
	case p.accept("{"):
		err = p.list("}", func() error {
			name := strings.TrimPrefix(p.word(), "r#")
			if name == "" {
				return p.errorf("field name expected")
			}
			if err := p.expect(":"); err != nil {
				return err
			}
			f, err := p.typed(name)
			fields = append(fields, f)
			return err
		})
	case p.accept("("):
		err = p.list(")", func() error {
			f, err := p.typed("")
			fields = append(fields, f)
			return err
		})
	}
	return fields, err
}

// variants reads "{Name, Name(type), Name{field: type} = index, …}".
func (p *typeParser) variants() (variants []Variant, err error) {
	if err := p.expect("{"); err != nil {
		return nil, err
	}
	next := uint64(0)
	err = p.list("}", func() error {
		v := Variant{Name: p.word()}
		if v.Name == "" {
			return p.errorf("variant name expected")
		}
		var err error
		if v.Fields, err = p.fields(); err != nil {
			return err
		}
		if p.accept("=") {
			if next, err = p.number(8); err != nil {
				return err
			}
		}
		if next > 255 {
			return p.errorf("variant %s: index %d is over 255", v.Name, next)
		}
		v.Index = uint8(next)
		next++
		variants = append(variants, v)
		return nil
	})
	return variants, err
}

// params reads "Name = type, Name, …".
func (p *typeParser) params() (params []TypeParam, err error) {
	for {
		param := TypeParam{Name: p.word(), Type: NoType}
		if param.Name == "" {
			return nil, p.errorf("parameter name expected")
		}
		if p.accept("=") {
			if param.Type, err = p.typ(); err != nil {
				return nil, err
			}
		}
		params = append(params, param)
		if !p.accept(",") {
			return params, p.end()
		}
	}
}
