package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/pylontest"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A miner announces itself on the development chain, a validator finds it there, asks it, and gives it its weights, which
// subnet 2 takes as a commit and reveals.
func TestSubnetOnTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	service := pylontest.Start(t, pylontest.ServiceConfig{
		Identities: []pylontest.ServiceIdentity{{Name: "miner", Netuid: netuid, Hotkey: "//Miner0"}},
	})
	identity := func(name string) pylon.UnstableIdentity {
		config := service.Config(netuid)
		config.IdentityName = name
		client, err := pylon.New(config)
		must(t, err)
		t.Cleanup(func() { _ = client.Close() })
		return client.Unstable().Identity()
	}
	miner, err := wallet.FromURI("//Miner0")
	must(t, err)
	validator, err := wallet.FromURI("//Bob")
	must(t, err)

	// The chain takes no address of this machine; a dendrite that has the same one as the miner calls it here.
	const external = "203.0.113.7"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	working, stop := context.WithCancel(ctx)
	mined := make(chan error, 1)
	go func() {
		settings := axon.Settings{ExternalIP: external, ExternalPort: port}
		mined <- mine(working, identity("miner"), miner, settings, listener)
	}()
	own := identity("sn2")
	awaitAxon(ctx, t, own, pylon.Hotkey(miner.Address()), netip.AddrPortFrom(netip.MustParseAddr(external), uint16(port)))

	d, err := dendrite.New(dendrite.Config{Signer: validator, ExternalIP: external, Transport: &here{base: &http.Transport{}}})
	must(t, err)
	defer d.Close()
	validated := make(chan error, 1)
	go func() { validated <- validate(working, own, d) }()
	awaitWeights(ctx, t, own)
	stop()
	if err := <-mined; err != nil {
		t.Errorf("the miner ended with %v", err)
	}
	if err := <-validated; !errors.Is(err, context.Canceled) {
		t.Errorf("the validator ended with %v", err)
	}
}

// awaitAxon waits until the chain says where a neuron is.
func awaitAxon(ctx context.Context, t *testing.T, own pylon.UnstableIdentity, hotkey pylon.Hotkey, where netip.AddrPort) {
	t.Helper()
	for _, err := range own.Events(ctx) { // there is one for each block
		must(t, err)
		neurons, err := own.LatestNeurons(ctx)
		must(t, err)
		for _, n := range neurons.Neurons {
			if n.Hotkey == hotkey && netip.AddrPortFrom(n.AxonInfo.IP, n.AxonInfo.Port) == where {
				return
			}
		}
	}
	t.Fatal("the axon was not announced")
}

// awaitWeights waits until the chain has revealed weights. A machine that is busy may miss an epoch.
func awaitWeights(ctx context.Context, t *testing.T, own pylon.UnstableIdentity) {
	t.Helper()
	for event, err := range own.Events(ctx) {
		must(t, err)
		if event.Kind != pylon.EventIntent || event.Intent.Intent.Kind != pylon.IntentWeights {
			continue
		}
		intent := event.Intent.Intent
		if intent.State == pylon.StateRevealed {
			return
		}
		t.Logf("%s %s %s", intent.State, intent.Reason, intent.Detail)
	}
	t.Fatal("no weights were revealed")
}

// here lets only calls through that stay on this machine: the other miners of the chain have addresses of nobody.
type here struct{ base *http.Transport }

func (h *here) RoundTrip(r *http.Request) (*http.Response, error) {
	if ip, err := netip.ParseAddr(r.URL.Hostname()); err != nil || !ip.IsLoopback() {
		return nil, errors.New("not on this machine")
	}
	return h.base.RoundTrip(r)
}

func (h *here) CloseIdleConnections() { h.base.CloseIdleConnections() }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
