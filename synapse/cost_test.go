package synapse_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/synapse"
)

// What a peer sends must not make us allocate more than a small multiple of it.
// Not parallel: it looks at the allocations of the whole process.
func TestDecodeCost(t *testing.T) {
	type sinks struct {
		synapse.Synapse
		Any    any                       `synapse:"hash"`
		Ints   []int64                   `synapse:"hash"`
		Dict   synapse.Dict[int64, bool] `synapse:"hash"`
		Map    map[string]int            `synapse:"hash"`
		Models []Inner                   `synapse:"hash"`
	}
	const size = 1 << 20
	fill := func(field, opening, piece, closing string) string {
		return `{"` + field + `":` + opening + strings.Repeat(piece+",", size/(len(piece)+1)) + piece + closing + "}"
	}
	for name, body := range map[string]string{
		"numbers":        fill("any", "[", "0", "]"),
		"large numbers":  fill("any", "[", "1000", "]"),
		"floats":         fill("any", "[", "1e9", "]"),
		"nothing":        fill("any", "[", "null", "]"),
		"lists":          fill("any", "[", "[]", "]"),
		"objects":        fill("any", "[", "{}", "]"),
		"small objects":  fill("any", "[", `{"":0}`, "]"),
		"texts":          fill("any", "[", `""`, "]"),
		"nested lists":   fill("any", "[", "[[[[0]]]]", "]"),
		"equal keys":     fill("any", "{", `"":0`, "}"),
		"typed numbers":  fill("ints", "[", "0", "]"),
		"typed dict":     fill("dict", "{", `"1":0`, "}"),
		"typed map":      fill("map", "{", `"1":0`, "}"),
		"models":         fill("models", "[", `{"id":0}`, "]"),
		"unknown fields": fill("unknown", "[", "[0]", "]"),
		"unknown names":  `{` + strings.Repeat(`"":0,`, size/5) + `"":0}`,
		"one text":       `{"any":"` + strings.Repeat("x", size) + `"}`,
		"escapes":        `{"any":"` + strings.Repeat(`\u00e9`, size/6) + `"}`,
		"not JSON":       `{"any":` + strings.Repeat("[", size),
	} {
		m := new(sinks)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := synapse.DecodeHashed([]byte(body), m)
		runtime.ReadMemStats(&after)
		allocated := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(body))
		t.Logf("%-15s %5.1f bytes a byte, %v", name, allocated, err)
		if allocated > 60 {
			t.Errorf("%s: %.1f bytes were allocated for each one", name, allocated)
		}
	}
}
