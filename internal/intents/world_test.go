package intents

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/postgrestest"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestMain(m *testing.M) {
	if victim := os.Getenv(victimVariable); victim != "" {
		beVictim(victim)
	}
	goleak.VerifyTestMain(served{m})
}

// served stops the PostgreSQL server that the tests started.
type served struct{ *testing.M }

func (s served) Run() int {
	defer func() {
		if p, err := postgres(); err == nil {
			p.Close()
		}
	}()
	return s.M.Run()
}

var postgres = sync.OnceValues(postgrestest.Start)

// patience is how long a test waits for something that has to happen.
const patience = 60 * time.Second

// world is a development chain, and an engine on it.
type world struct {
	t      *testing.T
	dev    *devchain.Chain
	rt     *devchain.Subtensor
	client *substrate.Client
	chain  *chain.Chain
	path   string // of the store
	// storeTimeout bounds the calls to the store. Defaults to that of storeAt.
	storeTimeout time.Duration
	store        *store.Store
	engine       *Engine
	config       Config
	// paced says that no block is made before the last one was looked at, where time makes the blocks.
	paced bool
	// steps has the head that the runner of the engine has seen in its last step.
	steps chan substrate.Header
}

// blockTime is that of the development chain's timestamps. Blocks come when the test wants them.
const blockTime = 12 * time.Second

// subnets are those of the identities, with short epochs.
func subnets() []devchain.Subnet {
	return []devchain.Subnet{
		{Netuid: 1, Neurons: 16, Tempo: 50},
		{Netuid: 2, Neurons: 16, Tempo: 20, CommitReveal: true},
		{Netuid: 3, Neurons: 8, Tempo: 50, Mechanisms: 2},
		{Netuid: 4, Neurons: 8, Tempo: 100, WeightsRateLimit: 20},
	}
}

type worldConfig struct {
	spec     uint32
	subnets  []devchain.Subnet
	identity string // the wallet's derivation, default //Alice
	netuid   pylon.Netuid
	lag      int
	slot     time.Duration // default blockTime
	config   Config
	file     bool // keep the store in a file
}

func newWorld(t *testing.T, c worldConfig) *world {
	t.Helper()
	if c.subnets == nil {
		c.subnets = subnets()
	}
	if c.netuid == 0 {
		c.netuid = 1
	}
	if c.identity == "" {
		c.identity = "//Alice"
	}
	if c.lag == 0 {
		c.lag = 2
	}
	if c.slot == 0 {
		c.slot = blockTime
	}
	rt, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: c.spec, Quiet: true, Subnets: c.subnets, BlockTime: c.slot})
	must(t, err)
	dev, err := devchain.New(devchain.Config{Runtime: rt, FinalityLag: c.lag, GenesisTime: time.Unix(1_700_000_000, 0), SlotDuration: c.slot})
	must(t, err)
	t.Cleanup(func() { _ = dev.Close() })
	must(t, dev.Start(context.Background()))
	w := &world{t: t, dev: dev, rt: rt, config: c.config}
	w.path = store.Memory
	if c.file {
		w.path = filepath.Join(t.TempDir(), "intents.db")
	}
	w.connect()
	w.config.Identities = append(w.config.Identities, Identity{Name: "sn", Netuid: c.netuid, Signer: signer(t, c.identity)})
	w.open()
	w.produce(1)
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func signer(t testing.TB, uri string) substrate.Signer {
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return walletSigner{key}
}

// walletSigner gives a wallet's key the methods that substrate wants.
type walletSigner struct{ *wallet.Keypair }

func (s walletSigner) Sign(message []byte) ([]byte, error) {
	signature := s.Keypair.Sign(message)
	return signature[:], nil
}

func (s walletSigner) Scheme() string { return "Sr25519" }

func hotkey(t testing.TB, uri string) pylon.Hotkey { return hotkeyOf(signer(t, uri).PublicKey()) }

// connect makes the client and the reader of the chain.
func (w *world) connect() {
	client, err := substrate.New(substrate.Config{
		Nodes: []string{w.dev.URL()}, BackoffMin: 10 * time.Millisecond, BackoffMax: 100 * time.Millisecond, PingInterval: time.Second, PingTimeout: 30 * time.Second,
	})
	must(w.t, err)
	w.t.Cleanup(func() { _ = client.Close() })
	w.client = client
	w.chain, err = chain.New(chain.Config{Main: client, BlockTime: blockTime, Logger: quiet()})
	must(w.t, err)
	w.chain.Start()
	w.t.Cleanup(w.chain.Close)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// open opens the store and starts an engine.
func (w *world) open() {
	w.t.Helper()
	place := storeAt(w.path)
	if w.storeTimeout > 0 {
		place.Timeout = w.storeTimeout
	}
	db, err := store.Open(context.Background(), place)
	must(w.t, err)
	w.store = db
	config := w.config
	config.Store, config.Chain, config.BlockTime = db, w.chain, blockTime
	if config.Nodes == nil {
		config.Nodes = w.client
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.NewTextHandler(testWriter{w.t}, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if config.Poll == 0 {
		config.Poll = 50 * time.Millisecond
	}
	if config.Weights == (Budget{}) {
		config.Weights = Budget{Retries: 200, Delay: time.Millisecond}
	}
	if config.Commitments == (Budget{}) {
		config.Commitments = Budget{Retries: 10, Delay: time.Millisecond}
	}
	w.engine, err = New(config)
	must(w.t, err)
	w.steps = make(chan substrate.Header, 1)
	steps := w.steps
	w.engine.stepped = func(seen substrate.Header) {
		select {
		case <-steps:
		default:
		}
		select {
		case steps <- seen:
		default:
		}
	}
	w.engine.Start()
	w.t.Cleanup(w.close)
}

// close ends the engine and the store.
func (w *world) close() {
	w.engine.Close()
	_ = w.store.Close()
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", b)
	return len(b), nil
}

// produce makes blocks, one after the other, and has the engine look at each of them.
func (w *world) produce(n int) {
	w.t.Helper()
	for range n {
		block, err := w.dev.Produce(1)
		must(w.t, err)
		w.settle(block)
	}
}

// settle waits until the engine has done a step that knew of the block.
func (w *world) settle(block devchain.Block) {
	w.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	// Two steps: the news of what is final may come after that of the head.
	final := w.dev.Finalized().Header.Number
	for seen := 0; seen < 2; {
		select {
		case head := <-w.steps:
			f, err := w.client.Finalized(w.t.Context())
			if head.Hash == substrate.Hash(block.Hash) && err == nil && f.Number >= final {
				seen++
			}
			for _, r := range w.engine.runners {
				r.nudge()
			}
		case <-deadline.C:
			head, _ := w.client.KnownHead()
			w.t.Fatalf("the engine did not look at block %d; the client knows %d", block.Header.Number, head.Number)
		}
	}
}

// edit makes a block with changed state.
func (w *world) edit(change func(st runtime.State)) {
	w.t.Helper()
	block, err := w.dev.ProduceEdited(func(st runtime.State) error { change(st); return nil })
	must(w.t, err)
	w.settle(block)
}

// put hands over weights.
func (w *world) put(mechanism uint8, weights map[pylon.Hotkey]float64) string {
	w.t.Helper()
	intent, err := w.engine.PutWeights(w.t.Context(), "sn", pylon.WeightsRequest{Mechanism: mechanism, Weights: weights})
	must(w.t, err)
	return intent.ID
}

func (w *world) intent(id string) pylon.Intent {
	w.t.Helper()
	intent, err := w.engine.Intent(w.t.Context(), id)
	must(w.t, err)
	return intent
}

// until makes blocks until an intent is in a state, at most so many.
func (w *world) until(id string, most int, states ...pylon.IntentState) pylon.Intent {
	w.t.Helper()
	var intent pylon.Intent
	for range most + 1 {
		intent = w.intent(id)
		for _, state := range states {
			if intent.State == state {
				return intent
			}
		}
		if intent.State.Ended() {
			break
		}
		w.awaitRetry(id)
		w.produce(1)
	}
	w.t.Logf("pending: %+v", w.dev.Pending())
	w.t.Fatalf("after block %d the intent is not %v: %s", w.dev.Best().Header.Number, states, describe(intent))
	return intent
}

// awaitRetry waits until a retry that is planned for the next milliseconds may be done: on a machine with nothing else to
// do, many blocks would be made in them.
func (w *world) awaitRetry(id string) {
	w.t.Helper()
	record, err := w.engine.store.Get(w.t.Context(), id)
	must(w.t, err)
	j, err := openJob(record)
	if err != nil {
		return
	}
	if wait := time.Until(time.UnixMilli(j.progress.RetryAt + 1)); wait > 0 && wait < 100*time.Millisecond {
		<-time.After(wait)
	}
}

func describe(i pylon.Intent) string {
	return fmt.Sprintf("%s %s: reason %q (%s), error %q, %d attempts, start %d, deadline %d, not before %d, last valid %d, block %v",
		i.Kind, i.State, i.Reason, i.Detail, i.LastError, i.Attempts, i.StartBlock, i.DeadlineBlock, i.NotBefore, i.LastValidBlock, i.Block)
}

// weightsOnChain are the weights of the identity.
func (w *world) weightsOnChain(mechanism uint8) map[uint16]uint16 {
	w.t.Helper()
	head, err := w.client.Head(w.t.Context())
	must(w.t, err)
	query := chain.FactsQuery{Netuid: w.config.Identities[0].Netuid, Mechanism: mechanism, Hotkey: w.config.Identities[0].Signer.PublicKey()}
	facts, err := w.chain.Facts(w.t.Context(), head, query)
	must(w.t, err)
	weights, err := w.chain.WeightsOf(w.t.Context(), head, query.Netuid, mechanism, facts.UID)
	must(w.t, err)
	found := make(map[uint16]uint16)
	for _, weight := range weights {
		found[weight.UID] = weight.Value
	}
	return found
}

// extrinsics are the calls of an account in all blocks of the best branch.
func (w *world) extrinsics() []string {
	w.t.Helper()
	var found []string
	own := w.config.Identities[0].Signer.PublicKey()
	for number := uint64(1); number <= w.dev.Best().Header.Number; number++ {
		block, ok := w.dev.Block(number)
		if !ok {
			w.t.Fatalf("no block %d", number)
		}
		rt, err := w.client.Runtime(w.t.Context(), substrate.Hash(block.Hash))
		must(w.t, err)
		for _, bytes := range block.Extrinsics {
			x, err := rt.Metadata.DecodeExtrinsic(bytes)
			must(w.t, err)
			if x.Signed && strings.Contains(fmt.Sprint(x.Signer), hex.EncodeToString(own[:])) {
				found = append(found, fmt.Sprintf("%d %s.%s", number, x.Call.Pallet, x.Call.Name))
			}
		}
	}
	return found
}
