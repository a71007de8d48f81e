package store

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// testless is for processes that run no test.
func testless() context.Context { return context.Background() }

func contextThatEnds(t *testing.T, after time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), after)
}

// partCommit puts, signs and ends intents as fast as it can and says each thing that was committed, until it is killed.
func partCommit() error {
	s, err := openInChild()
	if err != nil {
		return err
	}
	r := weights()
	lease, _, err := s.Acquire(testless(), r.Genesis, r.Hotkey, fmt.Sprint("crash ", rand.Uint64()), time.Second) //nolint:gosec // a name
	if err != nil {
		return err
	}
	if lease.Fence == 0 { // on a server the lease of the one before has to time out
		lease, err = awaitLease(s, r)
		if err != nil {
			return err
		}
	}
	for i := uint64(1); ; i++ {
		result, err := s.Put(testless(), weights(func(r *Record) { r.Attempts = int(i) }), Policy{Replace: true})
		if err != nil {
			return err
		}
		fmt.Println("put", result.Record.ID) //nolint:forbidigo // to the parent
		sign(i)(&result.Record)
		signed, err := s.Update(testless(), lease, result.Record)
		if err != nil {
			return err
		}
		fmt.Println("signed", signed.ID, i) //nolint:forbidigo // to the parent
		if i%3 == 0 {
			end(s)(&signed)
			if _, err := s.Update(testless(), lease, signed); err != nil {
				return err
			}
			fmt.Println("ended", signed.ID) //nolint:forbidigo // to the parent
		}
	}
}

func awaitLease(s *Store, r Record) (Lease, error) {
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		if lease, ok, err := s.Acquire(testless(), r.Genesis, r.Hotkey, "next", time.Second); ok || err != nil {
			tick.Stop()
			return lease, err
		}
	}
}

// Whatever was answered before a kill -9 is there afterwards, nothing is there by half, and the database opens at once.
func TestKillDuringCommit(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		if d.config.Path == Memory {
			return // it ends with its process
		}
		d.config.URL = strings.ReplaceAll(d.config.URL, "synchronous_commit=off", "synchronous_commit=on")
		state := map[string]string{}
		var highest uint64
		for round := range 6 {
			c := startChild(t, "commit", d.forChild(t))
			until := 3 + rand.IntN(60) //nolint:gosec // a test
			for range until {
				word, id, _ := strings.Cut(c.line(), " ")
				if word == "signed" {
					var nonce uint64
					if _, err := fmt.Sscan(id, &id, &nonce); err != nil {
						t.Fatal(err)
					}
					highest = max(highest, nonce)
				}
				if id == "" {
					t.Fatalf("round %d: the process ended by itself", round)
				}
				state[id] = word
			}
			c.kill()
			s := d.open(t)
			for id, word := range state {
				r, err := s.Get(t.Context(), id)
				if err != nil {
					t.Fatalf("round %d: %s was answered and is gone: %v", round, word, err)
				}
				whole := !r.Ended() && !r.Signed() && r.Version == 1 || // put
					!r.Ended() && r.Signed() && r.Version == 2 || // signed
					r.Ended() && r.Signed() && r.Version == 3 // ended; nothing is unsigned when the next comes
				kept := word == "put" || word == "signed" && r.Signed() || word == "ended" && r.Ended()
				if !kept || !whole && r.Reason != ReasonReplaced {
					t.Fatalf("round %d: %s became %+v", round, word, r)
				}
			}
			nonce, _, err := s.HighestNonce(t.Context(), weights().Genesis, weights().Hotkey)
			must(t, err)
			if nonce.Nonce < highest {
				t.Fatalf("round %d: the highest nonce is %d after %d was signed", round, nonce.Nonce, highest)
			}
			if d.config.URL == "" {
				var word string
				must(t, s.reader.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&word))
				if word != "ok" {
					t.Fatalf("round %d: %s", round, word)
				}
			}
			must(t, s.Close())
		}
	})
}
