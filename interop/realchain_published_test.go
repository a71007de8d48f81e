//go:build interop

package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/wallet"
)

// published is what scalecodec reads from the node itself.
type published struct {
	Certificates any   `json:"certificates"`
	Commitments  any   `json:"commitments"`
	Extrinsics   []any `json:"extrinsics"`
}

func foreignPublished(t *testing.T, node string, netuid, block int) (read published) {
	t.Helper()
	python := filepath.Join(cache, "scalecodec", "bin", "python")
	cmd := exec.CommandContext(t.Context(), python, filepath.Join(root, "interop", "realchain", "published.py"), node, fmt.Sprint(netuid), fmt.Sprint(block))
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("published.py: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &read); err != nil {
		t.Fatal(err)
	}
	return read
}

// latestNumber is the number of the newest block that the service knows.
func latestNumber(t *testing.T, service string) int {
	t.Helper()
	var latest struct{ Number int }
	getJSON(t, service+"/api/v1/block/latest", "", &latest)
	return latest.Number
}

// What hotkeys have published on the real runtime of spec 218, and what a block of it holds, read by the service and by
// the Python library behind the original.
func TestRealRuntimePublished(t *testing.T) {
	node := startRealChain(t, "small")
	service := serveRealChain(t, node)
	out := script(t, time.Minute, "node", filepath.Join(root, "interop", "realchain", "commit.mjs"), filepath.Join(cache, "polkadotjs"), node, "1")
	_, number, found := strings.Cut(out, "BLOCK ")
	block, err := strconv.Atoi(strings.TrimSpace(number))
	if !found || err != nil {
		t.Fatalf("commit.mjs: %q", out)
	}
	deadline := time.Now().Add(30 * time.Second)
	for latestNumber(t, service) < block {
		if time.Now().After(deadline) {
			t.Fatalf("block %d was never served", block)
		}
	}
	want := foreignPublished(t, node, 1, block)

	var certificates, commitments any
	getJSON(t, service+"/api/v1/subnet/1/block/latest/certificates", realToken, &certificates)
	if diff := cmp.Diff(want.Certificates, certificates); diff != "" {
		t.Errorf("certificates (-scalecodec +service):\n%s", diff)
	}
	getJSON(t, service+"/api/_unstable/openaccess/subnet/1/block/latest/commitments", realToken, &commitments)
	if diff := cmp.Diff(want.Commitments, commitments); diff != "" {
		t.Errorf("commitments (-scalecodec +service):\n%s", diff)
	}
	if len(want.Extrinsics) != 2 {
		t.Errorf("block %d holds %d extrinsics", block, len(want.Extrinsics))
	}
	for index, extrinsic := range want.Extrinsics {
		var got any
		getJSON(t, fmt.Sprintf("%s/api/v1/block/%d/extrinsic/%d", service, block, index), "", &got)
		if diff := cmp.Diff(extrinsic, got); diff != "" {
			t.Errorf("extrinsic %d-%d (-scalecodec +service):\n%s", block, index, diff)
		}
	}

	// What the state is known to hold, whoever reads it.
	const bob, charlie, dave = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
		"5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"
	for hotkey, digit := range map[string]string{bob: "07", charlie: "08"} {
		var certificate struct {
			Algorithm int
			PublicKey string `json:"public_key"`
		}
		getJSON(t, service+"/api/v1/subnet/1/block/latest/certificates/"+hotkey, realToken, &certificate)
		if certificate.Algorithm != 1 || certificate.PublicKey != strings.Repeat(digit, 32) {
			t.Errorf("%s: %+v", hotkey, certificate)
		}
	}
	for hotkey, text := range map[string]string{charlie: "commitment-charlie", dave: "commitment-dave"} {
		var commitment struct {
			Commitment string
			Hotkey     string
			Block      struct{ Number int }
		}
		getJSON(t, service+"/api/v1/subnet/1/block/latest/commitments/"+hotkey, realToken, &commitment)
		if commitment.Commitment != fmt.Sprintf("0x%x", text) || commitment.Hotkey != hotkey || commitment.Block.Number != block {
			t.Errorf("%s: %+v", hotkey, commitment)
		}
	}
	// A runtime of early 2025 has no prices, keeps no rounds of drand and reveals nothing.
	for path, status := range map[string]int{
		"/block/latest/prices":                                   501,
		"/subnet/1/block/latest/price":                           501,
		"/block/latest/drand/last_stored_round":                  501,
		"/subnet/1/block/latest/commitments/revealed":            200,
		"/subnet/1/block/latest/commitments/revealed/" + charlie: 404,
		"/subnet/1/block/latest/evm_associations":                200,
		fmt.Sprintf("/block/%d/extrinsic/2", block):              404,
		fmt.Sprintf("/block/%d/extrinsic/0", block+1000):         404,
	} {
		if got, body := get(t, service+"/api/_unstable/openaccess"+path, realToken); got != status {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
}

// The published Python clients call every read method on the real runtime too. A runtime of early 2025 has no prices, keeps
// no rounds of drand, reveals nothing, and the node knows nothing of Ethereum: the clients are told so.
func TestPublishedPythonClientsOnRealRuntime(t *testing.T) {
	node := startRealChain(t, "small")
	out := script(t, time.Minute, "node", filepath.Join(root, "interop", "realchain", "commit.mjs"), filepath.Join(cache, "polkadotjs"), node, "1")
	_, block, _ := strings.Cut(strings.TrimSpace(out), "BLOCK ")
	wallets := t.TempDir()
	alice, err := wallet.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := (wallet.Wallet{Root: wallets, Name: "validator"}).WriteHotkey("default", alice, wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for version, legacy := range map[string]string{"1.9.0": "true", "2.0.0": "false", "2.3.1": "false"} {
		t.Run(version, func(t *testing.T) {
			service := startServe(
				t,
				"PYLON_BITTENSOR_NETWORK="+node, "PYLON_BITTENSOR_ARCHIVE_NETWORK="+node,
				"PYLON_EVM_RPC_URL="+strings.Replace(node, "ws", "http", 1), "PYLON_EVM_ARCHIVE_RPC_URL="+strings.Replace(node, "ws", "http", 1),
				"PYLON_BITTENSOR_WALLET_PATH="+wallets, "PYLON_OPEN_ACCESS_TOKEN="+realToken, "PYLON_LEGACY_LOGIN="+legacy,
				`PYLON_IDENTITIES=["sn1"]`, "PYLON_ID_SN1_WALLET_NAME=validator", "PYLON_ID_SN1_HOTKEY_NAME=default",
				"PYLON_ID_SN1_NETUID=1", "PYLON_ID_SN1_TOKEN=real-identity-token",
			)
			script(t, 3*time.Minute, filepath.Join(cache, "pylon-client-"+version, "bin", "python"),
				filepath.Join(root, "interop", "pylonclient", "reads.py"), "--url", service, "--open-access-token", realToken,
				"--identity-token", "real-identity-token", "--at", block, "--certified", "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
				"--least", "40", "--absent", "get_drand_last_stored_round:501,get_latest_prices:501,get_prices:501,get_latest_price:501,"+
					"get_price:501,get_revealed_commitments:404,get_own_revealed_commitments:404,get_evm_logs:502")
		})
	}
}
