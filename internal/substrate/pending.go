package substrate

import "context"

// What follows is being built; see the commits after this one.

var errPending = &Error{Kind: KindClosed, Op: "pending", Message: "not built yet"}

// Close gives up all calls, closes all connections and waits, at most 5 s, until everything has stopped.
func (c *Client) Close() error { return nil }

// Role returns the role of the configuration.
func (c *Client) Role() string { return c.config.Role }

// Genesis returns the hash of block 0, waiting for the first node when it is not configured.
func (c *Client) Genesis(ctx context.Context) (Hash, error) { return Hash{}, errPending }

// Head returns the newest best header of the healthy nodes. It waits, at most ConnectWait, when no node is connected.
func (c *Client) Head(ctx context.Context) (Header, error) { return Header{}, errPending }

// KnownHead returns the newest best header without asking anybody, and false before the first.
func (c *Client) KnownHead() (Header, bool) { return Header{}, false }

// Finalized returns the newest finalised header of the healthy nodes.
func (c *Client) Finalized(ctx context.Context) (Header, error) { return Header{}, errPending }

// Watch tells of every new best and finalised head, beginning with the present ones. A reader who is more than buffer
// events late loses the oldest. The function ends it and closes the channel, as Close does.
func (c *Client) Watch(buffer int) (<-chan HeadEvent, func()) { return nil, func() {} }

// BlockHash returns the hash of the block at a height of the best chain, or a KindUnknownBlock error.
func (c *Client) BlockHash(ctx context.Context, number uint64) (Hash, error) { return Hash{}, errPending }

// Header returns the header with a hash, or a KindUnknownBlock error.
func (c *Client) Header(ctx context.Context, hash Hash) (Header, error) { return Header{}, errPending }

// Block returns the block with a hash, or a KindUnknownBlock error.
func (c *Client) Block(ctx context.Context, hash Hash) (*Block, error) { return nil, errPending }

// Runtime returns the runtime that decodes what is read at a block.
func (c *Client) Runtime(ctx context.Context, at Hash) (*Runtime, error) { return nil, errPending }

// StateCall calls a runtime API, "Trait_method", with SCALE encoded arguments and returns the SCALE encoded result.
// A runtime without it is a KindMethodMissing error.
func (c *Client) StateCall(ctx context.Context, at Hash, method string, args []byte) ([]byte, error) {
	return nil, errPending
}

// Storage returns the value of a key, nil when there is none.
func (c *Client) Storage(ctx context.Context, at Hash, key []byte) ([]byte, error) {
	return nil, errPending
}

// StorageBatch returns the values of keys, in their order, nil where there is none.
func (c *Client) StorageBatch(ctx context.Context, at Hash, keys [][]byte) ([][]byte, error) {
	return nil, errPending
}

// StoragePrefix calls visit for every key with a prefix, in the order of the keys, until it returns an error.
func (c *Client) StoragePrefix(ctx context.Context, at Hash, prefix []byte, visit func(key, value []byte) error) error {
	return errPending
}

// Nodes returns how each node is doing, in the order of the configuration.
func (c *Client) Nodes() []NodeStatus { return nil }
