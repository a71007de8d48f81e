package trie

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type vector struct {
	Name    string
	Entries [][2]string
	RootV0  string `json:"root_v0"`
	RootV1  string `json:"root_v1"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.TrimPrefix(s, "0x"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The roots were computed by sp-trie (testdata/vectors.mjs). Entries are set in
// a random order, with detours, because a root may depend on contents only.
func TestRootsOfSubstrate(t *testing.T) {
	t.Parallel()
	for _, v := range vectors(t) {
		for version, want := range []string{v.RootV0, v.RootV1} {
			random := rand.New(rand.NewPCG(1, uint64(version)))
			e := Trie{}.Edit()
			var detours [][]byte
			for _, i := range random.Perm(len(v.Entries)) {
				key := unhex(t, v.Entries[i][0])
				detour := append(bytes.Clone(key), byte(random.IntN(256)), 0xee)
				e.Set(detour, []byte("to be deleted"))
				detours = append(detours, detour)
				e.Set(key, []byte("to be overwritten"))
				if random.IntN(3) == 0 {
					e.Commit(uint8(version))
				}
				e.Set(key, unhex(t, v.Entries[i][1]))
			}
			for _, key := range detours {
				e.Delete(key)
			}
			_, root := e.Commit(uint8(version))
			if got := "0x" + hex.EncodeToString(root[:]); got != want {
				t.Errorf("%s, state version %d: root %s, want %s", v.Name, version, got, want)
			}
		}
	}
}

// Every operation is compared with a plain map, on a history of snapshots that
// must stay what they were.
func TestAgainstMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			trie Trie
			root [32]byte
			want map[string]string
		}
		key := rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 0x01, 0x10, 0x11, 0xff}), 0, 5)
		value := rapid.SliceOfN(rapid.Byte(), 0, 40)
		history := []version{{want: map[string]string{}}}
		history[0].trie, history[0].root = Trie{}.Edit().Commit(1)
		for range rapid.IntRange(1, 6).Draw(t, "blocks") {
			base := history[rapid.IntRange(0, len(history)-1).Draw(t, "parent")]
			e := base.trie.Edit()
			want := map[string]string{}
			for k, v := range base.want {
				want[k] = v
			}
			for range rapid.IntRange(0, 12).Draw(t, "writes") {
				k := key.Draw(t, "key")
				if rapid.Bool().Draw(t, "delete") {
					e.Delete(k)
					delete(want, string(k))
				} else {
					v := value.Draw(t, "value")
					e.Set(k, v)
					want[string(k)] = string(v)
				}
			}
			trie, root := e.Commit(1)
			history = append(history, version{trie, root, want})
		}
		for i, h := range history {
			got := map[string]string{}
			var keys [][]byte
			for k, v := range h.trie.All(nil, nil) {
				got[string(k)] = string(v)
				keys = append(keys, k)
			}
			if diff := cmp.Diff(h.want, got); diff != "" {
				t.Fatalf("version %d (-want +got):\n%s", i, diff)
			}
			if !slices.IsSortedFunc(keys, bytes.Compare) {
				t.Fatalf("version %d: keys are not in order: %x", i, keys)
			}
			for k, v := range h.want {
				if got, ok := h.trie.Get([]byte(k)); !ok || string(got) != v {
					t.Fatalf("version %d: Get(%x) = %x, %v", i, k, got, ok)
				}
			}
			fresh := Root(1, func(set func(key, value []byte)) {
				for k, v := range h.want {
					set([]byte(k), []byte(v))
				}
			})
			if fresh != h.root {
				t.Fatalf("version %d: root depends on how it was made", i)
			}
			other := history[rapid.IntRange(0, len(history)-1).Draw(t, "other")]
			turned := h.trie.Edit()
			for k, v := range Difference(h.trie, other.trie) {
				old, had := h.trie.Get(k)
				if had == (v != nil) && bytes.Equal(old, v) {
					t.Fatalf("difference of versions: %x is the same in both", k)
				}
				if v == nil {
					turned.Delete(k)
				} else {
					turned.Set(k, v)
				}
			}
			if _, root := turned.Commit(1); root != other.root {
				t.Fatal("applying the difference did not give the other state")
			}
			prefix, after := key.Draw(t, "prefix"), key.Draw(t, "after")
			limit := rapid.IntRange(0, 4).Draw(t, "limit")
			var wantKeys [][]byte
			for _, k := range keys {
				if bytes.HasPrefix(k, prefix) && bytes.Compare(k, after) > 0 && (limit == 0 || len(wantKeys) < limit) {
					wantKeys = append(wantKeys, k)
				}
			}
			if diff := cmp.Diff(wantKeys, h.trie.Edit().Keys(prefix, after, limit)); diff != "" {
				t.Fatalf("version %d: Keys(%x, %x, %d) (-want +got):\n%s", i, prefix, after, limit, diff)
			}
		}
	})
}

func TestAbsentKey(t *testing.T) {
	t.Parallel()
	e := Trie{}.Edit()
	e.Set([]byte{0x12, 0x34}, []byte{1})
	for _, key := range [][]byte{nil, {0x12}, {0x12, 0x35}, {0x12, 0x34, 0x00}, {0x13}} {
		if value, ok := e.Get(key); ok || value != nil {
			t.Errorf("Get(%x) = %x, %v", key, value, ok)
		}
	}
}

func TestRestore(t *testing.T) {
	t.Parallel()
	e := Trie{}.Edit()
	e.Track()
	e.Set([]byte("a"), []byte("1"))
	before := e.Snapshot()
	e.Set([]byte("a"), []byte("2"))
	e.Set([]byte("b"), []byte("3"))
	e.Restore(before)
	e.Delete([]byte("nothing"))
	if value, _ := e.Get([]byte("a")); string(value) != "1" {
		t.Errorf("a = %q after restoring", value)
	}
	if _, ok := e.Get([]byte("b")); ok {
		t.Error("b is there after restoring")
	}
	if diff := cmp.Diff([][]byte{[]byte("a"), []byte("b"), []byte("nothing")}, e.Touched()); diff != "" {
		t.Errorf("touched (-want +got):\n%s", diff)
	}
}

// A value that was passed in may be reused by the caller.
func TestSetCopies(t *testing.T) {
	t.Parallel()
	e := Trie{}.Edit()
	key, value := []byte("key"), []byte("value")
	e.Set(key, value)
	key[0], value[0] = 'x', 'x'
	if got, ok := e.Get([]byte("key")); !ok || string(got) != "value" {
		t.Errorf("Get = %q, %v", got, ok)
	}
}

// A block of twenty writes on a state of ten thousand keys.
func BenchmarkBlock(b *testing.B) {
	e := Trie{}.Edit()
	random := rand.New(rand.NewPCG(1, 2))
	keys := make([][]byte, 10_000)
	for i := range keys {
		keys[i] = make([]byte, 60)
		item := random.IntN(60)
		for j := range 32 {
			keys[i][j] = byte(item * (j + 1))
		}
		for j := 32; j < 60; j++ {
			keys[i][j] = byte(random.Uint32())
		}
		e.Set(keys[i], make([]byte, 40))
	}
	trie, _ := e.Commit(1)
	b.ReportAllocs()
	for b.Loop() {
		e := trie.Edit()
		for range 20 {
			e.Set(keys[random.IntN(len(keys))], make([]byte, 40))
		}
		trie, _ = e.Commit(1)
	}
}
