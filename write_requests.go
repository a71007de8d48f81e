package pylon

import "net/netip"

// What a service is asked to bring onto the chain. The fields with JSON names are the bodies of the requests; an
// idempotency key travels in a header of its own. Two requests with the same key are one: the second is answered with
// the intent of the first, and refused if it asks for something else.

// WeightsRequest asks for weights on one mechanism of the identity's subnet.
type WeightsRequest struct {
	// Mechanism is 0 but for subnets with several.
	Mechanism uint8 `json:"-"`
	// Weights are proportions by hotkey: any scale, the largest becomes the chain's maximum. At least one.
	Weights map[Hotkey]float64 `json:"weights"`
	// IdempotencyKey is up to 255 printable ASCII characters of the caller's choice. Defaults to one made at random.
	IdempotencyKey string `json:"-"`
}

// CommitmentRequest asks for a plain commitment.
type CommitmentRequest struct {
	// Data is 1 to 128 bytes.
	Data []byte `json:"-"`
	// IdempotencyKey is as in WeightsRequest.
	IdempotencyKey string `json:"-"`
}

// RevealedCommitmentRequest asks for a commitment that the chain opens later.
type RevealedCommitmentRequest struct {
	// Text is up to 778 bytes.
	Text string `json:"commitment"`
	// BlocksUntilReveal is how many blocks from now it is opened.
	BlocksUntilReveal uint64 `json:"blocks_until_reveal"`
	// IdempotencyKey is as in WeightsRequest.
	IdempotencyKey string `json:"-"`
}

// CertificateRequest asks for a fresh key pair whose public key is published.
type CertificateRequest struct {
	// Algorithm is AlgorithmEd25519: keys of no other are made.
	Algorithm CertificateAlgorithm `json:"algorithm"`
	// IdempotencyKey is as in WeightsRequest.
	IdempotencyKey string `json:"-"`
}

// AxonRequest asks to publish where the identity's neuron can be reached.
type AxonRequest struct {
	IP   netip.Addr `json:"ip"`
	Port uint16     `json:"port"`
	// Protocol is what the axon speaks, for nearly all ProtocolHTTP. The zero value is ProtocolTCP.
	Protocol AxonProtocol `json:"protocol"`
	// IdempotencyKey is as in WeightsRequest.
	IdempotencyKey string `json:"-"`
}
