package chain

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// recording is what a node said about one block.
type recording struct {
	BlockHash      string          `json:"block_hash"`
	Header         json.RawMessage `json:"header"`
	RuntimeVersion json.RawMessage `json:"runtime_version"`
	MetadataV14    hexBytes        `json:"metadata_v14"`
	MetadataV15    hexBytes        `json:"metadata_v15_optional_opaque"`
	StateCalls     []struct {
		Method string
		Args   hexBytes
		Block  string
		Result hexBytes
	} `json:"state_calls"`
}

type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) (err error) {
	*b, err = hex.DecodeString(strings.TrimPrefix(string(text), "0x"))
	return err
}

func (r *recording) result(method string, args []byte) []byte {
	for _, call := range r.StateCalls {
		if call.Method == method && bytes.Equal(call.Args, args) {
			return call.Result
		}
	}
	return nil
}

var recorded = sync.OnceValues(func() (*recording, error) {
	r := new(recording)
	return r, readGzipJSON(recordingFile(), r)
})

func recordingFile() string {
	shared := os.Getenv("PYLON_SHARED")
	if shared == "" {
		shared = filepath.Join("..", "..", "..", "shared")
	}
	return filepath.Join(shared, "recorded", "finney-343.json.gz")
}

// recordedRuntime is the runtime of the recording.
var recordedRuntime = sync.OnceValues(func() (*substrate.Runtime, error) {
	r, err := recorded()
	if err != nil {
		return nil, err
	}
	metadata, err := scale.ParseOpaqueMetadata(r.MetadataV15)
	return &substrate.Runtime{SpecName: "node-subtensor", SpecVersion: 343, TransactionVersion: 1, Metadata: metadata}, err
})

func readGzipJSON(file string, into any) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	return json.NewDecoder(z).Decode(into)
}

// must(f())(t) is the value of f, which can not fail here.
func must[T any](value T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return value
	}
}
