// Command subnet is a small subnet: miners translate, and validators give weights to those that do. Give it "miner" or
// "validator". PYLON_CLIENT_… variables say where the service is and which identity is its own, BT_AXON_… variables where
// a miner listens and is reached (without BT_AXON_EXTERNAL_IP it asks public services); HOTKEY is the seed or the phrase
// of the identity's hotkey, which signs the messages.
package main

import (
	"context"
	"errors"
	"log"
	"net"
	"os"
	"os/signal"
	"strconv"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

const netuid = pylon.Netuid(2)

// Translate is the message. Its name and its fields are what others see: the class of a Python neuron has the same.
type Translate struct {
	synapse.Synapse
	Text   string `synapse:"required,hash"`
	Result synapse.Optional[string]
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string) error {
	hotkey, err := wallet.FromURI(os.Getenv("HOTKEY"))
	if err != nil {
		return err
	}
	client, err := pylon.FromEnv(pylon.Config{})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	own := client.Unstable().Identity()
	settings, err := axon.SettingsFrom(os.LookupEnv)
	if err != nil {
		return err
	}
	switch {
	case len(args) == 1 && args[0] == "miner":
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+strconv.Itoa(settings.Port))
		if err != nil {
			return err
		}
		if settings.ExternalIP == "" {
			ip, err := axon.DiscoverIP(ctx, nil)
			if err != nil {
				return err
			}
			settings.ExternalIP = ip.String()
		}
		return mine(ctx, own, hotkey, settings, listener)
	case len(args) == 1 && args[0] == "validator":
		d, err := dendrite.New(dendrite.Config{Signer: hotkey})
		if err != nil {
			return err
		}
		defer d.Close()
		return validate(ctx, own, d)
	}
	return errors.New("give it miner or validator")
}
