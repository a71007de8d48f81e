package intents

import "github.com/bittensor-pylon/pylon/internal/substrate"

// eraRoom is how many blocks an era that begins at a final block must have left to be taken.
const eraRoom = 8

// era chooses the block at which an era begins, and its length: the longest whose last block is not after the deadline.
// It begins at the newest final block where enough of it is left, because an extrinsic whose first block is given up can
// never be included; else at the newest block. False means that there is none.
func (s sight) era(deadline uint64) (birth substrate.Header, period uint64, ok bool) {
	if period, ok := substrate.EraPeriod(s.final.Number, deadline); ok && s.final.Number+period >= s.head.Number+1+eraRoom {
		return s.final, period, true
	}
	period, ok = substrate.EraPeriod(s.head.Number, deadline)
	return s.head, period, ok
}
