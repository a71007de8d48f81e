package devchain

import (
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/internal/txpool"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// PoolLimits bound the pool of extrinsics.
type PoolLimits struct {
	// Ready is how many extrinsics may wait for a block, ReadyBytes how long they
	// may be together. Defaults to 8192 and 20 MiB.
	Ready, ReadyBytes int
	// Future and FutureBytes are the same for those whose nonce is too high yet.
	// Defaults to a tenth of Ready and ReadyBytes.
	Future, FutureBytes int
	// Ban is for how long, by the chain's clock, an extrinsic that was invalid is not
	// looked at again. Defaults to 30 minutes.
	Ban time.Duration
	// FinalityTimeout is for how many blocks after its own an extrinsic is watched
	// that does not become final. Defaults to 512.
	FinalityTimeout int
}

func (l PoolLimits) withDefaults() PoolLimits {
	set := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	set(&l.Ready, 8192)
	set(&l.ReadyBytes, 20<<20)
	set(&l.Future, max(1, l.Ready/10))
	set(&l.FutureBytes, max(1, l.ReadyBytes/10))
	set(&l.FinalityTimeout, 512)
	if l.Ban == 0 {
		l.Ban = 30 * time.Minute
	}
	return l
}

func (l PoolLimits) validate() error {
	if l.Ready < 0 || l.ReadyBytes < 0 || l.Future < 0 || l.FutureBytes < 0 || l.Ban < 0 || l.FinalityTimeout < 0 {
		return errors.New("devchain: Config.Pool has a negative limit")
	}
	return nil
}

// blockBytes is how long the extrinsics of the pool may be together in a block.
const blockBytes = 3_932_160

// pool is what the nodes have been sent and no block holds yet. All nodes share
// it, as if they told each other at once, and it is validated at the chain's best
// block, wherever a node is held.
type pool struct {
	chain *Chain

	// mu guards what follows. It is taken after Chain.building and before the
	// ledger's lock.
	mu       sync.Mutex
	txs      *txpool.Pool
	best     *block                      // what the pool was validated at
	received map[Hash]map[*Node]struct{} // which nodes were sent what is in the pool
	pending  map[Hash]*Pending           // what is in the pool
	policy   PoolPolicy
	retracts retractions
	history  history
}

func newPool(c *Chain, limits PoolLimits) *pool {
	return &pool{
		chain: c,
		txs: txpool.New(txpool.Limits{
			Ready: limits.Ready, Future: limits.Future, ReadyBytes: limits.ReadyBytes, FutureBytes: limits.FutureBytes, Ban: limits.Ban,
		}),
		best:     c.bestBlock(),
		received: make(map[Hash]map[*Node]struct{}),
		pending:  make(map[Hash]*Pending),
		retracts: newRetractions(),
		history:  newHistory(),
	}
}

// Pending is an extrinsic in the pool.
type Pending struct {
	Hash  Hash
	Bytes []byte // with the length in front
	// Ready tells that the next block can hold it; otherwise its nonce is too high.
	Ready bool
	// The rest is what a signed extrinsic says of itself. It is zero if the
	// runtime's metadata does not tell how to read it.
	Signer       [32]byte
	Nonce, Tip   uint64
	Pallet, Call string
	// Args are the call's arguments by name. Those that are numbers of at most 64
	// bits are uint64.
	Args map[string]any
	// LastValid is the last block that can include it, the highest number for one
	// that is valid for ever.
	LastValid uint64
}

// Submit sends an extrinsic, with its length in front, to the chain's first node.
// The error is the one that a client would get: an *RPCError.
func (c *Chain) Submit(extrinsic []byte) (Hash, error) {
	hash, err := c.Node.submit(extrinsic)
	if err != nil {
		return Hash{}, err
	}
	return hash, nil
}

// Pending returns what is in the pool, in the order in which it came.
func (c *Chain) Pending() []Pending {
	p := c.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Pending
	for _, s := range []txpool.Status{txpool.Ready, txpool.Future} {
		for _, x := range p.txs.All(s) {
			one := *p.pending[Hash(x.Hash)]
			one.Ready = s == txpool.Ready
			out = append(out, one)
		}
	}
	return out
}

// submit takes an extrinsic from a client of the node.
func (n *Node) submit(extrinsic []byte) (Hash, error) {
	p := n.chain.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.submit(n, extrinsic, p.history.record)
}

// submit is Node.submit for those who hold mu. What the pool looks at is recorded.
func (p *pool) submit(n *Node, extrinsic []byte, record func(*Chain, *Pending)) (Hash, error) {
	if err := checkExtrinsic(extrinsic); err != nil {
		return Hash{}, &RPCError{Code: codeBadFormat, Message: "Extrinsic has invalid format: " + err.Error()}
	}
	hash := Hash(scale.ExtrinsicHash(extrinsic))
	err := p.txs.Known(txpool.Hash(hash), p.best.Time)
	if nodes := p.received[hash]; errors.Is(err, txpool.ErrImported) {
		if _, had := nodes[n]; !had {
			// This node has it from another one, which it may not have told its client.
			nodes[n] = struct{}{}
			return hash, nil
		}
	}
	if err != nil {
		return Hash{}, poolError(hash, err)
	}
	validity, err := p.validate(extrinsic)
	if err != nil {
		if invalid, ok := errors.AsType[*runtime.InvalidError](err); ok && !invalid.Unknown() {
			p.txs.Ban(txpool.Hash(hash), p.best.Time)
		}
		return Hash{}, poolError(hash, err)
	}
	pending := p.describe(hash, extrinsic)
	record(p.chain, pending)
	p.pending[hash] = pending
	p.received[hash] = map[*Node]struct{}{n: {}}
	events, err := p.txs.Import(txpool.Extrinsic{Hash: txpool.Hash(hash), Bytes: slices.Clone(extrinsic), Validity: validity})
	p.tell(events)
	if err != nil {
		p.forget(hash)
		return Hash{}, poolError(hash, err)
	}
	p.broadcast(hash)
	return hash, nil
}

// validate asks the runtime of the best block. What it writes is thrown away.
func (p *pool) validate(extrinsic []byte) (v runtime.Validity, err error) {
	state, err := p.chain.stateOf(p.best)
	if err != nil {
		return v, err
	}
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the runtime panicked: %v", cause)
			p.chain.log.Error("the runtime panicked in a validation", slog.Any("cause", cause), slog.String("stack", string(debug.Stack())))
		}
	}()
	return p.best.runtime.ValidateTransaction(state.Edit(), runtime.External, extrinsic, p.best.Hash)
}

// forget removes what was known of an extrinsic that is not in the pool any more.
func (p *pool) forget(hash Hash) {
	delete(p.pending, hash)
	delete(p.received, hash)
}

// tell tells those who watch, and keeps the books.
func (p *pool) tell(events []txpool.Event) {
	for _, e := range events {
		hash := Hash(e.Hash)
		switch e.Status {
		case txpool.Ready:
			p.notify(hash, "ready", false)
		case txpool.Future:
			p.notify(hash, "future", false)
		case txpool.Usurped:
			p.notify(hash, map[string]any{"usurped": Hash(e.By)}, true)
			p.forget(hash)
		case txpool.Dropped:
			p.notify(hash, "dropped", true)
			p.forget(hash)
		case txpool.Invalid:
			p.notify(hash, "invalid", true)
			p.forget(hash)
		}
	}
}

// notify tells those who watch an extrinsic, at any node, of a status.
func (p *pool) notify(hash Hash, status any, last bool) {
	for _, n := range p.chain.nodes() {
		n.subscriptions.notifyExtrinsic(hash, status, last)
	}
}

// broadcast tells those who watch that other nodes have been sent the extrinsic,
// if there are any.
func (p *pool) broadcast(hash Hash) {
	if others := len(p.chain.nodes()) - 1; others > 0 && p.txs.Has(txpool.Hash(hash)) {
		p.notify(hash, map[string]any{"broadcast": slices.Repeat([]string{peerID}, others)}, false)
	}
}

// maintain follows the chain to its best block: what blocks hold goes, what they
// do not hold any more comes back, and the rest is validated anew.
func (p *pool) maintain() {
	p.mu.Lock()
	defer p.mu.Unlock()
	best := p.chain.bestBlock()
	if best == p.best {
		return
	}
	left, entered := route(p.best, best)
	p.best = best
	for _, b := range entered {
		for _, hash := range b.extrinsicHashes() {
			p.txs.Forget(txpool.Hash(hash))
			p.forget(hash)
		}
	}
	p.tell(p.txs.Revalidate(best.Time, func(x txpool.Extrinsic) (runtime.Validity, error) { return p.validate(x.Bytes) }))
	for _, b := range left {
		for i, extrinsic := range b.Extrinsics {
			p.comeBack(b.extrinsicHashes()[i], extrinsic)
		}
	}
}

// comeBack puts what a block held that is not on the best chain any more into the
// pool again, if it still can be in a block.
func (p *pool) comeBack(hash Hash, extrinsic []byte) {
	if p.retracts.forgotten(hash) || p.txs.Has(txpool.Hash(hash)) {
		return
	}
	validity, err := p.validate(extrinsic)
	if err != nil {
		return // an inherent, or what the new blocks hold too
	}
	p.pending[hash] = p.describe(hash, extrinsic)
	p.received[hash] = make(map[*Node]struct{})
	for _, n := range p.chain.nodes() {
		p.received[hash][n] = struct{}{}
	}
	events, err := p.txs.Import(txpool.Extrinsic{Hash: txpool.Hash(hash), Bytes: extrinsic, Validity: validity})
	p.tell(events)
	if err != nil {
		p.notify(hash, "dropped", true)
		p.forget(hash)
	}
}

// describe reads an extrinsic, as far as the metadata tells how.
func (p *pool) describe(hash Hash, extrinsic []byte) *Pending {
	out := &Pending{Hash: hash, Bytes: slices.Clone(extrinsic)}
	metadata := p.chain.metadata(p.best.runtime)
	if metadata == nil {
		return out
	}
	x, err := metadata.DecodeExtrinsic(extrinsic)
	if err != nil {
		return out
	}
	out.Signer, _ = x.SignerKey()
	out.Nonce, out.Tip = x.Nonce, x.Tip
	out.Pallet, out.Call, out.Args = x.Call.Pallet, x.Call.Name, make(map[string]any, len(x.Call.Args))
	for _, arg := range x.Call.Args {
		out.Args[arg.Name] = arg.Value
	}
	out.LastValid = x.Era.Death(p.best.Number+1) - 1
	if x.Era.Immortal() {
		out.LastValid++
	}
	return out
}

// metadata is the metadata of a runtime, parsed once; nil if it cannot be.
func (c *Chain) metadata(rt runtime.Runtime) *scale.Metadata {
	c.parsing.Lock()
	defer c.parsing.Unlock()
	if !reflect.TypeOf(rt).Comparable() {
		return nil
	}
	if m, ok := c.parsed[rt]; ok {
		return m
	}
	var parsed *scale.Metadata
	if raw, ok := rt.Metadata(15); ok {
		if m, err := scale.ParseMetadata(raw); err == nil {
			parsed = m
		}
	}
	c.parsed[rt] = parsed
	return parsed
}

// nextIndex counts the account's extrinsics that are ready, from a nonce on.
func (p *pool) nextIndex(account [32]byte, nonce uint32) uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.txs.Provides(scale.AppendUint32(account[:], nonce)) {
		nonce++
	}
	return nonce
}

// removeExtrinsics is author_removeExtrinsic.
func (p *pool) removeExtrinsics(hashes []Hash) []Hash {
	p.mu.Lock()
	defer p.mu.Unlock()
	removed := []Hash{}
	for _, hash := range hashes {
		events := p.txs.Discard(txpool.Hash(hash), p.best.Time)
		p.tell(events)
		for _, e := range events {
			removed = append(removed, Hash(e.Hash))
		}
	}
	return removed
}

// readyExtrinsics is author_pendingExtrinsics.
func (p *pool) readyExtrinsics() []hexBytes {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []hexBytes{}
	for x := range p.txs.Block() {
		out = append(out, x.Bytes)
	}
	return out
}
