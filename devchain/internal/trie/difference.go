package trie

import (
	"bytes"
	"iter"
)

// Difference yields the writes that turn one state into the other, in no
// particular order: keys with their new values, or with nil for a key that is
// gone. Its cost depends on how much differs, if one was edited out of the other.
func Difference(from, to Trie) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		d := difference{yield: yield}
		d.between(view(from.root), view(to.root))
	}
}

// span is a node of which the beginning of the partial key has been walked.
type span struct {
	node    *node
	partial []byte
}

func view(n *node) span {
	if n == nil {
		return span{}
	}
	return span{n, n.partial}
}

type difference struct {
	path  []byte
	yield func(key, value []byte) bool
}

// between compares what is below two places with the same path, and reports
// whether to go on.
func (d *difference) between(from, to span) bool {
	switch {
	case from.node == to.node && len(from.partial) == len(to.partial):
		return true
	case from.node == nil:
		return d.whole(to, true)
	case to.node == nil:
		return d.whole(from, false)
	}
	common := commonPrefix(from.partial, to.partial)
	fromEnds, toEnds := common == len(from.partial), common == len(to.partial)
	if !fromEnds && !toEnds {
		return d.whole(from, false) && d.whole(to, true)
	}
	defer d.enter(from.partial[:common])()
	if !d.value(from.node, fromEnds, to.node, toEnds) {
		return false
	}
	for nibble := range byte(16) {
		a, b := from.below(common, nibble), to.below(common, nibble)
		leave := d.enter([]byte{nibble})
		more := d.between(a, b)
		leave()
		if !more {
			return false
		}
	}
	return true
}

// value compares the values of two nodes at the same path. A node that does not
// end there has none there.
func (d *difference) value(from *node, fromEnds bool, to *node, toEnds bool) bool {
	had, has := fromEnds && from.hasValue, toEnds && to.hasValue
	switch {
	case has && (!had || !bytes.Equal(from.value, to.value)):
		return d.yield(packNibbles(d.path), to.value)
	case had && !has:
		return d.yield(packNibbles(d.path), nil)
	}
	return true
}

// below is what hangs at a half-byte after the first common ones of the partial
// key.
func (s span) below(common int, nibble byte) span {
	switch {
	case common == len(s.partial):
		return view(s.node.child(nibble))
	case s.partial[common] == nibble:
		return span{s.node, s.partial[common+1:]}
	}
	return span{}
}

// whole yields all of a subtree as set or as gone.
func (d *difference) whole(s span, set bool) bool {
	w := walk{path: append(bytes.Clone(d.path), s.partial...), yield: func(key, value []byte) bool {
		if !set {
			value = nil
		}
		return d.yield(key, value)
	}}
	return w.below(s.node, false)
}

func (d *difference) enter(path []byte) (leave func()) {
	length := len(d.path)
	d.path = append(d.path, path...)
	return func() { d.path = d.path[:length] }
}
