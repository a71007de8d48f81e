package native

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// events are those of the last block, "Pallet.Name" and the phase.
func (c *chain) events() []scale.EventRecord {
	c.t.Helper()
	raw, _ := c.state.Get(eventsKey)
	if raw == nil {
		return nil
	}
	records, err := c.metadata.DecodeEvents(raw)
	if err != nil {
		c.t.Fatal(err)
	}
	return records
}

func TestBlock(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		at := time.UnixMilli(1767323057000)
		inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: 1, Parent: [32]byte{7}, Time: at})
		if err != nil {
			t.Fatal(err)
		}
		// The golden form: length, version 4, pallet 2, call 0, compact milliseconds.
		if len(inherents) != 1 || hex.EncodeToString(inherents[0]) != "280402000b68bba97c9b01" {
			t.Fatalf("spec %d: the inherents are %x", spec, inherents)
		}
		extrinsic, err := c.metadata.DecodeExtrinsic(inherents[0])
		if err != nil || extrinsic.Call.Pallet != "Timestamp" || extrinsic.Call.Name != "set" || extrinsic.Signed {
			t.Fatalf("spec %d: the inherent is %+v (%v)", spec, extrinsic, err)
		}
		if err := c.runtime.FinalizeBlock(c.state); err == nil {
			t.Errorf("spec %d: a block without a timestamp was finalised", spec)
		}
		if err := c.runtime.ApplyExtrinsic(c.state, 0, inherents[0]); err != nil {
			t.Fatal(err)
		}
		if err := c.runtime.FinalizeBlock(c.state); err != nil {
			t.Fatal(err)
		}
		if got := c.uint("Timestamp", "Now"); got != uint64(at.UnixMilli()) {
			t.Errorf("spec %d: the timestamp is %d", spec, got)
		}
		if c.uint("System", "Number") != 1 || !isAccount(c.storage("System", "ParentHash"), [32]byte{7}) ||
			!isAccount(c.storage("System", "BlockHash", 0), [32]byte{7}) {
			t.Errorf("spec %d: number, parent or hash of block 0 is wrong", spec)
		}
		if got := c.storage("Timestamp", "DidUpdate"); got != false {
			t.Errorf("spec %d: DidUpdate is %v after the block", spec, got)
		}
		all := c.events()
		// Rounds of the beacon and logs of contracts have tests of their own.
		events := slices.DeleteFunc(slices.Clone(all), func(e scale.EventRecord) bool { return e.Phase == scale.PhaseInitialization })
		if len(events) != 1 || events[0].Pallet != "System" || events[0].Name != "ExtrinsicSuccess" ||
			events[0].Phase != scale.PhaseApplyExtrinsic || events[0].Extrinsic != 0 || c.uint("System", "EventCount") != uint64(len(all)) {
			t.Errorf("spec %d: the events are %+v", spec, events)
		}
	}
}

func TestApplyExtrinsicRefuses(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	start := func() (inherent []byte) {
		t.Helper()
		inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: 1, Time: c.time.Add(time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		return inherents[0]
	}
	good := start()
	snapshot := c.state.Snapshot()
	signed := append([]byte{0x84}, make([]byte, 100)...)
	tests := []struct {
		name      string
		index     int
		extrinsic []byte
		want      error
	}{
		{"empty", 0, nil, errMalformed},
		{"empty inside", 0, []byte{0}, errMalformed},
		{"no length", 0, good[1:], errMalformed},
		{"longer than it says", 0, append(slices.Clone(good), 0), errMalformed},
		{"not first", 1, good, errNotInherent},
		{"signed", 0, scale.AppendByteVec(nil, signed), errNotInherent},
		{"version 5", 0, scale.AppendByteVec(nil, append([]byte{5}, good[2:]...)), errNotInherent},
		{"another call", 0, scale.AppendByteVec(nil, []byte{4, 0, 0, 0}), errNotInherent},
		{"no argument", 0, scale.AppendByteVec(nil, []byte{4, 2, 0}), errMalformed},
		{"argument too long", 0, scale.AppendByteVec(nil, append(slices.Clone(good[1:]), 0)), errMalformed},
		{"in the past", 0, scale.AppendByteVec(nil, []byte{4, 2, 0, 4}), errTimeBackwards},
	}
	for _, tt := range tests {
		if err := c.runtime.ApplyExtrinsic(c.state, tt.index, tt.extrinsic); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if !sameState(c.state.Snapshot(), snapshot) {
			t.Fatalf("%s: the state changed", tt.name)
		}
	}
	if err := c.runtime.ApplyExtrinsic(c.state, 0, good); err != nil {
		t.Fatal(err)
	}
	if err := c.runtime.ApplyExtrinsic(c.state, 0, good); !errors.Is(err, errNotInherent) {
		t.Errorf("a second timestamp: %v", err)
	}
	for _, b := range []runtime.Block{{Number: 0, Time: c.time}, {Number: 1 << 33, Time: c.time}, {Number: 2, Time: time.Unix(-5, 0)}} {
		if _, err := c.runtime.InitializeBlock(c.state, b); err == nil {
			t.Errorf("block %d at %v was begun", b.Number, b.Time)
		}
	}
}

func sameState(a, b trie.Trie) bool {
	x, rootA := a.Edit().Commit(1)
	y, rootB := b.Edit().Commit(1)
	_, _ = x, y
	return rootA == rootB
}

func FuzzApplyExtrinsic(f *testing.F) {
	c := newChain(f, small(475))
	inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: 1, Time: c.time})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, inherents[0])
	f.Add(0, []byte{0})
	f.Add(1, c.signed("//Alice", signed{}))
	f.Add(1, c.signed("//Bob", signed{era: scale.NewEra(64, 0)}))
	before := c.state.Snapshot()
	f.Fuzz(func(_ *testing.T, index int, extrinsic []byte) {
		_ = c.runtime.ApplyExtrinsic(before.Edit(), index, extrinsic)
	})
}

func TestBlockHashesAreForgotten(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 475, Subnets: []Subnet{{Netuid: 1, Neurons: 1, Tempo: 60000}}})
	c.runtime.HoldPulses(c.state, true) // they take longer than all the rest
	c.produce(blockHashCount + 5)
	for number, want := range map[int]bool{0: true, 1: false, 4: false, 5: true, blockHashCount + 4: true} {
		hash := c.storage("System", "BlockHash", number).(scale.Bytes)
		if got := !bytes.Equal(hash, make([]byte, 32)); got != want {
			t.Errorf("the hash of block %d is there: %v, want %v", number, got, want)
		}
	}
}

// Two runtimes give the same states, and another configuration another one.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 393, 475} {
		var roots [3][32]byte
		for i := range roots {
			config := small(spec)
			config.Quiet = i == 2
			c := newChain(t, config)
			c.produce(45)
			_, roots[i] = c.state.Commit(1)
		}
		if roots[0] != roots[1] {
			t.Errorf("spec %d: the same blocks gave %x and %x", spec, roots[0], roots[1])
		}
		if roots[0] == roots[2] {
			t.Errorf("spec %d: quiet neurons change nothing", spec)
		}
	}
}
