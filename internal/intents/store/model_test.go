package store

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// model is what a store should hold, in the plainest way: all records in the order of arrival.
type model struct {
	records []Record
	leases  map[[32]byte]*modelLease // by hotkey
	keep    time.Duration
	most    int
}

type modelLease struct {
	owner       string
	fence       int64
	silentSince time.Duration // of the last sign of life that an Acquire has seen; -1 when none has
	ttl         time.Duration
	nonce       int64
}

func (m *model) lease(hotkey [32]byte) *modelLease {
	if m.leases[hotkey] == nil {
		m.leases[hotkey] = &modelLease{nonce: -1, silentSince: -1}
	}
	return m.leases[hotkey]
}

func (m *model) put(r Record, policy Policy, now time.Time) (PutResult, error) {
	for _, o := range m.records {
		if r.IdempotencyKey == "" || o.IdempotencyKey != r.IdempotencyKey || o.Hotkey != r.Hotkey || o.Identity != r.Identity {
			continue
		}
		if o.Fingerprint != r.Fingerprint || o.Kind != r.Kind || o.Netuid != r.Netuid || o.Mechanism != r.Mechanism {
			return PutResult{}, ErrIdempotencyMismatch
		}
		return PutResult{Record: o, Existing: true}, nil
	}
	var older []*Record
	for i := range m.records {
		if o := &m.records[i]; o.Hotkey == r.Hotkey && o.Kind == r.Kind && o.Netuid == r.Netuid && o.Mechanism == r.Mechanism && !o.Ended() {
			older = append(older, o)
		}
	}
	if policy.Attach && len(older) > 0 {
		o := older[len(older)-1]
		if o.Identity == r.Identity && o.Fingerprint == r.Fingerprint && o.SupersededBy == "" {
			return PutResult{Record: *o, Existing: true}, nil
		}
	}
	r.Version, r.CreatedAt, r.UpdatedAt = 1, now, now
	result := PutResult{Record: r}
	if policy.Replace {
		for _, o := range older {
			o.SupersededBy = r.ID
			if o.Signed() {
				result.Superseded = append(result.Superseded, *o)
				continue
			}
			o.State, o.Reason, o.EndedAt, o.UpdatedAt = StateCancelled, ReasonReplaced, now, now
			o.Version++
			result.Replaced = append(result.Replaced, *o)
		}
	}
	m.records = append(m.records, r)
	return result, nil
}

func (m *model) find(id string) *Record {
	for i := range m.records {
		if m.records[i].ID == id {
			return &m.records[i]
		}
	}
	return nil
}

func (m *model) prune(now time.Time) int {
	before := len(m.records)
	ended := slices.DeleteFunc(slices.Clone(m.records), func(r Record) bool { return !r.Ended() })
	slices.SortStableFunc(ended, func(a, b Record) int { return b.EndedAt.Compare(a.EndedAt) })
	old := func(r Record) bool { return r.Ended() && r.EndedAt.Before(now.Add(-m.keep)) }
	ended = slices.DeleteFunc(ended, old)
	m.records = slices.DeleteFunc(m.records, old)
	if len(ended) > m.most {
		// Of records that ended in one moment the later arrivals stay.
		slices.SortStableFunc(ended, func(a, b Record) int {
			if c := b.EndedAt.Compare(a.EndedAt); c != 0 {
				return c
			}
			return slices.IndexFunc(m.records, func(r Record) bool { return r.ID == b.ID }) - slices.IndexFunc(m.records, func(r Record) bool { return r.ID == a.ID })
		})
		for _, r := range ended[m.most:] {
			if r.IdempotencyKey == "" || r.EndedAt.Before(now.Add(-remembered)) {
				m.records = slices.DeleteFunc(m.records, func(o Record) bool { return o.ID == r.ID })
			} else {
				o := m.find(r.ID)
				o.Request, o.Progress, o.Extrinsic = nil, nil, nil
			}
		}
	}
	return before - len(m.records)
}

// Whatever is done in whatever order, the store answers as the model does.
func TestModel(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		runs, enough := 0, map[string]int{"memory": 30, "sqlite": 10, "postgres": 8}[d.name]
		rapid.Check(t, func(rt *rapid.T) {
			if runs++; runs > enough {
				return
			}
			c := newClock()
			configure := func(config *Config) {
				c.use(config)
				config.Keep, config.KeepMost = 30*time.Hour, 4
			}
			s := d.open(t, configure)
			defer s.Close() //nolint:errcheck // after a failure; else it was closed below
			for _, table := range []string{"pylon_intents", "pylon_hotkeys"} {
				_, err := s.writer.ExecContext(t.Context(), "DELETE FROM "+table)
				must(t, err)
			}
			m := &model{leases: map[[32]byte]*modelLease{}, keep: 30 * time.Hour, most: 4}
			leases := map[[32]byte]map[string]Lease{{1}: {}, {2}: {}}
			names := 0

			same := func(what string, got, want any, err, wantErr error) {
				rt.Helper()
				if !errors.Is(err, wantErr) || (err == nil) != (wantErr == nil) {
					rt.Fatalf("%s: %v, want %v", what, err, wantErr)
				}
				if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Record{}, Lease{}), cmpopts.EquateEmpty()); err == nil && diff != "" {
					rt.Fatalf("%s (-want +got):\n%s", what, diff)
				}
			}
			hotkey := func() [32]byte { return [32]byte{rapid.ByteRange(1, 2).Draw(rt, "hotkey")} }
			owner := func() string { return rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "owner") }
			anyRecord := func() *Record {
				if len(m.records) == 0 {
					rt.Skip()
				}
				return &m.records[rapid.IntRange(0, len(m.records)-1).Draw(rt, "record")]
			}
			rt.Repeat(map[string]func(*rapid.T){
				"put": func(rt *rapid.T) {
					names++
					r := Record{
						ID: fmt.Sprintf("%d-%d", runs, names), Hotkey: hotkey(), Kind: rapid.SampledFrom([]string{"weights", "commitment"}).Draw(rt, "kind"), State: "recorded",
						Netuid: rapid.Uint16Range(0, 1).Draw(rt, "netuid"), Fingerprint: [32]byte{rapid.ByteRange(0, 1).Draw(rt, "fingerprint")},
						IdempotencyKey: rapid.SampledFrom([]string{"", "", "k", "l"}).Draw(rt, "key"), Identity: rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "identity"),
						Request: rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(rt, "request"),
					}
					policy := Policy{Replace: rapid.Bool().Draw(rt, "replace"), Attach: rapid.Bool().Draw(rt, "attach")}
					want, wantErr := m.put(r, policy, s.now().UTC())
					got, err := s.Put(t.Context(), r, policy)
					same("put", got, want, err, wantErr)
				},
				"update": func(rt *rapid.T) {
					stored := anyRecord()
					lease, held := leases[stored.Hotkey][owner()]
					if !held {
						lease = Lease{Hotkey: stored.Hotkey, Owner: "nobody"}
					}
					r := *stored
					r.Version -= rapid.SampledFrom([]int64{0, 0, 0, 1}).Draw(rt, "behind")
					r.State = rapid.SampledFrom([]string{"signed", "included"}).Draw(rt, "state")
					r.Attempts += names + 1000 // never the same update twice
					names++
					switch rapid.IntRange(0, 3).Draw(rt, "change") {
					case 0:
						r.Extrinsic, r.Nonce, r.HasNonce = []byte{1}, rapid.Uint64Range(0, 9).Draw(rt, "nonce"), true
					case 1:
						r.Extrinsic, r.Nonce, r.HasNonce = nil, 0, false
					case 2:
						r.EndedAt = s.now().UTC()
					}
					l := m.lease(r.Hotkey)
					var wantErr error
					want := r
					switch {
					case l.owner != lease.Owner || l.fence != lease.Fence:
						wantErr = ErrLeaseLost
					case stored.Ended():
						wantErr = ErrEnded
					case stored.Version != r.Version:
						wantErr = ErrConflict
					default:
						want.Version++
						want.UpdatedAt = s.now().UTC()
						*stored = want
						if r.HasNonce {
							l.nonce = max(l.nonce, int64(r.Nonce))
						}
					}
					got, err := s.Update(t.Context(), lease, r)
					same("update", got, want, err, wantErr)
				},
				"cancel": func(rt *rapid.T) {
					stored := anyRecord()
					var wantErr error
					switch {
					case stored.Ended():
						wantErr = ErrEnded
					case stored.Signed():
						wantErr = ErrSigned
					default:
						now := s.now().UTC()
						stored.State, stored.Reason, stored.EndedAt, stored.UpdatedAt = StateCancelled, ReasonCancelled, now, now
						stored.Version++
					}
					want := *stored
					got, err := s.Cancel(t.Context(), stored.ID)
					same("cancel", got, want, err, wantErr)
				},
				"acquire": func(rt *rapid.T) {
					key, name := hotkey(), owner()
					ttl := time.Duration(rapid.IntRange(1, 3).Draw(rt, "ttl")) * time.Second
					l := m.lease(key)
					now := s.elapsed()
					free := l.owner == "" || l.owner == name || l.silentSince >= 0 && now-l.silentSince >= l.ttl
					if !free && l.silentSince < 0 {
						l.silentSince = now
					}
					want := Lease{}
					if free {
						l.owner, l.fence, l.ttl, l.silentSince = name, l.fence+1, ttl, -1
						want = Lease{Hotkey: key, Owner: name, Fence: l.fence, TTL: ttl}
						leases[key][name] = want
					}
					got, ok, err := s.Acquire(t.Context(), [32]byte{}, key, name, ttl)
					same("acquire", got, want, err, nil)
					if ok != free {
						rt.Fatalf("acquired %v, want %v", ok, free)
					}
					if ok {
						leases[key][name] = got
					}
				},
				"renew": func(rt *rapid.T) {
					key := hotkey()
					lease, held := leases[key][owner()]
					if !held {
						rt.Skip()
					}
					l := m.lease(key)
					var wantErr error
					if l.owner != lease.Owner || l.fence != lease.Fence {
						wantErr = ErrLeaseLost
					} else {
						l.silentSince = -1
					}
					got, err := s.Renew(t.Context(), lease)
					same("renew", got, lease, err, wantErr)
				},
				"release": func(rt *rapid.T) {
					key := hotkey()
					lease, held := leases[key][owner()]
					if !held {
						rt.Skip()
					}
					if l := m.lease(key); l.owner == lease.Owner && l.fence == lease.Fence {
						l.owner, l.silentSince = "", -1
					}
					must(t, s.Release(t.Context(), lease))
				},
				"time passes": func(rt *rapid.T) {
					c.advance(time.Duration(rapid.SampledFrom([]int64{1, 700, 5_000, 11 * 3600_000}).Draw(rt, "ms")) * time.Millisecond)
				},
				"prune": func(*rapid.T) {
					want := m.prune(s.now())
					got, err := s.Prune(t.Context())
					same("prune", got, want, err, nil)
				},
				"": func(*rapid.T) {
					want := slices.Clone(m.records)
					slices.Reverse(want)
					got, err := s.List(t.Context(), Filter{}, Page{Limit: MaxPage})
					same("all records", got.Records, want, err, nil)
					for key, l := range m.leases {
						open := slices.DeleteFunc(slices.Clone(m.records), func(r Record) bool { return r.Hotkey != key || r.Ended() })
						gotOpen, err := s.Open(t.Context(), [32]byte{}, key)
						same("open records", gotOpen, open, err, nil)
						nonce, ok, err := s.HighestNonce(t.Context(), [32]byte{}, key)
						want := Nonce{Nonce: uint64(max(0, l.nonce))}
						same("highest nonce", nonce, want, err, nil)
						if ok != (l.nonce >= 0) {
							rt.Fatalf("a nonce: %v, want %d", ok, l.nonce)
						}
					}
				},
			})
			must(t, s.Close())
		})
	})
}
