package app

import (
	"testing"

	"github.com/bittensor-pylon/pylon/internal/intents/store"
)

// What a database that is gone has told before is not told as of now.
func TestCountsEndWithTheDatabase(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), store.Config{Path: store.Memory})
	if err != nil {
		t.Fatal(err)
	}
	counted := &tally{store: s}
	known := []store.Count{{Identity: "sn1", State: "recorded", Records: 1}}
	counted.known.Store(&known)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	counted.count(t.Context())
	if got := counted.counts(); got != nil {
		t.Errorf("%v", got)
	}
}
