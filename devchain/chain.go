package devchain

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Chain is a development chain with one node or more. Its methods may be called
// from any goroutine.
//
// The embedded Node is the first one. Controls of the chain (Produce, Fork,
// Finalize …) are seen by all nodes, controls of a Node by its clients.
type Chain struct {
	*Node

	config Config
	ledger *ledger
	log    *slog.Logger
	store  *store // nil without a StateDir
	pool   *pool

	parsing sync.Mutex // guards what follows
	parsed  map[runtime.Runtime]*scale.Metadata

	building   sync.Mutex // one block at a time; guards what follows
	extrinsics [][]byte
	edits      []func(runtime.State) error
	upgrade    runtime.Runtime

	lifecycle sync.Mutex // guards what follows
	started   bool
	closed    bool
	stop      func() // ends the clock and the watch on Start's context
	running   sync.WaitGroup
}

// New makes a chain: block 0, or what the StateDir has. It opens no sockets and
// starts no goroutines; a chain can be used without Start if nobody needs to
// connect to it. A chain with a StateDir must be closed.
func New(config Config) (*Chain, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	runtimes := runtimes{known: config.Runtimes}
	if config.Runtime == nil {
		subtensor, err := NewSubtensor(SubtensorConfig{BlockTime: config.SlotDuration})
		if err != nil {
			return nil, err
		}
		config.Runtime, runtimes.subtensors = subtensor, true
	}
	c := &Chain{config: config, ledger: newLedger(), log: config.Logger}
	runtimes.slotDuration = config.SlotDuration
	runtimes.known = append([]runtime.Runtime{config.Runtime}, runtimes.known...)
	if err := c.open(&runtimes); err != nil {
		return nil, err
	}
	c.parsed = make(map[runtime.Runtime]*scale.Metadata)
	c.pool = newPool(c, config.Pool)
	c.Node = c.newNode(NodeConfig{Listen: config.Listen, KeepStates: config.KeepStates, Limits: config.Limits})
	return c, nil
}

// open fills the ledger from the StateDir, or with a genesis block.
func (c *Chain) open(runtimes *runtimes) error {
	if c.config.StateDir != "" {
		var err error
		if c.store, err = openStore(c.config, c.ledger, runtimes); err != nil {
			return err
		}
	}
	if c.ledger.best != nil {
		return nil
	}
	at := c.config.GenesisTime
	if at.IsZero() {
		at = c.config.Now()
	}
	b, state, err := genesis(c.config.Runtime, wholeMillis(at))
	if err == nil {
		err = c.save(b, state)
	}
	if err != nil {
		return errors.Join(err, c.store.close())
	}
	c.ledger.add(b)
	return nil
}

// Start opens the node's socket and, with a BlockTime, begins to make blocks.
// The chain runs until Close, or until ctx is done. Starting twice does nothing.
func (c *Chain) Start(ctx context.Context) error {
	c.lifecycle.Lock()
	defer c.lifecycle.Unlock()
	switch {
	case c.closed:
		return errClosed
	case c.started:
		return nil
	}
	for _, n := range c.nodes() {
		if err := n.listen(ctx); err != nil {
			return err
		}
	}
	c.started = true
	clock, cancel := context.WithCancel(ctx)
	if c.config.BlockTime > 0 {
		c.running.Go(func() { c.tick(clock) })
	}
	unwatch := context.AfterFunc(ctx, func() { _ = c.Close() })
	c.stop = func() {
		unwatch()
		cancel()
	}
	return nil
}

var errClosed = errors.New("devchain: the chain is closed")

// tick makes a block every BlockTime.
func (c *Chain) tick(ctx context.Context) {
	ticker := time.NewTicker(c.config.BlockTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if _, err := c.Produce(1); err != nil && ctx.Err() == nil {
			c.log.ErrorContext(ctx, "no block was made", "error", err)
		}
	}
}

// Close stops making blocks, ends all connections and closes the StateDir. It
// waits for what is going on, a few seconds at most. Closing twice does nothing.
func (c *Chain) Close() error {
	c.lifecycle.Lock()
	defer c.lifecycle.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	if c.stop != nil {
		c.stop()
	}
	c.running.Wait()
	var errs []error
	for _, n := range c.nodes() {
		errs = append(errs, n.close())
	}
	c.building.Lock()
	defer c.building.Unlock()
	return errors.Join(append(errs, c.store.close())...)
}

// AddNode gives the chain another node: another address at which the same chain
// is served, with its own limits, faults and history. It listens at once if the
// chain was started.
func (c *Chain) AddNode(config NodeConfig) (*Node, error) {
	config = config.withDefaults()
	if err := validateNode("NodeConfig", config.KeepStates, config.Limits); err != nil {
		return nil, err
	}
	c.lifecycle.Lock()
	defer c.lifecycle.Unlock()
	if c.closed {
		return nil, errClosed
	}
	n := c.newNode(config)
	if c.started {
		if err := n.listen(context.Background()); err != nil {
			return nil, err
		}
	}
	return n, nil
}

func (c *Chain) nodes() []*Node {
	c.ledger.mu.RLock()
	defer c.ledger.mu.RUnlock()
	return slices.Clone(c.ledger.nodes)
}

// Produce makes n blocks on top of the best one, out of what is in the pool, and
// returns the last of them. With n zero it returns the best block.
func (c *Chain) Produce(n int) (Block, error) {
	c.building.Lock()
	defer c.building.Unlock()
	b := c.bestBlock()
	for range n {
		var err error
		if b, err = c.author(b); err != nil {
			return Block{}, err
		}
	}
	return b.clone(), c.store.sync()
}

// Fork makes n blocks on top of any block that has a state, and returns the last
// of them. They differ from blocks that have the same parent, and hold nothing of
// the pool. The best block changes when the new chain is longer than the old one;
// what the blocks of the old one held comes back into the pool.
func (c *Chain) Fork(parent Hash, n int) (Block, error) {
	c.building.Lock()
	defer c.building.Unlock()
	b, err := c.known(parent)
	for range n {
		if err == nil {
			b, err = c.add(b, nil)
		}
	}
	if err != nil {
		return Block{}, err
	}
	return b.clone(), c.store.sync()
}

// Include puts extrinsics into the next block, behind those that the runtime
// begins it with. They are complete, with their length in front, as
// author_submitExtrinsic takes them. If the runtime finds that one cannot be in a
// block there is no next block, Produce reports the error, and they are not tried
// again.
func (c *Chain) Include(extrinsics ...[]byte) {
	c.building.Lock()
	defer c.building.Unlock()
	for _, extrinsic := range extrinsics {
		c.extrinsics = append(c.extrinsics, slices.Clone(extrinsic))
	}
}

// Edit changes the state in the next block, after its inherents and before it is
// finalised. If the function fails there is no next block, Produce reports the
// error, and the function is not tried again.
func (c *Chain) Edit(edit func(runtime.State) error) {
	c.building.Lock()
	defer c.building.Unlock()
	c.edits = append(c.edits, edit)
}

// ProduceEdited makes a block on top of the best one whose state the function
// has changed, after the inherents and before the block is finalised. If the
// function fails there is no block.
func (c *Chain) ProduceEdited(edit func(runtime.State) error) (Block, error) {
	c.building.Lock()
	defer c.building.Unlock()
	c.edits = append(c.edits, edit)
	b, err := c.author(c.bestBlock())
	if err != nil {
		return Block{}, err
	}
	return b.clone(), c.store.sync()
}

// Upgrade makes next the runtime, as a set_code does: the next block is still
// built by the old runtime, stores the new code and announces it in its digest;
// its state is read with the new one, and so are all blocks after it.
func (c *Chain) Upgrade(next runtime.Runtime) {
	c.building.Lock()
	defer c.building.Unlock()
	c.upgrade = next
}

// author makes a block on top of the best one, of what is in the pool. The caller
// holds building.
func (c *Chain) author(best *block) (*block, error) {
	forked, err := c.retract()
	if forked != nil || err != nil {
		return forked, err
	}
	picks, retract := c.pool.picks()
	b, err := c.add(best, picks)
	if err == nil && retract {
		c.pool.retractNext(b)
	}
	return b, err
}

// add makes a block on top of parent. The caller holds building.
func (c *Chain) add(parent *block, picks []pick) (*block, error) {
	state, err := c.stateOf(parent)
	if err != nil {
		return nil, err
	}
	b, editor, err := c.propose(parent, state, picks)
	c.edits, c.extrinsics = nil, nil
	if err == nil {
		err = c.save(b, editor)
	}
	if err != nil {
		return nil, err
	}
	c.upgrade = nil
	c.importBlock(b)
	c.pool.maintain()
	c.compact()
	return b, nil
}

// propose builds a block that is not there yet. Two blocks on one parent can be
// equal but for their time, so a sibling gets a later slot.
func (c *Chain) propose(parent *block, state trie.Trie, picks []pick) (*block, *trie.Editor, error) {
	p := proposal{
		extrinsics: c.extrinsics, picks: picks, edits: c.edits, upgrade: c.upgrade,
		at: parent.Time.Add(c.config.SlotDuration),
	}
	later := c.config.SlotDuration
	if c.config.BlockTime > 0 {
		p.at = wholeMillis(c.config.Now())
		later = time.Millisecond
		if !p.at.After(parent.Time) {
			p.at = parent.Time.Add(later)
		}
	}
	for {
		b, editor, refused, err := build(parent, state, p, c.config.SlotDuration)
		if err != nil {
			return nil, nil, err
		}
		c.ledger.mu.RLock()
		_, exists := c.ledger.blocks[b.Hash]
		c.ledger.mu.RUnlock()
		if !exists {
			for _, r := range refused {
				c.log.Warn("an extrinsic of the pool cannot be in a block", slog.String("hash", r.hash.String()), slog.Any("error", r.err))
				c.pool.refused(r.hash)
			}
			return b, editor, nil
		}
		p.at = p.at.Add(later)
	}
}

// importBlock adds a block to the ledger and tells the nodes. The caller holds
// building.
func (c *Chain) importBlock(b *block) {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	l.add(b)
	lag := uint64(max(0, c.config.FinalityLag))
	if c.config.FinalityLag != ManualFinality && l.best.Number > l.finalized.Number+lag {
		l.finalize(l.ancestor(l.best, l.best.Number-lag))
		c.saveFinalized(l.finalized)
	}
	c.log.Debug("block", slog.Uint64("number", b.Number), slog.String("hash", b.Hash.String()), slog.Bool("best", l.best == b))
	c.settle()
}

// settle lets the nodes see what changed and forgets what none of them shows.
// The caller holds ledger.mu.
func (c *Chain) settle() {
	l := c.ledger
	horizon := l.best.Number
	for _, n := range l.nodes {
		n.advance()
		horizon = min(horizon, n.horizon())
	}
	l.prune(horizon)
	l.announce()
}

// Finalize makes a block final, and with it its ancestors. It must descend from
// the block that is final now. If it is not on the best chain, the best chain
// becomes the longest one that contains it.
func (c *Chain) Finalize(hash Hash) error {
	c.building.Lock()
	defer c.building.Unlock()
	b, err := c.known(hash)
	if err != nil {
		return err
	}
	if err := c.finalize(b); err != nil {
		return err
	}
	c.pool.maintain()
	return c.store.sync()
}

func (c *Chain) finalize(b *block) error {
	l := c.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.finalized.isAncestorOf(b) {
		return fmt.Errorf("devchain: block %v does not descend from the finalised block %v", b.Hash, l.finalized.Hash)
	}
	if b == l.finalized {
		return nil
	}
	l.finalize(b)
	c.saveFinalized(b)
	c.settle()
	return nil
}

func wholeMillis(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
