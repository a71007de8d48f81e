package chain

import (
	"cmp"
	"context"
	"maps"
	"slices"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// epoch is the epoch that a subnet is in.
type epoch struct {
	// index counts the subnet's epochs.
	index uint64
	// first is the number of the epoch's first block.
	first uint64
}

// epochWatch tells of epochs. It belongs to the goroutine that runs it, but for heads.
type epochWatch struct {
	chain *Chain
	// heads holds the newest head that has not been looked at.
	heads chan *sighting
	// known is the epoch in which each subnet was last seen.
	known map[pylon.Netuid]epoch
}

func newEpochWatch(c *Chain) *epochWatch {
	return &epochWatch{chain: c, heads: make(chan *sighting, 1), known: make(map[pylon.Netuid]epoch)}
}

// look has a head looked at. One that has waited gives way to it. Only one goroutine may call it.
func (w *epochWatch) look(head *sighting) {
	select {
	case <-w.heads:
	default:
	}
	w.heads <- head
}

func (w *epochWatch) run(ctx context.Context) {
	for {
		select {
		case head := <-w.heads:
			w.at(ctx, head)
		case <-ctx.Done():
			return
		}
	}
}

// at tells of the epochs that have begun since the last head. It asks the chain once for all subnets, and for a block's
// hash where an epoch has begun further back than the head's parent.
func (w *epochWatch) at(ctx context.Context, head *sighting) {
	if !w.chain.news.Wanted() {
		return
	}
	netuids := w.chain.followed()
	now, err := w.chain.epochsAt(ctx, head.block(), netuids)
	if err != nil {
		w.chain.config.Logger.Debug("epochs could not be read", "block", head.Number, "error", err)
		return
	}
	maps.DeleteFunc(w.known, func(netuid pylon.Netuid, _ epoch) bool { return !slices.Contains(netuids, netuid) })
	for _, netuid := range netuids {
		epoch, exists := now[netuid]
		if !exists {
			delete(w.known, netuid)
			continue
		}
		before, seen := w.known[netuid]
		if seen && epoch.index > before.index {
			block, err := w.chain.ancestor(ctx, head, epoch.first)
			if err != nil {
				// The next head tries again.
				w.chain.config.Logger.Debug("the first block of an epoch is not known", "block", epoch.first, "error", err)
				continue
			}
			w.chain.news.tell(pylon.ChainEvent{Kind: pylon.EventEpoch, Block: block.public(), Netuid: netuid})
		}
		w.known[netuid] = epoch
	}
}

// ancestor returns the block with that number on the way to head.
func (c *Chain) ancestor(ctx context.Context, head *sighting, number uint64) (block, error) {
	switch {
	case number >= head.Number:
		return head.block(), nil
	case number+1 == head.Number:
		return block{Number: number, Hash: head.Parent}, nil
	}
	return c.blockAt(ctx, number)
}

// followed returns the subnets that are configured and those that somebody has asked for lately, in order.
func (c *Chain) followed() []pylon.Netuid {
	netuids := slices.Clone(c.config.EventSubnets)
	c.subnets.Range(func(netuid, asked any) bool {
		l := asked.(*latest[*subnet])
		if ready := l.ready.Load(); l.idle() < c.config.KeepReady && ready != nil && ready.value.neurons != nil {
			netuids = append(netuids, netuid.(pylon.Netuid))
		}
		return true
	})
	slices.SortFunc(netuids, cmp.Compare[pylon.Netuid])
	return slices.Compact(netuids)
}

// epochsAt returns the epochs that subnets are in at a block. One that does not exist, or never has an epoch, is left
// out. The answer is not kept: it is for the one who watches.
func (c *Chain) epochsAt(ctx context.Context, at block, netuids []pylon.Netuid) (map[pylon.Netuid]epoch, error) {
	if len(netuids) == 0 {
		return nil, nil
	}
	q := question{topic: aboutEpochs, hash: at.Hash}
	return ask[map[pylon.Netuid]epoch](ctx, c.flights, q, func(ctx context.Context) (fetched, error) {
		epochs, err := read(ctx, c, getEpochs, at, notApplicable, func(ctx context.Context, v *visit) (map[pylon.Netuid]epoch, error) {
			return v.epochs(ctx, netuids)
		})
		return fetched{value: epochs, volatile: true}, err
	})
}

// epochs reads what tells the epochs of subnets, in one read.
func (v *visit) epochs(ctx context.Context, netuids []pylon.Netuid) (map[pylon.Netuid]epoch, error) {
	layout, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	networks, err := layout.networks()
	if err != nil {
		return nil, err
	}
	clock, err := layout.epochClock()
	if err != nil {
		return nil, err
	}
	const each = 3
	keys := make([][]byte, 0, each*len(netuids))
	for _, netuid := range netuids {
		exists, err := networks.item.Key(uint16(netuid))
		if err != nil {
			return nil, err
		}
		first, second, err := clock.keys(netuid)
		if err != nil {
			return nil, err
		}
		keys = append(keys, exists, first, second)
	}
	values, err := v.source.StorageBatch(ctx, v.block.Hash, keys)
	if err != nil {
		return nil, err
	}
	if len(values) != len(keys) {
		return nil, problem.Newf(problem.Unavailable, "%s: %d values for %d keys", getEpochs, len(values), len(keys))
	}
	epochs := make(map[pylon.Netuid]epoch, len(netuids))
	for i, netuid := range netuids {
		exists, err := networks.decode(values[each*i])
		if err != nil {
			return nil, err
		}
		if !exists {
			continue
		}
		epoch, ok, err := clock.read(v.block.Number, netuid, values[each*i+1], values[each*i+2])
		if err != nil {
			return nil, err
		}
		if ok {
			epochs[netuid] = epoch
		}
	}
	return epochs, nil
}

// epochClock tells a subnet's epoch from what is stored for it.
type epochClock struct {
	// index and last are those of runtimes that count epochs, since spec 423; nil before.
	index, last *storageReader[uint64]
	tempo       *storageReader[uint16]
}

// epochClock returns the clock of the runtime.
func (l *layout) epochClock() (*epochClock, error) {
	index, err := l.epochIndex()
	switch {
	case lacksStorage(err):
		tempo, err := l.tempo()
		return &epochClock{tempo: tempo}, err
	case err != nil:
		return nil, err
	}
	last, err := l.lastEpoch()
	return &epochClock{index: index, last: last}, err
}

// keys returns two keys: those of the count and of the last epoch's block, or twice that of the tempo.
func (c *epochClock) keys(netuid pylon.Netuid) (first, second []byte, err error) {
	if c.index == nil {
		first, err = c.tempo.item.Key(uint16(netuid))
		return first, first, err
	}
	if first, err = c.index.item.Key(uint16(netuid)); err != nil {
		return nil, nil, err
	}
	second, err = c.last.item.Key(uint16(netuid))
	return first, second, err
}

// read returns the epoch of a subnet at a block, and false when the subnet has none. Before epochs were counted they
// followed from the block's number: one in tempo+1 blocks, and in each subnet one block earlier than in the one before.
func (c *epochClock) read(number uint64, netuid pylon.Netuid, first, second []byte) (epoch, bool, error) {
	if c.index != nil {
		index, err := c.index.decode(first)
		if err != nil {
			return epoch{}, false, err
		}
		last, err := c.last.decode(second)
		return epoch{index: index, first: last}, true, err
	}
	tempo, err := c.tempo.decode(first)
	if err != nil || tempo == 0 {
		return epoch{}, false, err
	}
	period, offset := uint64(tempo)+1, uint64(netuid)+1
	index := (number + offset) / period
	return epoch{index: index, first: max(index*period, offset) - offset}, true, nil
}
