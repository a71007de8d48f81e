package substrate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/ss58"
)

// nonceGrace is how much longer the other nodes may take to say what comes next, after the first has.
const nonceGrace = 2 * time.Second

// Nonce returns the next nonce of an account: the highest that a healthy node says, extrinsics waiting in its pool
// counted. After the first answer the other nodes have two seconds. A node that lies can make it too high, and all can
// make it too low, so it is to be compared with what the caller has signed before.
func (c *Client) Nonce(ctx context.Context, account [32]byte) (uint64, error) {
	const method = "system_accountNextIndex"
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q := query{method: method, params: []any{ss58.Encode(account)}}
	replies, count, err := askEverybody(ctx, c, q, func(raw []byte) (uint64, error) {
		var nonce uint32
		if err := json.Unmarshal(raw, &nonce); err != nil || isNull(raw) {
			return 0, fmt.Errorf("%.40q where a nonce should be", raw)
		}
		return uint64(nonce), nil
	})
	if err != nil {
		return 0, err
	}
	var highest uint64
	var failed *Error
	var grace <-chan time.Time
	for range count {
		select {
		case r := <-replies:
			switch {
			case r.err != nil:
				failed = r.err
			default:
				highest = max(highest, r.value)
				if grace == nil {
					timer := time.NewTimer(nonceGrace)
					defer timer.Stop()
					grace = timer.C
				}
			}
		case <-grace:
			return highest, nil
		case <-ctx.Done():
			return 0, contextError(ctx, method)
		}
	}
	if grace == nil {
		return 0, failed
	}
	return highest, nil
}

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
