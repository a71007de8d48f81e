package devchain

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Hash is a blake2b-256 hash: of a block's header, mostly.
type Hash [32]byte

// String is 0x and 64 lower-case hexadecimal digits.
func (h Hash) String() string { return "0x" + hex.EncodeToString(h[:]) }

// MarshalText is String.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText is ParseHash.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// ParseHash reads 64 hexadecimal digits with or without 0x in front.
func ParseHash(s string) (Hash, error) {
	var h Hash
	digits := strings.TrimPrefix(s, "0x")
	if len(digits) != 2*len(h) {
		return Hash{}, fmt.Errorf("devchain: a hash has %d hexadecimal digits, not %d", 2*len(h), len(digits))
	}
	if _, err := hex.Decode(h[:], []byte(digits)); err != nil {
		return Hash{}, fmt.Errorf("devchain: a hash has hexadecimal digits only: %w", err)
	}
	return h, nil
}
