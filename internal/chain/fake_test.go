package chain

import (
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeNode stands for the nodes of one role: blocks that the test adds, each with the neurons of its subnets, encoded as
// a runtime encodes them.
type fakeNode struct {
	runtime *substrate.Runtime
	// recorded, when set, has the answers of runtime APIs.
	recorded *recording
	// old makes it answer like a runtime before spec 233.
	old bool

	mu       sync.Mutex // guards the rest
	blocks   map[substrate.Hash]*fakeBlock
	numbers  map[uint64]substrate.Hash
	head     *substrate.Header
	watchers []chan substrate.HeadEvent
	calls    map[string]int
	// hook, when set, is called before every answer, without the lock. Its error is the answer.
	hook func(ctx context.Context, call fakeCall) error
}

type fakeCall struct {
	method string
	at     substrate.Hash
	number uint64
	args   []byte
}

type fakeBlock struct {
	header  substrate.Header
	time    uint64 // milliseconds
	subnets map[pylon.Netuid][]fakeNeuron
	// stored is what is stored besides, by key; answers are those of runtime APIs besides, by method and arguments.
	stored     map[string][]byte
	answers    map[string][]byte
	extrinsics [][]byte
}

type fakeNeuron struct {
	hotkey, coldkey byte // the key's first byte
	permit          bool
	stake           []uint64 // rao, for each who staked
	ip              scale.Uint128
	port            uint16
	// alpha, tao and total are what the subnet's state has.
	alpha, tao, total uint64
}

func newFakeNode(t testing.TB) *fakeNode {
	t.Helper()
	return &fakeNode{
		runtime: runtimeOf(t, 343, "v15"),
		blocks:  make(map[substrate.Hash]*fakeBlock),
		numbers: make(map[uint64]substrate.Hash),
		calls:   make(map[string]int),
	}
}

// hashOf is the hash of the block with that number on that fork.
func hashOf(number uint64, fork byte) (h substrate.Hash) {
	binary.BigEndian.PutUint64(h[:], number)
	h[31] = fork
	return h
}

// twoNeurons are the neurons of a subnet in which the last update says which block they are of.
func twoNeurons() []fakeNeuron {
	return []fakeNeuron{
		{hotkey: 1, coldkey: 9, permit: true, stake: []uint64{5e9}, alpha: 5e9, tao: 2e9, total: 6e9},
		{hotkey: 2, coldkey: 9, permit: true, stake: []uint64{7e9}, alpha: 7e9, tao: 1e9, total: 8e9},
	}
}

// add makes a block of fork 0 known, with subnet 1 in it, without making it the head.
func (n *fakeNode) add(number uint64) substrate.Header { return n.addFork(number, 0, 0) }

// addFork makes a block of a fork known, on top of a block of another fork.
func (n *fakeNode) addFork(number uint64, fork, parent byte) substrate.Header {
	n.mu.Lock()
	defer n.mu.Unlock()
	header := substrate.Header{Number: number, Hash: hashOf(number, fork), Parent: hashOf(number-1, parent)}
	n.blocks[header.Hash] = &fakeBlock{
		header:  header,
		time:    1_700_000_000_999 + number*12_000,
		subnets: map[pylon.Netuid][]fakeNeuron{1: twoNeurons()},
		stored:  make(map[string][]byte),
		answers: make(map[string][]byte),
	}
	n.numbers[number] = header.Hash
	return header
}

// setHead makes a block the head and tells those who watch.
func (n *fakeNode) setHead(header substrate.Header) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.head = &header
	for _, watcher := range n.watchers {
		watcher <- substrate.HeadEvent{Header: header}
	}
}

func (n *fakeNode) finalize(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, watcher := range n.watchers {
		watcher <- substrate.HeadEvent{Header: n.blocks[n.numbers[number]].header, Finalized: true}
	}
}

// grow adds blocks up to that number and makes the last one the head.
func (n *fakeNode) grow(from, to uint64) {
	for number := from; number < to; number++ {
		n.add(number)
	}
	n.setHead(n.add(to))
}

// prune forgets what a block left behind.
func (n *fakeNode) prune(number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.blocks, n.numbers[number])
}

// change changes a block's content.
func (n *fakeNode) change(number uint64, by func(*fakeBlock)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	by(n.blocks[n.numbers[number]])
}

func (n *fakeNode) setHook(hook func(ctx context.Context, call fakeCall) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hook = hook
}

// called returns how often a method was called, all when it is empty.
func (n *fakeNode) called(method string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if method != "" {
		return n.calls[method]
	}
	all := 0
	for _, times := range n.calls {
		all += times
	}
	return all
}

// begin counts a call and runs the hook.
func (n *fakeNode) begin(ctx context.Context, call fakeCall) error {
	n.mu.Lock()
	n.calls[call.method]++
	hook := n.hook
	n.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, call); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return &substrate.Error{Kind: substrate.KindOf(err), Op: call.method, Err: err}
	}
	return nil
}

func (n *fakeNode) Head(ctx context.Context) (substrate.Header, error) {
	if err := n.begin(ctx, fakeCall{method: "Head"}); err != nil {
		return substrate.Header{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.head == nil {
		return substrate.Header{}, &substrate.Error{Kind: substrate.KindTransport, Op: "head", Message: "no node is connected"}
	}
	return *n.head, nil
}

func (n *fakeNode) KnownHead() (substrate.Header, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.head == nil {
		return substrate.Header{}, false
	}
	return *n.head, true
}

func (n *fakeNode) Watch(buffer int) (<-chan substrate.HeadEvent, func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	events := make(chan substrate.HeadEvent, 1000)
	if n.head != nil {
		events <- substrate.HeadEvent{Header: *n.head}
	}
	n.watchers = append(n.watchers, events)
	return events, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.watchers = slices.DeleteFunc(n.watchers, func(c chan substrate.HeadEvent) bool { return c == events })
	}
}

func (n *fakeNode) BlockHash(ctx context.Context, number uint64) (substrate.Hash, error) {
	if err := n.begin(ctx, fakeCall{method: "BlockHash", number: number}); err != nil {
		return substrate.Hash{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	hash, ok := n.numbers[number]
	if !ok {
		return hash, &substrate.Error{Kind: substrate.KindUnknownBlock, Op: "chain_getBlockHash"}
	}
	return hash, nil
}

func (n *fakeNode) Runtime(ctx context.Context, at substrate.Hash) (*substrate.Runtime, error) {
	if err := n.begin(ctx, fakeCall{method: "Runtime", at: at}); err != nil {
		return nil, err
	}
	if _, err := n.block(at); err != nil {
		return nil, err
	}
	return n.runtime, nil
}

func (n *fakeNode) block(at substrate.Hash) (*fakeBlock, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	b, ok := n.blocks[at]
	if !ok {
		return nil, &substrate.Error{
			Kind: substrate.KindStateDiscarded, Op: "state_call", Node: "ws://fake", Code: 4003,
			Message: "Client error: UnknownBlock: State already discarded for " + at.String(),
		}
	}
	return b, nil
}

func (n *fakeNode) StateCall(ctx context.Context, at substrate.Hash, method string, args []byte) ([]byte, error) {
	if err := n.begin(ctx, fakeCall{method: method, at: at, args: args}); err != nil {
		return nil, err
	}
	b, err := n.block(at)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if answer, ok := b.answers[method+string(args)]; ok {
		return answer, nil
	}
	var netuid pylon.Netuid
	if len(args) >= 2 {
		netuid = pylon.Netuid(binary.LittleEndian.Uint16(args))
	}
	neurons, exists := b.subnets[netuid]
	switch {
	case n.recorded != nil:
		if result := n.recorded.result(method, args); result != nil {
			return result, nil
		}
	case method == "NeuronInfoRuntimeApi_get_neurons_lite":
		if n.old {
			return scale.AppendByteVec(nil, encodeNeurons(netuid, b.header.Number, neurons)), nil
		}
		return encodeNeurons(netuid, b.header.Number, neurons), nil
	case method == "SubnetInfoRuntimeApi_get_subnet_state" && !n.old:
		if !exists {
			return []byte{0}, nil
		}
		return encodeState(netuid, neurons), nil
	}
	return nil, &substrate.Error{
		Kind: substrate.KindMethodMissing, Op: "state_call", Node: "ws://fake", Code: 4003,
		Message: "Client error: Execution failed: Other: Exported method " + method + " is not found",
	}
}

func (n *fakeNode) Storage(ctx context.Context, at substrate.Hash, key []byte) ([]byte, error) {
	name := "Storage"
	switch {
	case slices.Equal(key[:32], scale.StoragePrefix("Timestamp", "Now")):
		name = "Timestamp.Now"
	case slices.Equal(key[:32], scale.StoragePrefix("SubtensorModule", "NetworksAdded")):
		name = "SubtensorModule.NetworksAdded"
	}
	if err := n.begin(ctx, fakeCall{method: name, at: at}); err != nil {
		return nil, err
	}
	b, err := n.block(at)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch name {
	case "Timestamp.Now":
		return scale.AppendUint64(nil, b.time), nil
	case "Storage":
		return b.stored[string(key)], nil
	}
	if _, exists := b.subnets[pylon.Netuid(binary.LittleEndian.Uint16(key[32:]))]; exists {
		return []byte{1}, nil
	}
	return nil, nil
}

func keyOf(first byte) (id accountID) {
	id[0] = first
	return id
}

// encodeNeurons writes a list of NeuronInfoLite, field by field in the order of the chain.
func encodeNeurons(netuid pylon.Netuid, number uint64, neurons []fakeNeuron) []byte {
	b := scale.AppendCompact(nil, uint64(len(neurons)))
	for uid, n := range neurons {
		hotkey, coldkey := keyOf(n.hotkey), keyOf(n.coldkey)
		b = append(append(b, hotkey[:]...), coldkey[:]...)
		b = scale.AppendCompact(b, uint64(uid))
		b = scale.AppendCompact(b, uint64(netuid))
		b = scale.AppendBool(b, true) // active
		b = scale.AppendUint64(b, 100)
		b = scale.AppendUint32(b, 9003000)
		b = scale.AppendUint128(b, n.ip.Lo, n.ip.Hi)
		b = scale.AppendUint16(b, n.port)
		b = append(b, 4, 4, 0, 0)
		b = append(b, make([]byte, 31)...) // prometheus_info
		b = scale.AppendCompact(b, uint64(len(n.stake)))
		for i, rao := range n.stake {
			staker := keyOf(100 + byte(i))
			b = scale.AppendCompact(append(b, staker[:]...), rao)
		}
		b = scale.AppendCompact(b, 13107)     // rank
		b = scale.AppendCompact(b, 123456789) // emission
		for _, share := range []uint64{65535, 32768, 1, 2, 3} {
			b = scale.AppendCompact(b, share) // incentive, consensus, trust, validator_trust, dividends
		}
		b = scale.AppendCompact(b, number) // last_update
		b = scale.AppendBool(b, n.permit)
		b = scale.AppendCompact(b, 65535) // pruning_score
	}
	return b
}

// encodeState writes a SubnetState that is there, with the vectors empty that are so since spec 401.
func encodeState(netuid pylon.Netuid, neurons []fakeNeuron) []byte {
	b := scale.AppendCompact([]byte{1}, uint64(netuid))
	each := func(compact func(fakeNeuron) uint64) {
		b = scale.AppendCompact(b, uint64(len(neurons)))
		for _, n := range neurons {
			b = scale.AppendCompact(b, compact(n))
		}
	}
	b = scale.AppendCompact(b, uint64(len(neurons)))
	for _, n := range neurons {
		hotkey := keyOf(n.hotkey)
		b = append(b, hotkey[:]...)
	}
	b = scale.AppendCompact(b, uint64(len(neurons)))
	for _, n := range neurons {
		coldkey := keyOf(n.coldkey)
		b = append(b, coldkey[:]...)
	}
	zero := func(fakeNeuron) uint64 { return 0 }
	none := func() { b = append(b, 0) }
	each(zero)                                           // active: a byte of 0 each, like a bool
	each(zero)                                           // validator_permit, too
	none()                                               // pruning_score
	each(zero)                                           // last_update
	each(zero)                                           // emission
	each(zero)                                           // dividends
	each(zero)                                           // incentives
	each(zero)                                           // consensus
	none()                                               // trust
	none()                                               // rank
	each(zero)                                           // block_at_registration
	each(func(n fakeNeuron) uint64 { return n.alpha })   // alpha_stake
	each(func(n fakeNeuron) uint64 { return n.tao })     // tao_stake
	each(func(n fakeNeuron) uint64 { return n.total })   // total_stake
	b = scale.AppendCompact(b, 2)                        // emission_history of two subnets
	each(func(fakeNeuron) uint64 { return 1 << 40 })     // of the first
	each(func(fakeNeuron) uint64 { return 18446744073 }) // of the second
	return b
}

// newFakeChain returns a Chain that reads from fake nodes. It is closed with the test.
func newFakeChain(t testing.TB, main, archive *fakeNode, config Config) *Chain {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config = config.withDefaults()
	if err := config.validateNumbers(); err != nil {
		t.Fatal(err)
	}
	c := newChain(config, main, "ws://main", archive, "ws://archive")
	t.Cleanup(c.Close)
	return c
}

// observed collects operations.
type observed struct {
	mu  sync.Mutex
	all []Operation
}

func (o *observed) add(op Operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	op.Duration = 0
	o.all = append(o.all, op)
}

func (o *observed) take() []Operation {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := o.all
	o.all = nil
	return all
}

const blockTime = 12 * time.Second

// pause lets the time of a synctest bubble go on.
func pause(d time.Duration) { <-time.After(d) }
