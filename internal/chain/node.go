package chain

import (
	"context"

	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// heads tells which block is the newest.
type heads interface {
	Head(ctx context.Context) (substrate.Header, error)
	KnownHead() (substrate.Header, bool)
	Watch(buffer int) (<-chan substrate.HeadEvent, func())
}

// numbers tells which block has a number.
type numbers interface {
	BlockHash(ctx context.Context, number uint64) (substrate.Hash, error)
}

// states answers questions about blocks and the state that each left behind.
type states interface {
	Runtime(ctx context.Context, at substrate.Hash) (*substrate.Runtime, error)
	StateCall(ctx context.Context, at substrate.Hash, method string, args []byte) ([]byte, error)
	storages
	Block(ctx context.Context, hash substrate.Hash) (*substrate.Block, error)
}

// storages reads what is stored under keys.
type storages interface {
	Storage(ctx context.Context, at substrate.Hash, key []byte) ([]byte, error)
	StorageBatch(ctx context.Context, at substrate.Hash, keys [][]byte) ([][]byte, error)
	StoragePrefix(ctx context.Context, at substrate.Hash, prefix []byte, visit func(key, value []byte) error) error
}

// source is one of the two ways to the chain: the main nodes, or the archive nodes.
type source struct {
	states
	// uri is what errors and metrics call it. It has no credentials in it.
	uri string
}
