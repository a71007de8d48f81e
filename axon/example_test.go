package axon_test

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
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

	target := synapse.AxonInfo{IP: "127.0.0.1", Port: a.Addr().(*net.TCPAddr).Port, Hotkey: a.Hotkey()}
	fmt.Println(ask("//Alice", target, "hello"))
	fmt.Println(ask("//Alice", target, ""))
	fmt.Println(ask("//Eve", target, "hello"))
	// Output:
	// Axon([::], 8091, 5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty, started, ['Synapse', 'Translate'])
	// 200 hello for 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY
	// 422 nothing to translate
	// 403 Forbidden. Key is blacklisted: not a validator.
}

// ask sends a message to an axon and returns what it answers.
func ask(uri string, target synapse.AxonInfo, text string) (synapse.Optional[int], synapse.Optional[string]) {
	key, _ := wallet.FromURI(uri)
	d, _ := dendrite.New(dendrite.Config{Signer: key})
	defer d.Close()
	answer, err := dendrite.Call(context.Background(), d, target, &Translate{Text: text})
	if err != nil {
		return answer.Dendrite.StatusCode, answer.Dendrite.StatusMessage
	}
	return answer.Dendrite.StatusCode, answer.Result
}

func ExampleAttachStream() {
	hotkey, _ := wallet.FromURI("//Bob")
	a, err := axon.New(axon.Config{Signer: hotkey, Verifier: wallet.NewVerifier(0)})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = axon.AttachStream(a, func(_ context.Context, m *Translate, s *axon.Stream) error {
		for _, word := range strings.Fields(m.Text) {
			if _, err := s.WriteString(word + "\n"); err != nil { // sent at once
				return err
			}
		}
		return nil
	})
	fmt.Println(a.Attached(), err)
	// Output: [Synapse Translate] <nil>
}
