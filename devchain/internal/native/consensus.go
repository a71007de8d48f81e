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
	permits        []bool
	stake          []uint64 // of those who vote
	consensus      []uint64
	incentive      []uint64
	dividends      []uint64
	trust          []uint64
	validatorTrust []uint64
	bonds          [][]pair
}

// voter is somebody whose weights count.
type voter struct {
	uid   int
	stake uint64   // share of all voters'
	row   []uint64 // weights as shares; later clipped
}

func (b *ballot) count() *verdict {
	n := len(b.stake)
	v := &verdict{
		permits:   topStakes(b.stake, b.maxValidators),
		consensus: make([]uint64, n), trust: make([]uint64, n), validatorTrust: make([]uint64, n),
		dividends: make([]uint64, n), bonds: make([][]pair, n),
	}
	voters := b.voters(v)
	majority := uint64(b.kappa) * one / 65535
	ranks := make([]uint64, n)
	for j := range n {
		v.consensus[j] = median(voters, j, majority)
		before := uint64(0) // the rank without clipping
		for _, o := range voters {
			before += o.stake * o.row[j] / one
			o.row[j] = min(o.row[j], v.consensus[j])
			ranks[j] += o.stake * o.row[j] / one
			v.validatorTrust[o.uid] += o.row[j]
		}
		if before > 0 {
			v.trust[j] = ranks[j] * one / before
		}
	}
	v.incentive = shares(ranks)
	b.bond(v, voters)
	return v
}

// voters are those with a permit, stake and recent weights. Weights for oneself
// do not count.
func (b *ballot) voters(v *verdict) []voter {
	n := len(b.stake)
	voting := make([]uint64, n)
	for i := range n {
		if b.permits[i] && b.active[i] {
			voting[i] = b.stake[i]
		}
	}
	v.stake = shares(voting)
	var voters []voter
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
		voters = append(voters, voter{i, v.stake[i], shares(row)})
	}
	return voters
}

// bond moves the bonds towards the clipped weights and pays dividends by them.
// Whoever no longer votes keeps a falling part of what he had.
func (b *ballot) bond(v *verdict, voters []voter) {
	const whole = 1_000_000
	n, kept := len(b.stake), min(b.bondsKept, whole)
	bonds := map[int][]uint64{} // of those who have any, by uid
	for i, row := range b.bonds {
		if len(row) == 0 {
			continue
		}
		bonds[i] = make([]uint64, n)
		for _, w := range row {
			if int(w.First) < n {
				bonds[i][w.First] = uint64(w.Second) * one / 65535 * kept / whole
			}
		}
	}
	for _, o := range voters {
		if bonds[o.uid] == nil {
			bonds[o.uid] = make([]uint64, n)
		}
	}
	holders := make([]int, 0, len(bonds))
	for i := range n {
		if bonds[i] != nil {
			holders = append(holders, i)
		}
	}

	earned, column := make([]uint64, n), make([]uint64, len(voters))
	for j := range n {
		for k, o := range voters {
			column[k] = o.stake * o.row[j] / one
		}
		for k, fresh := range shares(column) {
			bonds[voters[k].uid][j] += fresh * (whole - kept) / whole
		}
		total := uint64(0)
		for _, i := range holders {
			total += bonds[i][j]
		}
		if total == 0 {
			continue
		}
		for _, i := range holders {
			earned[i] += bonds[i][j] * v.incentive[j] / total
		}
	}
	v.dividends = shares(earned)
	for _, i := range holders {
		for j, bond := range bonds[i] {
			if value := proportion(bond); value > 0 {
				v.bonds[i] = append(v.bonds[i], pair{uint16(j), value})
			}
		}
	}
}

// median is the largest weight for j that a majority of the stake reaches.
func median(voters []voter, j int, majority uint64) uint64 {
	for _, candidate := range slices.SortedFunc(slices.Values(voters), func(a, b voter) int { return cmp.Compare(b.row[j], a.row[j]) }) {
		sum := uint64(0)
		for _, o := range voters {
			if o.row[j] >= candidate.row[j] {
				sum += o.stake
			}
		}
		if sum >= majority {
			return candidate.row[j]
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
	sum := hi<<(64-shift) | lo>>shift // shifting by 64 gives 0
	if sum == 0 {
		return out
	}
	for i, v := range values {
		high, low := bits.Mul64(v>>shift, one)
		out[i], _ = bits.Div64(high, low, sum) // sum is at least v>>shift, so above high
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
