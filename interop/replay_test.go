//go:build interop

package interop

import (
	"compress/gzip"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"
)

// recording is ../shared/recorded/finney-343.json.gz: what a main-network node of spec 343 answered at one block.
type recording struct {
	BlockHash      string          `json:"block_hash"`
	Header         json.RawMessage `json:"header"`
	RuntimeVersion json.RawMessage `json:"runtime_version"`
	MetadataV14    string          `json:"metadata_v14"`
	MetadataV15    string          `json:"metadata_v15_optional_opaque"`
	StateCalls     []struct {
		Method, Args, Block, Result string
	} `json:"state_calls"`
}

func sharedFile(name string) string {
	shared := os.Getenv("PYLON_SHARED")
	if shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	return filepath.Join(shared, name)
}

// startReplay is a node that knows one block: it answers with the recording, and with the errors of a real node to
// everything else.
func startReplay(t *testing.T, file string) (*recording, string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	rec := new(recording)
	if err := json.NewDecoder(z).Decode(rec); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			var req struct {
				ID     json.RawMessage   `json:"id"`
				Method string            `json:"method"`
				Params []json.RawMessage `json:"params"`
			}
			if err := wsjson.Read(r.Context(), conn, &req); err != nil {
				return
			}
			answer := map[string]any{"jsonrpc": "2.0", "id": req.ID}
			if result, code, message := rec.answer(req.Method, req.Params); code != 0 {
				answer["error"] = map[string]any{"code": code, "message": message}
			} else {
				answer["result"] = result
			}
			if err := wsjson.Write(r.Context(), conn, answer); err != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return rec, "ws" + strings.TrimPrefix(server.URL, "http")
}

func (rec *recording) answer(method string, params []json.RawMessage) (result any, code int, message string) {
	text := func(i int) string {
		var s string
		if i < len(params) {
			_ = json.Unmarshal(params[i], &s)
		}
		return s
	}
	var number struct{ Number string }
	_ = json.Unmarshal(rec.Header, &number)
	switch method {
	case "chain_getHeader":
		if at := text(0); at == "" || at == rec.BlockHash {
			return rec.Header, 0, ""
		}
		return nil, 0, ""
	case "chain_getFinalizedHead":
		return rec.BlockHash, 0, ""
	case "chain_getBlockHash":
		switch {
		case len(params) == 0 || string(params[0]) == "null" || string(params[0]) == "6852690":
			return rec.BlockHash, 0, ""
		case string(params[0]) == "0":
			// The main network's genesis.
			return "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03", 0, ""
		}
		return nil, 0, ""
	case "chain_subscribeNewHeads", "chain_subscribeFinalizedHeads", "state_subscribeRuntimeVersion":
		return "0x0123456789abcdef0123456789abcdef", 0, ""
	case "state_getRuntimeVersion":
		return rec.RuntimeVersion, 0, ""
	case "state_getMetadata":
		return rec.MetadataV14, 0, ""
	case "state_call":
		if text(0) == "Metadata_metadata_at_version" && strings.TrimPrefix(text(1), "0x") == "0f000000" {
			return rec.MetadataV15, 0, ""
		}
		for _, c := range rec.StateCalls {
			if c.Method == text(0) && strings.TrimPrefix(c.Args, "0x") == strings.TrimPrefix(text(1), "0x") && c.Block == text(2) {
				return c.Result, 0, ""
			}
		}
		return nil, 4003, "Client error: Execution failed: Other: Exported method " + text(0) + " is not found"
	case "system_chain":
		return "Bittensor", 0, ""
	case "system_health":
		return map[string]any{"peers": 8, "isSyncing": false, "shouldHavePeers": true}, 0, ""
	}
	return nil, -32601, "Method not found"
}

// The 1,024 neurons of a real main-network block, every field of each: ours beside those that polkadot-js decodes from
// the same bytes.
func TestRecordedMainNetwork(t *testing.T) {
	file := sharedFile(filepath.Join("recorded", "finney-343.json.gz"))
	rec, node := startReplay(t, file)
	service := startServe(
		t,
		"PYLON_BITTENSOR_NETWORK="+node, "PYLON_BITTENSOR_ARCHIVE_NETWORK="+node,
		"PYLON_OPEN_ACCESS_TOKEN="+realToken,
	)
	out, err := exec.CommandContext(t.Context(), "node", filepath.Join(root, "interop", "replay", "decode.mjs"),
		filepath.Join(cache, "polkadotjs"), file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	if n := len(want["neurons"].(map[string]any)); n != 1024 {
		t.Fatalf("polkadot-js decoded %d neurons", n)
	}
	for _, path := range []string{"latest", "6852690"} {
		var got map[string]any
		getJSON(t, service+"/api/v1/subnet/1/block/"+path+"/neurons", realToken, &got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-polkadot-js +service):\n%s", path, diff)
		}
	}
	if want["block"].(map[string]any)["hash"] != rec.BlockHash {
		t.Error("the recording is of another block")
	}
}
