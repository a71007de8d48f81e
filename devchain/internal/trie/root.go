package trie

import (
	"encoding/binary"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Root returns the root of a trie with the given entries, by key. It is what
// a header's extrinsics root is made with.
func Root(stateVersion uint8, entries func(set func(key, value []byte))) [32]byte {
	e := Trie{}.Edit()
	entries(e.Set)
	_, root := e.Commit(stateVersion)
	return root
}

// reference is how a node appears in its parent: its encoding if that is
// shorter than a hash, else its hash. A zero length means not computed yet.
type reference struct {
	length uint8
	bytes  [32]byte
}

// Kinds of nodes, as the high bits of their first byte, and how many bits of
// that byte are left for the length of the partial key.
const (
	headerLeaf              = 0b0100_0000
	headerBranch            = 0b1000_0000
	headerBranchValue       = 0b1100_0000
	headerLeafHashed        = 0b0010_0000
	headerBranchValueHashed = 0b0001_0000

	lengthBits       = 6
	lengthBitsLeaf   = 5 // of headerLeafHashed
	lengthBitsBranch = 4 // of headerBranchValueHashed
)

// hashedValue is the length from which state version 1 stores a value's hash in
// the node instead of the value.
const hashedValue = 33

func rootOf(n *node, stateVersion uint8) [32]byte {
	if n == nil {
		return blake2b.Sum256([]byte{0})
	}
	// The root is hashed even when it is short, so its encoding is needed again.
	if n.ref.length == 32 {
		return n.ref.bytes
	}
	encoded := n.encode(nil, stateVersion)
	n.ref = referenceTo(encoded)
	return blake2b.Sum256(encoded)
}

func referenceTo(encoded []byte) reference {
	if len(encoded) >= 32 {
		return reference{length: 32, bytes: blake2b.Sum256(encoded)}
	}
	ref := reference{length: uint8(len(encoded))}
	copy(ref.bytes[:], encoded)
	return ref
}

// encode appends the node in sp-trie's form, computing what is below it first.
func (n *node) encode(dst []byte, stateVersion uint8) []byte {
	for _, child := range n.children {
		if child.ref.length == 0 {
			child.ref = referenceTo(child.encode(nil, stateVersion))
		}
	}
	hashed := n.hasValue && stateVersion >= 1 && len(n.value) >= hashedValue
	switch {
	case len(n.children) == 0 && hashed:
		dst = appendHeader(dst, headerLeafHashed, lengthBitsLeaf, len(n.partial))
	case len(n.children) == 0:
		dst = appendHeader(dst, headerLeaf, lengthBits, len(n.partial))
	case hashed:
		dst = appendHeader(dst, headerBranchValueHashed, lengthBitsBranch, len(n.partial))
	case n.hasValue:
		dst = appendHeader(dst, headerBranchValue, lengthBits, len(n.partial))
	default:
		dst = appendHeader(dst, headerBranch, lengthBits, len(n.partial))
	}
	partial := n.partial
	if len(partial)%2 == 1 {
		dst = append(dst, partial[0])
		partial = partial[1:]
	}
	for i := 0; i < len(partial); i += 2 {
		dst = append(dst, partial[i]<<4|partial[i+1])
	}
	if len(n.children) > 0 {
		dst = binary.LittleEndian.AppendUint16(dst, n.bitmap)
	}
	if hashed {
		hash := blake2b.Sum256(n.value)
		dst = append(dst, hash[:]...)
	} else if n.hasValue {
		dst = scale.AppendCompact(dst, uint64(len(n.value)))
		dst = append(dst, n.value...)
	}
	for _, child := range n.children {
		dst = scale.AppendCompact(dst, uint64(child.ref.length))
		dst = append(dst, child.ref.bytes[:child.ref.length]...)
	}
	return dst
}

// appendHeader writes the kind and the length of the partial key: in the bits
// that the kind leaves, then, when those are all ones, in further bytes.
func appendHeader(dst []byte, kind byte, bits, length int) []byte {
	limit := 1<<bits - 1
	if length < limit {
		return append(dst, kind|byte(length))
	}
	dst = append(dst, kind|byte(limit))
	for length -= limit; length >= 255; length -= 255 {
		dst = append(dst, 255)
	}
	return append(dst, byte(length))
}
