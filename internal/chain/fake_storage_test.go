package chain

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// put stores a value in a block, under the key that the block's runtime makes of the map keys.
func (n *fakeNode) put(t testing.TB, number uint64, pallet, item string, value []byte, keys ...any) {
	t.Helper()
	described, err := n.runtime.Metadata.Storage(pallet, item)
	if err != nil {
		t.Fatal(err)
	}
	key, err := described.Key(keys...)
	if err != nil {
		t.Fatal(err)
	}
	n.change(number, func(b *fakeBlock) { b.stored[string(key)] = value })
}

// answer makes the runtime API answer in a block.
func (n *fakeNode) answer(number uint64, method string, args, result []byte) {
	n.change(number, func(b *fakeBlock) { b.answers[method+string(args)] = result })
}

func (n *fakeNode) StorageBatch(ctx context.Context, at substrate.Hash, keys [][]byte) ([][]byte, error) {
	if err := n.begin(ctx, fakeCall{method: "StorageBatch", at: at}); err != nil {
		return nil, err
	}
	b, err := n.block(at)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	values := make([][]byte, len(keys))
	networks := scale.StoragePrefix("SubtensorModule", "NetworksAdded")
	for i, key := range keys {
		values[i] = b.stored[string(key)]
		if netuid, ok := bytes.CutPrefix(key, networks); ok {
			if _, exists := b.subnets[pylon.Netuid(binary.LittleEndian.Uint16(netuid))]; exists {
				values[i] = []byte{1}
			}
		}
	}
	return values, nil
}

func (n *fakeNode) StoragePrefix(ctx context.Context, at substrate.Hash, prefix []byte, visit func(key, value []byte) error) error {
	if err := n.begin(ctx, fakeCall{method: "StoragePrefix", at: at, args: prefix}); err != nil {
		return err
	}
	b, err := n.block(at)
	if err != nil {
		return err
	}
	n.mu.Lock()
	stored := maps.Clone(b.stored)
	if string(prefix) == string(scale.StoragePrefix("SubtensorModule", "NetworksAdded")) {
		for netuid := range b.subnets {
			stored[string(scale.AppendUint16(prefix, uint16(netuid)))] = []byte{1}
		}
	}
	n.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(stored)) {
		if strings.HasPrefix(key, string(prefix)) {
			if err := visit([]byte(key), stored[key]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (n *fakeNode) Block(ctx context.Context, hash substrate.Hash) (*substrate.Block, error) {
	if err := n.begin(ctx, fakeCall{method: "Block", at: hash}); err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	b, ok := n.blocks[hash]
	if !ok {
		return nil, &substrate.Error{Kind: substrate.KindUnknownBlock, Op: "chain_getBlock", Node: "ws://fake"}
	}
	return &substrate.Block{Header: b.header, Extrinsics: b.extrinsics}, nil
}
