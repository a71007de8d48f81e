package wallet

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/curve/scalar"
	"github.com/oasisprotocol/curve25519-voi/primitives/merlin"
	"github.com/oasisprotocol/curve25519-voi/primitives/sr25519"
)

// signingContext is the one that Substrate signs everything in.
var signingContext = sr25519.NewSigningContext([]byte("substrate"))

type srSecret struct{ pair *sr25519.KeyPair }

func srFromSeed(seed [32]byte) *srSecret {
	mini := sr25519.MiniSecretKey(seed)
	return &srSecret{mini.ExpandEd25519().KeyPair()}
}

func (s *srSecret) public() [32]byte {
	raw, err := s.pair.PublicKey().MarshalBinary()
	if err != nil {
		panic("wallet: encoding a public key: " + err.Error()) // it was made from a scalar
	}
	return [32]byte(raw)
}

func (s *srSecret) sign(message []byte) [64]byte {
	signature, err := s.pair.Sign(rand.Reader, signingContext.NewTranscriptBytes(message))
	if err != nil {
		panic("wallet: signing: " + err.Error()) // only if rand.Reader fails, and it never returns an error
	}
	raw, err := signature.MarshalBinary()
	if err != nil {
		panic("wallet: encoding a signature: " + err.Error())
	}
	return [64]byte(raw)
}

// bytes is the scalar and the half that nonces are made with.
func (s *srSecret) bytes() []byte {
	raw, err := s.pair.SecretKey().MarshalBinary()
	if err != nil {
		panic("wallet: encoding a private key: " + err.Error()) // it was made from a scalar
	}
	return raw
}

// srFromPrivate takes the scalar and the nonce half. The other form of the same
// key, of which polkadot-js shows the scalar times eight, is hardly ever a
// canonical scalar; one that is makes another key.
func srFromPrivate(raw []byte) (*srSecret, error) {
	key, err := sr25519.NewSecretKeyFromBytes(raw)
	if err != nil {
		return nil, errors.New("the private key is not of the form that Bittensor's wallets use")
	}
	return &srSecret{key.KeyPair()}, nil
}

// srUsable tells whether a public key is a point other than the identity, for
// which anybody can make signatures.
func srUsable(pub [32]byte) bool {
	_, err := sr25519.NewPublicKeyFromBytes(pub[:])
	return err == nil && pub != [32]byte{}
}

func srVerify(pub [32]byte, message []byte, signature [64]byte) bool {
	key, err := sr25519.NewPublicKeyFromBytes(pub[:])
	if err != nil {
		return false
	}
	sig, err := sr25519.NewSignatureFromBytes(signature[:])
	return err == nil && key.Verify(signingContext.NewTranscriptBytes(message), sig)
}

// derive follows schnorrkel's hierarchical derivation. A hard step hashes the
// private scalar into a new seed, a soft step adds a scalar that anybody with
// the public key can compute.
func (s *srSecret) derive(j junction) (privateKey, error) {
	raw := s.bytes()
	transcript := merlin.NewTranscript("SchnorrRistrettoHDKD")
	transcript.AppendMessage("sign-bytes", nil)
	transcript.AppendMessage("chain-code", j.code[:])

	if j.hard {
		transcript.AppendMessage("secret-key", raw[:32])
		var seed [32]byte
		transcript.ExtractBytes(seed[:], "HDKD-hard")
		return srFromSeed(seed), nil
	}

	pub := s.public()
	transcript.AppendMessage("public-key", pub[:])
	var wide [64]byte
	transcript.ExtractBytes(wide[:], "HDKD-scalar")
	step, err := scalar.NewFromBytesModOrderWide(wide[:])
	if err != nil {
		return nil, fmt.Errorf("soft derivation: %w", err)
	}
	old, err := scalar.NewFromCanonicalBytes(raw[:32])
	if err != nil {
		return nil, fmt.Errorf("soft derivation: %w", err)
	}
	// The nonce half is fresh: no two parties need to agree on it.
	var child [64]byte
	if err := scalar.New().Add(old, step).ToBytes(child[:32]); err != nil {
		return nil, fmt.Errorf("soft derivation: %w", err)
	}
	rand.Read(child[32:])
	return srFromPrivate(child[:])
}
