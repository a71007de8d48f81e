package chain_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/wallet"
)

func keyOf(t *testing.T, uri string) [32]byte {
	t.Helper()
	pair, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return pair.PublicKey()
}

func (w *world) facts(t *testing.T, query chain.FactsQuery) *chain.Facts {
	t.Helper()
	head, err := w.main.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	facts, err := w.chain.Facts(t.Context(), head, query)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Block != head || facts.FactsQuery != query {
		t.Errorf("%+v of %+v at %+v", facts.Block, facts.FactsQuery, head)
	}
	return facts
}

// What writes depend on, read from runtimes of every spec version.
func TestFacts(t *testing.T) {
	t.Parallel()
	for _, spec := range devchain.Specs() {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			config := devchain.SubtensorConfig{Spec: spec, Quiet: true, Subnets: []devchain.Subnet{
				{Netuid: 1, Neurons: 16, Tempo: 30, CommitReveal: true, WeightsRateLimit: 7},
				{Netuid: 2, Neurons: 8, Tempo: 20, Mechanisms: 2},
			}}
			w := newWorld(t, config, chain.Config{})
			rt, bob := w.runtimeOf(t), keyOf(t, "//Bob")
			if _, err := w.ProduceEdited(func(st runtime.State) error {
				rt.SetWeightsVersionKey(st, 1, 42)
				rt.SetMinAllowedWeights(st, 1, 3)
				rt.SetRevealPeriod(st, 1, 2)
				rt.SetStakeThreshold(st, 1000)
				rt.SetAxon(st, 1, bob, devchain.Axon{Endpoint: netip.MustParseAddrPort("9.8.7.6:99"), Protocol: 4, Block: 1})
				return rt.SetLastUpdate(st, 1, 0, bob, 1)
			}); err != nil {
				t.Fatal(err)
			}
			block := w.produce(t, 1)

			f := w.facts(t, chain.FactsQuery{Netuid: 1, Hotkey: bob})
			want := chain.Facts{
				FactsQuery: f.FactsQuery, Block: f.Block, Time: block.Time, BlockTime: 12 * time.Second, Calls: f.Calls, Exists: true, Mechanisms: 1, Neurons: 16,
				Registered: true, UID: 1, Permit: true, LastUpdate: 1, RegisteredAt: f.RegisteredAt,
				Axon:      &pylon.AxonInfo{IP: netip.MustParseAddr("9.8.7.6"), Port: 99, Protocol: 4},
				AxonBlock: f.AxonBlock, Tempo: 30, Epochs: f.Epochs, CommitReveal: true, RevealPeriod: 2, CommitVersion: f.CommitVersion, RateLimit: 7,
				ServingRateLimit: f.ServingRateLimit, VersionKey: 42, MinAllowedWeights: 3, StakeThreshold: f.StakeThreshold,
				LastRound: f.LastRound, Beacon: f.Beacon,
			}
			if f.Axon == nil || *f.Axon != *want.Axon {
				t.Errorf("axon: %+v", f.Axon)
			}
			want.Axon = f.Axon
			if got, want := fmt.Sprintf("%+v", *f), fmt.Sprintf("%+v", want); got != want {
				t.Errorf("%s\nnot\n%s", got, want)
			}
			if (f.Epochs != nil) != (spec >= 425) || f.Calls["SubtensorModule.commit_timelocked_mechanism_weights"] != (spec >= 320) ||
				(f.CommitVersion == 4) != (spec >= 320) || (f.Beacon != nil) != (spec >= 320) || !f.Calls["SubtensorModule.set_weights"] {
				t.Errorf("%+v", f)
			}
			if f.StakeThreshold != 1000 && spec >= 233 {
				t.Errorf("stake threshold %d", f.StakeThreshold)
			}

			if f := w.facts(t, chain.FactsQuery{Netuid: 2, Mechanism: 1, Hotkey: keyOf(t, "//Alice")}); f.Owner != (spec >= 233) || f.CommitReveal || (f.Mechanisms == 2) != (spec >= 320) {
				t.Errorf("%+v", f)
			}
			if f := w.facts(t, chain.FactsQuery{Netuid: 1, Hotkey: keyOf(t, "//Nobody")}); f.Registered || f.Permit || f.Axon != nil {
				t.Errorf("%+v", f)
			}
			if f := w.facts(t, chain.FactsQuery{Netuid: 77, Hotkey: bob}); f.Exists || f.Registered {
				t.Errorf("%+v", f)
			}
			head, _ := w.main.KnownHead()
			_, err := w.chain.Facts(t.Context(), head, chain.FactsQuery{Netuid: 1, Mechanism: 16, Hotkey: bob})
			chain.WantProblem(t, err, problem.Invalid, "There can be no mechanism 16 of subnet 1.")
		})
	}
}

// The facts of a block are read once.
func TestFactsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, devchain.SubtensorConfig{Quiet: true}, chain.Config{})
	query := chain.FactsQuery{Netuid: 1, Hotkey: keyOf(t, "//Alice")}
	one := w.facts(t, query)
	before := w.Calls()["state_queryStorageAt"]
	if two := w.facts(t, query); one != two || w.Calls()["state_queryStorageAt"] != before {
		t.Error("the facts of one block were read twice")
	}
}

func TestStorageIndex(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		netuid    pylon.Netuid
		mechanism uint8
		index     uint16
		ok        bool
	}{{12, 0, 12, true}, {12, 1, 4108, true}, {0, 15, 61440, true}, {4095, 15, 65535, true}, {4096, 0, 4096, false}, {1, 16, 1, false}} {
		if index, ok := chain.StorageIndex(test.netuid, test.mechanism); index != test.index || ok != test.ok {
			t.Errorf("%d/%d: %d, %t", test.netuid, test.mechanism, index, ok)
		}
	}
}

// runtimeOf is the runtime of the newest block.
func (w *world) runtimeOf(t *testing.T) *devchain.Subtensor {
	t.Helper()
	rt, err := w.Runtime(w.Best().Hash)
	if err != nil {
		t.Fatal(err)
	}
	return rt.(*devchain.Subtensor)
}
