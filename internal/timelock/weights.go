package timelock

import (
	"encoding/binary"
	"fmt"
)

// Largest ciphertexts that the chain takes, in bytes.
const (
	// MaxWeightsCiphertext bounds a weights commit on a subnet with Yuma consensus
	// (MAX_CRV3_COMMIT_SIZE_BYTES; CommitPayloadTooLarge beyond).
	MaxWeightsCiphertext = 5000
	// MaxCommitmentCiphertext bounds a timelocked commitment.
	MaxCommitmentCiphertext = 1024
)

// maxWeights bounds a list of uids: a uid has 16 bits.
const maxWeights = 1 << 16

// Weights is the message inside a timelocked weights commit (WeightsTlockPayload
// of the chain's reveal_commits.rs).
type Weights struct {
	// Hotkey is the public key of the committing hotkey. The chain drops a commit
	// whose hotkey is not the one that signed it.
	Hotkey [32]byte
	// UIDs and Values are the weights, of equal length.
	UIDs, Values []uint16
	// VersionKey is the weights version, as in set_weights.
	VersionKey uint64
	// Legacy is the form of runtimes up to spec 300, which newer ones still take:
	// it has no hotkey.
	Legacy bool
}

// Append appends the message in SCALE. The error says that there are not as many
// values as uids, or more than there can be uids; nothing is appended then.
func (w *Weights) Append(dst []byte) ([]byte, error) {
	switch {
	case len(w.UIDs) != len(w.Values):
		return dst, fmt.Errorf("timelock: %d uids with %d values", len(w.UIDs), len(w.Values))
	case len(w.UIDs) > maxWeights:
		return dst, fmt.Errorf("timelock: %d weights, more than the %d there can be", len(w.UIDs), maxWeights)
	}
	if !w.Legacy {
		dst = append(appendCompact(dst, len(w.Hotkey)), w.Hotkey[:]...)
	}
	for _, list := range [][]uint16{w.UIDs, w.Values} {
		dst = appendCompact(dst, len(list))
		for _, v := range list {
			dst = binary.LittleEndian.AppendUint16(dst, v)
		}
	}
	return binary.LittleEndian.AppendUint64(dst, w.VersionKey), nil
}

// ParseWeights reads the message of a weights commit as the chain does: the form
// with a hotkey, and the legacy form when the bytes are not such a one. Bytes that
// follow are ignored, in the hotkey too. Lists of unequal length are returned as
// they are: the chain refuses them later, when it sets the weights.
//
// A legacy message of many weights can be read as one with a hotkey (63 weights
// with the uids from 0 are enough), and then the hotkey is nobody's. That is the
// chain's doing: it drops such a commit.
func ParseWeights(b []byte) (*Weights, error) {
	hotkey, rest, err := cutCompactBytes(b)
	if err == nil && len(hotkey) >= 32 {
		if w, err := parseWeightLists(rest); err == nil {
			w.Hotkey = [32]byte(hotkey[:32])
			return w, nil
		}
	}
	return ParseLegacyWeights(b)
}

// ParseLegacyWeights reads the message of a weights commit as runtimes up to spec
// 300 do, which know only the legacy form. Bytes that follow are ignored.
func ParseLegacyWeights(b []byte) (*Weights, error) {
	w, err := parseWeightLists(b)
	if err != nil {
		return nil, err
	}
	w.Legacy = true
	return w, nil
}

func parseWeightLists(b []byte) (*Weights, error) {
	w := new(Weights)
	for _, list := range []*[]uint16{&w.UIDs, &w.Values} {
		n, rest, err := cutCompact(b)
		if err != nil {
			return nil, err
		}
		if n > len(rest)/2 {
			return nil, fmt.Errorf("%w weights: %d entries in %d bytes", ErrMalformed, n, len(rest))
		}
		*list = make([]uint16, n)
		for i := range *list {
			(*list)[i] = binary.LittleEndian.Uint16(rest[2*i:])
		}
		b = rest[2*n:]
	}
	if len(b) < 8 {
		return nil, fmt.Errorf("%w weights: %d bytes of a version key", ErrMalformed, len(b))
	}
	w.VersionKey = binary.LittleEndian.Uint64(b)
	return w, nil
}
