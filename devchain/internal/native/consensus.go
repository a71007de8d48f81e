package native

import (
	"cmp"
	"math/bits"
	"slices"
)

// Yuma consensus in whole numbers, so that every machine gets the same state. It
// follows the chain's rules (stake-weighted median of the weights, clipping,
// bonds as a moving average) without its options: no liquid alpha, no bond
// penalties, no child keys.

// one is the share 1. Two shares multiplied fit in 64 bits.
const one = 1 << 30

// ballot is what an epoch of one mechanism looks at. All slices have one entry
// for each uid.
type ballot struct {
	stake         []uint64 // total, in rao; 0 below the threshold
	active        []bool
	permits       []bool // from the epoch before
	weights       [][]pair
	bonds         [][]pair // from the epoch before
	maxValidators int
	kappa         uint16 // share of the stake that decides, of 65535
	bondsKept     uint64 // share of the old bonds, in millionths
}

// verdict is what an epoch finds. Shares are of one.
type verdict struct {
	permits                                             []bool
	stake, consensus, incentive, dividends, trust, rank []uint64
	validatorTrust                                      []uint64
	bonds                                               [][]pair
}

func (b *ballot) count() *verdict {
	n := len(b.stake)
	v := &verdict{
		permits:   topStakes(b.stake, b.maxValidators),
		consensus: make([]uint64, n), trust: make([]uint64, n), rank: make([]uint64, n),
		validatorTrust: make([]uint64, n), dividends: make([]uint64, n),
		bonds: make([][]pair, n),
	}
	voting := make([]uint64, n)
	for i := range n {
		if b.permits[i] && b.active[i] {
			voting[i] = b.stake[i]
		}
	}
	v.stake = shares(voting)

	// Rows of the weights, as shares, without weights for oneself.
	rows := make([][]uint64, n)
	for i := range n {
		if voting[i] == 0 {
			continue
		}
		row := make([]uint64, n)
		for _, w := range b.weights[i] {
			if int(w.First) < n && int(w.First) != i {
				row[w.First] = uint64(w.Second)
			}
		}
		rows[i] = shares(row)
	}

	majority := uint64(b.kappa) * one / 65535
	before := make([]uint64, n) // ranks without clipping
	for j := range n {
		v.consensus[j] = median(rows, v.stake, j, majority)
		for i, row := range rows {
			if row == nil {
				continue
			}
			before[j] += v.stake[i] * row[j] / one
			row[j] = min(row[j], v.consensus[j])
			v.rank[j] += v.stake[i] * row[j] / one
			v.validatorTrust[i] += row[j]
		}
		if before[j] > 0 {
			v.trust[j] = v.rank[j] * one / before[j]
		}
	}
	v.incentive = shares(v.rank)
	v.rank = v.incentive // the chain normalises ranks too
	b.bond(v, rows)
	return v
}

// bond moves the bonds towards the clipped weights and pays dividends by them.
func (b *ballot) bond(v *verdict, rows [][]uint64) {
	n := len(b.stake)
	old := make([][]uint64, n)
	for i, row := range b.bonds {
		old[i] = make([]uint64, n)
		for _, w := range row {
			if int(w.First) < n {
				old[i][w.First] = uint64(w.Second) * one / 65535
			}
		}
	}
	earned := make([]uint64, n)
	bonds := make([][]uint64, n)
	for i := range n {
		bonds[i] = make([]uint64, n)
	}
	const whole = 1_000_000
	kept := min(b.bondsKept, whole)
	for j := range n {
		column := make([]uint64, n)
		for i, row := range rows {
			if row != nil {
				column[i] = v.stake[i] * row[j] / one
			}
		}
		for i, fresh := range shares(column) {
			bonds[i][j] = (fresh*(whole-kept) + old[i][j]*kept) / whole
		}
		total := uint64(0)
		for i := range n {
			total += bonds[i][j]
		}
		if total == 0 {
			continue
		}
		for i := range n {
			earned[i] += bonds[i][j] * v.incentive[j] / total
		}
	}
	v.dividends = shares(earned)
	for i, row := range bonds {
		for j, bond := range row {
			if value := proportion(bond); value > 0 {
				v.bonds[i] = append(v.bonds[i], pair{uint16(j), value})
			}
		}
	}
}

// median is the largest weight for j that a majority of the stake reaches.
func median(rows [][]uint64, stake []uint64, j int, majority uint64) uint64 {
	var voters []int
	for i, row := range rows {
		if row != nil && row[j] > 0 {
			voters = append(voters, i)
		}
	}
	slices.SortStableFunc(voters, func(a, b int) int { return cmp.Compare(rows[b][j], rows[a][j]) })
	sum := uint64(0)
	for _, i := range voters {
		if sum += stake[i]; sum >= majority {
			return rows[i][j]
		}
	}
	return 0
}

// topStakes marks the k largest stakes that are not zero. Of equal ones the
// lower uid comes first.
func topStakes(stake []uint64, k int) []bool {
	order := make([]int, len(stake))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(stake[b], stake[a]) })
	top := make([]bool, len(stake))
	for _, i := range order[:min(k, len(order))] {
		top[i] = stake[i] > 0
	}
	return top
}

// shares divides values by their sum. All are zero when the sum is.
func shares(values []uint64) []uint64 {
	var hi, lo uint64
	for _, v := range values {
		var carry uint64
		lo, carry = bits.Add64(lo, v, 0)
		hi += carry
	}
	out := make([]uint64, len(values))
	shift := bits.Len64(hi)
	sum := lo
	if shift > 0 {
		sum = hi<<(64-shift) | lo>>shift
	}
	if sum == 0 {
		return out
	}
	for i, v := range values {
		high, low := bits.Mul64(v>>shift, one)
		out[i], _ = bits.Div64(high, low, sum) // sum is at least v, so above high
	}
	return out
}

// portion is a share of an amount.
func portion(amount, share uint64) uint64 {
	hi, lo := bits.Mul64(amount, min(share, one))
	part, _ := bits.Div64(hi, lo, one)
	return part
}

// proportion is a share as the chain stores it, of 65535.
func proportion(share uint64) uint16 { return uint16(min(share, one) * 65535 / one) }

func proportions(list []uint64) []uint16 {
	out := make([]uint16, len(list))
	for i, share := range list {
		out[i] = proportion(share)
	}
	return out
}
