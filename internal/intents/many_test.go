package intents

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// Many hotkeys at once, on a node that drops its connections now and then: every intent ends well or was replaced, every
// hotkey has its newest weights, and no nonce was ever in danger.
func TestManyIdentities(t *testing.T) {
	t.Parallel()
	const rounds = 3
	identities := 64
	if raceEnabled {
		identities = 16
	}
	w := &world{t: t, path: store.Memory}
	var err error
	w.rt, err = devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true, Subnets: []devchain.Subnet{{Netuid: 1, Neurons: identities + 4, Tempo: 60000}}})
	must(t, err)
	w.dev, err = devchain.New(devchain.Config{Runtime: w.rt, FinalityLag: 2, GenesisTime: time.Unix(1_700_000_000, 0)})
	must(t, err)
	t.Cleanup(func() { _ = w.dev.Close() })
	must(t, w.dev.Start(context.Background()))
	for i := range identities {
		w.config.Identities = append(w.config.Identities, Identity{Name: fmt.Sprint(i), Netuid: 1, Signer: signer(t, fmt.Sprintf("//Miner%d", i))})
	}
	_, err = w.dev.ProduceEdited(func(st runtime.State) error {
		for _, identity := range w.config.Identities {
			w.rt.SetStake(st, 1, identity.Signer.PublicKey(), 1e12)
			if err := w.rt.SetPermit(st, 1, identity.Signer.PublicKey(), true); err != nil {
				return err
			}
		}
		return nil
	})
	must(t, err)
	w.connect()
	w.open()
	w.paced = true

	_, err = during2(w, func(ctx context.Context) (int, error) {
		for round := range rounds {
			var group sync.WaitGroup
			for i := range identities {
				group.Go(func() {
					target := hotkeyOf(w.config.Identities[(i+round)%identities].Signer.PublicKey())
					intent, err := w.engine.PutWeights(ctx, fmt.Sprint(i), pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{target: 1}})
					if err != nil {
						t.Error(err)
						return
					}
					if round < rounds-1 && i%2 == 0 {
						return // it is replaced, or followed to its end
					}
					if got, err := w.engine.Wait(ctx, intent.ID, pylon.WaitFinalized); err != nil || got.State != pylon.StateFinalized {
						t.Errorf("identity %d: %v, %s", i, err, describe(got))
					}
				})
			}
			group.Wait()
			w.dev.DropConnections()
		}
		return 0, nil
	})
	must(t, err)
	for i := range identities {
		intents, _, err := w.engine.Intents(t.Context(), pylon.IntentFilter{Identity: fmt.Sprint(i)})
		must(t, err)
		for _, intent := range intents {
			if !intent.State.Succeeded() && intent.Reason != ReasonReplaced {
				t.Errorf("identity %d: %s", i, describe(intent))
			}
		}
	}
	must(t, w.dev.CheckNonces())
}
