package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/chain"
)

// countingSource counts the reads of the recent objects' cache.
type countingSource struct {
	reads atomic.Int64
}

func (s *countingSource) ReadNeurons(context.Context, pylon.Netuid) (*pylon.Neurons, error) {
	s.reads.Add(1)
	return &pylon.Neurons{}, nil
}

func (s *countingSource) ReadyNeurons(pylon.Netuid) *pylon.Neurons { return nil }

func (s *countingSource) EstimatedNumber() (uint64, bool) { return 0, false }

// Statement 76 of the checklist: refresh interval = (soft − lead) × block duration, in blocks at least 1.
func TestConformance076RefreshInterval(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		environ []string
		want    time.Duration
	}{
		{nil, 1080 * time.Second},
		{[]string{"PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=20", "PYLON_RECENT_OBJECTS_REFRESH_LEAD_BLOCKS=0"}, 240 * time.Second},
		{[]string{"PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=20", "PYLON_RECENT_OBJECTS_REFRESH_LEAD_BLOCKS=30"}, 12 * time.Second},
		{[]string{"PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=0", "PYLON_BLOCK_DURATION_SECONDS=2.5"}, 2500 * time.Millisecond},
		{[]string{"PYLON_BLOCK_DURATION_SECONDS=0.25"}, 22500 * time.Millisecond},
	} {
		settings := mustLoad(t, append(row.environ, "PYLON_RECENT_OBJECTS_NETUIDS=[5]")...)
		synctest.Test(t, func(t *testing.T) {
			source := new(countingSource)
			recent, err := chain.NewRecent(recentConfig(settings, source, slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			recent.Start()
			defer recent.Close()
			synctest.Wait()
			if reads := source.reads.Load(); reads != 1 {
				t.Errorf("%v: %d reads at the start", row.environ, reads)
			}
			time.Sleep(row.want - time.Millisecond) //nolint:forbidigo // a synctest bubble's clock
			synctest.Wait()
			if reads := source.reads.Load(); reads != 1 {
				t.Errorf("%v: %d reads before the interval is over", row.environ, reads)
			}
			time.Sleep(2 * time.Millisecond) //nolint:forbidigo // a synctest bubble's clock
			synctest.Wait()
			if reads := source.reads.Load(); reads != 2 {
				t.Errorf("%v: %d reads after the interval", row.environ, reads)
			}
		})
	}
}

func TestRecentContextsFollowTheSettings(t *testing.T) {
	t.Parallel()
	settings := mustLoad(t, identity("PYLON_RECENT_OBJECTS_NETUIDS=[5]")...)
	config := recentConfig(settings, new(countingSource), slog.New(slog.DiscardHandler))
	if len(config.Identities) != 1 || config.Identities[0] != (chain.RecentKey{Identity: "sn1", Netuid: 12}) {
		t.Errorf("identities %v", config.Identities)
	}
	if len(config.Netuids) != 1 || config.Netuids[0] != 5 {
		t.Errorf("netuids %v", config.Netuids)
	}
}
