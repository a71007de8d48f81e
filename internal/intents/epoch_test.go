package intents

import (
	"encoding/binary"
	"fmt"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// sinceEpoch is the chain's own count of blocks since subnet 1 ran an epoch, at a block.
func (w *world) sinceEpoch(number uint64) uint64 {
	w.t.Helper()
	hash, ok := w.dev.BlockHash(number)
	if !ok {
		w.t.Fatalf("no block %d", number)
	}
	rt, err := w.client.Runtime(w.t.Context(), substrate.Hash(hash))
	must(w.t, err)
	item, err := rt.Metadata.Storage("SubtensorModule", "BlocksSinceLastStep")
	must(w.t, err)
	key, err := item.Key(uint16(1))
	must(w.t, err)
	value, err := w.client.Storage(w.t.Context(), substrate.Hash(hash), key)
	must(w.t, err)
	if value == nil {
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}

// checkEpoch checks that what was included is in the epoch in which it was asked for: none ran after the block of the
// request, up to the block that has it.
func (w *world) checkEpoch(intent pylon.Intent) {
	w.t.Helper()
	if intent.State == pylon.StateExpired {
		if intent.Reason != ReasonEpochOver {
			w.t.Error(describe(intent))
		}
		return
	}
	if !intent.State.Succeeded() && intent.State != pylon.StateAwaitingReveal {
		w.t.Error(describe(intent))
		return
	}
	start := intent.StartBlock
	for number := start + 1; number <= intent.Block.Number; number++ {
		if w.sinceEpoch(number) < w.sinceEpoch(number-1) || number > 1 && w.sinceEpoch(number) == 0 {
			w.t.Errorf("an epoch ran in block %d: %s", number, describe(intent))
		}
	}
}

const (
	testTempo = 24
	// firstSteps are made before anything is asked for.
	firstSteps = 2
)

// epochEnd returns the last block of the epoch that the next block is in.
func (w *world) epochEnd() uint64 { return w.nextEpoch().last }

// nextEpoch returns the epoch that the next block is in.
func (w *world) nextEpoch() epoch {
	w.t.Helper()
	head, err := w.client.Head(w.t.Context())
	must(w.t, err)
	j := &job{}
	j.Netuid, j.Hotkey = 1, w.config.Identities[0].Signer.PublicKey()
	facts, err := w.chain.Facts(w.t.Context(), head, j.query())
	must(w.t, err)
	next, err := schedule{facts}.next()
	must(w.t, err)
	return next
}

// At every block around the end of an epoch, weights are handed over, the engine is killed and starts again: nothing is
// in an epoch that nobody asked for, and what had the time is on the chain.
func TestAroundTheEndOfAnEpoch(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{475, 393} {
		for _, commit := range []bool{false, true} {
			for offset := -5; offset <= 5; offset++ {
				if raceEnabled && (offset%2 == 0) != commit {
					continue
				}
				t.Run(fmt.Sprintf("spec %d/commit %t/%+d", spec, commit, offset), func(t *testing.T) {
					t.Parallel()
					aroundTheEnd(t, spec, commit, offset)
				})
			}
		}
	}
}

func aroundTheEnd(t *testing.T, spec uint32, commit bool, offset int) {
	w := newWorld(t, worldConfig{spec: spec, file: true, lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: testTempo, CommitReveal: commit}}})
	w.produce(firstSteps)
	end := w.epochEnd()
	at := uint64(int64(end) + int64(offset))
	// One intent that waits for a pool that takes nothing until that block, and one that is handed over at it.
	w.dev.SetPoolPolicy(func(devchain.Pending) devchain.Verdict {
		if w.dev.Best().Header.Number < at {
			return devchain.Verdict{Action: devchain.Hold}
		}
		return devchain.Verdict{}
	})
	early := w.put(0, miners(t))
	w.produce(int(at - w.dev.Best().Header.Number))
	late := w.put(0, map[pylon.Hotkey]float64{hotkey(t, "//Miner3"): 1})
	w.close()
	w.dev.SetPoolPolicy(nil)
	w.open()
	got := w.until(late, 12, pylon.StateFinalized, pylon.StateAwaitingReveal, pylon.StateExpired)
	w.checkEpoch(got)
	w.checkEpochOrReplaced(w.intent(early))
	// Five blocks are enough for what is on its way to be settled, and for an era.
	if (offset > 0 || offset <= -5) && got.State == pylon.StateExpired {
		t.Errorf("handed over at block %d of an epoch that ends at %d, and expired: %s", at, end, describe(got))
	}
	must(t, w.dev.CheckNonces())
}

func (w *world) checkEpochOrReplaced(intent pylon.Intent) {
	w.t.Helper()
	if intent.Reason != ReasonReplaced && intent.State.Ended() {
		w.checkEpoch(intent)
	}
}

// The owner has an epoch run before its time: weights that are not signed by then are too late.
func TestTriggeredEpoch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 300, WeightsRateLimit: 15}}})
	w.edit(func(st runtime.State) {
		must(t, w.rt.SetLastUpdate(st, 1, 0, w.config.Identities[0].Signer.PublicKey(), 1))
	})
	id := w.put(0, miners(t))
	w.edit(func(st runtime.State) { w.rt.TriggerEpoch(st, 1, 10) })
	w.produce(1)
	if intent := w.intent(id); intent.DeadlineBlock != 9 {
		t.Error(describe(intent))
	}
	intent := w.until(id, 30, pylon.StateExpired)
	w.checkEpoch(pylon.Intent{State: intent.State, Reason: ReasonEpochOver})
	if len(w.extrinsics()) != 0 {
		t.Error(describe(intent))
	}
}

// A change of the tempo begins the cycle anew, not the epoch: weights have the longer time.
func TestTempoChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldConfig{lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 20, WeightsRateLimit: 25}}})
	w.edit(func(st runtime.State) {
		must(t, w.rt.SetLastUpdate(st, 1, 0, w.config.Identities[0].Signer.PublicKey(), 1))
	})
	id := w.put(0, miners(t))
	w.produce(2)
	before := w.intent(id)
	w.edit(func(st runtime.State) { w.rt.SetTempo(st, 1, 40) })
	w.produce(1)
	after := w.intent(id)
	if before.DeadlineBlock != 19 || after.DeadlineBlock <= 40 {
		t.Errorf("before: %s; after: %s", describe(before), describe(after))
	}
	w.checkEpoch(w.until(id, 40, pylon.StateFinalized))
}

// An epoch that the chain puts off leaves more time; when it has run, the time is over.
func TestDeferredEpoch(t *testing.T) {
	t.Parallel()
	subnets := []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 12, WeightsRateLimit: 14}}
	for netuid := range 3 {
		subnets = append(subnets, devchain.Subnet{Netuid: uint16(netuid) + 2, Neurons: 4, Tempo: 12})
	}
	w := newWorld(t, worldConfig{lag: 1, subnets: subnets})
	w.edit(func(st runtime.State) {
		w.rt.SetMaxEpochsPerBlock(st, 1)
		must(t, w.rt.SetLastUpdate(st, 1, 0, w.config.Identities[0].Signer.PublicKey(), 1))
	})
	id := w.put(0, miners(t))
	intent := w.until(id, 40, pylon.StateFinalized, pylon.StateExpired)
	w.checkEpoch(pylon.Intent{State: intent.State, Reason: map[bool]pylon.IntentReason{true: ReasonEpochOver}[intent.State == pylon.StateExpired], Block: intent.Block, StartBlock: intent.StartBlock})
}

// The formula of the epochs agrees with what the chain does, block by block, for both schedules.
func TestScheduleAgreesWithTheChain(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{475, 393, 218} {
		for _, tempo := range []uint16{1, 2, 7, 13} {
			if raceEnabled && tempo != 7 {
				continue
			}
			w := newWorld(t, worldConfig{spec: spec, lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 8, Tempo: tempo}}})
			for range 30 {
				number := w.dev.Best().Header.Number
				next := w.nextEpoch()
				w.produce(1)
				if ran := w.sinceEpoch(number+1) == 0; ran != (next.first == number+1) {
					t.Errorf("spec %d, tempo %d: in block %d an epoch ran: %t; foreseen: %+v", spec, tempo, number+1, ran, next)
				}
			}
		}
	}
}
