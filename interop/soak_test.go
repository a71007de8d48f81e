//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/faulttest"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

const (
	soakIdentities = 64
	soakNetuid     = 1
	soakToken      = "the-token-of-the-soak"
	// What the service keeps is bounded (answers 32 MiB, events a thousand for each identity), and full after some minutes.
	// So it may grow a little in the last third of the time, and has a bound.
	soakGrowthMiB, soakMostMiB = 24, 256
)

// soakTime is how long weights are put, PYLON_SOAK or 30 s.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("PYLON_SOAK")
	if text == "" {
		return 30 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("PYLON_SOAK: %v", err)
	}
	return d
}

// 64 identities put new weights every second, while the service's connection to its node is reset once in ten seconds:
// every intent ends, the last one of each identity on the chain, no nonce is used twice, and the memory stays flat.
func TestSoak(t *testing.T) {
	length := soakTime(t)
	w := newSoakWorld(t)
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var writers sync.WaitGroup
	last := make([]int, soakIdentities)
	for i := range soakIdentities {
		writers.Go(func() { last[i] = w.putEverySecond(ctx, t, i) })
	}
	cuts := 0
	writers.Go(func() { cuts = w.cutSometimes(ctx) })
	var early float64
	select {
	case <-time.After(length * 2 / 3):
		early = w.residentMiB(t)
	case <-t.Context().Done():
		t.Fatal("ended")
	}
	writers.Wait()
	late := w.residentMiB(t)
	ended := w.awaitEnds(t)
	total := 0
	for i, rounds := range last {
		total += rounds
		if rounds == 0 {
			t.Fatalf("identity %d has put nothing", i)
		}
		w.checkWeights(t, i, rounds)
	}
	if err := w.chain.CheckNonces(); err != nil {
		t.Error(err)
	}
	for state := range ended {
		if state != "finalized" && state != "cancelled" {
			t.Errorf("%d intents are %s", ended[state], state)
		}
	}
	if late-early > soakGrowthMiB || late > soakMostMiB {
		t.Errorf("the service has %.0f MiB at the end, %.0f MiB after two thirds of the time", late, early)
	}
	if length >= 30*time.Second && cuts == 0 {
		t.Error("no connection was reset")
	}
	t.Logf("%v: %d identities, %d weights put, %v, %d connections reset, %.0f MiB after two thirds of the time, %.0f MiB at the end",
		length, soakIdentities, total, ended, cuts, early, late)
}

// soakWorld is a chain of one subnet with as many validators as there are identities, a proxy before it, and a service.
type soakWorld struct {
	chain    *devchain.Chain
	metadata *scale.Metadata
	proxy    *faulttest.Proxy
	url      string
	pid      int
	keys     []*wallet.Keypair
	client   *http.Client
}

func newSoakWorld(t *testing.T) *soakWorld {
	t.Helper()
	w := &soakWorld{client: &http.Client{Timeout: 60 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: soakIdentities}}}
	rt, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: []devchain.Subnet{{Netuid: soakNetuid, Neurons: 16, Tempo: 10_000}}})
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := rt.Metadata(15)
	if !ok {
		t.Fatal("no metadata")
	}
	if w.metadata, err = scale.ParseMetadata(raw); err != nil {
		t.Fatal(err)
	}
	if w.chain, err = devchain.New(devchain.Config{Runtime: rt, BlockTime: 500 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.chain.Close() })
	folder := t.TempDir()
	var names []string
	settings := []string{
		"PYLON_BITTENSOR_WALLET_PATH=" + folder, "PYLON_DATABASE_PATH=" + filepath.Join(folder, "pylon.db"),
		"PYLON_BLOCK_DURATION_SECONDS=0.5", "PYLON_LOG_LEVEL=warn",
	}
	for i := range soakIdentities {
		key, err := wallet.FromURI("//Soak" + strconv.Itoa(i))
		if err != nil {
			t.Fatal(err)
		}
		w.keys = append(w.keys, key)
		name := fmt.Sprintf("soak%d", i)
		if err := (wallet.Wallet{Root: folder, Name: name}).WriteHotkey("hot", key, wallet.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		names = append(names, strconv.Quote(name))
		upper := "PYLON_ID_" + strings.ToUpper(name)
		settings = append(settings, upper+"_WALLET_NAME="+name, upper+"_HOTKEY_NAME=hot",
			fmt.Sprintf("%s_NETUID=%d", upper, soakNetuid), upper+"_TOKEN="+soakToken)
	}
	_, err = w.chain.ProduceEdited(func(st runtime.State) error {
		rt.SetWeightsRateLimit(st, soakNetuid, 0)
		var failures []error
		for _, key := range w.keys {
			_, err := rt.Register(st, soakNetuid, key.PublicKey(), key.PublicKey())
			rt.SetStake(st, soakNetuid, key.PublicKey(), 5_000_000_000_000)
			rt.SetBalance(st, key.PublicKey(), 1_000_000_000_000)
			failures = append(failures, err, rt.SetPermit(st, soakNetuid, key.PublicKey(), true))
		}
		return errors.Join(failures...)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.chain.Start(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	w.proxy = faulttest.NewProxy(t, w.chain.URL())
	settings = append(settings, "PYLON_IDENTITIES=["+strings.Join(names, ",")+"]",
		"PYLON_BITTENSOR_NETWORK="+w.proxy.URL(), "PYLON_BITTENSOR_ARCHIVE_NETWORK="+w.proxy.URL())
	w.url, w.pid, _ = startServeProcess(t, settings...)
	return w
}

// weightsOf are the weights that an identity puts in a round: they tell the round.
func weightsOf(keys []*wallet.Keypair, round int) map[string]float64 {
	return map[string]float64{keys[0].Address(): 1, keys[1].Address(): float64(round%1000+1) / 1001}
}

// putEverySecond puts weights of one identity until ctx ends, and returns how often.
func (w *soakWorld) putEverySecond(ctx context.Context, t *testing.T, i int) (rounds int) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		body, err := json.Marshal(map[string]any{"weights": weightsOf(w.keys, rounds)})
		if err != nil {
			t.Error(err)
			return rounds
		}
		// A request that has begun is not given up: the last round is the one that has to be on the chain.
		status, answer := w.do(context.WithoutCancel(ctx), http.MethodPut, fmt.Sprintf("/api/v1/identity/soak%d/subnet/%d/weights", i, soakNetuid), body)
		if status != http.StatusOK {
			t.Errorf("identity %d, round %d: %d %s", i, rounds, status, answer)
			return rounds
		}
		rounds++
		select {
		case <-ctx.Done():
			return rounds
		case <-tick.C:
		}
	}
}

// cutSometimes resets the connections to the node, each second with a probability of one in ten, and at least once.
func (w *soakWorld) cutSometimes(ctx context.Context) (cuts int) {
	random := rand.New(rand.NewPCG(1, 2))
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for second := 1; ; second++ {
		select {
		case <-ctx.Done():
			return cuts
		case <-tick.C:
		}
		if random.IntN(10) == 0 || second == 10 {
			w.proxy.Cut()
			cuts++
		}
	}
}

func (w *soakWorld) do(ctx context.Context, method, path string, body []byte) (int, []byte) {
	request, err := http.NewRequestWithContext(ctx, method, w.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, []byte(err.Error())
	}
	request.Header.Set("Authorization", "Bearer "+soakToken)
	response, err := w.client.Do(request)
	if err != nil {
		return 0, []byte(err.Error())
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, []byte(err.Error())
	}
	return response.StatusCode, answer
}

// soakIntent is what is looked at of an intent.
type soakIntent struct {
	ID, State, Reason, Detail string
	Ended                     *time.Time `json:"ended_at"`
}

// awaitEnds waits until every intent has ended, and returns how many have ended in which state. The newest of each
// identity has to be final.
func (w *soakWorld) awaitEnds(t *testing.T) map[string]int {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	ended := make(map[string]int)
	for i := range soakIdentities {
		for {
			all := w.intents(t, i)
			var open []soakIntent
			for _, intent := range all {
				if intent.Ended == nil {
					open = append(open, intent)
				}
			}
			if len(open) == 0 {
				if newest := all[0]; newest.State != "finalized" {
					t.Errorf("identity %d: the newest intent is %+v", i, newest)
				}
				for _, intent := range all {
					ended[intent.State]++
					if intent.State != "finalized" && intent.Reason != "replaced" {
						t.Errorf("identity %d: %+v", i, intent)
					}
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("identity %d: open after two minutes: %+v", i, open)
			}
			select {
			case <-time.After(100 * time.Millisecond):
			case <-t.Context().Done():
				t.Fatal("ended")
			}
		}
	}
	return ended
}

// intents returns all intents of an identity, the newest first.
func (w *soakWorld) intents(t *testing.T, i int) (all []soakIntent) {
	t.Helper()
	path := fmt.Sprintf("/api/_unstable/identity/soak%d/subnet/%d/intents", i, soakNetuid)
	for next := path; next != ""; {
		status, body := w.do(t.Context(), http.MethodGet, next, nil)
		var page struct {
			Intents []soakIntent
			Next    string
		}
		if err := json.Unmarshal(body, &page); err != nil || status != http.StatusOK {
			t.Fatalf("intents of identity %d: %d %s", i, status, body)
		}
		all = append(all, page.Intents...)
		next = ""
		if page.Next != "" {
			next = path + "?after=" + page.Next
		}
	}
	return all
}

// checkWeights looks into the chain's storage: it has the weights of the identity's last round.
func (w *soakWorld) checkWeights(t *testing.T, i, rounds int) {
	t.Helper()
	state, err := w.chain.State(w.chain.Best().Hash)
	if err != nil {
		t.Fatal(err)
	}
	uids, err := w.metadata.Storage("SubtensorModule", "Weights")
	if err != nil {
		t.Fatal(err)
	}
	// The keys were registered one after the other behind the subnet's first neurons.
	first := 16
	key, err := uids.Key(uint16(soakNetuid), uint16(first+i))
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := state.Get(key)
	if !ok {
		t.Errorf("identity %d has no weights", i)
		return
	}
	r := scale.NewReader(raw)
	got := make(map[uint16]uint16)
	for range r.Len(4) {
		uid := r.Uint16()
		got[uid] = r.Uint16()
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	second := weightsOf(w.keys, rounds-1)[w.keys[1].Address()]
	want := uint16(second*65535 + 0.5)
	if len(got) != 2 || got[uint16(first)] != 65535 || got[uint16(first+1)] < want-1 || got[uint16(first+1)] > want+1 {
		t.Errorf("identity %d, round %d: the chain has %v, not 65535 and %d", i, rounds, got, want)
	}
}

// residentMiB is the resident memory of the service.
func (w *soakWorld) residentMiB(t *testing.T) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}
