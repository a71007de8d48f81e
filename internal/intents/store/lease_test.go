package store

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// try asks for the lease of the test's hotkey.
func try(t testing.TB, s *Store, owner string, ttl time.Duration) (Lease, bool) {
	t.Helper()
	lease, ok, err := s.Acquire(t.Context(), weights().Genesis, weights().Hotkey, owner, ttl)
	must(t, err)
	return lease, ok
}

// One holder at a time: it renews, others get nothing until it releases; a fence only grows.
func TestLease(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		other := d.replica(t, s, c.use)
		a, ok := try(t, s, "a", 10*time.Second)
		if !ok || a.Fence != 1 {
			t.Fatalf("%+v, %v", a, ok)
		}
		for range 10 {
			if _, ok := try(t, other, "b", 10*time.Second); ok {
				t.Fatal("b took over from a living holder")
			}
			c.advance(4 * time.Second)
			if left := s.Remaining(a); left != 6*time.Second {
				t.Fatalf("%s left", left)
			}
			var err error
			a, err = s.Renew(t.Context(), a)
			must(t, err)
			if left := s.Remaining(a); left != 10*time.Second {
				t.Fatalf("%s left after renewal", left)
			}
		}
		must(t, s.Release(t.Context(), a))
		if _, err := s.Renew(t.Context(), a); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("renewed what was released: %v", err)
		}
		b, ok := try(t, other, "b", 10*time.Second)
		if !ok || b.Fence != 2 {
			t.Fatalf("after the release: %+v, %v", b, ok)
		}
		must(t, s.Release(t.Context(), a)) // lost: no error, and b keeps it
		if _, err := other.Renew(t.Context(), b); err != nil {
			t.Errorf("another's release ended the lease: %v", err)
		}
		again, ok := try(t, other, "b", 10*time.Second)
		if !ok || again.Fence != 3 {
			t.Fatalf("b again: %+v, %v", again, ok)
		}
		if _, err := other.Renew(t.Context(), b); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("b's earlier lease: %v", err)
		}
		for _, r := range []Record{weights(func(r *Record) { r.Hotkey[0]++ }), weights(func(r *Record) { r.Genesis[0]++ })} {
			if lease := acquire(t, s, "a", r); lease.Fence != 1 {
				t.Errorf("another hotkey: %+v", lease)
			}
		}
		for _, owner := range []string{"", "\x00", "\xff"} {
			if _, _, err := s.Acquire(t.Context(), [32]byte{}, [32]byte{}, owner, time.Second); !errors.Is(err, ErrInvalid) {
				t.Errorf("owner %q: %v", owner, err)
			}
		}
		if _, _, err := s.Acquire(t.Context(), [32]byte{}, [32]byte{}, "a", 0); !errors.Is(err, ErrInvalid) {
			t.Errorf("no ttl: %v", err)
		}
	})
}

// A holder that gives no sign of life is succeeded after its own TTL, and can write nothing afterwards. By its own clock
// it has stopped before.
func TestTakeOver(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		other := d.replica(t, s, c.use)
		r := put(t, s, weights(), Policy{}).Record
		dead, _ := try(t, s, "dead", 10*time.Second)
		if _, ok := try(t, other, "b", time.Second); ok {
			t.Fatal("taken over at once")
		}
		c.advance(9999 * time.Millisecond)
		if _, ok := try(t, other, "b", time.Second); ok {
			t.Fatal("taken over too early")
		}
		c.advance(time.Millisecond)
		if left := s.Remaining(dead); left != 0 {
			t.Errorf("the holder trusts the lease for another %s", left)
		}
		b, ok := try(t, other, "b", time.Second)
		if !ok || b.Fence != dead.Fence+1 {
			t.Fatalf("not taken over: %+v, %v", b, ok)
		}
		if _, err := s.Update(t.Context(), dead, r); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("the dead wrote: %v", err)
		}
		if _, err := s.Renew(t.Context(), dead); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("the dead renewed: %v", err)
		}
		update(t, other, b, r, sign(1))
	})
}

// Wall clocks that jump end no lease and prolong none.
func TestClockJumps(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		other := d.replica(t, s, c.use)
		a, _ := try(t, s, "a", 10*time.Second)
		for _, jump := range []time.Duration{365 * 24 * time.Hour, -2 * 365 * 24 * time.Hour, 50 * 365 * 24 * time.Hour, -100 * 365 * 24 * time.Hour} {
			c.jump(jump)
			if _, ok := try(t, other, "b", 10*time.Second); ok {
				t.Fatalf("a jump of %s ended the lease", jump)
			}
			if left := s.Remaining(a); left != 10*time.Second {
				t.Fatalf("after a jump of %s the holder has %s left", jump, left)
			}
			// Times of records may be odd then; their order and everything else is not.
			first := put(t, s, weights(), Policy{}).Record
			second := put(t, s, weights(), Policy{Replace: true})
			if len(second.Replaced) != 1 || second.Replaced[0].ID != first.ID || !second.Replaced[0].Ended() {
				t.Fatalf("after a jump of %s: replaced %+v", jump, second.Replaced)
			}
			if _, err := s.Cancel(t.Context(), second.Record.ID); err != nil {
				t.Fatalf("after a jump of %s: %v", jump, err)
			}
		}
		c.advance(10 * time.Second)
		if _, ok := try(t, other, "b", 10*time.Second); !ok {
			t.Fatal("not taken over after the jumps")
		}
	})
}

// Runners that fight for a hotkey, and die now and then with the lease in their hands, never write over one another.
func TestRunnersFight(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		id := put(t, s, weights(), Policy{}).Record.ID
		const wanted = 60
		var written, takeovers atomic.Int64
		var mu sync.Mutex
		fences := map[int64]int64{} // by version
		var wg sync.WaitGroup
		for runner := range 4 {
			mine := d.replica(t, s, c.use)
			random := rand.New(rand.NewPCG(uint64(runner), 1)) //nolint:gosec // a test
			wg.Go(func() {
				for life := 0; written.Load() < wanted; life++ {
					lease, ok, err := mine.Acquire(t.Context(), weights().Genesis, weights().Hotkey, fmt.Sprintf("%d/%d", runner, life), time.Second)
					if err != nil {
						t.Error(err)
						return
					}
					if !ok {
						c.advance(50 * time.Millisecond)
						continue
					}
					takeovers.Add(1)
					for range 1 + random.IntN(4) {
						r, err := mine.Get(t.Context(), id)
						if err != nil {
							t.Error(err)
							return
						}
						r.Attempts++
						if random.IntN(3) == 0 {
							c.advance(500 * time.Millisecond) // slow: it may be taken over
						}
						r, err = mine.Update(t.Context(), lease, r)
						if errors.Is(err, ErrLeaseLost) {
							break
						}
						if err != nil {
							t.Error(err)
							return
						}
						written.Add(1)
						mu.Lock()
						fences[r.Version] = lease.Fence
						mu.Unlock()
					}
					if random.IntN(2) == 0 {
						if err := mine.Release(t.Context(), lease); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
		wg.Wait()
		r, err := s.Get(t.Context(), id)
		must(t, err)
		if int64(r.Attempts) != written.Load() || r.Version != written.Load()+1 {
			t.Errorf("%d attempts at version %d after %d updates", r.Attempts, r.Version, written.Load())
		}
		for version := int64(3); version <= r.Version; version++ {
			if fences[version] < fences[version-1] {
				t.Errorf("version %d was written with fence %d after fence %d", version, fences[version], fences[version-1])
			}
		}
		if takeovers.Load() < 4 {
			t.Errorf("only %d leases", takeovers.Load())
		}
	})
}

// The highest nonce outlives its record.
func TestHighestNonce(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		r := weights()
		highest := func(want Nonce, known bool) {
			t.Helper()
			got, ok, err := s.HighestNonce(t.Context(), r.Genesis, r.Hotkey)
			must(t, err)
			if got != want || ok != known {
				t.Errorf("highest nonce %+v, %v; want %+v, %v", got, ok, want, known)
			}
		}
		highest(Nonce{}, false)
		lease := acquire(t, s, "me", r)
		highest(Nonce{}, false)
		r = update(t, s, lease, put(t, s, r, Policy{}).Record, sign(0))
		highest(Nonce{0, 100}, true)
		r = update(t, s, lease, r, func(r *Record) { r.LastValidBlock = 132 })
		highest(Nonce{0, 132}, true)
		r = update(t, s, lease, r, sign(9))
		highest(Nonce{9, 109}, true)
		r = update(t, s, lease, r, sign(5))
		highest(Nonce{9, 109}, true)
		put(t, s, weights(sign(11)), Policy{})
		highest(Nonce{11, 111}, true)
		update(t, s, lease, r, end(s))
		c.advance(8 * 24 * time.Hour)
		if n, err := s.Prune(t.Context()); err != nil || n != 1 {
			t.Errorf("pruned %d: %v", n, err)
		}
		highest(Nonce{11, 111}, true)
		s2 := d.replica(t, s, c.use)
		if got, ok, err := s2.HighestNonce(t.Context(), r.Genesis, [32]byte{99}); ok || err != nil {
			t.Errorf("another hotkey: %+v, %v, %v", got, ok, err)
		}
	})
}
