package intents

import (
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// The numbers are those of the Python service's own rule (subtensor-chain 7.1).
func TestQuantise(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		weights []float64
		want    []uint16
	}{
		{[]float64{1, 0.5, 0.00001}, []uint16{65535, 32768, 1}},
		{[]float64{0, 2}, []uint16{0, 65535}},
		{[]float64{3, 1}, []uint16{65535, 21845}},
		{[]float64{0, 0}, []uint16{0, 0}},
		{nil, []uint16{}},
		{[]float64{1e300, 5e299}, []uint16{65535, 32768}},
		{[]float64{5e-324, 0}, []uint16{65535, 0}},
		{[]float64{65535, 0.5, 1.5, 2.5}, []uint16{65535, 0, 2, 2}}, // halves go to the even neighbour
		{[]float64{1, -1}, nil},
		{[]float64{-1, -2}, nil},
		{[]float64{0, -1}, nil},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, []uint16{65535, 65535}},
	} {
		rows := make([]row, len(test.weights))
		for i, weight := range test.weights {
			rows[i] = row{uint16(i), weight}
		}
		_, got, err := quantise(rows)
		if (err != nil) != (test.want == nil) || err == nil && !slices.Equal(got, test.want) {
			t.Errorf("%v: %v, %v", test.weights, got, err)
		}
	}
}

// The example of subtensor-chain 8.4.
func TestCommitHash(t *testing.T) {
	t.Parallel()
	alice, err := wallet.FromURI("//Alice")
	must(t, err)
	got := commitHash(&plan{
		UIDs: []uint16{0, 1, 2}, Values: []uint16{65535, 32768, 1}, Salt: []uint16{11, 22, 33, 44}, VersionKey: 10002000,
	}, chain.FactsQuery{Netuid: 12, Hotkey: alice.PublicKey()})
	if want := "15c30f11fb557c19dc7d176446d1f76b1edb3d668bf7222f3f6eaf8586834464"; hex.EncodeToString(got[:]) != want {
		t.Errorf("%x, not %s", got, want)
	}
}

// What a PUT is answered with, before the chain has anything.
func TestConformance082To085(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	intent, err := w.engine.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
	must(t, err)
	if intent.State != pylon.StateRecorded || intent.Mechanism != 0 || intent.StartBlock != 1 || len(w.extrinsics()) != 0 {
		t.Error(describe(intent))
	}
	for name, weights := range map[string]map[pylon.Hotkey]float64{
		"none": {}, "no number": {hotkey(t, "//Miner0"): math.NaN()}, "endless": {hotkey(t, "//Miner0"): math.Inf(1)},
	} {
		if _, err := w.engine.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: weights}); problem.KindOf(err) != problem.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.engine.PutWeights(t.Context(), "nobody", pylon.WeightsRequest{Weights: miners(t)}); problem.KindOf(err) != problem.NotFound {
		t.Errorf("%v", err)
	}
}

// Hotkeys without a neuron are dropped and named, the others are set.
func TestConformance086(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	weights := miners(t)
	weights[hotkey(t, "//Stranger")], weights["no address"] = 5, 7
	intent := w.until(w.put(0, weights), 10, pylon.StateFinalized)
	want := []pylon.Hotkey{hotkey(t, "//Stranger"), "no address"}
	slices.Sort(want)
	if got := w.weightsOnChain(0); len(got) != 3 || got[4] != 65535 || !slices.Equal(intent.DroppedHotkeys, want) {
		t.Errorf("%v, dropped %v", got, intent.DroppedHotkeys)
	}
}

// The latest wins, for its mechanism; another mechanism is not touched.
func TestConformance088(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	w := newWorld(t, worldConfig{netuid: 3, identity: "//Charlie", config: Config{Crash: func(point string) {
		if point == PointPlanned {
			<-gate // nothing is signed before all three are there
		}
	}}})
	first, other := w.put(0, miners(t)), w.put(1, miners(t))
	second := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	close(gate)
	if intent := w.intent(first); intent.State != pylon.StateCancelled || intent.Reason != ReasonReplaced {
		t.Error(describe(intent))
	}
	w.until(second, 20, pylon.StateFinalized)
	w.until(other, 20, pylon.StateFinalized)
	if got := w.weightsOnChain(0); len(got) != 1 || got[7] != 65535 {
		t.Errorf("mechanism 0: %v", got)
	}
	if got := w.weightsOnChain(1); len(got) != 3 {
		t.Errorf("mechanism 1: %v", got)
	}
	if calls := w.extrinsics(); len(calls) != 2 {
		t.Errorf("sent: %v", calls)
	}
	must(t, w.dev.CheckNonces())
}

// What is signed can not be called back: it is followed to its end, and what is newer comes after it.
func TestNewerAfterSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	first := w.put(0, miners(t))
	w.produce(1)
	second := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	if intent := w.intent(first); intent.State.Ended() || !intent.Superseded {
		t.Error(describe(intent))
	}
	if _, err := w.engine.CancelIntent(t.Context(), "sn", first); problem.KindOf(err) != problem.Conflict {
		t.Errorf("what is signed was cancelled: %v", err)
	}
	w.until(second, 20, pylon.StateFinalized)
	if intent := w.intent(first); intent.State != pylon.StateFinalized {
		t.Error(describe(intent))
	}
	if got := w.weightsOnChain(0); len(got) != 1 {
		t.Errorf("%v", got)
	}
	must(t, w.dev.CheckNonces())
}

// A superseded intent whose bytes die is not signed again.
func TestSupersededBytesDie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
	w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.Hold}, 33))
	old := w.put(0, miners(t))
	w.produce(2)
	newer := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	w.until(newer, 60, pylon.StateFinalized)
	if intent := w.intent(old); intent.State != pylon.StateCancelled || intent.Reason != ReasonReplaced {
		t.Error(describe(intent))
	}
	if calls := w.extrinsics(); len(calls) != 1 {
		t.Errorf("sent: %v", calls)
	}
	must(t, w.dev.CheckNonces())
}

// An attempt that hangs is given up and the same bytes are sent again.
func TestConformance090(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{config: Config{AttemptTimeout: 2 * time.Second}})
	hung := make(chan struct{}, 16)
	w.dev.Hook("author_submitExtrinsic", func(_ context.Context, call *devchain.Call) {
		select {
		case hung <- struct{}{}:
			call.Silent = true
		default:
		}
	})
	for range cap(hung) - 1 {
		hung <- struct{}{}
	}
	intent := w.until(w.put(0, miners(t)), 20, pylon.StateFinalized)
	if calls := w.extrinsics(); len(calls) != 1 || intent.Attempts != 1 {
		t.Errorf("sent: %v; %s", calls, describe(intent))
	}
}

// An intent goes on after a restart, with its old start; one whose identity has changed does not.
func TestConformance091(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{file: true})
	w.dev.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Hold}))
	before := w.intent(w.put(0, miners(t)))
	w.produce(2)
	w.close()
	w.dev.SetPoolPolicy(nil)
	w.open()
	after := w.until(before.ID, 20, pylon.StateFinalized)
	if after.StartBlock != before.StartBlock {
		t.Errorf("the start moved from %d to %d", before.StartBlock, after.StartBlock)
	}
	waiting := w.put(0, miners(t))
	w.close()
	w.config.Identities[0].Netuid = 2
	w.open()
	w.produce(1)
	if intent := w.intent(waiting); intent.State != pylon.StateCancelled || intent.Reason != ReasonIdentityChanged {
		t.Error(describe(intent))
	}
}

// The status is about the epoch of a block and one mechanism.
func TestConformance092(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 3, identity: "//Charlie"})
	status := func(mechanism uint8) bool {
		t.Helper()
		s, err := w.engine.WeightsStatus(t.Context(), "sn", mechanism, w.dev.Best().Header.Number)
		must(t, err)
		return s.WeightsSubmitted
	}
	if status(0) {
		t.Error("true before anything was asked for")
	}
	intent := w.until(w.put(0, miners(t)), 20, pylon.StateFinalized)
	if !status(0) || status(1) {
		t.Error("not true for the mechanism, or true for another")
	}
	w.produce(int(intent.DeadlineBlock-w.dev.Best().Header.Number) + 1)
	if status(0) {
		t.Error("true in the next epoch")
	}
	if s, err := w.engine.WeightsStatus(t.Context(), "sn", 0, intent.DeadlineBlock); err != nil || !s.WeightsSubmitted {
		t.Errorf("false in the last block of the epoch: %v", err)
	}
}

func TestConformance093(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	_, err := w.engine.WeightsStatus(t.Context(), "sn", 0, 99)
	if problem.KindOf(err) != problem.NotFound || err.Error() != "Block 99 not found." {
		t.Errorf("%v", err)
	}
}

// A rate-limited write waits for the block that may have it, and is in exactly that one.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 4, identity: "//Dave"})
	w.produce(20) // the seeds have set weights at block 0
	one := w.until(w.put(0, miners(t)), 30, pylon.StateFinalized)
	two := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	w.produce(1)
	if intent := w.intent(two); intent.State != pylon.StateRecorded || intent.Reason != ReasonRateLimited || intent.NotBefore != one.Block.Number+20 {
		t.Error(describe(intent))
	}
	intent := w.until(two, 40, pylon.StateFinalized)
	if intent.Block.Number != one.Block.Number+20 || intent.Attempts != 1 {
		t.Error(describe(intent))
	}
}

// When the epoch ends before the rate limit does, the reason is the rate limit.
func TestRateLimitBeyondTheEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 30, WeightsRateLimit: 25}}})
	w.edit(func(st runtime.State) {
		must(t, w.rt.SetLastUpdate(st, 1, 0, w.config.Identities[0].Signer.PublicKey(), 0))
	})
	w.until(w.put(0, miners(t)), 10, pylon.StateFinalized)
	intent := w.until(w.put(0, miners(t)), 40, pylon.StateExpired)
	if intent.Reason != ReasonRateLimited {
		t.Error(describe(intent))
	}
}

// Somebody else who writes with the same hotkey after us ends our intent, and nothing is sent.
func TestForeignWrite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.until(w.put(0, miners(t)), 10, pylon.StateFinalized) // our own write is not foreign
	w.dev.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Hold}))
	id := w.put(0, miners(t))
	w.edit(func(st runtime.State) {
		must(t, w.rt.SetLastUpdate(st, 1, 0, w.config.Identities[0].Signer.PublicKey(), w.dev.Best().Header.Number+1))
	})
	w.produce(40)
	if intent := w.intent(id); intent.State != pylon.StateFailed || intent.Reason != ReasonForeignWrite {
		t.Error(describe(intent))
	}
	if calls := w.extrinsics(); len(calls) != 1 {
		t.Errorf("sent: %v", calls)
	}
}

// The owner switches commit-reveal while the extrinsic is on its way: it is done again, the other way.
func TestCommitRevealIsSwitched(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 100, CommitReveal: !on}}})
		w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.Hold}, 2))
		id := w.put(0, miners(t))
		w.produce(1)
		w.edit(func(st runtime.State) { w.rt.SetCommitReveal(st, 1, on) })
		intent := w.until(id, 20, map[bool]pylon.IntentState{true: pylon.StateAwaitingReveal, false: pylon.StateFinalized}[on])
		if intent.Attempts != 2 {
			t.Error(describe(intent))
		}
		must(t, w.dev.CheckNonces())
	}
}

// What the chain would say is known before anything is sent.
func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	dry := func() pylon.WeightsPlan {
		t.Helper()
		p, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
		must(t, err)
		return p
	}
	got := dry()
	if !got.Acceptable || got.Method != pylon.MethodDirect || got.Call != "SubtensorModule.set_mechanism_weights" || !slices.Equal(got.UIDs, []uint16{4, 5, 6}) ||
		!slices.Equal(got.Values, []uint16{65535, 32768, 1}) || got.VersionKey != DefaultVersionKey || got.DeadlineBlock != 49 {
		t.Errorf("%+v", got)
	}
	bob := signer(t, "//Bob").PublicKey() // //Alice is the subnet owner's, whom the chain asks for neither stake nor permit
	for reason, change := range map[pylon.IntentReason]func(w *world, st runtime.State){
		ReasonNoPermit:      func(w *world, st runtime.State) { must(t, w.rt.SetPermit(st, 1, bob, false)) },
		ReasonLowStake:      func(w *world, st runtime.State) { w.rt.SetStakeThreshold(st, 1<<62) },
		ReasonVersionKey:    func(w *world, st runtime.State) { w.rt.SetWeightsVersionKey(st, 1, DefaultVersionKey+1) },
		ReasonTooFewWeights: func(w *world, st runtime.State) { w.rt.SetMinAllowedWeights(st, 1, 4) },
		ReasonRateLimited: func(w *world, st runtime.State) {
			w.rt.SetWeightsRateLimit(st, 1, 1000)
			must(t, w.rt.SetLastUpdate(st, 1, 0, bob, 1))
		},
		ReasonNotRegistered: func(w *world, st runtime.State) { must(t, w.rt.Deregister(st, 1, bob)) },
	} {
		t.Run(string(reason), func(t *testing.T) {
			w := newWorld(t, worldConfig{identity: "//Bob"})
			w.edit(func(st runtime.State) { change(w, st) })
			p, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
			must(t, err)
			if p.Acceptable || p.Reason != reason || p.Detail == "" {
				t.Errorf("%+v", p)
			}
		})
	}
	if calls := w.extrinsics(); len(calls) != 0 {
		t.Errorf("sent: %v", calls)
	}
	intents, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: "sn"})
	if err != nil || len(intents) != 0 {
		t.Errorf("%v, %v", intents, err)
	}
}

// unused is a signer who is not to sign.
type unused struct {
	substrate.Signer
	t *testing.T
}

func (u unused) Sign(message []byte) ([]byte, error) {
	u.t.Errorf("signed: %x", message)
	return u.Signer.Sign(message)
}

// A dry run signs nothing: what a node is shown to learn the fee could never be included.
func TestDryRunSignsNothing(t *testing.T) {
	t.Parallel()
	for netuid := pylon.Netuid(1); netuid <= 2; netuid++ {
		w := newWorld(t, worldConfig{netuid: netuid, identity: "//Bob"})
		identity := w.engine.identities["sn"]
		identity.Signer = unused{identity.Signer, t}
		p, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
		if err != nil || !p.Acceptable {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// A dry run on a subnet with commit-reveal names the round and the blocks of the reveal.
func TestDryRunOfCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 2, identity: "//Bob"})
	p, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
	must(t, err)
	if p.Method != pylon.MethodTimelocked || p.RevealRound == 0 || p.RevealFirst <= p.DeadlineBlock || p.RevealLast < p.RevealFirst || !p.Acceptable {
		t.Errorf("%+v", p)
	}
}

// An idempotency key stands for one request.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	ask := func(weights map[pylon.Hotkey]float64) (pylon.Intent, error) {
		return w.engine.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: weights, IdempotencyKey: "monday"})
	}
	one, err := ask(miners(t))
	must(t, err)
	two, err := ask(miners(t))
	must(t, err)
	if one.ID != two.ID {
		t.Error("two intents for one key")
	}
	if _, err := ask(map[pylon.Hotkey]float64{hotkey(t, "//Miner0"): 1}); problem.KindOf(err) != problem.Unprocessable {
		t.Errorf("%v", err)
	}
}

// Without a node, tries are counted and end in time; with one that comes back, the weights are set.
func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{config: Config{Weights: Budget{Retries: 3, Delay: time.Millisecond}}})
	refuse := func(_ context.Context, call *devchain.Call) {
		call.Error = &devchain.RPCError{Code: -32000, Message: "no storage today"}
	}
	w.dev.Hook("state_queryStorageAt", refuse)
	w.dev.Hook("state_getStorage", refuse)
	id := w.put(0, miners(t))
	intent, err := w.engine.Wait(t.Context(), id, pylon.WaitFinalized)
	must(t, err)
	if intent.Reason != ReasonAttemptsExhausted || intent.Attempts != 4 || !strings.Contains(intent.LastError, "no storage today") {
		t.Error(describe(intent))
	}
}

// A mechanism that the subnet does not have.
func TestNoMechanism(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 3, identity: "//Charlie"})
	if intent := w.until(w.put(2, miners(t)), 5, pylon.StateFailed); intent.Reason != ReasonNoMechanism || len(w.extrinsics()) != 0 {
		t.Error(describe(intent))
	}
	if _, err := w.engine.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Mechanism: 16, Weights: miners(t)}); problem.KindOf(err) != problem.NotFound {
		t.Errorf("%v", err)
	}
}

// Negative weights have no number on the chain.
func TestNegativeWeights(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	id := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner0"): 1, hotkey(t, "//Miner1"): -1})
	if intent := w.until(id, 5, pylon.StateFailed); intent.Reason != ReasonInvalidWeights {
		t.Error(describe(intent))
	}
}

func ExampleBudget_wait() {
	b := Budget{Retries: 200, Delay: time.Second}
	var waits []string
	for retry := 1; retry <= 6; retry++ {
		waits = append(waits, b.wait(retry).String())
	}
	fmt.Println(strings.Join(waits, " "))
	// Output: 1s 2s 4s 8s 10s 10s
}

// Requests that replace each other by the hundred while one is on its way do not hide it: the last of them is brought onto
// the chain after it, and its write is not taken for somebody else's.
func TestManyRequestsBehindOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	first := w.put(0, miners(t))
	w.until(first, 3, pylon.StateSubmitted)
	last := ""
	for i := range store.MaxPage + 10 {
		last = w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1, hotkey(t, "//Miner4"): float64(i + 1)})
	}
	w.until(first, 6, pylon.StateFinalized)
	if intent := w.until(last, 6, pylon.StateFinalized); intent.Attempts != 1 {
		t.Error(describe(intent))
	}
}
