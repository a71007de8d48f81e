package substrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Fee returns what including an extrinsic would cost its payer in the state of a block, in rao, without the tip. The
// signature is not looked at: see [Unsigned]. Calls that turn out to pay nothing are estimated like all others.
func (c *Client) Fee(ctx context.Context, at Hash, extrinsic []byte) (uint64, error) {
	const method = "TransactionPaymentApi_query_info"
	args := scale.AppendUint32(slices.Clone(extrinsic), uint32(len(extrinsic)))
	return ask(ctx, c, stateCall(at, method, args), func(raw []byte) (uint64, error) {
		b, err := decodeHex(raw)
		if err != nil {
			return 0, err
		}
		// RuntimeDispatchInfo: a weight of two parts, the dispatch class, the fee.
		r := scale.NewReader(b)
		r.Compact()
		r.Compact()
		r.Uint8()
		fee := r.Uint64()
		if err := r.Close(); err != nil {
			return 0, fmt.Errorf("%s: %w", method, err)
		}
		return fee, nil
	})
}
