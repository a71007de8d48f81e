package timelock

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Overhead is how much longer a ciphertext is than its message, in bytes.
const Overhead = headSize + 3*lengthSize + tagSize + nonceSize + lengthSize + len(suite)

// Encrypt encrypts a message so that the signature of a round under a beacon's
// key opens it. Rounds are counted from 1. It reads 76 bytes of randomness (an AES
// key, the seed of the identity encryption, a nonce), which must be unpredictable:
// crypto/rand's Reader. The error is the reader's, or says that there is no key or
// no such round.
func Encrypt(rand io.Reader, key PublicKey, round uint64, plaintext []byte) ([]byte, error) {
	if key.point.IsInfinity() {
		return nil, errors.New("timelock: no public key to encrypt to")
	}
	if round == 0 {
		return nil, errors.New("timelock: no beacon has a round 0")
	}
	var secret, sigma [secretSize]byte
	var nonce [nonceSize]byte
	for _, b := range [][]byte{secret[:], sigma[:], nonce[:]} {
		if _, err := io.ReadFull(rand, b); err != nil {
			return nil, fmt.Errorf("timelock: no randomness: %w", err)
		}
	}

	id, err := identity(round)
	if err != nil {
		return nil, fmt.Errorf("timelock: %w", err)
	}
	r := exponent(sigma, secret)
	var e envelope
	var u bls.G2Affine
	u.ScalarMultiplicationBase(r)
	e.u = u.Bytes()
	id.ScalarMultiplication(&id, r) // e(r·Q, P) is e(Q, r·P), and cheaper
	mask, err := pairingMask(&id, &key.point)
	if err != nil {
		return nil, err
	}
	subtle.XORBytes(e.v[:], sigma[:], mask[:])
	sigmaMask := sha256.Sum256(sigma[:])
	subtle.XORBytes(e.w[:], secret[:], sigmaMask[:])

	gcm, err := newGCM(secret)
	if err != nil {
		return nil, err
	}
	e.nonce = nonce[:]
	e.sealed = gcm.Seal(nil, nonce[:], plaintext, nil)
	return e.append(make([]byte, 0, len(plaintext)+Overhead)), nil
}

// Decrypt opens a ciphertext with the signature of its round. The error wraps
// ErrMalformed, ErrSignature or ErrAltered.
func Decrypt(ciphertext []byte, sig Signature) ([]byte, error) {
	e, err := parseEnvelope(ciphertext)
	if err != nil {
		return nil, err
	}
	u, err := parseG2(e.u[:])
	if err != nil {
		return nil, fmt.Errorf("%w ciphertext: U: %w", ErrMalformed, err)
	}
	if sig.point.IsInfinity() {
		return nil, fmt.Errorf("%w: it is empty", ErrSignature)
	}
	mask, err := pairingMask(&sig.point, &u)
	if err != nil {
		return nil, err
	}
	var sigma, secret [secretSize]byte
	subtle.XORBytes(sigma[:], e.v[:], mask[:])
	sigmaMask := sha256.Sum256(sigma[:])
	subtle.XORBytes(secret[:], e.w[:], sigmaMask[:])
	var again bls.G2Affine
	again.ScalarMultiplicationBase(exponent(sigma, secret))
	if !again.Equal(&u) {
		return nil, ErrSignature
	}
	gcm, err := newGCM(secret)
	if err != nil {
		return nil, err
	}
	plaintext, err := gcm.Open(nil, e.nonce, e.sealed, nil)
	if err != nil {
		return nil, ErrAltered
	}
	return plaintext, nil
}

// exponent is the r of U = r·P: the hash of seed and secret, read big-endian and
// reduced once. Who decrypts recomputes it, so that no altered head passes.
func exponent(sigma, secret [secretSize]byte) *big.Int {
	h := sha256.New()
	h.Write(sigma[:])
	h.Write(secret[:])
	r := new(big.Int).SetBytes(h.Sum(nil))
	return r.Mod(r, fr.Modulus())
}

// pairingMask hashes e(p, q). The curve library has the same tower and the same
// final exponentiation as arkworks (the cube of the textbook pairing) but writes
// the highest coefficient first and each big-endian; arkworks does the reverse of
// both, which is the same as reversing all 576 bytes.
func pairingMask(p *bls.G1Affine, q *bls.G2Affine) ([sha256.Size]byte, error) {
	gt, err := bls.Pair([]bls.G1Affine{*p}, []bls.G2Affine{*q})
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("timelock: %w", err)
	}
	b := gt.Bytes()
	slices.Reverse(b[:])
	return sha256.Sum256(b[:]), nil
}

func newGCM(secret [secretSize]byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		return nil, fmt.Errorf("timelock: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("timelock: %w", err)
	}
	return gcm, nil
}
