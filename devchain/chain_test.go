package devchain

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var genesisTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newChain makes a chain that runs tiny and is closed with the test.
func newChain(tb testing.TB, change func(*Config)) *Chain {
	tb.Helper()
	config := Config{Runtime: &tiny{spec: 1}, GenesisTime: genesisTime}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

func produce(tb testing.TB, c *Chain, n int) Block {
	tb.Helper()
	b, err := c.Produce(n)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func fork(tb testing.TB, c *Chain, parent Hash, n int) Block {
	tb.Helper()
	b, err := c.Fork(parent, n)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// stored reads a number from the state of a block.
func stored(tb testing.TB, c *Chain, at Hash, key []byte) uint64 {
	tb.Helper()
	state, err := c.State(at)
	if err != nil {
		tb.Fatal(err)
	}
	value, ok := state.Get(key)
	if !ok {
		return 0
	}
	return binary.LittleEndian.Uint64(value)
}

func TestProduce(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	b := produce(t, c, 5)
	if b.Number != 5 || c.Best().Hash != b.Hash || c.Finalized().Number != 2 {
		t.Errorf("block %d, best %d, final %d", b.Number, c.Best().Number, c.Finalized().Number)
	}
	if want := genesisTime.Add(5 * defaultSlotDuration); !b.Time.Equal(want) {
		t.Errorf("block 5 is of %v, not %v", b.Time, want)
	}
	if got := stored(t, c, b.Hash, nowKey); got != uint64(b.Time.UnixMilli()) {
		t.Errorf("the runtime was told the time %d", got)
	}
	if got := stored(t, c, b.Hash, numberKey); got != 5 {
		t.Errorf("the runtime was told the number %d", got)
	}
	at := b
	for number := uint64(5); ; number-- {
		known, ok := c.BlockByHash(at.Hash)
		byNumber, _ := c.Block(number)
		if !ok || known.Number != number || byNumber.Hash != at.Hash || at.Header.Hash() != at.Hash {
			t.Fatalf("block %d: %v, by number %v", number, known, byNumber)
		}
		if number == 0 {
			break
		}
		if at, ok = c.BlockByHash(at.Parent); !ok {
			t.Fatalf("block %d has no parent", number)
		}
	}
	if c.Genesis().Hash != at.Hash {
		t.Error("the first block is not the genesis block")
	}
	if same := produce(t, c, 0); same.Hash != b.Hash {
		t.Error("producing nothing produced something")
	}
}

// The header, and the hash, of main network block 6852690 as a node gave them.
func TestHeaderOfMainNetwork(t *testing.T) {
	t.Parallel()
	hash := func(s string) Hash {
		h, err := ParseHash(s)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	item := func(s string) []byte {
		raw := make([]byte, len(s)/2)
		if _, err := fmt.Sscanf(s, "%x", &raw); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	header := Header{
		Parent:         hash("0x7348409fe36728fa2ac7f0886346fd35b79804d294046d152ba1baccd9d0be3a"),
		Number:         0x689052,
		StateRoot:      hash("0xa9433ea913e1cf46641aa5b157b163e1fecc48f83fb645416d48ff59c5ed8563"),
		ExtrinsicsRoot: hash("0x106eccc646be331a204b98fab435ad1e250beb05fcd73dab0629acbcf53837ad"),
		Digest: [][]byte{
			item("0661757261201280c10800000000"),
			item("0466726f6e8801f975ce090b9095023bebb90c5074affe19894f4018c4e35bb26baa7424fded9100"),
			item("05617572610101dafe911d1232c4948bf530f94179766979272bf7359920a9271a2ea54ea5661e65a0822b4eda70f08aebe10d8fad68d3bdbcbaaa65cb33d2bede9e15b86dd482"),
		},
	}
	if got := header.Hash().String(); got != "0xdb13c066e2c63969f140164fb3bfe7a0aaa7b71407fc0fe525d68e57329ef9d0" {
		t.Errorf("hash %s", got)
	}
	// The slot in it is that of a time with slots of 12 seconds.
	slot := binary.LittleEndian.Uint64(header.Digest[0][6:])
	if got := auraSlot(time.UnixMilli(int64(slot*12_000)), 12*time.Second); !bytes.Equal(got, header.Digest[0]) {
		t.Errorf("slot item %x", got)
	}
}

// Equal configurations make equal chains; a different time makes another block.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	first, second := newChain(t, nil), newChain(t, nil)
	other := newChain(t, func(c *Config) { c.GenesisTime = genesisTime.Add(time.Millisecond) })
	for range 3 {
		a, b := produce(t, first, 1), produce(t, second, 1)
		if a.Hash != b.Hash {
			t.Errorf("block %d differs", a.Number)
		}
		if c := produce(t, other, 1); c.Hash == a.Hash {
			t.Errorf("block %d is the same at another time", a.Number)
		}
	}
}

func TestFork(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	parent := produce(t, c, 3)
	main := produce(t, c, 2)
	side := fork(t, c, parent.Hash, 2)
	if side.Number != main.Number || side.Hash == main.Hash || c.Best().Hash != main.Hash {
		t.Fatalf("an equally long fork changed the best block or is the same: %v", side)
	}
	longer := fork(t, c, side.Hash, 1)
	if c.Best().Hash != longer.Hash {
		t.Fatal("a longer fork did not become the best chain")
	}
	if got, _ := c.BlockHash(5); got != side.Hash {
		t.Error("the hash by number is not that of the new chain")
	}
	if got, _ := c.BlockHash(4); got != side.Parent {
		t.Error("the hash by number of the fork's first block is not that of the new chain")
	}
	// Each has its own state.
	if a, b := stored(t, c, main.Hash, []byte("count")), stored(t, c, longer.Hash, []byte("count")); a != 5 || b != 6 {
		t.Errorf("counted %d and %d blocks", a, b)
	}
	// A fork on a fork, of the same parent twice.
	if a, b := fork(t, c, parent.Hash, 1), fork(t, c, parent.Hash, 1); a.Hash == b.Hash {
		t.Error("the same block twice")
	}
	if _, err := c.Fork(Hash{1}, 1); err == nil || !strings.Contains(err.Error(), "Header was not found") {
		t.Errorf("fork on an unknown block: %v", err)
	}
}

func TestFinalize(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.FinalityLag = ManualFinality })
	parent := produce(t, c, 2)
	main := produce(t, c, 3)
	side := fork(t, c, parent.Hash, 1)
	if c.Finalized().Number != 0 {
		t.Fatal("something is final")
	}
	if err := c.Finalize(side.Hash); err != nil {
		t.Fatal(err)
	}
	if c.Finalized().Hash != side.Hash || c.Best().Hash != side.Hash {
		t.Fatal("a final fork did not become the best chain")
	}
	if _, ok := c.Block(4); ok {
		t.Error("a block past the best one has a number")
	}
	if err := c.Finalize(main.Hash); err == nil {
		t.Error("two conflicting blocks are final")
	}
	if err := c.Finalize(side.Hash); err != nil {
		t.Errorf("finalising twice: %v", err)
	}
	// The abandoned chain can grow but never comes back.
	fork(t, c, main.Hash, 5)
	if c.Best().Hash != side.Hash {
		t.Error("the best chain left the final block")
	}
	top := fork(t, c, side.Hash, 2)
	next := fork(t, c, side.Hash, 1)
	if err := c.Finalize(next.Hash); err != nil {
		t.Fatal(err)
	}
	if c.Best().Hash != next.Hash || top.Number <= next.Number {
		t.Error("the best chain does not contain the final block")
	}
}

func TestFinalityLag(t *testing.T) {
	t.Parallel()
	for lag, want := range map[int]uint64{0: 7, 1: 9, 4: 6, 20: 0, NoLag: 10, ManualFinality: 0} {
		c := newChain(t, func(c *Config) { c.FinalityLag = lag })
		produce(t, c, 10)
		if got := c.Finalized().Number; got != want {
			t.Errorf("lag %d: final %d, want %d", lag, got, want)
		}
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	before := produce(t, c, 1)
	c.Upgrade(&tiny{spec: 2})
	at := produce(t, c, 1)
	after := produce(t, c, 1)
	for _, want := range []struct {
		block Block
		spec  uint32
		items int
	}{{before, 1, 1}, {at, 2, 2}, {after, 2, 1}} {
		rt, err := c.Runtime(want.block.Hash)
		if err != nil || rt.Version().SpecVersion != want.spec || len(want.block.Digest) != want.items {
			t.Errorf("block %d: runtime %v, %v, %d digest items", want.block.Number, rt, err, len(want.block.Digest))
		}
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	set := func(key string) func(runtime.State) error {
		return func(st runtime.State) error {
			st.Set([]byte(key), []byte{1, 0, 0, 0, 0, 0, 0, 0})
			return nil
		}
	}
	c.Edit(set("x"))
	c.Edit(func(st runtime.State) error {
		if _, ok := st.Get([]byte("x")); !ok {
			return errors.New("the first edit is not seen")
		}
		return nil
	})
	first := produce(t, c, 1)
	second, err := c.ProduceEdited(set("y"))
	if err != nil {
		t.Fatal(err)
	}
	if stored(t, c, first.Hash, []byte("y")) != 0 || stored(t, c, second.Hash, []byte("x")) != 1 || stored(t, c, second.Hash, []byte("y")) != 1 {
		t.Error("an edit is in the wrong block")
	}
	refusal := errors.New("no")
	if _, err := c.ProduceEdited(func(runtime.State) error { return refusal }); !errors.Is(err, refusal) {
		t.Errorf("error %v", err)
	}
	if third := produce(t, c, 1); third.Number != 3 {
		t.Errorf("a failed edit made a block, or stays: block %d", third.Number)
	}
}

// What is written through State is not in the chain.
func TestStateIsACopy(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	b := produce(t, c, 1)
	state, err := c.State(b.Hash)
	if err != nil {
		t.Fatal(err)
	}
	state.Set([]byte("x"), []byte("12345678"))
	if stored(t, c, b.Hash, []byte("x")) != 0 {
		t.Error("the chain's state changed")
	}
}

func TestKeepStates(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.KeepStates = 4 })
	archive, err := c.AddNode(NodeConfig{KeepStates: AllStates})
	if err != nil {
		t.Fatal(err)
	}
	produce(t, c, 10)
	for number := range uint64(11) {
		hash, _ := c.BlockHash(number)
		_, _, main := c.state(&hash)
		_, _, old := archive.state(&hash)
		if (main == nil) != (number >= 7) || old != nil {
			t.Errorf("block %d: %v, archive %v", number, main, old)
		}
	}
	archive.Prune(2)
	hash, _ := c.BlockHash(8)
	if _, _, err := archive.state(&hash); err == nil || !err.discarded {
		t.Errorf("block 8 after pruning: %v", err)
	}
	// What no node shows is really gone.
	for number := range uint64(11) {
		hash, _ := c.BlockHash(number)
		if _, err := c.State(hash); (err == nil) != (number >= 7) {
			t.Errorf("state of block %d: %v", number, err)
		}
	}
	if _, err := c.Fork(hashOf(t, c, 3), 1); err == nil || !strings.Contains(err.Error(), "State already discarded") {
		t.Errorf("fork on a block without state: %v", err)
	}
	c.Prune(0)
	archive.Prune(0)
	if _, _, err := c.state(nil); err == nil {
		t.Error("the best block has a state after forgetting all of them")
	}
	produce(t, c, 1)
	if _, _, err := c.state(nil); err != nil {
		t.Errorf("the block after forgetting all states: %v", err)
	}
}

// Any order of producing, forking and finalising keeps the rules of the ledger.
func TestLedgerRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c, err := New(Config{Runtime: &tiny{spec: 1}, GenesisTime: genesisTime, FinalityLag: ManualFinality})
		if err != nil {
			t.Fatal(err)
		}
		all := []Hash{c.Genesis().Hash}
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			target := rapid.SampledFrom(all).Draw(t, "block")
			before, final := c.Best(), c.Finalized()
			if rapid.IntRange(0, 4).Draw(t, "kind") == 0 {
				_ = c.Finalize(target)
			} else {
				b, err := c.Fork(target, 1)
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, b.Hash)
				if now := c.Best(); now.Hash != before.Hash && (now.Hash != b.Hash || now.Number <= before.Number) {
					t.Fatalf("best went from %d to %d", before.Number, now.Number)
				}
			}
			if !onChain(c, c.Finalized().Hash, final.Hash) {
				t.Fatal("a final block is not final any more")
			}
			longest := uint64(0)
			for _, hash := range all {
				if b, _ := c.BlockByHash(hash); onChain(c, hash, c.Finalized().Hash) {
					longest = max(longest, b.Number)
				}
			}
			best := c.Best()
			if best.Number != longest || !onChain(c, best.Hash, c.Finalized().Hash) {
				t.Fatalf("best is %d, the longest chain %d", best.Number, longest)
			}
			for at := best; ; at, _ = c.BlockByHash(at.Parent) {
				if got, ok := c.BlockHash(at.Number); !ok || got != at.Hash {
					t.Fatalf("block %d by number is not on the best chain", at.Number)
				}
				if at.Number == 0 {
					break
				}
			}
			if _, ok := c.BlockHash(best.Number + 1); ok {
				t.Fatal("there is a block after the best one")
			}
		}
	})
}

// onChain walks from head to genesis.
func onChain(c *Chain, head, wanted Hash) bool {
	for {
		b, ok := c.BlockByHash(head)
		switch {
		case !ok:
			return false
		case b.Hash == wanted:
			return true
		}
		head = b.Parent
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	type waited struct {
		block Block
		err   error
	}
	best, final := make(chan waited, 1), make(chan waited, 1)
	go func() {
		b, err := c.WaitBlock(t.Context(), 4)
		best <- waited{b, err}
	}()
	go func() {
		b, err := c.WaitFinalized(t.Context(), 2)
		final <- waited{b, err}
	}()
	produce(t, c, 6)
	if got := <-best; got.err != nil || got.block.Number != 4 {
		t.Errorf("waited for block 4: %v", got)
	}
	if got := <-final; got.err != nil || got.block.Number != 2 {
		t.Errorf("waited for the final block 2: %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.WaitBlock(ctx, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// A runtime that fails makes no block, and the chain goes on when it recovers.
func TestRuntimeFails(t *testing.T) {
	t.Parallel()
	refusal := errors.New("refused")
	if _, err := New(Config{Runtime: &broken{genesis: refusal}}); !errors.Is(err, refusal) {
		t.Errorf("genesis: %v", err)
	}
	rt := &broken{}
	c := newChain(t, func(c *Config) { c.Runtime = rt })
	for name, spoil := range map[string]func(){
		"initialise block":                 func() { rt.initialize = refusal },
		"apply inherent 0":                 func() { rt.apply = refusal },
		"finalise block":                   func() { rt.finalize = refusal },
		"not an extrinsic with its length": func() { rt.inherent = []byte{0x28, 1, 2, 3} },
		"on purpose":                       func() { rt.panics = true },
	} {
		spoil()
		if _, err := c.Produce(1); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
		*rt = broken{}
		if c.Best().Number != 0 {
			t.Fatal("there is a block")
		}
	}
	if b := produce(t, c, 1); stored(t, c, b.Hash, []byte("count")) != 1 {
		t.Error("a block that failed left something in the state")
	}
}
