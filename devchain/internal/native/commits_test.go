package native

import (
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// The example of the chain's reference: what //Alice commits to on index 12.
func TestWeightsHash(t *testing.T) {
	t.Parallel()
	w := &weighting{
		hotkey: publicKey(t, "//Alice"), netuid: 12, version: 10002000,
		uids: []uint16{0, 1, 2}, values: []uint16{65535, 32768, 1},
	}
	hash := weightsHash(w, []uint16{11, 22, 33, 44})
	if got := hex.EncodeToString(hash[:]); got != "15c30f11fb557c19dc7d176446d1f76b1edb3d668bf7222f3f6eaf8586834464" {
		t.Errorf("the hash is %s", got)
	}
	if w.mechanism = 1; weightsHash(w, []uint16{11, 22, 33, 44}) == hash {
		t.Error("the mechanism makes no difference")
	}
}

// revealed is what //Bob reveals on subnet 2; salt tells commits apart.
func revealArgs(salt int) args {
	return args{"netuid": 2, "uids": list(4, 5), "values": list(1, 2), "salt": list(salt), "version_key": 3}
}

// commitBob commits to what revealArgs reveals.
func (c *chain) commitBob(salt int) string {
	c.t.Helper()
	w := &weighting{hotkey: publicKey(c.t, "//Bob"), netuid: 2, version: 3, uids: []uint16{4, 5}, values: []uint16{1, 2}}
	hash := weightsHash(w, []uint16{uint16(salt)})
	return c.send("//Bob", "commit_weights", args{"netuid": 2, "commit_hash": scale.Bytes(hash[:])})
}

// queued is how many commits of //Bob wait.
func (c *chain) queued() int {
	c.t.Helper()
	queue, _ := c.storage("SubtensorModule", "WeightCommits", 2, publicKey(c.t, "//Bob")).([]any)
	return len(queue)
}

// A commit can be revealed in the epoch after the next one begins, and in no other.
func TestCommitAndReveal(t *testing.T) {
	t.Parallel()
	// Epochs run at the blocks 10, 20, … with tempo 10, and before spec 423 at 7, 18,
	// 29, …, where index 1 begins with block 8.
	for spec, window := range map[uint32][2]uint64{218: {19, 29}, 343: {19, 29}, 425: {20, 29}, 475: {20, 29}} {
		c := newWeights(t, spec)
		early, late := "custom 17", "custom 17"
		if spec == 218 {
			early, late = "RevealTooEarly", "NoWeightsCommitFound"
		}
		c.produce(5)
		if got := c.commitBob(7); got != "" || c.number != 11 {
			t.Fatalf("spec %d: %s in block %d", spec, got, c.number)
		}
		if got := c.eventNames(); !slices.Equal(got, []string{"WeightsCommitted"}) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
		if got := c.storage("SubtensorModule", "LastUpdate", 2).([]any)[1]; got != uint64(11) {
			t.Errorf("spec %d: the last update is %v", spec, got)
		}
		entry := c.storage("SubtensorModule", "WeightCommits", 2, publicKey(t, "//Bob")).([]any)[0].([]any)[1:]
		want := "[1 11 0]" // epoch and block
		if spec < 423 {
			want = "[11 19 29]" // block, first and last
		}
		if fmt.Sprint(entry) != want {
			t.Errorf("spec %d: the commit is %v instead of %s", spec, entry, want)
		}
		for c.number+1 < window[0] {
			if got := c.send("//Bob", "reveal_weights", revealArgs(7)); got != early {
				t.Errorf("spec %d: block %d: %q", spec, c.number, got)
			}
		}
		snapshot, number := c.state.Snapshot(), c.number
		other := "custom 16"
		if spec == 218 {
			other = "InvalidRevealCommitHashNotMatch"
		}
		if got := c.send("//Bob", "reveal_weights", revealArgs(8)); got != other {
			t.Errorf("spec %d: another salt: %q", spec, got)
		}
		c.state, c.number = snapshot.Edit(), number
		if got := c.send("//Bob", "reveal_weights", revealArgs(7)); got != "" || c.row(2, 1) != "[[4 32768] [5 65535]]" || c.queued() != 0 {
			t.Errorf("spec %d: block %d: %q, %s", spec, c.number, got, c.row(2, 1))
		}
		if got := c.eventNames(); !slices.Equal(got[len(got)-2:], []string{"WeightsSet", "WeightsRevealed"}) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
		if got := c.storage("SubtensorModule", "LastUpdate", 2).([]any)[1]; got != uint64(11) {
			t.Errorf("spec %d: the reveal is an update, at %v", spec, got)
		}
		// The same again, at the end of the window and after it.
		c.state, c.number = snapshot.Edit(), number
		c.produce(int(window[1] - 1 - c.number))
		if got := c.send("//Bob", "reveal_weights", revealArgs(7)); got != "" {
			t.Errorf("spec %d: block %d: %q", spec, c.number, got)
		}
		c.state, c.number = snapshot.Edit(), number
		c.produce(int(window[1] - c.number))
		// Who has reads the queue as it is, and expired commits are cleared away by the
		// next commit only.
		if spec == 218 {
			late = "ExpiredWeightCommit"
		}
		if got := c.send("//Bob", "reveal_weights", revealArgs(7)); got != late {
			t.Errorf("spec %d: block %d: %q", spec, c.number, got)
		}
		if c.queued() != 1 || c.commitBob(9) != "" || c.queued() != 1 {
			t.Errorf("spec %d: the queue has %d entries", spec, c.queued())
		}
	}
}

func TestTooManyCommits(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		config := Config{Spec: spec, Quiet: true, Subnets: []Subnet{{Netuid: 2, Neurons: 8, Tempo: 100, CommitReveal: true}}}
		c := newChain(t, config)
		for i := range 10 {
			if got := c.commitBob(i); got != "" {
				t.Fatalf("spec %d: commit %d: %s", spec, i, got)
			}
		}
		if got := c.commitBob(10); got != "TooManyUnrevealedCommits" || c.queued() != 10 {
			t.Errorf("spec %d: %q", spec, got)
		}
		if spec < 320 {
			continue
		}
		for i := range 11 {
			want := ""
			if i == 10 {
				want = "TooManyUnrevealedCommits"
			}
			if got := c.send("//Bob", "commit_timelocked_weights", commitArgs(2, []byte{byte(i)}, 1<<40)); got != want {
				t.Errorf("spec %d: timelocked commit %d: %q", spec, i, got)
			}
		}
		// Others may.
		if got := c.send("//Dave", "commit_timelocked_weights", commitArgs(2, []byte{1}, 1<<40)); got != "" {
			t.Errorf("spec %d: //Dave: %q", spec, got)
		}
	}
}

// A reveal drops the commits before its own. A batch reveals all of its items or
// none.
func TestRevealQueue(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		c := newWeights(t, spec)
		c.produce(5)
		for salt := range 4 {
			if got := c.commitBob(salt); got != "" {
				t.Fatalf("spec %d: %s", spec, got)
			}
		}
		c.produce(int(20 - c.number))
		if got := c.send("//Bob", "reveal_weights", revealArgs(1)); got != "" || c.queued() != 2 {
			t.Errorf("spec %d: %q, %d left", spec, got, c.queued())
		}
		batch := func(salts ...int) args {
			a := args{"netuid": 2}
			var uids, values, salt, keys []any
			for _, s := range salts {
				uids, values = append(uids, list(4, 5)), append(values, list(1, 2))
				salt, keys = append(salt, list(s)), append(keys, 3)
			}
			a["uids_list"], a["values_list"], a["salts_list"], a["version_keys"] = uids, values, salt, keys
			return a
		}
		gone := "custom 16"
		if spec == 218 {
			gone = "InvalidRevealCommitHashNotMatch"
		}
		if got := c.send("//Bob", "batch_reveal_weights", batch(2, 0)); got != gone || c.queued() != 2 {
			t.Errorf("spec %d: with one that is gone: %q, %d left", spec, got, c.queued())
		}
		if got := c.send("//Bob", "batch_reveal_weights", batch(2, 2)); got != "InvalidRevealCommitHashNotMatch" || c.queued() != 2 {
			t.Errorf("spec %d: one twice: %q, %d left", spec, got, c.queued())
		}
		if got := c.eventNames(); slices.Contains(got, "WeightsSet") {
			t.Errorf("spec %d: one twice: the events are %v", spec, got)
		}
		if got := c.send("//Bob", "batch_reveal_weights", batch(3, 2)); got != "" || c.queued() != 0 {
			t.Errorf("spec %d: both: %q, %d left", spec, got, c.queued())
		}
		if got := c.eventNames(); !slices.Equal(got, []string{"WeightsSet", "WeightsSet", "WeightsBatchRevealed"}) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
		c.runtime.SetCommitReveal(c.state, 2, false)
		c.commitBob(1)
		want := "custom 16"
		if spec == 218 {
			want = "CommitRevealDisabled"
		}
		if got := c.send("//Bob", "reveal_weights", revealArgs(1)); got != want {
			t.Errorf("spec %d: without commit-reveal: %q", spec, got)
		}
	}
}

// Mechanisms have queues of their own.
func TestMechanismCommits(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{343, 475} {
		c := newWeights(t, spec)
		c.runtime.SetCommitReveal(c.state, 1, true)
		w := &weighting{hotkey: publicKey(t, "//Bob"), netuid: 1, mechanism: 1, uids: []uint16{5}, values: []uint16{1}}
		hash := weightsHash(w, nil)
		commit := args{"netuid": 1, "mecid": 1, "commit_hash": scale.Bytes(hash[:])}
		c.produce(5)
		if got := c.send("//Bob", "commit_mechanism_weights", commit); got != "" {
			t.Fatalf("spec %d: %s", spec, got)
		}
		if got := c.storage("SubtensorModule", "WeightCommits", 4097, w.hotkey); len(got.([]any)) != 1 {
			t.Errorf("spec %d: the queue is %v", spec, got)
		}
		c.produce(int(20 - c.number))
		reveal := args{"netuid": 1, "mecid": 1, "uids": list(5), "values": list(1), "salt": list(), "version_key": 0}
		if got := c.send("//Bob", "reveal_mechanism_weights", reveal); got != "" || c.row(4097, 1) != "[[5 65535]]" {
			t.Errorf("spec %d: %q, %s", spec, got, c.row(4097, 1))
		}
	}
}
