package onchain_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
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
	neurons     pylon.Neurons
	certificate pylon.Certificate
	asked       []pylon.AxonRequest
	err         error
}

func (i *identity) LatestNeurons(context.Context) (*pylon.Neurons, error) { return &i.neurons, i.err }

func (i *identity) LatestOwnCertificate(context.Context) (*pylon.Certificate, error) {
	if i.certificate.PublicKey == "" {
		return nil, pylon.ErrNotFound
	}
	return &i.certificate, i.err
}

func (i *identity) ServeAxon(_ context.Context, request pylon.AxonRequest) (*pylon.Written, error) {
	i.asked = append(i.asked, request)
	return &pylon.Written{}, i.err
}

// The service makes the certificate of an axon; the axon serves TLS with it and is announced anew beside it; a dendrite
// that knows the chain's keys speaks to nobody else.
func TestTLSOnTheDevelopmentChain(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	own := pylontest.Start(t, pylontest.ServiceConfig{BlockTime: 50 * time.Millisecond}).Client(t).Unstable().Identity()
	publisher := onchain.Publisher{Identity: own, Netuid: 1}
	must(t, axonOf(t, "//Alice", 8091).Serve(ctx, 1, publisher, nil))
	pair, err := own.GenerateCertificate(ctx, pylon.CertificateRequest{})
	must(t, err)
	certificate, err := pair.TLS()
	must(t, err)
	key, err := axon.CertificateKey(certificate)
	must(t, err)
	stranger, err := axon.Certificate([32]byte{1})
	must(t, err)
	another, err := axon.CertificateKey(stranger)
	must(t, err)
	until(ctx, t, own, func() bool {
		published, err := own.LatestOwnCertificate(ctx)
		return err == nil && published.PublicKey == pair.PublicKey
	})

	start := func(certificate tls.Certificate) (*axon.Axon, synapse.AxonInfo) {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
		must(t, err)
		hotkey, err := wallet.FromURI("//Alice")
		must(t, err)
		address := netip.MustParseAddrPort(listener.Addr().String())
		a, err := axon.New(axon.Config{
			Settings: axon.Settings{ExternalIP: "203.0.113.7", ExternalPort: int(address.Port())},
			Signer:   hotkey, Verifier: wallet.Sr25519, TLS: axon.TLSConfig(certificate),
		})
		must(t, err)
		must(t, axon.Attach(a, forward, axon.Options[*Translate]{}))
		must(t, a.StartOn(listener))
		t.Cleanup(func() { must(t, a.Stop(context.WithoutCancel(ctx))) })
		return a, synapse.AxonInfo{IP: "127.0.0.1", IPType: 4, Port: int(address.Port()), Hotkey: a.Hotkey(), Protocol: 4}
	}
	a, here := start(certificate)
	_, impostor := start(stranger)
	if err := a.Serve(ctx, 1, publisher, another); !errors.Is(err, onchain.ErrCertificate) {
		t.Errorf("another certificate: %v", err)
	}
	must(t, a.Serve(ctx, 1, publisher, key)) // another port
	until(ctx, t, own, func() bool {
		info, known, err := publisher.Announced(ctx, 1, a.Hotkey())
		return err == nil && known && info.Port == here.Port
	})
	published, err := own.LatestOwnCertificate(ctx)
	must(t, err)
	if published.PublicKey != pair.PublicKey {
		t.Errorf("the announcement has changed the certificate to %v", published)
	}
	must(t, a.Serve(ctx, 1, publisher, key)) // the same
	intents, err := own.Intents(ctx, pylon.IntentFilter{Kind: pylon.IntentAxon})
	must(t, err)
	if len(intents) != 2 {
		t.Errorf("%d announcements", len(intents))
	}

	certificates, err := own.LatestCertificates(ctx)
	must(t, err)
	bob, err := wallet.FromURI("//Bob")
	must(t, err)
	d, err := dendrite.New(dendrite.Config{Signer: bob, PublicKey: onchain.PublicKeys(certificates)})
	must(t, err)
	defer d.Close()
	answers := dendrite.Forward(ctx, d, []synapse.AxonInfo{here, impostor}, &Translate{Text: "hello", Language: "fr"}, dendrite.Options{Timeout: 30 * time.Second})
	if got := answers[0].Answer; !got.IsSuccess() || got.Deserialize() != "hello in fr" {
		t.Errorf("the axon: %v", got)
	}
	if got := answers[1].Answer; got.IsSuccess() {
		t.Error("the impostor was believed")
	}
}

// until asks at each block until the answer is yes.
func until(ctx context.Context, t *testing.T, own pylon.UnstableIdentity, ask func() bool) {
	t.Helper()
	for _, err := range own.Events(ctx) {
		must(t, err)
		if ask() {
			return
		}
	}
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
		"another subnet":                         {8, nil, nil, "the identity is for subnet 7, not 8"},
		"a certificate without one on the chain": {7, []byte{1}, nil, onchain.ErrCertificate.Error()},
		"another certificate": {7, []byte{1, 0xab}, func(p *onchain.Publisher) {
			p.Identity = &identity{neurons: own.neurons, certificate: pylon.Certificate{Algorithm: 1, PublicKey: "cd"}}
		}, onchain.ErrCertificate.Error()},
		"another algorithm": {7, []byte{1, 0xab}, func(p *onchain.Publisher) {
			p.Identity = &identity{neurons: own.neurons, certificate: pylon.Certificate{Algorithm: 2, PublicKey: "ab"}}
		}, onchain.ErrCertificate.Error()},
		"no identity":  {7, nil, func(p *onchain.Publisher) { p.Identity = nil }, "Identity is required"},
		"unregistered": {7, nil, func(p *onchain.Publisher) { p.Identity = &identity{} }, "is not registered on subnet 7"},
		"no answer":    {7, nil, func(p *onchain.Publisher) { p.Identity = &identity{err: errors.New("broken")} }, "broken"},
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
