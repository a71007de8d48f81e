package onchain_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/onchain"
	"github.com/bittensor-pylon/pylon/pylontest"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// axonOf is an axon that announces 203.0.113.7 and a port.
func axonOf(t *testing.T, uri string, port int) *axon.Axon {
	t.Helper()
	hotkey, err := wallet.FromURI(uri)
	must(t, err)
	a, err := axon.New(axon.Config{
		Settings: axon.Settings{ExternalIP: "203.0.113.7", ExternalPort: port}, Signer: hotkey, Verifier: wallet.Sr25519,
	})
	must(t, err)
	return a
}

// An axon is announced through the service, found by its subnet, and not announced twice.
func TestServeOnTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	own := pylontest.Start(t, pylontest.ServiceConfig{}).Client(t).Unstable().Identity()
	publisher := onchain.Publisher{Identity: own, Netuid: 1}
	a := axonOf(t, "//Alice", 8091)
	if _, known, err := publisher.Announced(ctx, 1, a.Hotkey()); known || err != nil {
		t.Errorf("before: %v, %v", known, err)
	}
	must(t, a.Serve(ctx, 1, publisher, nil))
	want, err := a.Info()
	must(t, err)
	found := false
	// The newest block may be one before the one that is final by now, and shows the axon soon.
	for _, err := range own.Events(ctx) {
		must(t, err)
		neurons, err := own.LatestNeurons(ctx)
		must(t, err)
		for _, got := range onchain.Axons(neurons) {
			if got.Hotkey == a.Hotkey() {
				want.Coldkey = got.Coldkey
				if found = true; got != want {
					t.Errorf("found %v, want %v", got, want)
				}
			}
		}
		if found {
			break
		}
	}
	must(t, a.Serve(ctx, 1, publisher, nil))
	intents, err := own.Intents(ctx, pylon.IntentFilter{Kind: pylon.IntentAxon})
	must(t, err)
	if len(intents) != 1 {
		t.Errorf("%d announcements", len(intents))
	}
	if err := axonOf(t, "//Bob", 8091).Serve(ctx, 1, publisher, nil); err == nil || !strings.Contains(err.Error(), "the identity is not that of the axon") {
		t.Errorf("another hotkey: %v", err)
	}
}

// identity is an identity that writes down what it is asked for.
type identity struct {
	neurons pylon.Neurons
	asked   []pylon.AxonRequest
	err     error
}

func (i *identity) LatestNeurons(context.Context) (*pylon.Neurons, error) { return &i.neurons, i.err }

func (i *identity) ServeAxon(_ context.Context, request pylon.AxonRequest) (*pylon.Written, error) {
	i.asked = append(i.asked, request)
	return &pylon.Written{}, i.err
}

func TestPublisher(t *testing.T) {
	t.Parallel()
	a := axonOf(t, "//Alice", 9000)
	own := &identity{neurons: pylon.Neurons{Neurons: []pylon.Neuron{
		{Hotkey: "other"}, {Hotkey: pylon.Hotkey(a.Hotkey()), AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("203.0.113.7"), Port: 8999, Protocol: 4}},
	}}}
	publisher := onchain.Publisher{Identity: own, Netuid: 7}
	must(t, a.Serve(t.Context(), 7, publisher, nil)) // another port
	want := pylon.AxonRequest{IP: netip.MustParseAddr("203.0.113.7"), Port: 9000, Protocol: pylon.ProtocolHTTP}
	if len(own.asked) != 1 || own.asked[0] != want {
		t.Errorf("asked for %+v", own.asked)
	}
	for name, c := range map[string]struct {
		netuid      uint16
		certificate []byte
		edit        func(*onchain.Publisher)
		says        string
	}{
		"another subnet": {8, nil, nil, "the identity is for subnet 7, not 8"},
		"a certificate":  {7, []byte{1}, nil, onchain.ErrCertificate.Error()},
		"no identity":    {7, nil, func(p *onchain.Publisher) { p.Identity = nil }, "Identity is required"},
		"unregistered":   {7, nil, func(p *onchain.Publisher) { p.Identity = &identity{} }, "is not registered on subnet 7"},
		"no answer":      {7, nil, func(p *onchain.Publisher) { p.Identity = &identity{err: errors.New("broken")} }, "broken"},
	} {
		p := publisher
		if c.edit != nil {
			c.edit(&p)
		}
		if err := a.Serve(t.Context(), c.netuid, p, c.certificate); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(own.asked) != 1 {
		t.Errorf("asked for %+v", own.asked)
	}
}

func TestAxons(t *testing.T) {
	t.Parallel()
	got := onchain.Axons(&pylon.Neurons{Neurons: []pylon.Neuron{
		{Hotkey: "a", AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("0.0.0.0")}},
		{Hotkey: "b"},
		{Hotkey: "c", Coldkey: "cold", AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("::ffff:1.2.3.4"), Port: 5, Protocol: 4}},
		{Hotkey: "d", AxonInfo: pylon.AxonInfo{IP: netip.MustParseAddr("2001:db8::1"), Port: 65535}},
	}})
	want := []synapse.AxonInfo{
		{Version: synapse.ProtocolVersion, IP: "1.2.3.4", Port: 5, IPType: 4, Hotkey: "c", Coldkey: "cold", Protocol: 4},
		{Version: synapse.ProtocolVersion, IP: "2001:db8::1", Port: 65535, IPType: 6, Hotkey: "d"},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, want %v", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
