package synapse

import (
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// EmptyBodyHash is the body hash of messages without hash fields.
const EmptyBodyHash = "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"

// BodyHash returns the hash that a message's signature covers: SHA3-256 over
// the hexadecimal SHA3-256 hashes of Python's text of each hash field.
func BodyHash(m Message) (string, error) {
	s, err := schemaOf(m)
	if err != nil {
		return "", err
	}
	return s.bodyHash(m)
}

func (s *schema) bodyHash(m Message) (string, error) {
	if len(s.hash) == 0 {
		return EmptyBodyHash, nil
	}
	h := newHasher()
	defer h.release()
	root := reflect.ValueOf(m).Elem()
	for _, i := range s.hash {
		f := &s.model.fields[i]
		text, err := f.shape.appendPython(h.text[:0], root.FieldByIndex(f.index), true, 0)
		if h.text = text; err != nil {
			return "", fieldError(f.name, err)
		}
		h.add()
	}
	return h.sum(), nil
}

// hashSpans is bodyHash of a message that was just read from body, from the
// text of the fields that were in it. The exchange remembers the texts.
func (s *schema) hashSpans(body []byte, at []span, m Message, x *Exchange) (string, error) {
	if len(s.hash) == 0 {
		return EmptyBodyHash, nil
	}
	h := newHasher()
	defer h.release()
	root := reflect.ValueOf(m).Elem()
	x.forget()
	for _, i := range s.hash {
		f := &s.model.fields[i]
		var err error
		if at[i].end > 0 {
			// Python's text is about as long as JSON's.
			h.text = slices.Grow(h.text[:0], 3*(at[i].end-at[i].begin)/2)
			in := scanner{data: body[:at[i].end], pos: at[i].begin}
			h.text, err = f.shape.appendRaw(h.text[:0], &in, true)
		} else {
			h.text, err = f.shape.appendPython(h.text[:0], root.FieldByIndex(f.index), true, 0)
		}
		if err != nil {
			return "", fieldError(f.name, err)
		}
		h.add()
		x.remember(h.text)
	}
	x.hash = h.sum()
	return x.hash, nil
}

// hasher collects the text of a field and the hashes of those before it.
type hasher struct {
	text   []byte
	hashes []byte
}

var hashers = sync.Pool{New: func() any { return new(hasher) }}

// keptText is how large a buffer may be to be used again.
const keptText = 64 << 10

func newHasher() *hasher { return hashers.Get().(*hasher) }

func (h *hasher) release() {
	if cap(h.text) <= keptText {
		h.text, h.hashes = h.text[:0], h.hashes[:0]
		hashers.Put(h)
	}
}

// add hashes the text of one field.
func (h *hasher) add() {
	sum := sha3.Sum256(h.text)
	h.hashes = hex.AppendEncode(h.hashes, sum[:])
}

func (h *hasher) sum() string {
	sum := sha3.Sum256(h.hashes)
	var digits [2 * len(sum)]byte
	hex.Encode(digits[:], sum[:])
	return string(digits[:])
}

// RequiredFields returns the names of a message's fields that have no default.
func RequiredFields(m Message) ([]string, error) { return fieldNames(m, (*schema).requiredFields) }

// RequiredHashFields returns the names of the fields that a message's signature
// covers, in the order of hashing.
func RequiredHashFields(m Message) ([]string, error) { return fieldNames(m, (*schema).hashFields) }

func (s *schema) requiredFields() []int { return s.required }

func (s *schema) hashFields() []int { return s.hash }

func fieldNames(m Message, which func(*schema) []int) ([]string, error) {
	s, err := schemaOf(m)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, i := range which(s) {
		names = append(names, s.model.fields[i].name)
	}
	return names, nil
}

// FieldText returns Python's text of a field, which is what BodyHash hashes. It
// helps to find out why two ends disagree.
func FieldText(m Message, name string) (string, error) {
	s, err := schemaOf(m)
	if err != nil {
		return "", err
	}
	i := s.model.field(name)
	if i < 0 {
		return "", fmt.Errorf("synapse: %s has no field %s", s.name, name)
	}
	f := &s.model.fields[i]
	text, err := f.shape.appendPython(nil, reflect.ValueOf(m).Elem().FieldByIndex(f.index), true, 0)
	if err != nil {
		return "", fieldError(name, err)
	}
	return string(text), nil
}
