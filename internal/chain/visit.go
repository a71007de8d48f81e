package chain

import (
	"context"
	"errors"
	"strconv"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// operation is the name of something that is read from the chain, in errors and metrics.
type operation string

// The operations that metrics know by these names.
const (
	getBlock        operation = "get_block"
	getLatestBlock  operation = "get_latest_block"
	getNeurons      operation = "get_neurons"
	getNeuronsList  operation = "get_neurons_list"
	getSubnetState  operation = "get_subnet_state"
	getHyperparams  operation = "get_hyperparams"
	getCertificates operation = "get_certificates"
	getCertificate  operation = "get_certificate"
	getCommitments  operation = "get_commitments"
	getCommitment   operation = "get_commitment"
	getAllRevealed  operation = "get_all_revealed_commitments"
	getRevealed     operation = "get_revealed_commitments"
	getLastRound    operation = "get_drand_last_stored_round"
	getAlphaPrices  operation = "get_alpha_prices"
	getAlphaPrice   operation = "get_alpha_price"
)

// The operations that are not measured.
const (
	getBlockTime       operation = "get_block_timestamp"
	getSubnetExists    operation = "get_subnet_exists"
	getExtrinsic       operation = "get_extrinsic"
	getEVMAssociations operation = "get_evm_associations"
	getEpochs          operation = "get_epochs"
	getFacts           operation = "get_write_facts"
	getOpenCommits     operation = "get_open_commits"
	getWeights         operation = "get_weights"
)

func (o operation) measured() bool {
	switch o {
	case getBlockTime, getSubnetExists, getExtrinsic, getEVMAssociations, getEpochs, getFacts, getOpenCommits, getWeights:
		return false
	}
	return true
}

// Why the archive was asked.
const (
	staleBlock   = "stale_block"   // the block is further back than the main nodes keep
	unknownBlock = "unknown_block" // the main nodes did not have its state
	// mainUnreachable is a reason that the Python service does not know: it gives up there.
	mainUnreachable = "main_unreachable"
)

// notApplicable is the value of a metric's label that an operation has nothing for.
const notApplicable = "N/A"

func netuidLabel(netuid pylon.Netuid) string { return strconv.Itoa(int(netuid)) }

// Operation is one operation on the chain that has ended.
type Operation struct {
	// Name is what was done: one of the operation names of the metrics, such as get_neurons.
	Name string
	// Status is success, error, cancelled or unknown_block.
	Status string
	// URI is the name or address of the nodes, without credentials.
	URI string
	// Netuid is the subnet in decimal, or N/A.
	Netuid string
	// Fallback is why the archive was asked, stale_block or unknown_block; empty for the main nodes. An operation that
	// consists of others carries it alone, so counting the operations that have it counts the uses of the archive.
	Fallback string
	// Duration is how long it took.
	Duration time.Duration
}

// block is a block to read at.
type block struct {
	Number uint64
	Hash   substrate.Hash
}

func (b block) public() pylon.Block { return pylon.Block{Number: b.Number, Hash: b.Hash.String()} }

// visit is one attempt to read something at a block from one source. All that it reads is of that block, by the
// runtime of that block.
type visit struct {
	chain     *Chain
	source    *source
	block     block
	operation operation
	netuid    string
	fallback  string
}

// read does an operation at a block: on the archive when the block is further behind the head than the cutoff, else on
// the main nodes, and on the archive after all when these do not have the block's state or cannot be reached.
func read[T any](ctx context.Context, c *Chain, op operation, at block, netuid string, fetch func(context.Context, *visit) (T, error)) (T, error) {
	v := &visit{chain: c, source: &c.main, block: at, operation: op, netuid: netuid}
	head, err := c.newestOrLost(ctx)
	switch {
	case errors.As(err, new(*lost)):
		v.source, v.fallback = &c.archive, mainUnreachable
		value, archived := measure(ctx, v, op, fetch)
		if archived != nil {
			return value, err // what is wrong is the main nodes
		}
		return value, nil
	case err != nil:
		var none T
		return none, err
	case head.Number > at.Number && head.Number-at.Number > uint64(c.config.ArchiveCutoff):
		v.source, v.fallback = &c.archive, staleBlock
	}
	value, err := measure(ctx, v, op, fetch)
	switch {
	case v.fallback != "" || err == nil:
	case lacksState(err):
		v.source, v.fallback = &c.archive, unknownBlock
		value, err = measure(ctx, v, op, fetch)
	case unreachable(err):
		archive := *v
		archive.source, archive.fallback = &c.archive, mainUnreachable
		if second, failure := measure(ctx, &archive, op, fetch); failure == nil {
			return second, nil
		}
	}
	return value, v.explain(err)
}

// lookUp answers a question from memory, or by an operation at a block. size tells about how many bytes of memory the
// answer takes.
func lookUp[T any](
	ctx context.Context, c *Chain, q question, op operation, at block, netuid string,
	size func(T) int64, fetch func(context.Context, *visit) (T, error),
) (T, error) {
	q.hash = at.Hash
	return ask[T](ctx, c.flights, q, func(ctx context.Context) (fetched, error) {
		value, err := read(ctx, c, op, at, netuid, fetch)
		if err != nil {
			return fetched{}, err
		}
		return fetched{value: value, bytes: size(value)}, nil
	})
}

// measure does a part of a visit, or all of it, and reports how it went.
func measure[T any](ctx context.Context, v *visit, op operation, fetch func(context.Context, *visit) (T, error)) (T, error) {
	start := time.Now()
	ctx, end := v.chain.begin(ctx, op, v.source.uri, v.netuid)
	value, err := fetch(ctx, v)
	end(err)
	fallback := v.fallback
	if op != v.operation {
		fallback = ""
	}
	v.chain.report(op, v.source.uri, v.netuid, fallback, start, err)
	return value, err
}

// report tells the observer of an operation that has ended.
func (c *Chain) report(op operation, uri, netuid, fallback string, start time.Time, err error) {
	if c.config.Observe == nil || !op.measured() {
		return
	}
	status := "error"
	switch {
	case err == nil:
		status = "success"
	case lacksState(err):
		status = "unknown_block"
	case errors.Is(err, context.Canceled):
		status = "cancelled"
	}
	c.config.Observe(Operation{
		Name:     string(op),
		Status:   status,
		URI:      uri,
		Netuid:   netuid,
		Fallback: fallback,
		Duration: time.Since(start),
	})
}

// layout returns how the runtime of the visited block answers.
func (v *visit) layout(ctx context.Context) (*layout, error) {
	runtime, err := v.source.Runtime(ctx, v.block.Hash)
	if err != nil {
		return nil, err
	}
	return v.chain.layouts.of(runtime), nil
}

// call asks a runtime API. The arguments are encoded already.
func (v *visit) call(ctx context.Context, method string, args []byte) ([]byte, error) {
	return v.source.StateCall(ctx, v.block.Hash, method, args)
}

// answerOf asks a method of a runtime API and decodes the answer, nil when there is none.
func answerOf[T any](ctx context.Context, v *visit, method func() (*decoder[T], error), args []byte) (*T, error) {
	decoder, err := method()
	if err != nil {
		return nil, err
	}
	answer, err := v.call(ctx, decoder.method, args)
	if err != nil {
		return nil, err
	}
	return decoder.decode(answer)
}
