package intents

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// second starts another engine on the same store, as another process on one server would.
func (w *world) second(change func(*Config)) *Engine {
	w.t.Helper()
	config := w.config
	config.Store, config.Chain, config.Nodes, config.BlockTime = w.store, w.chain, w.client, blockTime
	config.Poll, config.Logger = 20*time.Millisecond, quiet()
	config.Weights = Budget{Retries: 200, Delay: time.Millisecond}
	change(&config)
	e, err := New(config)
	must(w.t, err)
	e.Start()
	w.t.Cleanup(e.Close)
	return e
}

// Two processes that share a store share the work: one of them works for a hotkey, requests may come to either, and when
// the one is gone without a word the other goes on. There is no second commit.
func TestReplicas(t *testing.T) {
	t.Parallel()
	crash := newCrasher(PointAnswered)
	w := newWorld(t, worldConfig{config: Config{Crash: crash.at, LeaseTTL: 400 * time.Millisecond}})
	w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.Hold}, 2))
	id := w.put(0, miners(t))
	select {
	case <-crash.fired: // the runner is gone, and its lease is not given back
	case <-time.After(patience):
		t.Fatal("the engine did not send it")
	}
	other := w.second(func(c *Config) { c.Crash, c.Owner, c.LeaseTTL = nil, "the other", 400*time.Millisecond })
	got, err := during2(w, func(ctx context.Context) (pylon.Intent, error) { return other.Wait(ctx, id, pylon.WaitFinalized) })
	must(t, err)
	if got.State != pylon.StateFinalized || got.Attempts != 1 || len(w.succeeded()) != 1 {
		t.Errorf("%s; %v", describe(got), w.extrinsics())
	}
	must(t, w.dev.CheckNonces())
}

// lookedAt tells whether a runner has looked at the newest block since this was last asked: a slow machine has slow blocks.
func (w *world) lookedAt() bool {
	select {
	case seen := <-w.steps:
		return seen.Number == w.dev.Best().Header.Number
	default:
		return false
	}
}

// during2 makes blocks while work goes on, whatever engine does it.
func during2[T any](w *world, work func(ctx context.Context) (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		value, err = work(ctx)
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return value, err
		case <-tick.C:
			if w.paced && !w.lookedAt() {
				continue
			}
			_, err := w.dev.Produce(1)
			must(w.t, err)
		}
	}
}

// A request to the process that does not work for the hotkey is carried out by the one that does.
func TestRequestToTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.produce(1) // this engine has the lease
	other := w.second(func(c *Config) { c.Owner = "the other" })
	got, err := during2(w, func(ctx context.Context) (pylon.Intent, error) {
		return other.SetCommitment(ctx, "sn", pylon.CommitmentRequest{Data: []byte("by the other")})
	})
	must(t, err)
	if got.State != pylon.StateFinalized {
		t.Error(describe(got))
	}
}

// A second process with the same file answers writes with who holds it.
func TestHeldStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{file: true})
	w.produce(1)
	other, err := store.Open(t.Context(), store.Config{Path: w.path, Logger: quiet()})
	must(t, err)
	t.Cleanup(func() { _ = other.Close() })
	e := w.second(func(c *Config) { c.Store = other })
	_, err = e.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
	if problem.KindOf(err) != problem.NotReady || !errors.Is(err, store.ErrHeld) {
		t.Errorf("%v", err)
	}
}

// A certificate whose private key is gone: cancelled when nothing is signed, key_lost when something is.
func TestKeyLost(t *testing.T) {
	t.Parallel()
	for point, want := range map[string]pylon.IntentState{PointRecorded: pylon.StateCancelled, PointSignRecorded: pylon.StateFailed} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			crash := newCrasher(point)
			w := newWorld(t, worldConfig{identity: "//Miner0", file: true, config: Config{Crash: crash.at}})
			var group sync.WaitGroup
			ctx, cancel := context.WithCancel(t.Context())
			group.Go(func() {
				_, _, _ = w.engine.GenerateCertificate(ctx, "sn", pylon.CertificateRequest{Algorithm: pylon.AlgorithmEd25519})
			})
			select {
			case <-crash.fired:
			case <-time.After(patience):
				t.Fatal("nothing was recorded")
			}
			cancel()
			group.Wait()
			w.close()
			w.config.Crash = nil
			w.open()
			intents, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: "sn"})
			must(t, err)
			if intent := w.until(intents[0].ID, 60, want); intent.Reason != ReasonKeyLost {
				t.Error(describe(intent))
			}
			must(t, w.dev.CheckNonces())
		})
	}
}

// Blocks that are not final settle nothing: nothing is signed until they are, and it is said why.
func TestFinalityStalls(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{lag: devchain.ManualFinality, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 400}}})
	w.dev.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Hold}))
	id := w.put(0, miners(t))
	w.produce(60)
	intent := w.intent(id)
	if intent.Reason != ReasonFinalityStalled || intent.Attempts != 1 {
		t.Error(describe(intent))
	}
	w.dev.SetPoolPolicy(nil)
	must(t, w.dev.Finalize(w.dev.Best().Hash))
	w.until(id, 10, pylon.StateIncluded)
	must(t, w.dev.Finalize(w.dev.Best().Hash))
	if intent = w.until(id, 5, pylon.StateFinalized); intent.Attempts != 2 {
		t.Error(describe(intent))
	}
	must(t, w.dev.CheckNonces())
}

// A public network has quicknet: a node that names another beacon could read everything at once.
func TestWrongBeacon(t *testing.T) {
	t.Parallel()
	finney, err := substrate.ParseHash("0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03")
	must(t, err)
	quicknet, rounds := timelock.Quicknet()
	key := quicknet.Bytes()
	beacon, err := timelock.NewBeacon([32]byte{7})
	must(t, err)
	other := beacon.PublicKey().Bytes()
	for name, test := range map[string]struct {
		genesis substrate.Hash
		beacon  *chain.Beacon
		refused bool
	}{
		"none on finney":     {finney, nil, false},
		"quicknet on finney": {finney, &chain.Beacon{PublicKey: key[:], Genesis: rounds.Genesis, Period: rounds.Period}, false},
		"another on finney":  {finney, &chain.Beacon{PublicKey: other[:], Genesis: rounds.Genesis, Period: rounds.Period}, true},
		"another genesis":    {finney, &chain.Beacon{PublicKey: key[:], Genesis: rounds.Genesis.Add(time.Second), Period: rounds.Period}, true},
		"another at home":    {substrate.Hash{1}, &chain.Beacon{PublicKey: other[:], Genesis: rounds.Genesis, Period: time.Second}, false},
		"no key":             {substrate.Hash{1}, &chain.Beacon{PublicKey: []byte{1, 2}, Period: time.Second}, true},
		"no period":          {substrate.Hash{1}, &chain.Beacon{PublicKey: other[:]}, true},
	} {
		e := &Engine{genesis: test.genesis}
		_, _, err := e.beacon(&chain.Facts{Beacon: test.beacon})
		var v *verdictError
		if got := errors.As(err, &v) && v.Reason == ReasonBeacon; got != test.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Changes tell of every state, in order, and end with the engine.
func TestChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	events, stop := w.engine.Changes(100)
	defer stop()
	w.until(w.put(0, miners(t)), 10, pylon.StateFinalized)
	w.close()
	var states []pylon.IntentState
	for event := range events {
		if n := len(states); n == 0 || states[n-1] != event.Intent.State {
			states = append(states, event.Intent.State)
		}
	}
	want := []pylon.IntentState{pylon.StateRecorded, pylon.StateSigned, pylon.StateSubmitted, pylon.StateIncluded, pylon.StateFinalized}
	if len(states) != len(want) {
		t.Fatalf("%v", states)
	}
	for i := range want {
		if states[i] != want[i] {
			t.Errorf("%v", states)
		}
	}
}

// Pages of an identity's intents, newest first.
func TestIntentPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	for range 5 {
		w.put(0, miners(t))
	}
	seen := 0
	for filter := (pylon.IntentFilter{Identity: "sn", Limit: 2}); ; {
		page, next, err := w.engine.Intents(t.Context(), filter)
		must(t, err)
		seen += len(page)
		if next == "" {
			break
		}
		filter.Before = next
	}
	if seen != 5 {
		t.Errorf("%d intents", seen)
	}
	open, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: "sn", Open: true})
	if err != nil || len(open) != 1 {
		t.Errorf("%d open, %v", len(open), err)
	}
	for _, filter := range []pylon.IntentFilter{{Identity: "nobody"}, {Identity: "sn", Limit: -1}} {
		if _, _, err := w.engine.Intents(t.Context(), filter); err == nil {
			t.Errorf("%+v: no error", filter)
		}
	}
	if _, err := w.engine.Intent(t.Context(), "no such"); problem.KindOf(err) != problem.NotFound {
		t.Errorf("%v", err)
	}
	if _, err := w.engine.CancelIntent(t.Context(), "another", open[0].ID); problem.KindOf(err) != problem.NotFound {
		t.Errorf("%v", err)
	}
}

// A process that stands still in the middle of a step, as under a debugger or on a machine that was suspended, loses the
// hotkey to another. When it goes on it sends nothing that the other does not know.
func TestLeaseLostInAStep(t *testing.T) {
	t.Parallel()
	for _, point := range []string{PointPlanned, PointSigned, PointSignRecorded, PointSent, PointInBlock, PointFinalized, PointOutcome} {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			var once sync.Once
			stands, on := make(chan struct{}), make(chan struct{})
			goOn := sync.OnceFunc(func() { close(on) })
			w := newWorld(t, worldConfig{lag: 1, config: Config{Owner: "one", Crash: func(at string) {
				if at == point {
					once.Do(func() { close(stands); <-on })
				}
			}}, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
			t.Cleanup(goOn) // before the engine is closed
			id := w.put(0, miners(t))
			_, err := during2(w, func(ctx context.Context) (struct{}, error) {
				select {
				case <-stands:
					return struct{}{}, nil
				case <-ctx.Done():
					return struct{}{}, ctx.Err()
				}
			})
			must(t, err)
			// The same owner takes the lease at once.
			other := w.second(func(c *Config) { c.Crash = nil })
			got, err := during2(w, func(ctx context.Context) (pylon.Intent, error) { return other.Wait(ctx, id, pylon.WaitFinalized) })
			must(t, err)
			other.Close()
			goOn()
			w.produce(5)
			after := w.intent(id)
			if calls := w.extrinsics(); len(calls) != 1 || got.State != pylon.StateFinalized || got.Attempts != 1 || after.ExtrinsicHash != got.ExtrinsicHash || after.State != got.State {
				t.Errorf("%v; %s; %s", calls, describe(got), describe(after))
			}
			must(t, w.dev.CheckNonces())
		})
	}
}
