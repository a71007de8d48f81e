package intents

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// noCertificate is what the contract answers when the hotkey has no neuron to publish a certificate for.
const noCertificate = "Could not generate certificate pair."

// keyring has the private keys that were generated lately. They are nowhere else.
type keyring struct {
	keep time.Duration
	mu   sync.Mutex // guards keys
	keys map[[32]byte]*generated
}

// generated is a key pair on its way to whoever asked for it.
type generated struct {
	id      string
	seed    [ed25519.SeedSize]byte
	expires time.Time
	// recorded is closed when the intent is in the store, or could not be put there: err.
	recorded chan struct{}
	err      error
}

func (k *keyring) init(keep time.Duration) {
	k.keep, k.keys = keep, make(map[[32]byte]*generated)
}

// reserve returns the pair of an equal request, or a fresh one that the caller has to record under id.
func (k *keyring) reserve(request [32]byte, id string) (pair *generated, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for fingerprint, pair := range k.keys {
		if now.After(pair.expires) {
			delete(k.keys, fingerprint)
		}
	}
	if pair, ok := k.keys[request]; ok {
		return pair, false
	}
	pair = &generated{id: id, expires: now.Add(k.keep), recorded: make(chan struct{})}
	_, _ = rand.Read(pair.seed[:]) // never fails
	k.keys[request] = pair
	return pair, true
}

func (k *keyring) forget(request [32]byte, pair *generated) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys[request] == pair {
		delete(k.keys, request)
	}
}

// has tells whether the private key of an intent is still here.
func (k *keyring) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, pair := range k.keys {
		if pair.id == id {
			return true
		}
	}
	return false
}

func (g *generated) public() []byte {
	return ed25519.NewKeyFromSeed(g.seed[:]).Public().(ed25519.PublicKey)
}

// certify is GenerateCertificate.
func (e *Engine) certify(ctx context.Context, name string, request pylon.CertificateRequest) (pylon.CertificateKeyPair, pylon.Intent, error) {
	var none pylon.CertificateKeyPair
	identity, err := e.identity(name)
	if err != nil {
		return none, pylon.Intent{}, err
	}
	r, err := e.newRecord(ctx, identity, pylon.IntentCertificate, 0, request.IdempotencyKey, certificateRequest{Algorithm: request.Algorithm})
	if err != nil {
		return none, pylon.Intent{}, err
	}
	slot := sha256.Sum256(fmt.Appendf(nil, "%s\x00%x\x00%s", name, r.Fingerprint, r.IdempotencyKey))
	pair, fresh := e.keys.reserve(slot, r.ID)
	if fresh {
		pair.err = e.recordPair(ctx, r, pair)
		close(pair.recorded)
	}
	select {
	case <-pair.recorded:
	case <-ctx.Done():
		return none, pylon.Intent{}, ctx.Err()
	}
	if pair.err != nil {
		e.keys.forget(slot, pair)
		return none, pylon.Intent{}, pair.err
	}
	intent, err := e.awaitSuccess(ctx, pair.id)
	if intent.State.Ended() && !intent.State.Succeeded() {
		e.keys.forget(slot, pair)
		if intent.Reason == ReasonNotRegistered {
			err = problem.Wrap(problem.Unavailable, noCertificate, err)
		}
	}
	if err != nil {
		return none, intent, err
	}
	return pylon.CertificateKeyPair{
		Algorithm: request.Algorithm, PublicKey: hex.EncodeToString(pair.public()), PrivateKey: hex.EncodeToString(pair.seed[:]),
	}, intent, nil
}

// recordPair records the intent to publish a public key. The request is asked for without the key, so that its
// fingerprint is that of every other request for a certificate.
func (e *Engine) recordPair(ctx context.Context, r store.Record, pair *generated) error {
	progress, err := json.Marshal(progress{PublicKey: hex.EncodeToString(pair.public()), KeyOwner: e.config.Owner})
	if err != nil {
		return err
	}
	r.Progress = progress
	result, err := e.record(ctx, r, store.Policy{})
	if err == nil && result.Record.ID != pair.id {
		return problem.New(problem.Conflict, "The private key of this request is no longer known; generate another certificate.")
	}
	return err
}
