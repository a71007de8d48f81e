package intents

import (
	"context"
	"math"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/intents/store"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// PutWeights records that a hotkey's weights on a mechanism of its subnet shall be these, and returns when that is on
// disk, without waiting for the chain. It takes the place of what was asked for before, as far as nothing of that is
// signed yet.
func (e *Engine) PutWeights(ctx context.Context, identity string, request pylon.WeightsRequest) (pylon.Intent, error) {
	who, err := e.identity(identity)
	if err != nil {
		return pylon.Intent{}, err
	}
	if err := checkWeights(request.Weights); err != nil {
		return pylon.Intent{}, err
	}
	r, err := e.newRecord(ctx, who, pylon.IntentWeights, request.Mechanism, request.IdempotencyKey,
		weightsRequest{Weights: request.Weights, VersionKey: who.versionKey()})
	if err != nil {
		return pylon.Intent{}, err
	}
	result, err := e.record(ctx, r, store.Policy{Replace: true})
	if err != nil {
		return pylon.Intent{}, err
	}
	return view(result.Record), nil
}

// SetCommitment publishes plain data and waits until it is final. A repeat of a request that is still open waits for
// that one, and does not send a second.
func (e *Engine) SetCommitment(ctx context.Context, identity string, request pylon.CommitmentRequest) (pylon.Intent, error) {
	switch n := len(request.Data); {
	case n == 0:
		return pylon.Intent{}, problem.New(problem.Invalid, "A commitment has at least 1 byte.")
	case n > maxCommitment:
		return pylon.Intent{}, problem.Newf(problem.Unavailable, "The commitment has %d bytes; the chain takes at most %d.", n, maxCommitment)
	}
	return e.perform(ctx, identity, pylon.IntentCommitment, request.IdempotencyKey, commitmentRequest{Data: request.Data})
}

// SetRevealedCommitment publishes text that the chain opens a number of blocks from now, and waits until the encrypted
// text is final. The intent names the round.
func (e *Engine) SetRevealedCommitment(ctx context.Context, identity string, request pylon.RevealedCommitmentRequest) (pylon.Intent, error) {
	switch {
	case len(request.Text) > maxRevealedText:
		return pylon.Intent{}, problem.Newf(problem.Unavailable, "The commitment has %d bytes; the chain takes at most %d.", len(request.Text), maxRevealedText)
	case request.BlocksUntilReveal > maxRevealBlocks:
		return pylon.Intent{}, problem.Newf(problem.Invalid, "%d blocks until the reveal are more than %d.", request.BlocksUntilReveal, maxRevealBlocks)
	}
	return e.perform(ctx, identity, pylon.IntentRevealedCommitment, request.IdempotencyKey,
		revealedRequest{Text: request.Text, Blocks: request.BlocksUntilReveal})
}

// GenerateCertificate makes a key pair, publishes the public key beside the neuron's axon, and waits until that is final.
// The private key is in memory only: a repeat within Config.KeepKeys gets the same one.
func (e *Engine) GenerateCertificate(ctx context.Context, identity string, request pylon.CertificateRequest) (pylon.CertificateKeyPair, pylon.Intent, error) {
	if request.Algorithm != pylon.AlgorithmEd25519 {
		return pylon.CertificateKeyPair{}, pylon.Intent{}, problem.Newf(problem.Invalid, "No keys are made for algorithm %d.", request.Algorithm)
	}
	return e.certify(ctx, identity, request)
}

// ServeAxon publishes where the identity's neuron can be reached, and waits until that is final.
func (e *Engine) ServeAxon(ctx context.Context, identity string, request pylon.AxonRequest) (pylon.Intent, error) {
	if !request.IP.IsValid() {
		return pylon.Intent{}, problem.New(problem.Invalid, "An axon has an IP address.")
	}
	return e.perform(ctx, identity, pylon.IntentAxon, request.IdempotencyKey,
		axonRequest{IP: request.IP.Unmap().WithZone(""), Port: request.Port, Protocol: request.Protocol})
}

// checkWeights refuses what can be no weights. What the chain may refuse is left to the chain.
func checkWeights(weights map[pylon.Hotkey]float64) error {
	switch {
	case len(weights) == 0:
		return problem.New(problem.Invalid, "No weights provided")
	case len(weights) > maxWeights:
		return problem.Newf(problem.Invalid, "%d weights are more than the %d neurons that a subnet can have.", len(weights), maxWeights)
	}
	for hotkey, weight := range weights {
		if math.IsNaN(weight) || math.IsInf(weight, 0) {
			return problem.Newf(problem.Invalid, "The weight of %s is no number.", hotkey)
		}
	}
	return nil
}
