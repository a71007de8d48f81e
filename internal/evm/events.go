package evm

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"

	pylon "github.com/bittensor-pylon/pylon"
)

// parseAddress accepts what Ethereum tools accept: 40 hexadecimal digits with or without 0x, all of one case or in the
// mixed case that carries the checksum (EIP-55).
func parseAddress(text string) (common.Address, bool) {
	if !common.IsHexAddress(text) {
		return common.Address{}, false
	}
	address := common.HexToAddress(text)
	digits := text
	if len(digits) == 42 {
		digits = digits[2:]
	}
	if digits != strings.ToLower(digits) && digits != strings.ToUpper(digits) && digits != address.Hex()[2:] {
		return common.Address{}, false
	}
	return address, true
}

// event is an event of an ABI, split as its logs are.
type event struct {
	name   string
	inputs abi.Arguments
	data   abi.Arguments // those that are not indexed
}

// events finds an event by the first topic of its logs.
type events map[common.Hash]event

// parseEvents keeps the events of an ABI. Its errors name what is missing as the contract's users know it.
func parseEvents(entries []pylon.ABIEntry) (events, error) {
	found := events{}
	for _, entry := range entries {
		var kind string
		if json.Unmarshal(entry["type"], &kind) != nil || kind != "event" {
			continue
		}
		if _, ok := entry["name"]; !ok {
			return nil, errors.New("'name'")
		}
		text, err := json.Marshal([]pylon.ABIEntry{entry})
		if err != nil {
			return nil, err
		}
		parsed, err := parseABI(text)
		if err != nil {
			return nil, err
		}
		for _, e := range parsed.Events {
			if !e.Anonymous {
				found[e.ID] = event{name: e.RawName, inputs: e.Inputs, data: e.Inputs.NonIndexed()}
			}
		}
	}
	return found, nil
}

// parseABI is abi.JSON, which panics for tuples of arrays that no memory could hold, with an error instead.
func parseABI(text []byte) (parsed abi.ABI, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	return abi.JSON(bytes.NewReader(text))
}

// decode returns the log by its event, or false when there is none or the log is not one of it.
func (es events) decode(raw rawLog) (log pylon.EVMLog, ok bool) {
	if len(raw.Topics) == 0 {
		return log, false
	}
	e, ok := es[raw.Topics[0]]
	if !ok {
		return log, false
	}
	// The ABI comes from one stranger and the data from another, and the ABI library answers some pairs of them by a
	// panic.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	args, err := e.args(raw.Topics[1:], raw.Data)
	if err != nil {
		return log, false
	}
	return pylon.EVMLog{
		Event: e.name, Args: args, Address: raw.Address.Hex(), BlockNumber: uint64(raw.BlockNumber),
		TransactionHash: raw.TransactionHash.Hex(), TransactionIndex: uint64(raw.TransactionIndex), LogIndex: uint64(raw.LogIndex),
	}, true
}

var errShape = errors.New("the log is not of this event")

// args renders the arguments of a log as a JSON object, in the order of the event.
func (e event) args(topics []common.Hash, data []byte) ([]byte, error) {
	if len(topics) != len(e.inputs)-len(e.data) {
		return nil, errShape
	}
	if err := checkSize(e.data, data); err != nil {
		return nil, err
	}
	plain, err := e.data.Unpack(data)
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for i, input := range e.inputs {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendString(out, input.Name)
		out = append(out, ':')
		if !input.Indexed {
			if out, err = appendValue(out, input.Type, reflect.ValueOf(plain[0])); err != nil {
				return nil, err
			}
			plain = plain[1:]
			continue
		}
		topic := topics[0]
		topics = topics[1:]
		if isHashed(input.Type) {
			// The chain keeps only the hash of what does not fit into a topic.
			out = appendHex(out, topic[:])
			continue
		}
		value, err := abi.Arguments{{Type: input.Type}}.Unpack(topic[:])
		if err != nil {
			return nil, err
		}
		if out, err = appendValue(out, input.Type, reflect.ValueOf(value[0])); err != nil {
			return nil, err
		}
	}
	return append(out, '}'), nil
}

func isHashed(t abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy, abi.ArrayTy, abi.TupleTy:
		return true
	}
	return false
}

// appendValue renders a decoded value by its ABI type.
func appendValue(out []byte, t abi.Type, v reflect.Value) (_ []byte, err error) {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch t.T {
	case abi.IntTy, abi.UintTy:
		if n, ok := v.Interface().(*big.Int); ok {
			return n.Append(out, 10), nil
		}
		if v.CanInt() {
			return strconv.AppendInt(out, v.Int(), 10), nil
		}
		return strconv.AppendUint(out, v.Uint(), 10), nil
	case abi.BoolTy:
		return strconv.AppendBool(out, v.Bool()), nil
	case abi.StringTy:
		if !utf8.ValidString(v.String()) {
			return nil, errShape
		}
		return appendString(out, v.String()), nil
	case abi.AddressTy:
		return appendString(out, v.Interface().(common.Address).Hex()), nil
	case abi.BytesTy:
		return appendHex(out, v.Bytes()), nil
	case abi.FixedBytesTy, abi.FunctionTy:
		fixed := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(fixed), v)
		return appendHex(out, fixed), nil
	case abi.SliceTy, abi.ArrayTy:
		out = append(out, '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			if out, err = appendValue(out, *t.Elem, v.Index(i)); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case abi.TupleTy:
		out = append(out, '{')
		for i, name := range t.TupleRawNames {
			if i > 0 {
				out = append(out, ',')
			}
			out = appendString(out, name)
			out = append(out, ':')
			if out, err = appendValue(out, *t.TupleElems[i], v.Field(i)); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	}
	return nil, fmt.Errorf("the type %s is not supported", t.String())
}

func appendHex(out, value []byte) []byte {
	out = append(out, `"0x`...)
	out = hex.AppendEncode(out, value)
	return append(out, '"')
}

// appendString quotes as JSON does, without the HTML escapes that encoding/json adds by default.
func appendString(out []byte, text string) []byte {
	var quoted strings.Builder
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(text) != nil {
		return append(out, `""`...)
	}
	return append(out, strings.TrimSuffix(quoted.String(), "\n")...)
}
