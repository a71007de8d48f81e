package scale

import (
	"bytes"
	"fmt"
)

// StorageItem is a value, or a map of values, in a runtime's storage.
type StorageItem struct {
	Pallet, Name string
	// Hashers and Keys are those of the map's keys in order; none for a plain value.
	Hashers []Hasher
	Keys    []TypeID
	Value   TypeID
	// Optional tells that an absent value is absent; otherwise it is Default.
	Optional bool
	// Default is an encoded value.
	Default []byte

	prefix [32]byte
	types  *Registry
}

// Prefix returns the beginning that all keys of the item with these first map keys share. Map keys are values as
// [Registry.AppendValue] takes them; all or any number of the first may be given.
func (s *StorageItem) Prefix(args ...any) ([]byte, error) {
	if len(args) > len(s.Keys) {
		return nil, fmt.Errorf("%s.%s has %d keys, got %d", s.Pallet, s.Name, len(s.Keys), len(args))
	}
	key := make([]byte, 0, len(s.prefix)+48*len(args))
	key = append(key, s.prefix[:]...)
	var encoded []byte
	for i, arg := range args {
		var err error
		if encoded, err = s.types.AppendValue(encoded[:0], s.Keys[i], arg); err != nil {
			return nil, fmt.Errorf("%s.%s: key %d: %w", s.Pallet, s.Name, i+1, err)
		}
		key = s.Hashers[i].Append(key, encoded)
	}
	return key, nil
}

// Key returns the key of one value. It wants all map keys, none for a plain value.
func (s *StorageItem) Key(args ...any) ([]byte, error) {
	if len(args) != len(s.Keys) {
		return nil, fmt.Errorf("%s.%s has %d keys, got %d", s.Pallet, s.Name, len(s.Keys), len(args))
	}
	return s.Prefix(args...)
}

// SplitKey returns the encoded map keys that are part of a storage key, as parts of it. A map key whose hasher does
// not keep it is nil.
func (s *StorageItem) SplitKey(key []byte) ([][]byte, error) {
	rest, ok := bytes.CutPrefix(key, s.prefix[:])
	if !ok {
		return nil, fmt.Errorf("key %x is not one of %s.%s", key, s.Pallet, s.Name)
	}
	parts := make([][]byte, len(s.Keys))
	r := NewReader(rest)
	for i, h := range s.Hashers {
		hash := r.Take(h.Size())
		if !h.KeepsKey() {
			continue
		}
		start := r.pos
		s.types.skip(r, s.Keys[i])
		if r.err != nil {
			break
		}
		parts[i] = rest[start:r.pos:r.pos]
		if !bytes.Equal(h.Append(nil, parts[i])[:h.Size()], hash) {
			return nil, fmt.Errorf("%s.%s: key %x: hash %d is not that of the map key", s.Pallet, s.Name, key, i+1)
		}
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("%s.%s: key %x: %w", s.Pallet, s.Name, key, err)
	}
	return parts, nil
}

// DecodeKey returns the map keys of a storage key as values; nil for one whose hasher does not keep it.
func (s *StorageItem) DecodeKey(key []byte) ([]any, error) {
	parts, err := s.SplitKey(key)
	if err != nil {
		return nil, err
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		if part == nil {
			continue
		}
		if values[i], err = s.types.DecodeValue(s.Keys[i], part); err != nil {
			return nil, fmt.Errorf("%s.%s: key %d: %w", s.Pallet, s.Name, i+1, err)
		}
	}
	return values, nil
}
