package native

import (
	"bytes"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// overlay is a state whose writes are kept apart until they are committed, so
// that a call that fails leaves nothing behind.
type overlay struct {
	base   runtime.State
	writes map[string]write
}

// write is a new value, or that there is none any more.
type write struct {
	value []byte
	gone  bool
}

var _ runtime.State = (*overlay)(nil)

func newOverlay(base runtime.State) *overlay {
	return &overlay{base: base, writes: make(map[string]write)}
}

// Get implements runtime.State.
func (o *overlay) Get(key []byte) ([]byte, bool) {
	if w, ok := o.writes[string(key)]; ok {
		return w.value, !w.gone
	}
	return o.base.Get(key)
}

// Set implements runtime.State.
func (o *overlay) Set(key, value []byte) {
	o.writes[string(key)] = write{value: append([]byte{}, value...)}
}

// Delete implements runtime.State.
func (o *overlay) Delete(key []byte) { o.writes[string(key)] = write{gone: true} }

// Keys implements runtime.State.
func (o *overlay) Keys(prefix, after []byte, limit int) [][]byte {
	keys := o.base.Keys(prefix, after, 0)
	keys = slices.DeleteFunc(keys, func(key []byte) bool {
		_, written := o.writes[string(key)]
		return written
	})
	for key, w := range o.writes {
		k := []byte(key)
		if !w.gone && bytes.HasPrefix(k, prefix) && (after == nil || bytes.Compare(k, after) > 0) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	if limit > 0 && len(keys) > limit {
		keys = keys[:limit]
	}
	return keys
}

// commit writes everything to the state below.
func (o *overlay) commit() {
	for key, w := range o.writes {
		if w.gone {
			o.base.Delete([]byte(key))
		} else {
			o.base.Set([]byte(key), w.value)
		}
	}
	clear(o.writes)
}
