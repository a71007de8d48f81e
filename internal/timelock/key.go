package timelock

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
)

// Sizes of compressed points, in bytes.
const (
	PublicKeySize = bls.SizeOfG2AffineCompressed // 96
	SignatureSize = bls.SizeOfG1AffineCompressed // 48
)

// hashDomain separates the hashes to the curve of drand's scheme
// bls-unchained-g1-rfc9380 from those of others.
var hashDomain = []byte("BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_")

// PublicKey is the public key of a beacon: a point of G2 that has been checked.
// The zero value is no key: nothing verifies under it and Encrypt refuses it.
// Keys may be compared with == and used by several goroutines.
type PublicKey struct{ point bls.G2Affine }

// ParsePublicKey reads the 96 bytes of a compressed point, and refuses points
// outside the prime-order group and the point at infinity.
func ParsePublicKey(b []byte) (PublicKey, error) {
	point, err := parseG2(b)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w public key: %w", ErrMalformed, err)
	}
	return PublicKey{point}, nil
}

// Bytes returns the compressed point.
func (k PublicKey) Bytes() [PublicKeySize]byte { return k.point.Bytes() }

// String returns the compressed point in hex.
func (k PublicKey) String() string {
	b := k.Bytes()
	return hex.EncodeToString(b[:])
}

// Verify reports whether sig is the beacon's signature of a round.
func (k PublicKey) Verify(round uint64, sig Signature) bool {
	if k.point.IsInfinity() || sig.point.IsInfinity() {
		return false
	}
	id, err := identity(round)
	if err != nil {
		return false
	}
	var negated bls.G1Affine
	negated.Neg(&sig.point)
	_, _, _, generator := bls.Generators()
	ok, err := bls.PairingCheck([]bls.G1Affine{negated, id}, []bls.G2Affine{generator, k.point})
	return err == nil && ok
}

// Signature is what a beacon publishes for a round, and the key that opens what
// was encrypted to it: a point of G1 that has been checked to be one, not to be
// the beacon's; see [PublicKey.Verify]. The zero value opens nothing.
type Signature struct{ point bls.G1Affine }

// ParseSignature reads the 48 bytes of a compressed point, and refuses points
// outside the prime-order group and the point at infinity.
func ParseSignature(b []byte) (Signature, error) {
	if err := checkCompressed(b, SignatureSize); err != nil {
		return Signature{}, fmt.Errorf("%w signature: %w", ErrMalformed, err)
	}
	var point bls.G1Affine
	if _, err := point.SetBytes(b); err != nil {
		return Signature{}, fmt.Errorf("%w signature: %w", ErrMalformed, err)
	}
	return Signature{point}, nil
}

// Bytes returns the compressed point.
func (s Signature) Bytes() [SignatureSize]byte { return s.point.Bytes() }

// Randomness returns the randomness of the signature's round, as beacons publish
// it beside the signature and the drand pallet stores it: its SHA-256.
func (s Signature) Randomness() [sha256.Size]byte {
	b := s.Bytes()
	return sha256.Sum256(b[:])
}

// identity is the point of G1 that stands for a round: its signature is this
// point times the beacon's secret.
func identity(round uint64) (bls.G1Affine, error) {
	id := sha256.Sum256(binary.BigEndian.AppendUint64(nil, round))
	return bls.HashToG1(id[:], hashDomain)
}

func parseG2(b []byte) (point bls.G2Affine, err error) {
	if err := checkCompressed(b, PublicKeySize); err != nil {
		return point, err
	}
	_, err = point.SetBytes(b) // checks curve and group
	return point, err
}

// checkCompressed accepts the flags of a finite, compressed point. The curve
// library would go on to the uncompressed form or to infinity, of which neither
// has a place in this protocol.
func checkCompressed(b []byte, size int) error {
	if len(b) != size {
		return fmt.Errorf("%d bytes instead of %d", len(b), size)
	}
	if flags := b[0] >> 5; flags != 0b100 && flags != 0b101 {
		return fmt.Errorf("flags %03b are not those of a compressed point", flags)
	}
	return nil
}
