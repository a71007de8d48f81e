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
		if err != nil {
			return err
		} else if event.Kind == pylon.EventEpoch {
			intent, err := score(ctx, own, d)
			log.Print(intent, err) // should it fail, there is another epoch
		}
	}
	return ctx.Err()
}

// score asks every miner, gives weights to those that answer well, and waits until the chain has revealed the weights.
func score(ctx context.Context, own pylon.UnstableIdentity, d *dendrite.Dendrite) (*pylon.Intent, error) {
	neurons, err := own.LatestNeurons(ctx)
	if err != nil {
		return nil, err
	}
	weights := map[pylon.Hotkey]float64{}
	for _, r := range dendrite.Forward(ctx, d, onchain.Axons(neurons), &Translate{Text: "grüezi"}) {
		if r.Err == nil && r.Answer.Result.Or("") == "GRÜEZI" {
			weights[pylon.Hotkey(r.Target.Hotkey)] = 1 / (1 + r.Answer.Dendrite.ProcessTime.Or(0)) // the quick ones get more
		}
	}
	scheduled, err := own.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
	if err != nil {
		return nil, err
	}
	return own.WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed)
}
