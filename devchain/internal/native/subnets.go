package native

import (
	"encoding/binary"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

const (
	rootNetuid = 0
	// maxSubnets is how many netuids there are below the storage indexes of the
	// next mechanism.
	maxSubnets    = 4096
	maxMechanisms = 8
)

// storageIndex numbers the mechanism of a subnet in storage. That of mechanism 0
// is the netuid.
func storageIndex(netuid uint16, mechanism uint8) uint16 {
	return uint16(mechanism)*maxSubnets + netuid
}

// netuids returns all subnets, root included, in the order of storage, which for
// netuids below 256 is ascending.
func (r *Runtime) netuids(st runtime.State) []uint16 {
	s := &r.items.SubtensorModule
	var netuids []uint16
	for _, end := range s.NetworksAdded.lastKeys(st, 2) {
		if netuid := binary.LittleEndian.Uint16(end); r.subnetExists(st, netuid) {
			netuids = append(netuids, netuid)
		}
	}
	return netuids
}

// subnetExists tells whether there is such a subnet.
func (r *Runtime) subnetExists(st runtime.State, netuid uint16) bool {
	return r.items.SubtensorModule.NetworksAdded.get(st, u16(netuid))
}

// mechanisms is how many mechanisms a subnet has, at least 1.
func (r *Runtime) mechanisms(st runtime.State, netuid uint16) uint8 {
	s := &r.items.SubtensorModule
	if !s.MechanismCountCurrent.exists() {
		return 1
	}
	return max(s.MechanismCountCurrent.get(st, u16(netuid)), 1)
}

// hotkeys returns the hotkeys of a subnet by uid.
func (r *Runtime) hotkeys(st runtime.State, netuid uint16) []account {
	s := &r.items.SubtensorModule
	hotkeys := make([]account, s.SubnetworkN.get(st, u16(netuid)))
	for uid := range hotkeys {
		hotkeys[uid] = s.Keys.get(st, u16(netuid), u16(uint16(uid)))
	}
	return hotkeys
}

// blockNumber is the number of the block whose state this is.
func (r *Runtime) blockNumber(st runtime.State) uint64 {
	return uint64(r.items.System.Number.get(st))
}
