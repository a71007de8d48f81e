package substrate

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"testing"
	"testing/synctest"
)

// withStorage gives a node n keys of the form prefix, number in big endian, with the number as value, and two others.
func withStorage(node *scripted, n int) (prefix []byte) {
	prefix = []byte{0xab, 0xcd}
	values := map[string]string{"\xab\xcc\xff": "\x01", "\xab\xce": "\x02"}
	for i := range n {
		number := binary.BigEndian.AppendUint32(nil, uint32(i))
		values[string(prefix)+string(number)] = string(number)
	}
	keys := make([]string, 0, len(values))
	for key := range values {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	value := func(raw json.RawMessage) any {
		key, err := decodeHex(raw)
		if err != nil {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		if v, ok := values[string(key)]; ok {
			return hexBytes(v)
		}
		return jsonNull{}
	}
	node.handle("state_getStorage", func(_ uint64, params []json.RawMessage) any { return value(params[0]) })
	node.handle("state_queryStorageAt", func(_ uint64, params []json.RawMessage) any {
		var wanted []json.RawMessage
		if err := json.Unmarshal(params[0], &wanted); err != nil || len(params) != 2 {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		changes := make([][2]any, 0, len(wanted))
		for _, key := range wanted {
			changes = append(changes, [2]any{key, value(key)})
		}
		return []any{map[string]any{"block": params[1], "changes": changes}}
	})
	node.handle("state_getKeysPaged", func(_ uint64, params []json.RawMessage) any {
		prefix, err := decodeHex(params[0])
		var count int
		if json.Unmarshal(params[1], &count) != nil || err != nil || len(params) != 4 {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		if count > 1000 {
			return rpcError{Code: 4002, Message: "count exceeds maximum value"}
		}
		var start string
		if !isNull(params[2]) {
			b, _ := decodeHex(params[2])
			start = string(b)
		}
		page := []hexBytes{}
		for _, key := range keys {
			if len(page) < count && key > start && bytes.HasPrefix([]byte(key), prefix) {
				page = append(page, hexBytes(key))
			}
		}
		return page
	})
	return prefix
}

func TestStorageReads(t *testing.T) {
	t.Parallel()
	for _, batches := range []bool{true, false} {
		t.Run(fmt.Sprintf("batches %v", batches), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := one(t, Config{})
				at := node.header(5).Hash
				prefix := withStorage(node, 2500)
				if !batches {
					node.reply("state_queryStorageAt", rpcError{Code: -32601, Message: "Method not found"})
				}
				number := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(i)) }
				if v, err := c.Storage(t.Context(), at, append(prefix[:2:2], number(7)...)); err != nil || !bytes.Equal(v, number(7)) {
					t.Errorf("%x, %v", v, err)
				}
				if v, err := c.Storage(t.Context(), at, []byte("absent")); err != nil || v != nil {
					t.Errorf("%x, %v", v, err)
				}
				var keys [][]byte
				for i := range 2200 {
					keys = append(keys, append(prefix[:2:2], number(i*2)...)) // the last are absent
				}
				values, err := c.StorageBatch(t.Context(), at, keys)
				if err != nil || len(values) != len(keys) {
					t.Fatal(len(values), err)
				}
				for i, v := range values {
					if i*2 < 2500 && !bytes.Equal(v, number(i*2)) || i*2 >= 2500 && v != nil {
						t.Fatalf("value %d is %x", i, v)
					}
				}
				if values, err := c.StorageBatch(t.Context(), at, nil); err != nil || len(values) != 0 {
					t.Errorf("no keys: %x, %v", values, err)
				}
				seen := 0
				if err := c.StoragePrefix(t.Context(), at, prefix, func(key, value []byte) error {
					if !bytes.Equal(key[2:], number(seen)) || !bytes.Equal(value, number(seen)) {
						t.Fatalf("key %d is %x with %x", seen, key, value)
					}
					seen++
					return nil
				}); err != nil || seen != 2500 {
					t.Errorf("%d keys, %v", seen, err)
				}
				if pages, batchCalls := node.count("state_getKeysPaged"), node.count("state_queryStorageAt"); pages != 3 || batches && batchCalls != 6 {
					t.Errorf("%d pages, %d batches", pages, batchCalls)
				}
				enough := errors.New("enough")
				if err := c.StoragePrefix(t.Context(), at, prefix, func([]byte, []byte) error { return enough }); !errors.Is(err, enough) {
					t.Errorf("%v", err)
				}
				if err := c.StoragePrefix(t.Context(), at, []byte("nothing"), func([]byte, []byte) error { return enough }); err != nil {
					t.Errorf("%v", err)
				}
			})
		})
	}
}

// Exactly full pages need one more to be sure.
func TestStoragePrefixOfFullPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		prefix := withStorage(node, 2000)
		seen := 0
		if err := c.StoragePrefix(t.Context(), Hash{1}, prefix, func([]byte, []byte) error { seen++; return nil }); err != nil || seen != 2000 {
			t.Errorf("%d keys, %v", seen, err)
		}
		if n := node.count("state_getKeysPaged"); n != 3 {
			t.Errorf("%d pages", n)
		}
	})
}

func TestStoragePrefixRefuses(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]any{
		"keys that go back":    []string{"0xabcd02", "0xabcd01"},
		"a key twice":          []string{"0xabcd02", "0xabcd02"},
		"another prefix":       []string{"0xabce"},
		"no keys":              jsonNull{},
		"a key without digits": []string{"abcd"},
		"more than asked for":  make([]string, 1001),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := one(t, Config{})
				prefix := withStorage(node, 10)
				node.reply("state_getKeysPaged", answer)
				seen := 0
				err := c.StoragePrefix(t.Context(), Hash{1}, prefix, func([]byte, []byte) error { seen++; return nil })
				if KindOf(err) != KindMalformed || seen != 0 {
					t.Errorf("%d keys, %v", seen, err)
				}
			})
		})
	}
}

func TestStateCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		at := node.header(5).Hash
		node.handle("state_call", func(_ uint64, params []json.RawMessage) any {
			if len(params) != 3 || string(params[0]) != `"Trait_method"` || string(params[1]) != `"0x0700"` || string(params[2]) != `"`+at.String()+`"` {
				return rpcError{Code: -32602, Message: "Invalid params"}
			}
			return "0x0102"
		})
		if v, err := c.StateCall(t.Context(), at, "Trait_method", []byte{7, 0}); err != nil || string(v) != "\x01\x02" {
			t.Errorf("%x, %v", v, err)
		}
		for _, bad := range []any{jsonNull{}, 7, "0x0", "0102", []int{1}} {
			node.reply("state_call", bad)
			if v, err := c.StateCall(t.Context(), at, "Trait_method", nil); KindOf(err) != KindMalformed {
				t.Errorf("%v: %x, %v", bad, v, err)
			}
		}
	})
}
