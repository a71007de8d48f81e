package chain

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/ss58"
)

// associationRecord is an EVM address and the block at which its owner proved to own a neuron too.
type associationRecord struct {
	Address [20]byte `scale:"0"`
	Block   uint64   `scale:"1"`
}

// LatestEVMAssociations returns the EVM addresses of a subnet's neurons at the newest known block, in uid order.
func (c *Chain) LatestEVMAssociations(ctx context.Context, netuid pylon.Netuid) (*pylon.EVMAssociations, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return nil, err
	}
	return c.evmAssociationsAt(ctx, at, netuid)
}

// EVMAssociations returns the EVM addresses of a subnet's neurons at the block with the number, in uid order.
func (c *Chain) EVMAssociations(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.EVMAssociations, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.evmAssociationsAt(ctx, at, netuid)
}

func (c *Chain) evmAssociationsAt(ctx context.Context, at block, netuid pylon.Netuid) (*pylon.EVMAssociations, error) {
	q := question{topic: aboutEVMAssociations, netuid: netuid}
	return lookUp(ctx, c, q, getEVMAssociations, at, netuidLabel(netuid),
		func(a *pylon.EVMAssociations) int64 { return 192 * int64(len(a.Associations)) },
		func(ctx context.Context, v *visit) (*pylon.EVMAssociations, error) {
			return v.evmAssociations(ctx, netuid)
		})
}

// evmAssociations reads the addresses by uid, and for those uids who has them and since when. The chain keeps an
// address under the uid; it drops it when the uid goes to another hotkey, and where it did not, an address that is older
// than the registration is that of the hotkey before. Runtimes before spec 261 keep none.
func (v *visit) evmAssociations(ctx context.Context, netuid pylon.Netuid) (*pylon.EVMAssociations, error) {
	all := &pylon.EVMAssociations{Block: v.block.public(), Associations: []pylon.EVMAssociation{}}
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	reader, err := layout.associations()
	switch {
	case lacksStorage(err):
		return all, nil
	case err != nil:
		return nil, err
	}
	pairs, err := v.pairs(ctx, reader.item, uint16(netuid))
	if err != nil || len(pairs) == 0 {
		return all, err
	}
	neurons, err := v.neuronsOfUIDs(ctx, layout, netuid, reader.item, pairs)
	if err != nil {
		return nil, err
	}
	for i, pair := range pairs {
		record, err := reader.decode(pair.value)
		if err != nil {
			v.skipped(reader.item, pair.key, err)
			continue
		}
		neurons[i].address, neurons[i].proven = record.Address, record.Block
	}
	slices.SortFunc(neurons, func(a, b associatedNeuron) int { return cmp.Compare(a.uid, b.uid) })
	for _, n := range neurons {
		if n.hotkey == (accountID{}) || n.address == [20]byte{} || n.proven < n.registered {
			continue
		}
		all.Associations = append(all.Associations, pylon.EVMAssociation{
			Hotkey:     pylon.Hotkey(ss58.Encode(n.hotkey)),
			EVMAddress: "0x" + hex.EncodeToString(n.address[:]),
			LastProven: n.proven,
		})
	}
	return all, nil
}

// associatedNeuron is a neuron with an EVM address.
type associatedNeuron struct {
	uid        uint16
	hotkey     accountID // zero when nobody has the uid
	registered uint64    // the block of the registration
	address    [20]byte
	proven     uint64 // the block of the newest proof
}

// neuronsOfUIDs returns who has the uids that the keys end with, in one read.
func (v *visit) neuronsOfUIDs(
	ctx context.Context, layout *layout, netuid pylon.Netuid, item *scale.StorageItem, pairs []storedPair,
) ([]associatedNeuron, error) {
	hotkeys, err := layout.hotkeys()
	if err != nil {
		return nil, err
	}
	registered, err := layout.registeredAt()
	if err != nil {
		return nil, err
	}
	neurons := make([]associatedNeuron, len(pairs))
	keys := make([][]byte, 0, 2*len(pairs))
	for i, pair := range pairs {
		parts, err := item.SplitKey(pair.key)
		if err != nil {
			return nil, err
		}
		last := parts[len(parts)-1]
		if len(last) != 2 {
			return nil, fmt.Errorf("%s.%s: key %x does not end with a uid", item.Pallet, item.Name, pair.key)
		}
		uid := binary.LittleEndian.Uint16(last)
		neurons[i].uid = uid
		hotkey, err := hotkeys.item.Key(uint16(netuid), uid)
		if err != nil {
			return nil, err
		}
		since, err := registered.item.Key(uint16(netuid), uid)
		if err != nil {
			return nil, err
		}
		keys = append(keys, hotkey, since)
	}
	values, err := v.source.StorageBatch(ctx, v.block.Hash, keys)
	if err != nil {
		return nil, err
	}
	for i := range neurons {
		if values[2*i] == nil {
			continue
		}
		if neurons[i].hotkey, err = hotkeys.decode(values[2*i]); err != nil {
			return nil, err
		}
		if neurons[i].registered, err = registered.decode(values[2*i+1]); err != nil {
			return nil, err
		}
	}
	return neurons, nil
}
