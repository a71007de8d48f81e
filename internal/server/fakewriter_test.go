package server

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// fakeWriter records what it is asked for and does nothing of it, unless the test says so.
type fakeWriter struct {
	// before, when set, is called by every write and every wait, and can end it with an error.
	before func(ctx context.Context, what string) error

	mu       sync.Mutex // guards the rest
	intents  []pylon.Intent
	requests []string
	changed  chan struct{}
	changes  chan pylon.IntentEvent
}

func newFakeWriter() *fakeWriter {
	w := &fakeWriter{changed: make(chan struct{}), changes: make(chan pylon.IntentEvent, 2*eventsKept)}
	w.record("sn1", pylon.IntentWeights, 0, pylon.StateRecorded, "at first")
	return w
}

func (w *fakeWriter) ask(ctx context.Context, what string) error {
	if w.before == nil {
		return nil
	}
	return w.before(ctx, what)
}

// record makes the next intent: "i2" and so on. There is an "i1", of sn1.
func (w *fakeWriter) record(identity string, kind pylon.IntentKind, mechanism uint8, state pylon.IntentState, request string) pylon.Intent {
	w.mu.Lock()
	defer w.mu.Unlock()
	intent := pylon.Intent{
		ID: "i" + strconv.Itoa(len(w.intents)+1), Kind: kind, Identity: identity, Hotkey: hotkeyA, Netuid: 1, Mechanism: mechanism, State: state,
	}
	w.intents = append(w.intents, intent)
	w.requests = append(w.requests, request)
	return intent
}

// move brings an intent into a state and wakes who waits for it.
func (w *fakeWriter) move(id string, change func(*pylon.Intent)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.intents {
		if w.intents[i].ID == id {
			before := w.intents[i].State
			change(&w.intents[i])
			w.changes <- pylon.IntentEvent{Intent: w.intents[i], Before: before}
		}
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *fakeWriter) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

func (w *fakeWriter) PutWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.Intent, error) {
	if err := w.ask(ctx, "PutWeights"); err != nil {
		return pylon.Intent{}, err
	}
	return w.record(identity, pylon.IntentWeights, request.Mechanism, pylon.StateRecorded,
		fmt.Sprint("weights ", identity, " ", request.Mechanism, " ", request.Weights, " ", request.IdempotencyKey)), nil
}

func (w *fakeWriter) DryRunWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.WeightsPlan, error) {
	if err := w.ask(ctx, "DryRunWeights"); err != nil {
		return pylon.WeightsPlan{}, err
	}
	return pylon.WeightsPlan{
		Hotkey: hotkeyA, Netuid: 1, Mechanism: request.Mechanism, Method: pylon.MethodDirect, UIDs: []uint16{7},
		Values: []uint16{65535}, DroppedHotkeys: []pylon.Hotkey{}, Detail: identity,
	}, nil
}

func (w *fakeWriter) WeightsStatus(ctx context.Context, identity string, mechanism uint8, block uint64) (pylon.WeightsStatus, error) {
	if err := w.ask(ctx, "WeightsStatus"); err != nil {
		return pylon.WeightsStatus{}, err
	}
	if block > 10_000_000 {
		return pylon.WeightsStatus{}, problem.Newf(problem.NotFound, "Block %d not found.", block)
	}
	return pylon.WeightsStatus{WeightsSubmitted: identity == "sn1" && mechanism == 1 && block != 3}, nil
}

func (w *fakeWriter) SetCommitment(ctx context.Context, identity string, request pylon.CommitmentRequest) (pylon.Intent, error) {
	if err := w.ask(ctx, "SetCommitment"); err != nil {
		return pylon.Intent{}, err
	}
	return w.record(identity, pylon.IntentCommitment, 0, pylon.StateFinalized, fmt.Sprintf("commitment %s %x %s", identity, request.Data, request.IdempotencyKey)), nil
}

func (w *fakeWriter) SetRevealedCommitment(ctx context.Context, identity string, request pylon.RevealedCommitmentRequest) (pylon.Intent, error) {
	if err := w.ask(ctx, "SetRevealedCommitment"); err != nil {
		return pylon.Intent{}, err
	}
	intent := w.record(identity, pylon.IntentRevealedCommitment, 0, pylon.StateFinalized, fmt.Sprintf("revealed %s %q %d", identity, request.Text, request.BlocksUntilReveal))
	intent.RevealRound = 4242
	return intent, nil
}

func (w *fakeWriter) GenerateCertificate(ctx context.Context, identity string, request pylon.CertificateRequest) (pylon.CertificateKeyPair, pylon.Intent, error) {
	if err := w.ask(ctx, "GenerateCertificate"); err != nil {
		return pylon.CertificateKeyPair{}, pylon.Intent{Reason: "not_registered"}, err
	}
	intent := w.record(identity, pylon.IntentCertificate, 0, pylon.StateFinalized, fmt.Sprint("certificate ", identity, " ", request.Algorithm))
	return pylon.CertificateKeyPair{Algorithm: request.Algorithm, PublicKey: keyOfA, PrivateKey: "5e"}, intent, nil
}

func (w *fakeWriter) ServeAxon(ctx context.Context, identity string, request pylon.AxonRequest) (pylon.Intent, error) {
	if err := w.ask(ctx, "ServeAxon"); err != nil {
		return pylon.Intent{}, err
	}
	return w.record(identity, pylon.IntentAxon, 0, pylon.StateFinalized, fmt.Sprint("axon ", identity, " ", request.IP, " ", request.Port, " ", request.Protocol)), nil
}

func (w *fakeWriter) Intents(ctx context.Context, filter pylon.IntentFilter) (found []pylon.Intent, next string, err error) {
	if err := w.ask(ctx, "Intents"); err != nil {
		return nil, "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	skipping := filter.Before != ""
	for _, intent := range slices.Backward(w.intents) {
		switch {
		case skipping:
			skipping = intent.ID != filter.Before
		case intent.Identity != filter.Identity, filter.Kind != "" && intent.Kind != filter.Kind,
			filter.State != "" && intent.State != filter.State, filter.Open && intent.State.Ended():
		case len(found) == filter.Limit:
			return found, found[len(found)-1].ID, nil
		default:
			found = append(found, intent)
		}
	}
	return found, "", nil
}

func (w *fakeWriter) Intent(ctx context.Context, id string) (pylon.Intent, error) {
	if err := w.ask(ctx, "Intent"); err != nil {
		return pylon.Intent{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, intent := range w.intents {
		if intent.ID == id {
			return intent, nil
		}
	}
	return pylon.Intent{}, problem.New(problem.NotFound, "Intent not found.")
}

func (w *fakeWriter) CancelIntent(ctx context.Context, identity, id string) (pylon.Intent, error) {
	intent, err := w.Intent(ctx, id)
	switch {
	case err != nil:
		return intent, err
	case intent.Identity != identity || intent.State != pylon.StateRecorded:
		return pylon.Intent{}, problem.New(problem.Conflict, "The intent is signed and can not be cancelled any more.")
	}
	w.move(id, func(i *pylon.Intent) { i.State, i.Reason = pylon.StateCancelled, "cancelled" })
	return w.Intent(ctx, id)
}

func (w *fakeWriter) Wait(ctx context.Context, id string, until pylon.WaitFor) (pylon.Intent, error) {
	for {
		w.mu.Lock()
		changed := w.changed
		w.mu.Unlock()
		intent, err := w.Intent(ctx, id)
		if err != nil || until.Satisfied(intent.State) {
			return intent, err
		}
		if err := w.ask(ctx, "Wait"); err != nil {
			return intent, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return intent, ctx.Err()
		}
	}
}

func (w *fakeWriter) Changes(int) (<-chan pylon.IntentEvent, func()) { return w.changes, func() {} }
