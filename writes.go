package pylon

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// identity is what both versions of the API do for an identity. Each write waits until a block that stays has it, and is
// done once even when its request has to be repeated.
type identity struct{ place place }

// Written answers a write.
type Written struct {
	// Detail is a fixed text.
	Detail string `json:"detail"`
	// Intent is what was done. Nil in version 1 of the API, and from services in Python.
	Intent *Intent `json:"intent"`
}

// RevealScheduled answers a commitment that the chain opens later.
type RevealScheduled struct {
	// RevealRound is the drand round from which on it can be read.
	RevealRound uint64 `json:"reveal_round"`
	// Intent is as in Written.
	Intent *Intent `json:"intent"`
}

// LatestOwnCertificate returns the TLS key of the identity's hotkey at the newest block. Is there none, it is an
// ErrNotFound.
func (i identity) LatestOwnCertificate(ctx context.Context) (*Certificate, error) {
	return get(ctx, i.place, "/block/latest/certificates/self", checkCertificate)
}

// LatestOwnRevealedCommitments returns what the chain has revealed of the commitments of the identity's hotkey. Is there
// nothing, it is an ErrNotFound.
func (i identity) LatestOwnRevealedCommitments(ctx context.Context) (*RevealedCommitmentsAt, error) {
	return get(ctx, i.place, "/block/latest/commitments/revealed/self", checkRevealed)
}

// SetCommitment publishes data for all to see.
func (i identity) SetCommitment(ctx context.Context, commitment CommitmentRequest) (*Written, error) {
	if len(commitment.Data) == 0 {
		return nil, &ArgumentError{Argument: "commitment", Detail: "Data should have at least 1 byte"}
	}
	return write[Written](ctx, i.place, commitment.IdempotencyKey, request{
		method: http.MethodPost, path: "/commitments",
		body: map[string]string{"commitment": "0x" + hex.EncodeToString(commitment.Data)},
	}, nil)
}

// ParseCommitment reads the data of a commitment from hexadecimal digits, with 0x or without.
func ParseCommitment(text string) ([]byte, error) {
	data, err := hex.DecodeString(strings.TrimPrefix(text, "0x"))
	switch {
	case err != nil:
		return nil, &ArgumentError{Argument: "commitment", Detail: "passed commitment data is not a valid hex string."}
	case len(data) == 0:
		return nil, &ArgumentError{Argument: "commitment", Detail: "Data should have at least 1 byte"}
	default:
		return data, nil
	}
}

// defaultBlocksUntilReveal is what the Python client takes.
const defaultBlocksUntilReveal = 360

// SetRevealedCommitment publishes text that nobody can read before the chain opens it. BlocksUntilReveal defaults to 360.
func (i identity) SetRevealedCommitment(ctx context.Context, commitment RevealedCommitmentRequest) (*RevealScheduled, error) {
	if commitment.BlocksUntilReveal == 0 {
		commitment.BlocksUntilReveal = defaultBlocksUntilReveal
	}
	check := func(answer *RevealScheduled) error {
		if answer.RevealRound == 0 {
			return missing("reveal_round")
		}
		return nil
	}
	return write(ctx, i.place, commitment.IdempotencyKey, request{
		method: http.MethodPost, path: "/commitments/revealed", body: commitment,
	}, check)
}

// GenerateCertificate has the service make a TLS key pair and publish its public key. The private key is in the answer
// and nowhere else: when the answer is lost, make another pair. Algorithm defaults to AlgorithmEd25519.
func (i identity) GenerateCertificate(ctx context.Context, certificate CertificateRequest) (*CertificateKeyPair, error) {
	if certificate.Algorithm == 0 {
		certificate.Algorithm = AlgorithmEd25519
	}
	check := func(pair *CertificateKeyPair) error {
		if pair.PublicKey == "" || pair.PrivateKey == "" {
			return missing("private_key")
		}
		return nil
	}
	return write(ctx, i.place, certificate.IdempotencyKey, request{
		method: http.MethodPost, path: "/certificates/self", body: certificate,
	}, check)
}

// identityV1 is what version 1 of the API does for an identity otherwise than the unstable one.
type identityV1 struct{ place place }

// LatestOwnCommitment returns the plain commitment of the identity's hotkey at the newest block. Is there none, or a
// timelocked one, it is an ErrNotFound.
func (i identityV1) LatestOwnCommitment(ctx context.Context) (*CommitmentV1, error) {
	return get(ctx, i.place, "/block/latest/commitments/self", checkCommitmentV1)
}

// PutWeights hands over weights of mechanism 0. The answer does not wait for the chain: the service brings them onto it
// before the epoch ends, in whatever way the subnet asks for. Newer weights take the place of older ones.
func (i identityV1) PutWeights(ctx context.Context, weights WeightsRequest) (*WeightsScheduled, error) {
	if weights.Mechanism != 0 {
		return nil, &ArgumentError{Argument: "mechanism", Detail: "version 1 of the API knows mechanism 0 only"}
	}
	return putWeights[WeightsScheduled](ctx, i.place, "/weights", weights, nil, nil)
}

// identityUnstable is what the unstable version of the API does for an identity, besides what both versions do.
type identityUnstable struct{ place place }

// LatestOwnCommitment returns the commitment of the identity's hotkey at the newest block. Is there none, it is an
// ErrNotFound.
func (i identityUnstable) LatestOwnCommitment(ctx context.Context) (*CommitmentAt, error) {
	return get(ctx, i.place, "/block/latest/commitments/self", checkCommitment)
}

// PutWeights hands over weights. The answer does not wait for the chain: the service brings them onto it before the epoch
// ends, in whatever way the subnet asks for. Newer weights take the place of older ones. WaitForWeights waits for the
// intent in the answer.
func (i identityUnstable) PutWeights(ctx context.Context, weights WeightsRequest) (*WeightsScheduled, error) {
	return putWeights[WeightsScheduled](ctx, i.place, mechanismPath(weights.Mechanism, "/weights"), weights, nil, nil)
}

// DryRunWeights tells what would be sent for weights, and whether the chain would take it. Nothing is sent or recorded.
// A service that knows no dry runs, such as one in Python, takes the weights for good: that is an ErrBody.
func (i identityUnstable) DryRunWeights(ctx context.Context, weights WeightsRequest) (*WeightsPlan, error) {
	check := func(plan *WeightsPlan) error {
		if plan.Method == "" {
			return missing("method")
		}
		return nil
	}
	return putWeights(ctx, i.place, mechanismPath(weights.Mechanism, "/weights"), weights, url.Values{"dry_run": {"true"}}, check)
}

// WeightsStatus tells whether weights were handed over in the epoch of a block.
func (i identityUnstable) WeightsStatus(ctx context.Context, block uint64, mechanism uint8) (*WeightsStatus, error) {
	type status struct {
		WeightsSubmitted *bool `json:"weights_submitted"`
	}
	check := func(s *status) error {
		if s.WeightsSubmitted == nil {
			return missing("weights_submitted")
		}
		return nil
	}
	read, err := get(ctx, i.place, mechanismPath(mechanism, blockPath(block, "/weights/status")), check)
	if err != nil {
		return nil, err
	}
	return &WeightsStatus{WeightsSubmitted: *read.WeightsSubmitted}, nil
}

// ServeAxon publishes where the identity's neuron can be reached.
func (i identityUnstable) ServeAxon(ctx context.Context, axon AxonRequest) (*Written, error) {
	if !axon.IP.IsValid() || axon.Port == 0 {
		return nil, &ArgumentError{Argument: "axon", Detail: "it needs an IP address and a port"}
	}
	return write[Written](ctx, i.place, axon.IdempotencyKey, request{method: http.MethodPost, path: "/axon", body: axon}, nil)
}

func mechanismPath(mechanism uint8, rest string) string {
	return "/mechanism/" + strconv.FormatUint(uint64(mechanism), 10) + rest
}

func putWeights[T any](
	ctx context.Context, p place, path string, weights WeightsRequest, query url.Values, check func(*T) error,
) (*T, error) {
	if len(weights.Weights) == 0 {
		return nil, &ArgumentError{Argument: "weights", Detail: "No weights provided"}
	}
	for hotkey, weight := range weights.Weights {
		if hotkey == "" {
			return nil, &ArgumentError{Argument: "weights", Detail: "Invalid hotkey: '' must be a non-empty string"}
		}
		if math.IsNaN(weight) || math.IsInf(weight, 0) {
			return nil, &ArgumentError{Argument: "weights." + string(hotkey), Detail: "Input should be a finite number"}
		}
	}
	return write(ctx, p, weights.IdempotencyKey, request{method: http.MethodPut, path: path, query: query, body: weights}, check)
}

// mostKey is how many characters an idempotency key may have.
const mostKey = 255

// write makes a request that changes something, with a key by which the service knows it again.
func write[T any](ctx context.Context, p place, key string, r request, check func(*T) error) (*T, error) {
	if len(key) > mostKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, &ArgumentError{Argument: "idempotency key", Detail: "it must be up to 255 printable ASCII characters"}
	}
	r.key = cmp.Or(key, rand.Text())
	return submit(ctx, p, r, check)
}
