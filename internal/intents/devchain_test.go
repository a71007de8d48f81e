package intents

import (
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
)

func miners(t *testing.T) map[pylon.Hotkey]float64 {
	return map[pylon.Hotkey]float64{hotkey(t, "//Miner0"): 1, hotkey(t, "//Miner1"): 0.5, hotkey(t, "//Miner2"): 0.00001}
}

// Weights on a subnet without commit-reveal are set directly, in one call, and nothing else is sent.
func TestConformance087Direct(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 1})
	id := w.put(0, miners(t))
	intent := w.until(id, 10, pylon.StateFinalized)
	if intent.Method != pylon.MethodDirect || intent.Attempts != 1 || intent.Reason != "" {
		t.Errorf("%s", describe(intent))
	}
	got := w.weightsOnChain(0)
	if len(got) != 3 || got[4] != 65535 || got[5] != 32768 || got[6] != 1 {
		t.Errorf("weights on the chain: %v", got)
	}
	if calls := w.extrinsics(); len(calls) != 1 || !strings.HasSuffix(calls[0], "SubtensorModule.set_mechanism_weights") {
		t.Errorf("sent: %v", calls)
	}
	must(t, w.dev.CheckNonces())
}

// With commit-reveal on, weights are committed under timelock and revealed by the chain.
func TestConformance087Timelocked(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{netuid: 2, identity: "//Bob"})
	id := w.put(0, miners(t))
	intent := w.until(id, 10, pylon.StateAwaitingReveal)
	if intent.Method != pylon.MethodTimelocked || intent.RevealRound == 0 {
		t.Errorf("%s", describe(intent))
	}
	intent = w.until(id, 60, pylon.StateRevealed)
	if got := w.weightsOnChain(0); len(got) != 3 {
		t.Errorf("weights on the chain: %v, %s", got, describe(intent))
	}
	if calls := w.extrinsics(); len(calls) != 1 || !strings.HasSuffix(calls[0], "SubtensorModule.commit_timelocked_mechanism_weights") {
		t.Errorf("sent: %v", calls)
	}
	must(t, w.dev.CheckNonces())
}

// Runtimes without timelocked commits: the hash first, the weights in the next epoch.
func TestCommitAndReveal(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233} {
		w := newWorld(t, worldConfig{netuid: 2, identity: "//Bob", spec: spec})
		id := w.put(0, miners(t))
		intent := w.until(id, 10, pylon.StateAwaitingReveal)
		if intent.Method != pylon.MethodCommitReveal {
			t.Errorf("%s", describe(intent))
		}
		intent = w.until(id, 60, pylon.StateRevealed)
		if got := w.weightsOnChain(0); len(got) != 3 {
			t.Errorf("spec %d: weights on the chain: %v, %s", spec, got, describe(intent))
		}
		if calls := w.extrinsics(); len(calls) != 2 {
			t.Errorf("sent: %v", calls)
		}
		must(t, w.dev.CheckNonces())
	}
}
