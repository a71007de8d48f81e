package devchain

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// codeKey is where a Substrate chain keeps its runtime.
var codeKey = []byte(":code")

// codeOf stands for the WebAssembly that a real chain stores under codeKey: a
// text that changes whenever the runtime does.
func codeOf(v runtime.Version) []byte {
	return fmt.Appendf(nil, "pylon development chain runtime %s/%d (%s/%d, transactions %d)",
		v.SpecName, v.SpecVersion, v.ImplName, v.ImplVersion, v.TransactionVersion)
}

// genesis makes block 0.
func genesis(rt runtime.Runtime, at time.Time) (*block, *trie.Editor, error) {
	state := trie.Trie{}.Edit()
	state.Track()
	if err := rt.Genesis(state); err != nil {
		return nil, nil, fmt.Errorf("devchain: make the genesis state: %w", err)
	}
	state.Set(codeKey, codeOf(rt.Version()))
	b := &block{runtime: rt, kept: true}
	var root [32]byte
	b.state, root = state.Commit(rt.Version().StateVersion)
	b.Header = Header{StateRoot: root, ExtrinsicsRoot: extrinsicsRoot(nil)}
	b.Hash = b.Header.Hash()
	b.Time = at
	return b, state, nil
}

// proposal is what goes into a block besides its parent.
type proposal struct {
	at         time.Time
	extrinsics [][]byte // after those that the runtime begins the block with
	picks      []pick   // of the pool, after those
	edits      []func(runtime.State) error
	upgrade    runtime.Runtime // nil for none
}

// refusal is why an extrinsic of the pool is not in a block.
type refusal struct {
	hash Hash
	err  error
}

// build makes a block on top of parent, whose state it is given, without
// importing it. The editor knows the keys that were written. What the pool has to
// offer is left out if the runtime refuses it; if it refuses anything else, or
// panics, there is no block.
func build(parent *block, base trie.Trie, p proposal, slotDuration time.Duration) (_ *block, _ *trie.Editor, refused []refusal, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("devchain: the runtime panicked in block %d: %v\n%s", parent.Number+1, cause, debug.Stack())
		}
	}()
	rt := parent.runtime
	b := &block{parent: parent, runtime: rt, kept: true}
	b.Parent = parent.Hash
	b.Number = parent.Number + 1
	b.Time = p.at
	b.Digest = [][]byte{auraSlot(p.at, slotDuration)}

	state := base.Edit()
	state.Track()
	inherents, err := rt.InitializeBlock(state, runtime.Block{Number: b.Number, Parent: b.Parent, Time: p.at})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("devchain: initialise block %d: %w", b.Number, err)
	}
	for i, inherent := range inherents {
		if err := checkExtrinsic(inherent); err != nil {
			return nil, nil, nil, fmt.Errorf("devchain: inherent %d of block %d: %w", i, b.Number, err)
		}
		if err := rt.ApplyExtrinsic(state, i, inherent); err != nil {
			return nil, nil, nil, fmt.Errorf("devchain: apply inherent %d of block %d: %w", i, b.Number, err)
		}
		b.Extrinsics = append(b.Extrinsics, inherent)
	}
	for i, extrinsic := range p.extrinsics {
		if err := checkExtrinsic(extrinsic); err != nil {
			return nil, nil, nil, fmt.Errorf("devchain: included extrinsic %d of block %d: %w", i, b.Number, err)
		}
		if err := rt.ApplyExtrinsic(state, len(b.Extrinsics), extrinsic); err != nil {
			return nil, nil, nil, fmt.Errorf("devchain: apply included extrinsic %d of block %d: %w", i, b.Number, err)
		}
		b.Extrinsics = append(b.Extrinsics, extrinsic)
	}
	for _, one := range p.picks {
		before := state.Snapshot()
		if err := applyPick(rt, state, len(b.Extrinsics), one); err != nil {
			state.Restore(before)
			refused = append(refused, refusal{one.hash, err})
			continue
		}
		b.Extrinsics = append(b.Extrinsics, one.bytes)
	}
	for _, edit := range p.edits {
		if err := edit(state); err != nil {
			return nil, nil, nil, fmt.Errorf("devchain: edit the state of block %d: %w", b.Number, err)
		}
	}
	if err := rt.FinalizeBlock(state); err != nil {
		return nil, nil, nil, fmt.Errorf("devchain: finalise block %d: %w", b.Number, err)
	}
	if p.upgrade != nil {
		state.Set(codeKey, codeOf(p.upgrade.Version()))
		b.runtime = p.upgrade
		b.Digest = append(b.Digest, []byte{digestRuntimeEnvironmentUpdated})
	}

	var root [32]byte
	b.state, root = state.Commit(rt.Version().StateVersion)
	b.StateRoot = root
	b.ExtrinsicsRoot = extrinsicsRoot(b.Extrinsics)
	b.Hash = b.Header.Hash()
	return b, state, refused, nil
}

// checkExtrinsic looks at the length in front.
func checkExtrinsic(extrinsic []byte) error {
	r := scale.NewReader(extrinsic)
	r.ByteVec()
	if err := r.Close(); err != nil {
		return fmt.Errorf("not an extrinsic with its length in front: %w", err)
	}
	return nil
}
