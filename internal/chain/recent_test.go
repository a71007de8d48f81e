package chain

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
)

// fakeSource gives neurons of the block that the test says, or fails.
type fakeSource struct {
	mu     sync.Mutex // guards the rest
	number uint64     // of the newest block; 0: none was ever seen
	ready  map[pylon.Netuid]*pylon.Neurons
	// read answers reads; the default answers with the newest block.
	read  func(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error)
	reads []readAt
	start time.Time
}

type readAt struct {
	after  time.Duration
	netuid pylon.Netuid
}

func newFakeSource(number uint64) *fakeSource { return &fakeSource{number: number, start: time.Now()} }

func (s *fakeSource) ReadNeurons(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
	s.mu.Lock()
	s.reads = append(s.reads, readAt{time.Since(s.start), netuid})
	answer, number := s.read, s.number
	s.mu.Unlock()
	if answer != nil {
		return answer(ctx, netuid)
	}
	return &pylon.Neurons{Block: pylon.Block{Number: number}}, nil
}

func (s *fakeSource) ReadyNeurons(netuid pylon.Netuid) *pylon.Neurons {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ready[netuid]
}

func (s *fakeSource) EstimatedNumber() (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.number, s.number > 0
}

func (s *fakeSource) set(change func(*fakeSource)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// times returns when a subnet was read.
func (s *fakeSource) times(netuid pylon.Netuid) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var times []time.Duration
	for _, r := range s.reads {
		if r.netuid == netuid {
			times = append(times, r.after)
		}
	}
	return times
}

func newTestRecent(t *testing.T, config RecentConfig) *Recent {
	t.Helper()
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	r := must(NewRecent(config))(t)
	t.Cleanup(r.Close)
	return r
}

const (
	missingText = "Recent neurons data is not available. Cache update may not have finished yet or subnet may not be " +
		"configured for caching recent objects."
	staleText = "Recent neurons data is stale. Cache update may be failing."
)

func TestConformance072MissingBeforeTheFirstRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(100)
		proceed := make(chan struct{})
		source.read = func(context.Context, pylon.Netuid) (*pylon.Neurons, error) {
			<-proceed
			return &pylon.Neurons{Block: pylon.Block{Number: 100}}, nil
		}
		r := newTestRecent(t, RecentConfig{Source: source, Netuids: []pylon.Netuid{1}})
		_, err := r.RecentNeurons("", 1)
		wantProblem(t, err, problem.NotReady, missingText)
		r.Start()
		synctest.Wait()
		_, err = r.RecentNeurons("", 1)
		wantProblem(t, err, problem.NotReady, missingText)
		close(proceed)
		synctest.Wait()
		if got, err := r.RecentNeurons("", 1); err != nil || got.Block.Number != 100 {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestConformance073And074Ages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		source := newFakeSource(1000)
		r := newTestRecent(t, RecentConfig{
			Source: source, Netuids: []pylon.Netuid{1}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		r.Start()
		synctest.Wait()
		for _, test := range []struct {
			number   uint64
			warnings int
			stale    bool
		}{
			{number: 999}, // a fork may be lower
			{number: 1000},
			{number: 1100},
			{number: 1101, warnings: 1},
			{number: 1150, warnings: 1},
			{number: 1151, stale: true},
			{number: 1 << 40, stale: true},
		} {
			source.set(func(s *fakeSource) { s.number = test.number })
			log.Reset()
			for range 3 { // the same age is logged once
				got, err := r.RecentNeurons("", 1)
				if test.stale {
					wantProblem(t, err, problem.NotReady, staleText)
				} else if err != nil || got.Block.Number != 1000 {
					t.Errorf("at %d: %v, %v", test.number, got, err)
				}
			}
			if got := strings.Count(log.String(), "level=WARN"); got != test.warnings {
				t.Errorf("at %d: %d warnings: %s", test.number, got, log.String())
			}
		}
		if got := source.times(1); len(got) != 1 {
			t.Errorf("read at %v", got)
		}
	})
}

func TestConformance075Contexts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		r := newTestRecent(t, RecentConfig{
			Source:     source,
			Identities: []RecentKey{{"one", 1}, {"two", 2}, {"twins", 2}},
			Netuids:    []pylon.Netuid{2, 5, 5},
		})
		r.Start()
		synctest.Wait()
		for _, kept := range []RecentKey{{"one", 1}, {"two", 2}, {"twins", 2}, {"", 1}, {"", 2}, {"", 5}} {
			if _, err := r.RecentNeurons(kept.Identity, kept.Netuid); err != nil {
				t.Errorf("%v: %v", kept, err)
			}
		}
		for _, other := range []RecentKey{{"one", 2}, {"two", 1}, {"one", 5}, {"", 3}, {"three", 1}} {
			_, err := r.RecentNeurons(other.Identity, other.Netuid)
			wantProblem(t, err, problem.NotReady, missingText)
		}
		for netuid, want := range map[pylon.Netuid]int{1: 2, 2: 3, 5: 1} {
			if got := len(source.times(netuid)); got != want {
				t.Errorf("subnet %d was read %d times instead of %d", netuid, got, want)
			}
		}
	})
}

func TestConformance076RefreshInterval(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		soft, lead int
		blockTime  time.Duration
		want       time.Duration
	}{
		{0, 0, 0, 1080 * time.Second}, // the defaults: (100 − 10) × 12 s
		{50, 20, 2 * time.Second, time.Minute},
		{50, -1, 12 * time.Second, 600 * time.Second},
		{10, 10, 12 * time.Second, 12 * time.Second}, // never under one block
		{5, 100, 12 * time.Second, 12 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			source := newFakeSource(1000)
			r := newTestRecent(t, RecentConfig{
				Source: source, Netuids: []pylon.Netuid{1},
				SoftLimit: test.soft, RefreshLead: test.lead, BlockTime: test.blockTime,
			})
			r.Start()
			pause(3*test.want + time.Nanosecond)
			synctest.Wait()
			if diff := cmp.Diff([]time.Duration{0, test.want, 2 * test.want, 3 * test.want}, source.times(1)); diff != "" {
				t.Errorf("%+v: reads (-want +got):\n%s", test, diff)
			}
		})
	}
}

func TestRefreshIsRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		down := errors.New("down")
		source.read = func(context.Context, pylon.Netuid) (*pylon.Neurons, error) { return nil, down }
		r := newTestRecent(t, RecentConfig{Source: source, Netuids: []pylon.Netuid{1}})
		r.Start()
		pause(1080*time.Second - time.Nanosecond)
		// Waits of 10, 20, 40, 80 and then 120 seconds, until 10 seconds before the next run.
		want := []time.Duration{0, 10, 30, 70, 150, 270, 390, 510, 630, 750, 870, 990}
		for i := range want {
			want[i] *= time.Second
		}
		if diff := cmp.Diff(want, source.times(1)); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
		source.set(func(s *fakeSource) { s.read = nil })
		pause(time.Second)
		if got, err := r.RecentNeurons("", 1); err != nil || got.Block.Number != 1000 {
			t.Errorf("after the next run: %v, %v", got, err)
		}
	})
}

// Nothing is tried in the last 10 seconds before the next run.
func TestRefreshGivesUpInTime(t *testing.T) {
	t.Parallel()
	for blocks, want := range map[int][]time.Duration{
		79: {0, 10, 30, 79}, // the next wait would end at 70, 9 seconds before the next run
		80: {0, 10, 30, 70, 80},
	} {
		synctest.Test(t, func(t *testing.T) {
			source := newFakeSource(1000)
			source.read = func(context.Context, pylon.Netuid) (*pylon.Neurons, error) { return nil, errors.New("down") }
			r := newTestRecent(t, RecentConfig{
				Source: source, Netuids: []pylon.Netuid{1}, SoftLimit: blocks, RefreshLead: -1, BlockTime: time.Second,
			})
			r.Start()
			pause(time.Duration(blocks)*time.Second + time.Nanosecond)
			var seconds []time.Duration
			for _, at := range source.times(1) {
				seconds = append(seconds, at/time.Second)
			}
			if diff := cmp.Diff(want, seconds); diff != "" {
				t.Errorf("every %d seconds: reads (-want +got):\n%s", blocks, diff)
			}
		})
	}
}

func TestRefreshSucceedsOnARetry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		source.read = func(context.Context, pylon.Netuid) (*pylon.Neurons, error) {
			if time.Since(source.start) < 30*time.Second {
				return nil, errors.New("down")
			}
			return &pylon.Neurons{Block: pylon.Block{Number: 1002}}, nil
		}
		r := newTestRecent(t, RecentConfig{Source: source, Netuids: []pylon.Netuid{1}})
		r.Start()
		pause(31 * time.Second)
		if got, err := r.RecentNeurons("", 1); err != nil || got.Block.Number != 1002 {
			t.Errorf("%v, %v", got, err)
		}
		pause(900 * time.Second)
		if got := len(source.times(1)); got != 3 {
			t.Errorf("%d reads", got)
		}
	})
}

func TestRefreshOfNoSubnetIsNotRetried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		source := newFakeSource(1000)
		source.read = func(_ context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
			if netuid == 9 {
				return nil, subnetNotFound(netuid)
			}
			return &pylon.Neurons{Block: pylon.Block{Number: 1000}}, nil
		}
		r := newTestRecent(t, RecentConfig{
			Source: source, Netuids: []pylon.Netuid{9, 1}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		r.Start()
		pause(1000 * time.Second)
		synctest.Wait()
		if got := source.times(9); len(got) != 1 {
			t.Errorf("reads at %v", got)
		}
		if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "netuid=9") {
			t.Errorf("log: %s", text)
		}
		_, err := r.RecentNeurons("", 9)
		wantProblem(t, err, problem.NotReady, missingText)
		if _, err := r.RecentNeurons("", 1); err != nil {
			t.Errorf("the other subnet: %v", err)
		}
	})
}

// A run that hangs ends before the next one, and the subnets do not wait for each other.
func TestARefreshThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		source.read = func(ctx context.Context, netuid pylon.Netuid) (*pylon.Neurons, error) {
			if netuid == 2 {
				return &pylon.Neurons{Block: pylon.Block{Number: 1000}}, nil
			}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		r := newTestRecent(t, RecentConfig{Source: source, Netuids: []pylon.Netuid{1, 2}})
		r.Start()
		synctest.Wait()
		if _, err := r.RecentNeurons("", 2); err != nil {
			t.Errorf("the other subnet: %v", err)
		}
		pause(2*1080*time.Second + time.Second)
		if diff := cmp.Diff([]time.Duration{0, 1080 * time.Second, 2160 * time.Second}, source.times(1)); diff != "" {
			t.Errorf("reads (-want +got):\n%s", diff)
		}
		r.Close() // while one hangs
	})
}

// Where the chain has newer neurons in memory, those are served, but only where they are configured.
func TestRecentUsesWhatIsInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		r := newTestRecent(t, RecentConfig{Source: source, Identities: []RecentKey{{"one", 1}}})
		r.Start()
		synctest.Wait()
		at := func(number uint64) *pylon.Neurons { return &pylon.Neurons{Block: pylon.Block{Number: number}} }
		source.set(func(s *fakeSource) {
			s.number = 1200 // what was refreshed is too old now
			s.ready = map[pylon.Netuid]*pylon.Neurons{1: at(1199), 2: at(1199)}
		})
		for _, identity := range []string{"", "one"} {
			if got, err := r.RecentNeurons(identity, 1); err != nil || got.Block.Number != 1199 {
				t.Errorf("%q: %v, %v", identity, got, err)
			}
		}
		_, err := r.RecentNeurons("", 2)
		wantProblem(t, err, problem.NotReady, missingText)
		source.set(func(s *fakeSource) { s.ready[1] = at(990) })
		source.set(func(s *fakeSource) { s.number = 1010 })
		if got, err := r.RecentNeurons("", 1); err != nil || got.Block.Number != 1000 {
			t.Errorf("older in memory than refreshed: %v, %v", got, err)
		}
	})
}

// The refresh of a real Chain: no call when the neurons are hot, and a subnet is not read ahead because of it.
// What was read from a chain that has begun anew since is not recent, and gives way to what is.
func TestRecentOfAChainThatBeganAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := newFakeSource(1000)
		r := newTestRecent(t, RecentConfig{Source: source, Netuids: []pylon.Netuid{1, 2}})
		r.Start()
		synctest.Wait()
		source.set(func(s *fakeSource) {
			s.number = 20
			s.ready = map[pylon.Netuid]*pylon.Neurons{2: {Block: pylon.Block{Number: 19}}}
		})
		_, err := r.RecentNeurons("", 1)
		wantProblem(t, err, problem.NotReady, staleText)
		if got, err := r.RecentNeurons("", 2); err != nil || got.Block.Number != 19 {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestRecentOfAChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node := newFakeNode(t)
		node.grow(1, 100)
		c := newFakeChain(t, node, node, Config{KeepReady: time.Minute})
		c.Start()
		r := newTestRecent(t, RecentConfig{Source: c, Identities: []RecentKey{{"one", 1}}})
		r.Start()
		synctest.Wait()
		if got := node.called(""); got != callsPerBlock {
			t.Errorf("%d calls for the first refresh of two contexts", got)
		}
		first, err := r.RecentNeurons("one", 1)
		if numberOf(t, first, err) != 100 {
			t.Errorf("block %d", first.Block.Number)
		}
		for number := uint64(101); number <= 200; number++ {
			before := node.called("")
			node.setHead(node.add(number))
			synctest.Wait()
			if got := node.called("") - before; got != 0 {
				t.Errorf("block %d: %d calls", number, got)
			}
			pause(blockTime)
			synctest.Wait()
		}
		got, err := r.RecentNeurons("one", 1)
		if number := numberOf(t, got, err); number != 190 {
			t.Errorf("block %d after the second refresh", number)
		}
		if got := node.called("") - node.called("Head"); got != 2*callsPerBlock {
			t.Errorf("%d calls for two refreshes", got)
		}
		// The node falls silent: what is kept gets old all the same.
		node.setHook(func(context.Context, fakeCall) error { return errors.New("down") })
		pause(100 * blockTime)
		if _, err := r.RecentNeurons("", 1); err != nil {
			t.Errorf("after 100 blocks of silence: %v", err)
		}
		pause(60 * blockTime)
		_, err = r.RecentNeurons("", 1)
		wantProblem(t, err, problem.NotReady, staleText)
	})
}

func TestRecentStartsAndStops(t *testing.T) {
	t.Parallel()
	r := newTestRecent(t, RecentConfig{Source: newFakeSource(1), Netuids: []pylon.Netuid{1}})
	var group sync.WaitGroup
	for range 10 {
		group.Go(r.Start)
		group.Go(r.Close)
	}
	group.Wait()
	r.Close()
	r.Start()
}

func TestRecentConfig(t *testing.T) {
	t.Parallel()
	source := newFakeSource(1)
	for want, config := range map[string]RecentConfig{
		"chain: Recent: Source is required":                  {},
		"chain: Recent: HardLimit 99 is under SoftLimit 100": {Source: source, HardLimit: 99},
		"chain: Recent: HardLimit 0 is under SoftLimit 1":    {Source: source, HardLimit: -1, SoftLimit: 1},
		"chain: Recent: BlockTime is negative":               {Source: source, BlockTime: -1},
		"chain: Recent: Identities[1].Identity is required":  {Source: source, Identities: []RecentKey{{"a", 1}, {"", 2}}},
	} {
		if _, err := NewRecent(config); err == nil || err.Error() != want {
			t.Errorf("%v instead of %s", err, want)
		}
	}
	if _, err := NewRecent(RecentConfig{Source: source, SoftLimit: 150, HardLimit: 150}); err != nil {
		t.Errorf("equal limits: %v", err)
	}
}
