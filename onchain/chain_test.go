package onchain_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/onchain"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// direct is a Publisher without a service: it signs the calls with the hotkey and
// sends them to a node.
type direct struct {
	nodes  *substrate.Client
	reader *chain.Chain
	hotkey *wallet.Keypair
	dev    *devchain.Chain
}

func (d *direct) PublicKey() [32]byte { return d.hotkey.PublicKey() }
func (d *direct) Scheme() string      { return "Sr25519" }

func (d *direct) Sign(message []byte) ([]byte, error) {
	signature := d.hotkey.Sign(message)
	return signature[:], nil
}

func (d *direct) Announced(ctx context.Context, netuid uint16, hotkey string) (info synapse.AxonInfo, known bool, err error) {
	neurons, err := d.reader.LatestNeurons(ctx, pylon.Netuid(netuid))
	if err != nil {
		return info, false, err
	}
	for i := range neurons.Neurons {
		if n := &neurons.Neurons[i]; string(n.Hotkey) == hotkey {
			return onchain.Axon(n), n.AxonInfo.IsServing(), nil
		}
	}
	return info, false, nil
}

func (d *direct) Announce(ctx context.Context, a axon.Announcement) error {
	head, err := d.nodes.Header(ctx, substrate.Hash(d.dev.Best().Hash)) // which the client may not have heard of yet
	if err != nil {
		return err
	}
	nonce, err := d.nodes.NonceAt(ctx, head.Hash, d.PublicKey())
	if err != nil {
		return err
	}
	args := map[string]any{
		"netuid": a.Netuid, "version": a.Version, "ip": a.IPNumber(), "port": a.Port, "ip_type": a.IPType(), "protocol": a.Protocol,
		"placeholder1": uint8(0), "placeholder2": uint8(0),
	}
	if len(a.Certificate) > 0 {
		args["certificate"] = scale.Bytes(a.Certificate)
	}
	x, err := d.nodes.Sign(ctx, substrate.SignRequest{At: head, Period: 32, Nonce: nonce, Pallet: "SubtensorModule", Call: a.Call(), Args: args}, d)
	if err != nil {
		return err
	}
	if err := d.nodes.Submit(ctx, x.Bytes); err != nil {
		return err
	}
	_, err = d.dev.Produce(1)
	return err
}

// storage is a value of a map of subnets and hotkeys, as the chain's metadata
// describes it.
func (d *direct) storage(t *testing.T, name string, netuid uint16) string {
	t.Helper()
	at := substrate.Hash(d.dev.Best().Hash)
	runtime, err := d.nodes.Runtime(t.Context(), at)
	must(t, err)
	item, err := runtime.Metadata.Storage("SubtensorModule", name)
	must(t, err)
	public := d.hotkey.PublicKey()
	key, err := item.Key(netuid, public[:])
	must(t, err)
	raw, err := d.nodes.Storage(t.Context(), at, key)
	must(t, err)
	value, err := runtime.Metadata.Types.DecodeValue(item.Value, raw)
	must(t, err)
	return fmt.Sprint(value)
}

// What an axon announces is what the chain has then, also when nothing but a node
// is between them.
func TestServeWithoutAService(t *testing.T) {
	t.Parallel()
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Quiet: true})
	must(t, err)
	dev, err := devchain.New(devchain.Config{Runtime: runtime, GenesisTime: time.Unix(1_760_000_000, 0)})
	must(t, err)
	must(t, dev.Start(t.Context()))
	t.Cleanup(func() { must(t, dev.Close()) })
	nodes, err := substrate.New(substrate.Config{Nodes: []string{dev.Node.URL()}})
	must(t, err)
	t.Cleanup(func() { must(t, nodes.Close()) })
	reader, err := chain.New(chain.Config{Main: nodes})
	must(t, err)
	t.Cleanup(reader.Close)
	hotkey, err := wallet.FromURI("//Alice")
	must(t, err)
	d := &direct{nodes, reader, hotkey, dev}

	serve := func(ip string, certificate []byte) {
		t.Helper()
		_, err := dev.Produce(60) // longer than the rate limit
		must(t, err)
		a, err := axon.New(axon.Config{Settings: axon.Settings{ExternalIP: ip, ExternalPort: 9000}, Signer: hotkey, Verifier: wallet.Sr25519})
		must(t, err)
		must(t, a.Serve(t.Context(), 1, d, certificate))
	}
	has := func(name, want string) {
		t.Helper()
		if got := d.storage(t, name, 1); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	serve("203.0.113.9", nil)
	has("Axons", "[{block 61} {version 10005000} {ip 3405803785} {port 9000} {ip_type 4} {protocol 4} {placeholder1 0} {placeholder2 0}]")
	serve("2001:db8::1", []byte{1, 7, 7, 7})
	has("Axons", "[{block 122} {version 10005000} {ip 42540766411282592856903984951653826561} {port 9000} {ip_type 6} {protocol 4} {placeholder1 0} {placeholder2 0}]")
	has("NeuronCertificates", "[{public_key 0x070707} {algorithm 1}]")
}
