package app

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/wallet"
)

const (
	aliceAddress = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
	bobAddress   = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"

	own      = "/api/_unstable/identity/sn1/subnet/1"
	putOwn   = own + "/mechanism/0/weights"
	putAlice = `{"weights":{"` + bobAddress + `":1}}`

	// writePatience is the time of a test for the chain to do something.
	writePatience = 60 * time.Second
)

// newLiveChain is a development chain that makes blocks by itself: of two small subnets, the second of which wants commits.
func newLiveChain(t *testing.T) *devchain.Chain {
	t.Helper()
	const blockTime = 100 * time.Millisecond
	subtensor, err := devchain.NewSubtensor(devchain.SubtensorConfig{BlockTime: blockTime, Quiet: true, Subnets: []devchain.Subnet{
		{Netuid: 1, Neurons: 16, Tempo: 360}, {Netuid: 2, Neurons: 16, Tempo: 60, CommitReveal: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{BlockTime: blockTime, Runtime: subtensor})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.CheckNonces(); err != nil {
			t.Error(err)
		}
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := chain.Produce(1); err != nil {
		t.Fatal(err)
	}
	if err := chain.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	return chain
}

// writingEnvironment is that of a service whose identity sn1 has the hotkey //Alice in a wallet, and a database of its own.
func writingEnvironment(t *testing.T, chain *devchain.Chain, more ...string) []string {
	t.Helper()
	folder := t.TempDir()
	writeWallet(t, folder, "hot", "//Alice")
	return environment(chain.URL(), append([]string{
		"PYLON_BITTENSOR_WALLET_PATH=" + folder, "PYLON_DATABASE_PATH=" + filepath.Join(folder, "pylon.db"), "PYLON_BLOCK_DURATION_SECONDS=0.1",
	}, more...)...)
}

func writeWallet(t *testing.T, folder, name, uri string) {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	if err := (wallet.Wallet{Root: folder, Name: "dev"}).WriteHotkey(name, key, wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// send asks for something to be written as the identity sn1.
func (s *service) send(t *testing.T, method, path, body string, header ...string) (status int, answer string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), writePatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+testIdentityToken)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

// written demands a status, and returns the intent of the answer.
func (s *service) written(t *testing.T, want int, method, path, body string, header ...string) pylon.Intent {
	t.Helper()
	status, answer := s.send(t, method, path, body, header...)
	var named struct{ Intent pylon.Intent }
	if err := json.Unmarshal([]byte(answer), &named); status != want || err != nil || named.Intent.ID == "" {
		t.Fatalf("%s %s: status %d, want %d: %v %s", method, path, status, want, err, answer)
	}
	return named.Intent
}

func TestWeightsComeOntoTheChain(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain)...)
	intent := s.written(t, http.StatusOK, http.MethodPut, putOwn+"?wait=finalized", putAlice, "Idempotency-Key", "once")
	if intent.State != pylon.StateFinalized || intent.Hotkey != aliceAddress || intent.Block == nil {
		t.Errorf("%+v", intent)
	}
	// The same request again is the same intent, another one with the key is refused.
	if again := s.written(t, http.StatusOK, http.MethodPut, putOwn, putAlice, "Idempotency-Key", "once"); again.ID != intent.ID {
		t.Errorf("a second intent: %+v", again)
	}
	if status, answer := s.send(t, http.MethodPut, putOwn, `{"weights":{"`+bobAddress+`":2}}`, "Idempotency-Key", "once"); status != http.StatusUnprocessableEntity {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := s.send(t, http.MethodDelete, own+"/intents/"+intent.ID, ""); status != http.StatusConflict {
		t.Errorf("%d %s", status, answer)
	}
	status, answer := s.send(t, http.MethodGet, own+"/intents?state=finalized", "")
	if status != http.StatusOK || !strings.Contains(answer, `"id":"`+intent.ID+`"`) {
		t.Errorf("%d %s", status, answer)
	}
	status, answer = s.send(t, http.MethodGet, own+"/mechanism/0/block/-1/weights/status", "")
	if status != http.StatusOK || answer != `{"weights_submitted":true}` {
		t.Errorf("%d %s", status, answer)
	}
	status, answer = s.send(t, http.MethodPut, putOwn+"?dry_run=true", `{"weights":{"`+bobAddress+`":1,"nobody":3}}`)
	var plan pylon.WeightsPlan
	if err := json.Unmarshal([]byte(answer), &plan); status != http.StatusOK || err != nil || plan.Method != pylon.MethodDirect ||
		!slices.Equal(plan.UIDs, []uint16{1}) || !slices.Equal(plan.Values, []uint16{65535}) || !slices.Equal(plan.DroppedHotkeys, []pylon.Hotkey{"nobody"}) {
		t.Errorf("%d %s", status, answer)
	}
	s.eventuallyShows(t, "pylon_intents", func(m *dto.Metric) bool {
		return label(m, "identity") == "sn1" && label(m, "state") == "finalized" && m.GetGauge().GetValue() == 1
	})
	if status, answer := s.get(t, "/api/_unstable/openaccess/status", testOpenAccessToken); status != http.StatusOK ||
		!strings.Contains(answer, `"intents":[{"identity":"sn1","state":"finalized","count":1}]`) {
		t.Errorf("%d %s", status, answer)
	}
}

// What has been committed is revealed, whatever service runs then.
func TestConformance091RestartGoesOn(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	environ := writingEnvironment(t, chain, "PYLON_ID_SN1_NETUID=2")
	const path = "/api/_unstable/identity/sn1/subnet/2"
	first := startService(t, environ...)
	var committed pylon.Intent
	for { // the last blocks of an epoch have no room
		status, answer := first.send(t, http.MethodPut, path+"/mechanism/0/weights?wait=finalized", putAlice)
		var named struct{ Intent pylon.Intent }
		if err := json.Unmarshal([]byte(answer), &named); err != nil {
			t.Fatal(err)
		}
		if committed = named.Intent; status == http.StatusOK {
			break
		}
		if !strings.Contains(answer, "and them over") {
			t.Fatalf("%d %s", status, answer)
		}
	}
	if committed.State != pylon.StateAwaitingReveal && committed.State != pylon.StateRevealed || committed.Method != pylon.MethodTimelocked {
		t.Fatalf("%+v", committed)
	}
	first.stopNow(t)

	second := startService(t, environ...)
	deadline := time.Now().Add(writePatience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		status, answer := second.send(t, http.MethodGet, path+"/intents/"+committed.ID, "")
		var now pylon.Intent
		if err := json.Unmarshal([]byte(answer), &now); status != http.StatusOK || err != nil {
			t.Fatalf("%d %s", status, answer)
		}
		if now.State == pylon.StateRevealed {
			if now.ExtrinsicHash != committed.ExtrinsicHash || now.StartBlock != committed.StartBlock {
				t.Errorf("it was done again: %+v, before %+v", now, committed)
			}
			return
		}
		if now.State.Ended() || time.Now().After(deadline) {
			t.Fatalf("%+v", now)
		}
		<-tick.C
	}
}

func TestConformance095CommitmentFailsOnceThenWorks(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain)...)
	var failures atomic.Int32
	chain.Hook("author_submitExtrinsic", func(_ context.Context, call *devchain.Call) {
		if failures.Add(1) == 1 {
			call.Error = &devchain.RPCError{Code: -32000, Message: "not now"}
		}
	})
	status, answer := s.send(t, http.MethodPost, "/api/v1/identity/sn1/subnet/1/commitments", `{"commitment":"c0ffee"}`)
	if status != http.StatusCreated || answer != `{"detail":"Commitment set successfully."}` || failures.Load() < 2 {
		t.Errorf("after %d submissions %d %s", failures.Load(), status, answer)
	}
	body := s.eventually(t, http.StatusOK, "/api/v1/subnet/1/block/latest/commitments/"+aliceAddress)
	if !strings.Contains(body, `"commitment":"0xc0ffee"`) {
		t.Errorf("read back: %s", body)
	}
}

func TestConformance097And098And130PublishedAndReadBack(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain)...)
	axon := s.written(t, http.StatusCreated, http.MethodPost, own+"/axon", `{"ip":"203.0.113.9","port":8091}`)
	if axon.State != pylon.StateFinalized {
		t.Errorf("%+v", axon)
	}
	revealed := s.written(t, http.StatusCreated, http.MethodPost, own+"/commitments/revealed", `{"commitment":"the plain text","blocks_until_reveal":60}`)
	if revealed.RevealRound == 0 {
		t.Errorf("%+v", revealed)
	}
	status, answer := s.send(t, http.MethodPost, "/api/v1/identity/sn1/subnet/1/certificates/self", `{}`)
	var pair pylon.CertificateKeyPair
	if err := json.Unmarshal([]byte(answer), &pair); status != http.StatusCreated || err != nil || pair.Algorithm != pylon.AlgorithmEd25519 {
		t.Fatalf("%d %s", status, answer)
	}
	seed, err := hex.DecodeString(pair.PrivateKey)
	if err != nil || len(seed) != ed25519.SeedSize {
		t.Fatalf("private key %q", pair.PrivateKey)
	}
	public, _ := ed25519.NewKeyFromSeed(seed).Public().(ed25519.PublicKey)
	if hex.EncodeToString(public) != pair.PublicKey {
		t.Errorf("the seed makes %x, the answer says %s", public, pair.PublicKey)
	}
	body := s.eventually(t, http.StatusOK, "/api/v1/subnet/1/block/latest/certificates/"+aliceAddress)
	if body != `{"algorithm":1,"public_key":"`+pair.PublicKey+`"}` {
		t.Errorf("read back: %s", body)
	}
	s.eventuallyContains(t, "/api/v1/subnet/1/block/latest/commitments/revealed/"+aliceAddress, `"commitment":"the plain text"`)
	s.eventuallyContains(t, latestNeurons, `"axon_info":{"ip":"203.0.113.9","port":8091,"protocol":4}`)
}

func (s *service) eventuallyContains(t *testing.T, path, part string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(writePatience); ; <-tick.C {
		_, body := s.get(t, path, testOpenAccessToken)
		if strings.Contains(body, part) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never has %s: %.500s", path, part, body)
		}
	}
}

// A client of an early version gives up after five seconds and asks again: equal requests are one extrinsic.
func TestConformance135EqualCommitmentsAreOneExtrinsic(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain)...)
	answers := make([]int, 3)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i], _ = s.send(t, http.MethodPost, "/api/v1/identity/sn1/subnet/1/commitments", `{"commitment":"0xabcd"}`)
		})
	}
	group.Wait()
	if !slices.Equal(answers, []int{201, 201, 201}) {
		t.Errorf("answers %v", answers)
	}
	status, answer := s.send(t, http.MethodGet, own+"/intents?kind=commitment", "")
	if n := strings.Count(answer, `"extrinsic_hash"`); status != http.StatusOK || n != 1 {
		t.Errorf("%d extrinsics: %s", n, answer)
	}
}

// Statement 105, the jobs: names, labels and buckets after one write of each kind.
func TestConformance105JobMetrics(t *testing.T) {
	t.Parallel()
	families := writtenFamilies(t)
	jobs := []float64{1, 5, 10, 30, 60, 120, 300, 600, 1200}
	for name, want := range map[string]struct {
		labels  map[string]string
		buckets []float64
	}{
		"pylon_apply_weights_job_duration_seconds":           {map[string]string{"operation": "run_job", "status": "success", "netuid": "1", "hotkey": aliceAddress}, jobs},
		"pylon_apply_weights_attempt_duration_seconds":       {map[string]string{"operation": "_apply_weights", "status": "success", "netuid": "1", "hotkey": aliceAddress}, []float64{0.1, 0.5, 1, 2, 5, 10, 30, 60, 120}},
		"pylon_set_commitment_job_duration_seconds":          {map[string]string{"operation": "run_job", "status": "success", "netuid": "1"}, jobs},
		"pylon_set_revealed_commitment_job_duration_seconds": {map[string]string{"operation": "run_job", "status": "success", "netuid": "1"}, jobs},
	} {
		family := families[name]
		if family == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		at := slices.IndexFunc(family.GetMetric(), func(m *dto.Metric) bool { return label(m, "status") == "success" })
		if at < 0 {
			t.Errorf("%s has no success", name)
			continue
		}
		m := family.GetMetric()[at]
		labels, buckets := map[string]string{}, []float64{}
		for _, pair := range m.GetLabel() {
			labels[pair.GetName()] = pair.GetValue()
		}
		for _, bucket := range m.GetHistogram().GetBucket() {
			buckets = append(buckets, bucket.GetUpperBound())
		}
		if fmt.Sprint(labels) != fmt.Sprint(want.labels) || !slices.Equal(buckets, want.buckets) || m.GetHistogram().GetSampleCount() != 1 {
			t.Errorf("%s: labels %v, buckets %v, %d observations", name, labels, buckets, m.GetHistogram().GetSampleCount())
		}
	}
	var operations []string
	for _, m := range families["pylon_bittensor_operation_duration_seconds"].GetMetric() {
		if label(m, "hotkey") == aliceAddress {
			operations = append(operations, label(m, "operation"))
		}
	}
	slices.Sort(operations)
	if want := []string{"set_commitment", "set_revealed_commitment", "set_weights"}; !slices.Equal(slices.Compact(operations), want) {
		t.Errorf("operations %v", operations)
	}
	for _, name := range []string{"pylon_intents", "pylon_intents_ended_total", "pylon_intent_last_success_timestamp_seconds"} {
		if families[name] == nil {
			t.Errorf("%s is missing", name)
		}
	}
}

// writtenFamilies returns the metrics of a service that has written something of each kind and has something open.
func writtenFamilies(t *testing.T) map[string]*dto.MetricFamily {
	t.Helper()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain)...)
	s.written(t, http.StatusOK, http.MethodPut, putOwn+"?wait=finalized", putAlice)
	s.written(t, http.StatusCreated, http.MethodPost, own+"/commitments", `{"commitment":"00"}`)
	s.written(t, http.StatusCreated, http.MethodPost, own+"/commitments/revealed", `{"commitment":"x","blocks_until_reveal":3}`)
	chain.SetPoolPolicy(func(devchain.Pending) devchain.Verdict { return devchain.Verdict{Action: devchain.Hold} })
	s.written(t, http.StatusOK, http.MethodPut, putOwn, putAlice)
	s.eventuallyShows(t, "pylon_intent_blocks_left", func(m *dto.Metric) bool { return label(m, "kind") == "weights" && m.GetGauge().GetValue() > 0 })
	s.eventuallyShows(t, "pylon_intents", func(m *dto.Metric) bool { return label(m, "state") == "finalized" })
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]*dto.MetricFamily)
	for _, family := range families {
		all[family.GetName()] = family
	}
	return all
}

func TestSecondProcessReadsOnly(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	environ := writingEnvironment(t, chain)
	first := startService(t, environ...)
	done := first.written(t, http.StatusOK, http.MethodPut, putOwn+"?wait=finalized", putAlice)
	second := startService(t, environ...)
	second.want(t, http.StatusOK, latestNeurons)
	for path, body := range map[string]string{"/commitments": `{"commitment":"00"}`, "/axon": `{"ip":"203.0.113.9","port":1}`} {
		status, answer := second.send(t, http.MethodPost, own+path, body)
		if status != http.StatusServiceUnavailable || !strings.Contains(answer, fmt.Sprint("process ", os.Getpid())) && !strings.Contains(answer, fmt.Sprint("pid ", os.Getpid())) {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	if status, answer := second.send(t, http.MethodPut, "/api/v1/identity/sn1/subnet/1/weights", putAlice); status != http.StatusServiceUnavailable {
		t.Errorf("%d %s", status, answer)
	}
	if status, answer := second.send(t, http.MethodGet, own+"/intents/"+done.ID, ""); status != http.StatusOK || !strings.Contains(answer, `"state":"finalized"`) {
		t.Errorf("%d %s", status, answer)
	}
	if !strings.Contains(second.log.String(), "another process holds the database") {
		t.Error("the log does not say so")
	}
	// When the first one is gone, the second writes.
	first.stopNow(t)
	second.written(t, http.StatusOK, http.MethodPut, putOwn+"?wait=finalized", putAlice)
}

func TestIdentityWithoutItsHotkeyReadsOnly(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	s := startService(t, writingEnvironment(t, chain, "PYLON_ID_SN1_HOTKEY_NAME=missing")...)
	if status, answer := s.send(t, http.MethodGet, own+"/block/latest/neurons", ""); status != http.StatusOK {
		t.Errorf("%d %s", status, answer)
	}
	const refused = `{"status_code":503,"detail":"Identity 'sn1' cannot write: its hotkey could not be opened. The operator finds the reason in the log, and with pylon check."}`
	for path, body := range map[string]string{"/commitments": `{"commitment":"00"}`, "/certificates/self": `{}`, "/axon": `{"ip":"203.0.113.9","port":1}`} {
		if status, answer := s.send(t, http.MethodPost, own+path, body); status != http.StatusServiceUnavailable || answer != refused {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	if status, answer := s.send(t, http.MethodPut, putOwn, putAlice); status != http.StatusServiceUnavailable || answer != refused {
		t.Errorf("%d %s", status, answer)
	}
	const none = `{"status_code":503,"detail":"No identity of this service can write, so it keeps no intents."}`
	if status, answer := s.send(t, http.MethodGet, own+"/intents/x", ""); status != http.StatusServiceUnavailable || answer != none {
		t.Errorf("%d %s", status, answer)
	}
	if !strings.Contains(s.log.String(), "the hotkey of an identity cannot be opened") {
		t.Error("the log does not say why")
	}
	if _, err := os.Stat(s.settings.DatabasePath); err == nil {
		t.Error("a database was made for nothing")
	}
}

// The passwords of encrypted hotkeys come from the environment; one password is stretched once. Nothing of it, nor of the
// keys, comes out anywhere.
func TestWalletSecretsStayInside(t *testing.T) {
	// bittensor-wallet 4.1.1 has made the file: the seed of //Alice and its private key.
	const password = "canary-Password-7"
	content, err := os.ReadFile("testdata/alice.nacl")
	if err != nil {
		t.Fatal(err)
	}
	chain := newLiveChain(t)
	folder := t.TempDir()
	database := filepath.Join(folder, "pylon.db")
	environ := environment(chain.URL(), "PYLON_BITTENSOR_WALLET_PATH="+folder, "PYLON_DATABASE_PATH="+database, "PYLON_BLOCK_DURATION_SECONDS=0.1",
		`PYLON_IDENTITIES=["sn1","sn2","sn3"]`,
		"PYLON_ID_SN2_WALLET_NAME=dev", "PYLON_ID_SN2_HOTKEY_NAME=second", "PYLON_ID_SN2_NETUID=2", "PYLON_ID_SN2_TOKEN=another-"+testIdentityToken,
		"PYLON_ID_SN3_WALLET_NAME=dev", "PYLON_ID_SN3_HOTKEY_NAME=third", "PYLON_ID_SN3_NETUID=3", "PYLON_ID_SN3_TOKEN=a-third-"+testIdentityToken,
	)
	if err := os.MkdirAll(filepath.Join(folder, "dev", "hotkeys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"hot", "second", "third"} {
		path := filepath.Join(folder, "dev", "hotkeys", name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, wallet.EnvName(path)+"="+wallet.EncodeEnvPassword(path, wallet.NewSecret(password)))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := startService(t, environ...)
	runtime.ReadMemStats(&after)
	if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took < 512 || took >= 2*512 {
		t.Errorf("opening three hotkeys took %d MiB; a password takes 512", took)
	}
	t.Parallel() // what was allocated before was ours

	var out strings.Builder
	say := func(status int, answer string) { fmt.Fprintln(&out, status, answer) }
	if status, answer := s.send(t, http.MethodPut, putOwn+"?wait=finalized", putAlice); status != http.StatusOK {
		t.Fatalf("%d %s", status, answer)
	}
	say(s.send(t, http.MethodPost, own+"/axon", `{"ip":"203.0.113.9","port":8091}`))
	status, answer := s.send(t, http.MethodPost, own+"/certificates/self", `{}`)
	var pair pylon.CertificateKeyPair
	if err := json.Unmarshal([]byte(answer), &pair); err != nil || status != http.StatusCreated {
		t.Fatalf("%d %s", status, answer)
	}
	say(s.send(t, http.MethodPost, own+"/commitments", `{"commitment":"zz"}`))
	say(s.send(t, http.MethodPost, own+"/commitments", `{"commitment":"00"}`, "X-Pylon-Timeout", "0.01"))
	say(s.send(t, http.MethodGet, own+"/intents", ""))
	say(s.send(t, http.MethodGet, "/schema/openapi.json", ""))
	say(s.get(t, "/metrics", testMetricsToken))
	say(s.get(t, "/api/_unstable/openaccess/status", testOpenAccessToken))
	fmt.Fprintf(&out, "%v %+v %#v\n", s.settings, *s.settings, *s.settings)
	s.stopNow(t)
	out.WriteString(s.log.String())
	files, err := filepath.Glob(database + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no database: %v", err)
	}
	for _, name := range files {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(content)
	}
	seedOfAlice, err := hex.DecodeString("e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a")
	if err != nil || wallet.FromSeed([32]byte(seedOfAlice)).Address() != aliceAddress {
		t.Fatal("the canary is not that of the key")
	}
	private, err := hex.DecodeString("33a6f3093f158a7109f679410bef1a0c54168145e0cecb4df006c1c2fffb1f09925a225d97aa00682d6a59b95b18780c10d7032336e88f3442b42361f4a66011")
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := hex.DecodeString(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, secret := range map[string][]byte{
		"password": []byte(password), "seed of the hotkey": seedOfAlice, "private key of the hotkey": private, "key of the certificate": certificate,
		"identity token": []byte(testIdentityToken), "open-access token": []byte(testOpenAccessToken), "metrics token": []byte(testMetricsToken),
	} {
		for form, text := range map[string]string{
			"as it is": string(secret), "in hex": hex.EncodeToString(secret), "in upper hex": strings.ToUpper(hex.EncodeToString(secret)),
			"in base64": base64.RawStdEncoding.EncodeToString(secret)[:16],
		} {
			if at := strings.Index(out.String(), text); at >= 0 {
				t.Errorf("the %s came out, %s: …%q…", name, form, out.String()[max(0, at-100):min(out.Len(), at+100)])
			}
		}
	}
}

// Those who wait for their write hear when the service stops, and what they wait for goes on afterwards.
func TestStopTellsThoseWhoWait(t *testing.T) {
	t.Parallel()
	chain := newLiveChain(t)
	environ := writingEnvironment(t, chain)
	s := startService(t, environ...)
	s.written(t, http.StatusOK, http.MethodPut, putOwn+"?wait=finalized", putAlice) // the chain is known
	chain.SetPoolPolicy(func(devchain.Pending) devchain.Verdict { return devchain.Verdict{Action: devchain.Hold} })
	type result struct {
		status int
		answer string
	}
	answers := make(chan result, 2)
	ask := func(method, path, body string) {
		status, answer := s.send(t, method, path, body)
		answers <- result{status, answer}
	}
	go ask(http.MethodPut, putOwn+"?wait=finalized", putAlice)
	go ask(http.MethodPost, own+"/commitments", `{"commitment":"0123"}`)
	s.eventuallyOpen(t, 2)
	s.stopNow(t) // which fails before the requests' own time is over
	for range 2 {
		if a := <-answers; a.status != http.StatusAccepted && (a.status != http.StatusServiceUnavailable || !strings.Contains(a.answer, "The service is stopping.")) {
			t.Errorf("%d %s", a.status, a.answer)
		}
	}
	chain.SetPoolPolicy(nil)
	again := startService(t, environ...)
	// That weights arrived before the restart is not forgotten.
	again.eventuallyShows(t, "pylon_intent_last_success_timestamp_seconds", func(m *dto.Metric) bool {
		return label(m, "identity") == "sn1" && label(m, "kind") == "weights" && label(m, "mechanism") == "0" && m.GetGauge().GetValue() > 1e9
	})
	again.eventuallyContains(t, "/api/v1/subnet/1/block/latest/commitments/"+aliceAddress, `"commitment":"0x0123"`)
}

// eventuallyOpen waits until that many intents are open.
func (s *service) eventuallyOpen(t *testing.T, want int) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(writePatience); ; <-tick.C {
		_, answer := s.send(t, http.MethodGet, own+"/intents?open=true", "")
		if strings.Count(answer, `"id":`) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not %d open intents: %s", want, answer)
		}
	}
}
