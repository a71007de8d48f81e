package scale

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"unicode/utf8"
)

// AppendValue appends a value, encoded as a described type; see "Values" in the package documentation. The errors name
// the field.
func (r *Registry) AppendValue(dst []byte, id TypeID, v any) ([]byte, error) {
	if _, err := r.Type(id); err != nil {
		return nil, err
	}
	e := &valueEncoder{types: r}
	out, err := e.append(dst, id, v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", r.Name(id), err)
	}
	return out, nil
}

// valueEncoder encodes one value.
type valueEncoder struct {
	types *Registry
	depth int
	plans map[bindKey]plan // of the Go structs met so far
}

func (e *valueEncoder) append(dst []byte, id TypeID, v any) ([]byte, error) {
	if e.depth++; e.depth > maxDepth {
		return nil, ErrTooComplex
	}
	defer func() { e.depth-- }()
	id, t := e.types.inner(id)
	v = follow(v)
	if s, ok := structOf(v); ok && !t.isOption() {
		return e.goStruct(dst, id, s)
	}
	if n, ok := e.types.integerOf(t); ok {
		return appendNumber(dst, n, v)
	}
	switch t.Kind {
	case KindComposite, KindTuple:
		return e.fields(dst, t.Fields, v)
	case KindVariant:
		return e.variant(dst, t, v)
	case KindSequence, KindArray:
		return e.list(dst, t, v)
	case KindPrimitive:
		return appendPrimitive(dst, t.Primitive, v)
	case KindBitSequence:
		return e.bits(dst, t, v)
	}
	if width, ok := e.types.compactOf(t); ok && width == 0 {
		return e.fields(dst, nil, v)
	}
	return nil, fmt.Errorf("the compact form of %s", e.types.Name(t.Elem))
}

// follow returns what a pointer points to. A nil pointer, and a *big.Int, stay.
func follow(v any) any {
	for {
		p := reflect.ValueOf(v)
		if p.Kind() != reflect.Pointer || p.IsNil() || p.Type() == bigPtrType {
			return v
		}
		v = p.Elem().Interface()
	}
}

func mismatch(want string, v any) error { return fmt.Errorf("%s wanted, not %T", want, v) }

// structOf returns a Go struct that is to be encoded by its scale tags, as a settable value.
func structOf(v any) (reflect.Value, bool) {
	s := reflect.ValueOf(v)
	if s.Kind() != reflect.Struct || s.Type() == enumType || s.Type() == bigIntType || s.Type() == uint128Type {
		return reflect.Value{}, false
	}
	settable := reflect.New(s.Type()).Elem()
	settable.Set(s)
	return settable, true
}

func (e *valueEncoder) goStruct(dst []byte, id TypeID, s reflect.Value) ([]byte, error) {
	key := bindKey{id, s.Type()}
	p := e.plans[key]
	if p == nil {
		var err error
		if p, err = e.types.bind(id, s.Type()); err != nil {
			return nil, err
		}
		if e.plans == nil {
			e.plans = make(map[bindKey]plan)
		}
		e.plans[key] = p
	}
	return p.append(dst, s)
}

// fields encodes the fields of a struct, a tuple or a variant.
func (e *valueEncoder) fields(dst []byte, fields []Field, v any) ([]byte, error) {
	v = follow(v)
	switch {
	case len(fields) == 0:
		if !isEmpty(v) {
			return nil, mismatch("nothing", v)
		}
		return dst, nil
	case fields[0].Name == "" && len(fields) == 1:
		return e.append(dst, fields[0].Type, v)
	case fields[0].Name == "":
		return e.positional(dst, fields, v)
	}
	if s, ok := structOf(v); ok {
		return e.structFields(dst, fields, s)
	}
	get, n, ok := members(v)
	if !ok {
		return nil, mismatch("an object", v)
	}
	var err error
	for i := range fields {
		value, ok := get(fields[i].Name)
		if !ok {
			return nil, fmt.Errorf("%s is missing", fields[i].Name)
		}
		if dst, err = e.append(dst, fields[i].Type, value); err != nil {
			return nil, fmt.Errorf("%s: %w", fields[i].Name, err)
		}
	}
	if n != len(fields) {
		return nil, fmt.Errorf("%d fields wanted, not %d: there are unknown names", len(fields), n)
	}
	return dst, nil
}

// structFields encodes the fields of a variant, or the arguments of a call, from a Go struct.
func (e *valueEncoder) structFields(dst []byte, fields []Field, s reflect.Value) ([]byte, error) {
	named, err := goFields(s.Type())
	if err != nil {
		return nil, err
	}
	b := &binder{types: e.types, made: make(map[bindKey]*lazyPlan)}
	p, err := b.bindFields("fields", fields, s.Type(), named)
	if err != nil {
		return nil, err
	}
	return p.append(dst, s)
}

func (e *valueEncoder) positional(dst []byte, fields []Field, v any) ([]byte, error) {
	if s, ok := structOf(v); ok {
		return e.structFields(dst, fields, s)
	}
	at, n, ok := elements(v)
	if !ok || n != len(fields) {
		return nil, mismatch(fmt.Sprintf("a list of %d values", len(fields)), v)
	}
	var err error
	for i := range fields {
		if dst, err = e.append(dst, fields[i].Type, at(i)); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return dst, nil
}

// members returns how to look up the members of an object, and how many there are.
func members(v any) (get func(string) (any, bool), n int, ok bool) {
	switch v := v.(type) {
	case Object:
		return v.Get, len(v), true
	case map[string]any:
		return func(name string) (any, bool) { value, ok := v[name]; return value, ok }, len(v), true
	}
	m := reflect.ValueOf(v)
	if m.Kind() != reflect.Map || m.Type().Key().Kind() != reflect.String {
		return nil, 0, false
	}
	return func(name string) (any, bool) {
		value := m.MapIndex(reflect.ValueOf(name).Convert(m.Type().Key()))
		if !value.IsValid() {
			return nil, false
		}
		return value.Interface(), true
	}, m.Len(), true
}

// elements returns how to look up the elements of a list, and how many there are.
func elements(v any) (at func(int) any, n int, ok bool) {
	if list, ok := v.([]any); ok {
		return func(i int) any { return list[i] }, len(list), true
	}
	if _, object := v.(Object); object {
		return nil, 0, false
	}
	l := reflect.ValueOf(v)
	if l.Kind() != reflect.Slice && l.Kind() != reflect.Array {
		return nil, 0, false
	}
	return func(i int) any { return l.Index(i).Interface() }, l.Len(), true
}

func isEmpty(v any) bool {
	if v == nil {
		return true
	}
	if s, ok := structOf(v); ok {
		return s.NumField() == 0
	}
	if _, n, ok := members(v); ok {
		return n == 0
	}
	_, n, ok := elements(v)
	return ok && n == 0
}

// variant encodes an enum.
func (e *valueEncoder) variant(dst []byte, t *Type, v any) ([]byte, error) {
	if t.isOption() {
		return e.option(dst, t.Variants[1].Fields[0].Type, v)
	}
	name, value, ok := variantOf(v)
	if !ok {
		return nil, mismatch("a variant", v)
	}
	variant := t.variantNamed(name)
	if variant == nil {
		return nil, fmt.Errorf("no variant %q", name)
	}
	dst, err := e.fields(append(dst, variant.Index), variant.Fields, value)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dst, nil
}

// variantOf takes a variant apart: an Enum, its name, or an object with one member.
func variantOf(v any) (name string, value any, ok bool) {
	switch v := v.(type) {
	case Enum:
		return v.Name, v.Value, true
	case Object:
		if len(v) != 1 {
			return "", nil, false
		}
		return v[0].Name, v[0].Value, true
	}
	m := reflect.ValueOf(v)
	switch {
	case m.Kind() == reflect.String:
		return m.String(), nil, true
	case m.Kind() == reflect.Map && m.Type().Key().Kind() == reflect.String && m.Len() == 1:
		key := m.MapKeys()[0]
		return key.String(), m.MapIndex(key).Interface(), true
	}
	return "", nil, false
}

func (e *valueEncoder) option(dst []byte, some TypeID, v any) ([]byte, error) {
	if p := reflect.ValueOf(v); v == nil || p.Kind() == reflect.Pointer && p.IsNil() {
		return append(dst, 0), nil
	}
	if _, inner := e.types.inner(some); inner.isOption() {
		name, value, ok := variantOf(v)
		if !ok || name != "Some" {
			return nil, mismatch(`nil or an Enum "Some"`, v)
		}
		v = value
	}
	return e.append(append(dst, 1), some, v)
}

func (e *valueEncoder) list(dst []byte, t *Type, v any) ([]byte, error) {
	if e.types.isByte(t.Elem) {
		if b, ok, err := bytesOf(v); err != nil {
			return nil, err
		} else if ok {
			if dst, err = appendLength(dst, t, len(b)); err != nil {
				return nil, err
			}
			return append(dst, b...), nil
		}
	}
	at, n, ok := elements(v)
	if !ok {
		return nil, mismatch("a list", v)
	}
	dst, err := appendLength(dst, t, n)
	if err != nil {
		return nil, err
	}
	for i := range n {
		if dst, err = e.append(dst, t.Elem, at(i)); err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return dst, nil
}

// appendLength appends the length of a vector, or checks that of an array.
func appendLength(dst []byte, t *Type, n int) ([]byte, error) {
	if t.Kind == KindSequence {
		return AppendCompact(dst, uint64(n)), nil
	}
	if n != int(t.Len) {
		return nil, fmt.Errorf("%d elements wanted, not %d", t.Len, n)
	}
	return dst, nil
}

// bytesOf returns bytes in any of their forms; ok is false when v is not one of them.
func bytesOf(v any) (b []byte, ok bool, err error) {
	switch v := v.(type) {
	case Bytes:
		return v, true, nil
	case []byte:
		return v, true, nil
	case [32]byte:
		return v[:], true, nil
	case string:
		b, err = parseHex(v)
		return b, true, err
	}
	l := reflect.ValueOf(v)
	switch {
	case l.Kind() == reflect.Slice && l.Type().Elem().Kind() == reflect.Uint8:
		return l.Bytes(), true, nil
	case l.Kind() == reflect.Array && l.Type().Elem().Kind() == reflect.Uint8:
		b = make([]byte, l.Len())
		reflect.Copy(reflect.ValueOf(b), l)
		return b, true, nil
	}
	return nil, false, nil
}

func appendPrimitive(dst []byte, p Primitive, v any) ([]byte, error) {
	value := reflect.ValueOf(v)
	if p == Bool {
		if value.Kind() != reflect.Bool {
			return nil, mismatch("a boolean", v)
		}
		return AppendBool(dst, value.Bool()), nil
	}
	if _, number := v.(json.Number); number || value.Kind() != reflect.String {
		return nil, mismatch("text", v)
	}
	s := value.String()
	if !utf8.ValidString(s) {
		return nil, errors.New("text is not UTF-8")
	}
	if p == Str {
		return AppendString(dst, s), nil
	}
	c, size := utf8.DecodeRuneInString(s)
	if size == 0 || size != len(s) {
		return nil, fmt.Errorf("one character wanted, not %q", s)
	}
	return AppendUint32(dst, uint32(c)), nil
}

func (e *valueEncoder) bits(dst []byte, t *Type, v any) ([]byte, error) {
	var bits Bits
	switch v := v.(type) {
	case Bits:
		bits = v
	case []bool:
		bits = v
	case string:
		var err error
		if bits, err = parseBits(v); err != nil {
			return nil, err
		}
	default:
		return nil, mismatch("bits", v)
	}
	return e.types.bitsOf(t).append(dst, bits), nil
}

// appendNumber encodes an integer in any of its forms.
func appendNumber(dst []byte, n integer, v any) ([]byte, error) {
	switch v := v.(type) {
	case *big.Int:
		if v == nil {
			return nil, mismatch("an integer", v)
		}
		return n.appendBig(dst, v)
	case big.Int:
		return n.appendBig(dst, &v)
	case Uint128:
		return n.appendBig(dst, v.Big())
	case json.Number:
		return appendDecimal(dst, n, v.String())
	case string:
		return appendDecimal(dst, n, v)
	case float64: // what encoding/json makes of a number
		const exact = 1 << 53
		if v != float64(int64(v)) || v > exact || v < -exact {
			return nil, fmt.Errorf("%v is not an integer, or not an exact one", v)
		}
		return n.appendInt(dst, int64(v))
	}
	value := reflect.ValueOf(v)
	switch {
	case value.CanUint():
		return n.appendUint(dst, value.Uint())
	case value.CanInt():
		return n.appendInt(dst, value.Int())
	}
	return nil, mismatch("an integer", v)
}

func appendDecimal(dst []byte, n integer, s string) ([]byte, error) {
	const longest = 200 // digits; 536 bits, the largest compact integer, has 162
	i, ok := new(big.Int), len(s) <= longest
	if ok {
		i, ok = i.SetString(s, 10)
	}
	if !ok || s[0] == '+' {
		return nil, fmt.Errorf("%.200q is not an integer", s)
	}
	return n.appendBig(dst, i)
}
