package ss58

import (
	"errors"
	"fmt"

	"golang.org/x/crypto/blake2b"
)

// Bittensor is the prefix of addresses on Bittensor's networks, which is also
// Substrate's generic one.
const Bittensor uint16 = 42

// MaxPrefix is the largest prefix that an address can carry.
const MaxPrefix uint16 = 1<<14 - 1

// Why Decode refused an address. The errors it returns wrap one of these and
// never quote the address.
var (
	ErrLength   = errors.New("not the length of an account address")
	ErrAlphabet = errors.New("not base58")
	ErrChecksum = errors.New("wrong checksum")
	ErrPrefix   = errors.New("invalid network prefix")
)

const (
	keySize      = 32
	checksumSize = 2
	maxSize      = 2 + keySize + checksumSize

	// A one-byte prefix makes at most 48 characters, a two-byte prefix at most
	// 50; 35 zero bytes would make 35.
	minChars = 1 + keySize + checksumSize
	maxChars = 50
)

// Encode returns the address of a public key with Bittensor's prefix, 42.
func Encode(pub [32]byte) string {
	return encode(pub, Bittensor)
}

// EncodeWithPrefix returns the address of a public key on the network with this
// prefix. Prefixes above MaxPrefix, and 46 and 47, which the registry reserves,
// are refused with ErrPrefix.
func EncodeWithPrefix(pub [32]byte, prefix uint16) (string, error) {
	if err := checkPrefix(prefix); err != nil {
		return "", fmt.Errorf("ss58: prefix %d: %w", prefix, err)
	}
	return encode(pub, prefix), nil
}

// Decode returns the public key and the network prefix of an address. It does
// not insist on a prefix: callers that serve one network compare it themselves.
// Addresses of other lengths than an account's are refused, as are the prefixes
// 46 and 47 and a prefix written in more bytes than it needs.
func Decode(address string) (pub [32]byte, prefix uint16, err error) {
	if len(address) < minChars || len(address) > maxChars {
		return pub, 0, fmt.Errorf("ss58: %w: %d characters", ErrLength, len(address))
	}
	var buf [maxSize]byte
	raw, err := decodeBase58(buf[:], address)
	if err != nil {
		return pub, 0, fmt.Errorf("ss58: %w", err)
	}

	prefixSize := 1
	switch {
	case len(raw) == 0:
		return pub, 0, fmt.Errorf("ss58: %w", ErrLength)
	case raw[0] >= 128:
		return pub, 0, fmt.Errorf("ss58: %w", ErrPrefix)
	case raw[0] >= 64:
		prefixSize = 2
	}
	if len(raw) != prefixSize+keySize+checksumSize {
		return pub, 0, fmt.Errorf("ss58: %w: %d bytes", ErrLength, len(raw))
	}
	if prefixSize == 1 {
		prefix = uint16(raw[0])
	} else {
		// The first byte is 01 and bits 2…7 of the prefix, the second its bits
		// 0…1 and then 8…13.
		prefix = uint16(raw[0]&0x3f)<<2 | uint16(raw[1]>>6) | uint16(raw[1]&0x3f)<<8
		if prefix < 64 {
			return pub, 0, fmt.Errorf("ss58: %w: %d in two bytes", ErrPrefix, prefix)
		}
	}
	if err := checkPrefix(prefix); err != nil {
		return pub, 0, fmt.Errorf("ss58: %w: %d", err, prefix)
	}

	body := raw[:prefixSize+keySize]
	if sum := checksum(body); [checksumSize]byte(raw[len(body):]) != sum {
		return pub, 0, fmt.Errorf("ss58: %w", ErrChecksum)
	}
	return [keySize]byte(body[prefixSize:]), prefix, nil
}

func checkPrefix(prefix uint16) error {
	if prefix > MaxPrefix || prefix == 46 || prefix == 47 {
		return ErrPrefix
	}
	return nil
}

func encode(pub [32]byte, prefix uint16) string {
	var buf [maxSize]byte
	raw := buf[:0]
	if prefix < 64 {
		raw = append(raw, byte(prefix))
	} else {
		raw = append(raw, byte(prefix>>2)&0x3f|0x40, byte(prefix<<6)|byte(prefix>>8))
	}
	raw = append(raw, pub[:]...)
	sum := checksum(raw)
	return encodeBase58(append(raw, sum[:]...))
}

// checksum covers the prefix and the key.
func checksum(body []byte) [checksumSize]byte {
	const tag = "SS58PRE"
	var buf [len(tag) + maxSize]byte
	sum := blake2b.Sum512(append(append(buf[:0], tag...), body...))
	return [checksumSize]byte(sum[:])
}
