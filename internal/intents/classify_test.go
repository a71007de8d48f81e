package intents

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// playable tells in which spec version the development chain knows an error, newest first; 0 for none.
func playable(name string, metadata map[uint32]*scale.Metadata) uint32 {
	pallet, failure, ok := strings.Cut(name, ".")
	if !ok {
		return 0
	}
	specs := devchain.Specs()
	slices.Reverse(specs)
	for _, spec := range specs {
		p, ok := metadata[spec].Pallet(pallet)
		if !ok || p.Errors == scale.NoType {
			continue
		}
		errs, err := metadata[spec].Types.Type(p.Errors)
		if err == nil && slices.ContainsFunc(errs.Variants, func(v scale.Variant) bool { return v.Name == failure }) {
			return spec
		}
	}
	return 0
}

// Every row of the table of dispatch errors, by a call that fails with it in a block: the intent ends with the row's
// reason, or goes on and succeeds. The rows that no runtime played here can raise are named.
func TestEveryDispatchError(t *testing.T) {
	t.Parallel()
	metadata := make(map[uint32]*scale.Metadata)
	for _, spec := range devchain.Specs() {
		rt, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: spec})
		must(t, err)
		raw, ok := rt.Metadata(14)
		if !ok {
			raw, _ = rt.Metadata(15)
		}
		metadata[spec], err = scale.ParseMetadata(raw)
		must(t, err)
	}
	bySpec := make(map[uint32][]string)
	for name := range dispatchClasses {
		spec := playable(name, metadata)
		if spec == 0 && !slices.Contains(notPlayed, name) {
			t.Errorf("no runtime played here knows the error %s", name)
		}
		bySpec[spec] = append(bySpec[spec], name)
	}
	for spec, names := range bySpec {
		slices.Sort(names)
		if spec == 0 {
			continue
		}
		for half := range slices.Chunk(names, 12) {
			t.Run(half[0], func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, worldConfig{spec: spec, lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 5000}}})
				for _, name := range half {
					failsInBlock(t, w, name)
				}
				must(t, w.dev.CheckNonces())
			})
		}
	}
}

// notPlayed are errors of runtimes between those that the development chain plays, and those that are no pallet's.
var notPlayed = []string{
	"BadOrigin", "Token.FundsUnavailable", "Token.BelowMinimum", "Exhausted", "Unavailable",
}

func failsInBlock(t *testing.T, w *world, name string) {
	t.Helper()
	row := dispatchClasses[name]
	w.dev.SetPoolPolicy(first(devchain.Verdict{Action: devchain.FailInBlock, Error: name}, 1))
	intent := w.until(w.put(0, miners(t)), 20, endOf(row.reason), pylon.StateFinalized)
	switch {
	case row.reaction == reactEnd && (intent.State != endOf(row.reason) || intent.Reason != row.reason || !strings.Contains(intent.Detail, name)):
		t.Errorf("%s: %s", name, describe(intent))
	case row.reaction != reactEnd && (intent.State != pylon.StateFinalized || intent.Attempts != 2 || !strings.Contains(intent.LastError, name)):
		t.Errorf("%s: %s", name, describe(intent))
	}
}

// The rows that no block can show.
func TestDispatchErrorsOfNoPallet(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]*scale.DispatchError{
		"BadOrigin":              {Kind: "BadOrigin"},
		"Token.FundsUnavailable": {Kind: "Token", Name: "FundsUnavailable"},
		"Token.BelowMinimum":     {Kind: "Token", Name: "BelowMinimum"},
		"Exhausted":              {Kind: "Exhausted"},
		"Unavailable":            {Kind: "Unavailable"},
	} {
		if got := classifyDispatch(err); got != dispatchClasses[name] {
			t.Errorf("%s: %v", name, got)
		}
	}
	for _, err := range []*scale.DispatchError{nil, {Kind: "Other"}, {Kind: "Module", Pallet: "Someone", Name: "Else"}} {
		if got := classifyDispatch(err); got != (class{reactEnd, ReasonRefused}) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// refusing refuses the next extrinsics with an error, which none of them reaches the chain with.
type refusing struct {
	*substrate.Client
	mu     sync.Mutex
	err    error
	times  int
	called int
}

func (r *refusing) Submit(ctx context.Context, extrinsic []byte) error {
	r.mu.Lock()
	r.times--
	refuse, err := r.times >= 0, r.err
	r.called++
	r.mu.Unlock()
	if refuse {
		return err
	}
	return r.Client.Submit(ctx, extrinsic)
}

func (r *refusing) refuse(err error, times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err, r.times, r.called = err, times, 0
}

// Every row of the tables of refusals: an end is one at once when no node can have the bytes; all else goes on with the
// same bytes, or with others when these can not be what the chain wants.
func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	nodes := &refusing{}
	w := newWorld(t, worldConfig{lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 5000}}})
	nodes.Client = w.client
	w.close()
	w.config.Nodes = nodes
	w.open()
	check := func(name string, err error, row class) {
		t.Helper()
		nodes.refuse(err, 1)
		intent := w.until(w.put(0, miners(t)), 20, endOf(row.reason), pylon.StateFinalized)
		switch row.reaction {
		case reactEnd:
			if intent.State != endOf(row.reason) || intent.Reason != row.reason || intent.ExtrinsicHash != "" {
				t.Errorf("%s: %s", name, describe(intent))
			}
		case reactAgain:
			if intent.State != pylon.StateFinalized || intent.Attempts != 2 {
				t.Errorf("%s: %s", name, describe(intent))
			}
		default:
			if intent.State != pylon.StateFinalized || intent.Attempts != 1 {
				t.Errorf("%s: %s", name, describe(intent))
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(customClasses)) {
		check(name, &substrate.SubmitError{Kind: substrate.SubmitCustom, Name: name}, customClasses[name])
	}
	for _, kind := range slices.Sorted(maps.Keys(submitClasses)) {
		check(kind.String(), &substrate.SubmitError{Kind: kind}, submitClasses[kind])
	}
	check("another custom error", &substrate.SubmitError{Kind: substrate.SubmitCustom, Code: 77}, class{reactEnd, ReasonRefused})
	check("no refusal", errors.New("what is this"), class{reactSame, ReasonChainUnreachable})
	must(t, w.dev.CheckNonces())
}

// Every kind of refusal that there is has a row.
func TestEveryKindOfRefusalHasARow(t *testing.T) {
	t.Parallel()
	for kind := substrate.SubmitUnknown; !strings.HasPrefix(kind.String(), "SubmitKind"); kind++ {
		if _, ok := submitClasses[kind]; !ok && kind != substrate.SubmitCustom {
			t.Errorf("%s has no row", kind)
		}
	}
}

// A refusal that leaves open whether a node has the bytes ends nothing before they can be included no more.
func TestRefusalThatMayBeNone(t *testing.T) {
	t.Parallel()
	nodes := &refusing{}
	w := newWorld(t, worldConfig{lag: 1, subnets: []devchain.Subnet{{Netuid: 1, Neurons: 16, Tempo: 5000}}})
	nodes.Client = w.client
	w.close()
	w.config.Nodes = nodes
	w.open()
	nodes.refuse(&substrate.SubmitError{Kind: substrate.SubmitCustom, Name: "StakeAmountTooLow", MayBeTaken: true}, 1000)
	id := w.put(0, miners(t))
	w.produce(5)
	if intent := w.intent(id); intent.State != pylon.StateSigned || intent.Reason != ReasonLowStake {
		t.Errorf("%s", describe(intent))
	}
	intent := w.until(id, 60, pylon.StateFailed)
	if head := w.dev.Best().Header.Number; intent.Reason != ReasonLowStake || head < 32 {
		t.Errorf("at block %d: %s", head, describe(intent))
	}
}
