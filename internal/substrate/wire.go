package substrate

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// hexBytes is bytes that JSON writes as 0x and hexadecimal digits.
type hexBytes []byte

// MarshalText writes 0x and lower-case digits.
func (h hexBytes) MarshalText() ([]byte, error) {
	return hex.AppendEncode(append(make([]byte, 0, 2+2*len(h)), "0x"...), h), nil
}

// UnmarshalJSON reads a string of 0x and digits.
func (h *hexBytes) UnmarshalJSON(raw []byte) error {
	b, err := decodeHex(raw)
	*h = b
	return err
}

// decodeHex decodes a JSON string of 0x and digits, once, into memory of exactly its size.
func decodeHex(raw []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(raw, []byte(`"0x`))
	if !ok || len(digits) == 0 || digits[len(digits)-1] != '"' {
		return nil, fmt.Errorf("%.40q where a string of 0x and hexadecimal digits should be", raw)
	}
	digits = digits[:len(digits)-1]
	b := make([]byte, len(digits)/2)
	if _, err := hex.Decode(b, digits); err != nil {
		return nil, fmt.Errorf("hexadecimal digits: %w", err)
	}
	return b, nil
}

func isNull(raw []byte) bool { return string(raw) == "null" }

// decodeHash decodes a JSON string with a hash.
func decodeHash(raw []byte) (Hash, error) {
	b, err := decodeHex(raw)
	if err != nil {
		return Hash{}, err
	}
	if len(b) != len(Hash{}) {
		return Hash{}, fmt.Errorf("a hash of %d bytes", len(b))
	}
	return Hash(b), nil
}

// blockNumber is a block's number, which headers write as a string of 0x and hexadecimal digits.
type blockNumber uint64

// UnmarshalJSON reads that, or a plain number.
func (n *blockNumber) UnmarshalJSON(raw []byte) error {
	text, base := string(raw), 10
	if unquoted, err := strconv.Unquote(text); err == nil {
		text = unquoted
		if digits, ok := bytes.CutPrefix([]byte(text), []byte("0x")); ok {
			text, base = string(digits), 16
		}
	}
	number, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return fmt.Errorf("block number %.40q", raw)
	}
	*n = blockNumber(number)
	return nil
}

// wireHeader is a header as nodes send it: without its own hash.
type wireHeader struct {
	ParentHash     *Hash        `json:"parentHash"`
	Number         *blockNumber `json:"number"`
	StateRoot      *Hash        `json:"stateRoot"`
	ExtrinsicsRoot *Hash        `json:"extrinsicsRoot"`
	Digest         *struct {
		Logs []hexBytes `json:"logs"`
	} `json:"digest"`
}

// decodeHeader decodes a header and computes its hash.
func decodeHeader(raw []byte) (Header, error) {
	var w wireHeader
	if err := json.Unmarshal(raw, &w); err != nil {
		return Header{}, fmt.Errorf("header: %w", err)
	}
	return w.header()
}

// header computes the hash: blake2b-256 of parent, compact number, roots and digest, in SCALE.
func (w *wireHeader) header() (Header, error) {
	if w.ParentHash == nil || w.Number == nil || w.StateRoot == nil || w.ExtrinsicsRoot == nil || w.Digest == nil {
		return Header{}, errors.New("header: parentHash, number, stateRoot, extrinsicsRoot or digest is missing")
	}
	b := make([]byte, 0, 512)
	b = append(b, w.ParentHash[:]...)
	b = scale.AppendCompact(b, uint64(*w.Number))
	b = append(b, w.StateRoot[:]...)
	b = append(b, w.ExtrinsicsRoot[:]...)
	b = scale.AppendCompact(b, uint64(len(w.Digest.Logs)))
	for _, item := range w.Digest.Logs {
		b = append(b, item...)
	}
	return Header{Number: uint64(*w.Number), Hash: blake2b.Sum256(b), Parent: *w.ParentHash}, nil
}
