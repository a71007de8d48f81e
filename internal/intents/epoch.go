package intents

import (
	"errors"

	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// maxSinceStep is the longest time without an epoch (MAX_TEMPO of the chain), after which one is due in any case.
const maxSinceStep = 50400

// defaultTempo stands in for a subnet without epochs, as in the Python service.
const defaultTempo = 360

// epoch is the epoch of a subnet that an extrinsic included in a certain block belongs to.
type epoch struct {
	// index is the chain's count.
	index uint64
	// first and last are its first and last block. The last is a forecast: the subnet's owner may change it.
	first, last uint64
}

// schedule is the chain's epochs, as one block's state tells them. Everything about blocks further on is a forecast.
type schedule struct {
	facts *chain.Facts
}

// stateful tells whether the runtime counts epochs, instead of computing them from block numbers.
func (s schedule) stateful() bool { return s.facts.Epochs != nil }

// next returns the epoch of what is included in the block after that of the facts. A subnet with tempo 0 has none, and
// the error is timelock.ErrNoEpochs.
//
// An epoch ends with the block before the one in which the chain runs it, because it runs epochs before it applies a
// block's extrinsics.
func (s schedule) next() (epoch, error) { return s.of(s.facts.Block.Number + 1) }

// current returns the epoch of what was included in the block of the facts.
func (s schedule) current() (epoch, error) { return s.of(s.facts.Block.Number) }

// of returns the epoch of a block that is that of the facts or the next.
func (s schedule) of(block uint64) (epoch, error) {
	if s.facts.Tempo == 0 {
		return epoch{}, timelock.ErrNoEpochs
	}
	if s.stateful() {
		return s.countedEpoch(block), nil
	}
	// The block in which an epoch runs is the last one by its number, and counts for the next epoch.
	e := s.byNumber(block + 1)
	return epoch{index: e.index, first: max(e.first, 1) - 1, last: e.last - 1}, nil
}

// byNumber returns the epoch of any block on runtimes that compute epochs from block numbers (get_epoch_index of the
// chain's subnets/weights.rs, subtensor-chain 8.1). Hashed commits and their reveals count like this: the block in which
// an epoch runs belongs to the epoch that ends with it.
func (s schedule) byNumber(block uint64) epoch {
	length, shift := uint64(s.facts.Tempo)+1, uint64(s.netuid())+1
	index := (block + shift) / length
	return epoch{index: index, first: max(index*length, shift) - shift, last: (index+1)*length - shift - 1}
}

func (s schedule) netuid() uint16 { return uint16(s.facts.Netuid) }

// countedEpoch is of for runtimes that count epochs.
func (s schedule) countedEpoch(block uint64) epoch {
	e, tempo := s.facts.Epochs, uint64(s.facts.Tempo)
	began := e.Last
	if since := s.facts.Block.Number - min(e.SinceStep, s.facts.Block.Number); since < began {
		began = since // the tempo was set since: the cycle began anew, the epoch did not
	}
	if s.due(block) {
		return epoch{index: e.Index + 1, first: block, last: block + tempo - 1}
	}
	end := e.Last + tempo
	if e.Pending > 0 {
		end = min(end, e.Pending)
	}
	return epoch{index: e.Index, first: began, last: end - 1}
}

// due tells whether the chain counts a new epoch in a block, that of the facts or the next: at that of the facts only
// one that was put off.
func (s schedule) due(block uint64) bool {
	e := s.facts.Epochs
	return e.Pending > 0 && block >= e.Pending ||
		block >= e.Last+uint64(s.facts.Tempo) ||
		e.SinceStep+(block-s.facts.Block.Number) > maxSinceStep
}

// reveal returns the epoch of the block after that of the facts, as the chain counts it for the reveal of a hashed
// commit, and the one in which it takes the reveal; both by the present state, since the chain looks at nothing else. So
// where epochs follow from block numbers, a commit belongs to the epoch that its block has by the present tempo.
func (s schedule) reveal(commitBlock, commitEpoch uint64) (next, want epoch, err error) {
	if next, err = s.next(); err != nil {
		return next, want, err
	}
	if s.stateful() {
		want.index = commitEpoch + s.facts.RevealPeriod
		// One epoch more is the least that it takes; further ones are looked at when that has come.
		want.first, want.last = next.last+1, next.last+uint64(s.facts.Tempo)
		if next.index >= want.index {
			want.first, want.last = next.first, next.last
		}
		return next, want, nil
	}
	tempo, made := uint64(s.facts.Tempo), s.byNumber(commitBlock)
	want = epoch{index: made.index + s.facts.RevealPeriod, last: made.last + s.facts.RevealPeriod*(tempo+1)}
	want.first = max(want.last, tempo) - tempo
	return s.byNumber(s.facts.Block.Number + 1), want, nil
}

// window returns the blocks in which the chain opens what is committed in a block after that of the facts. The last one
// is left out when the extrinsics of it come too late.
func (s schedule) window(landing uint64) (timelock.Window, error) {
	if e := s.facts.Epochs; e != nil {
		return timelock.StatefulEpochs{
			Block: s.facts.Block.Number, LastEpochBlock: e.Last, PendingEpochAt: e.Pending, BlocksSinceLastStep: e.SinceStep, Tempo: s.facts.Tempo,
		}.Window(landing, s.facts.RevealPeriod)
	}
	return timelock.FixedEpochs{Netuid: s.netuid(), Tempo: s.facts.Tempo}.Window(landing, s.facts.RevealPeriod)
}

// statusEpoch is current, with the epochs of the default tempo for a subnet that has none.
func (s schedule) statusEpoch() (epoch, error) {
	e, err := s.current()
	if !errors.Is(err, timelock.ErrNoEpochs) {
		return e, err
	}
	facts := *s.facts
	facts.Tempo, facts.Epochs = defaultTempo, nil
	return schedule{&facts}.current()
}
