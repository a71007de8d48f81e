package substrate

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
)

// stateCall is a call of a runtime API.
func stateCall(at Hash, method string, args []byte) query {
	return query{method: "state_call", params: []any{method, hexBytes(args), at}, at: &at}
}

// StateCall calls a runtime API, "Trait_method", with SCALE encoded arguments and returns the SCALE encoded result.
// A runtime without it is a KindMethodMissing error.
func (c *Client) StateCall(ctx context.Context, at Hash, method string, args []byte) ([]byte, error) {
	return ask(ctx, c, stateCall(at, method, args), decodeHex)
}

// Storage returns the value of a key, nil when there is none.
func (c *Client) Storage(ctx context.Context, at Hash, key []byte) ([]byte, error) {
	return ask(ctx, c, query{method: "state_getStorage", params: []any{hexBytes(key), at}, at: &at}, func(raw []byte) ([]byte, error) {
		if isNull(raw) {
			return nil, nil
		}
		return decodeHex(raw)
	})
}

const (
	// batchKeys is the number of values asked for at a time: of 100 bytes each, an answer of a quarter of a MiB.
	batchKeys = 1000
	// pageKeys is the number of keys asked for at a time. Nodes refuse more than 1000.
	pageKeys = 1000
	// singleReads is the number of single reads at a time, at nodes without batches.
	singleReads = 16
)

// StorageBatch returns the values of keys, in their order, nil where there is none. Where values are so large that a node
// cannot give as many at a time it is asked for fewer. Nodes without state_queryStorageAt are asked for one key after the
// other.
func (c *Client) StorageBatch(ctx context.Context, at Hash, keys [][]byte) ([][]byte, error) {
	values := make([][]byte, 0, len(keys))
	for len(keys) > 0 {
		n := min(len(keys), batchKeys)
		batch, err := c.storageBatch(ctx, at, keys[:n])
		if err != nil {
			return nil, err
		}
		values = append(values, batch...)
		keys = keys[n:]
	}
	return values, nil
}

func (c *Client) storageBatch(ctx context.Context, at Hash, keys [][]byte) ([][]byte, error) {
	wire := make([]hexBytes, len(keys))
	for i, key := range keys {
		wire[i] = key
	}
	// The block is the second parameter whatever servers call it; by a wrong name it would be ignored.
	values, err := ask(ctx, c, query{method: "state_queryStorageAt", params: []any{wire, at}, at: &at}, func(raw []byte) ([][]byte, error) {
		return decodeChanges(raw, at, keys)
	})
	switch kind := KindOf(err); {
	case kind == KindTooLarge && len(keys) > 1:
		first, err := c.storageBatch(ctx, at, keys[:len(keys)/2])
		if err != nil {
			return nil, err
		}
		second, err := c.storageBatch(ctx, at, keys[len(keys)/2:])
		return append(first, second...), err
	case kind != KindRPCMethodMissing || err == nil:
		return values, err
	}
	values = make([][]byte, len(keys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(singleReads)
	for i, key := range keys {
		group.Go(func() (err error) {
			values[i], err = c.Storage(ctx, at, key)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return values, nil
}

// stored is the value of a key as a node tells it: nil where there is none.
type stored struct {
	value []byte
	told  bool
}

// decodeChanges reads the answer of state_queryStorageAt: one set of changes, with every key that was asked for.
func decodeChanges(raw []byte, at Hash, keys [][]byte) ([][]byte, error) {
	found := make(map[string]stored, len(keys))
	for _, key := range keys {
		found[string(key)] = stored{}
	}
	sets := 0
	err := scanArray(raw, func(set []byte) error {
		if sets++; sets > 1 {
			return errors.New("more than one block")
		}
		return decodeChangeSet(set, at, found)
	})
	if err != nil {
		return nil, fmt.Errorf("storage changes: %w", err)
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		s := found[string(key)]
		if !s.told {
			return nil, fmt.Errorf("storage changes: the key 0x%x is missing", key)
		}
		values[i] = s.value
	}
	return values, nil
}

// decodeChangeSet reads the changes of one block, {"block": hash, "changes": [[key, value or null], …]}, into found.
// Keys that are not there were not asked for.
func decodeChangeSet(raw []byte, at Hash, found map[string]stored) error {
	var changes []byte
	var block Hash
	err := scanObject(raw, func(key, value []byte) (err error) {
		switch string(key) {
		case "block":
			block, err = decodeHash(value)
		case "changes":
			changes = value
		}
		return err
	})
	if err != nil {
		return err
	}
	if block != at {
		return fmt.Errorf("of block %s, not %s", block, at)
	}
	return scanArray(changes, func(change []byte) error {
		var key []byte
		var s stored
		place := 0
		err := scanArray(change, func(raw []byte) (err error) {
			switch place++; {
			case place == 1:
				key, err = decodeHex(raw)
			case place == 2 && isNull(raw):
				s.told = true
			case place == 2:
				s.value, err = decodeHex(raw)
				s.told = true
			}
			return err
		})
		if err != nil {
			return err
		}
		if _, asked := found[string(key)]; asked && s.told {
			found[string(key)] = s
		}
		return nil
	})
}

// StoragePrefix calls visit for every key with a prefix and its value, in the order of the keys, until it returns an
// error. The slices belong to visit.
func (c *Client) StoragePrefix(ctx context.Context, at Hash, prefix []byte, visit func(key, value []byte) error) error {
	var after []byte
	for {
		keys, err := c.keysPage(ctx, at, prefix, after)
		if err != nil {
			return err
		}
		values, err := c.StorageBatch(ctx, at, keys)
		if err != nil {
			return err
		}
		for i, key := range keys {
			if values[i] == nil {
				return &Error{Kind: KindMalformed, Op: "state_getKeysPaged", Message: fmt.Sprintf("the node listed the key 0x%x, which has no value", key)}
			}
			if err := visit(key, values[i]); err != nil {
				return err
			}
		}
		if len(keys) < pageKeys {
			return nil
		}
		after = keys[len(keys)-1]
	}
}

// keysPage returns up to pageKeys keys that follow one of them, or the first.
func (c *Client) keysPage(ctx context.Context, at Hash, prefix, after []byte) ([][]byte, error) {
	var start any
	if after != nil {
		start = hexBytes(after)
	}
	q := query{method: "state_getKeysPaged", params: []any{hexBytes(prefix), pageKeys, start, at}, at: &at}
	return ask(ctx, c, q, func(raw []byte) ([][]byte, error) {
		keys := make([][]byte, 0, 16)
		last := after
		err := scanArray(raw, func(raw []byte) error {
			key, err := decodeHex(raw)
			switch {
			case err != nil:
				return err
			case len(keys) == pageKeys:
				return fmt.Errorf("more than %d", pageKeys)
			case !bytes.HasPrefix(key, prefix) || last != nil && bytes.Compare(key, last) <= 0:
				// An order that goes back would make the pages go round for ever.
				return errors.New("one has another prefix, or comes before the one before it")
			}
			keys, last = append(keys, key), key
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		return keys, nil
	})
}
