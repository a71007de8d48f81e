package native

import (
	"encoding/hex"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/primitives/sr25519"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// aliceBlock is the block in which //Alice commits to something: its extrinsic 1
// is a signed one, so that there is one at a place that everybody knows.
const aliceBlock = 2

// aliceCommitment is what she commits to on subnet 1, from that block on.
const aliceCommitment = "commitment-alice"

// aliceSeed is the secret of //Alice of the development phrase. It is as public
// as the phrase itself.
const aliceSeed = "e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"

// signer signs in the name of //Alice. Signatures of sr25519 hold random bytes;
// these hold none, so that equal blocks stay equal: the number that must never
// be used twice still follows from the key and from what is signed.
type signer struct{ pair *sr25519.KeyPair }

func newSigner() (*signer, error) {
	raw, err := hex.DecodeString(aliceSeed)
	if err != nil {
		return nil, err
	}
	seed, err := sr25519.NewMiniSecretKeyFromBytes(raw)
	if err != nil {
		return nil, err
	}
	return &signer{seed.ExpandEd25519().KeyPair()}, nil
}

// zeros is a source of bytes that are all zero.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (s *signer) sign(message []byte) ([]byte, error) {
	transcript := sr25519.NewSigningContext([]byte("substrate")).NewTranscriptBytes(message)
	signature, err := s.pair.Sign(zeros{}, transcript)
	if err != nil {
		return nil, err
	}
	return signature.MarshalBinary()
}

// aliceExtrinsic is what //Alice sends in this block, nil for nothing.
func (r *Runtime) aliceExtrinsic(st runtime.State) ([]byte, error) {
	alice := r.keys.validators[0]
	if r.blockNumber(st) != aliceBlock || r.config.Quiet || !r.registered(st, 1, alice) {
		return nil, nil
	}
	metadata, err := r.parsed()
	if err != nil {
		return nil, err
	}
	data := []byte(aliceCommitment)
	call, err := metadata.EncodeCall("Commitments", "set_commitment", map[string]any{
		"netuid": 1,
		"info": map[string]any{"fields": []any{
			scale.Enum{Name: fmt.Sprintf("Raw%d", len(data)), Value: scale.Bytes(data)},
		}},
	})
	if err != nil {
		return nil, err
	}
	signing, err := r.signing(st, scale.Era{})
	if err != nil {
		return nil, err
	}
	signing.Nonce = uint64(r.items.System.Account.get(st, alice[:]).Nonce)
	extra, implicit, err := metadata.Extensions(signing)
	if err != nil {
		return nil, err
	}
	s, err := newSigner()
	if err != nil {
		return nil, err
	}
	signature, err := s.sign(scale.SigningPayload(call, extra, implicit))
	if err != nil {
		return nil, err
	}
	return metadata.SignedExtrinsic(alice, "Sr25519", signature, extra, call)
}
