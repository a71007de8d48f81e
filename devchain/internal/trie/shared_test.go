package trie

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// sharedFile is a file of the folder that the projects share. Without it the test
// fails in CI and is skipped elsewhere.
func sharedFile(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("PYLON_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared")
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skipf("not here: %v", err)
	}
	return path
}

// The genesis state of a real runtime, a megabyte of code included. The roots were
// computed by the sp-trie of testdata/vectors.mjs.
func TestRootOfRealGenesis(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(sharedFile(t, "realchain/runtime-218.json"))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Genesis struct {
			Raw struct{ Top map[string]string }
		}
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		t.Fatal(err)
	}
	for version, want := range []string{
		"ba4d31aae203ea6dcea82b3e3d64bba1931fdd64801ea5ab1bcbe327a96bded6",
		"5894701e1322e74792a7e00f2bd373e30e59adc14027750277e74c20c4b0e0bf",
	} {
		root := Root(uint8(version), func(set func(key, value []byte)) {
			for key, value := range spec.Genesis.Raw.Top {
				set(unhex(t, key), unhex(t, value))
			}
		})
		if got := hex.EncodeToString(root[:]); got != want {
			t.Errorf("state version %d: root %s, want %s", version, got, want)
		}
	}
}
