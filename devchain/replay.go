package devchain

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// replay applies the records of a journal to a ledger.
type replay struct {
	ledger    *ledger
	runtimes  *runtimes
	keep      int
	finalized *block
	dropped   int // blocks whose state was read and is not kept any more
}

func (p *replay) record(record []byte) error {
	r := scale.NewReader(record)
	var err error
	switch kind := r.Uint8(); kind {
	case recordBlock:
		err = p.block(r)
	case recordHeadless:
		err = p.headless(r)
	case recordState:
		err = p.state(r)
	case recordFinalized:
		p.finalized, err = p.find(r)
	default:
		return fmt.Errorf("a record of the unknown kind %d", kind)
	}
	if err != nil {
		return err
	}
	return r.Close()
}

// block reads a block and what it wrote. The state of a block whose parent has
// none any more is lost with it.
func (p *replay) block(r *scale.Reader) error {
	b, err := p.header(r)
	if err != nil {
		return err
	}
	var base trie.Trie
	if b.kept = b.parent == nil; b.parent != nil {
		base, b.kept = b.parent.state, b.parent.kept
	}
	if err := applyWrites(r, b, base); err != nil {
		return err
	}
	p.ledger.add(b)
	p.forget()
	return nil
}

func (p *replay) headless(r *scale.Reader) error {
	b, err := p.header(r)
	if err == nil {
		p.ledger.add(b)
	}
	return err
}

func (p *replay) state(r *scale.Reader) error {
	b, err := p.find(r)
	if err != nil {
		return err
	}
	var base trie.Trie
	if b.parent != nil {
		base = b.parent.state
	}
	b.kept = true
	if err := applyWrites(r, b, base); err != nil {
		return err
	}
	p.ledger.stateful = append(p.ledger.stateful, b)
	return nil
}

// forget drops states as the running chain did.
func (p *replay) forget() {
	if best := p.ledger.best.Number; p.keep > 0 && best >= uint64(p.keep) {
		before := len(p.ledger.stateful)
		p.ledger.prune(best + 1 - uint64(p.keep))
		p.dropped += before - len(p.ledger.stateful)
	}
}

func (p *replay) find(r *scale.Reader) (*block, error) {
	var hash Hash
	copy(hash[:], r.Take(len(hash)))
	if err := r.Err(); err != nil {
		return nil, err
	}
	b, ok := p.ledger.blocks[hash]
	if !ok {
		return nil, fmt.Errorf("block %v is not there", hash)
	}
	return b, nil
}

func (p *replay) header(r *scale.Reader) (*block, error) {
	b := &block{}
	copy(b.Parent[:], r.Take(len(b.Parent)))
	b.Number = r.Compact()
	copy(b.StateRoot[:], r.Take(len(b.StateRoot)))
	copy(b.ExtrinsicsRoot[:], r.Take(len(b.ExtrinsicsRoot)))
	b.Digest = readByteVecs(r)
	b.Time = time.UnixMilli(int64(r.Uint64())).UTC()
	name, version := r.Text(), r.Uint32()
	b.Extrinsics = readByteVecs(r)
	if err := r.Err(); err != nil {
		return nil, err
	}
	b.Hash = b.Header.Hash()
	if p.ledger.best != nil {
		parent, ok := p.ledger.blocks[b.Parent]
		if !ok || parent.Number+1 != b.Number {
			return nil, fmt.Errorf("block %d follows a block that is not there", b.Number)
		}
		b.parent = parent
	}
	if b.runtime = p.runtimes.find(name, version); b.runtime == nil {
		return nil, fmt.Errorf("block %d needs the runtime %s/%d, which is neither Config.Runtime nor one of Config.Runtimes",
			b.Number, name, version)
	}
	return b, nil
}

// runtimes are those that recorded blocks can have been made with.
type runtimes struct {
	known        []runtime.Runtime
	subtensors   bool // make the ones that this package has, when they are needed
	slotDuration time.Duration
}

// find returns nil if there is no such runtime.
func (r *runtimes) find(name string, version uint32) runtime.Runtime {
	for _, rt := range r.known {
		if v := rt.Version(); v.SpecName == name && v.SpecVersion == version {
			return rt
		}
	}
	if !r.subtensors || !slices.Contains(Specs(), version) {
		return nil
	}
	rt, err := NewSubtensor(SubtensorConfig{Spec: version, BlockTime: r.slotDuration})
	if err != nil || rt.Version().SpecName != name {
		return nil
	}
	r.known = append(r.known, rt)
	return rt
}

// applyWrites gives b the state that base becomes, if b has one, and checks it.
func applyWrites(r *scale.Reader, b *block, base trie.Trie) error {
	state := base.Edit()
	for range r.Len(2) {
		key, present := r.ByteVec(), r.Bool()
		switch {
		case present && b.kept:
			state.Set(key, r.ByteVec())
		case present:
			r.ByteVec()
		case b.kept:
			state.Delete(key)
		}
	}
	if err := r.Err(); err != nil || !b.kept {
		return err
	}
	// Only what a block wrote is encoded by its parent's runtime, so the version
	// is the parent's; it differs at a change of the state version only.
	version := b.runtime.Version().StateVersion
	if b.parent != nil {
		version = b.parent.runtime.Version().StateVersion
	}
	var root Hash
	if b.state, root = state.Commit(version); root != b.StateRoot {
		return fmt.Errorf("block %d has the state root %v, its header says %v", b.Number, root, b.StateRoot)
	}
	return nil
}

func readByteVecs(r *scale.Reader) [][]byte {
	var items [][]byte
	for range r.Len(1) {
		items = append(items, bytes.Clone(r.ByteVec())) // the record is not to stay in memory
	}
	return items
}
