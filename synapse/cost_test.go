package synapse_test

import (
	"encoding/base64"
	"encoding/binary"
	"runtime"
	"strconv"
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

// cost is how many bytes a function allocates for each of its input.
func cost(t *testing.T, input int, f func() error) (perByte float64, err error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / float64(input), err
}

// The same for headers, read in both ways. Not parallel.
func TestHeadersCost(t *testing.T) {
	const size = 64 << 10 // what an axon takes
	input := func(value string) string { return base64.StdEncoding.EncodeToString([]byte(value)) }
	many := map[string]string{}
	for i := range size / 40 {
		many["bt_header_axon_"+strconv.Itoa(i)] = "x"
		many["bt_header_input_obj_"+strconv.Itoa(i)] = input("[]")
	}
	for name, headers := range map[string]map[string]string{
		"a long name of a field": {"bt_header_axon_" + strings.Repeat("x", size): "1"},
		"a long text":            {"bt_header_dendrite_hotkey": strings.Repeat("x", size)},
		"a long number":          {"bt_header_dendrite_nonce": strings.Repeat("1", size)},
		"a number with signs":    {"timeout": strings.Repeat("1_", size/2)},
		"a long input":           {"bt_header_input_obj_v": input(strings.Repeat(" ", size) + "1")},
		"lists":                  {"bt_header_input_obj_v": input("[" + strings.Repeat("[],", size/4) + "0]")},
		"small objects":          {"bt_header_input_obj_v": input("[" + strings.Repeat(`{"":0},`, size/10) + "0]")},
		"not base64":             {"bt_header_input_obj_v": strings.Repeat("%", size)},
		"nested names":           {strings.Repeat("bt_header_axon_", size/15): "1"},
		"many headers":           many,
	} {
		total := 0
		var listed synapse.Headers
		mapped := map[string][]string{}
		for name, value := range headers {
			total += len(name) + len(value)
			listed = append(listed, synapse.Header{Name: name, Value: value})
			mapped[strings.ToUpper(name[:1])+name[1:]] = []string{value}
		}
		for way, read := range map[string]func() error{
			"FromHeaders": func() error { return synapse.FromHeaders(listed, new(Anything)) },
			"FromHTTP":    func() error { return synapse.FromHTTP(mapped, new(Anything)) },
		} {
			allocated, err := cost(t, total, read)
			t.Logf("%-22s %-11s %5.1f bytes a byte, %v", name, way, allocated, err != nil)
			if allocated > 60 {
				t.Errorf("%s, %s: %.1f bytes were allocated for each one", name, way, allocated)
			}
		}
	}
}

// And for tensors, whose framing claims sizes. Not parallel.
func TestTensorCost(t *testing.T) {
	const size = 1 << 20
	array := func(code, shape string, data int) []byte {
		out := "\x84\xc4\x02nd\xc3\xc4\x04type\xa3" + code + "\xc4\x05shape" + shape + "\xc4\x04data\xc6"
		return append(binary.BigEndian.AppendUint32([]byte(out), uint32(data)), make([]byte, data)...)
	}
	for name, raw := range map[string][]byte{
		"bytes":                array("|u1", "\x91\xce\x00\x10\x00\x00", size),
		"doubles":              array("<f8", "\x91\xce\x00\x02\x00\x00", size),
		"a shape of 2^128":     array("|u1", "\x94\xce\xff\xff\xff\xff\xce\xff\xff\xff\xff\xce\xff\xff\xff\xff\xce\xff\xff\xff\xff", size),
		"2^32 dimensions":      array("|u1", "\xdd\xff\xff\xff\xff", size),
		"a million dimensions": []byte("\x84\xc4\x02nd\xc3\xc4\x04type\xa3|u1\xc4\x05shape\xdd\x00\x10\x00\x00" + strings.Repeat("\x01", size) + "\xc4\x04data\xc4\x01\x00"),
		"4 GiB that are not":   []byte("\x84\xc4\x04data\xc6\xff\xff\xff\xff" + strings.Repeat("x", size)),
		"2^32 entries":         []byte("\xdf\xff\xff\xff\xff" + strings.Repeat("x", size)),
		"deep lists":           []byte(strings.Repeat("\x91", size)),
	} {
		text := base64.StdEncoding.EncodeToString(raw)
		for _, dtype := range []string{"float64", "uint8"} {
			allocated, err := cost(t, len(raw), func() error {
				in, err := synapse.RawTensor(synapse.Some(text), dtype, 0)
				if err != nil {
					return err
				}
				_, _, err = synapse.Values[float64](in)
				return err
			})
			t.Logf("%-18s %-8s %5.1f bytes a byte, %v", name, dtype, allocated, err)
			if allocated > 60 {
				t.Errorf("%s: %.1f bytes were allocated for each one", name, allocated)
			}
			if good := name == "bytes" || name == "doubles"; good != (err == nil) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
