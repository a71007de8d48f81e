package axon_test

import (
	"context"
	"fmt"
	"net"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Translate is a message; its name on the wire is Translate.
type Translate struct {
	synapse.Synapse
	Text   string `synapse:"required,hash"`
	Result synapse.Optional[string]
}

func Example() {
	hotkey, _ := wallet.FromURI("//Bob")
	a, err := axon.New(axon.Config{Signer: hotkey, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		fmt.Println(err)
		return
	}

	validators := map[string]float64{"5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY": 1000} // stake by hotkey
	translate := func(ctx context.Context, m *Translate) error {
		caller, _ := axon.CallerFrom(ctx) // whose signature was checked
		if m.Text == "" {
			return &axon.Error{Code: 422, Message: "nothing to translate"}
		}
		m.Result = synapse.Some(m.Text + " for " + caller.Hotkey)
		return nil
	}
	err = axon.Attach(a, translate, axon.Options[*Translate]{
		Blacklist: func(ctx context.Context, _ *Translate) (bool, string) {
			caller, _ := axon.CallerFrom(ctx)
			_, known := validators[caller.Hotkey]
			return !known, "not a validator"
		},
		Priority: func(ctx context.Context, _ *Translate) (float64, error) {
			caller, _ := axon.CallerFrom(ctx)
			return validators[caller.Hotkey], nil
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0") // a.Start() takes the port of the settings
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := a.StartOn(listener); err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = a.Stop(context.Background()) }()
	fmt.Println(a)
	// Output: Axon([::], 8091, 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty, started, ['Synapse', 'Translate'])
}
