// Command validator is a whole validator: at each epoch of its subnet it reads the neurons, sets weights, and waits until
// the chain has revealed them. PYLON_CLIENT_… variables say where the service is, and which identity is its own.
package main

import (
	"context"
	"log"

	pylon "github.com/bittensor-pylon/pylon"
)

func main() {
	client, err := pylon.FromEnv(pylon.Config{})
	if err == nil {
		err = validate(context.Background(), client.Unstable().Identity())
	}
	log.Fatal(err)
}

func validate(ctx context.Context, subnet pylon.UnstableIdentity) error {
	for event, err := range subnet.Events(ctx) {
		if err != nil {
			return err
		} else if event.Kind == pylon.EventEpoch {
			intent, err := setWeights(ctx, subnet)
			log.Print(intent, err) // should it fail, there is another epoch
		}
	}
	return ctx.Err()
}

func setWeights(ctx context.Context, subnet pylon.UnstableIdentity) (*pylon.Intent, error) {
	neurons, err := subnet.LatestNeurons(ctx)
	if err != nil {
		return nil, err
	}
	weights := map[pylon.Hotkey]float64{}
	for _, neuron := range neurons.Neurons {
		weights[neuron.Hotkey] = neuron.Stakes.Total // here is where a subnet has its own idea
	}
	scheduled, err := subnet.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
	if err != nil {
		return nil, err
	}
	return subnet.WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed)
}
