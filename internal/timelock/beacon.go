package timelock

import (
	"errors"
	"math/big"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// Beacon signs rounds with one secret, where drand's beacons are many parties
// with shares of one. It is for development chains and tests: who has the secret
// can open everything at once. It may be used by several goroutines.
type Beacon struct {
	secret *big.Int
	public PublicKey
}

// NewBeacon makes a beacon from a secret scalar, big-endian, which is reduced
// modulo the group's order and must not be zero then. The same secret makes the
// same beacon.
func NewBeacon(secret [32]byte) (*Beacon, error) {
	scalar := new(big.Int).SetBytes(secret[:])
	scalar.Mod(scalar, fr.Modulus())
	if scalar.Sign() == 0 {
		return nil, errors.New("timelock: the secret of a beacon must not be zero")
	}
	b := &Beacon{secret: scalar}
	b.public.point.ScalarMultiplicationBase(scalar)
	return b, nil
}

// PublicKey returns the key under which the beacon's signatures verify.
func (b *Beacon) PublicKey() PublicKey { return b.public }

// Sign returns the signature of a round. It is always the same.
func (b *Beacon) Sign(round uint64) Signature {
	id, err := identity(round)
	if err != nil {
		// The hash fails only for a domain of more than 255 bytes.
		panic("timelock: " + err.Error())
	}
	var sig bls.G1Affine
	sig.ScalarMultiplication(&id, b.secret)
	return Signature{sig}
}

// String names the beacon by its public key: its secret is never printed.
func (b *Beacon) String() string { return "beacon " + b.public.String() }

// GoString is String.
func (b *Beacon) GoString() string { return b.String() }
