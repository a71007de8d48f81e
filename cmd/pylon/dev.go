package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/app"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/wallet"
)

type devCommand struct {
	Port        uint16        `default:"8000" help:"Port of the service; 0 takes any free one."`
	ChainPort   uint16        `default:"9944" help:"Port of the chain; 0 takes any free one."`
	BlockTime   time.Duration `default:"1s" help:"Time between blocks."`
	Neurons     int           `default:"256" help:"Neurons on subnet 1. Subnets 2 to 4 have a quarter, an eighth and a sixteenth."`
	LegacyLogin bool          `help:"Serve clients of versions 0.x and 1.x, which send no token."`
	State       string        `placeholder:"DIR" help:"Folder to keep the chain and the intents in. Without one they start anew each time."`
	Quiet       bool          `help:"Print the ready line only."`
}

// What the service of a development chain lets in.
const (
	devOpenAccessToken = "my_open_access_token"
	devMetricsToken    = "my_metrics_token"
	devIdentityToken   = "my_secret_token"
)

// devHotkeys are the hotkeys of the identities sn1, sn2 and so on, each on the subnet of its number.
var devHotkeys = []string{"//Alice", "//Bob", "//Charlie", "//Dave"}

// A neuron of the first two subnets to give weights to: //Bob.
const devNeuron = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"

// devLeastNeurons is how many neurons each subnet has at least: the validators, and some miners.
const devLeastNeurons = 16

// devPatience is how long the chain and the service may take to be ready.
const devPatience = 30 * time.Second

// Validate is called by the parser.
func (c *devCommand) Validate() error {
	switch {
	case c.BlockTime < 10*time.Millisecond:
		return errors.New("--block-time must be at least 10ms")
	case c.Neurons < devLeastNeurons || c.Neurons > 4096:
		return fmt.Errorf("--neurons must be from %d to 4096", devLeastNeurons)
	default:
		return nil
	}
}

// Run runs the chain and the service until ctx ends. Nothing of the environment is looked at: it works the same
// everywhere, offline.
func (c *devCommand) Run(ctx context.Context, p process) (err error) {
	level := "info"
	if c.Quiet {
		level = "warn"
	}
	logger := app.NewLogger(p.stderr, level, "text")

	chain, err := c.newChain(logger)
	if err != nil {
		return fmt.Errorf("development chain: %w", err)
	}
	// The chain does not end with ctx: the service stops first, and until then it may read.
	defer func() { err = errors.Join(err, chain.Close()) }()
	if chain.Best().Number == 0 {
		// The first block that anybody sees has a time, which block 0 has not. In block 2 the chain's seed signs as //Alice:
		// before it, a write of that hotkey would lose its nonce.
		_, err = chain.Produce(2)
	}
	if err == nil {
		err = chain.Start(context.WithoutCancel(ctx))
	}
	if err != nil {
		return fmt.Errorf("development chain: %w", err)
	}

	settings, err := c.settings(chain.URL())
	if err != nil {
		return err
	}
	service, err := app.New(settings, app.Options{Logger: logger, Version: buildVersion()})
	if err != nil {
		return err
	}
	if err := service.Start(ctx); err != nil {
		return err
	}
	select {
	case <-service.Warm():
		c.announce(p, service.URL(), chain.URL())
	case <-ctx.Done():
	case <-time.After(devPatience):
		return errors.Join(errors.New("the service cannot read the development chain"), service.Stop(ctx))
	}
	return service.Wait(ctx)
}

// newChain makes a chain that makes blocks once it is started.
func (c *devCommand) newChain(logger *slog.Logger) (*devchain.Chain, error) {
	subnets := devchain.DefaultSubnets()
	for i := range subnets {
		if i == 0 {
			subnets[i].Neurons = c.Neurons
		} else {
			subnets[i].Neurons = max(c.Neurons>>(i+1), devLeastNeurons)
		}
	}
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: subnets, BlockTime: c.BlockTime})
	if err != nil {
		return nil, err
	}
	return devchain.New(devchain.Config{
		Listen:    net.JoinHostPort("127.0.0.1", strconv.Itoa(int(c.ChainPort))),
		BlockTime: c.BlockTime,
		Runtime:   runtime,
		StateDir:  c.State,
		Logger:    logger,
	})
}

// settings are those of a service in front of the chain at that address.
func (c *devCommand) settings(chain string) (*app.Settings, error) {
	s := app.Defaults()
	s.Network = []app.Address{app.Address(chain)}
	s.ArchiveNetwork = s.Network
	// Nothing leaves this machine: the chain answers for its Ethereum side too, as far as it has one.
	s.EVMRPC = app.Address("http" + strings.TrimPrefix(chain, "ws"))
	s.EVMArchiveRPC = s.EVMRPC
	s.BlockDuration = c.BlockTime
	s.Host, s.Port = "127.0.0.1", c.Port
	s.OpenAccessToken, s.MetricsToken = devOpenAccessToken, devMetricsToken
	s.LegacyLogin = c.LegacyLogin
	// The intents are kept where the chain is: those of a chain that is gone mean nothing.
	s.DatabasePath = store.Memory
	if c.State != "" {
		s.DatabasePath = filepath.Join(c.State, "pylon.db")
	}
	for i, uri := range devHotkeys {
		key, err := wallet.FromURI(uri)
		if err != nil {
			return nil, err
		}
		netuid := pylon.Netuid(i + 1)
		s.Identities = append(s.Identities, app.Identity{
			Name: fmt.Sprintf("sn%d", netuid), WalletName: "dev", HotkeyName: uri, Key: key, Netuid: netuid, Token: devIdentityToken,
		})
	}
	return s, nil
}

// announce prints the ready line: the address of the service, and behind it that of the chain when it took any free
// port, which could not be known otherwise. Then come lines to paste.
func (c *devCommand) announce(p process, service, chain string) {
	ready := "ready " + service
	if c.ChainPort == 0 {
		ready += " " + chain
	}
	fmt.Fprintln(p.stdout, ready)
	if c.Quiet {
		return
	}
	fmt.Fprintf(p.stdout, `
chain %[2]s, subnet 1 with %[3]d neurons, a block every %[4]v. Try:

  curl -s %[1]s/api/v1/block/latest
  curl -s -H 'Authorization: Bearer %[5]s' %[1]s/api/v1/subnet/1/block/latest/neurons
  curl -s -H 'Authorization: Bearer %[5]s' %[1]s/api/v1/subnet/1/block/latest/validators
  curl -s -H 'Authorization: Bearer %[6]s' %[1]s/api/v1/identity/sn1/subnet/1/block/recent/neurons
  curl -s -H 'Authorization: Bearer %[7]s' %[1]s/metrics

Identities sn1 to sn4 write on subnets 1 to 4: 1 takes weights at once, 2 takes commits and reveals them itself,
3 has two mechanisms, and 4 takes weights every 20 blocks only. Weights of sn1, and what has become of them:

  curl -s -X PUT -H 'Authorization: Bearer %[6]s' -d '{"weights":{"%[8]s":1}}' '%[1]s/api/_unstable/identity/sn1/subnet/1/mechanism/0/weights?wait=finalized'
  curl -s -H 'Authorization: Bearer %[6]s' %[1]s/api/_unstable/identity/sn1/subnet/1/intents

and look at %[1]s/ (with the token %[5]s) and %[1]s/schema/swagger
`, service, chain, c.Neurons, c.BlockTime, devOpenAccessToken, devIdentityToken, devMetricsToken, devNeuron)
}
