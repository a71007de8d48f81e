package native

import (
	"slices"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

const (
	// statefulEpochs is the spec version since which epochs follow LastEpochBlock.
	// Before, they follow from the block number.
	statefulEpochs = 423
	// maxEpochDistance is how long an epoch can stay away at most.
	maxEpochDistance = 50400
)

// stateful tells whether the spec version has stateful epochs.
func (r *Runtime) stateful() bool { return r.config.Spec >= statefulEpochs }

// epochDue tells whether a subnet's epoch runs at a block.
func (r *Runtime) epochDue(st runtime.State, netuid uint16, block uint64) bool {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	tempo := uint64(s.Tempo.get(st, key))
	if tempo == 0 {
		return false
	}
	if !r.stateful() {
		return (block+uint64(netuid)+1)%(tempo+1) == tempo
	}
	pending := s.PendingEpochAt.get(st, key)
	return pending > 0 && block >= pending ||
		s.BlocksSinceLastStep.get(st, key) > maxEpochDistance ||
		block-min(block, s.LastEpochBlock.get(st, key)) >= tempo
}

// epochIndex numbers a subnet's epochs.
func (r *Runtime) epochIndex(st runtime.State, netuid uint16, block uint64) uint64 {
	if r.stateful() {
		return r.items.SubtensorModule.SubnetEpochIndex.get(st, u16(netuid))
	}
	return r.modularIndex(st, netuid, block)
}

// modularIndex is the number of the epoch that a block is in, by the old schedule.
func (r *Runtime) modularIndex(st runtime.State, netuid uint16, block uint64) uint64 {
	tempo := r.items.SubtensorModule.Tempo.get(st, u16(netuid))
	return (block + uint64(netuid) + 1) / (uint64(tempo) + 1)
}

// commitEpoch is the epoch that a timelocked commit in this block counts for:
// the next one if an epoch is due. Stateful epochs count everything that has to
// do with commits and reveals like this.
func (r *Runtime) commitEpoch(st runtime.State, netuid uint16) uint64 {
	block := r.blockNumber(st)
	epoch := r.epochIndex(st, netuid, block)
	if r.epochDue(st, netuid, block) {
		epoch++
	}
	return epoch
}

// revealEpoch is the epoch that this block is in for reveals.
func (r *Runtime) revealEpoch(st runtime.State, netuid uint16) uint64 {
	if r.stateful() {
		return r.commitEpoch(st, netuid)
	}
	return r.epochIndex(st, netuid, r.blockNumber(st))
}

// agenda says which subnets have an epoch in a block, and which have to wait for
// the next one because too many have.
func (r *Runtime) agenda(st runtime.State, block uint64) (run, wait []uint16) {
	s := &r.items.SubtensorModule
	most := int(s.MaxEpochsPerBlock.get(st))
	for _, netuid := range r.netuids(st) {
		if netuid == rootNetuid || !r.epochDue(st, netuid, block) {
			continue
		}
		run = append(run, netuid)
		if r.nullConsensus(st, netuid) {
			most = 1
		}
	}
	if r.stateful() && len(run) > most {
		return run[:most], run[most:]
	}
	return run, nil
}

// stepSubnets does what a block does for every subnet before its extrinsics: it
// counts the block, reveals what has been committed, and runs the epochs that are
// due.
func (r *Runtime) stepSubnets(st runtime.State, block uint64) {
	s := &r.items.SubtensorModule
	netuids := slices.DeleteFunc(r.netuids(st), func(n uint16) bool { return n == rootNetuid })
	for _, netuid := range netuids {
		key := u16(netuid)
		s.BlocksSinceLastStep.set(st, s.BlocksSinceLastStep.get(st, key)+1, key)
		r.accrue(st, key)
	}
	run, wait := r.agenda(st, block)
	for _, netuid := range netuids {
		if !slices.Contains(wait, netuid) {
			r.revealWeights(st, netuid)
		}
	}
	for _, netuid := range wait {
		s.PendingEpochAt.set(st, block+1, u16(netuid))
		r.deposit(st, initialization, "SubtensorModule", "EpochDeferred", netuid, block, block+1)
	}
	for _, netuid := range run {
		r.runEpoch(st, netuid, block)
	}
}

// runEpoch runs a subnet's epoch and begins the next one.
func (r *Runtime) runEpoch(st runtime.State, netuid uint16, block uint64) {
	s := &r.items.SubtensorModule
	key := u16(netuid)
	s.LastEpochBlock.set(st, block, key)
	s.PendingEpochAt.set(st, 0, key)
	s.SubnetEpochIndex.set(st, s.SubnetEpochIndex.get(st, key)+1, key)
	if !r.config.Quiet {
		r.act(st, netuid, block)
	}
	r.epoch(st, netuid, block, s.BlocksSinceLastStep.get(st, key)*alphaPerBlock)
	s.BlocksSinceLastStep.set(st, 0, key)
	s.LastMechansimStepBlock.set(st, block, key)
	for _, pending := range []*item[uint64]{&s.PendingServerEmission, &s.PendingValidatorEmission, &s.PendingEmission} {
		pending.set(st, 0, key)
	}
}
