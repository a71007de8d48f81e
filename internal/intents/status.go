package intents

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// WeightsStatus tells whether weights were handed over for a mechanism in the epoch of a block, and were not given up
// since. It is about what this service did, not about what the chain has.
func (e *Engine) WeightsStatus(ctx context.Context, name string, mechanism uint8, block uint64) (pylon.WeightsStatus, error) {
	var status pylon.WeightsStatus
	identity, err := e.identity(name)
	if err != nil {
		return status, err
	}
	at, err := e.header(ctx, block)
	if err != nil {
		return status, err
	}
	hotkey, netuid := identity.Signer.PublicKey(), uint16(identity.Netuid)
	facts, err := e.config.Chain.Facts(ctx, at, chain.FactsQuery{Netuid: identity.Netuid, Mechanism: mechanism, Hotkey: hotkey})
	if err != nil {
		return status, err
	}
	epoch, err := schedule{facts}.statusEpoch()
	if err != nil {
		return status, err
	}
	genesis, err := e.chainID(ctx)
	if err != nil {
		return status, err
	}
	page := store.Page{Limit: store.MaxPage}
	for {
		listing, err := e.store.List(ctx, store.Filter{
			Genesis: (*[32]byte)(&genesis), Hotkey: &hotkey, Identity: name, Kind: string(pylon.IntentWeights), Netuid: &netuid, Mechanism: &mechanism,
		}, page)
		if err != nil {
			return status, explain(err)
		}
		for _, r := range listing.Records {
			if counts(&r) && (r.StartBlock == 0 || r.StartBlock >= epoch.first && r.StartBlock <= epoch.last) {
				return pylon.WeightsStatus{WeightsSubmitted: true}, nil
			}
			if r.StartBlock > 0 && r.StartBlock < epoch.first {
				return status, nil // those that follow are older
			}
		}
		if page.After = listing.Next; page.After == "" {
			return status, nil
		}
	}
}

// counts tells whether an intent is being worked on or has succeeded.
func counts(r *store.Record) bool {
	state := pylon.IntentState(r.State)
	return !state.Ended() || state.Succeeded()
}

// header returns the header of the block with a number.
func (e *Engine) header(ctx context.Context, number uint64) (substrate.Header, error) {
	hash, err := e.config.Nodes.BlockHash(ctx, number)
	if substrate.KindOf(err) == substrate.KindUnknownBlock {
		return substrate.Header{}, problem.Newf(problem.NotFound, "Block %d not found.", number)
	}
	if err != nil {
		return substrate.Header{}, unreachable(err)
	}
	at, err := e.config.Nodes.Header(ctx, hash)
	return at, unreachable(err)
}

// unreachable makes a node's failure one that users may see.
func unreachable(err error) error {
	if err == nil || substrate.KindOf(err) == substrate.KindCanceled || substrate.KindOf(err) == substrate.KindTimeout {
		return err
	}
	return problem.Wrap(problem.Unavailable, err.Error(), err)
}
