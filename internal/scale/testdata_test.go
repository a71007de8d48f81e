package scale_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// loadJSON decodes a compressed JSON file in testdata. Numbers stay exact.
func loadJSON(t testing.TB, name string, into any) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(scaletest.File(t, name)))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

// runtimes are the recorded metadata, by spec version and metadata version.
var runtimes = []string{"218-v14", "218-v15", "343-v14", "343-v15", "425-v14", "425-v15", "425-v16"}

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
