//go:build interop

package interop

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	_ "modernc.org/sqlite"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/wallet"
)

const (
	writerToken = "real-identity-token"
	// chainPatience is how long a write may take to be where it should be. A block takes about a second on an idle machine.
	chainPatience = 3 * time.Minute
)

// writerSettings are those of a service that writes to the node: one identity for each subnet, sn1 to sn3, with the
// hotkeys //Bob, //Alice and //Alice, all of which have stake and a permit there. Their wallets are on disk.
func writerSettings(t *testing.T, node string) []string {
	t.Helper()
	folder := t.TempDir()
	settings := []string{
		"PYLON_BITTENSOR_NETWORK=" + node,
		"PYLON_BITTENSOR_ARCHIVE_NETWORK=" + node,
		"PYLON_OPEN_ACCESS_TOKEN=" + realToken,
		"PYLON_BITTENSOR_WALLET_PATH=" + folder,
		"PYLON_DATABASE_PATH=" + filepath.Join(folder, "pylon.db"),
		`PYLON_IDENTITIES=["sn1", "sn2", "sn3"]`,
		// The node makes blocks only when it is asked to: four minutes without one are no fault of it.
		"PYLON_BLOCK_DURATION_SECONDS=60",
	}
	w := wallet.Wallet{Root: folder, Name: "validator"}
	for _, name := range []string{"Alice", "Bob"} {
		if err := w.WriteHotkey(name, keyOf(t, "//"+name), wallet.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"Bob", "Alice", "Alice"} {
		prefix := fmt.Sprintf("PYLON_ID_SN%d_", i+1)
		settings = append(
			settings,
			prefix+"WALLET_NAME=validator", prefix+"HOTKEY_NAME="+name, prefix+"TOKEN="+writerToken, fmt.Sprintf("%sNETUID=%d", prefix, i+1),
		)
	}
	return settings
}

// serveToKill is startServe with a way to end the process as a power cut does.
func serveToKill(t *testing.T, settings ...string) (address string, kill func()) {
	t.Helper()
	address, pid, stop := startServeProcess(t, settings...)
	return address, func() {
		t.Helper()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		stop()
	}
}

// databaseOf is where the service with those settings records its intents.
func databaseOf(t *testing.T, settings []string) string {
	t.Helper()
	for _, setting := range settings {
		if path, ok := strings.CutPrefix(setting, "PYLON_DATABASE_PATH="); ok {
			return path
		}
	}
	t.Fatal("no database")
	return ""
}

func keyOf(t *testing.T, uri string) *wallet.Keypair {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// weightsByURI are weights of the hotkeys with these secret URIs.
func weightsByURI(t *testing.T, weights map[string]float64) any {
	t.Helper()
	named := make(map[string]float64, len(weights))
	for uri, weight := range weights {
		named[keyOf(t, uri).Address()] = weight
	}
	return map[string]any{"weights": named}
}

// call makes a request in the name of the identity of a subnet, sn1 for subnet 1 and so on, and decodes the answer, which
// must have that status.
func call(t *testing.T, service, method, version string, netuid int, path string, body any, status int, into any) {
	t.Helper()
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.NewReader(encoded)
	}
	url := fmt.Sprintf("%s/api/%s/identity/sn%d/subnet/%d%s", service, version, netuid, netuid, path)
	req, err := http.NewRequestWithContext(t.Context(), method, url, text)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+writerToken)
	req.Header.Set("X-Pylon-Timeout", fmt.Sprint(chainPatience.Seconds()))
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != status {
		t.Fatalf("%s %s: %d %s", method, url, resp.StatusCode, answer)
	}
	if err := json.Unmarshal(answer, into); err != nil {
		t.Fatalf("%s %s: %v in %s", method, url, err, answer)
	}
}

// awaitIntent asks for an intent until it is in that state. One that has ended otherwise is an error.
func awaitIntent(t *testing.T, service string, netuid int, id string, state pylon.IntentState) (intent pylon.Intent) {
	t.Helper()
	for deadline := time.Now().Add(chainPatience); ; <-time.After(100 * time.Millisecond) {
		call(t, service, http.MethodGet, "_unstable", netuid, "/intents/"+id, nil, http.StatusOK, &intent)
		if intent.State == state {
			return intent
		}
		if intent.State.Ended() || time.Now().After(deadline) {
			t.Fatalf("the intent is not %s: %+v", state, intent)
		}
	}
}

// awaitBlock waits until the service knows that block.
func awaitBlock(t *testing.T, service string, number uint64) {
	t.Helper()
	for deadline := time.Now().Add(chainPatience); ; <-time.After(50 * time.Millisecond) {
		var latest struct{ Number uint64 }
		status, body := get(t, service+"/api/v1/block/latest", "")
		if status == http.StatusOK && json.Unmarshal(body, &latest) == nil && latest.Number >= number {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("block %d was never served: %d %s", number, status, body)
		}
	}
}

// writes is what polkadot-js finds of what a hotkey has written.
type writes struct {
	// UIDs are those of the hotkeys that were named, nil for one that is not registered.
	UIDs    []*int
	Weights [][2]int
	// Commits counts the hashes that wait to be revealed.
	Commits     int
	Certificate *struct {
		PublicKey string
		Algorithm int
	}
	Commitment []map[string]string
	Axon       axonInfo
	Extrinsics []written
}

// axonInfo is where a neuron can be reached.
type axonInfo struct {
	IP                     string
	Port, IPType, Protocol int
}

// written is an extrinsic of the hotkey.
type written struct {
	Block  uint64
	Call   string
	Args   map[string]any
	Hash   string
	Error  string
	Events []string
}

// calls returns the calls that the hotkey has made of those names, whether they failed or not.
func (w writes) calls(names ...string) (found []written) {
	for _, x := range w.Extrinsics {
		if slices.Contains(names, x.Call) {
			found = append(found, x)
		}
	}
	return found
}

// checkWeights compares what the chain has with what the hotkeys should have, by the order of their uids.
func (w writes) checkWeights(t *testing.T, values ...int) {
	t.Helper()
	var want [][2]int
	for i, uid := range w.UIDs {
		if uid != nil {
			want = append(want, [2]int{*uid, values[i]})
		}
	}
	slices.SortFunc(want, func(a, b [2]int) int { return a[0] - b[0] })
	if diff := cmp.Diff(want, w.Weights); diff != "" {
		t.Errorf("weights (-asked for +on the chain):\n%s", diff)
	}
}

// foreignWrites has polkadot-js read from the node what the first of the hotkeys has written on a subnet.
func foreignWrites(t *testing.T, node string, netuid int, uris ...string) (read writes) {
	t.Helper()
	args := []string{filepath.Join(root, "interop", "realchain", "writes.mjs"), filepath.Join(cache, "polkadotjs"), node, fmt.Sprint(netuid)}
	ctx, cancel := context.WithTimeout(t.Context(), chainPatience)
	defer cancel()
	out, err := exec.CommandContext(ctx, "node", append(args, uris...)...).Output()
	if err != nil {
		complaints := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			complaints = string(exit.Stderr)
		}
		t.Fatalf("writes.mjs: %v\n%s", err, complaints)
	}
	_, text, found := strings.Cut(string(out), "READ ")
	if !found {
		t.Fatalf("writes.mjs has read nothing: %s", out)
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&read); err != nil {
		t.Fatalf("writes.mjs: %v in %s", err, text)
	}
	return read
}

// Weights without commit-reveal, a commitment, a certificate and an axon reach the real runtime of spec 218 through the
// API, and polkadot-js reads them back.
func TestRealRuntimeWrites(t *testing.T) {
	node := startRealChain(t, "small")
	service := startServe(t, writerSettings(t, node)...)
	awaitBlock(t, service, 103)

	t.Run("weights set directly", func(t *testing.T) {
		// //Eve is registered nowhere.
		weights := weightsByURI(t, map[string]float64{"//Alice": 0, "//Bob": 0.3, "//Charlie": 0.6, "//Dave": 0.1, "//Eve": 1})
		var plan pylon.WeightsPlan
		call(t, service, http.MethodPut, "_unstable", 2, "/mechanism/0/weights?dry_run=true", weights, http.StatusOK, &plan)
		if plan.Method != pylon.MethodDirect || !slices.Equal(plan.DroppedHotkeys, []pylon.Hotkey{pylon.Hotkey(keyOf(t, "//Eve").Address())}) {
			t.Errorf("the plan is %+v", plan)
		}
		if read := foreignWrites(t, node, 2, "//Alice"); len(read.Weights)+len(read.Extrinsics) > 0 {
			t.Errorf("a dry run has written %+v", read)
		}

		var answer pylon.WeightsScheduled
		call(t, service, http.MethodPut, "_unstable", 2, "/mechanism/0/weights?wait=finalized", weights, http.StatusOK, &answer)
		intent := answer.Intent
		if intent == nil || intent.State != pylon.StateFinalized || intent.Method != pylon.MethodDirect || intent.Block == nil {
			t.Fatalf("%+v", intent)
		}
		read := foreignWrites(t, node, 2, "//Alice", "//Bob", "//Charlie", "//Dave", "//Eve")
		read.checkWeights(t, 0, 32768, 65535, 10923)
		if got, want := len(plan.UIDs), len(read.Weights); got != want {
			t.Errorf("the plan had %d weights, the chain has %d", got, want)
		}
		for i, weight := range read.Weights {
			if i < len(plan.UIDs) && (int(plan.UIDs[i]) != weight[0] || int(plan.Values[i]) != weight[1]) {
				t.Errorf("weight %d was planned as %d for uid %d and is %v", i, plan.Values[i], plan.UIDs[i], weight)
			}
		}
		if sent := read.calls("subtensorModule.setWeights"); len(read.Extrinsics) != 1 || len(sent) != 1 ||
			sent[0].Hash != intent.ExtrinsicHash || sent[0].Block != intent.Block.Number || sent[0].Error != "" {
			t.Errorf("the extrinsics are %+v, the intent %+v", read.Extrinsics, intent)
		}
	})

	t.Run("commitment", func(t *testing.T) {
		const data = "0x00ff70796c6f6e"
		var set pylon.Written
		call(t, service, http.MethodPost, "_unstable", 1, "/commitments", map[string]string{"commitment": data}, http.StatusCreated, &set)
		if set.Intent == nil || set.Intent.State != pylon.StateFinalized || set.Intent.Block == nil {
			t.Fatalf("%+v", set)
		}
		awaitBlock(t, service, set.Intent.Block.Number)
		own := keyOf(t, "//Bob").Address()
		var old struct{ Commitment, Hotkey string }
		call(t, service, http.MethodGet, "v1", 1, "/block/latest/commitments/self", nil, http.StatusOK, &old)
		if old.Commitment != data || old.Hotkey != own {
			t.Errorf("v1: %+v", old)
		}
		read := foreignWrites(t, node, 1, "//Bob")
		if diff := cmp.Diff([]map[string]string{{"raw7": data}}, read.Commitment); diff != "" || len(read.calls("commitments.setCommitment")) != 1 {
			t.Errorf("polkadot-js reads, after %+v:\n%s", read.Extrinsics, diff)
		}
	})

	t.Run("certificate", func(t *testing.T) {
		var made struct {
			Algorithm  int
			PublicKey  string `json:"public_key"`
			PrivateKey string `json:"private_key"`
			Intent     *pylon.Intent
		}
		call(t, service, http.MethodPost, "_unstable", 1, "/certificates/self", map[string]int{"algorithm": 1}, http.StatusCreated, &made)
		if made.Intent == nil || made.Intent.State != pylon.StateFinalized || made.Intent.Block == nil {
			t.Fatalf("%+v", made.Intent)
		}
		seed, err := hex.DecodeString(made.PrivateKey)
		if err != nil || len(seed) != ed25519.SeedSize {
			t.Fatalf("the private key has %d bytes, %v", len(seed), err)
		}
		if public := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey); hex.EncodeToString(public) != made.PublicKey {
			t.Errorf("the public key of the private one is %x, not %s", public, made.PublicKey)
		}
		awaitBlock(t, service, made.Intent.Block.Number)
		var served struct {
			Algorithm int
			PublicKey string `json:"public_key"`
		}
		call(t, service, http.MethodGet, "v1", 1, "/block/latest/certificates/self", nil, http.StatusOK, &served)
		if served.Algorithm != 1 || served.PublicKey != made.PublicKey {
			t.Errorf("%+v, not %s", served, made.PublicKey)
		}
		read := foreignWrites(t, node, 1, "//Bob")
		if read.Certificate == nil || read.Certificate.PublicKey != "0x"+made.PublicKey || read.Certificate.Algorithm != 1 || len(read.calls("subtensorModule.serveAxonTls")) != 1 {
			t.Errorf("polkadot-js reads %+v, after %+v", read.Certificate, read.Extrinsics)
		}
	})

	t.Run("axon", func(t *testing.T) {
		var set pylon.Written
		call(t, service, http.MethodPost, "_unstable", 1, "/axon", map[string]any{"ip": "2001:db8::9", "port": 8091}, http.StatusCreated, &set)
		if set.Intent == nil || set.Intent.State != pylon.StateFinalized {
			t.Fatalf("%+v", set)
		}
		read := foreignWrites(t, node, 1, "//Bob")
		if want := (axonInfo{IP: "2001:db8::9", Port: 8091, IPType: 6, Protocol: 4}); read.Axon != want {
			t.Errorf("polkadot-js reads %+v, after %+v", read.Axon, read.Extrinsics)
		}
	})
}

// Weights are committed and revealed on the real runtime by three services, one after another: the first is killed when it
// has sent the commit and the node has not got it yet, the second between commit and reveal.
func TestRealRuntimeRevealsAfterKill(t *testing.T) {
	node := startRealChain(t, "small")
	wire := &tap{node: node}
	settings := writerSettings(t, wire.listen(t))
	database := databaseOf(t, settings)
	lost := make(chan struct{})
	// What is in the database when an extrinsic is sent: it was written before.
	var sent []sending
	wire.submits = func(message []byte) bool {
		sent = append(sent, sending{extrinsicIn(t, message), recordsIn(t, database)})
		if len(sent) == 1 {
			close(lost)
			return false
		}
		return true
	}

	first, kill := serveToKill(t, settings...)
	awaitBlock(t, first, 103)
	weights := weightsByURI(t, map[string]float64{"//Alice": 1, "//Bob": 5, "//Charlie": 10, "//Dave": 0})
	var answer pylon.WeightsScheduled
	call(t, first, http.MethodPut, "_unstable", 3, "/mechanism/0/weights", weights, http.StatusOK, &answer)
	if answer.Intent == nil {
		t.Fatal("the answer does not name the intent")
	}
	id := answer.Intent.ID
	select {
	case <-lost:
	case <-time.After(chainPatience):
		t.Fatal("the commit was never sent")
	}
	kill()

	second, kill := serveToKill(t, settings...)
	intent := awaitIntent(t, second, 3, id, pylon.StateAwaitingReveal)
	kill()
	if intent.Method != pylon.MethodCommitReveal || intent.Block == nil || intent.RevealFirst <= intent.Block.Number || intent.RevealLast < intent.RevealFirst {
		t.Fatalf("%+v", intent)
	}
	wire.mu.Lock()
	commit := sent[0]
	if len(commit.records) != 1 || commit.records[0].id != id || len(commit.records[0].Plan.Salt) == 0 || commit.records[0].Plan.CommitHash == "" {
		t.Errorf("when the commit was sent, the database had %+v", commit.records)
	}
	for _, again := range sent[1:] {
		if diff := cmp.Diff(commit, again, cmp.AllowUnexported(sending{}, record{})); diff != "" {
			t.Errorf("after the kill it was sent otherwise:\n%s", diff)
		}
	}
	wire.mu.Unlock()
	if t.Failed() {
		return
	}
	plan := commit.records[0].Plan
	uris := []string{"//Alice", "//Bob", "//Charlie", "//Dave"}
	read := foreignWrites(t, node, 3, uris...)
	commits := read.calls("subtensorModule.commitWeights")
	if len(read.Extrinsics) != 1 || len(commits) != 1 || commits[0].Error != "" || commits[0].Args["commitHash"] != "0x"+plan.CommitHash ||
		read.Commits != 1 || len(read.Weights) != 0 {
		t.Fatalf("after the commit: %+v", read)
	}

	// The chain goes on without the service, nearly until the weights can be revealed.
	newBlocks(t, node, intent.RevealFirst-3-intent.Block.Number)
	third := startServe(t, settings...)
	for number := intent.RevealFirst - 3; number <= intent.RevealFirst; number++ {
		awaitBlock(t, third, number)
		newBlock(t, node)
	}
	intent = awaitIntent(t, third, 3, id, pylon.StateRevealed)

	read = foreignWrites(t, node, 3, uris...)
	read.checkWeights(t, 6554, 32768, 65535, 0)
	reveals := read.calls("subtensorModule.revealWeights")
	if len(read.Extrinsics) != 2 || len(read.calls("subtensorModule.commitWeights")) != 1 || len(reveals) != 1 || reveals[0].Error != "" || read.Commits != 0 {
		t.Fatalf("after the reveal: %+v", read)
	}
	if got, want := fmt.Sprint(reveals[0].Args["salt"]), fmt.Sprint(plan.Salt); got != want {
		t.Errorf("revealed with the salt %s; before the commit was sent, it was %s", got, want)
	}
	if reveals[0].Block < intent.RevealFirst || reveals[0].Block > intent.RevealLast {
		t.Errorf("revealed in block %d, announced for %d to %d", reveals[0].Block, intent.RevealFirst, intent.RevealLast)
	}
	t.Logf("committed in block %d, revealed in block %d", commits[0].Block, reveals[0].Block)
}

// sending is an extrinsic that was sent, in hexadecimal digits, and what the database had just then.
type sending struct {
	extrinsic string
	records   []record
}

// record is what the database has of an intent.
type record struct {
	id   string
	Plan struct {
		CommitHash string `json:"commit_hash"`
		Salt       []int  `json:"salt"`
	} `json:"plan"`
}

// recordsIn reads the open intents in a database that a service writes to.
func recordsIn(t *testing.T, path string) (all []record) {
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(60000)")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer func() { _ = db.Close() }()
	rows, err := db.QueryContext(t.Context(), "SELECT id, progress FROM pylon_intents WHERE ended_at = 0")
	if err != nil {
		t.Error(err)
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var r record
		var progress []byte
		if err := rows.Scan(&r.id, &progress); err != nil {
			t.Error(err)
		}
		if err := json.Unmarshal(progress, &r); err != nil {
			t.Errorf("progress of %s: %v", r.id, err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
	}
	return all
}

// tap stands between a service and a node, and passes everything on, but for some extrinsics.
type tap struct {
	node string
	mu   sync.Mutex // held while submits runs
	// submits is called when the service sends an extrinsic, before the node gets it, with the message that has it. Says it
	// false, the node never gets it.
	submits func(message []byte) bool
}

// listen returns the address for the service.
func (p *tap) listen(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		near, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer near.CloseNow()
		far, _, err := websocket.Dial(r.Context(), p.node, nil)
		if err != nil {
			return
		}
		defer far.CloseNow()
		done := make(chan struct{}, 2)
		pass := func(from, to *websocket.Conn, lets func([]byte) bool) {
			defer func() { done <- struct{}{} }()
			from.SetReadLimit(64 << 20)
			for {
				kind, message, err := from.Read(r.Context())
				if err != nil {
					return
				}
				if lets(message) && to.Write(r.Context(), kind, message) != nil {
					return
				}
			}
		}
		go pass(near, far, p.lets)
		go pass(far, near, func([]byte) bool { return true })
		<-done
	}))
	t.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http")
}

func (p *tap) lets(message []byte) bool {
	if !bytes.Contains(message, []byte(`"author_submitExtrinsic"`)) {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.submits(message)
}

// extrinsicIn returns the parameter of a call of author_submitExtrinsic.
func extrinsicIn(t *testing.T, message []byte) string {
	var request struct{ Params []string }
	if err := json.Unmarshal(message, &request); err != nil || len(request.Params) != 1 {
		t.Errorf("%s: %v", message, err)
		return ""
	}
	return request.Params[0]
}
