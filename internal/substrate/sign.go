package substrate

import (
	"context"
	"fmt"
	"math"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Signer owns a key.
type Signer interface {
	// PublicKey returns the public key, which is the account.
	PublicKey() [32]byte
	// Scheme returns the name of the key's scheme in the runtime's signature type: "Sr25519" or "Ed25519".
	Scheme() string
	// Sign signs a message as it is, without hashing or wrapping it.
	Sign(message []byte) ([]byte, error)
}

// Extrinsic is a signed extrinsic, and what has to be known to follow it.
type Extrinsic struct {
	// Bytes are what is sent, with the length in front.
	Bytes []byte
	// Hash is BLAKE2b-256 of Bytes, the extrinsic's name.
	Hash   Hash
	Signer [32]byte
	Nonce  uint64
	// Birth is the first block of the era. The first that can include the extrinsic is the next one.
	Birth Header
	// LastValid is the number of the last block that can include the extrinsic.
	LastValid uint64
	// SpecVersion and TransactionVersion are signed: a runtime with other ones refuses the extrinsic.
	SpecVersion, TransactionVersion uint32
}

// The periods that EraPeriod chooses from, in blocks. Four is the shortest there is; 32 blocks are six minutes, in which
// an extrinsic that is not included will not be.
const (
	minPeriod = scale.MinEraPeriod
	maxPeriod = 32
)

// EraPeriod returns the period, in blocks, of an era that begins at the block head: the largest power of two from 4 to 32
// whose last block is at or before the block deadline. False means that none fits.
func EraPeriod(head, deadline uint64) (period uint64, ok bool) {
	for period = maxPeriod; period >= minPeriod; period /= 2 {
		if head <= deadline && deadline-head >= period-1 {
			return period, true
		}
	}
	return 0, false
}

// longestPeriod is the longest era that begins at exactly the block it is made for: see [scale.NewEra].
const longestPeriod = 4096

// SignRequest is what to sign.
type SignRequest struct {
	// At is the block at which the era begins and whose runtime describes the call. It should be the best block.
	At Header
	// Period is the length of the era in blocks, counted from At: a power of two from 4 to 4096.
	Period uint64
	// Nonce is the number of extrinsics that the account has had included, or waiting, before this one. At most 2³²-1.
	Nonce uint64
	// Tip is paid to the block's author, in rao.
	Tip uint64
	// Pallet, Call and Args are the call. Args are what [scale.Metadata.EncodeCall] takes.
	Pallet, Call string
	Args         any
}

func (r *SignRequest) validate() error {
	switch {
	case r.Period < minPeriod || r.Period > longestPeriod || r.Period&(r.Period-1) != 0:
		return fmt.Errorf("substrate: sign: SignRequest.Period is a power of two from %d to %d, not %d", minPeriod, longestPeriod, r.Period)
	case r.Nonce > math.MaxUint32:
		return fmt.Errorf("substrate: sign: SignRequest.Nonce is over 32 bits: %d", r.Nonce)
	}
	return nil
}

// Sign builds an extrinsic of version 4 with the transaction extensions that the runtime at the block describes, and has
// it signed. It sends nothing. An extension that is unknown and carries data is an error, and so is a runtime that takes
// no extrinsics of version 4. The error wraps scale.ErrNoPallet or scale.ErrNoCall when the runtime has no such call.
func (c *Client) Sign(ctx context.Context, request SignRequest, signer Signer) (*Extrinsic, error) {
	if err := request.validate(); err != nil {
		return nil, err // before anybody is asked
	}
	genesis, err := c.Genesis(ctx)
	if err != nil {
		return nil, err
	}
	runtime, err := c.Runtime(ctx, request.At.Hash)
	if err != nil {
		return nil, err
	}
	return runtime.Sign(genesis, request, signer)
}

// Sign is [Client.Sign] without the network, for a runtime of the chain with this genesis.
func (r *Runtime) Sign(genesis Hash, request SignRequest, signer Signer) (*Extrinsic, error) {
	if err := request.validate(); err != nil {
		return nil, err
	}
	call, err := r.Metadata.EncodeCall(request.Pallet, request.Call, request.Args)
	if err != nil {
		return nil, fmt.Errorf("substrate: sign: %w", err)
	}
	extra, implicit, err := r.Metadata.Extensions(scale.Signing{
		Nonce:              request.Nonce,
		Tip:                request.Tip,
		Era:                scale.NewEra(request.Period, request.At.Number),
		Birth:              request.At.Hash,
		Genesis:            genesis,
		SpecVersion:        r.SpecVersion,
		TransactionVersion: r.TransactionVersion,
	})
	if err != nil {
		return nil, fmt.Errorf("substrate: sign: %w", err)
	}
	signature, err := signer.Sign(scale.SigningPayload(call, extra, implicit))
	if err != nil {
		return nil, fmt.Errorf("substrate: sign: %w", err)
	}
	public := signer.PublicKey()
	bytes, err := r.Metadata.SignedExtrinsic(public, signer.Scheme(), signature, extra, call)
	if err != nil {
		return nil, fmt.Errorf("substrate: sign: %w", err)
	}
	return &Extrinsic{
		Bytes:              bytes,
		Hash:               scale.ExtrinsicHash(bytes),
		Signer:             public,
		Nonce:              request.Nonce,
		Birth:              request.At,
		LastValid:          request.At.Number + request.Period - 1,
		SpecVersion:        r.SpecVersion,
		TransactionVersion: r.TransactionVersion,
	}, nil
}

// Unsigned is a Signer for an account whose key is not at hand, or is not to be used: its signature is zeros. What it
// signs is as long as the real thing and no chain takes it, so it can be shown to a node to learn its fee.
type Unsigned [32]byte

// PublicKey returns the account.
func (u Unsigned) PublicKey() [32]byte { return u }

// Scheme returns "Sr25519", whose signatures are as long as those of Ed25519.
func (Unsigned) Scheme() string { return "Sr25519" }

// Sign returns 64 zeros.
func (Unsigned) Sign([]byte) ([]byte, error) { return make([]byte, 64), nil }
