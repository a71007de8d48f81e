package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A record comes back as it went in, also from a second store or after a restart.
func TestRoundTrip(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		c := newClock()
		s := d.open(t, c.use)
		r := Record{
			ID: "chosen", Genesis: [32]byte{31: 1}, Hotkey: [32]byte{31: 2}, Identity: "sn1 é", Kind: "weights", Netuid: 65535, Mechanism: 255,
			IdempotencyKey: "key", Fingerprint: [32]byte{9}, Request: []byte("\x00\xff{}"), State: "signed", Reason: "why", Detail: "how\n\"'",
			Attempts: 3, Progress: []byte(`{"salt":[1]}`), StartBlock: 1, DeadlineBlock: 1<<63 - 1, NotBefore: 3, Extrinsic: []byte{0, 1, 0},
			ExtrinsicHash: [32]byte{4}, Nonce: 0, HasNonce: true, BirthBlock: 5, LastValidBlock: 6, IncludedBlock: 7, IncludedHash: [32]byte{8},
		}
		got := put(t, s, r, Policy{})
		r.Version = 1
		r.CreatedAt = time.Date(2026, 2, 3, 4, 5, 6, 789_000_000, time.UTC)
		r.UpdatedAt = r.CreatedAt
		equal(t, "put", got, PutResult{Record: r})

		second := d.replica(t, s)
		stored, err := second.Get(t.Context(), "chosen")
		must(t, err)
		equal(t, "get", stored, r)

		lease := acquire(t, second, "me", r)
		c.advance(1500 * time.Microsecond)
		r.State, r.EndedAt = "finalized", time.Date(2027, 1, 1, 0, 0, 0, 999_999, time.UTC)
		r.Progress, r.HasNonce, r.Nonce, r.Extrinsic = nil, false, 0, nil
		r, err = s.Update(t.Context(), acquire(t, s, "me", r), r)
		must(t, err)
		if want := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC); !r.EndedAt.Equal(want) || r.UpdatedAt.Sub(r.CreatedAt) != time.Millisecond {
			t.Errorf("ended %v, want whole milliseconds; updated %v after creation", r.EndedAt, r.UpdatedAt.Sub(r.CreatedAt))
		}
		stored, err = second.Get(t.Context(), "chosen")
		must(t, err)
		equal(t, "updated", stored, r)
		if _, err := second.Update(t.Context(), lease, r); !errors.Is(err, ErrLeaseLost) {
			t.Errorf("an update with the lease that the same owner gave up: %v", err)
		}
		if d.config.Path == Memory {
			return
		}
		must(t, s.Close())
		stored, err = d.open(t).Get(t.Context(), "chosen")
		must(t, err)
		equal(t, "after a restart", stored, r)
	})
}

func TestUnknownIntent(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		lease := acquire(t, s, "me", weights())
		for _, id := range []string{"", "nothing", "\x00", "\xff", strings.Repeat("x", 1000), "'; DROP TABLE pylon_intents; --"} {
			_, err := s.Get(t.Context(), id)
			_, cancelErr := s.Cancel(t.Context(), id)
			if !errors.Is(err, ErrNotFound) || !errors.Is(cancelErr, ErrNotFound) {
				t.Errorf("%q: %v, %v", id, err, cancelErr)
			}
		}
		if _, err := s.Update(t.Context(), lease, weights(func(r *Record) { r.ID = "nothing" })); !errors.Is(err, ErrNotFound) {
			t.Errorf("update: %v", err)
		}
	})
}

// Both databases refuse what one of them could not store.
func TestInvalidRecords(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		for field, spoil := range map[string]func(*Record){
			"kind":             func(r *Record) { r.Kind = "" },
			"state":            func(r *Record) { r.State = "" },
			"identity":         func(r *Record) { r.Identity = "a\x00b" },
			"idempotency key":  func(r *Record) { r.IdempotencyKey = strings.Repeat("k", 256) },
			"reason":           func(r *Record) { r.Reason = "\xff" },
			"request":          func(r *Record) { r.Request = make([]byte, maxBytes+1) },
			"progress":         func(r *Record) { r.Progress = make([]byte, maxBytes+1) },
			"nonce":            func(r *Record) { r.Nonce = 1 << 63 },
			"last valid block": func(r *Record) { r.LastValidBlock = 1 << 63 },
			"attempts":         func(r *Record) { r.Attempts = -1 },
		} {
			if _, err := s.Put(t.Context(), weights(spoil), Policy{}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), field) {
				t.Errorf("%s: %v", field, err)
			}
		}
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); n != 0 {
			t.Errorf("%d records", n)
		}
		long := put(t, s, weights(func(r *Record) { r.Detail = "\xff\x00" + strings.Repeat("é", maxText) }), Policy{}).Record.Detail
		if len(long) > maxText || len(long) < maxText-3 || !strings.HasPrefix(long, "\uFFFDé") || !strings.HasSuffix(long, "é") {
			t.Errorf("a long detail became %d bytes, %q…", len(long), long[:8])
		}
	})
}

// An idempotency key stands for one request of one identity, as long as the record is there.
func TestIdempotencyKeys(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		keyed := func(r *Record) { r.IdempotencyKey = "a" }
		first := put(t, s, weights(keyed), Policy{Replace: true})
		again := put(t, d.replica(t, s), weights(keyed), Policy{Replace: true})
		equal(t, "again", again, PutResult{Record: first.Record, Existing: true})

		for name, change := range map[string]func(*Record){
			"another fingerprint": func(r *Record) { r.Fingerprint[0]++ },
			"another kind":        func(r *Record) { r.Kind = "commitment" },
			"another subnet":      func(r *Record) { r.Netuid++ },
			"another mechanism":   func(r *Record) { r.Mechanism++ },
		} {
			if _, err := s.Put(t.Context(), weights(keyed, change), Policy{Replace: true}); !errors.Is(err, ErrIdempotencyMismatch) {
				t.Errorf("%s: %v", name, err)
			}
		}
		for name, change := range map[string]func(*Record){
			"another identity": func(r *Record) { r.Identity = "sn2" },
			"another hotkey":   func(r *Record) { r.Hotkey[0]++ },
			"another chain":    func(r *Record) { r.Genesis[0]++ },
			"another key":      func(r *Record) { r.IdempotencyKey = "b" },
		} {
			if put(t, s, weights(keyed, change), Policy{}).Existing {
				t.Errorf("%s found the record", name)
			}
		}
		ended, err := s.Cancel(t.Context(), first.Record.ID)
		must(t, err)
		again = put(t, s, weights(keyed), Policy{Replace: true})
		equal(t, "after its end", again, PutResult{Record: ended, Existing: true})
	})
}

// The same request at once records once, and a repeat with the same ID too.
func TestIdempotencyRace(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		stores := []*Store{s, d.replica(t, s)}
		var fresh atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				result, err := stores[i%2].Put(t.Context(), weights(func(r *Record) { r.IdempotencyKey = "a" }), Policy{Replace: true})
				if err != nil {
					t.Error(err)
				} else if !result.Existing {
					fresh.Add(1)
				}
			})
		}
		wg.Wait()
		if n := count(t, s.reader, "SELECT count(*) FROM pylon_intents"); n != 1 || fresh.Load() != 1 {
			t.Errorf("%d records, %d said to be new", n, fresh.Load())
		}
		named := weights(func(r *Record) { r.ID = "named" })
		first := put(t, s, named, Policy{})
		equal(t, "the same id", put(t, s, named, Policy{}), first)
		named.Fingerprint[0]++
		if _, err := s.Put(t.Context(), named, Policy{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("an id of another request: %v", err)
		}
	})
}

// The latest wins in its scope: what is not signed ends, what is signed is marked and keeps its version.
func TestLatestWins(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		waiting := put(t, s, weights(), Policy{}).Record
		signed := update(t, s, acquire(t, s, "me", weights()), put(t, s, weights(), Policy{}).Record, sign(7))
		var others []string
		for _, change := range []func(*Record){
			func(r *Record) { r.Netuid++ },
			func(r *Record) { r.Mechanism++ },
			func(r *Record) { r.Kind = "commitment" },
			func(r *Record) { r.Hotkey[0]++ },
			func(r *Record) { r.Genesis[0]++ },
		} {
			others = append(others, put(t, s, weights(change), Policy{Replace: true}).Record.ID)
		}
		newest := put(t, s, weights(func(r *Record) { r.Identity = "another name of the hotkey" }), Policy{Replace: true})
		if !slices.Equal(ids(newest.Replaced), []string{waiting.ID}) || !slices.Equal(ids(newest.Superseded), []string{signed.ID}) {
			t.Fatalf("replaced %v, superseded %v", ids(newest.Replaced), ids(newest.Superseded))
		}
		replaced, err := s.Get(t.Context(), waiting.ID)
		must(t, err)
		equal(t, "replaced", replaced, newest.Replaced[0])
		if replaced.State != StateCancelled || replaced.Reason != ReasonReplaced || !replaced.Ended() || replaced.Version != 2 || replaced.SupersededBy != newest.Record.ID {
			t.Errorf("replaced: %+v", replaced)
		}
		marked, err := s.Get(t.Context(), signed.ID)
		must(t, err)
		equal(t, "superseded", marked, newest.Superseded[0])
		signed.SupersededBy = newest.Record.ID
		equal(t, "nothing else changed", marked, signed)
		open, err := s.Open(t.Context(), signed.Genesis, signed.Hotkey)
		must(t, err)
		want := append([]string{signed.ID}, others[:3]...)
		if got := ids(open); !slices.Equal(got, append(want, newest.Record.ID)) {
			t.Errorf("open, in order: %v", got)
		}
		// The engine had the record in hand when it was marked: its update is no conflict and tells of the mark.
		signed.SupersededBy = ""
		signed = update(t, s, acquire(t, s, "me", signed), signed, func(r *Record) { r.State = "submitted" })
		if signed.SupersededBy != newest.Record.ID || signed.Version != 3 {
			t.Errorf("after an update: superseded by %q, version %d", signed.SupersededBy, signed.Version)
		}
		// When its bytes are dead it is replaced like any other.
		signed = update(t, s, acquire(t, s, "me", signed), signed, func(r *Record) { r.Extrinsic, r.HasNonce, r.Nonce = nil, false, 0 })
		last := put(t, s, weights(), Policy{Replace: true})
		if !slices.Equal(ids(last.Replaced), []string{signed.ID, newest.Record.ID}) {
			t.Errorf("replaced %v", ids(last.Replaced))
		}
	})
}

// Many requests at once leave one.
func TestLatestWinsRace(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		stores := []*Store{s, d.replica(t, s)}
		const requests = 24
		var replaced atomic.Int64
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				result, err := stores[i%2].Put(t.Context(), weights(), Policy{Replace: true})
				if err != nil {
					t.Error(err)
				}
				replaced.Add(int64(len(result.Replaced)))
			})
		}
		wg.Wait()
		open, err := s.Open(t.Context(), weights().Genesis, weights().Hotkey)
		must(t, err)
		if len(open) != 1 || replaced.Load() != requests-1 {
			t.Errorf("%d open, %d replaced", len(open), replaced.Load())
		}
	})
}

// A repeat attaches to what is running for the same identity and request, and to nothing that has ended.
func TestAttach(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		policy := Policy{Attach: true, Replace: true}
		first := put(t, s, weights(), policy)
		equal(t, "attached", put(t, s, weights(), policy), PutResult{Record: first.Record, Existing: true})
		if put(t, s, weights(func(r *Record) { r.Identity = "sn2"; r.Netuid = 9 }), policy).Existing {
			t.Error("attached across identities")
		}
		other := put(t, s, weights(func(r *Record) { r.Fingerprint[0]++ }), policy)
		if other.Existing || !slices.Equal(ids(other.Replaced), []string{first.Record.ID}) {
			t.Errorf("another request: existing %v, replaced %v", other.Existing, ids(other.Replaced))
		}
		if put(t, s, weights(), policy).Existing {
			t.Error("attached to a record that has ended")
		}
		// What was signed for an older request goes on when a newer one took its place and was then cancelled; asking again
		// is a wish of its own.
		ofOthers := func(r *Record) { r.Netuid = 5 }
		signed := update(t, s, acquire(t, s, "me", weights()), put(t, s, weights(ofOthers), policy).Record, sign(1))
		newer := put(t, s, weights(ofOthers, func(r *Record) { r.Fingerprint[0]++ }), policy)
		equal(t, "superseded", ids(newer.Superseded), []string{signed.ID})
		_, err := s.Cancel(t.Context(), newer.Record.ID)
		must(t, err)
		if put(t, s, weights(ofOthers), policy).Existing {
			t.Error("attached to a record that is superseded")
		}
	})
}

// Nobody attaches to what is not the last word: the same wish after another one is a wish of its own.
func TestAttachToTheLastWordOnly(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		policy := Policy{Attach: true, Beside: []string{"beside"}}
		another := func(r *Record) { r.Fingerprint[0]++ }
		put(t, s, weights(), policy)
		put(t, s, weights(another), policy)
		if put(t, s, weights(), policy).Existing {
			t.Error("attached to what was asked for before something else")
		}
		put(t, s, weights(func(r *Record) { r.Kind = "beside" }), Policy{})
		last := put(t, s, weights(), policy)
		if last.Existing {
			t.Error("attached although another kind came between")
		}
		equal(t, "attached to the last word", put(t, s, weights(), policy), PutResult{Record: last.Record, Existing: true})
		put(t, s, weights(func(r *Record) { r.Kind = "elsewhere" }), Policy{})
		if !put(t, s, weights(), policy).Existing {
			t.Error("a kind that writes elsewhere counts")
		}
	})
}

// An update is checked against version, end, lease and hotkey; one that fails changes nothing.
func TestUpdate(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		r := put(t, s, weights(), Policy{}).Record
		lease := acquire(t, s, "me", r)
		stale := r
		r = update(t, s, lease, r, sign(4))
		if r.Version != 2 {
			t.Errorf("version %d", r.Version)
		}
		refused := func(name string, lease Lease, r Record, want error) {
			t.Helper()
			before, err := s.Get(t.Context(), r.ID)
			must(t, err)
			if _, err := s.Update(t.Context(), lease, r); !errors.Is(err, want) {
				t.Errorf("%s: %v", name, err)
			}
			after, err := s.Get(t.Context(), r.ID)
			must(t, err)
			equal(t, name, after, before)
		}
		changed := r
		changed.State = "submitted"
		refused("an old version", lease, stale, ErrConflict)
		wrong := lease
		wrong.Fence++
		refused("a fence of nobody", wrong, changed, ErrLeaseLost)
		wrong = lease
		wrong.Owner = "you"
		refused("another owner", wrong, changed, ErrLeaseLost)
		refused("no lease", Lease{Genesis: r.Genesis, Hotkey: r.Hotkey}, changed, ErrLeaseLost)
		foreign := weights(func(r *Record) { r.Hotkey[0]++ })
		refused("the lease of another hotkey", acquire(t, s, "me", foreign), changed, ErrInvalid)
		foreign.ID, foreign.Version = r.ID, r.Version
		if _, err := s.Update(t.Context(), acquire(t, s, "me", foreign), foreign); !errors.Is(err, ErrInvalid) {
			t.Errorf("the record of another hotkey: %v", err)
		}

		fixed := changed
		fixed.Request, fixed.Kind, fixed.Netuid, fixed.Identity, fixed.IdempotencyKey, fixed.Fingerprint = nil, "x", 9, "y", "z", [32]byte{}
		got, err := s.Update(t.Context(), lease, fixed)
		must(t, err)
		changed.Version = 3
		changed.UpdatedAt = got.UpdatedAt
		equal(t, "what Put wrote stays", got, changed)
		got, err = s.Update(t.Context(), lease, fixed)
		must(t, err)
		equal(t, "the same update again", got, changed)

		ended := update(t, s, lease, changed, end(s))
		next := ended
		next.State = "again"
		refused("after the end", lease, next, ErrEnded)
		repeated, err := s.Update(t.Context(), lease, func() Record { r := ended; r.Version--; return r }())
		must(t, err)
		equal(t, "the end again", repeated, ended)
	})
}

// What is not signed can be cancelled, and the engine notices.
func TestCancel(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		r := put(t, s, weights(), Policy{}).Record
		lease := acquire(t, s, "me", r)
		cancelled, err := d.replica(t, s).Cancel(t.Context(), r.ID)
		must(t, err)
		if cancelled.State != StateCancelled || cancelled.Reason != ReasonCancelled || !cancelled.Ended() {
			t.Errorf("cancelled: %+v", cancelled)
		}
		sign(1)(&r)
		if _, err := s.Update(t.Context(), lease, r); !errors.Is(err, ErrEnded) {
			t.Errorf("signing what was cancelled: %v", err)
		}
		if _, err := s.Cancel(t.Context(), r.ID); !errors.Is(err, ErrEnded) {
			t.Errorf("twice: %v", err)
		}
		for name, mark := range map[string]func(*Record){
			"bytes": func(r *Record) { r.Extrinsic = []byte{1} },
			"nonce": func(r *Record) { r.HasNonce = true },
			"block": func(r *Record) { r.IncludedBlock = 1 },
		} {
			signed := update(t, s, lease, put(t, s, weights(), Policy{}).Record, mark)
			if _, err := s.Cancel(t.Context(), signed.ID); !errors.Is(err, ErrSigned) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Signing and cancelling at once: one of them wins, never both.
func TestCancelRace(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		other := d.replica(t, s)
		lease := acquire(t, s, "me", weights())
		for range 20 {
			r := put(t, s, weights(), Policy{}).Record
			var cancelErr, signErr error
			var wg sync.WaitGroup
			wg.Go(func() { _, cancelErr = other.Cancel(t.Context(), r.ID) })
			wg.Go(func() {
				signed := r
				sign(1)(&signed)
				_, signErr = s.Update(t.Context(), lease, signed)
			})
			wg.Wait()
			got, err := s.Get(t.Context(), r.ID)
			must(t, err)
			switch {
			case cancelErr == nil && errors.Is(signErr, ErrEnded) && got.Ended() && !got.Signed():
			case signErr == nil && errors.Is(cancelErr, ErrSigned) && !got.Ended() && got.Signed():
			default:
				t.Fatalf("cancel %v, sign %v, state %s", cancelErr, signErr, got.State)
			}
		}
	})
}

// A list is newest first, in pages that neither repeat nor leave out what was there all the time.
func TestList(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		var all []string
		for i := range 7 {
			r := put(t, s, weights(func(r *Record) {
				r.Netuid, r.Mechanism = uint16(i%3), uint8(i%2)
				r.Identity = fmt.Sprint("sn", i%2)
				if i == 6 {
					r.Kind, r.Hotkey, r.Genesis = "commitment", [32]byte{77}, [32]byte{78}
				}
			}), Policy{}).Record
			all = append(all, r.ID)
		}
		slices.Reverse(all)
		_, err := s.Cancel(t.Context(), all[3])
		must(t, err)
		pick := func(indices ...int) []string {
			want := []string{}
			for _, i := range indices {
				want = append(want, all[i])
			}
			return want
		}
		one, zero := uint16(1), uint8(0)
		for name, c := range map[string]struct {
			filter Filter
			want   []string
		}{
			"all":       {Filter{}, all},
			"genesis":   {Filter{Genesis: &[32]byte{78}}, pick(0)},
			"hotkey":    {Filter{Hotkey: &[32]byte{77}}, pick(0)},
			"identity":  {Filter{Identity: "sn1"}, pick(1, 3, 5)},
			"kind":      {Filter{Kind: "commitment"}, pick(0)},
			"netuid":    {Filter{Netuid: &one}, pick(2, 5)},
			"mechanism": {Filter{Mechanism: &zero, Kind: "weights"}, pick(2, 4, 6)},
			"states":    {Filter{States: []string{StateCancelled, "other"}}, pick(3)},
			"open":      {Filter{Open: true}, pick(0, 1, 2, 4, 5, 6)},
			"ended":     {Filter{Ended: true}, pick(3)},
			"none":      {Filter{Kind: "'\x00"}, pick()},
		} {
			got, err := s.List(t.Context(), c.filter, Page{})
			must(t, err)
			if !slices.Equal(ids(got.Records), c.want) || got.Next != "" {
				t.Errorf("%s: %v and then %q, want %v", name, ids(got.Records), got.Next, c.want)
			}
		}
		var paged []string
		for page := (Page{Limit: 2}); ; {
			got, err := s.List(t.Context(), Filter{}, page)
			must(t, err)
			paged = append(paged, ids(got.Records)...)
			if page.After = got.Next; got.Next == "" {
				break
			}
			put(t, s, weights(), Policy{}) // newer than the first page
		}
		if !slices.Equal(paged, all) {
			t.Errorf("in pages of two: %v", paged)
		}
		for _, page := range []Page{{After: "!"}, {After: "-1"}, {After: "0"}, {Limit: -1}, {Limit: MaxPage + 1}} {
			if _, err := s.List(t.Context(), Filter{}, page); !errors.Is(err, ErrInvalid) {
				t.Errorf("%+v: %v", page, err)
			}
		}
	})
}

func TestCounts(t *testing.T) {
	onEach(t, func(t *testing.T, d database) {
		s := d.open(t)
		counted := func() string {
			counts, err := s.Counts(t.Context())
			must(t, err)
			return fmt.Sprint(counts)
		}
		if got := counted(); got != "[]" {
			t.Errorf("of nothing: %s", got)
		}
		for i, identity := range []string{"b", "a", "b"} {
			put(t, s, Record{ID: fmt.Sprint("id", i), Identity: identity, Kind: "weights", Netuid: uint16(i), State: "recorded"}, Policy{})
		}
		_, err := s.Cancel(t.Context(), "id2")
		must(t, err)
		if got := counted(); got != "[{a recorded 1} {b cancelled 1} {b recorded 1}]" {
			t.Errorf("got %s", got)
		}
	})
}
