package substrate

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// proven tells whether the block's extrinsics are those that its header speaks of. The header has the root of a trie from
// the compact index of each extrinsic to its bytes. Runtimes of system version 2 put the hash of a long value in the place
// of the value (state version 1); nothing else can have the same root, so either form will do.
func (b *Block) proven() bool {
	return extrinsicsRoot(b.Extrinsics, false) == b.root || extrinsicsRoot(b.Extrinsics, true) == b.root
}

// leaf is a key of the trie, in nibbles, and its value.
type leaf struct {
	key   []byte
	value []byte
}

// extrinsicsRoot is sp-trie's ordered root, with the hash of values of 33 bytes and more in their place or with the values.
func extrinsicsRoot(extrinsics [][]byte, hashed bool) Hash {
	if len(extrinsics) == 0 {
		return blake2b.Sum256([]byte{0})
	}
	leaves := make([]leaf, len(extrinsics))
	for i, x := range extrinsics {
		index := scale.AppendCompact(nil, uint64(i))
		nibbles := make([]byte, 0, 2*len(index))
		for _, b := range index {
			nibbles = append(nibbles, b>>4, b&15)
		}
		leaves[i] = leaf{nibbles, x}
	}
	slices.SortFunc(leaves, func(a, b leaf) int { return bytes.Compare(a.key, b.key) })
	return blake2b.Sum256(trieNode(leaves, 0, hashed))
}

// The first byte of a node: its sort, and the number of nibbles. A compact index has at most ten of those, so the number
// always fits.
const (
	leafNode       = 0b01 << 6
	hashedLeafNode = 0b001 << 5
	branchNode     = 0b10 << 6

	longestValue = 32 // in a leaf with hashed set
)

// trieNode encodes the node above leaves that share the first depth nibbles. No index is the beginning of another, so no
// branch has a value.
func trieNode(leaves []leaf, depth int, hashed bool) []byte {
	first, last := leaves[0].key[depth:], leaves[len(leaves)-1].key[depth:]
	if len(leaves) == 1 {
		value := leaves[0].value
		if hashed && len(value) > longestValue {
			sum := blake2b.Sum256(value)
			return append(appendNibbles([]byte{hashedLeafNode}, first), sum[:]...)
		}
		return scale.AppendByteVec(appendNibbles([]byte{leafNode}, first), value)
	}
	common := 0
	for first[common] == last[common] {
		common++
	}
	var children uint16
	var encoded []byte
	for below := leaves; len(below) > 0; {
		nibble := below[0].key[depth+common]
		count := slices.IndexFunc(below, func(l leaf) bool { return l.key[depth+common] != nibble })
		if count < 0 {
			count = len(below)
		}
		children |= 1 << nibble
		child := trieNode(below[:count], depth+common+1, hashed)
		if len(child) >= blake2b.Size256 {
			sum := blake2b.Sum256(child)
			child = sum[:]
		}
		encoded = scale.AppendByteVec(encoded, child)
		below = below[count:]
	}
	node := appendNibbles([]byte{branchNode}, first[:common])
	node = binary.LittleEndian.AppendUint16(node, children)
	return append(node, encoded...)
}

// appendNibbles adds the number of nibbles to the first byte, and the nibbles after it, an odd one in a byte of its own.
func appendNibbles(node, nibbles []byte) []byte {
	node[0] |= byte(len(nibbles))
	if len(nibbles)%2 == 1 {
		node, nibbles = append(node, nibbles[0]), nibbles[1:]
	}
	for i := 0; i < len(nibbles); i += 2 {
		node = append(node, nibbles[i]<<4|nibbles[i+1])
	}
	return node
}
