package synapse

import (
	"reflect"
	"slices"
)

// appendRaw writes the value that is next in JSON as Python would after reading
// it into this type. It does what decode and then appendPython do, but keeps the
// order of keys, which a Go map forgets.
func (s *shape) appendRaw(dst []byte, in *scanner, top bool) ([]byte, error) {
	switch s.kind {
	case kindBool:
		b, err := in.boolean()
		return appendBool(dst, b), err
	case kindInt, kindUint, kindBigInt:
		if s.kind == kindBigInt && in.null() {
			return append(dst, None...), nil
		}
		digits, err := in.integer()
		return append(dst, digits...), err
	case kindFloat:
		f, err := in.float()
		if s.goType.Kind() == reflect.Float32 {
			f = float64(float32(f))
		}
		return appendFloat(dst, f), err
	case kindString:
		text, err := in.str()
		return appendText(dst, text, top), err
	case kindAny:
		return appendRawAny(dst, in, top)
	case kindPointer, kindOptional:
		if in.null() {
			return append(dst, None...), nil
		}
		return s.elem.appendRaw(dst, in, top)
	case kindList, kindTuple:
		if in.peek() != '[' {
			return dst, in.refuse(errList)
		}
		return appendRawList(dst, in, s.elem, s.kind == kindTuple)
	case kindMap, kindDict:
		if in.peek() != '{' {
			return dst, in.refuse(errObject)
		}
		return appendRawDict(dst, in, s.key, s.elem)
	case kindModel:
		return s.appendRawModel(dst, in)
	}
	// Rare and without keys: by way of the Go value.
	v := reflect.New(s.goType).Elem()
	if err := s.decode(in, v); err != nil {
		return dst, err
	}
	return s.appendPython(dst, v, top, in.depth)
}

var untyped = &shape{kind: kindAny}

func appendRawAny(dst []byte, in *scanner, top bool) ([]byte, error) {
	switch in.peek() {
	case 'n':
		return append(dst, None...), in.word("null")
	case 't':
		return append(dst, "True"...), in.word("true")
	case 'f':
		return append(dst, "False"...), in.word("false")
	case '"':
		text, err := in.text()
		return appendText(dst, text, top), err
	case '[':
		return appendRawList(dst, in, untyped, false)
	case '{':
		return appendRawDict(dst, in, nil, untyped)
	}
	text, float, err := in.number()
	if err != nil {
		return dst, err
	}
	if float {
		f, err := floatOf(text, true)
		return appendFloat(dst, f), err
	}
	if string(text) == "-0" {
		text = text[1:]
	}
	return append(dst, text...), nil
}

func appendRawList(dst []byte, in *scanner, elem *shape, tuple bool) ([]byte, error) {
	opening, closing := byte('['), byte(']')
	if tuple {
		opening, closing = '(', ')'
	}
	if err := in.enter(); err != nil {
		return dst, err
	}
	dst = append(dst, opening)
	n := 0
	for ; ; n++ {
		more, err := in.more(n == 0, ']')
		if err != nil {
			return dst, err
		}
		if !more {
			break
		}
		if n > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = elem.appendRaw(dst, in, false); err != nil {
			return dst, err
		}
	}
	if tuple && n == 1 {
		dst = append(dst, ',')
	}
	return append(dst, closing), nil
}

// appendRawDict writes an object; key is nil where keys stay text. Of a key
// that comes twice, Python keeps the place of the first and the value of the
// last.
func appendRawDict(dst []byte, in *scanner, key, elem *shape) ([]byte, error) {
	if err := in.enter(); err != nil {
		return dst, err
	}
	type part struct{ key, value span } // in text
	var (
		text  []byte
		parts []part
		index map[string]int
	)
	for first := true; ; first = false {
		more, err := in.more(first, '}')
		if err != nil {
			return dst, err
		}
		if !more {
			break
		}
		name, err := in.key()
		if err != nil {
			return dst, err
		}
		begin := len(text)
		if key == nil || key.kind == kindString || key.kind == kindAny {
			text = appendRepr(text, name)
		} else {
			// Checked by the type of the key, and written as it writes it: "01" is 1.
			v := reflect.New(key.goType).Elem()
			if err := key.setKey(v, name); err != nil {
				return dst, err
			}
			if text, err = key.appendPython(text, v, false, 0); err != nil {
				return dst, err
			}
		}
		middle := len(text)
		if text, err = elem.appendRaw(text, in, false); err != nil {
			return dst, err
		}
		value := span{middle, len(text)}
		known := -1
		if index != nil {
			if i, ok := index[string(text[begin:middle])]; ok {
				known = i
			}
		} else {
			known = slices.IndexFunc(parts, func(p part) bool {
				return string(text[p.key.begin:p.key.end]) == string(text[begin:middle])
			})
		}
		if known >= 0 {
			parts[known].value = value
			continue
		}
		parts = append(parts, part{span{begin, middle}, value})
		switch n := len(parts); {
		case index != nil:
			index[string(text[begin:middle])] = n - 1
		case n >= indexFrom:
			index = make(map[string]int, n)
			for i, p := range parts {
				index[string(text[p.key.begin:p.key.end])] = i
			}
		}
	}
	dst = append(dst, '{')
	for i, p := range parts {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(dst, text[p.key.begin:p.key.end]...)
		dst = append(dst, ": "...)
		dst = append(dst, text[p.value.begin:p.value.end]...)
	}
	return append(dst, '}'), nil
}

// appendRawModel writes a nested model, in the order of its fields and with the
// defaults of those that are left out.
func (s *shape) appendRawModel(dst []byte, in *scanner) ([]byte, error) {
	if in.peek() != '{' {
		return dst, in.refuse(errObject)
	}
	if err := in.enter(); err != nil {
		return dst, err
	}
	values := make([]span, len(s.fields))
	for first := true; ; first = false {
		more, err := in.more(first, '}')
		if err != nil {
			return dst, err
		}
		if !more {
			break
		}
		name, err := in.name()
		if err != nil {
			return dst, err
		}
		in.peek()
		begin := in.pos
		if err := in.skip(); err != nil {
			return dst, err
		}
		if i := s.find(name); i >= 0 {
			values[i] = span{begin, in.pos}
		}
	}
	dst = append(dst, '{')
	var err error
	for i, f := range s.fields {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(appendRepr(dst, f.name), ": "...)
		switch at := values[i]; {
		case at.end > 0:
			inner := scanner{data: in.data[:at.end], pos: at.begin, depth: in.depth}
			dst, err = f.shape.appendRaw(dst, &inner, false)
		case f.required:
			err = errMissing
		default:
			dst, err = f.shape.appendPython(dst, s.zero.FieldByIndex(f.index), false, in.depth)
		}
		if err != nil {
			return dst, fieldError(f.name, err)
		}
	}
	return append(dst, '}'), nil
}
