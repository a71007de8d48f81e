package scale

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Builder makes a [Registry] of types that are written as text: layouts of runtimes whose metadata does not describe
// them, and the development chain's own types. The zero Builder is not usable.
type Builder struct {
	types   []Type
	defs    map[string]*definition   // by full path
	byName  map[string][]*definition // by the last part of the path
	order   []*definition
	exprs   map[string]TypeID // compiled types by their canonical text
	errs    []error
	pending []*definition // whose bodies are still to be compiled
}

type definition struct {
	path   string
	params string // what stands between < and > of the path
	text   string
	id     TypeID
	// alias is set for a definition that only names another type; busy while its target is looked for.
	alias, busy, known bool
}

// NewBuilder returns a builder without definitions.
func NewBuilder() *Builder {
	return &Builder{
		defs:   make(map[string]*definition),
		byName: make(map[string][]*definition),
		exprs:  make(map[string]TypeID),
	}
}

// Define gives a type a name. The path may have several parts ("sp_core::crypto::AccountId32"), and type parameters
// that are only recorded ("sp_runtime::generic::Foo<Address = MultiAddress, T>"); other definitions refer to the type
// by the last part of its path, or by all of it. The definition is one of
//
//	struct{block: u64, ip: u128}          struct(u16)          struct
//	enum{Raw0, Id(AccountId32), Named{x: u8} = 5}
//	u64                                   any type expression: another name for it
//
// A variant without a number follows the one before it. Definitions may refer to each other in any order, also to
// themselves. [Builder.Type] and [Builder.Registry] report mistakes.
func (b *Builder) Define(path, text string) {
	path, params, _ := strings.Cut(strings.TrimSpace(path), "<")
	d := &definition{path: strings.TrimSpace(path), params: strings.TrimSuffix(params, ">"), text: strings.TrimSpace(text)}
	keyword := strings.TrimRight(d.text[:strings.IndexAny(d.text+"{", "{(<[ ")], " ")
	d.alias = keyword != "struct" && keyword != "enum"
	if b.defs[d.path] != nil {
		b.fail(fmt.Errorf("define %s: defined twice", d.path))
		return
	}
	name := d.path[strings.LastIndexByte(d.path, ':')+1:]
	b.defs[d.path] = d
	b.byName[name] = append(b.byName[name], d)
	b.order = append(b.order, d)
}

// Type returns the number of a type that is written as an expression:
//
//	a defined name, or a primitive (bool, char, str, u8 … u256, i8 … i256)
//	Vec<T>  Option<T>  Result<A, B>  Compact<u64>  BTreeMap<K, V>  BTreeSet<T>  BoundedVec<T>
//	[u8; 32]  (A, B)  ()  BitVec  String  Box<T>
//
// Box<T> is T and String is str. What the expression names must have been defined before. The number stays valid in
// every registry that the builder makes afterwards.
func (b *Builder) Type(expr string) (TypeID, error) {
	p := &typeParser{b: b, src: expr}
	id, err := p.whole()
	if err != nil {
		return NoType, fmt.Errorf("type %q: %w", expr, err)
	}
	return id, b.compilePending()
}

// MustType is Type for expressions that are part of the program. It panics on a mistake.
func (b *Builder) MustType(expr string) TypeID {
	id, err := b.Type(expr)
	if err != nil {
		panic(err)
	}
	return id
}

// Registry returns the types of all definitions and of all expressions so far. The builder can go on being used.
func (b *Builder) Registry() (*Registry, error) {
	for _, d := range b.order {
		if _, err := b.resolve(d); err != nil {
			b.fail(err)
		}
	}
	if err := b.compilePending(); err != nil {
		b.fail(err)
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return NewRegistry(slices.Clone(b.types))
}

func (b *Builder) fail(err error) { b.errs = append(b.errs, err) }

// lookup finds a definition by its path or the last part of it.
func (b *Builder) lookup(name string) (*definition, error) {
	if d := b.defs[name]; d != nil {
		return d, nil
	}
	switch found := b.byName[name]; len(found) {
	case 0:
		return nil, fmt.Errorf("%s is not defined", name)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("%s may be %s or %s: write the whole path", name, found[0].path, found[1].path)
	}
}

// resolve returns the number of a defined type. The body of a struct or an enum is compiled later, so that it may
// refer to itself.
func (b *Builder) resolve(d *definition) (TypeID, error) {
	if d.known {
		return d.id, nil
	}
	if !d.alias {
		d.id, d.known = b.add(Type{Path: strings.Split(d.path, "::")}), true
		b.pending = append(b.pending, d)
		return d.id, nil
	}
	if d.busy {
		return NoType, fmt.Errorf("define %s: names itself", d.path)
	}
	d.busy = true
	defer func() { d.busy = false }()
	p := &typeParser{b: b, src: d.text}
	id, err := p.whole()
	if err != nil {
		return NoType, fmt.Errorf("define %s: %w", d.path, err)
	}
	d.id, d.known = id, true
	return id, nil
}

func (b *Builder) compilePending() error {
	var errs []error
	for len(b.pending) > 0 {
		d := b.pending[0]
		b.pending = b.pending[1:]
		t, err := b.compile(d)
		if err != nil {
			errs = append(errs, fmt.Errorf("define %s: %w", d.path, err))
			continue
		}
		b.types[d.id] = t
	}
	return errors.Join(errs...)
}

func (b *Builder) compile(d *definition) (Type, error) {
	p := &typeParser{b: b, src: d.text}
	t := Type{Path: strings.Split(d.path, "::")}
	var err error
	if strings.TrimSpace(d.params) != "" {
		if t.Params, err = (&typeParser{b: b, src: d.params}).params(); err != nil {
			return t, err
		}
	}
	switch word := p.word(); word {
	case "struct":
		t.Kind = KindComposite
		t.Fields, err = p.fields()
	case "enum":
		t.Kind = KindVariant
		t.Variants, err = p.variants()
	}
	if err == nil {
		err = p.end()
	}
	return t, err
}

func (b *Builder) add(t Type) TypeID {
	b.types = append(b.types, t)
	return TypeID(len(b.types) - 1)
}

// shared returns the type with this canonical text, made at most once.
func (b *Builder) shared(text string, describe func() Type) TypeID {
	id, ok := b.exprs[text]
	if !ok {
		id = b.add(describe())
		b.exprs[text] = id
	}
	return id
}

// ofKind returns an unnamed type by its kind and parts.
func (b *Builder) ofKind(t Type) TypeID {
	var text strings.Builder
	fmt.Fprint(&text, t.Kind, t.Primitive, t.Elem, t.Len)
	for _, f := range t.Fields {
		fmt.Fprint(&text, ",", f.Type)
	}
	return b.shared(text.String(), func() Type { return t })
}
