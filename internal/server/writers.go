package server

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
)

// What the server writes with. What is asked for becomes an intent, which is recorded before the answer and brought onto
// the chain whatever happens to the request. Identities are given by name; all that fails for a reason that a user can be
// told is a problem.

// WeightsWriter sets weights.
type WeightsWriter interface {
	// PutWeights returns when the intent is recorded. It does not wait for the chain.
	PutWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.Intent, error)
	// DryRunWeights tells what PutWeights would do, and does nothing.
	DryRunWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.WeightsPlan, error)
	// WeightsStatus tells whether weights were handed over in the epoch of that block.
	WeightsStatus(ctx context.Context, identity string, mechanism uint8, block uint64) (pylon.WeightsStatus, error)
}

// CommitmentWriter publishes commitments. It waits until they are final or ctx ends; what was begun goes on after that,
// and the same request again attaches to it.
type CommitmentWriter interface {
	SetCommitment(ctx context.Context, identity string, request pylon.CommitmentRequest) (pylon.Intent, error)
	SetRevealedCommitment(ctx context.Context, identity string, request pylon.RevealedCommitmentRequest) (pylon.Intent, error)
}

// NeuronWriter publishes how a neuron is reached. It waits as CommitmentWriter does.
type NeuronWriter interface {
	GenerateCertificate(ctx context.Context, identity string, request pylon.CertificateRequest) (pylon.CertificateKeyPair, pylon.Intent, error)
	ServeAxon(ctx context.Context, identity string, request pylon.AxonRequest) (pylon.Intent, error)
}

// IntentKeeper knows the intents of all identities.
type IntentKeeper interface {
	// Intents returns those that the filter chooses, newest first, and what IntentFilter.Before is for the ones after
	// them; empty when there are no more.
	Intents(ctx context.Context, filter pylon.IntentFilter) (intents []pylon.Intent, next string, err error)
	// Intent fails with a problem that is NotFound when there is none of that id.
	Intent(ctx context.Context, id string) (pylon.Intent, error)
	// CancelIntent ends an intent of that identity for which nothing is signed. It fails with a problem that is Conflict
	// for others.
	CancelIntent(ctx context.Context, identity, id string) (pylon.Intent, error)
}

// IntentWatcher tells what becomes of intents.
type IntentWatcher interface {
	// Wait returns the intent when it has come that far or has ended. When ctx ends before, the intent comes as it is,
	// with the error of ctx.
	Wait(ctx context.Context, id string, until pylon.WaitFor) (pylon.Intent, error)
	// Changes returns a channel that holds that many events and the function that ends it. A reader that is too slow loses
	// old events; nobody waits for it.
	Changes(buffer int) (events <-chan pylon.IntentEvent, stop func())
}

// Writer is everything that the server writes with.
type Writer interface {
	WeightsWriter
	CommitmentWriter
	NeuronWriter
	IntentKeeper
	IntentWatcher
}
