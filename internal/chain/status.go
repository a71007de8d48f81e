package chain

import (
	"cmp"
	"slices"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// Status is what a Chain knows and keeps at a moment.
type Status struct {
	// Head is the newest known block, Finalized the newest that stays; nil before the first. Finalised blocks are heard of
	// after Start only.
	Head, Finalized *SeenBlock
	// Subnets are those whose neurons are in memory because somebody has asked for them lately, in order.
	Subnets []KeptNeurons
	// Cache is the cache of answers by block.
	Cache CacheStatus
}

// SeenBlock is a block and when it was heard of first.
type SeenBlock struct {
	pylon.Block

	Seen time.Time
}

// KeptNeurons are the neurons of a subnet in memory.
type KeptNeurons struct {
	Netuid pylon.Netuid
	// Block is the block that they belong to.
	Block pylon.Block
	// Neurons is how many there are.
	Neurons int
}

// CacheStatus is the state of a cache.
type CacheStatus struct {
	// Bytes is what the answers are counted as, Limit the most that they may be.
	Bytes, Limit int64
	Entries      int
	// Hits and Misses count the questions that were and were not answered from it.
	Hits, Misses uint64
}

// Status returns what is known at the moment. It asks nobody and does not wait. What it returns is the caller's.
func (c *Chain) Status() Status {
	status := Status{Cache: CacheStatus{
		Bytes: c.flights.cache.size(), Limit: c.config.CacheBytes, Entries: c.flights.cache.count(),
		Hits: c.flights.hits.Load(), Misses: c.flights.misses.Load(),
	}}
	if head := c.lookout.known(); head != nil {
		status.Head = &SeenBlock{Block: head.block().public(), Seen: head.seen}
	}
	if final := c.final.Load(); final != nil {
		status.Finalized = new(*final)
	}
	c.subnets.Range(func(netuid, asked any) bool {
		if ready := asked.(*latest[*subnet]).ready.Load(); ready != nil && ready.value.neurons != nil {
			status.Subnets = append(status.Subnets, keptNeurons(netuid.(pylon.Netuid), ready.value.neurons))
		}
		return true
	})
	slices.SortFunc(status.Subnets, func(a, b KeptNeurons) int { return cmp.Compare(a.Netuid, b.Netuid) })
	return status
}

func keptNeurons(netuid pylon.Netuid, neurons *pylon.Neurons) KeptNeurons {
	return KeptNeurons{Netuid: netuid, Block: neurons.Block, Neurons: len(neurons.Neurons)}
}

// Kept returns what is kept in memory of each subnet, identities and open access together, in the order of the subnets.
func (r *Recent) Kept() []KeptNeurons {
	newest := make(map[pylon.Netuid]*pylon.Neurons)
	for key, kept := range r.contexts {
		neurons := kept.neurons.Load()
		if known := newest[key.Netuid]; neurons != nil && (known == nil || neurons.Block.Number > known.Block.Number) {
			newest[key.Netuid] = neurons
		}
	}
	all := make([]KeptNeurons, 0, len(newest))
	for netuid, neurons := range newest {
		all = append(all, keptNeurons(netuid, neurons))
	}
	slices.SortFunc(all, func(a, b KeptNeurons) int { return cmp.Compare(a.Netuid, b.Netuid) })
	return all
}
