package main

import (
	"context"
	"net"
	"strings"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/onchain"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// mine announces an axon on the chain and serves validators until the context ends.
func mine(ctx context.Context, own pylon.UnstableIdentity, hotkey *wallet.Keypair, settings axon.Settings, listener net.Listener) error {
	validators, err := own.LatestValidators(ctx)
	if err != nil {
		return err
	}
	stake := map[pylon.Hotkey]float64{}
	for _, v := range validators.Validators {
		stake[v.Hotkey] = v.Stakes.Total
	}
	caller := func(ctx context.Context) pylon.Hotkey {
		c, _ := axon.CallerFrom(ctx)
		return pylon.Hotkey(c.Hotkey)
	}

	a, err := axon.New(axon.Config{Settings: settings, Signer: hotkey, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		return err
	}
	translate := func(_ context.Context, m *Translate) error {
		m.Result = synapse.Some(strings.ToUpper(m.Text))
		return nil
	}
	err = axon.Attach(a, translate, axon.Options[*Translate]{
		Blacklist: func(ctx context.Context, _ *Translate) (bool, string) {
			_, known := stake[caller(ctx)]
			return !known, "not a validator"
		},
		Priority: func(ctx context.Context, _ *Translate) (float64, error) { return stake[caller(ctx)], nil },
	})
	if err != nil {
		return err
	}
	if err := a.StartOn(listener); err != nil {
		return err
	}
	defer func() { _ = a.Stop(context.WithoutCancel(ctx)) }()
	if err := a.Serve(ctx, uint16(netuid), onchain.Publisher{Identity: own, Netuid: netuid}, nil); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}
