package pylontest_test

import (
	"context"
	"fmt"
	"log"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/pylontest"
)

// reward is what is to be tested: it gives all weight to the neuron with uid 0.
func reward(ctx context.Context, client *pylon.Client) error {
	identity := client.Unstable().Identity()
	neurons, err := identity.LatestNeurons(ctx)
	if err != nil {
		return err
	}
	_, err = identity.PutWeights(ctx, pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{neurons.Neurons[0].Hotkey: 1}})
	return err
}

// Test a program without a service: script the answers, and look at what was asked.
func ExampleFake() {
	fake := pylontest.NewFake()
	fake.SetNeurons(1, &pylon.Neurons{Block: pylon.Block{Number: 7, Hash: "0x07"}, Neurons: []pylon.Neuron{{Hotkey: "5Grw…"}}})
	client, err := pylon.New(fake.Config()) // in a test: fake.Client(t)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := reward(context.Background(), client); err != nil {
		log.Fatal(err)
	}
	for _, put := range fake.Weights() {
		fmt.Println(put.Weights)
	}
	// Output: map[5Grw…:1]
}
