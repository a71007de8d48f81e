package substrate

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// hexBytes is bytes that requests write as 0x and hexadecimal digits.
type hexBytes []byte

// MarshalText writes 0x and lower-case digits.
func (h hexBytes) MarshalText() ([]byte, error) {
	return hex.AppendEncode(append(make([]byte, 0, 2+2*len(h)), "0x"...), h), nil
}

// decodeHex decodes a JSON string of 0x and digits, once, into memory of exactly its size.
func decodeHex(raw []byte) ([]byte, error) {
	return appendHex(make([]byte, 0, max(0, len(raw)/2-2)), raw)
}

func appendHex(dst, raw []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(raw, []byte(`"0x`))
	if !ok || len(digits) == 0 || digits[len(digits)-1] != '"' {
		return nil, fmt.Errorf("%.40q where a string of 0x and hexadecimal digits should be", raw)
	}
	dst, err := hex.AppendDecode(dst, digits[:len(digits)-1])
	if err != nil {
		return nil, fmt.Errorf("hexadecimal digits: %w", err)
	}
	return dst, nil
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

// decodeNumber decodes a block's number, which headers write as a string of 0x and hexadecimal digits, or as a number.
func decodeNumber(raw []byte) (uint64, error) {
	text, base := string(raw), 10
	if digits, ok := strings.CutPrefix(text, `"0x`); ok {
		if text, ok = strings.CutSuffix(digits, `"`); ok {
			base = 16
		}
	}
	number, err := strconv.ParseUint(text, base, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q where a block number should be", raw)
	}
	return number, nil
}

// decodeHeader decodes a header as nodes send it, without its own hash, and computes that: blake2b-256 of parent,
// compact number, roots and digest, in SCALE.
func decodeHeader(raw []byte) (Header, error) {
	h, _, err := decodeHeaderAndRoot(raw)
	return h, err
}

// decodeHeaderAndRoot returns the root of the extrinsics too.
func decodeHeaderAndRoot(raw []byte) (h Header, extrinsicsRoot Hash, err error) {
	var stateRoot Hash
	var logs []byte
	items := uint64(0)
	seen := make(map[string]bool, 5)
	err = scanObject(raw, func(key, value []byte) (err error) {
		switch string(key) {
		case "parentHash":
			h.Parent, err = decodeHash(value)
		case "number":
			h.Number, err = decodeNumber(value)
		case "stateRoot":
			stateRoot, err = decodeHash(value)
		case "extrinsicsRoot":
			extrinsicsRoot, err = decodeHash(value)
		case "digest":
			logs, items, err = decodeDigest(value)
		default:
			return nil
		}
		seen[string(key)] = true
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	})
	if err != nil {
		return Header{}, Hash{}, fmt.Errorf("header: %w", err)
	}
	if len(seen) != 5 {
		return Header{}, Hash{}, errors.New("header: parentHash, number, stateRoot, extrinsicsRoot or digest is missing")
	}
	b := make([]byte, 0, 128+len(logs))
	b = append(b, h.Parent[:]...)
	b = scale.AppendCompact(b, h.Number)
	b = append(b, stateRoot[:]...)
	b = append(b, extrinsicsRoot[:]...)
	b = scale.AppendCompact(b, items)
	h.Hash = blake2b.Sum256(append(b, logs...))
	return h, extrinsicsRoot, nil
}

// decodeDigest returns the items of a digest, which are in SCALE, one after the other.
func decodeDigest(raw []byte) (logs []byte, items uint64, err error) {
	found := false
	err = scanObject(raw, func(key, value []byte) error {
		if string(key) != "logs" {
			return nil
		}
		found = true
		logs, items = logs[:0], 0
		return scanArray(value, func(item []byte) (err error) {
			items++
			logs, err = appendHex(logs, item)
			return err
		})
	})
	if err == nil && !found {
		err = errors.New("logs are missing")
	}
	return logs, items, err
}
