package scale_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load returns the content of a compressed file in testdata.
func load(t testing.TB, name string) []byte {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// loadJSON decodes a compressed JSON file in testdata. Numbers stay exact.
func loadJSON(t testing.TB, name string, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(load(t, name)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// runtimes are the recorded metadata, by spec version and metadata version.
var runtimes = []string{"218-v14", "218-v15", "343-v14", "343-v15", "425-v14", "425-v15", "425-v16"}

func rawMetadata(t testing.TB, name string) (raw []byte, opaque bool) {
	t.Helper()
	if strings.HasSuffix(name, "v14") {
		return load(t, "metadata-"+name+".scale.gz"), false
	}
	return load(t, "metadata-"+name+".opaque.gz"), true
}

var parsed sync.Map // of *scale.Metadata by name

// metadata returns the recorded metadata of a runtime, parsed once for all tests.
func metadata(t testing.TB, name string) *scale.Metadata {
	t.Helper()
	if m, ok := parsed.Load(name); ok {
		return m.(*scale.Metadata)
	}
	raw, opaque := rawMetadata(t, name)
	parse := scale.ParseMetadata
	if opaque {
		parse = scale.ParseOpaqueMetadata
	}
	m, err := parse(raw)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	parsed.Store(name, m)
	return m
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	s = strings.TrimPrefix(strings.Join(strings.Fields(s), ""), "0x")
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// api returns a runtime API method.
func api(t testing.TB, m *scale.Metadata, trait, method string) *scale.APIMethod {
	t.Helper()
	a, err := m.API(trait, method)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// typeOf returns the number of a type that is written as text, and its registry.
func typeOf(t testing.TB, expr string, defs ...string) (*scale.Registry, scale.TypeID) {
	t.Helper()
	b := scale.NewBuilder()
	for i := 0; i < len(defs); i += 2 {
		b.Define(defs[i], defs[i+1])
	}
	id, err := b.Type(expr)
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.Registry()
	if err != nil {
		t.Fatal(err)
	}
	return r, id
}

// positional writes a value without names, as golden.mjs does: structs and tuples are lists, integers decimal strings.
func positional(v any) any {
	switch v := v.(type) {
	case nil, bool, string:
		return v
	case scale.Object:
		list := make([]any, len(v))
		for i := range v {
			list[i] = positional(v[i].Value)
		}
		return list
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = positional(v[i])
		}
		return list
	case scale.Enum:
		if v.Value == nil {
			return v.Name
		}
		if unit, ok := v.Value.([]any); ok && len(unit) == 0 { // Ok(()): polkadot-js does not tell it from Ok
			return v.Name
		}
		return map[string]any{v.Name: positional(v.Value)}
	case fmt.Stringer:
		return v.String()
	default:
		return fmt.Sprint(v)
	}
}

// fromJSON decodes JSON with exact numbers.
func fromJSON(t testing.TB, s string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
