package scale

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// Object is a struct value; the fields are in the order of the chain.
type Object []Member

// Member is a field of an [Object].
type Member struct {
	Name  string
	Value any
}

// Get returns the value of a field.
func (o Object) Get(name string) (any, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// MarshalJSON writes an object whose members keep their order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := writeMember(&b, m.Name, m.Value); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func writeMember(b *bytes.Buffer, name string, value any) error {
	key, err := json.Marshal(name)
	if err != nil {
		return err
	}
	v, err := json.Marshal(value)
	if err != nil {
		return err
	}
	b.Write(key)
	b.WriteByte(':')
	b.Write(v)
	return nil
}

// Enum is a value of an enum.
type Enum struct {
	// Name is the variant.
	Name string
	// Value holds the variant's fields: nil for none, the value of a single one without a name, []any for several, an
	// Object when they have names.
	Value any
}

// MarshalJSON writes "Name", or {"Name": value} when there are fields.
func (e Enum) MarshalJSON() ([]byte, error) {
	if e.Value == nil {
		return json.Marshal(e.Name)
	}
	var b bytes.Buffer
	b.WriteByte('{')
	if err := writeMember(&b, e.Name, e.Value); err != nil {
		return nil, err
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Bytes is a byte vector or array; in JSON a string of 0x and hexadecimal digits.
type Bytes []byte

// String returns 0x and the digits.
func (b Bytes) String() string { return "0x" + hex.EncodeToString(b) }

// MarshalText returns the same as String.
func (b Bytes) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText takes what MarshalText returns.
func (b *Bytes) UnmarshalText(text []byte) error {
	parsed, err := parseHex(string(text))
	if err != nil {
		return err
	}
	*b = parsed
	return nil
}

func parseHex(s string) ([]byte, error) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return nil, fmt.Errorf("bytes are not written as 0x and hexadecimal digits")
	}
	b, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("bytes are not written as 0x and hexadecimal digits: %w", err)
	}
	return b, nil
}
