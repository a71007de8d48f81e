//go:build interop

package interop

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/wallet"
)

// realWriter are the settings of a service that writes on the real runtime with the hotkey //Alice, on subnets 1 and 3.
func realWriter(t *testing.T, node string) []string {
	t.Helper()
	folder := t.TempDir()
	alice, err := wallet.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	if err := (wallet.Wallet{Root: folder, Name: "validator"}).WriteHotkey("alice", alice, wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	settings := []string{
		"PYLON_BITTENSOR_NETWORK=" + node, "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + node,
		"PYLON_BITTENSOR_WALLET_PATH=" + folder, "PYLON_DATABASE_PATH=" + filepath.Join(folder, "pylon.db"),
		`PYLON_IDENTITIES=["sn1","sn3"]`, "PYLON_LOG_FORMAT=text",
	}
	for name, netuid := range map[string]string{"SN1": "1", "SN3": "3"} {
		settings = append(settings, "PYLON_ID_"+name+"_WALLET_NAME=validator", "PYLON_ID_"+name+"_HOTKEY_NAME=alice",
			"PYLON_ID_"+name+"_NETUID="+netuid, "PYLON_ID_"+name+"_TOKEN="+realToken)
	}
	return settings
}

// Everything that can be written on spec 218 is, by way of the HTTP API, and read back by foreign programs.
func TestRealRuntimeWrites(t *testing.T) {
	node := startRealChain(t, "small")
	settings := realWriter(t, node)
	service, _, stop := startServeProcess(t, settings...)
	sn1, sn3 := service+"/api/_unstable/identity/sn1/subnet/1", service+"/api/_unstable/identity/sn3/subnet/3"

	if done := putWeights(t, sn1+"/mechanism/0/weights", realToken, someWeights, "finalized"); done.State != "finalized" || done.Method != "direct" {
		t.Errorf("weights on subnet 1: %+v", done)
	}
	readBack(t, node, 1, 0, "//Alice", someOnTheChain)

	for path, body := range map[string]string{"/commitments": `{"commitment":"0xc0ffee"}`, "/axon": `{"ip":"203.0.113.9","port":8091}`} {
		if status, answer := write(t, http.MethodPost, sn1+path, realToken, body); status != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, status, answer)
		}
	}
	status, answer := write(t, http.MethodPost, service+"/api/v1/identity/sn1/subnet/1/certificates/self", realToken, `{}`)
	var pair struct {
		PublicKey string `json:"public_key"`
	}
	if err := json.Unmarshal([]byte(answer), &pair); err != nil || status != http.StatusCreated || len(pair.PublicKey) != 64 {
		t.Fatalf("certificate: %d %s", status, answer)
	}
	foreign := foreignPublished(t, node, 1, waitFor(t, service, node))
	if text := foreignText(t, foreign.Commitments); !strings.Contains(text, "c0ffee") {
		t.Errorf("commitments: %s", text)
	}
	if text := foreignText(t, foreign.Certificates); !strings.Contains(text, pair.PublicKey) {
		t.Errorf("certificates: %s, ours is %s", text, pair.PublicKey)
	}
	var certificate struct {
		PublicKey string `json:"public_key"`
	}
	getJSON(t, sn1+"/block/latest/certificates/self", realToken, &certificate)
	var commitment struct{ Commitment struct{ Commitment string } }
	getJSON(t, sn1+"/block/latest/commitments/self", realToken, &commitment)
	if certificate.PublicKey != pair.PublicKey || commitment.Commitment.Commitment != "0xc0ffee" {
		t.Errorf("read back: %+v %+v", certificate, commitment)
	}

	// The weights of subnet 3 are committed, and revealed by a service that was started in between.
	var committed intent
	for committed.ID == "" {
		status, answer := write(t, http.MethodPut, sn3+"/mechanism/0/weights?wait=finalized", realToken, someWeights)
		var scheduled struct{ Intent intent }
		if err := json.Unmarshal([]byte(answer), &scheduled); err != nil {
			t.Fatalf("%d %s", status, answer)
		}
		switch {
		case status == http.StatusOK:
			committed = scheduled.Intent
		case strings.Contains(answer, "no era fits"), strings.Contains(answer, "the epoch that block"):
			newBlock(t, node) // the epoch is nearly over
		default:
			t.Fatalf("commit: %d %s", status, answer)
		}
	}
	if committed.State != "awaiting_reveal" || committed.Method != "commit_reveal" {
		t.Fatalf("commit: %+v", committed)
	}
	stop()
	newBlock(t, node)
	service = startServe(t, settings...)
	deadline := time.Now().Add(4 * time.Minute)
	for state := ""; state != "revealed"; {
		var now intent
		getJSON(t, service+"/api/_unstable/identity/sn3/subnet/3/intents/"+committed.ID, realToken, &now)
		if state = now.State; state == "failed" || state == "expired" || state == "cancelled" || time.Now().After(deadline) {
			t.Fatalf("reveal: %+v", now)
		}
		if state == "awaiting_reveal" {
			newBlock(t, node)
		}
	}
	readBack(t, node, 3, 0, "//Alice", someOnTheChain)
}

// waitFor waits until the service knows the node's newest block, which it makes, and returns its number.
func waitFor(t *testing.T, service, node string) int {
	t.Helper()
	before := latestNumber(t, service)
	newBlock(t, node)
	for deadline := time.Now().Add(30 * time.Second); ; {
		if number := latestNumber(t, service); number > before {
			return number
		}
		if time.Now().After(deadline) {
			t.Fatal("the new block was never served")
		}
	}
}

func foreignText(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
