package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/evm"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/server"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

var (
	_ server.ChainReader  = (*chain.Chain)(nil)
	_ server.RecentReader = (*chain.Recent)(nil)
	_ chain.RecentSource  = (*chain.Chain)(nil)
)

// App is the service. Its methods are safe for concurrent use.
type App struct {
	settings *Settings
	logger   *slog.Logger
	version  string
	made     time.Time
	registry *prometheus.Registry

	telemetry observer

	identity substrate.Identity // which chain main and archive are of
	main     *substrate.Client
	archive  *substrate.Client
	chain    *chain.Chain
	recent   *chain.Recent
	writer   *writer
	warmUp   *warmUp
	listener *listener
	order    []stage

	mu      sync.Mutex // guards started and stopped
	started bool
	stopped chan struct{} // made by the first Stop, closed when it has ended
	failure error         // of that Stop
}

// Options are what the settings do not say.
type Options struct {
	// Logger receives what happens. Defaults to a logger that discards.
	Logger *slog.Logger
	// Version is what the status page calls this build. Defaults to nothing.
	Version string
	// Environ is the environment, in the form of os.Environ, that has the passwords of encrypted hotkeys. Defaults to none.
	Environ []string
}

// New makes the service. It opens nothing and starts nothing, but whoever does not start it has to stop it all the
// same.
func New(settings *Settings, options Options) (_ *App, err error) {
	a := &App{settings: settings, logger: options.Logger, version: options.Version, made: time.Now()}
	if a.logger == nil {
		a.logger = slog.New(slog.DiscardHandler)
	}
	if a.telemetry, err = newObserver(settings, options.Version, a.logger); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = a.telemetry.close(context.Background()) // there was nothing to send yet
		}
	}()
	a.logger = a.telemetry.logger(a.logger)
	a.registry = newRegistry()
	metrics, calls := newChainMetrics(a.registry), newNodeMetrics(a.registry)

	if a.main, err = a.nodes("main", networkName, settings.Network, calls); err != nil {
		return nil, err
	}
	if a.archive, err = a.nodes("archive", archiveNetworkName, settings.ArchiveNetwork, calls); err != nil {
		return nil, err
	}
	a.chain, err = chain.New(chain.Config{
		Main:          a.main,
		Archive:       a.archive,
		ArchiveCutoff: orNone(settings.ArchiveBlocksCutoff),
		BlockTime:     settings.BlockDuration,
		EventSubnets:  identitySubnets(settings),
		Logger:        a.logger,
		Observe:       metrics.observe,
		Tracer:        a.telemetry.operations(),
	})
	if err != nil {
		return nil, err
	}
	if a.recent, err = chain.NewRecent(recentConfig(settings, a.chain, a.logger)); err != nil {
		return nil, err
	}
	logs, err := evm.New(evm.Config{
		URL:            string(settings.EVMRPC),
		ArchiveURL:     string(settings.EVMArchiveRPC),
		ArchiveCutoff:  settings.EVMArchiveCutoff,
		Observe:        a.telemetry.evmCalls(metrics.observeEVM),
		ObserveRouting: metrics.observeEVMRouting,
	})
	if err != nil {
		return nil, err
	}
	identities, keys := a.openIdentities(options.Environ)
	a.writer = a.newWriter(keys, newJobMetrics(a.registry, metrics, a.networkName()))
	service, err := server.New(server.Config{
		Chain:           a.chain,
		Recent:          a.recent,
		Ready:           a.ready,
		EVM:             logs,
		Events:          a.chain,
		Status:          a,
		Writes:          a.writer,
		Identities:      identities,
		OpenAccessToken: settings.OpenAccessToken,
		MetricsToken:    settings.MetricsToken,
		LegacyLogin:     settings.LegacyLogin,
		DefaultTimeout:  settings.DefaultRequestTimeout,
		MaxTimeout:      settings.MaxRequestTimeout,
		DrainTimeout:    settings.ShutdownTimeout * 3 / 4, // the rest is for what comes after
		Registry:        a.registry,
		NoCreatedSeries: settings.NoCreatedSeries,
		Logger:          a.logger,
		AccessLevel:     levelNamed(settings.AccessLogLevel),
		Trace:           a.telemetry.requests(),
	})
	if err != nil {
		return nil, err
	}
	a.registry.MustRegister(&gauges{clients: []*substrate.Client{a.main, a.archive}, chain: a.chain, recent: a.recent, writer: a.writer, version: a.version})
	a.warmUp = newWarmUp(a.main, a.logger)
	a.listener = &listener{
		server:  service,
		address: net.JoinHostPort(settings.Host, strconv.Itoa(int(settings.Port))),
		ended:   make(chan struct{}),
	}
	a.order = a.stages()
	return a, nil
}

func (a *App) nodes(role, setting string, addresses []Address, calls *nodeMetrics) (*substrate.Client, error) {
	config := substrate.Config{Role: role, Chain: &a.identity, BlockTime: a.settings.BlockDuration, Logger: a.logger, Observe: a.telemetry.calls(calls.observe)}
	for _, address := range addresses {
		config.Nodes = append(config.Nodes, string(address))
	}
	client, err := substrate.New(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return client, nil
}

func recentConfig(s *Settings, source chain.RecentSource, logger *slog.Logger) chain.RecentConfig {
	config := chain.RecentConfig{
		Source:      source,
		Netuids:     s.RecentNetuids,
		SoftLimit:   orNone(s.RecentSoftLimit),
		HardLimit:   orNone(s.RecentHardLimit),
		RefreshLead: orNone(s.RecentRefreshLead),
		BlockTime:   s.BlockDuration,
		Logger:      logger,
	}
	for _, identity := range s.Identities {
		config.Identities = append(config.Identities, chain.RecentKey{Identity: identity.Name, Netuid: identity.Netuid})
	}
	return config
}

// orNone writes a setting for a field where zero means the default and a negative number means zero.
func orNone(blocks uint64) int {
	if blocks == 0 {
		return -1
	}
	return int(blocks)
}

// openIdentities returns the identities as users meet them, and their hotkeys. One whose hotkey cannot be opened is
// served all the same: reads go on, and its writes are refused. Its key is nil then.
func (a *App) openIdentities(environ []string) ([]server.Identity, []*wallet.Keypair) {
	list := make([]server.Identity, len(a.settings.Identities))
	keys := make([]*wallet.Keypair, len(list))
	passwords := new(wallet.StretchedPasswords)
	defer passwords.Forget()
	for i, identity := range a.settings.Identities {
		list[i] = server.Identity{Name: identity.Name, Netuid: identity.Netuid, Token: identity.Token}
		key, err := identity.Key, error(nil)
		if key == nil {
			key, err = openWallet(a.settings.WalletPath, identity, environ, passwords).Hotkey(identity.HotkeyName)
		}
		if err == nil {
			keys[i], list[i].Hotkey = key, pylon.Hotkey(key.Address())
			continue
		}
		a.logger.Warn("the hotkey of an identity cannot be opened: its writes are refused, reads go on", "identity", identity.Name, "error", err)
		if list[i].Hotkey, err = hotkeyAddress(a.settings.WalletPath, identity); err != nil {
			a.logger.Warn("the address of an identity's hotkey is not known: what it has published cannot be asked for as its own",
				"identity", identity.Name, "error", err)
		}
	}
	return list, keys
}

// openWallet is the wallet of an identity. The passwords of encrypted keys are in the environment.
func openWallet(root string, identity Identity, environ []string, passwords *wallet.StretchedPasswords) wallet.Wallet {
	return wallet.Wallet{Root: root, Name: identity.WalletName, Stretched: passwords, Password: wallet.EnvPassword(func(name string) (string, bool) {
		for _, entry := range environ {
			if value, ok := strings.CutPrefix(entry, name+"="); ok {
				return value, true
			}
		}
		return "", false
	})}
}

// networkName is what the main nodes are called, without anything secret.
func (a *App) networkName() string {
	return strings.ReplaceAll(joinAddresses(a.settings.Network), ",", ", ")
}

// ready tells whether reads of the chain can be answered now.
func (a *App) ready(context.Context) error {
	var states []string
	for _, node := range a.main.Nodes() {
		if node.State == substrate.NodeHealthy {
			return nil
		}
		states = append(states, string(node.State))
	}
	// The addresses are for the log: everybody may ask this.
	return problem.New(problem.NotReady, "No node of the chain is healthy: "+strings.Join(states, ", ")+".")
}

// Start starts the service and returns when it answers requests. It does not wait for the chain. Of several calls only
// the first one starts something; a service that was stopped cannot be started again.
func (a *App) Start(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stopped != nil {
		return errors.New("app: start after stop")
	}
	if a.started {
		return nil
	}
	for _, warning := range a.settings.Warnings {
		a.logger.Warn("settings", "warning", warning)
	}
	if a.settings.LegacyLogin {
		a.logger.Warn("LEGACY LOGIN IS ON: requests without a token are let through, to every identity and to open access; "+
			"keep strangers away by other means", "setting", legacyLoginName)
	}
	if len(a.settings.Ignored) > 0 {
		a.logger.Info("settings that mean nothing here were ignored", "names", a.settings.Ignored)
	}
	if err := a.startAll(ctx); err != nil {
		return err
	}
	a.started = true
	access := "with a token"
	if a.settings.OpenAccessToken == "" {
		access = "for everybody"
	}
	a.logger.Info("listening", "url", a.URL(), "identities", len(a.settings.Identities), "open_access", access)
	return nil
}

// URL is where the service listens, for clients on this machine. It is empty before the start.
func (a *App) URL() string { return a.listener.url() }

// Stop stops the service: no new requests are taken, those in flight are answered, then everything is closed. It
// returns when all that is done or ctx ends. It can be called at any time, several times, and before Start; all calls
// return the same.
func (a *App) Stop(ctx context.Context) error {
	a.mu.Lock()
	first := a.stopped == nil
	if first {
		a.stopped = make(chan struct{})
	}
	stopped := a.stopped
	a.mu.Unlock()
	if first {
		a.failure = a.stopAll(ctx, len(a.order))
		close(stopped)
		return a.failure
	}
	select {
	case <-stopped:
		return a.failure
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Warm is closed when the newest block and its metadata have been read for the first time.
func (a *App) Warm() <-chan struct{} { return a.warmUp.done }

// Run starts the service and waits as Wait does. An end of ctx before it has started is a stop too, and no error.
func (a *App) Run(ctx context.Context) error {
	err := a.Start(ctx)
	switch {
	case err == nil:
		return a.Wait(ctx)
	case ctx.Err() != nil:
		a.logger.Info("stopped while starting", "error", err)
		return nil //nolint:nilerr // that it did not start is what was asked for
	default:
		return err
	}
}

// Wait stops a started service when ctx ends, or when it can no longer take requests, and returns when it has stopped.
// The stop takes at most the time that the settings give it.
func (a *App) Wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
		a.logger.Info("stopping", "within", a.settings.ShutdownTimeout)
	case <-a.listener.ended:
		failure = errors.New("the listener ended by itself")
	}
	// Not a child of ctx, which has ended: the stop would be over before it began.
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.settings.ShutdownTimeout)
	defer cancel()
	if err := errors.Join(failure, a.Stop(stopping)); err != nil {
		return err
	}
	a.logger.Info("stopped")
	return nil
}

// identitySubnets are the subnets of the identities, whose epochs their holders hear of.
func identitySubnets(settings *Settings) []pylon.Netuid {
	var netuids []pylon.Netuid
	for _, identity := range settings.Identities {
		netuids = append(netuids, identity.Netuid)
	}
	return netuids
}
