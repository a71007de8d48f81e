package substrate

import (
	"context"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// NonceAt returns the number of extrinsics of an account that the chain has included up to a block, that block with
// them. It is the next nonce if none is waiting.
func (c *Client) NonceAt(ctx context.Context, at Hash, account [32]byte) (uint64, error) {
	runtime, err := c.Runtime(ctx, at)
	if err != nil {
		return 0, err
	}
	item, err := runtime.Metadata.Storage("System", "Account")
	if err != nil {
		return 0, err
	}
	codec, err := scale.Bind[struct {
		Nonce uint32 `scale:"nonce"`
	}](runtime.Metadata.Types, item.Value)
	if err != nil {
		return 0, err
	}
	key, err := item.Key(scale.Bytes(account[:]))
	if err != nil {
		return 0, err
	}
	value, err := c.Storage(ctx, at, key)
	if err != nil {
		return 0, err
	}
	if value == nil {
		value = item.Default
	}
	info, err := codec.Decode(value)
	if err != nil {
		return 0, &Error{Kind: KindMalformed, Op: "System.Account", Message: err.Error()}
	}
	return uint64(info.Nonce), nil
}
