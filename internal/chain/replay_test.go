package chain_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// replay is a node of the main network that knows one block, what it answered at that block, and nothing else.
type replay struct {
	BlockHash      string          `json:"block_hash"`
	Header         json.RawMessage `json:"header"`
	RuntimeVersion json.RawMessage `json:"runtime_version"`
	results        map[string]string
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "block-343.json"))
	if err != nil {
		t.Fatal(err)
	}
	r := &replay{results: make(map[string]string)}
	if err := json.Unmarshal(text, r); err != nil {
		t.Fatal(err)
	}
	for call, file := range map[string]string{
		"Metadata_metadata_at_version 0f000000":      "metadata-343-v15.opaque.gz",
		"NeuronInfoRuntimeApi_get_neurons_lite 0100": "neurons-lite-343.scale.gz",
		"SubnetInfoRuntimeApi_get_subnet_state 0100": "subnet-state-343.scale.gz",
	} {
		r.results[call] = "0x" + hex.EncodeToString(scaletest.File(t, file))
	}
	// Of a subnet that does not exist: an empty list, and none.
	r.results["NeuronInfoRuntimeApi_get_neurons_lite 0f27"] = "0x00"
	r.results["SubnetInfoRuntimeApi_get_subnet_state 0f27"] = "0x00"
	return r
}

// serve answers on a WebSocket and returns its address.
func (r *replay) serve(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		conn, err := websocket.Accept(w, request, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow()
		for {
			var question struct {
				ID     json.RawMessage   `json:"id"`
				Method string            `json:"method"`
				Params []json.RawMessage `json:"params"`
			}
			if wsjson.Read(request.Context(), conn, &question) != nil {
				return
			}
			answer := map[string]any{"jsonrpc": "2.0", "id": question.ID}
			if result, code, message := r.answer(question.Method, question.Params); code != 0 {
				answer["error"] = map[string]any{"code": code, "message": message}
			} else {
				answer["result"] = result
			}
			if wsjson.Write(request.Context(), conn, answer) != nil {
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func (r *replay) answer(method string, params []json.RawMessage) (result any, code int, message string) {
	param := func(i int) string {
		if i >= len(params) {
			return ""
		}
		return strings.Trim(string(params[i]), `"`)
	}
	switch method {
	case "chain_getHeader":
		if at := param(0); at == "" || at == "null" || at == r.BlockHash {
			return r.Header, 0, ""
		}
		return nil, 0, ""
	case "chain_getBlockHash":
		switch param(0) {
		case "0":
			return "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03", 0, ""
		case "", "null", "6852690":
			return r.BlockHash, 0, ""
		}
		return nil, 0, ""
	case "chain_getFinalizedHead":
		return r.BlockHash, 0, ""
	case "chain_subscribeNewHeads", "chain_subscribeFinalizedHeads":
		return "0x0123456789abcdef0123456789abcdef", 0, ""
	case "state_getRuntimeVersion":
		return r.RuntimeVersion, 0, ""
	case "state_getStorage": // Timestamp.Now is all that is read
		return "0x00b08a9a9a010000", 0, ""
	case "state_call":
		if result, ok := r.results[param(0)+" "+strings.TrimPrefix(param(1), "0x")]; ok {
			return result, 0, ""
		}
		return nil, 4003, "Client error: Execution failed: Other: Exported method " + param(0) + " is not found"
	}
	return nil, -32601, "Method not found"
}

// A block of the main network, through everything that stands between a node's socket and an answer.
func TestRecordedMainNetworkOverTheWire(t *testing.T) {
	t.Parallel()
	node := newClient(t, "main", newReplay(t).serve(t), 0)
	c, err := chain.New(chain.Config{Main: node})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.Start()

	got, err := c.LatestNeurons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var want pylon.Neurons
	if err := json.Unmarshal(scaletest.Unpack(t, filepath.Join("testdata", "neurons-343.json.gz")), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got, cmp.Comparer(func(a, b pylon.AxonInfo) bool { return a == b })); diff != "" {
		t.Errorf("neurons (-polkadot-js +ours):\n%s", diff)
	}
	if byNumber, err := c.Neurons(t.Context(), 6852690, 1); byNumber != got || err != nil {
		t.Errorf("by number: another value, %v", err)
	}
	if info, err := c.LatestBlock(t.Context()); err != nil || info.Number != 6852690 || info.Timestamp != 1_763_529_371 {
		t.Errorf("%+v, %v", info, err)
	}
	_, err = c.LatestNeurons(t.Context(), 9999)
	chain.WantProblem(t, err, problem.NotFound, "Subnet 9999 not found.")
	_, err = c.Neurons(t.Context(), 6852691, 1)
	chain.WantProblem(t, err, problem.NotFound, "Block 6852691 not found.")
	_, _, err = c.LatestHyperparameters(t.Context(), 1)
	chain.WantProblem(t, err, problem.Unsupported, "The runtime API required for 'get_hyperparams' is not available at block "+
		"6852690. It was introduced by a later runtime upgrade, so older blocks do not export it (Client error: Execution "+
		"failed: Other: Exported method SubnetInfoRuntimeApi_get_subnet_hyperparams is not found).")
}
