package devchain_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
)

// A chain for a test: blocks come when the test says so.
func Example() {
	chain, err := devchain.New(devchain.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = chain.Close() }()
	if err := chain.Start(context.Background()); err != nil {
		log.Fatal(err)
	}
	// Connect something to chain.URL(), then let time pass.
	block, err := chain.Produce(10)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(block.Number, chain.Finalized().Number)
	// Output: 10 7
}

// A fork, and a finality that stands still.
func ExampleChain_Fork() {
	chain, err := devchain.New(devchain.Config{FinalityLag: devchain.ManualFinality})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = chain.Close() }()
	parent, _ := chain.Produce(5)
	short, _ := chain.Produce(1)
	long, _ := chain.Fork(parent.Hash, 2)
	fmt.Println(short.Parent == parent.Hash, chain.Best().Hash == long.Hash, chain.Finalized().Number)
	// Output: true true 0
}

// Two nodes of one chain: one that forgets and is slow, and an archive.
func ExampleChain_AddNode() {
	chain, err := devchain.New(devchain.Config{KeepStates: 256})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = chain.Close() }()
	archive, err := chain.AddNode(devchain.NodeConfig{KeepStates: devchain.AllStates})
	if err != nil {
		log.Fatal(err)
	}
	chain.Hook("state_call", devchain.Delay(2*time.Second))
	archive.Hook("state_call", devchain.First(1, devchain.Fail(-32603, "Internal error")))
	fmt.Println(len(archive.Calls()))
	// Output: 0
}

// An upgrade to a runtime that lays out neurons differently.
func ExampleChain_Upgrade() {
	chain, err := devchain.New(devchain.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = chain.Close() }()
	next, err := devchain.NewSubtensor(devchain.SubtensorConfig{SpecVersion: 500, NeuronLayout: devchain.NeuronsReordered})
	if err != nil {
		log.Fatal(err)
	}
	chain.Upgrade(next)
	block, _ := chain.Produce(1)
	runtime, _ := chain.Runtime(block.Hash)
	fmt.Println(runtime.Version().SpecVersion)
	// Output: 500
}

// A client sends an extrinsic that a test wants to see fail.
func ExampleChain_SetPoolPolicy() {
	chain, err := devchain.New(devchain.Config{})
	if err != nil {
		panic(err)
	}
	defer chain.Close()
	tries := 0
	chain.SetPoolPolicy(func(x devchain.Pending) devchain.Verdict {
		if x.Call != "commit_timelocked_weights" {
			return devchain.Verdict{} // accept
		}
		if tries++; tries < 3 {
			return devchain.Verdict{Action: devchain.Hold}
		}
		return devchain.Verdict{Action: devchain.FailInBlock, Error: "SubtensorModule.CommittingWeightsTooFast"}
	})
	fmt.Println(chain.CheckNonces())
	// Output: <nil>
}
