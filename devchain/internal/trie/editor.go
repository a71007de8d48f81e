package trie

import (
	"bytes"
	"slices"
	"sync/atomic"
)

// Editor makes a new Trie out of an old one, which stays as it was. It is for
// one goroutine.
type Editor struct {
	root    *node
	id      uint64
	touched map[string]struct{} // nil unless tracking
}

var editors atomic.Uint64

// Edit starts from the present state of t.
func (t Trie) Edit() *Editor {
	return &Editor{root: t.root, id: editors.Add(1)}
}

// Track makes the editor remember which keys are written from now on.
func (e *Editor) Track() {
	if e.touched == nil {
		e.touched = make(map[string]struct{})
	}
}

// Touched returns the keys written since Track, in byte order. A key is listed
// even if it has its old value again.
func (e *Editor) Touched() [][]byte {
	keys := make([][]byte, 0, len(e.touched))
	for key := range e.touched {
		keys = append(keys, []byte(key))
	}
	slices.SortFunc(keys, bytes.Compare)
	return keys
}

// Snapshot returns the state as it is now. Later writes do not change it. It is
// for reading and for Restore: only Commit gives a Trie that knows its root.
func (e *Editor) Snapshot() Trie {
	e.id = editors.Add(1)
	return Trie{root: e.root}
}

// Restore goes back to a snapshot.
func (e *Editor) Restore(t Trie) {
	e.root = t.root
	e.id = editors.Add(1)
}

// Commit returns the state and its root under the given state version. Nodes
// that the editor did not touch keep the encoding that they were made with, as
// on a Substrate chain whose state version changed.
func (e *Editor) Commit(stateVersion uint8) (Trie, [32]byte) {
	t := e.Snapshot()
	return t, rootOf(t.root, stateVersion)
}

// Get returns the value under key, which the caller must not change.
func (e *Editor) Get(key []byte) ([]byte, bool) {
	return Trie{root: e.root}.Get(key)
}

// Keys returns at most limit keys (zero or less means all) that start with
// prefix and come after the key after, in byte order.
func (e *Editor) Keys(prefix, after []byte, limit int) [][]byte {
	var keys [][]byte
	for key := range (Trie{root: e.root}).All(prefix, after) {
		keys = append(keys, key)
		if len(keys) == limit {
			break
		}
	}
	return keys
}

// Set stores a copy of value under key.
func (e *Editor) Set(key, value []byte) {
	e.touch(key)
	var buffer [keyBuffer]byte
	e.root = e.set(e.root, appendNibbles(buffer[:0], key), append([]byte{}, value...))
}

// Delete removes key if it is there.
func (e *Editor) Delete(key []byte) {
	e.touch(key)
	if _, ok := e.Get(key); !ok {
		return
	}
	var buffer [keyBuffer]byte
	e.root = e.delete(e.root, appendNibbles(buffer[:0], key))
}

func (e *Editor) touch(key []byte) {
	if e.touched != nil {
		e.touched[string(key)] = struct{}{}
	}
}

// set returns n with the value under path.
func (e *Editor) set(n *node, path, value []byte) *node {
	if n == nil {
		return &node{editor: e.id, partial: bytes.Clone(path), value: value, hasValue: true}
	}
	common := commonPrefix(n.partial, path)
	if common < len(n.partial) {
		// The path leaves in the middle of the partial key: split the node there.
		lower := e.own(n)
		upper := &node{editor: e.id, partial: lower.partial[:common:common]}
		nibble := lower.partial[common]
		lower.partial = lower.partial[common+1:]
		upper.put(nibble, lower)
		n = upper
	} else {
		n = e.own(n)
	}
	path = path[common:]
	if len(path) == 0 {
		n.value, n.hasValue = value, true
		return n
	}
	n.put(path[0], e.set(n.child(path[0]), path[1:], value))
	return n
}

// delete returns n without the value under path, which must be there.
func (e *Editor) delete(n *node, path []byte) *node {
	n = e.own(n)
	path = path[len(n.partial):]
	if len(path) == 0 {
		n.value, n.hasValue = nil, false
	} else if child := e.delete(n.child(path[0]), path[1:]); child != nil {
		n.put(path[0], child)
	} else {
		n.drop(path[0])
	}
	switch {
	case n.hasValue || len(n.children) > 1:
		return n
	case len(n.children) == 0:
		return nil
	}
	// One child and no value: the two nodes become one.
	nibble := byte(0)
	for n.bitmap&(1<<nibble) == 0 {
		nibble++
	}
	child := e.own(n.children[0])
	child.partial = slices.Concat(n.partial, []byte{nibble}, child.partial)
	return child
}

// own returns n if this editor made it, and a copy that it may change if not.
func (e *Editor) own(n *node) *node {
	if n.editor == e.id {
		n.ref = reference{}
		return n
	}
	return &node{
		editor:   e.id,
		partial:  n.partial,
		value:    n.value,
		children: slices.Clone(n.children),
		bitmap:   n.bitmap,
		hasValue: n.hasValue,
	}
}

func (n *node) put(nibble byte, child *node) {
	slot := n.slot(nibble)
	if n.bitmap&(1<<nibble) != 0 {
		n.children[slot] = child
		return
	}
	n.children = slices.Insert(n.children, slot, child)
	n.bitmap |= 1 << nibble
}

func (n *node) drop(nibble byte) {
	slot := n.slot(nibble)
	n.children = slices.Delete(n.children, slot, slot+1)
	n.bitmap &^= 1 << nibble
}

func commonPrefix(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
