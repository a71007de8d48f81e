package main

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/wallet"
)

type axonCommand struct {
	Echo axonEchoCommand `cmd:"" help:"Serve an axon that answers every message with what came, and prints who sent it."`
}

type dendriteCommand struct {
	Call dendriteCallCommand `cmd:"" help:"Send one signed message to an axon and print what it answers."`
}

// neuronKey is the hotkey of the commands that speak the protocol of neurons.
type neuronKey struct {
	Path   string `placeholder:"DIR" help:"Folder of the wallets. Defaults to PYLON_BITTENSOR_WALLET_PATH, else to ~/.bittensor/wallets."`
	Wallet string `default:"default" help:"Name of the wallet."`
	Hotkey string `default:"default" help:"Name of the hotkey."`
	URI    string `name:"uri" placeholder:"URI" help:"Use a development key such as //Alice instead. Who else is on this machine can see it."`
}

func (k neuronKey) open(p process) (*wallet.Keypair, error) {
	if k.URI != "" {
		key, err := wallet.FromURI(k.URI)
		if err != nil {
			return nil, fmt.Errorf("%w: --uri: %w", errUsage, err)
		}
		return key, nil
	}
	return wallet.Wallet{Root: walletFolder{Path: k.Path}.root(p), Name: k.Wallet}.Hotkey(k.Hotkey)
}
