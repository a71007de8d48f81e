package trie

import (
	"bytes"
	"iter"
	"math/bits"
)

// Trie is one immutable state. The zero value is the empty one. It is safe for
// concurrent use.
type Trie struct {
	root *node
}

// node is one node of the tree. Once the editor that made it has committed it
// never changes.
type node struct {
	editor   uint64  // the editor that may change the node in place
	partial  []byte  // half-bytes between the parent's child slot and here
	value    []byte  // meaningful if hasValue
	children []*node // one for each bit of bitmap, lowest first
	bitmap   uint16
	hasValue bool
	ref      reference // how the parent names this node; empty until committed
}

func (n *node) child(nibble byte) *node {
	if n.bitmap&(1<<nibble) == 0 {
		return nil
	}
	return n.children[n.slot(nibble)]
}

// slot is where the child of a half-byte is, or would be, among the children.
func (n *node) slot(nibble byte) int {
	return bits.OnesCount16(n.bitmap & (1<<nibble - 1))
}

// Get returns the value under key, which the caller must not change, and
// whether there is one.
func (t Trie) Get(key []byte) ([]byte, bool) {
	var buffer [keyBuffer]byte
	path := appendNibbles(buffer[:0], key)
	for n := t.root; n != nil; {
		if !bytes.HasPrefix(path, n.partial) {
			return nil, false
		}
		path = path[len(n.partial):]
		if len(path) == 0 {
			return n.value, n.hasValue
		}
		n, path = n.child(path[0]), path[1:]
	}
	return nil, false
}

// All yields the keys that start with prefix and come after the key after (nil
// means from the first), with their values, in byte order. Keys are fresh
// slices; values must not be changed.
func (t Trie) All(prefix, after []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if t.root == nil {
			return
		}
		w := walk{
			prefix: appendNibbles(nil, prefix),
			path:   make([]byte, 0, keyBuffer),
			yield:  yield,
		}
		if after != nil {
			w.after = appendNibbles(make([]byte, 0, 2*len(after)), after)
		}
		w.node(t.root, after != nil)
	}
}

// walk visits nodes in order, keeping the half-bytes from the root in path.
type walk struct {
	prefix, after, path []byte
	yield               func(key, value []byte) bool
}

// node visits n and what is below it, and reports whether to go on. bounded
// says that keys below the parent may still be before after.
func (w *walk) node(n *node, bounded bool) bool {
	length := len(w.path)
	w.path = append(w.path, n.partial...)
	more := w.below(n, bounded)
	w.path = w.path[:length]
	return more
}

// below is node with the node's partial key already in the path.
func (w *walk) below(n *node, bounded bool) bool {
	if common := min(len(w.path), len(w.prefix)); !bytes.Equal(w.path[:common], w.prefix[:common]) {
		return true
	}
	if bounded {
		common := min(len(w.path), len(w.after))
		switch bytes.Compare(w.path[:common], w.after[:common]) {
		case -1:
			return true
		case 1:
			bounded = false
		}
	}
	// A node that equals after, or lies on the way to it, is not itself past it.
	past := !bounded || len(w.path) > len(w.after)
	if n.hasValue && past && len(w.path) >= len(w.prefix) {
		if !w.yield(packNibbles(w.path), n.value) {
			return false
		}
	}
	bounded = bounded && len(w.path) < len(w.after)
	for nibble := range byte(16) {
		child := n.child(nibble)
		if child == nil {
			continue
		}
		w.path = append(w.path, nibble)
		more := w.node(child, bounded)
		w.path = w.path[:len(w.path)-1]
		if !more {
			return false
		}
	}
	return true
}

// keyBuffer is room for the half-bytes of a usual storage key on the stack.
const keyBuffer = 256

func appendNibbles(dst, key []byte) []byte {
	for _, b := range key {
		dst = append(dst, b>>4, b&0x0f)
	}
	return dst
}

func packNibbles(path []byte) []byte {
	key := make([]byte, len(path)/2)
	for i := range key {
		key[i] = path[2*i]<<4 | path[2*i+1]
	}
	return key
}
