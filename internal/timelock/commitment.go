package timelock

import (
	"encoding/binary"
	"fmt"
)

// AppendCommitment appends the message of a timelocked commitment: the text as a
// SCALE string. The chain keeps this form when it has opened it. A text of up to
// 778 bytes fits into MaxCommitmentCiphertext. The error says that the text is
// longer than a SCALE string of ours can be (1 GiB).
func AppendCommitment(dst []byte, text string) ([]byte, error) {
	if len(text) > maxCompact {
		return dst, fmt.Errorf("timelock: a commitment of %d bytes", len(text))
	}
	return append(appendCompact(dst, len(text)), text...), nil
}

// ParseCommitment reads a revealed commitment, and returns the bytes inside the
// SCALE string. Not every client writes one: the error then says what is wrong,
// and the caller shows the message as it is. Bytes that follow are an error too.
func ParseCommitment(b []byte) ([]byte, error) {
	text, rest, err := cutCompactBytes(b)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fmt.Errorf("%w: %d bytes after the text", ErrMalformed, len(rest))
	}
	return text, nil
}

// Frame is a ciphertext with the round that opens it: what bittensor-drand calls
// UserData, and what follows the tag 134 in the chain's Data::TimelockEncrypted.
type Frame struct {
	Ciphertext []byte
	Round      uint64
}

// Append appends the frame in SCALE. The error says that the ciphertext is longer
// than 1 GiB.
func (f *Frame) Append(dst []byte) ([]byte, error) {
	if len(f.Ciphertext) > maxCompact {
		return dst, fmt.Errorf("timelock: a ciphertext of %d bytes", len(f.Ciphertext))
	}
	dst = append(appendCompact(dst, len(f.Ciphertext)), f.Ciphertext...)
	return binary.LittleEndian.AppendUint64(dst, f.Round), nil
}

// ParseFrame reads a frame, whose ciphertext is a part of b. Bytes that follow are
// ignored, as bittensor-drand does.
func ParseFrame(b []byte) (Frame, error) {
	ciphertext, rest, err := cutCompactBytes(b)
	if err != nil {
		return Frame{}, err
	}
	if len(rest) < 8 {
		return Frame{}, fmt.Errorf("%w frame: %d bytes of a round", ErrMalformed, len(rest))
	}
	return Frame{ciphertext, binary.LittleEndian.Uint64(rest)}, nil
}
