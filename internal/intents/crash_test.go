package intents

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// policies are what pools do to the first extrinsic that they see; later ones, and the same one later, are accepted.
var policies = map[string]struct {
	verdict devchain.Verdict
	times   int
	// ends is how the intent ends; finalized if empty.
	ends   pylon.IntentState
	reason pylon.IntentReason
}{
	"accept":           {verdict: devchain.Verdict{Action: devchain.Accept}, times: 1},
	"hold":             {verdict: devchain.Verdict{Action: devchain.Hold}, times: 4},
	holdForAnEra:       {verdict: devchain.Verdict{Action: devchain.Hold}, times: 33},
	"drop":             {verdict: devchain.Verdict{Action: devchain.Drop}, times: 1},
	"usurp":            {verdict: devchain.Verdict{Action: devchain.Usurp}, times: 1},
	"retract":          {verdict: devchain.Verdict{Action: devchain.Retract}, times: 1},
	"retract for ever": {verdict: devchain.Verdict{Action: devchain.RetractForever}, times: 1},
	"too fast":         {verdict: devchain.Verdict{Action: devchain.FailInBlock, Error: "SubtensorModule.SettingWeightsTooFast"}, times: 1},
	"low stake": {
		verdict: devchain.Verdict{Action: devchain.FailInBlock, Error: "SubtensorModule.NotEnoughStakeToSetWeights"}, times: 1,
		ends: pylon.StateFailed, reason: ReasonLowStake,
	},
}

// holdForAnEra takes a hundred blocks, so it is only done where bytes are on their way.
const holdForAnEra = "hold for an era"

// first is a policy for so many decisions, and acceptance after them.
func first(verdict devchain.Verdict, times int) devchain.PoolPolicy {
	var mu sync.Mutex
	return func(devchain.Pending) devchain.Verdict {
		mu.Lock()
		defer mu.Unlock()
		times--
		if times >= 0 {
			return verdict
		}
		return devchain.Verdict{}
	}
}

// crasher ends the goroutine that comes to a point for the first time, as if the process had ended there.
type crasher struct {
	point string
	once  sync.Once
	fired chan struct{}
}

func newCrasher(point string) *crasher { return &crasher{point: point, fired: make(chan struct{})} }

func (c *crasher) at(point string) {
	if point != c.point {
		return
	}
	crash := false
	c.once.Do(func() { crash = true; close(c.fired) })
	if crash {
		runtime.Goexit()
	}
}

func (c *crasher) hasFired() bool {
	select {
	case <-c.fired:
		return true
	default:
		return false
	}
}

// The engine dies at a point, the pool does what it likes, blocks go by, and an engine starts again: afterwards exactly
// one call has succeeded, or the intent has ended with the right reason, and no nonce was ever in danger.
func TestCrashAtEveryPoint(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, crashAndRecover)
}

// atEveryPoint tries a death at every point with every policy of the pool. Each point must have come with one of them.
func atEveryPoint(t *testing.T, try func(t *testing.T, point, policy string) (died bool)) {
	t.Helper()
	var mu sync.Mutex
	reached := make(map[string]bool)
	t.Run("points", func(t *testing.T) {
		for i, point := range Points() {
			for k, name := range slices.Sorted(maps.Keys(policies)) {
				if raceEnabled && (i+k)%4 != 0 || name == holdForAnEra && !slices.Contains([]string{PointSignRecorded, PointSent, PointAnswered}, point) {
					continue
				}
				t.Run(point+"/"+name, func(t *testing.T) {
					t.Parallel()
					if try(t, point, name) {
						mu.Lock()
						defer mu.Unlock()
						reached[point] = true
					}
				})
			}
		}
	})
	for _, point := range Points() {
		if !reached[point] && !raceEnabled {
			t.Errorf("nothing died at %q", point)
		}
	}
}

func crashAndRecover(t *testing.T, point, name string) (crashed bool) {
	policy, crash := policies[name], newCrasher(point)
	w := newWorld(t, worldConfig{file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}, config: Config{Crash: crash.at}})
	w.dev.SetPoolPolicy(first(policy.verdict, policy.times))
	id := w.putAnyhow()
	for range 50 {
		if crash.hasFired() || w.intent(id).State.Ended() {
			break
		}
		w.produceFor(crash)
	}
	w.close()
	_, err := w.dev.Produce(2)
	must(t, err)
	w.config.Crash = nil
	w.open()
	checkEnd(t, w, id, policy.ends, policy.reason)
	return crash.hasFired()
}

// putAnyhow hands weights over on a goroutine that may not come back.
func (w *world) putAnyhow() string {
	w.t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.engine.PutWeights(w.t.Context(), "sn", pylon.WeightsRequest{Weights: miners(w.t)})
	}()
	<-done
	intents, _, err := w.engine.Intents(w.t.Context(), pylon.IntentFilter{Identity: "sn"})
	must(w.t, err)
	if len(intents) != 1 {
		w.t.Fatalf("%d intents", len(intents))
	}
	return intents[0].ID
}

// produceFor makes a block, and waits until the engine has looked at it or has died.
func (w *world) produceFor(crash *crasher) {
	block, err := w.dev.Produce(1)
	must(w.t, err)
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for seen := 0; seen < 2; {
		select {
		case <-crash.fired:
			return
		case head := <-w.steps:
			if head.Hash == substrate.Hash(block.Hash) {
				seen++
			}
			for _, r := range w.engine.runners {
				r.nudge()
			}
		case <-ctx.Done():
			w.t.Fatalf("the engine did not look at block %d", block.Header.Number)
		}
	}
}

// checkEnd waits for the end of an intent and checks what the chain has of it.
func checkEnd(t *testing.T, w *world, id string, state pylon.IntentState, reason pylon.IntentReason) {
	t.Helper()
	want := 0
	if state == "" {
		state, want = pylon.StateFinalized, 1
	}
	intent := w.until(id, 120, state)
	w.produce(3)
	if intent.Reason != reason {
		t.Errorf("%s", describe(intent))
	}
	if succeeded := w.succeeded(); len(succeeded) != want {
		t.Errorf("calls that succeeded: %v, of %v; %s", succeeded, w.extrinsics(), describe(intent))
	}
	if err := w.dev.CheckNonces(); err != nil {
		t.Error(err)
	}
}

// succeeded are the calls of the identity that succeeded, on the best branch.
func (w *world) succeeded() []string {
	w.t.Helper()
	var found []string
	own := fmt.Sprintf("%x", w.config.Identities[0].Signer.PublicKey())
	for number := uint64(1); number <= w.dev.Best().Header.Number; number++ {
		block, _ := w.dev.Block(number)
		at := substrate.Hash(block.Hash)
		rt, err := w.client.Runtime(w.t.Context(), at)
		must(w.t, err)
		for _, bytes := range block.Extrinsics {
			x, err := rt.Metadata.DecodeExtrinsic(bytes)
			must(w.t, err)
			if !x.Signed || !strings.Contains(fmt.Sprint(x.Signer), own) {
				continue
			}
			header, err := w.client.Header(w.t.Context(), at)
			must(w.t, err)
			result, err := w.client.FindExtrinsic(w.t.Context(), scale.ExtrinsicHash(bytes), header, number)
			must(w.t, err)
			if result.Success {
				found = append(found, fmt.Sprintf("%d %s", number, x.Call.Name))
			}
		}
	}
	return found
}

// What is committed survives a crash at every point too: the salt is known, and the commit is revealed once.
func TestCrashWithCommits(t *testing.T) {
	t.Parallel()
	for i, point := range Points() {
		for method, spec := range map[pylon.WeightsMethod]uint32{pylon.MethodTimelocked: 475, pylon.MethodCommitReveal: 233} {
			if raceEnabled && (i%2 == 0) != (spec == 475) {
				continue
			}
			t.Run(point+"/"+string(method), func(t *testing.T) {
				t.Parallel()
				crash := newCrasher(point)
				w := newWorld(t, worldConfig{
					spec: spec, file: true, config: Config{Crash: crash.at},
					subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}},
				})
				id := w.putAnyhow()
				for range 40 {
					if crash.hasFired() || w.intent(id).State.Ended() {
						break
					}
					w.produceFor(crash)
				}
				w.close()
				w.config.Crash = nil
				w.open()
				intent := w.until(id, 60, pylon.StateRevealed)
				want := map[pylon.WeightsMethod]int{pylon.MethodTimelocked: 1, pylon.MethodCommitReveal: 2}[method]
				if calls := w.succeeded(); len(calls) != want || len(w.weightsOnChain(0)) != 3 {
					t.Errorf("sent: %v; %s", calls, describe(intent))
				}
				must(t, w.dev.CheckNonces())
			})
		}
	}
}

// The same with a process of its own that is killed by the operating system, so that nothing is tidied up.
func TestSIGKILLAtEveryPoint(t *testing.T) {
	t.Parallel()
	atEveryPoint(t, killAndRecover)
}

func killAndRecover(t *testing.T, point, name string) (killed bool) {
	policy := policies[name]
	w := newWorld(t, worldConfig{file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
	w.close()
	w.dev.SetPoolPolicy(first(policy.verdict, policy.times))
	killed = killVictim(t, w, point)
	w.open()
	intents, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: "sn"})
	must(t, err)
	if len(intents) != 1 {
		t.Fatalf("%d intents", len(intents))
	}
	checkEnd(t, w, intents[0].ID, policy.ends, policy.reason)
	return killed
}

// killVictim runs a process that hands weights over and is killed at a point, and makes blocks meanwhile. It returns false
// when the intent has ended before the process came to the point.
func killVictim(t *testing.T, w *world, point string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	victim := exec.CommandContext(ctx, os.Args[0], "-test.run=^$")
	victim.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", victimVariable, point, w.dev.URL(), w.path))
	said, err := victim.StdoutPipe()
	must(t, err)
	victim.Stderr = testWriter{t}
	must(t, victim.Start())
	heard := make(chan byte)
	go func() {
		defer close(heard)
		var b [1]byte
		for {
			if _, err := said.Read(b[:]); err != nil {
				return
			}
			heard <- b[0]
		}
	}()
	for range heard { // it wants a block
		_, err := w.dev.Produce(1)
		must(t, err)
	}
	err = victim.Wait()
	status, ok := victim.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case ctx.Err() != nil || !ok:
		t.Fatalf("the process did not come to an end by itself: %v", err)
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return true
	case status.ExitStatus() != victimEnded:
		t.Fatalf("the process failed: %v", err)
	}
	return false
}
