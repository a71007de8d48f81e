package timelock

import (
	"encoding/binary"
	"fmt"
)

const (
	secretSize = 32 // of the AES key, and of the seed of the identity encryption
	nonceSize  = 12
	tagSize    = 16
	lengthSize = 8
	headSize   = PublicKeySize + 2*(lengthSize+secretSize)

	suite = "AES_GCM_"
)

// envelope is a ciphertext in its fields. The slices of a parsed one are parts of
// what was parsed.
type envelope struct {
	u      [PublicKeySize]byte
	v, w   [secretSize]byte
	sealed []byte // AES-GCM ciphertext and tag
	nonce  []byte // nonceSize bytes
}

func (e *envelope) append(dst []byte) []byte {
	dst = append(dst, e.u[:]...)
	dst = appendBytes(dst, e.v[:])
	dst = appendBytes(dst, e.w[:])
	dst = appendLength(dst, len(e.sealed)+len(e.nonce)+2*lengthSize)
	dst = appendBytes(dst, e.sealed)
	dst = appendBytes(dst, e.nonce)
	return appendBytes(dst, []byte(suite))
}

// parseEnvelope reads a ciphertext. As in arkworks, what follows the last field,
// of the ciphertext and of its body, is ignored, and the name of the cipher has to
// be there but may be any.
func parseEnvelope(b []byte) (e envelope, err error) {
	if len(b) < len(e.u) {
		return e, fmt.Errorf("%w ciphertext: %d bytes, too short for U", ErrMalformed, len(b))
	}
	rest := b[copy(e.u[:], b):]
	var v, w, body []byte
	for _, field := range []struct {
		name string
		size int // -1: any
		into *[]byte
	}{{"V", secretSize, &v}, {"W", secretSize, &w}, {"body", -1, &body}, {"cipher suite", -1, new([]byte)}} {
		if *field.into, rest, err = cutBytes(rest, field.name, field.size); err != nil {
			return e, err
		}
	}
	copy(e.v[:], v)
	copy(e.w[:], w)
	if e.sealed, body, err = cutBytes(body, "encrypted message", -1); err != nil {
		return e, err
	}
	e.nonce, _, err = cutBytes(body, "nonce", nonceSize)
	return e, err
}

func appendLength(dst []byte, n int) []byte { return binary.LittleEndian.AppendUint64(dst, uint64(n)) }

func appendBytes(dst, b []byte) []byte { return append(appendLength(dst, len(b)), b...) }

// cutBytes cuts a length and as many bytes from the front of b.
func cutBytes(b []byte, name string, size int) (field, rest []byte, err error) {
	if len(b) < lengthSize {
		return nil, nil, fmt.Errorf("%w ciphertext: ends before the length of %s", ErrMalformed, name)
	}
	n := binary.LittleEndian.Uint64(b)
	b = b[lengthSize:]
	switch {
	case n > uint64(len(b)):
		return nil, nil, fmt.Errorf("%w ciphertext: %s of %d bytes where %d are left", ErrMalformed, name, n, len(b))
	case size >= 0 && n != uint64(size):
		return nil, nil, fmt.Errorf("%w ciphertext: %s of %d bytes instead of %d", ErrMalformed, name, n, size)
	}
	return b[:n], b[n:], nil
}
