package native

import (
	"bytes"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

const (
	// commitmentsBySpace is the spec version since which a hotkey may commit to as
	// much as fits into MaxSpace in an epoch. Before, it may do so once in
	// commitmentPause blocks.
	commitmentsBySpace = 257
	commitmentPause    = 100
	// leastSpace is what a commitment takes at least, in bytes.
	leastSpace = 100
)

// The variants of a commitment's fields that are not plain bytes.
const (
	timelocked     = "TimelockEncrypted"
	resetBondsFlag = "ResetBondsFlag"
)

// revealed is a text that was timelocked, with its length in front, and the
// block at which it was revealed.
type revealed struct {
	Text  []byte `scale:"0"`
	Block uint64 `scale:"1"`
}

// usedSpace is what a hotkey has committed to in an epoch, in bytes.
type usedSpace struct {
	LastEpoch uint64 `scale:"last_epoch"`
	UsedSpace uint64 `scale:"used_space"`
}

// timelockedOwner is an entry of TimelockedIndex.
type timelockedOwner struct {
	Netuid  uint16  `scale:"0"`
	Account account `scale:"1"`
}

func (a timelockedOwner) compare(b timelockedOwner) int {
	if a.Netuid != b.Netuid {
		return int(a.Netuid) - int(b.Netuid)
	}
	return bytes.Compare(a.Account[:], b.Account[:])
}

// SetTimelockedCommitment publishes bytes of a hotkey that are encrypted until a
// round of the randomness beacon. It reports whether the spec version knows such
// commitments, and whether the bytes fit.
func (r *Runtime) SetTimelockedCommitment(st runtime.State, netuid uint16, hotkey [32]byte, encrypted []byte, round uint64) bool {
	if len(encrypted) > 1024 || !r.items.Commitments.TimelockedIndex.exists() {
		return false
	}
	r.commit(st, netuid, hotkey, []scale.Enum{{Name: timelocked, Value: scale.Object{
		{Name: "encrypted", Value: scale.Bytes(encrypted)}, {Name: "reveal_round", Value: round},
	}}})
	return true
}

// SetHashCommitment publishes a SHA-256 hash of a hotkey.
func (r *Runtime) SetHashCommitment(st runtime.State, netuid uint16, hotkey, hash [32]byte) {
	r.commit(st, netuid, hotkey, []scale.Enum{{Name: "Sha256", Value: scale.Bytes(hash[:])}})
}

// commit stores a commitment, as the extrinsic of that purpose does.
func (r *Runtime) commit(st runtime.State, netuid uint16, hotkey account, fields []scale.Enum) {
	c := registration{Block: uint32(r.blockNumber(st))}
	c.Info.Fields = fields
	commitments := &r.items.Commitments
	commitments.CommitmentOf.set(st, c, u16(netuid), hotkey[:])
	commitments.LastCommitment.set(st, c.Block, u16(netuid), hotkey[:])

	index := slices.Clone(commitments.TimelockedIndex.get(st))
	owner := timelockedOwner{netuid, hotkey}
	at, listed := slices.BinarySearchFunc(index, owner, timelockedOwner.compare)
	switch isTimelocked := slices.ContainsFunc(fields, func(f scale.Enum) bool { return f.Name == timelocked }); {
	case isTimelocked && !listed:
		commitments.TimelockedIndex.set(st, slices.Insert(index, at, owner))
	case !isTimelocked && listed:
		commitments.TimelockedIndex.set(st, slices.Delete(index, at, at+1))
	}
}

// AddRevealedCommitment adds a text to those that a hotkey's timelocked
// commitments turned out to be, of which the newest ten are kept. It reports
// whether the spec version has them.
func (r *Runtime) AddRevealedCommitment(st runtime.State, netuid uint16, hotkey [32]byte, text string, block uint64) bool {
	r.addRevealed(st, netuid, hotkey, scale.AppendString(nil, text), block)
	return r.items.Commitments.RevealedCommitments.exists()
}

// addRevealed adds bytes that were inside of a timelocked commitment. By custom
// they are a text with its length in front; the chain does not look.
func (r *Runtime) addRevealed(st runtime.State, netuid uint16, hotkey account, inside []byte, block uint64) {
	item := &r.items.Commitments.RevealedCommitments
	all := append(slices.Clone(item.get(st, u16(netuid), hotkey[:])), revealed{inside, block})
	item.set(st, all[max(0, len(all)-10):], u16(netuid), hotkey[:])
}

// commitmentCalls are those of the pallet Commitments.
func (r *Runtime) commitmentCalls() map[string]dispatcher {
	return map[string]dispatcher{
		"Commitments.set_commitment": {run: r.setCommitment, guard: r.guardCommitment, weight: commitmentWeight, operational: true},
	}
}

// committed are the fields of the commitment that a call makes.
func committed(c *dispatch) []scale.Enum {
	list, _ := c.object("info").Get("fields")
	items, _ := list.([]any)
	fields := make([]scale.Enum, len(items))
	for i, item := range items {
		fields[i], _ = item.(scale.Enum)
	}
	return fields
}

// guardCommitment refuses what this chain cannot do.
func (r *Runtime) guardCommitment(_ runtime.State, c *dispatch) error {
	if slices.ContainsFunc(committed(c), func(f scale.Enum) bool { return f.Name == resetBondsFlag }) {
		return c.unsupported(" with a field that resets bonds")
	}
	return nil
}

// setCommitment runs Commitments.set_commitment.
func (r *Runtime) setCommitment(st runtime.State, c *dispatch) error {
	netuid, fields := c.uint16("netuid"), committed(c)
	if !r.registered(st, netuid, c.signer) {
		return c.fail("Commitments", "AccountNotAllowedCommit")
	}
	if len(fields) > r.maxFields {
		return c.fail("Commitments", "TooManyFieldsInCommitmentInfo")
	}
	if name := r.spaceRefusal(st, netuid, c.signer, fields); name != "" {
		return c.fail("Commitments", name)
	}
	r.commit(st, netuid, c.signer, fields)
	for _, field := range fields {
		if locked, ok := field.Value.(scale.Object); ok && field.Name == timelocked {
			round, _ := locked.Get("reveal_round")
			c.deposit("Commitments", "TimelockCommitment", netuid, c.signer, round)
			return nil
		}
	}
	c.deposit("Commitments", "Commitment", netuid, c.signer)
	return nil
}

// spaceRefusal is the name of the error of a hotkey that commits to too much or
// too often, and empty otherwise. What it commits to is counted.
func (r *Runtime) spaceRefusal(st runtime.State, netuid uint16, hotkey account, fields []scale.Enum) string {
	commitments := &r.items.Commitments
	block := r.blockNumber(st)
	if r.config.Spec < commitmentsBySpace {
		last, ok := commitments.LastCommitment.lookup(st, u16(netuid), hotkey[:])
		if ok && block < uint64(last)+commitmentPause {
			return "CommitmentSetRateLimitExceeded"
		}
		return ""
	}
	used := commitments.UsedSpaceOf.get(st, u16(netuid), hotkey[:])
	if epoch := r.epochIndex(st, netuid, block); used.LastEpoch != epoch {
		used = usedSpace{LastEpoch: epoch}
	}
	space := 0
	for _, field := range fields {
		space += spaceOf(field)
	}
	used.UsedSpace += uint64(max(space, leastSpace))
	if used.UsedSpace > uint64(commitments.MaxSpace.get(st)) {
		return "SpaceLimitExceeded"
	}
	commitments.UsedSpaceOf.set(st, used, u16(netuid), hotkey[:])
	return ""
}

// spaceOf is what a field counts, in bytes: its data, whatever it stands for.
func spaceOf(field scale.Enum) int {
	switch value := field.Value.(type) {
	case scale.Bytes:
		return len(value)
	case scale.Object:
		encrypted, _ := value.Get("encrypted")
		data, _ := encrypted.(scale.Bytes)
		return len(data)
	}
	return 0
}
