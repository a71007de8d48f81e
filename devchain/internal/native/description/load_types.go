package description

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// readType reads "PATH<PARAMETERS> as NAME = DEFINITION".
func (l *loader) readType(text string) error {
	end := topLevel(text, '=')
	if end < 0 {
		return fmt.Errorf("a type has a definition")
	}
	head, definition := strings.TrimSpace(text[:end]), strings.TrimSpace(text[end+1:])
	head, name, renamed := strings.Cut(head, " as ")
	path, params := cutParams(head)
	if renamed {
		parts := strings.Split(path, "::")
		parts[len(parts)-1] = name
		here := strings.Join(parts, "::")
		l.renamed[here] = path
		path = here
	}
	definition, err := l.change(path[strings.LastIndexByte(path, ':')+1:], expand(definition))
	if err != nil {
		return err
	}
	l.types.Define(path+params, definition)
	return nil
}

func cutParams(head string) (path, params string) {
	if i := strings.IndexByte(head, '<'); i >= 0 {
		return head[:i], head[i:]
	}
	return head, ""
}

// topLevel returns the first place of c outside of any brackets, -1 if none.
func topLevel(text string, c byte) int {
	depth := 0
	for i := range len(text) {
		switch {
		case text[i] == c && depth == 0:
			return i
		case strings.IndexByte("<([{", text[i]) >= 0:
			depth++
		case strings.IndexByte(">)]}", text[i]) >= 0:
			depth--
		}
	}
	return -1
}

// split splits text at each c outside of any brackets, and trims the parts.
func split(text string, c byte) (parts []string) {
	for {
		i := topLevel(text, c)
		if i < 0 {
			break
		}
		parts = append(parts, strings.TrimSpace(text[:i]))
		text = text[i+1:]
	}
	if text = strings.TrimSpace(text); text != "" {
		parts = append(parts, text)
	}
	return parts
}

// many matches Name{0..128}([u8; {}]).
var many = regexp.MustCompile(`(\w+)\{(\d+)\.\.(\d+)\}(\([^)]*\))`)

// expand writes out what many matches.
func expand(definition string) string {
	return many.ReplaceAllStringFunc(definition, func(text string) string {
		m := many.FindStringSubmatch(text)
		from, _ := strconv.Atoi(m[2])
		to, _ := strconv.Atoi(m[3])
		var out []string
		for i := from; i <= to; i++ {
			n := strconv.Itoa(i)
			out = append(out, m[1]+n+strings.ReplaceAll(m[4], "{}", n))
		}
		return strings.Join(out, ", ")
	})
}

// change applies the field changes of the options to a struct.
func (l *loader) change(name, definition string) (string, error) {
	for _, c := range l.Fields {
		if c.Struct != name {
			continue
		}
		body, ok := strings.CutPrefix(definition, "struct{")
		if !ok {
			return "", fmt.Errorf("%s is no struct with named fields", name)
		}
		fields := split(strings.TrimSuffix(body, "}"), ',')
		at := func(field string) int {
			return slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, field+":") })
		}
		field := c.Field + ": " + c.Type
		if i := at(c.Field); i >= 0 {
			field = fields[i]
			fields = slices.Delete(fields, i, i+1)
		}
		place := 0
		if c.After != "" {
			if place = at(c.After) + 1; place == 0 {
				return "", fmt.Errorf("%s has no field %s", name, c.After)
			}
		}
		definition = "struct{" + strings.Join(slices.Insert(fields, place, field), ", ") + "}"
		l.changed++
	}
	return definition, nil
}

func (l *loader) readStorage(text string) error {
	if l.pallet == nil {
		return fmt.Errorf("belongs to no pallet")
	}
	head, rest, ok := cutColon(text)
	if !ok {
		return fmt.Errorf("a storage item has a type")
	}
	s := Storage{Pallet: l.pallet.Name, key: scale.NoType}
	value, fallback := cutValue(rest)
	value, s.Optional = strings.CutSuffix(value, "?")
	var keys []string
	s.Name = head
	if i := strings.IndexByte(head, '('); i >= 0 {
		s.Name = head[:i]
		for _, key := range split(strings.TrimSuffix(head[i+1:], ")"), ',') {
			hasher, typ, _ := strings.Cut(key, " ")
			h, ok := hashers[hasher]
			if !ok {
				return fmt.Errorf("unknown hasher %q", hasher)
			}
			s.Hashers, keys = append(s.Hashers, h), append(keys, typ)
		}
	}
	pallet, at := l.pallet, len(l.pallet.Storage)
	l.pallet.Storage = append(l.pallet.Storage, s)
	l.later = append(l.later, func() (err error) {
		s := &pallet.Storage[at]
		if s.Value, err = l.types.Type(value); err != nil {
			return fmt.Errorf("%s.%s: %w", s.Pallet, s.Name, err)
		}
		for _, key := range keys {
			id, err := l.types.Type(key)
			if err != nil {
				return fmt.Errorf("%s.%s: %w", s.Pallet, s.Name, err)
			}
			s.Keys = append(s.Keys, id)
		}
		switch len(keys) {
		case 0:
		case 1:
			s.key = s.Keys[0]
		default:
			if s.key, err = l.types.Type("(" + strings.Join(keys, ", ") + ")"); err != nil {
				return err
			}
		}
		return nil
	})
	l.values = append(l.values, func() (err error) {
		s := &pallet.Storage[at]
		if s.Optional {
			s.Default = []byte{0}
			return nil
		}
		if s.Default, err = l.value(s.Value, fallback); err != nil {
			return fmt.Errorf("%s.%s: %w", s.Pallet, s.Name, err)
		}
		return nil
	})
	return nil
}

// hashers are those that Subtensor uses.
var hashers = map[string]scale.Hasher{
	"Identity":         scale.HashIdentity,
	"Twox64Concat":     scale.HashTwox64Concat,
	"Blake2_128Concat": scale.HashBlake2_128Concat,
}

func (l *loader) readConstant(text string) error {
	if l.pallet == nil {
		return fmt.Errorf("belongs to no pallet")
	}
	name, rest, ok := cutColon(text)
	if !ok {
		return fmt.Errorf("a constant has a type")
	}
	typ, value := cutValue(rest)
	pallet, at := l.pallet, len(l.pallet.Constants)
	full := pallet.Name + "." + name
	l.pallet.Constants = append(l.pallet.Constants, Constant{Name: name})
	l.later = append(l.later, func() (err error) {
		c := &pallet.Constants[at]
		if c.Type, err = l.types.Type(typ); err != nil {
			return fmt.Errorf("%s: %w", full, err)
		}
		return nil
	})
	l.values = append(l.values, func() (err error) {
		c := &pallet.Constants[at]
		if given, ok := l.Constants[full]; ok {
			c.Value = given
			return nil
		}
		if value == "" {
			return fmt.Errorf("%s: the options give no value", full)
		}
		if c.Value, err = l.value(c.Type, value); err != nil {
			return fmt.Errorf("%s: %w", full, err)
		}
		return nil
	})
	return nil
}

// cutColon cuts at the colon that a type follows.
func cutColon(text string) (before, after string, ok bool) {
	i := topLevel(text, ':')
	if i < 0 {
		return "", "", false
	}
	return text[:i], strings.TrimSpace(text[i+1:]), true
}

// cutValue cuts " = VALUE" off a type.
func cutValue(text string) (typ, value string) {
	i := topLevel(text, '=')
	if i < 0 {
		return text, ""
	}
	return strings.TrimSpace(text[:i]), strings.TrimSpace(text[i+1:])
}

// value encodes a default or a constant. No text is the type's zero.
func (l *loader) value(id scale.TypeID, text string) ([]byte, error) {
	if digits, ok := strings.CutPrefix(text, "0x"); ok {
		return hex.DecodeString(digits)
	}
	zero := make([]byte, l.runtime.Types.MinSize(id))
	if text == "" {
		return zero, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, err
	}
	for i := range zero {
		zero[i] = byte(n)
		n >>= 8
	}
	if n != 0 {
		return nil, fmt.Errorf("%s does not fit in %d bytes", text, len(zero))
	}
	return zero, nil
}

func (l *loader) readMethod(text string) error {
	i := slices.IndexFunc(l.runtime.APIs, func(a API) bool { return a.Name == l.api })
	if i < 0 {
		return nil // not in this spec version
	}
	api := &l.runtime.APIs[i]
	head, output, ok := strings.Cut(text, " -> ")
	name, args, ok2 := strings.Cut(strings.TrimSuffix(head, ")"), "(")
	if !ok || !ok2 {
		return fmt.Errorf("a method has arguments and a result")
	}
	at := len(api.Methods)
	api.Methods = append(api.Methods, Method{API: api.Name, Name: name})
	l.later = append(l.later, func() (err error) {
		m := &l.runtime.APIs[i].Methods[at]
		if m.Value, err = l.types.Type(output); err != nil {
			return fmt.Errorf("%s_%s: %w", m.API, m.Name, err)
		}
		m.Output = m.Value
		if l.runtime.APIs[i].Bytes {
			if m.Output, err = l.types.Type("Vec<u8>"); err != nil {
				return err
			}
		}
		for _, arg := range split(args, ',') {
			name, typ, _ := cutColon(arg)
			if l.runtime.APIs[i].Bytes && typ == "AccountId32" {
				typ = "Vec<u8>"
			}
			id, err := l.types.Type(typ)
			if err != nil {
				return fmt.Errorf("%s_%s: %w", m.API, m.Name, err)
			}
			m.Inputs = append(m.Inputs, scale.Field{Name: name, Type: id})
		}
		return nil
	})
	return nil
}

func (l *loader) readExtension(text string) error {
	name, rest, ok := cutColon(text)
	typ, implicit, ok2 := strings.Cut(rest, " + ")
	if !ok || !ok2 {
		return fmt.Errorf("an extension has two types")
	}
	at := len(l.runtime.Extensions)
	l.runtime.Extensions = append(l.runtime.Extensions, Extension{Name: name})
	l.extra = append(l.extra, typ)
	l.later = append(l.later, func() (err error) {
		e := &l.runtime.Extensions[at]
		if e.Type, err = l.types.Type(typ); err != nil {
			return err
		}
		e.Implicit, err = l.types.Type(implicit)
		return err
	})
	return nil
}

// finish defines the enums of the pallets and of the runtime, then resolves all
// that names types.
func (l *loader) finish() error {
	if l.changed != len(l.Fields) {
		return fmt.Errorf("a field change names a struct that does not exist")
	}
	pallets := slices.SortedFunc(maps.Values(l.pallets), func(a, b *Pallet) int { return cmp.Compare(a.Index, b.Index) })
	var calls, events, errors []string
	for i, p := range pallets {
		if !p.hasIndex {
			return fmt.Errorf("pallet %s has no index", p.Name)
		}
		if i > 0 && pallets[i-1].Index == p.Index {
			return fmt.Errorf("pallets %s and %s have the same index", pallets[i-1].Name, p.Name)
		}
		l.defineEnum(p, "Call", p.calls, &calls)
		l.defineEnum(p, "Event", p.events, &events)
		l.defineEnum(p, "Error", p.errors, &errors)
	}
	const crate = "node_subtensor_runtime::Runtime"
	l.types.Define(crate+"Call", "enum{"+strings.Join(calls, ", ")+"}")
	l.types.Define(crate+"Event", "enum{"+strings.Join(events, ", ")+"}")
	l.types.Define(crate+"Error", "enum{"+strings.Join(errors, ", ")+"}")
	l.types.Define("Extra", "("+strings.Join(l.extra, ", ")+")")

	for _, p := range pallets {
		if err := l.enums(p); err != nil {
			return err
		}
	}
	r := l.runtime
	for _, well := range []struct {
		into *scale.TypeID
		name string
	}{
		{&r.Call, crate + "Call"},
		{&r.Event, crate + "Event"},
		{&r.Error, crate + "Error"},
		{&r.Runtime, crate},
		{&r.Extrinsic, "fp_self_contained::unchecked_extrinsic::UncheckedExtrinsic"},
		{&r.Address, "MultiAddress"},
		{&r.Signature, "MultiSignature"},
		{&r.Extra, "Extra"},
	} {
		id, err := l.types.Type(well.name)
		if err != nil {
			return err
		}
		*well.into = id
	}
	for _, resolve := range l.later {
		if err := resolve(); err != nil {
			return err
		}
	}
	for path, chain := range l.renamed {
		// Every definition is made, in the order of the files: the order here does not matter.
		id, err := l.types.Type(path)
		if err != nil {
			return err
		}
		r.paths[id] = strings.Split(chain, "::")
	}
	var err error
	if r.Types, err = l.types.Registry(); err != nil {
		return err
	}
	for _, encode := range l.values {
		if err := encode(); err != nil {
			return err
		}
	}
	for _, p := range pallets {
		r.Pallets = append(r.Pallets, *p)
	}
	return nil
}

// defineEnum defines the enum of a pallet's calls, events or errors and adds it
// to the runtime's.
func (l *loader) defineEnum(p *Pallet, kind string, variants []string, outer *[]string) {
	if len(variants) == 0 {
		return
	}
	l.types.Define(p.path+"::"+kind+"<T>", "enum{"+strings.Join(variants, ", ")+"}")
	*outer = append(*outer, fmt.Sprintf("%s(%s::%s) = %d", p.Name, p.path, kind, p.Index))
}

func (l *loader) enums(p *Pallet) (err error) {
	for _, e := range []struct {
		into     *scale.TypeID
		kind     string
		variants []string
	}{{&p.Calls, "Call", p.calls}, {&p.Events, "Event", p.events}, {&p.Errors, "Error", p.errors}} {
		if len(e.variants) == 0 {
			continue
		}
		if *e.into, err = l.types.Type(p.path + "::" + e.kind); err != nil {
			return err
		}
	}
	return nil
}
