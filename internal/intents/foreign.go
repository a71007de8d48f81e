package intents

import (
	"context"

	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// checkForeign ends weights when somebody else has written weights with this hotkey since they were handed over: another
// program works with the key, and two that go on would write over each other for ever. What this store's own intents
// have written is not foreign, and neither is a registration, which counts as an update too.
func (e *Engine) checkForeign(ctx context.Context, j *job, facts *chain.Facts) error {
	if facts.LastUpdate <= j.StartBlock || facts.LastUpdate == facts.RegisteredAt || j.progress.CommitBlock > 0 {
		return nil
	}
	listing, err := e.store.List(ctx, store.Filter{
		Genesis: &j.Genesis, Hotkey: &j.Hotkey, Kind: j.Kind, Netuid: &j.Netuid, Mechanism: &j.Mechanism,
	}, store.Page{Limit: 50})
	if err != nil {
		return err
	}
	for _, record := range listing.Records {
		own, err := openJob(record)
		if err == nil && (own.IncludedBlock == facts.LastUpdate || own.progress.CommitBlock == facts.LastUpdate) {
			return nil
		}
	}
	return fail(ReasonForeignWrite, "Weights of this hotkey were written in block %d, not by this service; these were handed over at block %d.", facts.LastUpdate, j.StartBlock)
}
