package synapse

import "slices"

// any reads a value of any type.
func (s *scanner) any() (any, error) {
	switch s.peek() {
	case 'n':
		return nil, s.word("null")
	case 't':
		return true, s.word("true")
	case 'f':
		return false, s.word("false")
	case '"':
		return s.text()
	case '[':
		return s.anyList()
	case '{':
		return s.anyObject()
	}
	text, float, err := s.number()
	if err != nil {
		return nil, err
	}
	if !float {
		return anyInt(text), nil
	}
	return floatOf(text, true)
}

func (s *scanner) anyList() (any, error) {
	var list []any
	if err := s.enter(); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		if more, err := s.more(first, ']'); err != nil || !more {
			return list, err
		}
		value, err := s.any()
		if err != nil {
			return nil, err
		}
		if len(list) == cap(list) {
			list = slices.Grow(list, max(1, len(list)))
		}
		list = append(list, value)
	}
}

func (s *scanner) anyObject() (any, error) {
	var object Object
	if err := s.enter(); err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		if more, err := s.more(first, '}'); err != nil || !more {
			return object, err
		}
		key, err := s.key()
		if err != nil {
			return nil, err
		}
		value, err := s.any()
		if err != nil {
			return nil, err
		}
		object.Set(key, value)
	}
}
