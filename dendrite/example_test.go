package dendrite_test

import (
	"context"
	"fmt"
	"net"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Reverse is a message; its name on the wire is Reverse.
type Reverse struct {
	synapse.Synapse
	Text   string `synapse:"required,hash"`
	Result synapse.Optional[string]
}

func Example() {
	miner, _ := wallet.FromURI("//Bob")
	target, stop := startMiner(miner) // found on the chain, in life
	defer stop()

	validator, _ := wallet.FromURI("//Alice")
	d, err := dendrite.New(dendrite.Config{Signer: validator})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()

	answer, err := dendrite.Call(context.Background(), d, target, &Reverse{Text: "desserts"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Result, answer.Dendrite.StatusMessage)

	// Many targets at once; the results are in their order.
	nobody := synapse.AxonInfo{IP: "127.0.0.1", Port: 1}
	for _, r := range dendrite.Forward(context.Background(), d, []synapse.AxonInfo{target, nobody}, &Reverse{Text: "desserts"}) {
		fmt.Println(r.Answer.Dendrite.StatusCode, r.Answer.Result)
	}
	// Output:
	// stressed Success
	// 200 stressed
	// 503 None
}

// Chat is a message whose answer comes piece by piece.
type Chat struct {
	synapse.Synapse
	Prompt string `synapse:"required,hash"`
	Text   string
}

// ReceivePiece puts the answer together. Without it, whoever reads the stream
// does.
func (c *Chat) ReceivePiece(piece []byte) error {
	c.Text += string(piece)
	return nil
}

func ExampleStream() {
	miner, _ := wallet.FromURI("//Bob")
	target, stop := startMiner(miner)
	defer stop()
	validator, _ := wallet.FromURI("//Alice")
	d, err := dendrite.New(dendrite.Config{Signer: validator})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer d.Close()

	received := 0
	for item := range dendrite.Stream(context.Background(), d, target, &Chat{Prompt: "count to three"}) {
		received += len(item.Piece)
		if item.Answer != nil { // the last one
			fmt.Println(item.Answer.Text, received, item.Err)
		}
	}
	// Output: one two three 13 <nil>
}

func startMiner(hotkey *wallet.Keypair) (target synapse.AxonInfo, stop func()) {
	a, _ := axon.New(axon.Config{Signer: hotkey, Verifier: wallet.Sr25519})
	_ = axon.Attach(a, func(_ context.Context, m *Reverse) error {
		runes := []rune(m.Text)
		for i := range len(runes) / 2 {
			runes[i], runes[len(runes)-1-i] = runes[len(runes)-1-i], runes[i]
		}
		m.Result = synapse.Some(string(runes))
		return nil
	})
	_ = axon.AttachStream(a, func(_ context.Context, _ *Chat, s *axon.Stream) error {
		for _, word := range []string{"one", " two", " three"} {
			if _, err := s.WriteString(word); err != nil {
				return err
			}
		}
		return nil
	})
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	_ = a.StartOn(listener)
	target = synapse.AxonInfo{IP: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, Hotkey: hotkey.Address()}
	return target, func() { _ = a.Stop(context.Background()) }
}
