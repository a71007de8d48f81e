package substrate

import (
	"encoding/hex"
	"fmt"
)

// Hash is a 32 byte hash: of a block, a state root or an extrinsic.
type Hash [32]byte

// ParseHash reads 0x and 64 hexadecimal digits of either case.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 2+2*len(h) || s[:2] != "0x" {
		return Hash{}, fmt.Errorf("substrate: a hash is 0x and %d hexadecimal digits, not %.80q", 2*len(h), s)
	}
	if _, err := hex.Decode(h[:], []byte(s[2:])); err != nil {
		return Hash{}, fmt.Errorf("substrate: hash %q: %w", s, err)
	}
	return h, nil
}

// String returns 0x and 64 lower-case hexadecimal digits.
func (h Hash) String() string { return string(h.appendHex(make([]byte, 0, 2+2*len(h)))) }

func (h Hash) appendHex(dst []byte) []byte {
	return hex.AppendEncode(append(dst, "0x"...), h[:])
}

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return h.appendHex(nil), nil }

// UnmarshalText is ParseHash.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err == nil {
		*h = parsed
	}
	return err
}
