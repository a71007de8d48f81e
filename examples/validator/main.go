// Command validator is a whole validator: at each epoch of its subnet it reads the neurons and sets weights, and it logs what
// becomes of them until the chain has revealed them. PYLON_CLIENT_… variables say where the service is, and which identity
// is its own.
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
		switch {
		case err != nil:
			return err
		case event.Kind == pylon.EventIntent: // some are revealed only when the next epoch has begun, so nobody waits for them
			log.Println("intent", event.Intent.Intent.ID, event.Intent.Intent.State, event.Intent.Intent.Detail)
		case event.Kind == pylon.EventEpoch, event.Kind == pylon.EventGap: // one of the events that were missed may have been an epoch
			log.Println("epoch", event.Block.Number, "error", setWeights(ctx, subnet)) // should it fail, there is another epoch
		}
	}
	return ctx.Err()
}

func setWeights(ctx context.Context, subnet pylon.UnstableIdentity) error {
	neurons, err := subnet.LatestNeurons(ctx)
	if err != nil {
		return err
	}
	weights := map[pylon.Hotkey]float64{}
	for _, neuron := range neurons.Neurons {
		weights[neuron.Hotkey] = neuron.Stakes.Total // here is where a subnet has its own idea
	}
	_, err = subnet.PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
	return err
}
