package pylontest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/app"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/wallet"
)

// ServiceConfig says what Start starts. The zero value is a chain as `pylon dev` has it, with four blocks a
// second.
type ServiceConfig struct {
	// BlockTime is the time between blocks. Defaults to 250 ms.
	BlockTime time.Duration
	// Subnets are those of the chain. Defaults to devchain.DefaultSubnets.
	Subnets []devchain.Subnet
	// LegacyLogin admits clients of versions 0.x and 1.x, which send no token. Defaults to false.
	LegacyLogin bool
	// Identities are kept besides sn1 to sn4.
	Identities []ServiceIdentity
}

// ServiceIdentity is a hotkey that a service of Start works with.
type ServiceIdentity struct {
	Name   string
	Netuid pylon.Netuid
	// Hotkey is the key as wallet.FromURI takes it: //Miner0. It has to be
	// registered on the subnet.
	Hotkey string
}

// Service is the real service, in front of a development chain, in this process.
type Service struct {
	// URL is its address.
	URL string
	// Chain is the chain behind it, with which a test makes things happen.
	Chain *devchain.Chain
}

// hotkeys are those of the identities sn1, sn2 and so on, each on the subnet of its number.
var hotkeys = []string{"//Alice", "//Bob", "//Charlie", "//Dave"}

// patience is how long the chain and the service may take to be ready.
const patience = time.Minute

// Start starts the service and its chain, which are stopped at the end of the test. The identities sn1 to sn4 write on
// the subnets 1 to 4.
func Start(tb testing.TB, config ServiceConfig) *Service {
	tb.Helper()
	if config.BlockTime == 0 {
		config.BlockTime = 250 * time.Millisecond
	}
	fail := func(what string, err error) {
		tb.Helper()
		if err != nil {
			tb.Fatalf("pylontest: %s: %v", what, err)
		}
	}
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: config.Subnets, BlockTime: config.BlockTime})
	fail("development chain", err)
	chain, err := devchain.New(devchain.Config{Runtime: runtime, BlockTime: config.BlockTime})
	fail("development chain", err)
	tb.Cleanup(func() {
		if err := chain.Close(); err != nil {
			tb.Errorf("pylontest: development chain: %v", err)
		}
	})
	ctx := context.WithoutCancel(tb.Context()) // both end by themselves, the service first
	_, err = chain.Produce(1)                  // block 0 has no time
	fail("development chain", err)
	fail("development chain", chain.Start(ctx))

	settings, err := settingsFor(config, chain.URL())
	fail("identities", err)
	service, err := app.New(settings, app.Options{})
	fail("service", err)
	fail("service", service.Start(ctx))
	tb.Cleanup(func() {
		if err := service.Stop(ctx); err != nil {
			tb.Errorf("pylontest: service: %v", err)
		}
	})
	select {
	case <-service.Warm():
	case <-time.After(patience):
		tb.Fatal("pylontest: the service cannot read the chain")
	}
	return &Service{URL: service.URL(), Chain: chain}
}

// Config returns a configuration for clients of the service: open access, and the identity of a subnet, 1 to 4. Another
// IdentityName makes it one for an identity of ServiceConfig.
func (s *Service) Config(netuid pylon.Netuid) pylon.Config {
	return pylon.Config{
		Address: s.URL, OpenAccessToken: token, IdentityName: fmt.Sprintf("sn%d", netuid), IdentityToken: token,
		PollInterval: 20 * time.Millisecond,
	}
}

// Client returns a client of the service for the identity sn1, which is closed at the end of the test.
func (s *Service) Client(tb testing.TB) *pylon.Client {
	tb.Helper()
	client, err := pylon.New(s.Config(Netuid))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// settingsFor are those of a service that leaves nothing behind.
func settingsFor(config ServiceConfig, chain string) (*app.Settings, error) {
	s := app.Defaults()
	s.Network = []app.Address{app.Address(chain)}
	s.ArchiveNetwork = s.Network
	s.EVMRPC = app.Address("http" + strings.TrimPrefix(chain, "ws"))
	s.EVMArchiveRPC = s.EVMRPC
	s.BlockDuration = config.BlockTime
	s.Host, s.Port = "127.0.0.1", 0
	s.OpenAccessToken, s.MetricsToken, s.LegacyLogin = token, token, config.LegacyLogin
	s.DatabasePath = store.Memory
	identities := make([]ServiceIdentity, 0, len(hotkeys)+len(config.Identities))
	for i, uri := range hotkeys {
		netuid := pylon.Netuid(i + 1)
		identities = append(identities, ServiceIdentity{fmt.Sprintf("sn%d", netuid), netuid, uri})
	}
	for _, identity := range append(identities, config.Identities...) {
		key, err := wallet.FromURI(identity.Hotkey)
		if err != nil {
			return nil, err
		}
		s.Identities = append(s.Identities, app.Identity{
			Name: identity.Name, WalletName: "dev", HotkeyName: identity.Hotkey, Key: key, Netuid: identity.Netuid, Token: token,
		})
	}
	return s, nil
}
