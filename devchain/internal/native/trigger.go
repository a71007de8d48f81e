package native

import (
	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// epochCalls are those with which owners of subnets decide about epochs.
func (r *Runtime) epochCalls() map[string]dispatcher {
	return map[string]dispatcher{
		"SubtensorModule.trigger_epoch": {run: r.triggerEpoch, pays: true},
	}
}

// triggerEpoch runs SubtensorModule.trigger_epoch: the epoch comes when the freeze
// window, in which nothing of the subnet may be changed, is over.
func (r *Runtime) triggerEpoch(st runtime.State, c *dispatch) error {
	s := &r.items.SubtensorModule
	netuid, block := c.uint16("netuid"), r.blockNumber(st)
	key, window := u16(netuid), uint64(s.AdminFreezeWindow.get(st))
	next := s.LastEpochBlock.get(st, key) + uint64(s.Tempo.get(st, key))
	switch {
	case !r.subnetExists(st, netuid):
		return c.refusal("SubnetNotExists")
	case s.SubnetOwner.get(st, key) != c.signer:
		return c.failAs("BadOrigin", "")
	case s.CommitRevealWeightsEnabled.get(st, key):
		return c.refusal("DynamicTempoBlockedByCommitReveal")
	case s.PendingEpochAt.get(st, key) > 0:
		return c.refusal("EpochTriggerAlreadyPending")
	case next < block+window:
		return c.refusal("AutoEpochAlreadyImminent")
	}
	r.TriggerEpoch(st, netuid, block+window)
	c.deposit("SubtensorModule", "EpochTriggered", netuid, c.signer, block+window)
	return nil
}
