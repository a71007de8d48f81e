package chain

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// lacksState tells that a node does not have what a block left behind, so that another one may.
func lacksState(err error) bool {
	kind := substrate.KindOf(err)
	return kind == substrate.KindStateDiscarded || kind == substrate.KindUnknownBlock
}

// unreachable tells that no node of a source could be asked, so that another source may answer.
func unreachable(err error) bool {
	kind := substrate.KindOf(err)
	return kind == substrate.KindTransport || kind == substrate.KindWrongChain
}

// lost is the failure of finding out which block is the newest, because no main node can be reached.
type lost struct{ error }

func (l *lost) Unwrap() error { return l.error }

// lacksMethod tells that the runtime of the block was too old for the question.
func lacksMethod(err error) bool {
	return substrate.KindOf(err) == substrate.KindMethodMissing || errors.Is(err, scale.ErrNoAPI)
}

// explain turns the failure of a visit into the answer that the contract has for it. The end of the reader's own
// context, and what is a problem already, stay as they are.
func (v *visit) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.As(err, new(*problem.Error)):
		return err
	case lacksMethod(err):
		return problem.Wrap(problem.Unsupported, fmt.Sprintf(
			"The runtime API required for '%s' is not available at block %d. It was introduced by a later runtime "+
				"upgrade, so older blocks do not export it (%s).", v.operation, v.block.Number, words(err)), err)
	case v.fallback == staleBlock && lacksState(err):
		return problem.Wrap(problem.Unavailable, fmt.Sprintf(
			"Block %d data is unavailable on the archive node. Archive was used because the block exceeded archive "+
				"block cutoff (%d blocks).", v.block.Number, v.chain.config.ArchiveCutoff), err)
	case v.fallback == unknownBlock && lacksState(err):
		return problem.Wrap(problem.Unavailable,
			fmt.Sprintf("Block %d data is unavailable on both main and archive nodes.", v.block.Number), err)
	case v.fallback != "" && substrate.KindOf(err) == substrate.KindInvalidParams:
		return problem.Wrap(problem.Unavailable, fmt.Sprintf(
			"Archive node returned 'Invalid params'. This may indicate the archive node (%s) does not support named "+
				"keyword arguments.", v.node(err)), err)
	default:
		return failed(v.operation, v.source.uri, err)
	}
}

// node returns the address of the node that failed, or of the whole source when no node was asked.
func (v *visit) node(err error) string { return nodeOf(err, v.source.uri) }

func nodeOf(err error, uri string) string {
	if e, ok := errors.AsType[*substrate.Error](err); ok && e.Node != "" {
		return e.Node
	}
	return uri
}

// failed is the failure of an operation for which the contract has no text of its own.
func failed(operation operation, uri string, err error) error {
	detail := fmt.Sprintf("%s failed on %s: %s", operation, nodeOf(err, uri), errorType(err))
	if said := words(err); said != "" {
		detail += ": " + said
	}
	return problem.Wrap(problem.Unavailable, detail, err)
}

// errorType names the sort of failure in one word.
func errorType(err error) string {
	if _, ok := errors.AsType[*scale.BindError](err); ok {
		return "RuntimeMismatch"
	}
	if _, ok := errors.AsType[*substrate.Error](err); ok || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return substrate.KindOf(err).String()
	}
	return substrate.KindMalformed.String()
}

// words returns what a node said, or else what we say.
func words(err error) string {
	e, ok := errors.AsType[*substrate.Error](err)
	switch {
	case !ok:
		return err.Error()
	case e.Message != "":
		return e.Message
	case e.Err != nil:
		return e.Err.Error()
	default:
		return ""
	}
}

func blockNotFound(number uint64) error {
	return problem.Newf(problem.NotFound, "Block %d not found.", number)
}

// maxBlockNumber is the largest number that a block of a Substrate chain can have.
const maxBlockNumber = math.MaxUint32
