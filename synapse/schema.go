package synapse

import (
	"encoding"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
)

// kind is the Python type that a Go type stands for.
type kind uint8

const (
	kindInvalid kind = iota
	kindBool
	kindInt
	kindUint
	kindBigInt
	kindFloat
	kindString
	kindText  // str, by encoding.TextMarshaler
	kindBytes // []byte
	kindTime  // datetime
	kindEnum
	kindAny
	kindPointer
	kindOptional
	kindList // also of a fixed length
	kindTuple
	kindMap // dict from a Go map
	kindDict
	kindModel
	kindTensor
)

// shape is how values of one Go type are read and written. Shapes are made once
// a type and refer to each other, also in circles.
type shape struct {
	kind   kind
	goType reflect.Type
	elem   *shape // of pointers, optionals, lists, tuples and dicts
	key    *shape // of dicts
	fields []field
	// defaults tells that a model has SetDefaults, and zero is one on which it
	// was called; nobody changes that one.
	defaults bool
	zero     reflect.Value
}

// field is a field of a model.
type field struct {
	name     string
	index    []int
	shape    *shape
	required bool
	hash     bool
	frozen   bool
	// The headers that carry an empty value of a required field, as sent and as
	// Go spells what it received.
	header, canonical string
}

// schema is what the package knows of one type of message.
type schema struct {
	name     string
	goType   reflect.Type // the struct
	base     []int        // where Synapse is embedded
	model    *shape       // the fields besides those of Synapse
	hash     []int        // indexes into model.fields, in the order of hashing
	required []int
}

var (
	schemas sync.Map // reflect.Type of the struct -> *schema or error
	shapes  sync.Map // reflect.Type -> *shape, complete

	baseType      = reflect.TypeFor[Synapse]()
	bigIntType    = reflect.TypeFor[big.Int]()
	timeType      = reflect.TypeFor[time.Time]()
	enumType      = reflect.TypeFor[Enum]()
	tensorType    = reflect.TypeFor[Tensor]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshal = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Check tells whether a type of message can be read and written: what is wrong
// with its tags or with the type of a field. Everything else here returns the
// same error, so programs need not call it.
func Check(m Message) error {
	_, err := schemaOf(m)
	return err
}

// NameOf returns the name of a message's type on the wire.
func NameOf(m Message) string {
	if n, ok := m.(Named); ok {
		return n.SynapseName()
	}
	t := reflect.TypeOf(m).Elem()
	name := t.Name()
	// A generic type is named without its arguments.
	name, _, _ = strings.Cut(name, "[")
	return name
}

func schemaOf(m Message) (*schema, error) {
	p := reflect.TypeOf(m)
	if p == nil || p.Kind() != reflect.Pointer || p.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("synapse: %T is not a pointer to a struct", m)
	}
	if reflect.ValueOf(m).IsNil() {
		return nil, fmt.Errorf("synapse: nil %T", m)
	}
	t := p.Elem()
	if known, ok := schemas.Load(t); ok {
		if s, ok := known.(*schema); ok {
			return s, nil
		}
		return nil, known.(error)
	}
	s, err := newSchema(t)
	if err != nil {
		err = fmt.Errorf("synapse: %v: %w", t, err)
		schemas.Store(t, err)
		return nil, err
	}
	schemas.Store(t, s)
	return s, nil
}

func newSchema(t reflect.Type) (*schema, error) {
	fresh := reflect.New(t).Interface().(Message)
	s := &schema{name: NameOf(fresh), goType: t}
	if s.name == "" || strings.ContainsAny(s.name, "/?#% ") {
		return nil, fmt.Errorf("%q cannot be a part of a URL: add a method SynapseName", s.name)
	}

	b := newBuilder()
	if t == baseType {
		s.model = &shape{kind: kindModel, goType: t}
	} else {
		model := &shape{kind: kindModel, goType: t}
		if err := b.fields(model, t, nil, &s.base); err != nil {
			return nil, err
		}
		if s.base == nil {
			return nil, errors.New("does not embed synapse.Synapse")
		}
		s.model = model
	}
	b.publish()

	for i := range s.model.fields {
		f := &s.model.fields[i]
		if slices.Contains(baseFields[:], f.name) {
			return nil, fmt.Errorf("field %s has the name of a field of every message", f.name)
		}
		f.header = inputPrefix + f.name
		f.canonical = canonicalHeader(f.header)
		if f.hash {
			s.hash = append(s.hash, i)
		}
		if f.required {
			if strings.ContainsFunc(f.name, notInHeaderName) {
				return nil, fmt.Errorf("field %q is required, but no header can have its name", f.name)
			}
			s.required = append(s.required, i)
		}
	}
	s.model.setZero(t)
	if h, ok := fresh.(HashFielder); ok {
		s.hash = nil
		for _, name := range h.HashFields() {
			i := s.model.field(name)
			if i < 0 {
				return nil, fmt.Errorf("HashFields names %q, which is no field", name)
			}
			s.hash = append(s.hash, i)
		}
	}
	return s, nil
}

// baseFields are the names of Synapse's own fields, in the order of bodies.
var baseFields = [...]string{"name", "timeout", "total_size", "header_size", "dendrite", "axon", "computed_body_hash"}

// notInHeaderName tells which characters the name of a header cannot have.
func notInHeaderName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// canonicalHeader is how net/http spells a header's name when it reads it.
func canonicalHeader(name string) string {
	out := []byte(strings.ToLower(name))
	upper := true
	for i, c := range out {
		if upper && 'a' <= c && c <= 'z' {
			out[i] = c - 'a' + 'A'
		}
		upper = c == '-'
	}
	return string(out)
}

func (s *shape) field(name string) int {
	return slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
}

// find is field for a name in the text that is read.
func (s *shape) find(name []byte) int {
	for i := range s.fields {
		if s.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

func (s *shape) setZero(t reflect.Type) {
	p := reflect.New(t)
	d, ok := p.Interface().(Defaulter)
	if ok {
		d.SetDefaults()
	}
	s.defaults, s.zero = ok, p.Elem()
}

// builder makes shapes. Those of one builder may refer to each other before
// they are complete, so they are published together.
type builder struct{ made map[reflect.Type]*shape }

func newBuilder() *builder { return &builder{made: make(map[reflect.Type]*shape)} }

func (b *builder) publish() {
	for t, s := range b.made {
		shapes.LoadOrStore(t, s)
	}
}

// shapeOf returns the shape of a value found behind an interface.
func shapeOf(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	b := newBuilder()
	s, err := b.shape(t)
	if err != nil {
		return nil, err
	}
	b.publish()
	return s, nil
}

func (b *builder) shape(t reflect.Type) (*shape, error) {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape), nil
	}
	if s, ok := b.made[t]; ok {
		return s, nil
	}
	s := &shape{goType: t}
	b.made[t] = s
	if err := b.fill(s, t); err != nil {
		delete(b.made, t)
		return nil, err
	}
	return s, nil
}

func (b *builder) fill(s *shape, t reflect.Type) (err error) {
	pointer := reflect.PointerTo(t)
	switch {
	case t == bigIntType:
		return errors.New("use *big.Int")
	case t == reflect.PointerTo(bigIntType):
		s.kind = kindBigInt
		return nil
	case t == timeType:
		s.kind = kindTime
		return nil
	case t == enumType:
		s.kind = kindEnum
		return nil
	case t == tensorType:
		s.kind = kindTensor
		return nil
	case t.Implements(reflect.TypeFor[optionalMarker]()) && t.Kind() == reflect.Struct:
		s.kind = kindOptional
		s.elem, err = b.shape(t.Field(0).Type)
		return err
	case t.Implements(reflect.TypeFor[tupleMarker]()) && t.Kind() == reflect.Slice:
		s.kind = kindTuple
		s.elem, err = b.shape(t.Elem())
		return err
	case t.Kind() == reflect.Struct && pointer.Implements(reflect.TypeFor[anyDict]()):
		s.kind = kindDict
		key, value := reflect.New(t).Interface().(anyDict).dictTypes()
		return b.dict(s, key, value)
	case t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface && pointer.Implements(textUnmarshal) && (t.Implements(textMarshaler) || pointer.Implements(textMarshaler)):
		s.kind = kindText
		return nil
	}

	switch t.Kind() {
	case reflect.Bool:
		s.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		s.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		s.kind = kindUint
	case reflect.Float32, reflect.Float64:
		s.kind = kindFloat
	case reflect.String:
		s.kind = kindString
	case reflect.Interface:
		if t.NumMethod() != 0 {
			return fmt.Errorf("type %v: of the interfaces only any has values of every kind", t)
		}
		s.kind = kindAny
	case reflect.Pointer:
		s.kind = kindPointer
		s.elem, err = b.shape(t.Elem())
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 && t.Elem().PkgPath() == "" {
			s.kind = kindBytes
			return nil
		}
		s.kind = kindList
		s.elem, err = b.shape(t.Elem())
	case reflect.Array:
		s.kind = kindList
		s.elem, err = b.shape(t.Elem())
	case reflect.Map:
		s.kind = kindMap
		return b.dict(s, t.Key(), t.Elem())
	case reflect.Struct:
		s.kind = kindModel
		if err := b.fields(s, t, nil, nil); err != nil {
			return fmt.Errorf("%v: %w", t, err)
		}
		s.setZero(t)
	default:
		return fmt.Errorf("type %v has no place in JSON", t)
	}
	return err
}

func (b *builder) dict(s *shape, key, value reflect.Type) (err error) {
	if s.key, err = b.shape(key); err != nil {
		return err
	}
	switch s.key.kind {
	case kindBool, kindInt, kindUint, kindFloat, kindString, kindText, kindAny:
	default:
		return fmt.Errorf("type %v cannot be the key of a dict", key)
	}
	s.elem, err = b.shape(value)
	return err
}

// fields collects the fields of a struct in order, those of embedded structs in
// their place. At the top, base receives where Synapse is.
func (b *builder) fields(s *shape, t reflect.Type, at []int, base *[]int) error {
	for f := range fieldsOf(t) {
		index := append(slices.Clone(at), f.Index...)
		name, tagged := jsonName(f)
		switch {
		case name == "-":
			continue
		case f.Type == baseType && f.Anonymous:
			if base == nil || *base != nil {
				return errors.New("synapse.Synapse is embedded where no message is")
			}
			*base = index
			continue
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !tagged && plainStruct(f.Type):
			if err := b.fields(s, f.Type, index, base); err != nil {
				return err
			}
			continue
		case !f.IsExported():
			continue
		}
		out := field{name: name, index: index}
		if err := out.options(f.Tag.Get("synapse"), base != nil); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		if s.field(name) >= 0 {
			return fmt.Errorf("two fields are called %s", name)
		}
		var err error
		if out.shape, err = b.shape(f.Type); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
		s.fields = append(s.fields, out)
	}
	return nil
}

// plainStruct tells whether an embedded struct gives its fields to the one
// around it, as opposed to being a value of its own.
func plainStruct(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	switch {
	case t == timeType, t == enumType, t == tensorType,
		pointer.Implements(reflect.TypeFor[anyDict]()),
		t.Implements(reflect.TypeFor[optionalMarker]()),
		pointer.Implements(textUnmarshal):
		return false
	}
	return true
}

func fieldsOf(t reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

func (f *field) options(tag string, top bool) error {
	if tag == "" {
		return nil
	}
	for option := range strings.SplitSeq(tag, ",") {
		switch {
		case option == "required":
			f.required = true
		case option == "hash" && top:
			f.hash = true
		case option == "frozen" && top:
			f.frozen = true
		default:
			return fmt.Errorf("unknown option %q in the synapse tag", option)
		}
	}
	return nil
}

func jsonName(f reflect.StructField) (name string, tagged bool) {
	name, _, _ = strings.Cut(f.Tag.Get("json"), ",")
	if name != "" {
		return name, true
	}
	return snakeCase(f.Name), false
}

// snakeCase turns MaxTokens and HTTPCode into max_tokens and http_code.
func snakeCase(name string) string {
	runes := []rune(name)
	var out strings.Builder
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			afterSmall := !unicode.IsUpper(runes[i-1])
			beforeSmall := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if (afterSmall || beforeSmall) && runes[i-1] != '_' {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
