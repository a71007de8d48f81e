package pylon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// The types with a form of their own. encoding/json escapes HTML characters in what these methods return; the
// AppendJSON methods give the exact bytes of the contract.
var (
	_ json.Marshaler   = AxonInfo{}
	_ json.Marshaler   = Stakes{}
	_ json.Marshaler   = Neuron{}
	_ json.Marshaler   = Neurons{}
	_ json.Marshaler   = Validators{}
	_ json.Marshaler   = Identities{}
	_ json.Unmarshaler = (*Neurons)(nil)
	_ json.Unmarshaler = (*Identities)(nil)

	_ json.Marshaler   = Certificates{}
	_ json.Marshaler   = Commitment{}
	_ json.Marshaler   = Commitments{}
	_ json.Marshaler   = RevealedCommitments{}
	_ json.Marshaler   = Price{}
	_ json.Marshaler   = Prices{}
	_ json.Marshaler   = Extrinsic{}
	_ json.Marshaler   = EVMAssociations{}
	_ json.Unmarshaler = (*Certificates)(nil)
	_ json.Unmarshaler = (*Commitments)(nil)
	_ json.Unmarshaler = (*RevealedCommitments)(nil)
	_ json.Unmarshaler = (*Price)(nil)
	_ json.Unmarshaler = (*Prices)(nil)
	_ json.Unmarshaler = (*Extrinsic)(nil)
	_ json.Unmarshaler = (*EVMAssociations)(nil)
)

// appendByHotkey appends a block, and a list as an object keyed by hotkey.
func appendByHotkey[T any](
	dst []byte, block Block, name string, list []T, hotkey func(T) Hotkey, appendValue func(T, []byte) []byte,
) []byte {
	dst = append(dst, `{"block":`...)
	dst = block.AppendJSON(dst)
	dst = append(dst, `,"`...)
	dst = append(dst, name...)
	dst = append(dst, `":{`...)
	for i, item := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, string(hotkey(item)))
		dst = append(dst, ':')
		dst = appendValue(item, dst)
	}
	return append(dst, "}}"...)
}

// readByHotkey reads a block, and an object keyed by hotkey as a list. Each value names its hotkey itself, which is the
// one it stands under.
func readByHotkey[T any](data []byte, name string, hotkey func(T) Hotkey) (block Block, list []T, err error) {
	list = []T{}
	block, err = readBody(data, name, func(key string, value *json.Decoder) error {
		var item T
		if err := value.Decode(&item); err != nil {
			return err
		}
		if named := hotkey(item); named != Hotkey(key) {
			return fmt.Errorf("it names another hotkey, %q", named)
		}
		list = append(list, item)
		return nil
	})
	return block, list, err
}

// readBody reads a block, which is required, and visits the members of the object with that name.
func readBody(data []byte, name string, visit func(key string, value *json.Decoder) error) (Block, error) {
	var block *Block
	var object json.RawMessage
	err := eachMember(data, func(key string, value *json.Decoder) error {
		switch key {
		case "block":
			return value.Decode(&block)
		case name:
			return value.Decode(&object)
		default:
			return value.Decode(new(json.RawMessage))
		}
	})
	if err == nil && block == nil {
		err = errors.New(`"block" is missing`)
	}
	if err == nil {
		seen := make(map[string]struct{})
		err = eachMember(object, func(key string, value *json.Decoder) error {
			if _, twice := seen[key]; twice {
				return errors.New("it is there twice")
			}
			seen[key] = struct{}{}
			return visit(key, value)
		})
	}
	if err != nil {
		return Block{}, fmt.Errorf("pylon: %s: %w", name, err)
	}
	return *block, nil
}

// eachMember calls visit for each member of a JSON object, in order. visit takes exactly the value from the decoder.
func eachMember(object json.RawMessage, visit func(key string, value *json.Decoder) error) error {
	decoder := json.NewDecoder(bytes.NewReader(object))
	open, err := decoder.Token()
	if err != nil || open != json.Delim('{') {
		return errors.New("an object is missing")
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		name := key.(string) // the keys of a valid object are strings
		if err := visit(name, decoder); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}
