package synapse

import (
	"fmt"
	"reflect"
	"slices"
)

// decode reads a value into v, which it replaces without touching what v
// referred to.
func (s *shape) decode(in *scanner, v reflect.Value) error {
	switch s.kind {
	case kindBool:
		b, err := in.boolean()
		v.SetBool(b)
		return err
	case kindInt, kindUint:
		digits, err := in.integer()
		if err != nil {
			return err
		}
		return setInt(v, digits)
	case kindBigInt:
		if in.null() {
			v.SetZero()
			return nil
		}
		digits, err := in.integer()
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(bigInt(digits)))
		return nil
	case kindFloat:
		f, err := in.float()
		v.SetFloat(f)
		return err
	case kindString:
		text, err := in.str()
		v.SetString(text)
		return err
	case kindText:
		text, err := in.str()
		if err != nil {
			return err
		}
		return setText(v, text)
	case kindBytes:
		text, err := in.str()
		v.SetBytes([]byte(text))
		return err
	case kindTime:
		t, err := in.datetime()
		v.Set(reflect.ValueOf(t))
		return err
	case kindEnum:
		return in.refuse(errEnum)
	case kindAny:
		value, err := in.any()
		if err != nil {
			return err
		}
		if value == nil {
			v.SetZero()
			return nil
		}
		v.Set(reflect.ValueOf(value))
		return nil
	case kindPointer:
		v.SetZero()
		if in.null() {
			return nil
		}
		p := reflect.New(s.elem.goType)
		if err := s.elem.decode(in, p.Elem()); err != nil {
			return err
		}
		v.Set(p)
		return nil
	case kindOptional:
		v.SetZero()
		if in.null() {
			return nil
		}
		v.Field(1).SetBool(true)
		return s.elem.decode(in, v.Field(0))
	case kindList, kindTuple:
		return s.decodeList(in, v)
	case kindMap, kindDict:
		return s.decodeDict(in, v)
	case kindModel:
		return s.decodeModel(in, v)
	case kindTensor:
		t, err := in.tensor()
		v.Set(reflect.ValueOf(t))
		return err
	}
	return fmt.Errorf("unreadable type %v", s.goType)
}

func (s *shape) decodeList(in *scanner, v reflect.Value) error {
	if in.peek() != '[' {
		return in.refuse(errList)
	}
	if err := in.enter(); err != nil {
		return err
	}
	array := v.Kind() == reflect.Array
	v.SetZero()
	n := 0
	for first := true; ; first = false {
		more, err := in.more(first, ']')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		if array {
			if n == v.Len() {
				return errListSize
			}
		} else {
			if n == v.Cap() {
				v.Grow(max(4, n)) // twice as many: what append does to long ones adds up to five times
			}
			v.SetLen(n + 1)
		}
		if err := s.elem.decode(in, v.Index(n)); err != nil {
			return err
		}
		n++
	}
	if array && n != v.Len() {
		return errListSize
	}
	if !array && n == 0 {
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	}
	return nil
}

func (s *shape) decodeDict(in *scanner, v reflect.Value) error {
	if in.peek() != '{' {
		return in.refuse(errObject)
	}
	if err := in.enter(); err != nil {
		return err
	}
	var into anyDict
	if s.kind == kindMap {
		v.Set(reflect.MakeMap(s.goType))
	} else {
		into = v.Addr().Interface().(anyDict)
		into.dictClear()
	}
	for first := true; ; first = false {
		if more, err := in.more(first, '}'); err != nil || !more {
			return err
		}
		text, err := in.key()
		if err != nil {
			return err
		}
		key := reflect.New(s.key.goType).Elem()
		if err := s.key.setKey(key, text); err != nil {
			return err
		}
		value := reflect.New(s.elem.goType).Elem()
		if err := s.elem.decode(in, value); err != nil {
			return err
		}
		if into != nil {
			into.dictSet(key, value)
		} else {
			v.SetMapIndex(key, value)
		}
	}
}

// setKey converts the key of a JSON object, which is always text.
func (s *shape) setKey(v reflect.Value, text string) error {
	switch s.kind {
	case kindString:
		v.SetString(text)
		return nil
	case kindAny:
		v.Set(reflect.ValueOf(text))
		return nil
	}
	in := scanner{data: appendString(nil, text, styleRequest)}
	return s.decode(&in, v)
}

func (s *shape) decodeModel(in *scanner, v reflect.Value) error {
	if in.peek() != '{' {
		return in.refuse(errObject)
	}
	if err := in.enter(); err != nil {
		return err
	}
	s.reset(v)
	var buf [16]bool
	seen := slices.Grow(buf[:0], len(s.fields))[:len(s.fields)]
	for first := true; ; first = false {
		more, err := in.more(first, '}')
		if err != nil {
			return err
		}
		if !more {
			break
		}
		key, err := in.name()
		if err != nil {
			return err
		}
		i := s.find(key)
		if i < 0 {
			if err := in.skip(); err != nil {
				return err
			}
			continue
		}
		if err := s.fields[i].shape.decode(in, v.FieldByIndex(s.fields[i].index)); err != nil {
			return fieldError(string(key), err)
		}
		seen[i] = true
	}
	for i, f := range s.fields {
		if f.required && !seen[i] {
			return fieldError(f.name, errMissing)
		}
	}
	return nil
}
