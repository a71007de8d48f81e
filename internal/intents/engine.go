package intents

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/feed"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/ss58"
)

// Engine brings intents onto the chain. It is safe for concurrent use.
type Engine struct {
	config     Config
	store      *store.Store
	log        *slog.Logger
	identities map[string]*Identity
	news       feed.Feed[pylon.IntentEvent]
	keys       keyring
	stepped    func(seen substrate.Header) // see runner

	mu      sync.Mutex // guards the rest
	state   engineState
	cancel  context.CancelFunc
	genesis substrate.Hash
	runners map[[32]byte]*runner
	group   sync.WaitGroup
	known   chan struct{} // closed when genesis is known
}

type engineState uint8

const (
	engineNew engineState = iota
	engineRunning
	engineClosed
)

// New returns an Engine. It asks nobody anything until Start.
func New(config Config) (*Engine, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	e := &Engine{
		config: config, store: config.Store, log: config.Logger, identities: make(map[string]*Identity),
		runners: make(map[[32]byte]*runner), known: make(chan struct{}),
	}
	e.keys.init(config.KeepKeys)
	for i := range config.Identities {
		identity := &config.Identities[i]
		e.identities[identity.Name] = identity
	}
	return e, nil
}

// Start begins to work on what the store has and on what comes. It does not wait for the chain. It does nothing when it
// was called before, or after Close.
func (e *Engine) Start() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != engineNew {
		return
	}
	e.state = engineRunning
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	for _, identity := range e.config.Identities {
		hotkey := identity.Signer.PublicKey()
		if e.runners[hotkey] == nil {
			e.runners[hotkey] = newRunner(e, identity.Signer)
			e.runners[hotkey].stepped = e.stepped
		}
	}
	e.group.Go(func() { e.run(ctx) })
}

// Close stops the work and gives the hotkeys back. What was signed stays in the store, and goes on with the next Start
// of an Engine. It waits for the step that is being done.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.cancel != nil {
		e.cancel()
	}
	e.state = engineClosed
	e.mu.Unlock()
	e.group.Wait()
	e.news.Close()
}

// run learns which chain it is, and then runs a runner for each hotkey.
func (e *Engine) run(ctx context.Context) {
	genesis, ok := e.learnGenesis(ctx)
	if !ok {
		return
	}
	e.mu.Lock()
	e.genesis = genesis
	e.mu.Unlock()
	close(e.known)
	var group sync.WaitGroup
	for _, r := range e.runners {
		group.Go(func() { r.run(ctx) })
	}
	group.Go(func() { e.drive(ctx) })
	group.Wait()
}

func (e *Engine) learnGenesis(ctx context.Context) (substrate.Hash, bool) {
	var pause backoff
	for {
		genesis, err := e.config.Nodes.Genesis(ctx)
		if err == nil {
			return genesis, true
		}
		if !pause.wait(ctx) {
			return substrate.Hash{}, false
		}
	}
}

// drive wakes the runners when the chain or the store may have something new.
func (e *Engine) drive(ctx context.Context) {
	events, stop := e.config.Nodes.Watch(16)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-events:
			if !ok {
				return
			}
			for _, r := range e.runners {
				r.nudge()
			}
		}
	}
}

// chainID returns the genesis hash, and waits for the first connection if it is not known.
func (e *Engine) chainID(ctx context.Context) (substrate.Hash, error) {
	select {
	case <-e.known:
	case <-ctx.Done():
		return substrate.Hash{}, ctx.Err()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.genesis, nil
}

// identity returns an identity by name.
func (e *Engine) identity(name string) (*Identity, error) {
	identity, ok := e.identities[name]
	if !ok {
		return nil, problem.Newf(problem.NotFound, "Identity '%s' not found", name)
	}
	return identity, nil
}

func hotkeyOf(public [32]byte) pylon.Hotkey { return pylon.Hotkey(ss58.Encode(public)) }

// randomName returns some letters and digits that nobody else has.
func randomName() string { return strings.ToLower(rand.Text()) }

// explain turns an error of the store into the answer that users get.
func explain(err error) error {
	switch {
	case err == nil, errors.As(err, new(*problem.Error)):
		return err
	case errors.Is(err, store.ErrHeld):
		return problem.Wrap(problem.NotReady, "Writes are not possible: "+rootCause(err, store.ErrHeld), err)
	case errors.Is(err, store.ErrIdempotencyMismatch):
		return problem.Wrap(problem.Unprocessable, "The Idempotency-Key was used before for another request.", err)
	case errors.Is(err, store.ErrInvalid):
		return problem.Wrap(problem.Invalid, "The request names something that cannot be: "+rootCause(err, store.ErrInvalid), err)
	case errors.Is(err, store.ErrNotFound):
		return problem.Wrap(problem.NotFound, "Intent not found.", err)
	case errors.Is(err, store.ErrSigned):
		return problem.Wrap(problem.Conflict, "The intent is signed and can not be cancelled any more.", err)
	case errors.Is(err, store.ErrEnded):
		return problem.Wrap(problem.Conflict, "The intent has ended.", err)
	default:
		return err
	}
}

// rootCause is what an error says about a kind, without the operation in front.
func rootCause(err, kind error) string {
	text := err.Error()
	if i := strings.Index(text, kind.Error()); i >= 0 {
		return text[i:]
	}
	return text
}
