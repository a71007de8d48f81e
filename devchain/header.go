package devchain

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Header is a Substrate block header: what the hash of a block covers.
type Header struct {
	Parent         Hash
	Number         uint64
	StateRoot      Hash
	ExtrinsicsRoot Hash
	Digest         [][]byte // SCALE digest items, as in digest.logs of the JSON form
}

// Encode returns the SCALE form.
func (h *Header) Encode() []byte {
	out := make([]byte, 0, 160)
	out = append(out, h.Parent[:]...)
	out = scale.AppendCompact(out, h.Number)
	out = append(out, h.StateRoot[:]...)
	out = append(out, h.ExtrinsicsRoot[:]...)
	out = scale.AppendCompact(out, uint64(len(h.Digest)))
	for _, item := range h.Digest {
		out = append(out, item...)
	}
	return out
}

// Hash is the blake2b-256 of the SCALE form, which names the block.
func (h *Header) Hash() Hash { return blake2b.Sum256(h.Encode()) }

// MarshalJSON is the form of chain_getHeader.
func (h *Header) MarshalJSON() ([]byte, error) {
	var form struct {
		Parent         Hash   `json:"parentHash"`
		Number         string `json:"number"`
		StateRoot      Hash   `json:"stateRoot"`
		ExtrinsicsRoot Hash   `json:"extrinsicsRoot"`
		Digest         struct {
			Logs []hexBytes `json:"logs"`
		} `json:"digest"`
	}
	form.Parent, form.StateRoot, form.ExtrinsicsRoot = h.Parent, h.StateRoot, h.ExtrinsicsRoot
	form.Number = fmt.Sprintf("0x%x", h.Number)
	form.Digest.Logs = make([]hexBytes, len(h.Digest))
	for i, item := range h.Digest {
		form.Digest.Logs[i] = item
	}
	return json.Marshal(form)
}

// Digest items, sp-runtime's DigestItem.
const (
	digestPreRuntime                = 6
	digestRuntimeEnvironmentUpdated = 8
)

// auraSlot is the pre-runtime item that an Aura author puts first: which slot
// the block fills.
func auraSlot(at time.Time, slotDuration time.Duration) []byte {
	item := append([]byte{digestPreRuntime}, "aura"...)
	item = scale.AppendCompact(item, 8)
	return binary.LittleEndian.AppendUint64(item, uint64(at.UnixMilli()/slotDuration.Milliseconds()))
}

// extrinsicsRoot is the root of the trie that maps the compact index of each
// extrinsic to its bytes, in the layout of state version 0 whatever the state's
// own (frame-system, system version 1).
func extrinsicsRoot(extrinsics [][]byte) Hash {
	return trie.Root(0, func(set func(key, value []byte)) {
		for i, extrinsic := range extrinsics {
			set(scale.AppendCompact(nil, uint64(i)), extrinsic)
		}
	})
}

// Block is one block as the chain keeps it for ever. Slices in it must not be
// changed.
type Block struct {
	Header
	Hash       Hash
	Time       time.Time // whole milliseconds, UTC; of the genesis block the configured one
	Extrinsics [][]byte  // complete, with the length in front
}

// hexBytes is written as 0x and hexadecimal digits.
type hexBytes []byte

func (b hexBytes) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, 2*len(b)+4)
	out = append(out, `"0x`...)
	out = hex.AppendEncode(out, b)
	return append(out, '"'), nil
}

// clone is a Block whose slices are the caller's own to keep, not to change.
func (b *Block) clone() Block {
	c := *b
	c.Digest, c.Extrinsics = slices.Clone(b.Digest), slices.Clone(b.Extrinsics)
	return c
}
