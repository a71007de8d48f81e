package pylon_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/pylontest"
)

// service is a service in memory. Programs have the address and the tokens of a real one here.
func service() pylon.Config {
	fake := pylontest.NewFake()
	fake.SetBlock(pylon.BlockInfo{Number: 7, Hash: "0x07"})
	fake.SetNeurons(1, &pylon.Neurons{
		Block:   pylon.Block{Number: 7, Hash: "0x07"},
		Neurons: []pylon.Neuron{{UID: 0, Hotkey: "5Grw…", Incentive: 0.75}, {UID: 1, Hotkey: "5FHn…", Incentive: 0.25}},
	})
	return fake.Config()
}

// Configure: an address, and whatever lets in to what is asked for.
func ExampleNew() {
	client, err := pylon.New(pylon.Config{
		Address:         "http://localhost:8000",
		OpenAccessToken: "my_open_access_token",
		IdentityName:    "sn1",
		IdentityToken:   "my_secret_token",
		Timeouts:        pylon.Timeouts{Read: 10 * time.Second},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = pylon.New(pylon.Config{Address: "http://localhost:8000", IdentityName: "sn1"})
	fmt.Println(err)
	// Output: pylon: Identity name must be provided in pair with identity token.
}

// Configure from the environment: what the program leaves open comes from PYLON_CLIENT_… variables.
func ExampleConfig_WithEnv() {
	config, err := pylon.Config{IdentityName: "sn1"}.WithEnv([]string{
		"PYLON_CLIENT_ADDRESS=http://localhost:8000", "PYLON_CLIENT_IDENTITY_NAME=other", "PYLON_CLIENT_TIMEOUT__READ=7",
	})
	fmt.Println(config.Address, config.IdentityName, config.Timeouts.Read, err)
	// Output: http://localhost:8000 sn1 7s <nil>
}

// Read: the neurons of a subnet, with open access.
func ExampleUnstable_Subnet() {
	client, err := pylon.New(service())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	neurons, err := client.Unstable().Subnet(1).LatestNeurons(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("block", neurons.Block.Number)
	for _, neuron := range neurons.Neurons {
		fmt.Println(neuron.UID, neuron.Hotkey, neuron.Incentive)
	}
	// Output:
	// block 7
	// 0 5Grw… 0.75
	// 1 5FHn… 0.25
}

// Read with an identity: the service knows on which subnet it works.
func ExampleV1_Identity() {
	client, err := pylon.New(service())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // for all attempts together
	defer cancel()
	neurons, err := client.V1().Identity().RecentNeurons(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(neurons.Neurons), "neurons")
	// Output: 2 neurons
}

// Write: hand weights over, and wait until they are set.
func ExampleUnstableIdentity_WaitForWeights() {
	client, err := pylon.New(service())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	identity, ctx := client.Unstable().Identity(), context.Background()
	scheduled, err := identity.PutWeights(ctx, pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"5Grw…": 3, "5FHn…": 1}})
	if err != nil {
		log.Fatal(err)
	}
	intent, err := identity.WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(intent.State)
	// Output: revealed
}

// Follow an intent through its states, to show progress.
func ExampleUnstableIdentity_Follow() {
	fake := pylontest.NewFake()
	fake.SetIntentStates(pylon.StateSigned, pylon.StateIncluded, pylon.StateFinalized)
	client, err := pylon.New(fake.Config())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	identity, ctx := client.Unstable().Identity(), context.Background()
	scheduled, err := identity.PutWeights(ctx, pylon.WeightsRequest{Weights: map[pylon.Hotkey]float64{"5Grw…": 1}})
	if err != nil {
		log.Fatal(err)
	}
	for intent, err := range identity.Follow(ctx, scheduled.Intent.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(intent.State)
	}
	// Output:
	// signed
	// included
	// finalized
}

// Retry: five attempts, a second apart.
func ExampleRetryPolicy() {
	config := service()
	config.Retry = pylon.RetryPolicy{Attempts: 5, Wait: func(int) time.Duration { return time.Second }}
	client, err := pylon.New(config)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	block, err := client.V1().LatestBlock(context.Background())
	fmt.Println(block.Number, err)
	// Output: 7 <nil>
}

// Errors: what went wrong is asked with errors.Is, and what more there is to know with errors.As.
func ExampleResponseError() {
	client, err := pylon.New(service())
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	_, err = client.V1().Subnet(9).LatestNeurons(context.Background())
	switch {
	case errors.Is(err, pylon.ErrNotFound):
		fmt.Println("there is no such thing")
	case errors.Is(err, pylon.ErrTimeout):
		fmt.Println("not now")
	}
	var response *pylon.ResponseError
	if errors.As(err, &response) {
		fmt.Println(response.StatusCode)
	}
	// Output:
	// there is no such thing
	// 404
}

// Serve a neuron over TLS with the key pair that the service has made and published.
func ExampleNeuronTLS() {
	pair := pylon.CertificateKeyPair{
		Algorithm:  pylon.AlgorithmEd25519,
		PublicKey:  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		PrivateKey: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	}
	config, err := pylon.NeuronTLS(pair, func(publicKey string) error {
		return nil // here is where a miner looks for a validator's certificate with this key
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(config.Certificates), "certificate")
	// Output: 1 certificate
}
