package chain

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/ss58"
)

// stored reads a value of a storage item.
func stored[T any](ctx context.Context, v *visit, item func() (*storageReader[T], error), keys ...any) (T, error) {
	var none T
	reader, err := item()
	if err != nil {
		return none, err
	}
	key, err := reader.item.Key(keys...)
	if err != nil {
		return none, err
	}
	value, err := v.source.Storage(ctx, v.block.Hash, key)
	if err != nil {
		return none, err
	}
	return reader.decode(value)
}

// storedOptional is stored for an item without a default: nil when nothing is stored.
func storedOptional[T any](ctx context.Context, v *visit, item func() (*storageReader[T], error), keys ...any) (*T, error) {
	reader, err := item()
	if err != nil {
		return nil, err
	}
	key, err := reader.item.Key(keys...)
	if err != nil {
		return nil, err
	}
	raw, err := v.source.Storage(ctx, v.block.Hash, key)
	if err != nil || raw == nil {
		return nil, err
	}
	value, err := reader.decode(raw)
	if err != nil {
		return nil, err
	}
	return &value, nil
}

// sizeOfOne is about how much memory a small answer takes.
func sizeOfOne[T any](T) int64 { return 256 }

// storedPair is a key and what is stored under it.
type storedPair struct{ key, value []byte }

// How much is read under one prefix at most. The largest list of today, the commitments of a subnet with all that were
// ever made, is some megabytes.
const (
	maxPrefixKeys  = 1 << 16
	maxPrefixBytes = 64 << 20
)

// pairs reads all keys of a storage item that begin with these map keys, and their values, in the order of storage.
// Nothing is decoded yet: that is done where a panic is caught, and not beside other reads.
func (v *visit) pairs(ctx context.Context, item *scale.StorageItem, first ...any) ([]storedPair, error) {
	prefix, err := item.Prefix(first...)
	if err != nil {
		return nil, err
	}
	var pairs []storedPair
	bytes := 0
	err = v.source.StoragePrefix(ctx, v.block.Hash, prefix, func(key, value []byte) error {
		bytes += len(key) + len(value)
		if len(pairs) == maxPrefixKeys || bytes > maxPrefixBytes {
			return &substrate.Error{
				Kind: substrate.KindTooLarge, Op: "state_getKeysPaged",
				Message: fmt.Sprintf("%s.%s has more than %d entries or %d bytes", item.Pallet, item.Name, maxPrefixKeys, maxPrefixBytes),
			}
		}
		pairs = append(pairs, storedPair{key, value})
		return nil
	})
	return pairs, err
}

// eachOfAccounts decodes what a map by subnet and account holds, in the order of storage, and visits it. A value that
// can not be decoded is logged and left out: one account must not be able to hide what all others have.
func eachOfAccounts[T any](v *visit, reader *storageReader[T], pairs []storedPair, visit func(who accountID, value T)) error {
	for _, pair := range pairs {
		who, err := accountInKey(reader.item, pair.key)
		if err != nil {
			return err
		}
		value, err := reader.decode(pair.value)
		if err != nil {
			v.skipped(reader.item, pair.key, err)
			continue
		}
		visit(who, value)
	}
	return nil
}

// skipped logs an entry of a list that is left out of it.
func (v *visit) skipped(item *scale.StorageItem, key []byte, err error) {
	v.chain.config.Logger.Warn("left out an entry that can not be decoded",
		"item", item.Pallet+"."+item.Name, "key", "0x"+hex.EncodeToString(key), "block", v.block.Number, "error", err)
}

// accountInKey returns the account that a storage key ends with.
func accountInKey(item *scale.StorageItem, key []byte) (who accountID, err error) {
	parts, err := item.SplitKey(key)
	if err != nil {
		return who, err
	}
	last := parts[len(parts)-1]
	if len(last) != len(who) {
		return who, fmt.Errorf("%s.%s: key %x does not end with an account", item.Pallet, item.Name, key)
	}
	return accountID(last), nil
}

// lacksStorage tells that the runtime of the block did not have what is looked for.
func lacksStorage(err error) bool {
	return errors.Is(err, scale.ErrNoStorage) || errors.Is(err, scale.ErrNoPallet)
}

// accountOf reads an SS58 address of any network. False means that it is none, so that nothing can be stored for it.
func accountOf(address string) (accountID, bool) {
	who, _, err := ss58.Decode(address)
	return who, err == nil
}
