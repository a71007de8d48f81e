package native

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// item is a storage item whose values are of the Go type V. In a spec version
// that does not have the item, reading gives the zero value and writing does
// nothing.
type item[V any] struct {
	prefix   []byte // nil when this spec version does not have it
	hashers  []scale.Hasher
	codec    *scale.Codec[V]
	fallback V
}

// exists tells whether this spec version has the item.
func (i *item[V]) exists() bool { return i.prefix != nil }

// key is the storage key of the value under these encoded map keys; of only the
// first of them, it is the prefix of those that share them.
func (i *item[V]) key(parts ...[]byte) []byte {
	key := make([]byte, 0, len(i.prefix)+48*len(parts))
	key = append(key, i.prefix...)
	for n, part := range parts {
		key = i.hashers[n].Append(key, part)
	}
	return key
}

// lookup returns the value and whether there is one. A value that cannot be
// decoded counts as absent, as it does in Substrate.
func (i *item[V]) lookup(st runtime.State, parts ...[]byte) (V, bool) {
	if i.prefix == nil {
		return i.fallback, false
	}
	raw, ok := st.Get(i.key(parts...))
	if !ok {
		return i.fallback, false
	}
	v, err := i.codec.Decode(raw)
	if err != nil {
		return i.fallback, false
	}
	return v, true
}

// get returns the value, or the item's default. The default is shared: slices in
// it must not be changed.
func (i *item[V]) get(st runtime.State, parts ...[]byte) V {
	v, _ := i.lookup(st, parts...)
	return v
}

// set stores a value. The values are the runtime's own, so one that does not fit
// the described type is a mistake in this package.
func (i *item[V]) set(st runtime.State, v V, parts ...[]byte) {
	if i.prefix == nil {
		return
	}
	raw, err := i.codec.Append(nil, &v)
	if err != nil {
		panic("native: " + err.Error())
	}
	st.Set(i.key(parts...), raw)
}

func (i *item[V]) delete(st runtime.State, parts ...[]byte) {
	if i.prefix != nil {
		st.Delete(i.key(parts...))
	}
}

// lastKeys returns the last n bytes of all keys that begin with these map keys,
// in the order of storage.
func (i *item[V]) lastKeys(st runtime.State, n int, parts ...[]byte) [][]byte {
	if i.prefix == nil {
		return nil
	}
	keys := st.Keys(i.key(parts...), nil, 0)
	ends := make([][]byte, 0, len(keys))
	for _, key := range keys {
		if len(key) >= n {
			ends = append(ends, key[len(key)-n:])
		}
	}
	return ends
}

func (i *item[V]) bind(d *description.Runtime, pallet, name string) error {
	described, ok := d.Item(pallet, name)
	if !ok {
		return nil
	}
	codec, err := scale.Bind[V](d.Types, described.Value)
	if err != nil {
		return fmt.Errorf("%s.%s: %w", pallet, name, err)
	}
	if !described.Optional {
		if i.fallback, err = codec.Decode(described.Default); err != nil {
			return fmt.Errorf("%s.%s: default: %w", pallet, name, err)
		}
	}
	i.prefix, i.hashers, i.codec = scale.StoragePrefix(pallet, name), described.Hashers, codec
	return nil
}

// binder is any item.
type binder interface {
	bind(d *description.Runtime, pallet, name string) error
}

// bindItems binds the items of a struct of structs: the names of its fields are
// those of pallets, the names of their fields those of storage items.
func bindItems(d *description.Runtime, items any) error {
	pallets := reflect.ValueOf(items).Elem()
	for p := range pallets.NumField() {
		pallet := pallets.Field(p)
		for i := range pallet.NumField() {
			b, ok := pallet.Field(i).Addr().Interface().(binder)
			if !ok {
				return fmt.Errorf("%s is no storage item", pallet.Type().Field(i).Name)
			}
			if err := b.bind(d, pallets.Type().Field(p).Name, pallet.Type().Field(i).Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// u16 is an encoded map key.
func u16(v uint16) []byte { return binary.LittleEndian.AppendUint16(nil, v) }

// u32 is an encoded map key.
func u32(v uint32) []byte { return binary.LittleEndian.AppendUint32(nil, v) }

// u64 is an encoded map key.
func u64(v uint64) []byte { return binary.LittleEndian.AppendUint64(nil, v) }
