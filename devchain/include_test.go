package devchain

import (
	"slices"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// commitment is a signed commitment of a development account to a text on subnet
// 1.
func commitment(t *testing.T, c *Chain, uri, text string, nonce uint64) []byte {
	t.Helper()
	rt := c.config.Runtime
	raw, _ := rt.Metadata(15)
	m, err := scale.ParseMetadata(raw)
	if err != nil {
		t.Fatal(err)
	}
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	call, err := m.EncodeCall("Commitments", "set_commitment", map[string]any{
		"netuid": 1, "info": map[string]any{"fields": []any{scale.Enum{Name: "Raw4", Value: scale.Bytes(text)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	extra, implicit, err := m.Extensions(scale.Signing{
		Nonce: nonce, Genesis: c.Genesis().Hash, SpecVersion: rt.Version().SpecVersion, TransactionVersion: rt.Version().TransactionVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	signature := key.Sign(scale.SigningPayload(call, extra, implicit))
	x, err := m.SignedExtrinsic(key.PublicKey(), "Sr25519", signature[:], extra, call)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestInclude(t *testing.T) {
	t.Parallel()
	subtensor, err := NewSubtensor(SubtensorConfig{Subnets: []Subnet{{Netuid: 1, Neurons: 5}}})
	if err != nil {
		t.Fatal(err)
	}
	c := newChain(t, func(config *Config) { config.Runtime = subtensor })
	first, second := commitment(t, c, "//Bob", "once", 0), commitment(t, c, "//Bob", "more", 1)
	c.Include(first)
	c.Include(second)
	block := produce(t, c, 1)
	if len(block.Extrinsics) != 3 || !slices.Equal(block.Extrinsics[1], first) || !slices.Equal(block.Extrinsics[2], second) {
		t.Fatalf("the block holds %x", block.Extrinsics)
	}
	// The next block holds none of them; block 2 is the one in which //Alice acts.
	if block = produce(t, c, 1); block.Number != 2 || len(block.Extrinsics) != 2 || slices.Equal(block.Extrinsics[1], second) {
		t.Errorf("the block holds %x", block.Extrinsics)
	}
	// What cannot be in a block makes none, and is forgotten.
	for what, bad := range map[string][]byte{"outdated": first, "not an extrinsic": {1, 2, 3}, "malformed": {4, 4}} {
		c.Include(commitment(t, c, "//Bob", "rest", 2), bad)
		if _, err := c.Produce(1); err == nil || !strings.Contains(err.Error(), "included extrinsic 1") {
			t.Errorf("%s: %v", what, err)
		}
		if c.Best().Number != block.Number {
			t.Fatalf("%s: there is a block %d", what, c.Best().Number)
		}
	}
	if block = produce(t, c, 1); len(block.Extrinsics) != 1 {
		t.Errorf("the block holds %x", block.Extrinsics)
	}
}
