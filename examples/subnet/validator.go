package main

import (
	"context"
	"log"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/onchain"
)

// validate scores the miners at each epoch until the context ends.
func validate(ctx context.Context, own pylon.UnstableIdentity, d *dendrite.Dendrite) error {
	for event, err := range own.Events(ctx) {
		switch {
		case err != nil:
			return err
		case event.Kind == pylon.EventIntent: // some are revealed only when the next epoch has begun, so nobody waits for them
			log.Println("intent", event.Intent.Intent.ID, event.Intent.Intent.State, event.Intent.Intent.Detail)
		case event.Kind == pylon.EventEpoch, event.Kind == pylon.EventGap: // one of the events that were missed may have been an epoch
			log.Println("epoch", event.Block.Number, "error", score(ctx, own, d)) // should it fail, there is another epoch
		}
	}
	return ctx.Err()
}

// score asks every miner and gives weights to those that answer well.
func score(ctx context.Context, own pylon.UnstableIdentity, d *dendrite.Dendrite) error {
	neurons, err := own.LatestNeurons(ctx)
	if err != nil {
		return err
	}
	weights := map[pylon.Hotkey]float64{}
	for _, r := range dendrite.Forward(ctx, d, onchain.Axons(neurons), &Translate{Text: "grüezi"}) {
		if r.Err == nil && r.Answer.Result.Or("") == "GRÜEZI" {
			weights[pylon.Hotkey(r.Target.Hotkey)] = 1 / (1 + r.Answer.Dendrite.ProcessTime.Or(0)) // the quick ones get more
		}
	}
	_, err = own.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
	return err
}
