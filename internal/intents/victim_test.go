package intents

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// victimVariable makes the test binary a process that hands weights over and dies: point, URL of the node, path of the
// store.
const victimVariable = "PYLON_INTENTS_VICTIM"

// beVictim is that process. It asks for a block by writing a byte, whenever it has done a step.
func beVictim(order string) {
	err := victim(order)
	if errors.Is(err, errEnded) {
		os.Exit(victimEnded)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// victimEnded is how that process exits when the intent has ended and the point did not come.
const victimEnded = 3

var errEnded = errors.New("the intent has ended")

// storeAt is a store in a file or on a server.
func storeAt(place string) store.Config {
	config := store.Config{Path: place, Logger: quiet(), PruneEvery: -1, Timeout: patience}
	if strings.HasPrefix(place, "postgres://") {
		config.Path, config.URL = "", place
	}
	return config
}

func victim(order string) error {
	point, rest, _ := strings.Cut(order, " ")
	url, path, _ := strings.Cut(rest, " ")
	ctx := context.Background()
	client, err := substrate.New(substrate.Config{Nodes: []string{url}})
	if err != nil {
		return err
	}
	reader, err := chain.New(chain.Config{Main: client, BlockTime: blockTime, Logger: quiet()})
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, storeAt(path))
	if err != nil {
		return err
	}
	key, err := wallet.FromURI("//Alice")
	if err != nil {
		return err
	}
	engine, err := New(Config{
		Store: db, Nodes: client, Chain: reader, BlockTime: blockTime, Logger: quiet(), Poll: 20 * time.Millisecond, LeaseTTL: time.Second,
		Weights:    Budget{Retries: 200, Delay: time.Millisecond},
		Identities: []Identity{{Name: "sn", Netuid: 1, Signer: walletSigner{key}}},
		Crash: func(at string) {
			if at == point {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {}
			}
		},
	})
	if err != nil {
		return err
	}
	steps := make(chan substrate.Header)
	engine.stepped = func(seen substrate.Header) { steps <- seen }
	engine.Start()
	weights := make(map[pylon.Hotkey]float64)
	for i, uri := range []string{"//Miner0", "//Miner1", "//Miner2"} {
		miner, err := wallet.FromURI(uri)
		if err != nil {
			return err
		}
		weights[hotkeyOf(miner.PublicKey())] = float64(i + 1)
	}
	intent, err := engine.PutWeights(ctx, "sn", pylon.WeightsRequest{Weights: weights})
	if err != nil {
		return err
	}
	want := uint64(0)
	for seen := range steps {
		if seen.Number < want {
			continue // it has not looked at the block that it wanted
		}
		want = seen.Number + 1
		if known, err := engine.Intent(ctx, intent.ID); err != nil {
			return err
		} else if known.State.Ended() {
			return errEnded
		}
		if _, err := os.Stdout.Write([]byte{'.'}); err != nil {
			return err
		}
	}
	return nil
}
