package evm

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/accounts/abi"
)

// checkSize refuses data that would decode into much more than itself. Each dynamic value of the ABI encoding stands
// behind an offset, and nothing keeps a thousand offsets from naming the same kilobyte; an honest encoder never does.
func checkSize(arguments abi.Arguments, data []byte) error {
	left := 2*len(data) + 1024
	types := make([]*abi.Type, len(arguments))
	for i := range arguments {
		types[i] = &arguments[i].Type
	}
	return walk(types, data, &left, 0)
}

// walk takes the size of a sequence of values, whose encoding begins data, off what is left.
func walk(types []*abi.Type, data []byte, left *int, depth int) error {
	if depth > 32 {
		return errShape
	}
	at := 0
	for _, t := range types {
		if isDynamic(t) {
			offset, ok := word(data, at)
			if !ok || offset > len(data) {
				return errShape
			}
			if err := walkDynamic(t, data[offset:], left, depth+1); err != nil {
				return err
			}
			at += 32
			continue
		}
		size := headSize(t)
		if size > len(data)-at {
			return errShape
		}
		if *left -= size; *left < 0 {
			return errShape
		}
		at += size
	}
	return nil
}

// walkDynamic takes the size of one dynamic value, whose encoding begins data, off what is left.
func walkDynamic(t *abi.Type, data []byte, left *int, depth int) error {
	if *left -= 32; *left < 0 {
		return errShape
	}
	switch t.T {
	case abi.StringTy, abi.BytesTy:
		length, ok := word(data, 0)
		if !ok || length > len(data)-32 {
			return errShape
		}
		if *left -= length; *left < 0 {
			return errShape
		}
		return nil
	case abi.SliceTy:
		length, ok := word(data, 0)
		// An element takes a word at least, so the data bounds the length before anything is made.
		if !ok || length > (len(data)-32)/32 {
			return errShape
		}
		return walkRepeated(t.Elem, length, data[32:], left, depth)
	case abi.ArrayTy:
		if t.Size > len(data)/32 {
			return errShape
		}
		return walkRepeated(t.Elem, t.Size, data, left, depth)
	case abi.TupleTy:
		return walk(t.TupleElems, data, left, depth)
	}
	return errShape
}

func walkRepeated(elem *abi.Type, n int, data []byte, left *int, depth int) error {
	types := make([]*abi.Type, n)
	for i := range types {
		types[i] = elem
	}
	return walk(types, data, left, depth)
}

func isDynamic(t *abi.Type) bool {
	switch t.T {
	case abi.StringTy, abi.BytesTy, abi.SliceTy:
		return true
	case abi.ArrayTy:
		return isDynamic(t.Elem)
	case abi.TupleTy:
		for _, elem := range t.TupleElems {
			if isDynamic(elem) {
				return true
			}
		}
	}
	return false
}

// headSize is the number of bytes of a static value.
func headSize(t *abi.Type) int {
	switch t.T {
	case abi.ArrayTy:
		size := headSize(t.Elem)
		if size != 0 && t.Size > (1<<31)/size {
			return 1 << 31 // over any data
		}
		return t.Size * size
	case abi.TupleTy:
		sum := 0
		for _, elem := range t.TupleElems {
			sum = min(sum+headSize(elem), 1<<31)
		}
		return sum
	}
	return 32
}

// word reads a big-endian 256-bit number that must be a small one.
func word(data []byte, at int) (int, bool) {
	if at < 0 || len(data)-at < 32 {
		return 0, false
	}
	for _, b := range data[at : at+28] {
		if b != 0 {
			return 0, false
		}
	}
	return int(binary.BigEndian.Uint32(data[at+28:])), true
}
