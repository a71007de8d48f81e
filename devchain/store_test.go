package devchain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/devchain/internal/journal"
	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

func storedConfig(dir string) Config {
	return Config{Runtime: &tiny{spec: 1, genesis: map[string]string{"a": "1", "b": "2"}}, StateDir: dir, GenesisTime: genesisTime}
}

func openChain(t *testing.T, config Config) *Chain {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// picture is everything that a chain is asked for.
type picture struct {
	Best, Finalized Block
	Blocks          []Block
	States          map[Hash]map[string]string
	Specs           map[Hash]uint32
}

func pictureOf(t *testing.T, c *Chain, known []Hash) picture {
	t.Helper()
	p := picture{Best: c.Best(), Finalized: c.Finalized(), States: map[Hash]map[string]string{}, Specs: map[Hash]uint32{}}
	for number := range p.Best.Number + 1 {
		b, ok := c.Block(number)
		if !ok {
			t.Fatalf("no block %d", number)
		}
		p.Blocks = append(p.Blocks, b)
		known = append(known, b.Hash)
	}
	for _, hash := range known {
		rt, err := c.Runtime(hash)
		if err != nil {
			t.Fatal(err)
		}
		p.Specs[hash] = rt.Version().SpecVersion
		state, err := c.State(hash)
		if err != nil {
			continue
		}
		p.States[hash] = map[string]string{}
		for _, key := range state.Keys(nil, nil, 0) {
			value, _ := state.Get(key)
			p.States[hash][string(key)] = string(value)
		}
	}
	return p
}

// A chain that was closed goes on as if it had not been.
func TestRestart(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	config.KeepStates = 12
	next := &tiny{spec: 2}
	config.Runtimes = []runtime.Runtime{next}
	c := openChain(t, config)
	produce(t, c, 5)
	c.Upgrade(next)
	produce(t, c, 4)
	if _, err := c.ProduceEdited(func(st runtime.State) error {
		st.Delete([]byte("a"))
		st.Set([]byte("empty"), nil)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	side := fork(t, c, hashOf(t, c, 8), 1)
	produce(t, c, 7)
	if err := c.Finalize(hashOf(t, c, 16)); err != nil {
		t.Fatal(err)
	}
	before := pictureOf(t, c, []Hash{side.Hash})
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openChain(t, config)
	if diff := cmp.Diff(before, pictureOf(t, c, []Hash{side.Hash})); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
	// And so do both from here: the next block is the one that would have been.
	gone := produce(t, c, 1)
	if gone.Parent != before.Best.Hash {
		t.Error("the next block does not follow the last")
	}
	if len(before.States) != 13 { // of the newest twelve blocks and of the fork
		t.Errorf("%d states", len(before.States))
	}
}

// A chain with the default runtime finds the other Subtensors by itself, so that
// it opens after an upgrade, and with a newer default.
func TestRestartSubtensor(t *testing.T) {
	t.Parallel()
	config := Config{StateDir: t.TempDir(), GenesisTime: genesisTime}
	old, err := NewSubtensor(SubtensorConfig{Spec: 425, Subnets: []Subnet{{Netuid: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	next, err := NewSubtensor(SubtensorConfig{Spec: 343})
	if err != nil {
		t.Fatal(err)
	}
	first := config
	first.Runtime = old
	c := openChain(t, first)
	produce(t, c, 2)
	c.Upgrade(next)
	last := produce(t, c, 2)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openChain(t, config)
	for number, want := range map[uint64]uint32{0: 425, 2: 425, 3: 343, 4: 343} {
		if rt, err := c.Runtime(hashOf(t, c, number)); err != nil || rt.Version().SpecVersion != want {
			t.Errorf("block %d: %v, %v", number, rt, err)
		}
	}
	if b := produce(t, c, 1); b.Parent != last.Hash {
		t.Error("the chain does not go on")
	}
}

// A process that dies can leave any part of the last record. The chain is there up
// to a block, with all of it, and goes on.
func TestTruncatedTail(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	c := openChain(t, config)
	b := produce(t, c, 4)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config.StateDir, journalFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[uint64]bool{}
	for cut := 0; cut < len(whole); cut += 7 {
		config := storedConfig(t.TempDir())
		if err := os.WriteFile(filepath.Join(config.StateDir, journalFile), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := New(config)
		if err != nil {
			t.Fatalf("cut at %d of %d: %v", cut, len(whole), err)
		}
		at := c.Best().Number
		numbers[at] = true
		if got := produce(t, c, int(b.Number-at)); got.Hash != b.Hash {
			t.Fatalf("cut at %d: block %d differs after going on from %d", cut, got.Number, at)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		c = openChain(t, config)
		if c.Best().Hash != b.Hash {
			t.Fatalf("cut at %d: lost what was made since", cut)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(numbers) != 5 {
		t.Errorf("the cuts left only %v", numbers)
	}
}

// Records that are whole but wrong are refused, not believed.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	c := openChain(t, config)
	produce(t, c, 2)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config.StateDir, journalFile)
	var records [][]byte
	j, err := journal.Open(path, func(record []byte) error {
		records = append(records, record)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(records [][]byte) [][]byte{
		"unknown kind":    func(r [][]byte) [][]byte { return append(r, []byte{9}) },
		"bytes left":      func(r [][]byte) [][]byte { return append(r[:2], append(r[2], 0)) },
		"state root":      func(r [][]byte) [][]byte { r[2][len(r[2])-1] ^= 1; return r },
		"follows a block": func(r [][]byte) [][]byte { return slices.Delete(r, 1, 2) },
		"is not there":    func(r [][]byte) [][]byte { return append(r, append([]byte{recordFinalized}, make([]byte, 32)...)) },
		"input ends":      func(r [][]byte) [][]byte { return append(r, append([]byte{recordFinalized}, make([]byte, 31)...)) },
		"needs the runtime tiny/11": func(r [][]byte) [][]byte {
			return append(r[:2], bytes.Replace(r[2], []byte("\x10tiny\x01"), []byte("\x10tiny\x0b"), 1))
		},
	} {
		dir := t.TempDir()
		j, err := journal.Open(filepath.Join(dir, journalFile), nil)
		if err != nil {
			t.Fatal(err)
		}
		copied := make([][]byte, len(records))
		for i, record := range records {
			copied[i] = bytes.Clone(record)
		}
		for _, record := range change(copied) {
			if err := j.Append(record); err != nil {
				t.Fatal(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := New(storedConfig(dir)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestStateDirInUse(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	c := openChain(t, config)
	if _, err := New(config); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("error %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	openChain(t, config)
}

func TestUnusableStateDir(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(storedConfig(file)); err == nil || !strings.Contains(err.Error(), "state directory") {
		t.Errorf("error %v", err)
	}
}

// A block that cannot be recorded is not on the chain.
func TestUnrecordedBlock(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	c := openChain(t, config)
	b := produce(t, c, 1)
	if err := c.store.journal.Close(); err != nil { // as if the disk were gone
		t.Fatal(err)
	}
	if _, err := c.Produce(1); err == nil || !strings.Contains(err.Error(), "record block 2") {
		t.Errorf("error %v", err)
	}
	if c.Best().Hash != b.Hash {
		t.Error("the block is there")
	}
	if err := c.Close(); err == nil {
		t.Error("closing says nothing")
	}
	c = openChain(t, config)
	if c.Best().Hash != b.Hash {
		t.Error("the block before is not there after a restart")
	}
}

// A journal without the states that are not kept says the same.
func TestRewrite(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	config.KeepStates = 5
	c := openChain(t, config)
	produce(t, c, 30)
	side := fork(t, c, hashOf(t, c, 28), 1)
	fork(t, c, side.Hash, 1)
	before := pictureOf(t, c, []Hash{side.Hash})
	size := c.store.journal.Size()
	if err := c.store.journal.Rewrite(func(add func([]byte) error) error { return rewrite(c.ledger, add) }); err != nil {
		t.Fatal(err)
	}
	if c.store.journal.Size() >= size {
		t.Errorf("%d bytes became %d", size, c.store.journal.Size())
	}
	last := produce(t, c, 1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openChain(t, config)
	if c.Best().Hash != last.Hash {
		t.Error("the block after rewriting is lost")
	}
	c.ledger.mu.Lock()
	c.ledger.follow(c.ledger.best.parent) // back to the moment of the picture
	c.ledger.mu.Unlock()
	after := pictureOf(t, c, []Hash{side.Hash})
	delete(before.States, hashOf(t, c, 26)) // a block more was made since
	before.Finalized = after.Finalized
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("(-before +after)\n%s", diff)
	}
}

// A state that was lost with its parent's is missing, and is no error.
// A chain that runs for long does not fill the disk with states that it has forgotten.
func TestJournalStaysShort(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	config.KeepStates = 4
	c := openChain(t, config)
	value := make([]byte, 1<<20)
	size := func() int64 {
		t.Helper()
		info, err := os.Stat(filepath.Join(config.StateDir, journalFile))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	for i := range 3 * compactFrom >> 20 {
		value[i] = 1 // another one in each block
		c.Edit(func(st runtime.State) error { st.Set([]byte("long"), value); return nil })
		produce(t, c, 1)
		if size() > compactFrom+4<<20 {
			t.Fatalf("%d MiB after %d blocks", size()>>20, i+1)
		}
	}
	want := pictureOf(t, c, nil)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openChain(t, config)
	if diff := cmp.Diff(want, pictureOf(t, c, nil)); diff != "" {
		t.Errorf("after a restart (-was +is):\n%.2000s", diff)
	}
	produce(t, c, 1)
}

func TestReplayWithoutParentState(t *testing.T) {
	t.Parallel()
	config := storedConfig(t.TempDir())
	config.KeepStates = AllStates
	c := openChain(t, config)
	produce(t, c, 6)
	side := fork(t, c, hashOf(t, c, 1), 1)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	config.KeepStates = 3
	c = openChain(t, config)
	if _, ok := c.BlockByHash(side.Hash); !ok {
		t.Error("the fork is gone")
	}
	if _, err := c.State(side.Hash); err == nil {
		t.Error("the fork has a state")
	}
	produce(t, c, 1)
}

// FuzzReplay feeds records of any content to a ledger.
func FuzzReplay(f *testing.F) {
	b, state, err := genesis(&tiny{spec: 1}, genesisTime)
	if err != nil {
		f.Fatal(err)
	}
	next, _, _, err := build(b, b.state, proposal{at: genesisTime}, defaultSlotDuration)
	if err != nil {
		f.Fatal(err)
	}
	first := appendDifference(appendBlock([]byte{recordBlock}, b), trie.Trie{}, b.state)
	f.Add(first, appendDifference(appendBlock([]byte{recordBlock}, next), b.state, next.state))
	f.Add(appendBlock([]byte{recordHeadless}, b), append([]byte{recordFinalized}, b.Hash[:]...))
	f.Add(fmt.Appendf(nil, "%x", state.Touched()), []byte{recordState})
	f.Fuzz(func(_ *testing.T, first, second []byte) {
		p := replay{ledger: newLedger(), runtimes: &runtimes{known: []runtime.Runtime{&tiny{spec: 1}}}, keep: 3}
		if p.record(first) == nil {
			_ = p.record(second)
		}
	})
}
