package intents

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// written are the states of intents that may have written something. Those that were replaced before anything was signed
// have not, and a client can make hundreds of them while one extrinsic is on its way.
var written = func() (states []string) {
	for _, state := range pylon.IntentStates() {
		if state != pylon.StateCancelled && state != pylon.StateRecorded {
			states = append(states, string(state))
		}
	}
	return states
}()

// checkForeign ends weights when somebody else has written weights with this hotkey since they were handed over: another
// program works with the key, and two that go on would write over each other for ever. What this store's own intents
// have written is not foreign, and neither is a registration, which counts as an update too.
func (e *Engine) checkForeign(ctx context.Context, j *job, facts *chain.Facts) error {
	if facts.LastUpdate <= j.StartBlock || facts.LastUpdate == facts.RegisteredAt || j.progress.CommitBlock > 0 {
		return nil
	}
	listing, err := e.store.List(ctx, store.Filter{
		Genesis: &j.Genesis, Hotkey: &j.Hotkey, Kind: j.Kind, Netuid: &j.Netuid, Mechanism: &j.Mechanism, States: written,
	}, store.Page{Limit: store.MaxPage})
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
