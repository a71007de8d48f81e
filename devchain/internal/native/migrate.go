package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// migrate makes what an older spec version has left behind that of this one, in the
// first block after an upgrade.
func (r *Runtime) migrate(st runtime.State, from uint32) {
	if _, known := r.items.Drand.BeaconConfig.lookup(st); !known {
		r.seedBeacon(st)
	}
	if !r.stateful() || from >= statefulEpochs {
		return
	}
	for _, netuid := range r.netuids(st) {
		if netuid != rootNetuid {
			r.migrateEpochs(st, netuid)
			r.migrateCommits(st, netuid)
		}
	}
}

// migrateEpochs goes on counting where the old schedule is: the next epoch runs in
// the block in which it would have run, and the ones after it one block earlier
// each.
func (r *Runtime) migrateEpochs(st runtime.State, netuid uint16) {
	s := &r.items.SubtensorModule
	block, key := r.blockNumber(st), u16(netuid)
	s.SubnetEpochIndex.set(st, r.modularIndex(st, netuid, block), key)
	since := (block + uint64(netuid) + 1) % (uint64(s.Tempo.get(st, key)) + 1)
	s.LastEpochBlock.set(st, block-min(block, since), key)
}

// migrateCommits turns blocks into epochs in the queues of hashes.
func (r *Runtime) migrateCommits(st runtime.State, netuid uint16) {
	commits := &r.items.SubtensorModule.WeightCommits
	for mechanism := range r.mechanisms(st, netuid) {
		index := u16(storageIndex(netuid, mechanism))
		for _, hotkey := range commits.lastKeys(st, len(account{}), index) {
			var queue []hashCommit
			for _, c := range commits.get(st, index, hotkey) {
				queue = append(queue, hashCommit{c.Hash, r.modularIndex(st, netuid, c.A), c.A, 0})
			}
			commits.set(st, queue, index, hotkey)
		}
	}
}
