package synapse

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// FieldError reports a field whose value does not fit its type.
type FieldError struct {
	Field string // as on the wire, such as messages or axon.port
	Err   error
}

func (e *FieldError) Error() string { return fmt.Sprintf("synapse: field %s: %v", e.Field, e.Err) }

// Unwrap returns what is wrong with the value.
func (e *FieldError) Unwrap() error { return e.Err }

// fieldError names the field that err is about. What is wrong with the JSON
// itself is not about a field.
func fieldError(name string, err error) error {
	var syntax *SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, ErrUTF8) {
		return err
	}
	var inner *FieldError
	if errors.As(err, &inner) {
		return &FieldError{Field: name + "." + inner.Field, Err: inner.Err}
	}
	return &FieldError{Field: name, Err: err}
}

// Decode reads a body into a message. Everything that the body leaves out gets
// its default, whatever m held before; a required field must be there. Unknown
// fields are ignored, and of a field that comes twice the last one counts. The
// error is a SyntaxError, a FieldError or ErrUTF8, and m is then incomplete.
//
// Decode allocates in proportion to the body, keeps no reference to it and
// shares nothing with what m held before.
func Decode(body []byte, m Message) error {
	s, err := schemaOf(m)
	if err != nil {
		return err
	}
	_, err = s.decode(body, m, nil)
	return err
}

// DecodeHashed is Decode for a receiver who checks the body hash: it also
// returns the hash of the body. It is made from the body's text, so the order
// of keys counts even where m holds them in a Go map.
func DecodeHashed(body []byte, m Message) (hash string, err error) {
	s, err := schemaOf(m)
	if err != nil {
		return "", err
	}
	x := NewExchange(nil)
	defer x.Release()
	return s.decode(body, m, x)
}

// decode reads a body, and returns its hash if there is an exchange.
func (s *schema) decode(body []byte, m Message, x *Exchange) (hash string, err error) {
	root := reflect.ValueOf(m).Elem()
	s.model.reset(root)
	base := m.Base()
	*base = base.effective()
	base.Name = s.name

	in := scanner{data: body}
	if in.peek() != '{' {
		return "", in.refuse(errObject)
	}
	var at []span
	var atBuffer [16]span
	if x != nil && len(s.hash) > 0 {
		at = slices.Grow(atBuffer[:0], len(s.model.fields))[:len(s.model.fields)]
	}
	like := x.like()
	var buf [16]bool
	seen := slices.Grow(buf[:0], len(s.model.fields))[:len(s.model.fields)]
	if err := in.enter(); err != nil {
		return "", err
	}
	for first := true; ; first = false {
		more, err := in.more(first, '}')
		if err != nil {
			return "", err
		}
		if !more {
			break
		}
		key, err := in.name()
		if err != nil {
			return "", err
		}
		if i := s.model.find(key); i >= 0 {
			f := &s.model.fields[i]
			in.peek()
			begin := in.pos
			if err := f.shape.decode(&in, root.FieldByIndex(f.index)); err != nil {
				return "", fieldError(string(key), err)
			}
			seen[i] = true
			if at != nil {
				at[i] = span{begin, in.pos}
			}
			continue
		}
		if known, err := base.decodeField(&in, key, like); err != nil {
			return "", fieldError(string(key), err)
		} else if known {
			continue
		}
		if err := in.skip(); err != nil {
			return "", err
		}
	}
	if err := in.end(); err != nil {
		return "", err
	}
	for _, i := range s.required {
		if !seen[i] {
			return "", fieldError(s.model.fields[i].name, errMissing)
		}
	}
	if x == nil {
		return "", nil
	}
	return s.hashSpans(body, at, m, x)
}

// Reset gives a message the defaults of its type, whatever it held before.
func Reset(m Message) error {
	s, err := schemaOf(m)
	if err != nil {
		return err
	}
	s.model.reset(reflect.ValueOf(m).Elem())
	base := m.Base()
	*base = base.effective()
	base.Name = s.name
	return nil
}

// reset gives a model its defaults. They are made anew each time: slices and
// maps among them are the message's own.
func (s *shape) reset(v reflect.Value) {
	v.SetZero()
	if s.defaults {
		v.Addr().Interface().(Defaulter).SetDefaults()
	}
}

// span is where a field's value is in a body; the zero span is nowhere.
type span struct{ begin, end int }

// decodeField reads the value of one of Synapse's own fields. Texts that are
// equal to those of another message are not made anew.
func (s *Synapse) decodeField(in *scanner, key []byte, like *Synapse) (known bool, err error) {
	switch string(key) {
	case "name":
		var ignored Optional[string]
		return true, decodeString(in, &ignored, s.Name)
	case "timeout":
		return true, decodeFloat(in, &s.Timeout)
	case "total_size":
		return true, decodeInt(in, &s.TotalSize)
	case "header_size":
		return true, decodeInt(in, &s.HeaderSize)
	case "dendrite":
		return true, s.Dendrite.decode(in, &like.Dendrite)
	case "axon":
		return true, s.Axon.decode(in, &like.Axon)
	case "computed_body_hash":
		return true, decodeString(in, &s.bodyHash, like.bodyHash.Value)
	}
	return false, nil
}

// decode reads one end of a call; null is one of which nothing is known.
func (t *TerminalInfo) decode(in *scanner, like *TerminalInfo) error {
	*t = TerminalInfo{}
	if in.null() {
		return nil
	}
	if in.peek() != '{' {
		return in.refuse(errObject)
	}
	if err := in.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		if more, err := in.more(first, '}'); err != nil || !more {
			return err
		}
		key, err := in.name()
		if err != nil {
			return err
		}
		switch string(key) {
		case "status_code":
			err = decodeInt(in, &t.StatusCode)
		case "status_message":
			err = decodeString(in, &t.StatusMessage, like.StatusMessage.Value)
		case "process_time":
			err = decodeFloat(in, &t.ProcessTime)
		case "ip":
			err = decodeString(in, &t.IP, like.IP.Value)
		case "port":
			err = decodeInt(in, &t.Port)
		case "version":
			err = decodeInt(in, &t.Version)
		case "nonce":
			err = decodeInt(in, &t.Nonce)
		case "uuid":
			err = decodeString(in, &t.UUID, like.UUID.Value)
		case "hotkey":
			err = decodeString(in, &t.Hotkey, like.Hotkey.Value)
		case "signature":
			err = decodeString(in, &t.Signature, like.Signature.Value)
		default:
			err = in.skip()
		}
		if err != nil {
			return fieldError(string(key), err)
		}
	}
}

// decodeInt casts as Python's int() does: a fraction is cut off.
func decodeInt[T int | int64](in *scanner, out *Optional[T]) error {
	*out = Optional[T]{}
	if in.null() {
		return nil
	}
	if c := in.peek(); c == '-' || isDigit(c) || c == 'N' || c == 'I' {
		text, float, err := in.number()
		if err != nil {
			return err
		}
		if !float {
			*out, err = parseInt[T](string(text))
			return err
		}
		f, err := floatOf(text, true)
		if err != nil {
			return err
		}
		n, err := CastInt(f)
		*out = Some(T(n.Value))
		return err
	}
	digits, err := in.integer()
	if err != nil {
		return err
	}
	*out, err = parseInt[T](string(digits))
	return err
}

func decodeFloat(in *scanner, out *Optional[float64]) error {
	*out = Optional[float64]{}
	if in.null() {
		return nil
	}
	f, err := in.float()
	if err != nil {
		return err
	}
	*out = Some(f)
	return nil
}

// decodeString reads a text, which is a copy unless it is the one that is likely.
func decodeString(in *scanner, out *Optional[string], likely string) error {
	*out = Optional[string]{}
	if in.null() {
		return nil
	}
	if end := in.pos + 1 + len(likely); likely != "" && end < len(in.data) && in.data[in.pos] == '"' && in.data[end] == '"' &&
		string(in.data[in.pos+1:end]) == likely && plainText(likely) == len(likely) {
		in.pos = end + 1
		*out = Some(likely)
		return nil
	}
	text, err := in.str()
	if err != nil {
		return err
	}
	*out = Some(text)
	return nil
}
