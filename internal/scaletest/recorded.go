package scaletest

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/proctest"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Unpack returns the content of a file compressed with gzip.
func Unpack(t testing.TB, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// File returns the content of a compressed file in the test data of internal/scale.
func File(t testing.TB, name string) []byte {
	t.Helper()
	return Unpack(t, filepath.Join(proctest.ModuleRoot(t), "internal", "scale", "testdata", name))
}

// RawMetadata returns recorded metadata as the node answered it. The name is a spec version and a metadata version, such
// as "425-v15". Versions from 15 on are an optional opaque value, for scale.ParseOpaqueMetadata.
func RawMetadata(t testing.TB, name string) []byte {
	t.Helper()
	if strings.HasSuffix(name, "v14") {
		return File(t, "metadata-"+name+".scale.gz")
	}
	return File(t, "metadata-"+name+".opaque.gz")
}

var parsed sync.Map // of *scale.Metadata by name

// Metadata returns recorded metadata by its name, see RawMetadata. It is parsed once for all tests.
func Metadata(t testing.TB, name string) *scale.Metadata {
	t.Helper()
	if known, ok := parsed.Load(name); ok {
		return known.(*scale.Metadata)
	}
	parse := scale.ParseOpaqueMetadata
	if strings.HasSuffix(name, "v14") {
		parse = scale.ParseMetadata
	}
	m, err := parse(RawMetadata(t, name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	known, _ := parsed.LoadOrStore(name, m)
	return known.(*scale.Metadata)
}
