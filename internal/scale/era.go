package scale

import (
	"fmt"
	"math"
	"math/bits"
)

// The shortest and the longest period of a mortal era, in blocks.
const (
	MinEraPeriod = 4
	MaxEraPeriod = 1 << 16
)

// Era is how long an extrinsic can be included. The zero Era is immortal: for ever.
type Era struct {
	// Period is the length in blocks, a power of two between MinEraPeriod and MaxEraPeriod; 0 for immortal.
	Period uint64
	// Phase is the first block of the era, modulo Period.
	Phase uint64
}

// NewEra returns the era of a number of blocks that begins with the block current. The period is rounded up to a power
// of two, and kept between MinEraPeriod and MaxEraPeriod. Above 4096 blocks an era begins at a multiple of
// period/4096 blocks, so it may begin a little before current: see [Era.Birth]. It is never immortal.
func NewEra(period, current uint64) Era {
	period = min(max(period, MinEraPeriod), MaxEraPeriod)
	if period&(period-1) != 0 {
		period = 1 << bits.Len64(period)
	}
	quantum := eraQuantum(period)
	return Era{Period: period, Phase: current % period / quantum * quantum}
}

func eraQuantum(period uint64) uint64 { return max(1, period>>12) }

// Immortal tells whether the era is for ever.
func (e Era) Immortal() bool { return e.Period == 0 }

// Birth returns the first block of the era that holds the block current. Its hash is signed; that of block 0 for an
// immortal era.
func (e Era) Birth(current uint64) uint64 {
	if e.Immortal() {
		return 0
	}
	return (max(current, e.Phase)-e.Phase)/e.Period*e.Period + e.Phase
}

// Death returns the first block that can no longer include the extrinsic; the highest number for an immortal era.
func (e Era) Death(current uint64) uint64 {
	if e.Immortal() {
		return math.MaxUint64
	}
	return e.Birth(current) + e.Period
}

// Append appends the encoded era: one byte for immortal, else two.
func (e Era) Append(dst []byte) []byte {
	if e.Immortal() {
		return append(dst, 0)
	}
	low := min(max(bits.TrailingZeros64(e.Period)-1, 1), 15)
	return AppendUint16(dst, uint16(low)|uint16(e.Phase/eraQuantum(e.Period))<<4)
}

// Era reads an era.
func (r *Reader) Era() Era {
	start := r.pos
	first := r.Uint8()
	if first == 0 {
		return Era{}
	}
	v := uint64(first) | uint64(r.Uint8())<<8
	if r.err != nil {
		return Era{}
	}
	e := Era{Period: 2 << (v & 15)}
	e.Phase = v >> 4 * eraQuantum(e.Period)
	if e.Period < MinEraPeriod || e.Phase >= e.Period {
		r.pos = start
		r.invalid("era of period %d and phase %d", e.Period, e.Phase)
		return Era{}
	}
	return e
}

// String returns "immortal", or the period and the phase.
func (e Era) String() string {
	if e.Immortal() {
		return "immortal"
	}
	return fmt.Sprintf("mortal(%d, %d)", e.Period, e.Phase)
}

// MarshalText returns the same as String.
func (e Era) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
