package chain

import (
	"context"

	pylon "github.com/bittensor-pylon/pylon"
)

// infoAt returns a block's number, hash and time.
func (c *Chain) infoAt(ctx context.Context, at block) (*pylon.BlockInfo, error) {
	return ask[*pylon.BlockInfo](ctx, c.flights, question{topic: aboutTime, hash: at.Hash}, func(ctx context.Context) (fetched, error) {
		milliseconds, err := read(ctx, c, getBlockTime, at, notApplicable, func(ctx context.Context, v *visit) (uint64, error) {
			layout, err := v.layout(ctx)
			if err != nil {
				return 0, err
			}
			return stored(ctx, v, layout.timestamp)
		})
		if err != nil {
			return fetched{}, err
		}
		info := &pylon.BlockInfo{Number: at.Number, Hash: at.Hash.String(), Timestamp: int64(milliseconds / 1000)}
		return fetched{value: info, bytes: infoBytes}, nil
	})
}

// infoBytes is about how much memory a block's info takes.
const infoBytes = 128
