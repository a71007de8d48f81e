package pylon

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Extrinsic is one decoded extrinsic of a block.
type Extrinsic struct {
	BlockNumber uint64
	Index       uint32
	// Hash is 0x and 64 lower-case hexadecimal digits.
	Hash string
	// Length is its size in bytes, without the length prefix.
	Length int
	// Address is who signed it, nil when nobody did.
	Address *string
	Call    Call
	// More are the further members that the chain gives it, for example its signature, nonce, tip and era.
	More []Member
}

// Call is what an extrinsic calls.
type Call struct {
	Module   string
	Function string
	Args     []CallArg
	// More are further members, for example the call's index and hash.
	More []Member
}

// CallArg is one argument of a call.
type CallArg struct {
	Name string
	// Type is the name that the chain gives to the argument's type.
	Type string
	// Value is the decoded value as JSON.
	Value json.RawMessage
	// More are further members.
	More []Member
}

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value json.RawMessage
}

// AppendJSON appends the extrinsic in its JSON form.
func (e *Extrinsic) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"block_number":`...)
	dst = strconv.AppendUint(dst, e.BlockNumber, 10)
	dst = append(dst, `,"extrinsic_index":`...)
	dst = strconv.AppendUint(dst, uint64(e.Index), 10)
	dst = append(dst, `,"extrinsic_hash":`...)
	dst = appendString(dst, e.Hash)
	dst = append(dst, `,"extrinsic_length":`...)
	dst = strconv.AppendInt(dst, int64(e.Length), 10)
	dst = append(dst, `,"address":`...)
	if e.Address == nil {
		dst = append(dst, "null"...)
	} else {
		dst = appendString(dst, *e.Address)
	}
	dst = append(dst, `,"call":`...)
	dst = e.Call.AppendJSON(dst)
	dst = appendMembers(dst, e.More)
	return append(dst, '}')
}

// AppendJSON appends the call in its JSON form.
func (c *Call) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"call_module":`...)
	dst = appendString(dst, c.Module)
	dst = append(dst, `,"call_function":`...)
	dst = appendString(dst, c.Function)
	dst = append(dst, `,"call_args":[`...)
	for i, arg := range c.Args {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"name":`...)
		dst = appendString(dst, arg.Name)
		dst = append(dst, `,"type":`...)
		dst = appendString(dst, arg.Type)
		dst = append(dst, `,"value":`...)
		dst = appendRaw(dst, arg.Value)
		dst = appendMembers(dst, arg.More)
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	dst = appendMembers(dst, c.More)
	return append(dst, '}')
}

// appendMembers appends members behind others.
func appendMembers(dst []byte, members []Member) []byte {
	for _, member := range members {
		dst = append(dst, ',')
		dst = appendString(dst, member.Name)
		dst = append(dst, ':')
		dst = appendRaw(dst, member.Value)
	}
	return dst
}

// appendRaw appends a value that is JSON already; a missing one is null.
func appendRaw(dst []byte, value json.RawMessage) []byte {
	if len(value) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

// MarshalJSON returns what AppendJSON appends.
func (e Extrinsic) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }

// MarshalJSON returns what AppendJSON appends.
func (c Call) MarshalJSON() ([]byte, error) { return c.AppendJSON(nil), nil }

// UnmarshalJSON reads an extrinsic and keeps the members that have no field of their own.
func (e *Extrinsic) UnmarshalJSON(data []byte) error {
	var read Extrinsic
	err := readMembers(data, &read.More, map[string]any{
		"block_number": &read.BlockNumber, "extrinsic_index": &read.Index, "extrinsic_hash": &read.Hash,
		"extrinsic_length": &read.Length, "address": &read.Address, "call": &read.Call,
	})
	if err != nil {
		return fmt.Errorf("pylon: extrinsic: %w", err)
	}
	*e = read
	return nil
}

// UnmarshalJSON reads a call and keeps the members that have no field of their own.
func (c *Call) UnmarshalJSON(data []byte) error {
	read := Call{Args: []CallArg{}}
	err := readMembers(data, &read.More, map[string]any{
		"call_module": &read.Module, "call_function": &read.Function, "call_args": &read.Args,
	})
	if err != nil {
		return err
	}
	*c = read
	return nil
}

// UnmarshalJSON reads an argument and keeps the members that have no field of their own.
func (a *CallArg) UnmarshalJSON(data []byte) error {
	var read CallArg
	if err := readMembers(data, &read.More, map[string]any{"name": &read.Name, "type": &read.Type, "value": &read.Value}); err != nil {
		return err
	}
	*a = read
	return nil
}

// readMembers reads an object: members with that name into the fields, all others into more, in their order.
func readMembers(data []byte, more *[]Member, fields map[string]any) error {
	return eachMember(data, func(key string, value *json.Decoder) error {
		if field, ok := fields[key]; ok {
			return value.Decode(field)
		}
		var other json.RawMessage
		if err := value.Decode(&other); err != nil {
			return err
		}
		*more = append(*more, Member{Name: key, Value: slices.Clone(other)})
		return nil
	})
}
