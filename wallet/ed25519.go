package wallet

import (
	"crypto/ed25519"
	"errors"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"golang.org/x/crypto/blake2b"
)

type edSecret struct{ key ed25519.PrivateKey }

func edFromSeed(seed [32]byte) *edSecret {
	return &edSecret{ed25519.NewKeyFromSeed(seed[:])}
}

func (s *edSecret) public() [32]byte { return [32]byte(s.key[32:]) }

func (s *edSecret) sign(message []byte) [64]byte {
	return [64]byte(ed25519.Sign(s.key, message))
}

// bytes is the seed, which is all that a key file has.
func (s *edSecret) bytes() []byte { return s.key.Seed() }

func edVerify(pub [32]byte, message []byte, signature [64]byte) bool {
	return edUsable(pub) && ed25519.Verify(pub[:], message, signature[:])
}

// edUsable tells whether a public key is a point whose order is not small: for a
// key of small order anybody can make signatures, which package ed25519 accepts.
func edUsable(pub [32]byte) bool {
	compressed := curve.CompressedEdwardsY(pub)
	var point curve.EdwardsPoint
	_, err := point.SetCompressedY(&compressed)
	return err == nil && !point.IsSmallOrder()
}

// derive hashes the SCALE tuple of a tag, the seed and the chain code into the
// next seed.
func (s *edSecret) derive(j junction) (privateKey, error) {
	if !j.hard {
		return nil, errors.New("ed25519 keys have no soft derivation")
	}
	const tag = "Ed25519HDKD"
	preimage := append(compactLength(len(tag)), tag...)
	preimage = append(preimage, s.key.Seed()...)
	preimage = append(preimage, j.code[:]...)
	return edFromSeed(blake2b.Sum256(preimage)), nil
}
