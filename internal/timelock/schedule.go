package timelock

import (
	"math"
	"time"
)

// SecurityOffset is how many blocks after the first block of a Window the clients
// of the chain aim at, so that a pulse is not early when blocks are.
const SecurityOffset = 3

// Schedule says when a beacon signs its rounds. The zero value is quicknet's.
type Schedule struct {
	// Genesis is when round 1 is signed. Defaults to quicknet's, with Period.
	Genesis time.Time
	// Period is the time between two rounds. Defaults to quicknet's, with Genesis.
	Period time.Duration
}

// Pace estimates when a block comes: Block is the newest one at the time Time, and
// another one follows every BlockTime.
type Pace struct {
	Block     uint64
	Time      time.Time
	BlockTime time.Duration
}

// At estimates when a block comes. A block up to the newest one is taken for the
// newest one. More than 292 years ahead is taken for 292 years.
func (p Pace) At(block uint64) time.Time {
	if block <= p.Block || p.BlockTime <= 0 {
		return p.Time
	}
	return p.Time.Add(times(block-p.Block, p.BlockTime))
}

// Round returns the newest round that is signed at a time, and 0 before the
// beacon's first.
func (s Schedule) Round(t time.Time) uint64 {
	s = s.orQuicknet()
	since := t.Sub(s.Genesis)
	if since < 0 {
		return 0
	}
	return uint64(since/s.Period) + 1
}

// Time returns when a round is signed. Rounds count from 1; 0 is taken for 1, and
// a round more than 292 years after the first for one that far.
func (s Schedule) Time(round uint64) time.Time {
	s = s.orQuicknet()
	return s.Genesis.Add(times(max(round, 1)-1, s.Period))
}

// RevealRound picks the round of a weights commit that the chain opens in a
// window: the one that the clients of the chain choose for the block offset blocks
// after the window's first ([SecurityOffset] for theirs). It is signed one to two
// periods before that block is expected, and is at least 1.
//
// A window of few blocks needs a smaller offset: the pulse reaches the chain a few
// seconds after its round, counts from the block after that one, and does nothing
// from w.End on. From spec 423 on the chain refuses a round below its drand
// pallet's LastStoredRound.
func (s Schedule) RevealRound(w Window, offset uint64, p Pace) uint64 {
	return s.before(p.At(addSaturating(w.First, offset)))
}

// CommitmentRound picks the round for a timelocked commitment that is to be opened
// a number of blocks from now, as bittensor-drand's get_encrypted_commitment does:
// in whole seconds, the time to wait rounded to the nearest one.
func (s Schedule) CommitmentRound(now time.Time, blocks uint64, blockTime time.Duration) uint64 {
	wait := times(blocks, max(blockTime, 0)).Round(time.Second)
	return s.before(now.Truncate(time.Second).Add(wait))
}

// FrameRound picks the round for a [Frame] that is to be opened a number of blocks
// from now, as bittensor-drand's encrypt does: the moment rounded up to a second.
func (s Schedule) FrameRound(now time.Time, blocks uint64, blockTime time.Duration) uint64 {
	moment := now.Add(times(blocks, max(blockTime, 0)))
	if whole := moment.Truncate(time.Second); whole.Before(moment) {
		moment = whole.Add(time.Second)
	}
	return s.before(moment)
}

// before counts whole periods since genesis, without the one that rounds begin
// at: the clients of the chain leave it out, which makes their round the one
// before the newest.
func (s Schedule) before(t time.Time) uint64 {
	return max(s.Round(t), 2) - 1
}

func (s Schedule) orQuicknet() Schedule {
	if s.Period <= 0 {
		return quicknetSchedule()
	}
	return s
}

// times is n·d, at most the longest duration there is.
func times(n uint64, d time.Duration) time.Duration {
	if d > 0 && n > math.MaxInt64/uint64(d) {
		return math.MaxInt64
	}
	return time.Duration(n) * d
}
