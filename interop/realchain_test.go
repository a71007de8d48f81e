//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/proctest"
)

// startRealChain runs the real Subtensor runtime (spec 218) over a seeded state and returns its address.
func startRealChain(t *testing.T, state string) string {
	t.Helper()
	cmd := exec.Command("node", "start.mjs", "--state", state, "--port", fmt.Sprint(proctest.FreePort(t)))
	cmd.Dir = filepath.Join(cache, "realchain")
	return proctest.Start(t, 2*time.Minute, "READY ", cmd)
}

// newBlock asks the node for one more block; a real node has no such method.
func newBlock(t *testing.T, url string) {
	t.Helper()
	newBlocks(t, url, 1)
}

// newBlocks asks the node for that many blocks.
func newBlocks(t *testing.T, url string, count uint64) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 20)
	request := map[string]any{"jsonrpc": "2.0", "id": 1, "method": "dev_newBlock", "params": []any{map[string]uint64{"count": count}}}
	if err := wsjson.Write(t.Context(), conn, request); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if err := wsjson.Read(t.Context(), conn, &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Error != nil {
		t.Fatalf("dev_newBlock: %s", answer.Error)
	}
}

// foreignNeurons is what bt-decode reads from the node itself, in the shape of the service's answer.
func foreignNeurons(t *testing.T, node string, netuid, block int) map[string]any {
	t.Helper()
	python := filepath.Join(cache, "bt-decode", "bin", "python")
	cmd := exec.CommandContext(t.Context(), python, filepath.Join(root, "interop", "realchain", "read.py"), node, fmt.Sprint(netuid), fmt.Sprint(block))
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("read.py: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	return want
}

const realToken = "real-token"

func serveRealChain(t *testing.T, node string) string {
	t.Helper()
	return startServe(
		t,
		"PYLON_BITTENSOR_NETWORK="+node,
		"PYLON_BITTENSOR_ARCHIVE_NETWORK="+node,
		"PYLON_OPEN_ACCESS_TOKEN="+realToken,
		`PYLON_IDENTITIES=["sn1"]`,
		"PYLON_ID_SN1_WALLET_NAME=validator",
		"PYLON_ID_SN1_HOTKEY_NAME=default",
		"PYLON_ID_SN1_NETUID=1",
		"PYLON_ID_SN1_TOKEN=real-identity-token",
	)
}

// compareNeurons checks every field of every neuron, order included, against bt-decode's reading of the same block.
func compareNeurons(t *testing.T, service, node string, netuid int) (block int) {
	t.Helper()
	var latest struct{ Number int }
	getJSON(t, service+"/api/v1/block/latest", realToken, &latest)
	// The foreign program asks first: the node's first run of a runtime call takes long, on a busy machine longer than the
	// service waits for a node. The node makes blocks only when it is told to, so the newest one stays.
	want := foreignNeurons(t, node, netuid, latest.Number)
	url := fmt.Sprintf("%s/api/v1/subnet/%d/block/latest/neurons", service, netuid)
	var got map[string]any
	getJSON(t, url, realToken, &got)
	block = int(got["block"].(map[string]any)["number"].(float64))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("netuid %d at block %d (-bt-decode +service):\n%s", netuid, block, diff)
	}
	return block
}

func TestRealRuntimeSmallState(t *testing.T) {
	node := startRealChain(t, "small")
	service := serveRealChain(t, node)
	for netuid := 1; netuid <= 4; netuid++ {
		compareNeurons(t, service, node, netuid)
	}

	// A new block is served, and the old one can still be asked for by its number.
	before := compareNeurons(t, service, node, 1)
	newBlock(t, node)
	deadline := time.Now().Add(30 * time.Second)
	after := before
	for after == before {
		if time.Now().After(deadline) {
			t.Fatal("the new block was never served")
		}
		after = compareNeurons(t, service, node, 1)
	}
	var old map[string]any
	getJSON(t, fmt.Sprintf("%s/api/v1/subnet/1/block/%d/neurons", service, before), realToken, &old)
	if diff := cmp.Diff(foreignNeurons(t, node, 1, before), old); diff != "" {
		t.Errorf("block %d by number (-bt-decode +service):\n%s", before, diff)
	}

	// The published client reads this chain through the service.
	python := filepath.Join(cache, "pylon-client-2.3.1", "bin", "python")
	script(t, time.Minute, python, filepath.Join(root, "interop", "realchain", "client.py"), service, realToken, "real-identity-token", node)
}

func TestRealRuntimeFullState(t *testing.T) {
	node := startRealChain(t, "full")
	service := serveRealChain(t, node)
	compareNeurons(t, service, node, 1)
	var validators struct {
		Validators []struct {
			Stakes struct{ Total float64 }
			Permit bool `json:"validator_permit"`
		}
	}
	getJSON(t, service+"/api/v1/subnet/1/block/latest/validators", realToken, &validators)
	if len(validators.Validators) == 0 {
		t.Fatal("no validators")
	}
	for i, v := range validators.Validators {
		if !v.Permit || i > 0 && v.Stakes.Total > validators.Validators[i-1].Stakes.Total {
			t.Errorf("validator %d: permit %v, total stake %v after %v", i, v.Permit, v.Stakes.Total, validators.Validators[i-1].Stakes.Total)
		}
	}
}
