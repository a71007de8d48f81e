package substrate

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The least that is metadata: one type, the empty tuple, and nothing else.
const (
	leastV14 = "6d657461" + "0e" + "04" + "00" + "00" + "00" + "0400" + "00" + "00" + "00" + "04" + "00" + "00"
	leastV15 = "6d657461" + "0f" + "04" + "00" + "00" + "00" + "0400" + "00" + "00" + "04" + "00000000" + "00" + "00" + "00" + "000000" + "00"
)

// optional wraps metadata as Metadata_metadata_at_version does: Some, and the length (below 64) in front.
func optional(metadata string) string {
	return "0x01" + hex.EncodeToString([]byte{byte(len(metadata) / 2 << 2)}) + metadata
}

// withRuntime lets a node have a runtime whose version is what version says of a block.
func withRuntime(node *scripted, version func(at Hash) int) {
	node.handle("state_getRuntimeVersion", func(_ uint64, params []json.RawMessage) any {
		at, err := decodeHash(params[0])
		if err != nil {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		return map[string]any{"specName": "scripted", "specVersion": version(at), "transactionVersion": 1, "apis": []any{}}
	})
	node.reply("state_call", optional(leastV15))
}

func TestRuntime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		upgraded := node.header(7).Hash
		withRuntime(node, func(at Hash) int {
			if at == upgraded {
				return 8
			}
			return 7
		})
		first, err := c.Runtime(t.Context(), node.header(5).Hash)
		if err != nil {
			t.Fatal(err)
		}
		if first.SpecName != "scripted" || first.SpecVersion != 7 || first.TransactionVersion != 1 || first.Metadata.Version != 15 {
			t.Errorf("%+v", first)
		}
		second, err := c.Runtime(t.Context(), node.header(6).Hash)
		if err != nil || second != first {
			t.Errorf("the next block has another runtime: %p, %p, %v", first, second, err)
		}
		third, err := c.Runtime(t.Context(), upgraded)
		if err != nil || third == first || third.SpecVersion != 8 {
			t.Errorf("after the upgrade: %+v, %v", third, err)
		}
		for range 10 {
			for _, n := range []int{5, 6, 7} {
				if _, err := c.Runtime(t.Context(), node.header(n).Hash); err != nil {
					t.Error(err)
				}
			}
		}
		if v, m := node.count("state_getRuntimeVersion"), node.count("state_call"); v != 3 || m != 2 {
			t.Errorf("three blocks of two runtimes cost %d and %d calls", v, m)
		}
	})
}

// Those who ask at once share the calls, which go on when one of them gives up.
func TestRuntimeIsReadOnceForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		withRuntime(node, func(Hash) int { return 7 })
		node.handle("state_call", func(uint64, []json.RawMessage) any { advance(3 * time.Second); return optional(leastV15) })
		at := node.header(5).Hash
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := c.Runtime(impatient, at); !errors.Is(err, context.DeadlineExceeded) || KindOf(err) != KindTimeout {
				t.Errorf("the impatient one: %v", err)
			}
		})
		synctest.Wait()
		for range 100 {
			group.Go(func() {
				if r, err := c.Runtime(t.Context(), at); err != nil || r.SpecVersion != 7 {
					t.Error(r, err)
				}
			})
		}
		group.Wait()
		if v, m := node.count("state_getRuntimeVersion"), node.count("state_call"); v != 1 || m != 1 {
			t.Errorf("101 callers cost %d and %d calls", v, m)
		}
	})
}

func TestRuntimeOfMetadata14(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]any{
		"the API is missing":     rpcError{Code: 4003, Message: "Client error: Execution failed: Other: Exported method Metadata_metadata_at_version is not found"},
		"the version is missing": "0x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := one(t, Config{})
				withRuntime(node, func(Hash) int { return 7 })
				node.reply("state_call", answer)
				node.reply("state_getMetadata", "0x"+leastV14)
				r, err := c.Runtime(t.Context(), node.header(5).Hash)
				if err != nil || r.Metadata.Version != 14 {
					t.Errorf("%v, %v", r, err)
				}
			})
		})
	}
}

// A failure is not kept, and the next one is asked when an answer makes no sense.
func TestRuntimeThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]struct {
		method string
		answer any
		kind   Kind
	}{
		"the version is no object":    {"state_getRuntimeVersion", "x", KindMalformed},
		"the version has no name":     {"state_getRuntimeVersion", json.RawMessage(`{"specVersion":1}`), KindMalformed},
		"the version has no number":   {"state_getRuntimeVersion", json.RawMessage(`{"specName":"x"}`), KindMalformed},
		"the version has 33 bits":     {"state_getRuntimeVersion", json.RawMessage(`{"specName":"x","specVersion":4294967296}`), KindMalformed},
		"the version has a long name": {"state_getRuntimeVersion", json.RawMessage(`{"specName":"` + strings.Repeat("x", 129) + `","specVersion":1}`), KindMalformed},
		"the version is refused":      {"state_getRuntimeVersion", rpcError{Code: 4003, Message: "UnknownBlock: State already discarded"}, KindStateDiscarded},
		"the metadata is no hex":      {"state_call", 7, KindMalformed},
		"the metadata is no option":   {"state_call", "0x02", KindMalformed},
		"the metadata is cut":         {"state_call", optional(leastV15)[:40], KindMalformed},
		"the metadata has a tail":     {"state_call", optional(leastV15) + "00", KindMalformed},
		"the metadata is not meta":    {"state_call", strings.Replace(optional(leastV15), "6d", "6e", 1), KindMalformed},
		"the metadata is refused":     {"state_call", rpcError{Code: -32603, Message: "Internal error"}, KindNode},
		"the metadata is of the far":  {"state_call", strings.Replace(optional(leastV15), "6d6574610f", "6d657461ff", 1), KindMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				for _, node := range []*scripted{a, b} {
					withRuntime(node, func(Hash) int { return 7 })
					node.reply(broken.method, broken.answer)
				}
				at := a.header(5).Hash
				if _, err := c.Runtime(t.Context(), at); KindOf(err) != broken.kind || err == nil {
					t.Errorf("%v", err)
				}
				withRuntime(b, func(Hash) int { return 7 })
				if r, err := c.Runtime(t.Context(), at); err != nil || r.SpecVersion != 7 {
					t.Errorf("from the other node: %v, %v", r, err)
				}
			})
		})
	}
}

// A node that takes no notice of the block gives the metadata of its newest runtime. It would decode every other one's
// blocks wrongly from then on.
func TestMetadataOfAnotherRuntime(t *testing.T) {
	t.Parallel()
	of := func(spec int) string {
		f, err := os.Open(filepath.Join("..", "scale", "testdata", fmt.Sprintf("metadata-%d-v15.opaque.gz", spec)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return "0x" + hex.EncodeToString(raw)
	}
	newer, older := of(425), of(343)
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		for _, node := range []*scripted{a, b} {
			node.reply("state_getRuntimeVersion", map[string]any{"specName": "node-subtensor", "specVersion": 343, "transactionVersion": 1})
			node.reply("state_call", newer)
		}
		at := a.header(5).Hash
		if r, err := c.Runtime(t.Context(), at); KindOf(err) != KindMalformed {
			t.Errorf("%+v, %v", r, err)
		}
		b.reply("state_call", older)
		r, err := c.Runtime(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Metadata.API("SubnetInfoRuntimeApi", "get_next_epoch_start_block"); err == nil {
			t.Error("it has what came with spec 423")
		}
	})
}

func TestRuntimesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{Runtimes: 2})
		withRuntime(node, func(at Hash) int {
			h, _ := c.knownHeader(at)
			return int(h.Number)
		})
		for _, n := range []int{1, 2, 1, 3, 1, 2} {
			at := node.header(n)
			if _, err := c.Header(t.Context(), at.Hash); err != nil {
				t.Fatal(err)
			}
			if r, err := c.Runtime(t.Context(), at.Hash); err != nil || r.SpecVersion != uint32(n) {
				t.Errorf("%v, %v", r, err)
			}
		}
		if n := node.count("state_call"); n != 4 {
			t.Errorf("metadata was read %d times, not 4", n)
		}
	})
}
