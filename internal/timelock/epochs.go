package timelock

import (
	"errors"
	"fmt"
	"math"
)

// Window is the blocks in which the chain opens a weights commit once the pulse of
// its round is stored: from First up to, and without, End. A commit whose pulse is
// stored before shows its weights early and is opened in First; one that is not
// open at End is deleted.
type Window struct{ First, End uint64 }

// ErrNoEpochs says that a subnet has tempo 0: it runs no epochs, and a commit
// would never be opened.
var ErrNoEpochs = errors.New("timelock: the tempo is zero; the subnet runs no epochs")

const (
	// maxPeriod and maxBlock bound what a node may claim: the chain allows reveal
	// periods of 1 to 100 epochs and counts its blocks with 32 bits.
	maxPeriod = 1 << 16
	maxBlock  = 1 << 48
	// maxAhead bounds how far ahead a commit may land, in blocks: what is known of a
	// block says little about one more than a week later.
	maxAhead = 1 << 16
	// maxSinceStep is MAX_TEMPO: a subnet that has run no epoch for longer runs one.
	maxSinceStep = 50400
)

// FixedEpochs is the schedule of runtimes up to spec 422, in which the block number
// alone decides: an epoch has tempo+1 blocks and runs in its last.
type FixedEpochs struct {
	// Netuid is the subnet, for mechanisms too: never the storage index.
	Netuid uint16
	// Tempo is the subnet's tempo in blocks.
	Tempo uint16
}

// Window returns when the chain opens a commit that is included in the block
// landing, on a subnet whose reveal period is period epochs. The error is
// ErrNoEpochs, or says that an argument is larger than the chain's can be.
//
// A commit in the block in which an epoch runs counts for the next one, because
// epochs run before the extrinsics of a block. The clients of the chain overlook
// that, and that a commit is not included before the block after the newest: their
// formula is this one for a commit that lands in the block before the newest.
func (e FixedEpochs) Window(landing, period uint64) (Window, error) {
	if err := checkEpochs(e.Tempo, landing, period); err != nil {
		return Window{}, err
	}
	length, shift := uint64(e.Tempo)+1, uint64(e.Netuid)+1
	end := ((landing+1+shift)/length + period + 1) * length
	return Window{First: max(end-length, shift) - shift, End: max(end, shift) - shift}, nil
}

// StatefulEpochs is the schedule of runtimes from spec 423 on, in which an epoch is
// due tempo blocks after the last one, or earlier on request. It is read from the
// storage of one block, all of it at the same.
type StatefulEpochs struct {
	// Block is the block whose storage this is.
	Block uint64
	// LastEpochBlock is when the last epoch ran.
	LastEpochBlock uint64
	// PendingEpochAt is when one was asked for or put off to; 0 for none.
	PendingEpochAt uint64
	// BlocksSinceLastStep counts blocks since the last epoch. It differs from
	// Block-LastEpochBlock where the tempo has been set since.
	BlocksSinceLastStep uint64
	// Tempo is the subnet's tempo in blocks.
	Tempo uint16
}

// Window returns when the chain opens a commit that is included in the block
// landing, on a subnet whose reveal period is period epochs. landing is after
// Block; the clients of the chain take Block+1. The error is ErrNoEpochs, or says
// that landing is not after Block or too far after it, or that an argument is
// larger than the chain's can be.
//
// Nobody can foresee a change of tempo, an epoch that is asked for, and one that is
// put off because too many are due in a block. So read the state anew as close to
// the commit as possible.
func (e StatefulEpochs) Window(landing, period uint64) (Window, error) {
	if err := checkEpochs(e.Tempo, landing, period); err != nil {
		return Window{}, err
	}
	if landing <= e.Block || landing-e.Block > maxAhead {
		return Window{}, fmt.Errorf("timelock: nothing is known of a commit in block %d from the state of block %d", landing, e.Block)
	}
	s := epochState{StatefulEpochs: e}
	for next := s.next(); next < landing; next = s.next() {
		s.run(next)
	}
	s.pass(landing - 1)
	want := s.index + period
	if s.seen() == landing {
		want++
	}
	first := s.reach(want)
	return Window{First: first, End: s.reach(want + 1)}, nil
}

// epochState walks through the blocks from epoch to epoch.
type epochState struct {
	StatefulEpochs
	index uint64 // epochs since the state was read
}

// next returns the block after s.Block in which the next epoch runs.
func (s *epochState) next() uint64 {
	return min(s.due(), s.Block+max(1, missing(maxSinceStep+1, s.BlocksSinceLastStep)))
}

// seen returns the first block after s.Block in which the chain counts the next
// epoch. That is the block in which it runs, because the chain looks ahead; but
// after a long pause it is one later, since the count of blocks is raised only
// when epochs are run.
func (s *epochState) seen() uint64 {
	return min(s.due(), s.Block+1+missing(maxSinceStep+1, s.BlocksSinceLastStep))
}

// due returns the block after s.Block in which an epoch is due by the tempo or by
// request.
func (s *epochState) due() uint64 {
	due := addSaturating(s.LastEpochBlock, uint64(s.Tempo))
	if s.PendingEpochAt > 0 {
		due = min(due, s.PendingEpochAt)
	}
	return max(due, s.Block+1)
}

// run goes on to a block in which an epoch runs.
func (s *epochState) run(block uint64) {
	s.Block, s.LastEpochBlock, s.PendingEpochAt, s.BlocksSinceLastStep = block, block, 0, 0
	s.index++
}

// pass goes on to a block, without an epoch.
func (s *epochState) pass(block uint64) {
	s.BlocksSinceLastStep = addSaturating(s.BlocksSinceLastStep, block-s.Block)
	s.Block = block
}

// reach returns the first block after s.Block in which the chain counts an epoch.
func (s epochState) reach(index uint64) uint64 {
	for s.index+1 < index {
		s.run(s.next())
	}
	if s.index >= index {
		return s.Block + 1
	}
	return s.seen()
}

func checkEpochs(tempo uint16, landing, period uint64) error {
	switch {
	case tempo == 0:
		return ErrNoEpochs
	case landing > maxBlock:
		return fmt.Errorf("timelock: no chain has a block %d", landing)
	case period > maxPeriod:
		return fmt.Errorf("timelock: no subnet has a reveal period of %d epochs", period)
	}
	return nil
}

// missing is what have lacks to be want.
func missing(want, have uint64) uint64 { return max(want, have) - have }

func addSaturating(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
