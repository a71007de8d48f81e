package intents

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// What is kept of a request. Maps are encoded in the order of their keys, so equal requests have equal bytes.
type (
	weightsRequest struct {
		Weights map[pylon.Hotkey]float64 `json:"weights"`
		// VersionKey is the identity's at the time of the request.
		VersionKey uint64 `json:"version_key"`
	}
	commitmentRequest struct {
		Data []byte `json:"data"`
	}
	revealedRequest struct {
		Text   string `json:"text"`
		Blocks uint64 `json:"blocks"`
	}
	certificateRequest struct {
		Algorithm pylon.CertificateAlgorithm `json:"algorithm"`
	}
	axonRequest struct {
		IP       netip.Addr         `json:"ip"`
		Port     uint16             `json:"port"`
		Protocol pylon.AxonProtocol `json:"protocol"`
	}
)

// Limits of what is recorded.
const (
	// maxWeights is one weight for every uid that there can be.
	maxWeights = math.MaxUint16 + 1
	// maxCommitment is the largest Raw variant of the chain's Data.
	maxCommitment = 128
	// maxRevealedText leaves room for the overhead of the encryption in the chain's 1024 bytes.
	maxRevealedText = 778
	// maxRevealBlocks is a year of blocks of 12 seconds.
	maxRevealBlocks = 2_628_000
	maxKey          = 255
)

// newRecord makes the record of a request.
func (e *Engine) newRecord(ctx context.Context, identity *Identity, kind pylon.IntentKind, mechanism uint8, key string, request any) (store.Record, error) {
	if len(key) > maxKey {
		return store.Record{}, problem.Newf(problem.Invalid, "The Idempotency-Key has more than %d bytes.", maxKey)
	}
	if _, ok := chain.StorageIndex(identity.Netuid, mechanism); !ok {
		return store.Record{}, problem.Newf(problem.NotFound, "There can be no mechanism %d of subnet %d.", mechanism, identity.Netuid)
	}
	body, err := json.Marshal(request)
	if err != nil {
		return store.Record{}, err
	}
	genesis, err := e.chainID(ctx)
	if err != nil {
		return store.Record{}, err
	}
	hotkey := identity.Signer.PublicKey()
	r := store.Record{
		ID: randomName(), Genesis: genesis, Hotkey: hotkey, Identity: identity.Name, Kind: string(kind), Netuid: uint16(identity.Netuid),
		Mechanism: mechanism, IdempotencyKey: key, Request: body, State: string(pylon.StateRecorded),
		Fingerprint: sha256.Sum256(fmt.Appendf(nil, "%s\x00%x\x00%d\x00%d\x00%s", kind, hotkey, identity.Netuid, mechanism, body)),
	}
	r.StartBlock = e.freshHead(ctx)
	return r, nil
}

// freshHead returns the number of the newest block, or 0 when no node is connected: a head that was seen before they went
// away says nothing about now.
func (e *Engine) freshHead(ctx context.Context) uint64 {
	ctx, cancel := context.WithTimeout(ctx, headPatience)
	defer cancel()
	head, err := e.config.Nodes.Head(ctx)
	if err != nil {
		return 0
	}
	return head.Number
}

// headPatience is how long a request is held up to learn the newest block. A connected client knows it.
const headPatience = 100 * time.Millisecond

// record writes a request down, tells those who listen, and wakes the hotkey's runner.
func (e *Engine) record(ctx context.Context, r store.Record, policy store.Policy) (store.PutResult, error) {
	e.mu.Lock()
	stopping := e.state == engineClosed
	e.mu.Unlock()
	if stopping {
		return store.PutResult{}, problem.New(problem.NotReady, "The service is stopping.")
	}
	result, err := e.store.Put(ctx, r, policy)
	if err != nil {
		return result, explain(err)
	}
	e.config.Crash(PointRecorded)
	for _, old := range slices.Concat(result.Replaced, result.Superseded) {
		e.told(old, pylon.StateRecorded)
	}
	if !result.Existing {
		e.told(result.Record, "")
	}
	e.mu.Lock()
	runner := e.runners[r.Hotkey]
	e.mu.Unlock()
	if runner != nil {
		runner.nudge()
	}
	return result, nil
}

// told tells those who listen of a record's new state.
func (e *Engine) told(r store.Record, before pylon.IntentState) {
	intent := view(r)
	if intent.State.Ended() {
		e.config.Observe.Ended(Job{Intent: intent, Status: statusOf(intent.State), Duration: sinceCreated(&r, r.EndedAt)})
	}
	e.news.Tell(pylon.IntentEvent{Intent: intent, Before: before})
}
