package intents

import (
	"testing"

	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// Every era ends at or before the deadline and has room, and begins at a final block where that leaves enough of it.
func TestEra(t *testing.T) {
	t.Parallel()
	for final := uint64(90); final <= 100; final++ {
		s := sight{head: substrate.Header{Number: 100}, final: substrate.Header{Number: final}}
		for deadline := uint64(95); deadline < 150; deadline++ {
			birth, period, ok := s.era(deadline)
			if _, fits := substrate.EraPeriod(100, deadline); ok != fits {
				t.Fatalf("final %d, deadline %d: %t", final, deadline, ok)
			}
			last := birth.Number + period - 1
			if ok && (last > deadline || last < 103 || birth.Number != 100 && last < 100+eraRoom) {
				t.Errorf("final %d, deadline %d: era of %d from %d", final, deadline, period, birth.Number)
			}
		}
		if birth, _, _ := s.era(1000); birth.Number != final {
			t.Errorf("final %d: the era begins at %d", final, birth.Number)
		}
	}
}
