package wallet

import (
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/ss58"
)

// Public is the public half of a key.
type Public struct {
	Scheme Scheme
	Key    [32]byte
}

// Address returns the SS58 address with Bittensor's prefix, 42.
func (p Public) Address() string { return ss58.Encode(p.Key) }

// String returns the address.
func (p Public) String() string { return p.Address() }

// Verify tells whether signature is one of message by the owner of the key; see
// the function Verify.
func (p Public) Verify(message []byte, signature [64]byte) bool {
	return p.Scheme.Verify(p.Key, message, signature)
}

// check refuses what is no key, and keys for which anybody can make signatures:
// the identity in sr25519, keys of small order in ed25519, and with both the key
// of all zeros.
func (p Public) check() error {
	usable := false
	switch p.Scheme {
	case Sr25519:
		usable = srUsable(p.Key)
	case Ed25519:
		usable = edUsable(p.Key)
	}
	switch {
	case p.Key == [32]byte{}:
		return errors.New("the public key is all zeros, for which anybody can sign")
	case !usable:
		return fmt.Errorf("the public key is not one of %v that only its owner can sign for", p.Scheme)
	default:
		return nil
	}
}
