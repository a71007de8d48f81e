package app

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/server"
	"github.com/bittensor-pylon/pylon/wallet"
)

var _ server.Writer = (*writer)(nil)

// writer is what the service writes with. It exists before it is started, so that the routes can be laid out; until then,
// and after the stop, every write is refused. Reads go on without it.
type writer struct {
	database store.Config
	config   intents.Config // without its store
	mute     map[string]bool
	metrics  *jobMetrics

	store  *store.Store // made by start, as is the tally
	tally  *tally
	engine atomic.Pointer[intents.Engine]
}

// newWriter makes the writer of the identities that can sign. keys are those of settings.Identities; nil for one that
// could not be opened.
func (a *App) newWriter(keys []*wallet.Keypair, metrics *jobMetrics) *writer {
	s := a.settings
	w := &writer{
		database: store.Config{Path: s.DatabasePath, URL: string(s.DatabaseURL), Logger: a.logger},
		config: intents.Config{
			Nodes: a.main, Archive: a.archive, Chain: a.chain,
			Weights:     intents.Budget{Retries: orNone(uint64(s.WeightsRetries)), Delay: s.WeightsRetryDelay},
			Commitments: intents.Budget{Retries: orNone(uint64(s.CommitmentRetries)), Delay: s.CommitmentRetryDelay},
			BlockTime:   s.BlockDuration, Tip: s.TipRao, Observe: metrics, Trace: a.telemetry.steps(), Logger: a.logger,
		},
		mute:    make(map[string]bool),
		metrics: metrics,
	}
	for i, identity := range s.Identities {
		if keys[i] == nil {
			w.mute[identity.Name] = true
			continue
		}
		w.config.Identities = append(w.config.Identities, intents.Identity{
			Name: identity.Name, Netuid: identity.Netuid, Signer: signer{keys[i]}, VersionKey: identity.VersionKey,
		})
	}
	return w
}

// signer signs with a hotkey.
type signer struct{ key *wallet.Keypair }

func (s signer) PublicKey() [32]byte { return s.key.PublicKey() }

func (s signer) Scheme() string {
	if s.key.Scheme() == wallet.Ed25519 {
		return "Ed25519"
	}
	return "Sr25519"
}

func (s signer) Sign(message []byte) ([]byte, error) {
	signature := s.key.Sign(message)
	return signature[:], nil
}

// start opens the database and goes on with what is open in it. Without an identity that can sign there is nothing to
// keep, so the database is left alone.
func (w *writer) start(ctx context.Context) (err error) {
	if len(w.config.Identities) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop()) // nobody stops what has not started
		}
	}()
	if w.store, err = store.Open(ctx, w.database); err != nil {
		name := databasePathName
		if w.database.URL != "" {
			name = databaseURLName
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	if who, held := w.store.Holder(); held {
		w.database.Logger.Warn("another process holds the database: reads are served, writes are answered with 503", "holder", who)
	}
	config := w.config
	config.Store = w.store
	engine, err := intents.New(config)
	if err != nil {
		return err
	}
	w.tally = newTally(w.store)
	w.metrics.remember(ctx, w.store, w.config.Identities)
	engine.Start()
	w.engine.Store(engine)
	return nil
}

// stop ends what start began. What is on its way stays in the database.
func (w *writer) stop() error {
	if engine := w.engine.Swap(nil); engine != nil {
		engine.Close()
	}
	if w.store == nil {
		return nil
	}
	if w.tally != nil {
		w.tally.close()
	}
	return w.store.Close()
}

// counts returns the intents of all identities by state, as of a few seconds ago.
func (w *writer) counts() []store.Count {
	if w.engine.Load() == nil {
		return nil
	}
	return w.tally.counts()
}

// running returns the engine, or why an identity can not write.
func (w *writer) running(identity string) (*intents.Engine, error) {
	if w.mute[identity] {
		return nil, problem.New(problem.NotReady, "Identity '"+identity+"' cannot write: its hotkey could not be opened. "+
			"The operator finds the reason in the log, and with pylon check.")
	}
	if engine := w.engine.Load(); engine != nil {
		return engine, nil
	}
	if len(w.config.Identities) == 0 {
		return nil, problem.New(problem.NotReady, "No identity of this service can write, so it keeps no intents.")
	}
	return nil, problem.New(problem.NotReady, "The service is starting or stopping.")
}

// PutWeights implements server.WeightsWriter.
func (w *writer) PutWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.PutWeights(ctx, identity, request)
}

// DryRunWeights implements server.WeightsWriter.
func (w *writer) DryRunWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.WeightsPlan, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.WeightsPlan{}, err
	}
	return engine.DryRunWeights(ctx, identity, request)
}

// WeightsStatus implements server.WeightsWriter.
func (w *writer) WeightsStatus(ctx context.Context, identity string, mechanism uint8, block uint64) (pylon.WeightsStatus, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.WeightsStatus{}, err
	}
	return engine.WeightsStatus(ctx, identity, mechanism, block)
}

// SetCommitment implements server.CommitmentWriter.
func (w *writer) SetCommitment(ctx context.Context, identity string, request pylon.CommitmentRequest) (pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.SetCommitment(ctx, identity, request)
}

// SetRevealedCommitment implements server.CommitmentWriter.
func (w *writer) SetRevealedCommitment(ctx context.Context, identity string, request pylon.RevealedCommitmentRequest) (pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.SetRevealedCommitment(ctx, identity, request)
}

// GenerateCertificate implements server.NeuronWriter.
func (w *writer) GenerateCertificate(ctx context.Context, identity string, request pylon.CertificateRequest) (pylon.CertificateKeyPair, pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.CertificateKeyPair{}, pylon.Intent{}, err
	}
	return engine.GenerateCertificate(ctx, identity, request)
}

// ServeAxon implements server.NeuronWriter.
func (w *writer) ServeAxon(ctx context.Context, identity string, request pylon.AxonRequest) (pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.ServeAxon(ctx, identity, request)
}

// Intents implements server.IntentKeeper.
func (w *writer) Intents(ctx context.Context, filter pylon.IntentFilter) (found []pylon.Intent, next string, err error) {
	engine, err := w.running(filter.Identity)
	if err != nil {
		return nil, "", err
	}
	return engine.Intents(ctx, filter)
}

// Intent implements server.IntentKeeper.
func (w *writer) Intent(ctx context.Context, id string) (pylon.Intent, error) {
	engine, err := w.running("")
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.Intent(ctx, id)
}

// CancelIntent implements server.IntentKeeper.
func (w *writer) CancelIntent(ctx context.Context, identity, id string) (pylon.Intent, error) {
	engine, err := w.running(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.CancelIntent(ctx, identity, id)
}

// Wait implements server.IntentWatcher.
func (w *writer) Wait(ctx context.Context, id string, until pylon.WaitFor) (pylon.Intent, error) {
	engine, err := w.running("")
	if err != nil {
		return pylon.Intent{}, err
	}
	return engine.Wait(ctx, id, until)
}

// Changes implements server.IntentWatcher. Without identities that can sign there are none, ever.
func (w *writer) Changes(buffer int) (<-chan pylon.IntentEvent, func()) {
	if engine := w.engine.Load(); engine != nil {
		return engine.Changes(buffer)
	}
	return nil, func() {}
}
