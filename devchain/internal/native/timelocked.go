package native

import (
	"encoding/binary"
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// Timelocked commits, which the chain itself reveals when the beacon's round has
// come.

const (
	// largePayloads is the spec version since which a commit decodes with up to
	// mostPayload bytes. Before, it does not with more than those of a subnet with
	// Yuma consensus.
	largePayloads = 475
	mostPayload   = 32 << 10
	// mostQueued and mostQueuedBytes bound what an epoch of a subnet with Null
	// consensus keeps.
	mostQueued      = 64
	mostQueuedBytes = 64 << 10
)

// timelockedCommit is an entry of TimelockedWeightCommits.
type timelockedCommit struct {
	Hotkey  account `scale:"0"`
	Block   uint64  `scale:"1"`
	Payload []byte  `scale:"2"`
	Round   uint64  `scale:"3"`
}

// decodable tells whether a payload is short enough for the call to decode.
func (r *Runtime) decodable(payload []byte) bool {
	if r.config.Spec >= largePayloads {
		return len(payload) <= mostPayload
	}
	return len(payload) <= timelock.MaxWeightsCiphertext
}

// commitTimelocked adds a commit to those of this epoch.
func (r *Runtime) commitTimelocked(st runtime.State, at phase, netuid uint16, mechanism uint8, commit timelockedCommit, version uint16) refusal {
	s := &r.items.SubtensorModule
	if refused := r.checkCommitReveal(st, netuid, mechanism); refused != "" {
		return refused
	}
	if version != s.CommitRevealWeightsVersion.get(st) {
		return "IncorrectCommitRevealVersion"
	}
	if len(commit.Payload) > r.largestPayload(st, netuid) {
		return "CommitPayloadTooLarge"
	}
	uid, refused := r.checkCommit(st, netuid, mechanism, commit.Hotkey)
	if refused != "" {
		return refused
	}
	index, epoch := storageIndex(netuid, mechanism), r.commitEpoch(st, netuid)
	queue := s.TimelockedWeightCommits.get(st, u16(index), u64(epoch))
	own := 0
	for _, other := range queue {
		if other.Hotkey == commit.Hotkey {
			own++
		}
	}
	if own >= mostCommits {
		return "TooManyUnrevealedCommits"
	}
	commit.Block = r.blockNumber(st)
	queue = append(slices.Clone(queue), commit)
	if r.nullConsensus(st, netuid) {
		var ok bool
		if queue, ok = r.evict(st, netuid, queue); !ok {
			return "CommitQueueFull"
		}
	}
	s.TimelockedWeightCommits.set(st, queue, u16(index), u64(epoch))
	r.touch(st, index, uid)
	r.deposit(st, at, "SubtensorModule", "TimelockedWeightsCommitted",
		commit.Hotkey, index, scale.Blake2_256(commit.Payload), commit.Round)
	return ""
}

// largestPayload is how long a commit may be on a subnet, in bytes.
func (r *Runtime) largestPayload(st runtime.State, netuid uint16) int {
	if r.nullConsensus(st, netuid) {
		return mostPayload / int(r.mechanisms(st, netuid))
	}
	return timelock.MaxWeightsCiphertext
}

// evict makes place for the last commit of a queue: those of the least stake go.
// It fails if only such of as much stake are left.
func (r *Runtime) evict(st runtime.State, netuid uint16, queue []timelockedCommit) (_ []timelockedCommit, ok bool) {
	newest := queue[len(queue)-1]
	stake := func(c timelockedCommit) uint64 { return r.stakeOf(st, netuid, c.Hotkey).total }
	for {
		size, least := 0, 0
		for i, c := range queue {
			size += len(c.Payload)
			if stake(c) < stake(queue[least]) {
				least = i
			}
		}
		if len(queue) <= mostQueued && size <= mostQueuedBytes {
			return queue, true
		}
		if stake(queue[least]) >= stake(newest) {
			return nil, false
		}
		queue = slices.Delete(queue, least, least+1)
	}
}

// revealWeights reveals the commits of a subnet whose epoch this is and whose
// rounds have come. Those of epochs that are over are gone.
func (r *Runtime) revealWeights(st runtime.State, netuid uint16) {
	s := &r.items.SubtensorModule
	now, period := r.revealEpoch(st, netuid), s.RevealPeriodEpochs.get(st, u16(netuid))
	for mechanism := range r.mechanisms(st, netuid) {
		index := storageIndex(netuid, mechanism)
		for _, end := range s.TimelockedWeightCommits.lastKeys(st, 8, u16(index)) {
			epoch := binary.LittleEndian.Uint64(end)
			switch {
			case epoch+period < now:
				s.TimelockedWeightCommits.delete(st, u16(index), end)
			case epoch+period == now:
				r.revealQueue(st, netuid, mechanism, end)
			}
		}
	}
}

// revealQueue reveals what it can of an epoch's commits, in their order. Those
// whose round has not come stay, all others go, whatever they turn out to be.
func (r *Runtime) revealQueue(st runtime.State, netuid uint16, mechanism uint8, epoch []byte) {
	commits := &r.items.SubtensorModule.TimelockedWeightCommits
	index := storageIndex(netuid, mechanism)
	queue := commits.get(st, u16(index), epoch)
	var waiting []timelockedCommit
	for _, commit := range queue {
		signature, stored := r.opener(st, commit.Round)
		if !stored {
			waiting = append(waiting, commit)
			continue
		}
		w := weightsInside(commit, signature)
		if w == nil {
			continue
		}
		w.netuid, w.mechanism = netuid, mechanism
		if r.setWeights(st, initialization, w) == "" {
			r.deposit(st, initialization, "SubtensorModule", "TimelockedWeightsRevealed", index, commit.Hotkey)
		}
	}
	switch {
	case len(waiting) == 0:
		commits.delete(st, u16(index), epoch)
	case len(waiting) < len(queue):
		commits.set(st, waiting, u16(index), epoch)
	}
}

// weightsInside opens a commit. It is nil for one that is not what it should be, or
// that somebody else has made.
func weightsInside(commit timelockedCommit, signature timelock.Signature) *weighting {
	message, err := timelock.Decrypt(commit.Payload, signature)
	if err != nil {
		return nil
	}
	inside, err := timelock.ParseWeights(message)
	if err != nil || !inside.Legacy && inside.Hotkey != commit.Hotkey {
		return nil
	}
	return &weighting{hotkey: commit.Hotkey, uids: inside.UIDs, values: inside.Values, version: inside.VersionKey}
}

// revealCommitments reveals the timelocked commitments whose rounds have come. Of a
// commitment that has turned out to be nothing, nothing stays either.
func (r *Runtime) revealCommitments(st runtime.State) {
	commitments := &r.items.Commitments
	index := commitments.TimelockedIndex.get(st)
	var waiting []timelockedOwner
	for _, owner := range index {
		if r.revealCommitment(st, owner) {
			waiting = append(waiting, owner)
		}
	}
	if len(waiting) < len(index) {
		commitments.TimelockedIndex.set(st, waiting)
	}
}

// revealCommitment tells whether something of the commitment is still timelocked.
func (r *Runtime) revealCommitment(st runtime.State, owner timelockedOwner) (waiting bool) {
	commitments := &r.items.Commitments
	key, who := u16(owner.Netuid), owner.Account[:]
	c, ok := commitments.CommitmentOf.lookup(st, key, who)
	if !ok {
		return false
	}
	var left []scale.Enum
	for _, field := range c.Info.Fields {
		if field.Name != timelocked {
			left = append(left, field)
			continue
		}
		locked, _ := field.Value.(scale.Object)
		encrypted, _ := locked.Get("encrypted")
		round, _ := locked.Get("reveal_round")
		ciphertext, _ := encrypted.(scale.Bytes)
		number, _ := round.(uint64)
		signature, stored := r.opener(st, number)
		if !stored {
			left, waiting = append(left, field), true
			continue
		}
		if text, err := timelock.Decrypt(ciphertext, signature); err == nil && len(text) > 0 {
			r.addRevealed(st, owner.Netuid, owner.Account, text, r.blockNumber(st))
			r.deposit(st, initialization, "Commitments", "CommitmentRevealed", owner.Netuid, owner.Account)
		}
	}
	switch {
	case len(left) == 0:
		commitments.CommitmentOf.delete(st, key, who)
	case len(left) < len(c.Info.Fields):
		c.Info.Fields = left
		commitments.CommitmentOf.set(st, c, key, who)
	}
	return waiting
}
