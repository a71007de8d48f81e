package substrate

import (
	"bytes"
	"context"
	"encoding/json"
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

// StorageBatch returns the values of keys, in their order, nil where there is none. Nodes without state_queryStorageAt
// are asked for one key after the other.
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
	if KindOf(err) != KindRPCMethodMissing || err == nil {
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

// decodeChanges reads the answer of state_queryStorageAt: one set of changes, with every key that was asked for.
func decodeChanges(raw []byte, at Hash, keys [][]byte) ([][]byte, error) {
	var sets []struct {
		Block   *Hash                `json:"block"`
		Changes [][2]json.RawMessage `json:"changes"`
	}
	if err := json.Unmarshal(raw, &sets); err != nil {
		return nil, fmt.Errorf("storage changes: %w", err)
	}
	if len(sets) != 1 || sets[0].Block == nil {
		return nil, fmt.Errorf("storage changes: %d blocks where one should be", len(sets))
	}
	if *sets[0].Block != at {
		return nil, fmt.Errorf("storage changes of block %s, not %s", sets[0].Block, at)
	}
	found := make(map[string][]byte, len(keys))
	for _, change := range sets[0].Changes {
		key, err := decodeHex(change[0])
		if err != nil {
			return nil, fmt.Errorf("storage changes: key: %w", err)
		}
		var value []byte
		if !isNull(change[1]) {
			if value, err = decodeHex(change[1]); err != nil {
				return nil, fmt.Errorf("storage changes: value: %w", err)
			}
		}
		found[string(key)] = value
	}
	values := make([][]byte, len(keys))
	for i, key := range keys {
		value, ok := found[string(key)]
		if !ok {
			return nil, fmt.Errorf("storage changes: the key 0x%x is missing", key)
		}
		values[i] = value
	}
	return values, nil
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
		if isNull(raw) {
			return nil, errors.New("keys: null where a list should be")
		}
		var wire []hexBytes
		if err := json.Unmarshal(raw, &wire); err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		if len(wire) > pageKeys {
			return nil, fmt.Errorf("keys: %d where at most %d were asked for", len(wire), pageKeys)
		}
		keys := make([][]byte, len(wire))
		last := after
		for i, key := range wire {
			// An order that goes back would make the pages go round for ever.
			if !bytes.HasPrefix(key, prefix) || last != nil && bytes.Compare(key, last) <= 0 {
				return nil, errors.New("keys: one has another prefix, or comes before the one before it")
			}
			keys[i], last = key, key
		}
		return keys, nil
	})
}
