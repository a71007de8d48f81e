package native

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

const (
	// blockHashCount is how many block hashes the state keeps, besides that of block 0,
	// which every extrinsic is signed with.
	blockHashCount = 2400
	// bareExtrinsic is the first byte of an unsigned extrinsic of version 4.
	bareExtrinsic = 4
)

var (
	errMalformed     = errors.New("native: malformed extrinsic")
	errNotInherent   = errors.New("native: the timestamp is the first extrinsic of a block and no other")
	errTimeBackwards = errors.New("native: the timestamp is before that of the parent block")
)

// InitializeBlock implements runtime.Runtime. It begins the block, runs the
// epochs that are due, and asks for the timestamp inherent and for what accounts
// of the chain's own send.
func (r *Runtime) InitializeBlock(st runtime.State, b runtime.Block) ([][]byte, error) {
	if b.Number == 0 || b.Number > 1<<32-1 {
		return nil, fmt.Errorf("native: %d is no block number after genesis", b.Number)
	}
	millis := b.Time.UnixMilli()
	if millis < 0 {
		return nil, fmt.Errorf("native: block %d is before 1970", b.Number)
	}
	system := &r.items.System
	number := uint32(b.Number)
	system.Number.set(st, number)
	system.ParentHash.set(st, b.Parent)
	system.BlockHash.set(st, b.Parent, u32(number-1))
	if number > blockHashCount+1 {
		system.BlockHash.delete(st, u32(number-1-blockHashCount))
	}
	st.Delete(eventsKey)
	system.EventCount.delete(st)
	upgrade := lastRuntimeUpgrade{SpecVersion: r.version.SpecVersion, SpecName: r.version.SpecName}
	if last, _ := system.LastRuntimeUpgrade.lookup(st); last != upgrade {
		r.migrate(st, last.SpecVersion)
		system.LastRuntimeUpgrade.set(st, upgrade)
	}
	r.items.Aura.CurrentSlot.set(st, uint64(millis)/uint64(r.config.BlockTime.Milliseconds()))

	r.logTransfers(st, b.Number)
	r.stepSubnets(st, b.Number)
	r.revealCommitments(st)
	r.storePulses(st, b.Time)
	extrinsics := [][]byte{r.timestampInherent(uint64(millis))}
	extrinsic, err := r.aliceExtrinsic(st)
	if err != nil {
		return nil, fmt.Errorf("native: //Alice's extrinsic: %w", err)
	}
	if extrinsic != nil {
		extrinsics = append(extrinsics, extrinsic)
	}
	return extrinsics, nil
}

// timestampInherent is the call Timestamp.set as a bare extrinsic.
func (r *Runtime) timestampInherent(millis uint64) []byte {
	body := append([]byte{bareExtrinsic}, r.timestampSet[:]...)
	return scale.AppendByteVec(nil, scale.AppendCompact(body, millis))
}

// ApplyExtrinsic implements runtime.Runtime. It runs the timestamp inherent and
// signed extrinsics.
func (r *Runtime) ApplyExtrinsic(st runtime.State, index int, extrinsic []byte) error {
	in := scale.NewReader(extrinsic)
	body := in.ByteVec()
	if in.Close() != nil || len(body) == 0 {
		return errMalformed
	}
	if body[0] != bareExtrinsic && index > 0 {
		return r.applySigned(st, index, extrinsic)
	}
	call, bare := bytes.CutPrefix(body, []byte{bareExtrinsic})
	args, isTimestamp := bytes.CutPrefix(call, r.timestampSet[:])
	if !bare || !isTimestamp || index != 0 || r.items.Timestamp.DidUpdate.get(st) {
		return errNotInherent
	}
	in = scale.NewReader(args)
	now := in.Compact()
	if in.Close() != nil {
		return errMalformed
	}
	if now < r.items.Timestamp.Now.get(st) {
		return errTimeBackwards
	}
	r.items.Timestamp.Now.set(st, now)
	r.items.Timestamp.DidUpdate.set(st, true)
	r.deposit(st, phase(index), "System", "ExtrinsicSuccess", mandatoryDispatch)
	return nil
}

// mandatoryDispatch is the DispatchInfo of an inherent. The weight is that of
// Timestamp.set on a real node, roughly.
var mandatoryDispatch = map[string]any{
	"weight":   map[string]any{"ref_time": uint64(159_000_000), "proof_size": uint64(1493)},
	"class":    "Mandatory",
	"pays_fee": "Yes",
}

// FinalizeBlock implements runtime.Runtime.
func (r *Runtime) FinalizeBlock(st runtime.State) error {
	if !r.items.Timestamp.DidUpdate.get(st) {
		return errors.New("native: the block has no timestamp")
	}
	r.items.Timestamp.DidUpdate.delete(st)
	return nil
}
