package chain

import (
	"context"

	"github.com/bittensor-pylon/pylon/internal/problem"
)

// LastStoredRound returns the newest round of the drand beacon that the chain has stored at the newest known block.
func (c *Chain) LastStoredRound(ctx context.Context) (uint64, error) {
	at, err := c.newestBlock(ctx)
	if err != nil {
		return 0, err
	}
	return lookUp(ctx, c, question{topic: aboutDrand}, getLastRound, at, notApplicable, func(uint64) int64 { return 0 },
		func(ctx context.Context, v *visit) (uint64, error) {
			layout, err := v.layout(ctx)
			if err != nil {
				return 0, err
			}
			round, err := stored(ctx, v, layout.lastRound)
			if lacksStorage(err) {
				return 0, problem.Wrap(problem.Unsupported, "The runtime of the chain keeps no drand rounds.", err)
			}
			return round, err
		})
}
