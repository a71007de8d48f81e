package native

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// weightSpecs are the spec versions whose rules for weights differ.
var weightSpecs = []uint32{218, 343, 425, 475}

// newWeights is a chain for tests of weights, at block 5. Nobody acts on it. On
// subnet 1 weights are set, on subnet 2 they are committed to first; both have the
// tempo 10, and subnet 1 has two mechanisms where there are such.
func newWeights(t testing.TB, spec uint32) *chain {
	t.Helper()
	c := newChain(t, Config{Spec: spec, Quiet: true, Subnets: []Subnet{
		{Netuid: 1, Neurons: 8, Tempo: 10, Mechanisms: 2}, {Netuid: 2, Neurons: 8, Tempo: 10, CommitReveal: true},
	}})
	c.produce(5)
	return c
}

// args are arguments of a call, by name.
type args = map[string]any

// list makes a list of numbers an argument.
func list(numbers ...int) []any {
	out := make([]any, len(numbers))
	for i, n := range numbers {
		out[i] = n
	}
	return out
}

// send signs a call, applies it in a block of its own and tells how it went: ""
// for success, the name of the error with which it failed in the block, or "custom
// N" when it was refused.
func (c *chain) send(uri, call string, a args) string {
	c.t.Helper()
	c.begin()
	outcome := c.apply(uri, "SubtensorModule", call, a)
	c.end()
	return outcome
}

// end ends the block.
func (c *chain) end() {
	c.t.Helper()
	if err := c.runtime.FinalizeBlock(c.state); err != nil {
		c.t.Fatal(err)
	}
}

// apply is send within the block that has begun.
func (c *chain) apply(uri, pallet, call string, a args) string {
	c.t.Helper()
	who := publicKey(c.t, uri)
	nonce := uint64(c.runtime.items.System.Account.get(c.state, who[:]).Nonce)
	const index = 1
	err := c.runtime.ApplyExtrinsic(c.state, index, c.signed(uri, signed{pallet: pallet, call: call, args: a, nonce: nonce}))
	if refused, ok := errors.AsType[*runtime.InvalidError](err); ok && refused.Kind == runtime.InvalidCustom {
		return fmt.Sprint("custom ", refused.Custom)
	}
	if err != nil {
		return err.Error()
	}
	events := c.events()
	switch last := events[len(events)-1]; last.Name {
	case "ExtrinsicSuccess":
		return ""
	case "ExtrinsicFailed":
		failed, err := c.metadata.DispatchError(field(c.t, last.Fields, "dispatch_error"))
		if err != nil {
			c.t.Fatal(err)
		}
		return failed.Name
	}
	c.t.Fatalf("the events are %+v", events)
	return ""
}

// eventNames are the events of the block that are of SubtensorModule.
func (c *chain) eventNames() (names []string) {
	for _, e := range c.events() {
		if e.Pallet == "SubtensorModule" {
			names = append(names, e.Name)
		}
	}
	return names
}

// values are the fields of an event, in their order.
func values(t testing.TB, fields any) (all []any) {
	t.Helper()
	switch fields := fields.(type) {
	case []any:
		return fields
	case scale.Object:
		for _, f := range fields {
			all = append(all, f.Value)
		}
		return all
	}
	return []any{fields}
}

// row is what somebody has set, as "[uid value] …".
func (c *chain) row(index, uid int) string {
	return fmt.Sprint(c.storage("SubtensorModule", "Weights", index, uid))
}

func setArgs(netuid int, uids, values []any) args {
	return args{"netuid": netuid, "dests": uids, "weights": values, "version_key": 0}
}

func TestSetWeights(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		c := newWeights(t, spec)
		if got := c.send("//Bob", "set_weights", setArgs(1, list(5, 4, 6), list(1, 2, 0))); got != "" {
			t.Errorf("spec %d: %s", spec, got)
		}
		// The largest becomes 65535, and the order stays.
		if got := c.row(1, 1); got != "[[5 32768] [4 65535] [6 0]]" {
			t.Errorf("spec %d: the weights are %s", spec, got)
		}
		if got := c.storage("SubtensorModule", "LastUpdate", 1).([]any); got[1] != c.number || got[2] != uint64(0) {
			t.Errorf("spec %d: the last updates are %v", spec, got)
		}
		if got := c.eventNames(); !slices.Equal(got, []string{"WeightsSet"}) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
		events := c.events()
		if set := events[len(events)-3]; fmt.Sprint(values(t, set.Fields)) != "[1 1]" {
			t.Errorf("spec %d: the event is %+v", spec, set)
		}
		// Weights replace those before, all of them.
		if got := c.send("//Bob", "set_weights", setArgs(1, list(7), list(9))); got != "" || c.row(1, 1) != "[[7 65535]]" {
			t.Errorf("spec %d: %s, %s", spec, got, c.row(1, 1))
		}
		if spec < 320 {
			continue
		}
		mechanism := setArgs(1, list(5), list(1))
		mechanism["mecid"] = 1
		if got := c.send("//Charlie", "set_mechanism_weights", mechanism); got != "" || c.row(4097, 2) != "[[5 65535]]" {
			t.Errorf("spec %d: %s, %s", spec, got, c.row(4097, 2))
		}
		if got := c.storage("SubtensorModule", "LastUpdate", 4097).([]any); got[2] != c.number {
			t.Errorf("spec %d: the last updates of the mechanism are %v", spec, got)
		}
		if got := c.storage("SubtensorModule", "LastUpdate", 1).([]any); got[2] != uint64(0) {
			t.Errorf("spec %d: the mechanism's weights are an update of the other: %v", spec, got)
		}
	}
}

// A call with every mistake, of which one after another is repaired, gets the errors
// in the order of the checks.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		c := newWeights(t, spec)
		r, st := c.runtime, c.state
		bob, miner := publicKey(t, "//Bob"), publicKey(t, "//Miner1")
		missing := refusal("MechanismDoesNotExist")
		if spec < 320 {
			missing = "SubNetworkDoesNotExist"
		}
		r.SetWeightsVersionKey(st, 1, 7)
		r.SetWeightsRateLimit(st, 1, 100)
		r.SetMinAllowedWeights(st, 1, 3)
		r.SetMaxWeightsLimit(st, 1, 32768)
		r.SetStakeThreshold(st, 1<<60)
		if err := r.SetPermit(st, 1, bob, false); err != nil {
			t.Fatal(err)
		}
		if err := r.SetLastUpdate(st, 1, 0, bob, 1); err != nil {
			t.Fatal(err)
		}
		ten := []uint16{8, 8, 4, 4, 4, 4, 4, 4, 4, 4}
		w := &weighting{hotkey: [32]byte{1}, netuid: 0, uids: ten, values: ten[1:], version: 6}
		for _, step := range []struct {
			want   refusal
			repair func()
		}{
			{"CanNotSetRootNetworkWeights", func() { w.netuid = 99 }},
			{"WeightVecNotEqualSize", func() { w.values = ten }},
			{missing, func() { w.netuid = 1 }},
			{"UidsLengthExceedUidsInSubNet", func() { w.uids, w.values = ten[:2], ten[:2] }},
			{"HotKeyNotRegisteredInSubNet", func() { w.hotkey = bob }},
			{"NotEnoughStakeToSetWeights", func() { r.SetStakeThreshold(st, stakeThreshold) }},
			{"IncorrectWeightVersionKey", func() { w.version = 7 }},
			{"SettingWeightsTooFast", func() { r.SetWeightsRateLimit(st, 1, 4) }},
			{"NeuronNoValidatorPermit", func() {
				if err := r.SetPermit(st, 1, bob, true); err != nil {
					t.Error(err)
				}
			}},
			{"DuplicateUids", func() { w.uids = []uint16{8, 7} }},
			{"UidVecContainInvalidOne", func() { w.uids = []uint16{6, 7} }},
			{"WeightVecLengthIsLow", func() { w.uids, w.values = []uint16{5, 6, 7}, []uint16{9, 1, 1} }},
			{"MaxWeightExceeded", func() { w.values = []uint16{2, 1, 1} }},
			{"", nil},
		} {
			if step.want == "MaxWeightExceeded" && spec >= 334 {
				continue // nothing is too large any more
			}
			if got := r.setWeights(st, 0, w); got != step.want {
				t.Fatalf("spec %d: %q instead of %q", spec, got, step.want)
			}
			// The checks are the same in a call, but for what the pool looks at first.
			if step.want != "" {
				if e, ok := errors.AsType[*dispatchError]((&dispatch{runtime: r, call: &scale.DecodedCall{}}).refusal(step.want)); !ok ||
					e.name != "SubtensorModule."+string(step.want) {
					t.Errorf("spec %d has no error %s", spec, step.want)
				}
				step.repair()
			}
		}
		// Who has no permit may set a weight for itself alone, and whoever owns the
		// subnet may set any.
		r.SetStakeThreshold(st, 0)
		r.SetWeightsRateLimit(st, 1, 0)
		w = &weighting{hotkey: miner, netuid: 1, uids: []uint16{5}, values: []uint16{1}, version: 7}
		if got := r.setWeights(st, 0, w); got != "" {
			t.Errorf("spec %d: a weight for itself: %s", spec, got)
		}
		if w.uids[0] = 6; r.setWeights(st, 0, w) != "NeuronNoValidatorPermit" {
			t.Errorf("spec %d: a weight for another", spec)
		}
		r.items.SubtensorModule.SubnetOwnerHotkey.set(st, miner, u16(1))
		r.SetStakeThreshold(st, 1<<60)
		r.SetMinAllowedWeights(st, 1, 1)
		want := refusal("NotEnoughStakeToSetWeights")
		if spec >= 401 {
			want = ""
		}
		if got := r.setWeights(st, 0, w); got != want {
			t.Errorf("spec %d: weights of the owner: %q", spec, got)
		}
	}
}

// What each call that cannot succeed gets from the pool or in the block, by the
// condition that it breaks.
func TestWeightCallErrors(t *testing.T) {
	t.Parallel()
	hash := scale.Bytes(make([]byte, 32))
	all := []uint32{218, 343, 425, 475}
	modern := []uint32{343, 425, 475}
	timelockedArgs := func(netuid int) args {
		return args{"netuid": netuid, "commit": scale.Bytes{1}, "reveal_round": 1 << 40, "commit_reveal_version": 4}
	}
	with := func(a args, name string, value any) args {
		a[name] = value
		return a
	}
	base := map[uint32]*chain{}
	for _, spec := range []uint32{218, 320, 343, 425, 475} {
		base[spec] = newWeights(t, spec)
	}
	for _, test := range []struct {
		name    string
		specs   []uint32
		prepare func(*chain)
		uri     string
		call    string
		args    args
		// want is by spec version, the one for 0 being that of all others.
		want map[uint32]string
	}{
		{
			"no stake", all, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 1<<60) },
			"//Bob", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "custom 1", 218: "custom 3"},
		},
		{
			"no stake for a commit", all, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 1<<60) },
			"//Bob", "commit_weights",
			args{"netuid": 2, "commit_hash": hash},
			map[uint32]string{0: "custom 1"},
		},
		{
			"no stake for a timelocked commit", modern, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 1<<60) },
			"//Bob", "commit_timelocked_weights", timelockedArgs(2),
			map[uint32]string{0: "custom 1"},
		},
		{
			"no stake for a mechanism", modern, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 1<<60) },
			"//Bob", "set_mechanism_weights", with(setArgs(1, list(5), list(1)), "mecid", 1),
			map[uint32]string{0: "custom 1", 343: "NotEnoughStakeToSetWeights"},
		},
		{
			"too soon", all, tooSoon,
			"//Bob", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "custom 6", 218: "SettingWeightsTooFast", 343: "SettingWeightsTooFast"},
		},
		{
			"a commit too soon", all, tooSoon,
			"//Bob", "commit_weights",
			args{"netuid": 2, "commit_hash": hash},
			map[uint32]string{0: "custom 6", 218: "CommittingWeightsTooFast", 343: "CommittingWeightsTooFast"},
		},
		{
			"a timelocked commit too soon", modern, tooSoon,
			"//Bob", "commit_timelocked_weights", timelockedArgs(2),
			map[uint32]string{0: "CommittingWeightsTooFast"},
		},
		{
			"not registered", all, func(c *chain) { c.runtime.SetStake(c.state, 1, publicKey(c.t, "//Ferdie"), 1<<50) },
			"//Ferdie", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "HotKeyNotRegisteredInSubNet"},
		},
		{
			"not registered for a commit", all, func(c *chain) { c.runtime.SetStake(c.state, 2, publicKey(c.t, "//Ferdie"), 1<<50) },
			"//Ferdie", "commit_weights",
			args{"netuid": 2, "commit_hash": hash},
			map[uint32]string{0: "HotKeyNotRegisteredInSubNet"},
		},
		{
			"not registered any more", all, func(c *chain) {
				if err := c.runtime.Deregister(c.state, 1, publicKey(c.t, "//Bob")); err != nil {
					c.t.Fatal(err)
				}
			}, "//Bob", "set_weights", setArgs(1, list(5), list(1)), map[uint32]string{0: "HotKeyNotRegisteredInSubNet"},
		},
		{
			"an old version", all, func(c *chain) { c.runtime.SetWeightsVersionKey(c.state, 1, 1) },
			"//Bob", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "IncorrectWeightVersionKey"},
		},
		{
			"no permit", all, func(c *chain) { c.permit("//Bob", false) },
			"//Bob", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "NeuronNoValidatorPermit"},
		},
		{
			"unequal lists", all, nil,
			"//Bob", "set_weights", setArgs(1, list(5, 6), list(1)),
			map[uint32]string{0: "WeightVecNotEqualSize"},
		},
		{
			"a uid twice", all, nil,
			"//Bob", "set_weights", setArgs(1, list(5, 5), list(1, 1)),
			map[uint32]string{0: "DuplicateUids"},
		},
		{
			"a uid that is none", all, nil,
			"//Bob", "set_weights", setArgs(1, list(8), list(1)),
			map[uint32]string{0: "UidVecContainInvalidOne"},
		},
		{
			"too many", all, nil,
			"//Bob", "set_weights", setArgs(1, list(0, 1, 2, 3, 4, 5, 6, 7, 8), list(0, 1, 2, 3, 4, 5, 6, 7, 8)),
			map[uint32]string{0: "UidsLengthExceedUidsInSubNet"},
		},
		{
			"too few", all, func(c *chain) { c.runtime.SetMinAllowedWeights(c.state, 1, 2) },
			"//Bob", "set_weights", setArgs(1, list(5), list(1)),
			map[uint32]string{0: "WeightVecLengthIsLow"},
		},
		{
			"too large",
			[]uint32{218, 320},
			func(c *chain) { c.runtime.SetMaxWeightsLimit(c.state, 1, 40000) },
			"//Bob", "set_weights", setArgs(1, list(5, 6), list(9, 1)),
			map[uint32]string{0: "MaxWeightExceeded"},
		},
		{
			"a subnet that is none", all, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 0); c.runtime.SetCommitReveal(c.state, 99, false) },
			"//Bob", "set_weights", setArgs(99, list(5), list(1)),
			map[uint32]string{0: "MechanismDoesNotExist", 218: "SubNetworkDoesNotExist"},
		},
		{
			"a mechanism that is none", modern, nil,
			"//Bob", "set_mechanism_weights", with(setArgs(1, list(5), list(1)), "mecid", 2),
			map[uint32]string{0: "MechanismDoesNotExist"},
		},
		{
			"root", all, func(c *chain) { c.runtime.SetStakeThreshold(c.state, 0); c.runtime.SetCommitReveal(c.state, 0, false) },
			"//Bob", "set_weights", setArgs(0, list(1), list(1)),
			map[uint32]string{0: "CanNotSetRootNetworkWeights"},
		},
		{
			"commit-reveal on", all, nil,
			"//Bob", "set_weights", setArgs(2, list(5), list(1)),
			map[uint32]string{0: "CommitRevealEnabled"},
		},
		{
			"commit-reveal off", all, nil,
			"//Bob", "commit_weights",
			args{"netuid": 1, "commit_hash": hash},
			map[uint32]string{0: "CommitRevealDisabled"},
		},
		{
			"commit-reveal off for a timelocked commit", modern, nil,
			"//Bob", "commit_timelocked_weights", timelockedArgs(1),
			map[uint32]string{0: "CommitRevealDisabled"},
		},
		{
			"commit to a mechanism that is none", modern, nil,
			"//Bob", "commit_timelocked_mechanism_weights", with(timelockedArgs(2), "mecid", 1),
			map[uint32]string{0: "MechanismDoesNotExist"},
		},
		{
			"the version of another time", modern, nil,
			"//Bob", "commit_timelocked_weights", with(timelockedArgs(2), "commit_reveal_version", 3),
			map[uint32]string{0: "IncorrectCommitRevealVersion"},
		},
		{
			"the version of another time, in the chain", modern, func(c *chain) { c.runtime.SetCommitRevealVersion(c.state, 5) },
			"//Bob", "commit_crv3_mechanism_weights",
			args{"netuid": 2, "mecid": 0, "commit": scale.Bytes{1}, "reveal_round": 1 << 40},
			map[uint32]string{0: "IncorrectCommitRevealVersion"},
		},
		{
			"a round that is over", modern, nil,
			"//Bob", "commit_timelocked_weights", with(timelockedArgs(2), "reveal_round", 1),
			map[uint32]string{0: "custom 15"},
		},
		{
			"a large commit", modern, nil,
			"//Bob", "commit_timelocked_weights", with(timelockedArgs(2), "commit", scale.Bytes(make([]byte, 5001))),
			map[uint32]string{475: "CommitPayloadTooLarge", 0: errMalformed.Error() + ": the commit is longer than the chain decodes"},
		},
		{
			"a huge commit", modern, nil,
			"//Bob", "commit_timelocked_weights", with(timelockedArgs(2), "commit", scale.Bytes(make([]byte, 32769))),
			map[uint32]string{0: errMalformed.Error() + ": the commit is longer than the chain decodes"},
		},
		{
			"nothing to reveal", all, nil,
			"//Bob", "reveal_weights",
			args{"netuid": 2, "uids": list(5), "values": list(1), "salt": list(1), "version_key": 0},
			map[uint32]string{0: "custom 16", 218: "NoWeightsCommitFound"},
		},
		{
			"a batch of unequal lists", all, nil,
			"//Bob", "batch_commit_weights",
			args{"netuids": list(1, 2), "commit_hashes": []any{hash}},
			map[uint32]string{0: "custom 18", 218: "InputLengthsUnequal", 343: "InputLengthsUnequal"},
		},
		{
			"a batch of unequal weights", all, nil,
			"//Bob", "batch_set_weights",
			args{"netuids": list(1), "weights": []any{[]any{}}, "version_keys": list()},
			map[uint32]string{0: "custom 18", 218: "InputLengthsUnequal", 343: "InputLengthsUnequal"},
		},
		{
			"a batch of unequal reveals", all, nil,
			"//Bob", "batch_reveal_weights",
			args{"netuid": 2, "uids_list": []any{list(5)}, "values_list": []any{}, "salts_list": []any{list(1)}, "version_keys": list(0)},
			map[uint32]string{0: "custom 18", 218: "InputLengthsUnequal"},
		},
	} {
		for _, spec := range test.specs {
			c := base[spec].fork()
			if test.prepare != nil {
				test.prepare(c)
			}
			want, ok := test.want[spec]
			if !ok {
				want = test.want[0]
			}
			if got := c.send(test.uri, test.call, test.args); got != want {
				t.Errorf("spec %d: %s: %q instead of %q", spec, test.name, got, want)
			}
			if got := c.row(1, 1); slices.Contains(c.eventNames(), "WeightsSet") || c.number != 6 {
				t.Errorf("spec %d: %s: weights were set: %s", spec, test.name, got)
			}
		}
	}
}

// tooSoon makes //Bob's last update recent on both subnets.
func tooSoon(c *chain) {
	c.t.Helper()
	for _, netuid := range []uint16{1, 2} {
		c.runtime.SetWeightsRateLimit(c.state, netuid, 100)
		if err := c.runtime.SetLastUpdate(c.state, netuid, 0, publicKey(c.t, "//Bob"), 3); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *chain) permit(uri string, permit bool) {
	c.t.Helper()
	for _, netuid := range []uint16{1, 2} {
		if err := c.runtime.SetPermit(c.state, netuid, publicKey(c.t, uri), permit); err != nil {
			c.t.Fatal(err)
		}
	}
}

// The limit counts from the last update, and a block at exactly that distance is
// late enough. Who has just registered waits too.
func TestWeightsRateLimit(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		c := newWeights(t, spec)
		c.runtime.SetWeightsRateLimit(c.state, 1, 5)
		set := func() string { return c.send("//Bob", "set_weights", setArgs(1, list(5), list(1))) }
		if got := set(); got != "" {
			t.Fatalf("spec %d: %s", spec, got)
		}
		first := c.number
		for c.number < first+4 {
			if got := set(); got != "custom 6" && got != "SettingWeightsTooFast" {
				t.Errorf("spec %d: %d blocks later: %q", spec, c.number-first, got)
			}
		}
		if got := set(); got != "" {
			t.Errorf("spec %d: %d blocks later: %q", spec, c.number-first, got)
		}

		newcomer := publicKey(t, "//Newcomer")
		if _, err := c.runtime.Register(c.state, 1, newcomer, publicKey(t, "//Eve")); err != nil {
			t.Fatal(err)
		}
		c.runtime.SetStake(c.state, 1, newcomer, 1<<50)
		for range 4 {
			if got := c.send("//Newcomer", "set_weights", setArgs(1, list(8), list(1))); got != "custom 6" && got != "SettingWeightsTooFast" {
				t.Errorf("spec %d: the newcomer: %q", spec, got)
			}
		}
		if got := c.send("//Newcomer", "set_weights", setArgs(1, list(8), list(1))); got != "" {
			t.Errorf("spec %d: the newcomer, later: %q", spec, got)
		}
	}
}

func TestBatchSetWeights(t *testing.T) {
	t.Parallel()
	for _, spec := range weightSpecs {
		c := newWeights(t, spec)
		weights := func(uid int) []any { return []any{list(uid, 3), list(uid-1, 1)} }
		batch := args{"netuids": list(2, 1), "weights": []any{weights(5), weights(6)}, "version_keys": list(0, 0)}
		if got := c.send("//Bob", "batch_set_weights", batch); got != "" {
			t.Errorf("spec %d: %s", spec, got)
		}
		want := []string{"BatchWeightItemFailed", "WeightsSet", "BatchCompletedWithErrors", "BatchWeightsCompleted"}
		if got := c.eventNames(); !slices.Equal(got, want) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
		for _, e := range c.events() {
			if e.Name != "BatchWeightItemFailed" {
				continue
			}
			fields := values(t, e.Fields)
			last := fields[len(fields)-1]
			if failed, err := c.metadata.DispatchError(last); err != nil || failed.Name != "CommitRevealEnabled" {
				t.Errorf("spec %d: the item failed by %v, %v", spec, failed, err)
			}
			if spec >= 361 && fields[0] != uint64(2) {
				t.Errorf("spec %d: the item of %v failed", spec, fields[0])
			}
		}
		if got := c.row(1, 1); got != "[[6 65535] [5 21845]]" {
			t.Errorf("spec %d: the weights are %s", spec, got)
		}

		hash := scale.Bytes(make([]byte, 32))
		if got := c.send("//Bob", "batch_commit_weights", args{"netuids": list(2), "commit_hashes": []any{hash}}); got != "" {
			t.Errorf("spec %d: %s", spec, got)
		}
		if got := c.eventNames(); !slices.Equal(got, []string{"WeightsCommitted", "BatchWeightsCompleted"}) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
	}
}

func TestUpscaled(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ values, want []uint16 }{
		{[]uint16{}, []uint16{}},
		{[]uint16{0, 0}, []uint16{0, 0}},
		{[]uint16{1, 2}, []uint16{32768, 65535}},
		{[]uint16{1}, []uint16{65535}},
		{[]uint16{65535, 1, 32768, 0}, []uint16{65535, 1, 32768, 0}},
		{[]uint16{32768, 16384}, []uint16{65535, 32768}},
		{[]uint16{32769, 1}, []uint16{65535, 2}},
		{[]uint16{40000, 20000, 1}, []uint16{65535, 32767, 2}}, // 32767.5, less what is cut off
		{[]uint16{3, 1, 2}, []uint16{65535, 21845, 43690}},
	} {
		if got := upscaled(test.values); !slices.Equal(got, test.want) {
			t.Errorf("%v becomes %v instead of %v", test.values, got, test.want)
		}
	}
	for largest := uint32(1); largest <= 65535; largest++ {
		if got := upscaled([]uint16{uint16(largest)}); got[0] != 65535 {
			t.Fatalf("%d alone becomes %d", largest, got[0])
		}
	}
}

// //Bob, //Charlie and //Dave act, each but on the subnet that is left to others,
// and no more once they have sent something.
func TestWhoActs(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 475, Subnets: []Subnet{
		{Netuid: 1, Neurons: 8, Tempo: 5}, {Netuid: 2, Neurons: 8, Tempo: 5}, {Netuid: 3, Neurons: 8, Tempo: 5}, {Netuid: 4, Neurons: 8, Tempo: 5},
	}})
	check := func(netuid int, want string) {
		t.Helper()
		if got := fmt.Sprint(c.storage("SubtensorModule", "LastUpdate", netuid).([]any)[:4]); got != want {
			t.Errorf("subnet %d: the last updates are %s instead of %s", netuid, got, want)
		}
	}
	c.produce(6)
	check(1, "[0 5 5 5]")
	check(2, "[0 0 5 5]")
	check(3, "[0 5 0 5]")
	check(4, "[0 5 5 0]")
	if got := c.send("//Charlie", "set_weights", setArgs(1, list(5), list(1))); got != "" {
		t.Fatal(got)
	}
	c.produce(4)
	check(1, "[0 10 7 10]")
	check(2, "[0 0 5 10]")
}
