package intents

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// Pulses that do not come in time lose the weights, and it is said.
func TestNotRevealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	id := w.put(0, miners(t))
	w.until(id, 10, pylon.StateAwaitingReveal)
	w.edit(func(st runtime.State) { w.rt.HoldPulses(st, true) })
	intent := w.until(id, 60, pylon.StateFailed)
	if intent.Reason != ReasonNotRevealed {
		t.Error(describe(intent))
	}
}

// Where blocks are faster than the beacon's rounds, whatever is committed is revealed all the same: the pace of the blocks
// is the runtime's, and a round that comes after the window is not chosen.
func TestRevealedOnFastChains(t *testing.T) {
	t.Parallel()
	const tempo = 20
	for _, slot := range []time.Duration{time.Second, 100 * time.Millisecond, 20 * time.Millisecond} {
		if raceEnabled && slot == time.Second {
			continue
		}
		t.Run(slot.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, worldConfig{lag: 1, slot: slot, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: tempo, CommitReveal: true}}})
			for wait := range 4 {
				w.produce(7 * wait)
				id := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1, hotkey(t, "//Miner4"): float64(wait + 1)})
				if intent := w.until(id, 10, pylon.StateAwaitingReveal, pylon.StateExpired); intent.State == pylon.StateAwaitingReveal {
					w.until(id, 3*tempo, pylon.StateRevealed)
				}
			}
		})
	}
}

// Pulses that come late, but in time, reveal the weights.
func TestRevealedLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	id := w.put(0, miners(t))
	intent := w.until(id, 10, pylon.StateAwaitingReveal)
	w.edit(func(st runtime.State) { w.rt.HoldPulses(st, true) })
	w.produce(int(intent.RevealLast - 6 - w.dev.Best().Header.Number))
	w.edit(func(st runtime.State) { w.rt.HoldPulses(st, false) })
	w.until(id, 10, pylon.StateRevealed)
}

// An engine that was away during the reveal finds out afterwards, also when newer weights have taken the place.
func TestRevealedWhileAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	old := w.put(0, miners(t))
	w.until(old, 10, pylon.StateAwaitingReveal)
	w.produce(int(w.epochEnd()-w.dev.Best().Header.Number) + 1)
	newer := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	for range 20 { // the first is revealed in this epoch
		if w.intent(newer).State == pylon.StateAwaitingReveal {
			break
		}
		w.produce(1)
	}
	w.close()
	for range 4 {
		_, err := w.dev.Produce(10)
		must(t, err)
	}
	w.open()
	w.until(old, 10, pylon.StateRevealed)
	w.until(newer, 10, pylon.StateRevealed)
}

// An engine that was away for longer than any node keeps its states cannot know whether a commit was revealed, and says so
// instead of asking for ever.
func TestRevealThatNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	id := w.put(0, miners(t))
	w.until(id, 10, pylon.StateAwaitingReveal)
	w.edit(func(st runtime.State) { w.rt.HoldPulses(st, true) })
	w.close()
	_, err := w.dev.Produce(60)
	must(t, err)
	w.dev.Prune(10)
	w.open()
	if intent := w.until(id, 6, pylon.StateFailed); intent.Reason != ReasonOutcomeUnknown {
		t.Error(describe(intent))
	}
}

// A hash that was not revealed in its epoch can never be.
func TestRevealMissed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{spec: 233, file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	id := w.put(0, miners(t))
	w.until(id, 10, pylon.StateAwaitingReveal)
	w.close()
	for range 4 {
		_, err := w.dev.Produce(10)
		must(t, err)
	}
	w.open()
	if intent := w.until(id, 5, pylon.StateExpired); intent.Reason != ReasonRevealMissed {
		t.Error(describe(intent))
	}
}

// hashedWorld is a chain that knows no timelocked commits.
func hashedWorld(t *testing.T, spec uint32, tempo uint16) *world {
	return newWorld(t, worldConfig{spec: spec, lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: tempo, CommitReveal: true}}})
}

// A commit in the block in which an epoch runs counts for the epoch that ends with it, where epochs follow from block
// numbers: it is revealed in the next one. Its deadline keeps a commit out of that block, unless the owner moves the
// epochs while it is on its way.
func TestCommitInTheBlockOfAnEpoch(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233} {
		w := hashedWorld(t, spec, 40)
		const tempo, edge = 12, 10 // (10 + netuid + 1) mod 13 = 12
		w.dev.SetPoolPolicy(func(devchain.Pending) devchain.Verdict {
			if w.dev.Best().Header.Number+1 < edge {
				return devchain.Verdict{Action: devchain.Hold}
			}
			return devchain.Verdict{}
		})
		id := w.put(0, miners(t))
		w.produce(2)
		w.edit(func(st runtime.State) { w.rt.SetTempo(st, 1, tempo) })
		w.produce(edge - int(w.dev.Best().Header.Number))
		if w.sinceEpoch(edge) != 0 {
			t.Fatalf("no epoch ran in block %d", edge)
		}
		intent := w.until(id, 3, pylon.StateAwaitingReveal)
		if intent.RevealFirst != edge+1 || intent.RevealLast != edge+1+tempo {
			t.Errorf("spec %d: revealed in blocks %d to %d", spec, intent.RevealFirst, intent.RevealLast)
		}
		if calls := w.extrinsics(); len(calls) != 1 || !strings.HasPrefix(calls[0], "10 ") {
			t.Fatalf("spec %d: %v", spec, calls)
		}
		intent = w.until(id, 40, pylon.StateRevealed)
		if intent.Block.Number > edge+1+tempo {
			t.Errorf("spec %d: %s", spec, describe(intent))
		}
	}
}

// The chain counts the epoch of a commit anew when it is revealed: a change of the tempo moves the reveal, to earlier
// and to later.
func TestTempoChangesBeforeReveal(t *testing.T) {
	t.Parallel()
	for _, tempo := range []uint16{12, 70} {
		w := hashedWorld(t, 233, 40)
		w.produce(11)
		id := w.put(0, miners(t))
		before := w.until(id, 10, pylon.StateAwaitingReveal)
		w.edit(func(st runtime.State) { w.rt.SetTempo(st, 1, tempo) })
		w.produce(1)
		if after := w.intent(id); after.RevealFirst == before.RevealFirst {
			t.Errorf("tempo %d: %s", tempo, describe(after))
		}
		w.until(id, 90, pylon.StateRevealed)
	}
}

// A restart between commit and reveal loses nothing: the salt was written down before the commit was sent.
func TestRestartBeforeReveal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{spec: 218, file: true, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, CommitReveal: true}}})
	id := w.put(0, miners(t))
	w.until(id, 10, pylon.StateAwaitingReveal)
	w.close()
	_, err := w.dev.Produce(3)
	must(t, err)
	w.open()
	w.until(id, 40, pylon.StateRevealed)
	if got := w.weightsOnChain(0); len(got) != 3 {
		t.Errorf("%v", got)
	}
}

// A runtime upgrade makes signed bytes worthless: they are signed again as soon as the upgrade is final, and not after
// the whole era.
func TestRuntimeUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
	w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.Hold}, 2))
	id := w.put(0, miners(t))
	w.produce(1)
	next, err := devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true, SpecVersion: 476})
	must(t, err)
	w.dev.Upgrade(next)
	intent := w.until(id, 20, pylon.StateFinalized)
	if intent.Attempts != 2 {
		t.Error(describe(intent))
	}
	must(t, w.dev.CheckNonces())
}

// What is signed after a runtime upgrade, before that is final, is signed for the new runtime.
func TestSignedAfterARuntimeUpgrade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{lag: devchain.ManualFinality, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300}}})
	next, err := devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true, SpecVersion: 476})
	must(t, err)
	w.dev.Upgrade(next)
	w.produce(2)
	id := w.put(0, miners(t))
	if intent := w.until(id, 3, pylon.StateIncluded); intent.Attempts != 1 {
		t.Error(describe(intent))
	}
}

// Two programs with a store each and one hotkey: weights of the other that came after the request end it.
func TestTwoStores(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{file: true})
	w.dev.SetPoolPolicy(devchain.Always(devchain.Verdict{Action: devchain.Hold}))
	mine := w.put(0, miners(t))
	w.close()
	path := w.path
	w.dev.SetPoolPolicy(nil)
	w.path = filepath.Join(t.TempDir(), "other.db")
	w.open()
	w.until(w.put(0, miners(t)), 10, pylon.StateFinalized)
	w.close()
	w.path = path
	w.open()
	intent := w.until(mine, 40, pylon.StateFailed, pylon.StateFinalized)
	// What was signed before is followed to its end; what was not ends.
	if n := len(w.succeeded()); intent.State == pylon.StateFinalized && n != 2 || intent.State == pylon.StateFailed && (n != 1 || intent.Reason != ReasonForeignWrite) {
		t.Errorf("%d calls; %s", n, describe(intent))
	}
}

// On a subnet with Null consensus only the neuron with the permit may set weights, the owner or not.
func TestNullConsensus(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{identity: "//Bob"})
	w.edit(func(st runtime.State) { w.rt.SetNullConsensus(st, 1, true) })
	w.produce(50)
	plan, err := w.engine.DryRunWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)})
	must(t, err)
	if plan.Acceptable || plan.Reason != ReasonNoPermit {
		t.Errorf("%+v", plan)
	}
	if intent := w.until(w.put(0, miners(t)), 10, pylon.StateFailed); intent.Reason != ReasonNoPermit {
		t.Error(describe(intent))
	}
}

// Nothing is taken any more once the engine is closed.
func TestClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{})
	w.produce(1)
	w.engine.Close()
	if _, err := w.engine.PutWeights(t.Context(), "sn", pylon.WeightsRequest{Weights: miners(t)}); err == nil {
		t.Error("taken")
	}
}
