package native

import (
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Commits of hashes, which their owner reveals later.

// mostCommits is how many commits of a hotkey may wait to be revealed: in its queue
// of hashes, or in one epoch's timelocked ones.
const mostCommits = 10

// hashCommit is an entry of WeightCommits. Its numbers were the blocks of the commit,
// of the first and of the last in which it can be revealed; with stateful epochs they
// are the epoch of the commit, its block and 0.
type hashCommit struct {
	Hash [32]byte `scale:"0"`
	A    uint64   `scale:"1"`
	B    uint64   `scale:"2"`
	C    uint64   `scale:"3"`
}

// weightsHash is what a hotkey commits to.
func weightsHash(w *weighting, salt []uint16) [32]byte {
	in := append([]byte{}, w.hotkey[:]...)
	in = scale.AppendUint16(in, w.index())
	for _, list := range [][]uint16{w.uids, w.values, salt} {
		in = scale.AppendCompact(in, uint64(len(list)))
		for _, v := range list {
			in = scale.AppendUint16(in, v)
		}
	}
	return scale.Blake2_256(scale.AppendUint64(in, w.version))
}

// checkCommit checks what all commits have in common, and returns the uid of the
// hotkey.
func (r *Runtime) checkCommit(st runtime.State, netuid uint16, mechanism uint8, hotkey account) (uid uint16, refused refusal) {
	uid, registered := r.items.SubtensorModule.Uids.lookup(st, u16(netuid), hotkey[:])
	switch {
	case !registered:
		return 0, "HotKeyNotRegisteredInSubNet"
	case r.nullConsensus(st, netuid) && !r.permitted(st, netuid, uid):
		return 0, "NeuronNoValidatorPermit"
	case r.tooSoon(st, netuid, mechanism, uid):
		return 0, "CommittingWeightsTooFast"
	}
	return uid, ""
}

// checkCommitReveal refuses mechanisms that do not exist or have no commit-reveal.
func (r *Runtime) checkCommitReveal(st runtime.State, netuid uint16, mechanism uint8) refusal {
	if refused := r.checkMechanism(st, netuid, mechanism); refused != "" && r.config.Spec >= manyMechanisms {
		return refused
	}
	if !r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(netuid)) {
		return "CommitRevealDisabled"
	}
	return ""
}

// commitWeights appends a hash to the queue of a hotkey.
func (r *Runtime) commitWeights(st runtime.State, at phase, netuid uint16, mechanism uint8, hotkey account, hash [32]byte) refusal {
	if refused := r.checkCommitReveal(st, netuid, mechanism); refused != "" {
		return refused
	}
	uid, refused := r.checkCommit(st, netuid, mechanism, hotkey)
	if refused != "" {
		return refused
	}
	index := storageIndex(netuid, mechanism)
	commits := &r.items.SubtensorModule.WeightCommits
	queue, _ := r.unexpired(st, netuid, commits.get(st, u16(index), hotkey[:]))
	if len(queue) >= mostCommits {
		return "TooManyUnrevealedCommits"
	}
	commits.set(st, append(slices.Clone(queue), r.newCommit(st, netuid, hash)), u16(index), hotkey[:])
	r.touch(st, index, uid)
	r.deposit(st, at, "SubtensorModule", "WeightsCommitted", hotkey, index, hash)
	return ""
}

// newCommit is a commit in this block.
func (r *Runtime) newCommit(st runtime.State, netuid uint16, hash [32]byte) hashCommit {
	block := r.blockNumber(st)
	if r.stateful() {
		return hashCommit{hash, r.commitEpoch(st, netuid), block, 0}
	}
	s := &r.items.SubtensorModule
	tempo := uint64(s.Tempo.get(st, u16(netuid)))
	reveal := r.epochIndex(st, netuid, block) + s.RevealPeriodEpochs.get(st, u16(netuid))
	first := reveal*(tempo+1) - min(reveal*(tempo+1), uint64(netuid)+1)
	return hashCommit{hash, block, first, first + tempo}
}

// revealsAt is the epoch in which a commit can be revealed.
func (r *Runtime) revealsAt(st runtime.State, netuid uint16, c hashCommit) uint64 {
	epoch := c.A
	if !r.stateful() {
		epoch = r.epochIndex(st, netuid, c.A)
	}
	return epoch + r.items.SubtensorModule.RevealPeriodEpochs.get(st, u16(netuid))
}

// unexpired splits a queue into the commits that can still be revealed and the
// hashes in front of them that cannot.
func (r *Runtime) unexpired(st runtime.State, netuid uint16, queue []hashCommit) (live []hashCommit, expired [][32]byte) {
	now := r.revealEpoch(st, netuid)
	for len(queue) > 0 && now > r.revealsAt(st, netuid, queue[0]) {
		expired, queue = append(expired, queue[0].Hash), queue[1:]
	}
	return queue, expired
}

// find is the place of a hash in a queue, -1 for none.
func find(queue []hashCommit, hash [32]byte) int {
	return slices.IndexFunc(queue, func(c hashCommit) bool { return c.Hash == hash })
}

// revealWeight sets the weights that a hotkey has committed to. That drops the
// commits before this one.
func (r *Runtime) revealWeight(st runtime.State, at phase, w *weighting, salt []uint16) refusal {
	if !r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(w.netuid)) {
		return "CommitRevealDisabled"
	}
	commits := &r.items.SubtensorModule.WeightCommits
	all, ok := commits.lookup(st, u16(w.index()), w.hotkey[:])
	if !ok {
		return "NoWeightsCommitFound"
	}
	queue, expired := r.unexpired(st, w.netuid, all)
	hash := weightsHash(w, salt)
	place := find(queue, hash)
	switch {
	case place < 0 && slices.Contains(expired, hash):
		return "ExpiredWeightCommit"
	case len(queue) == 0:
		return "NoWeightsCommitFound"
	case place < 0:
		return "InvalidRevealCommitHashNotMatch"
	case r.revealEpoch(st, w.netuid) != r.revealsAt(st, w.netuid, queue[place]):
		return "RevealTooEarly"
	}
	if refused := r.setWeights(st, at, w); refused != "" {
		return refused
	}
	r.setQueue(st, w, queue[place+1:])
	r.deposit(st, at, "SubtensorModule", "WeightsRevealed", w.hotkey, w.index(), hash)
	return ""
}

// revealBatch sets several weights that a hotkey has committed to, all or none.
func (r *Runtime) revealBatch(st runtime.State, at phase, all []*weighting, salts [][]uint16, netuid uint16, hotkey account) refusal {
	if !r.items.SubtensorModule.CommitRevealWeightsEnabled.get(st, u16(netuid)) {
		return "CommitRevealDisabled"
	}
	stored, ok := r.items.SubtensorModule.WeightCommits.lookup(st, u16(netuid), hotkey[:])
	if !ok {
		return "NoWeightsCommitFound"
	}
	queue, expired := r.unexpired(st, netuid, stored)
	queue = slices.Clone(queue)
	hashes := make([]any, len(all))
	for i, w := range all {
		hash := weightsHash(w, salts[i])
		place := find(queue, hash)
		switch {
		case place < 0 && slices.Contains(expired, hash):
			return "ExpiredWeightCommit"
		case place < 0:
			return "InvalidRevealCommitHashNotMatch"
		case r.revealEpoch(st, netuid) != r.revealsAt(st, netuid, queue[place]):
			return "RevealTooEarly"
		}
		hashes[i] = hash
	}
	for i, w := range all {
		place := find(queue, hashes[i].([32]byte))
		if place < 0 {
			return "InvalidRevealCommitHashNotMatch" // the same one twice
		}
		queue = slices.Delete(queue, place, place+1)
		// What an item before this one has written is undone with the call.
		if refused := r.setWeights(st, at, w); refused != "" {
			return refused
		}
	}
	r.setQueue(st, &weighting{netuid: netuid, hotkey: hotkey}, queue)
	r.deposit(st, at, "SubtensorModule", "WeightsBatchRevealed", hotkey, netuid, hashes)
	return ""
}

// setQueue stores what is left of the queue that weights were committed in.
func (r *Runtime) setQueue(st runtime.State, w *weighting, queue []hashCommit) {
	commits := &r.items.SubtensorModule.WeightCommits
	if len(queue) == 0 {
		commits.delete(st, u16(w.index()), w.hotkey[:])
		return
	}
	commits.set(st, queue, u16(w.index()), w.hotkey[:])
}
