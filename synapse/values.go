package synapse

import (
	"iter"
	"reflect"
	"slices"
)

// Tuple is a Python tuple: tuple[T, ...], or tuple when T is any. In JSON it is
// a list, but it has its own text: (1, 2) and (1,).
type Tuple[T any] []T

func (Tuple[T]) tuple() {}

type tupleMarker interface{ tuple() }

// Enum is a member of a Python enum. Python hashes its class and name and
// answers with its value, but can send only members of a class that mixes in
// str.
type Enum struct {
	Class, Name string
	Value       any
	Str         bool // whether the class mixes in str
}

// Dict is a Python dict, which keeps its keys in the order in which they were
// first set. Two dicts with another order have different hashes. Like a map, a
// Dict refers to its content: copies of it share that. The zero Dict is empty
// and ready to use. It is not safe for concurrent use while it changes.
type Dict[K comparable, V any] struct {
	d *dict[K, V]
}

// Object is what a JSON object becomes where the type is any.
type Object = Dict[string, any]

type dict[K comparable, V any] struct {
	entries []entry[K, V]
	index   map[K]int // nil while there are few keys
}

type entry[K comparable, V any] struct {
	key   K
	value V
}

// indexFrom is the number of keys from which looking through them all is slower
// than a map.
const indexFrom = 9

// Len returns the number of keys.
func (d Dict[K, V]) Len() int {
	if d.d == nil {
		return 0
	}
	return len(d.d.entries)
}

// Get returns the value of a key, and whether there is one.
func (d Dict[K, V]) Get(key K) (value V, ok bool) {
	if i := d.find(key); i >= 0 {
		return d.d.entries[i].value, true
	}
	return value, false
}

func (d Dict[K, V]) find(key K) int {
	if d.d == nil {
		return -1
	}
	if d.d.index != nil {
		if i, ok := d.d.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range d.d.entries {
		if d.d.entries[i].key == key {
			return i
		}
	}
	return -1
}

// Set sets the value of a key. A key that is there keeps its place.
func (d *Dict[K, V]) Set(key K, value V) {
	if d.d == nil {
		d.d = new(dict[K, V])
	}
	if i := d.find(key); i >= 0 {
		d.d.entries[i].value = value
		return
	}
	if n := len(d.d.entries); n == cap(d.d.entries) {
		d.d.entries = slices.Grow(d.d.entries, max(1, n))
	}
	d.d.entries = append(d.d.entries, entry[K, V]{key, value})
	switch n := len(d.d.entries); {
	case d.d.index != nil:
		d.d.index[key] = n - 1
	case n >= indexFrom:
		d.reindex()
	}
}

func (d *Dict[K, V]) reindex() {
	d.d.index = make(map[K]int, len(d.d.entries))
	for i := range d.d.entries {
		d.d.index[d.d.entries[i].key] = i
	}
}

// Delete removes a key.
func (d *Dict[K, V]) Delete(key K) {
	i := d.find(key)
	if i < 0 {
		return
	}
	d.d.entries = slices.Delete(d.d.entries, i, i+1)
	if d.d.index != nil {
		d.reindex()
	}
}

// All goes through the keys and values in order.
func (d Dict[K, V]) All() iter.Seq2[K, V] {
	return func(yield func(K, V) bool) {
		for i := 0; ; i++ {
			// What there is may change from one to the next.
			if i >= d.Len() || !yield(d.d.entries[i].key, d.d.entries[i].value) {
				return
			}
		}
	}
}

// The schema reaches into any Dict through these.

type anyDict interface {
	dictTypes() (key, value reflect.Type)
	dictLen() int
	dictAt(i int) (key, value reflect.Value)
	dictSet(key, value reflect.Value)
	dictClear()
}

func (d *Dict[K, V]) dictTypes() (key, value reflect.Type) {
	return reflect.TypeFor[K](), reflect.TypeFor[V]()
}

func (d *Dict[K, V]) dictLen() int { return d.Len() }

func (d *Dict[K, V]) dictAt(i int) (key, value reflect.Value) {
	return reflect.ValueOf(&d.d.entries[i].key).Elem(), reflect.ValueOf(&d.d.entries[i].value).Elem()
}

func (d *Dict[K, V]) dictSet(key, value reflect.Value) {
	d.Set(valueOf[K](key), valueOf[V](value))
}

// dictClear leaves the old content to whoever shares it.
func (d *Dict[K, V]) dictClear() { d.d = nil }

// valueOf takes a V out of a reflect.Value, also a nil interface, which has no
// type to assert.
func valueOf[V any](v reflect.Value) V {
	out, _ := v.Interface().(V)
	return out
}
