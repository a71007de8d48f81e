package chain

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// Chain reads the chain. It is safe for concurrent use. What it returns is shared and must not be changed; while an
// answer is kept, the same question at the same block gives the same pointer.
//
// Every error is a *problem.Error with the text that users get, or the end of the caller's context.
type Chain struct {
	config  Config
	main    source
	archive source
	numbers numbers
	// archiveNumbers says which block has a number while no main node can.
	archiveNumbers numbers
	lookout        lookout
	flights        *flights
	layouts        layouts
	// finalized is the number of the newest finalised block that was seen: a block up to there keeps its number.
	finalized atomic.Uint64
	// rewound counts how often finalised blocks turned out not to be. Numbers that were remembered before do not count.
	rewound atomic.Uint32
	final   atomic.Pointer[SeenBlock] // that block

	info    latest[*pylon.BlockInfo]
	subnets sync.Map      // pylon.Netuid -> *latest[*subnet], of the subnets that somebody has asked for lately
	books   sync.Map      // pylon.Netuid -> *addressBook
	ahead   chan struct{} // holds an element for each read ahead that goes on
	news    news

	start sync.Once
}

// nodes is what a Chain needs of a client of nodes.
type nodes interface {
	heads
	numbers
	states
}

// archiveNodes is what a Chain needs of a client of archive nodes.
type archiveNodes interface {
	numbers
	states
}

// New returns a Chain. It does nothing until it is asked, and reads nothing ahead before Start.
func New(config Config) (*Chain, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return newChain(config, config.Main, uriOf(config.Main), config.Archive, uriOf(config.Archive)), nil
}

func newChain(config Config, main nodes, mainURI string, archive archiveNodes, archiveURI string) *Chain {
	c := &Chain{
		config:  config,
		main:    source{states: main, uri: mainURI},
		archive: source{states: archive, uri: archiveURI},
		numbers: main, archiveNumbers: archive,
		lookout: lookout{nodes: main, trust: config.BlockTime},
		flights: newFlights(newCache(config.CacheBytes), config.ReadTimeout, config.Logger),
		ahead:   make(chan struct{}, config.ReadAhead),
	}
	c.flights.tracer = config.Tracer
	c.info.read = func(ctx context.Context, head *sighting) (*pylon.BlockInfo, error) {
		start := time.Now()
		info, err := c.infoAt(ctx, head.block())
		c.report(getLatestBlock, c.main.uri, notApplicable, "", start, err)
		return info, err
	}
	return c
}

// Head returns the newest known block, without asking anybody. It is false before the first.
func (c *Chain) Head() (pylon.Block, bool) {
	head := c.lookout.known()
	if head == nil {
		return pylon.Block{}, false
	}
	return head.block().public(), true
}

// EstimatedNumber returns the number that the newest block should have by now: that of the newest known block, and one
// more for each block time since we saw it. It is false before the first block.
func (c *Chain) EstimatedNumber() (uint64, bool) {
	head := c.lookout.known()
	if head == nil {
		return 0, false
	}
	return head.Number + uint64(max(time.Since(head.seen), 0)/c.config.BlockTime), true
}

// LatestBlock returns the newest known block and its time.
func (c *Chain) LatestBlock(ctx context.Context) (*pylon.BlockInfo, error) {
	c.info.touch()
	head, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	return c.info.at(ctx, head)
}

// BlockInfo returns the block with the number and its time.
func (c *Chain) BlockInfo(ctx context.Context, number uint64) (*pylon.BlockInfo, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.infoAt(ctx, at)
}

// LatestNeurons returns the neurons of a subnet at the newest block for which they are ready: that is the block that was
// the newest one when the call began, or its parent. While somebody asks for a subnet, its neurons are read ahead on
// every new block and the call does not wait.
func (c *Chain) LatestNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
	s, err := c.latestSubnet(ctx, netuid)
	return s.neuronsOrNone(err, netuid)
}

// Neurons returns the neurons of a subnet at the block with the number.
func (c *Chain) Neurons(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Neurons, error) {
	s, err := c.subnetAtNumber(ctx, number, netuid)
	return s.neuronsOrNone(err, netuid)
}

// LatestValidators returns the validators of a subnet at the block of which LatestNeurons would return the neurons.
func (c *Chain) LatestValidators(ctx context.Context, netuid pylon.Netuid) (*pylon.Validators, error) {
	s, err := c.latestSubnet(ctx, netuid)
	return s.validatorsOrNone(err, netuid)
}

// Validators returns the validators of a subnet at the block with the number.
func (c *Chain) Validators(ctx context.Context, number uint64, netuid pylon.Netuid) (*pylon.Validators, error) {
	s, err := c.subnetAtNumber(ctx, number, netuid)
	return s.validatorsOrNone(err, netuid)
}

// ReadNeurons is LatestNeurons for those who come back much later: it does not make the subnet one that is read ahead.
func (c *Chain) ReadNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
	head, err := c.newest(ctx)
	if err != nil {
		return nil, err
	}
	if known, ok := c.subnets.Load(netuid); ok {
		if ready, _ := known.(*latest[*subnet]).near(head); ready != nil {
			return ready.value.neuronsOrNone(nil, netuid)
		}
	}
	s, err := c.subnetAt(ctx, head.block(), netuid)
	return s.neuronsOrNone(err, netuid)
}

// ReadyNeurons returns the newest neurons of a subnet that are in memory because somebody asks for them, nil when there
// are none. They may be of any age.
func (c *Chain) ReadyNeurons(netuid pylon.Netuid) *pylon.Neurons {
	known, ok := c.subnets.Load(netuid)
	if !ok {
		return nil
	}
	ready := known.(*latest[*subnet]).ready.Load()
	if ready == nil {
		return nil
	}
	return ready.value.neurons
}

// Hyperparameters returns the settings of a subnet at the block with the number.
func (c *Chain) Hyperparameters(ctx context.Context, number uint64, netuid pylon.Netuid) (*Hyperparameters, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return nil, err
	}
	return c.hyperparametersAt(ctx, at, netuid)
}

// LatestHyperparameters returns the settings of a subnet at the newest known block, and the block.
func (c *Chain) LatestHyperparameters(ctx context.Context, netuid pylon.Netuid) (*Hyperparameters, pylon.Block, error) {
	head, err := c.newest(ctx)
	if err != nil {
		return nil, pylon.Block{}, err
	}
	h, err := c.hyperparametersAt(ctx, head.block(), netuid)
	return h, head.block().public(), err
}

// SubnetExists tells whether there was such a subnet at the block with the number.
func (c *Chain) SubnetExists(ctx context.Context, number uint64, netuid pylon.Netuid) (bool, error) {
	at, err := c.blockAt(ctx, number)
	if err != nil {
		return false, err
	}
	return c.existsAt(ctx, at, netuid)
}

// newestBlock returns the newest known block and waits for the first.
func (c *Chain) newestBlock(ctx context.Context) (block, error) {
	head, err := c.newest(ctx)
	if err != nil {
		return block{}, err
	}
	return head.block(), nil
}

// newest returns the newest known head and waits for the first.
func (c *Chain) newest(ctx context.Context) (*sighting, error) {
	start := time.Now()
	head, asked, err := c.lookout.newest(ctx)
	if asked {
		c.report(getLatestBlock, c.main.uri, notApplicable, "", start, err)
	}
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			return nil, ended
		}
		return nil, failed(getLatestBlock, c.main.uri, err)
	}
	return head, nil
}

// blockAt returns the block with the number on the main nodes' best chain. While no main node can be reached the
// archive says which block that is.
func (c *Chain) blockAt(ctx context.Context, number uint64) (block, error) {
	head, err := c.newestOrLost(ctx)
	switch {
	case errors.As(err, new(*lost)) && number <= maxBlockNumber:
		if at, ok := c.archivedBlock(ctx, number); ok {
			return at, nil
		}
		return block{}, err
	case err != nil:
		return block{}, err
	case number == head.Number:
		return block{Number: number, Hash: head.Hash}, nil
	case number+1 == head.Number:
		return block{Number: number, Hash: head.Parent}, nil
	case number > maxBlockNumber:
		return block{}, blockNotFound(number)
	}
	hash, err := ask[substrate.Hash](ctx, c.flights, question{topic: aboutHash, number: number, index: c.rewound.Load()}, func(ctx context.Context) (fetched, error) {
		volatile := number > c.finalized.Load()
		start := time.Now()
		ctx, end := c.begin(ctx, getBlock, c.main.uri, notApplicable)
		hash, err := c.numbers.BlockHash(ctx, number)
		end(err)
		c.report(getBlock, c.main.uri, notApplicable, "", start, err)
		switch {
		case substrate.KindOf(err) == substrate.KindUnknownBlock:
			return fetched{}, blockNotFound(number)
		case err != nil:
			return fetched{}, failed(getBlock, c.main.uri, err)
		}
		return fetched{value: hash, volatile: volatile}, nil
	})
	if err != nil && unreachable(err) {
		if at, ok := c.archivedBlock(ctx, number); ok {
			return at, nil
		}
	}
	return block{Number: number, Hash: hash}, err
}

// archivedBlock returns the block with the number as the archive knows it.
func (c *Chain) archivedBlock(ctx context.Context, number uint64) (block, bool) {
	start := time.Now()
	ctx, end := c.begin(ctx, getBlock, c.archive.uri, notApplicable)
	hash, err := c.archiveNumbers.BlockHash(ctx, number)
	end(err)
	c.report(getBlock, c.archive.uri, notApplicable, mainUnreachable, start, err)
	return block{Number: number, Hash: hash}, err == nil
}

func (s *subnet) neuronsOrNone(err error, netuid pylon.Netuid) (*pylon.Neurons, error) {
	if err != nil {
		return nil, err
	}
	if s.neurons == nil {
		return nil, subnetNotFound(netuid)
	}
	return s.neurons, nil
}

func (s *subnet) validatorsOrNone(err error, netuid pylon.Netuid) (*pylon.Validators, error) {
	if err != nil {
		return nil, err
	}
	if s.neurons == nil {
		return nil, subnetNotFound(netuid)
	}
	return s.validators(), nil
}

func subnetNotFound(netuid pylon.Netuid) error {
	return problem.Newf(problem.NotFound, "Subnet %d not found.", netuid)
}
