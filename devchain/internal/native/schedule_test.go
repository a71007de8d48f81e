package native

import (
	"crypto/rand"
	"fmt"
	"slices"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// commitNow is a timelocked commit of //Bob on a subnet, whose round comes with its
// block.
func (c *chain) commitNow(netuid int, values ...uint16) {
	c.t.Helper()
	w := timelock.Weights{Hotkey: publicKey(c.t, "//Bob"), UIDs: []uint16{4, 5}[:len(values)], Values: values}
	message, err := w.Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	round := c.round() + 4
	commit, err := timelock.Encrypt(rand.Reader, c.beaconKey(), round, message)
	if err != nil {
		c.t.Fatal(err)
	}
	if got := c.send("//Bob", "commit_timelocked_weights", commitArgs(netuid, commit, round)); got != "" {
		c.t.Fatal(got)
	}
}

// revealedAt goes on until a block reveals something of //Bob's on a subnet.
func (c *chain) revealedAt(netuid, within int) uint64 {
	c.t.Helper()
	before := c.row(netuid, 1)
	for range within {
		if c.produce(1); c.row(netuid, 1) != before {
			return c.number
		}
	}
	return 0
}

// A commit is revealed in the next epoch, whenever that begins: with another tempo,
// by a trigger, or when it is deferred.
func TestRevealFollowsEpochs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*chain)
		want   uint64
	}{
		"nothing changes":    {func(*chain) {}, 10},
		"a shorter tempo":    {func(c *chain) { c.runtime.SetTempo(c.state, 2, 3) }, 9},
		"a longer tempo":     {func(c *chain) { c.runtime.SetTempo(c.state, 2, 20) }, 26},
		"a trigger":          {func(c *chain) { c.runtime.TriggerEpoch(c.state, 2, 8) }, 8},
		"a late trigger":     {func(c *chain) { c.runtime.TriggerEpoch(c.state, 2, 15) }, 10},
		"no tempo":           {func(c *chain) { c.runtime.SetTempo(c.state, 2, 0) }, 0},
		"deferred":           {func(c *chain) { c.runtime.SetMaxEpochsPerBlock(c.state, 1) }, 11},
		"deferred for good":  {func(c *chain) { c.runtime.SetMaxEpochsPerBlock(c.state, 0) }, 0},
		"behind Null":        {func(c *chain) { c.runtime.SetNullConsensus(c.state, 1, true) }, 11},
		"commit-reveal off":  {func(c *chain) { c.runtime.SetCommitReveal(c.state, 2, false) }, 10},
		"not registered":     {func(c *chain) { c.deregister(2, "//Bob") }, 0},
		"no permit any more": {func(c *chain) { c.permit("//Bob", false) }, 0},
		"two epochs later":   {func(c *chain) { c.runtime.SetRevealPeriod(c.state, 2, 2) }, 20},
	} {
		c := newWeights(t, 475)
		c.commitNow(2, 1, 2) // in block 6
		test.change(c)
		if got := c.revealedAt(2, 30); got != test.want {
			t.Errorf("%s: it is revealed in block %d instead of %d", name, got, test.want)
		}
	}
}

func (c *chain) deregister(netuid uint16, uri string) {
	c.t.Helper()
	if err := c.runtime.Deregister(c.state, netuid, publicKey(c.t, uri)); err != nil {
		c.t.Fatal(err)
	}
	c.runtime.items.SubtensorModule.Weights.set(c.state, nil, u16(netuid), u16(1))
}

// The epoch of a commit looks ahead: while a subnet waits, its commits count for the
// epoch that is to come.
func TestDeferredEpochsLookAhead(t *testing.T) {
	t.Parallel()
	c := newWeights(t, 475)
	c.runtime.SetMaxEpochsPerBlock(c.state, 1)
	c.produce(4)
	c.commitNow(2, 1) // in block 10, where subnet 2 waits for subnet 1
	if got := c.uint("SubtensorModule", "SubnetEpochIndex", 2); got != 0 || c.number != 10 {
		t.Fatalf("%d epochs by block %d", got, c.number)
	}
	if got := c.buckets(2); !slices.Equal(got, []uint64{1}) {
		t.Errorf("the commit counts for %v", got)
	}
	if got := c.revealedAt(2, 30); got != 21 {
		t.Errorf("it is revealed in block %d", got)
	}
}

// With Null consensus somewhere, a block runs one epoch.
func TestNullRunsAlone(t *testing.T) {
	t.Parallel()
	config := Config{Spec: 475, Quiet: true}
	for netuid := range uint16(3) {
		config.Subnets = append(config.Subnets, Subnet{Netuid: netuid + 1, Neurons: 4, Tempo: 10})
	}
	c := newChain(t, config)
	c.runtime.SetNullConsensus(c.state, 3, true)
	c.produce(12)
	for netuid, want := range map[int]uint64{1: 10, 2: 11, 3: 12} {
		if got := c.uint("SubtensorModule", "LastEpochBlock", netuid); got != want {
			t.Errorf("the epoch of subnet %d was at %d, not at %d", netuid, got, want)
		}
	}
}

// TestNullConsensus switches a subnet to Null consensus and back.
func TestNullConsensus(t *testing.T) {
	t.Parallel()
	c := newWeights(t, 475)
	r, st := c.runtime, c.state
	if !r.SetNullConsensus(st, 1, true) || newWeights(t, 425).runtime.SetNullConsensus(st, 1, true) {
		t.Error("which spec version knows it is wrong")
	}
	check := func(when string, permits string, validators uint64) {
		t.Helper()
		if got := fmt.Sprint(c.storage("SubtensorModule", "ValidatorPermit", 1)); got != permits {
			t.Errorf("%s: the permits are %s", when, got)
		}
		if got := c.uint("SubtensorModule", "MaxAllowedValidators", 1); got != validators {
			t.Errorf("%s: %d validators", when, got)
		}
	}
	one, four := "[true false false false false false false false]", "[true true true true false false false false]"
	check("at once", one, 1)

	// Nobody else may, not for themselves and not as the owner; what they may not,
	// the pool knows.
	r.items.SubtensorModule.SubnetOwnerHotkey.set(st, publicKey(t, "//Bob"), u16(1))
	for name, a := range map[string]args{"others": setArgs(1, list(5), list(1)), "itself": setArgs(1, list(1), list(1))} {
		if got := c.send("//Bob", "set_weights", a); got != "custom 255" {
			t.Errorf("weights for %s: %q", name, got)
		}
	}
	r.SetCommitReveal(st, 1, true)
	if got := c.send("//Bob", "commit_timelocked_weights", commitArgs(1, []byte{1}, 1<<40)); got != "custom 255" {
		t.Errorf("a commit: %q", got)
	}
	if got := c.runtime.commitTimelocked(st, 0, 1, 0, timelockedCommit{Hotkey: publicKey(t, "//Bob")}, 4); got != "NeuronNoValidatorPermit" {
		t.Errorf("a commit in a block: %q", got)
	}
	// Two mechanisms share 32 KiB.
	for size, want := range map[int]string{16384: "", 16385: "CommitPayloadTooLarge"} {
		if got := c.send("//Alice", "commit_timelocked_weights", commitArgs(1, make([]byte, size), 1<<40)); got != want {
			t.Errorf("a commit of %d bytes: %q", size, got)
		}
	}
	r.SetCommitReveal(st, 1, false)

	// The row stays as it is, and pays as it is.
	if got := c.send("//Alice", "set_weights", setArgs(1, list(5, 6), list(1, 3))); got != "" || c.row(1, 0) != "[[5 1] [6 3]]" {
		t.Errorf("%q, %s", got, c.row(1, 0))
	}
	bonds := c.storage("SubtensorModule", "Bonds", 1, 0)
	c.produce(int(20 - c.number))
	check("after epochs", one, 1)
	if got := fmt.Sprint(c.storage("SubtensorModule", "Incentive", 1)); got != "[0 0 0 0 0 16383 49151 0]" {
		t.Errorf("the incentives are %s", got)
	}
	for _, name := range []string{"Consensus", "ValidatorTrust"} {
		if anyPositive(c.storage("SubtensorModule", name, 1).([]any)) {
			t.Errorf("%s is %v", name, c.storage("SubtensorModule", name, 1))
		}
	}
	dividends := c.storage("SubtensorModule", "Dividends", 1).([]any)
	for uid, dividend := range dividends {
		if dividend.(uint64) > 0 != (uid < 4) { // those with the stake that weights need
			t.Errorf("the dividends are %v", dividends)
		}
	}
	if got := c.storage("SubtensorModule", "Bonds", 1, 0); fmt.Sprint(got) != fmt.Sprint(bonds) {
		t.Errorf("the bonds moved to %v", got)
	}
	if got := c.uint("SubtensorModule", "LastYumaStepBlock", 1); got != 0 {
		t.Errorf("the last step of Yuma was at %d", got)
	}

	r.SetNullConsensus(st, 1, false)
	check("back", one, 64)
	c.produce(10)
	check("an epoch later", four, 64)
	if got := c.uint("SubtensorModule", "LastYumaStepBlock", 1); got != 30 {
		t.Errorf("the last step of Yuma was at %d", got)
	}
}

// With Null consensus an epoch's commits are bounded, and those of the least stake
// go first.
func TestCommitQueueFull(t *testing.T) {
	t.Parallel()
	c := newWeights(t, 475)
	r, st := c.runtime, c.state
	r.SetNullConsensus(st, 2, true)
	alice, bob := publicKey(t, "//Alice"), publicKey(t, "//Bob")
	fill := func(hotkey [32]byte, entries, size int) {
		queue := slices.Repeat([]timelockedCommit{{Hotkey: hotkey, Payload: make([]byte, size), Round: 1 << 40}}, entries)
		r.items.SubtensorModule.TimelockedWeightCommits.set(st, queue, u16(2), u64(0))
	}
	commit := func(size int) refusal {
		return r.commitTimelocked(st, 0, 2, 0, timelockedCommit{Hotkey: alice, Payload: make([]byte, size), Round: 1 << 40}, 4)
	}
	entries := func() (all []scale.Bytes) {
		for _, e := range c.storage("SubtensorModule", "TimelockedWeightCommits", 2, 0).([]any) {
			all = append(all, e.([]any)[0].(scale.Bytes))
		}
		return all
	}
	fill(bob, mostQueued, 1)
	if got := commit(1); got != "" || len(entries()) != mostQueued {
		t.Errorf("%q, with %d entries", got, len(entries()))
	}
	if all := entries(); !slices.Equal(all[len(all)-1], alice[:]) {
		t.Error("the newest is not the last")
	}
	fill(bob, 2, 32<<10)
	if got := commit(32 << 10); got != "" || len(entries()) != 2 {
		t.Errorf("%q, with %d entries", got, len(entries()))
	}
	r.SetStake(st, 2, bob, 1<<60)
	fill(bob, mostQueued, 1)
	if got := commit(1); got != "CommitQueueFull" || len(entries()) != mostQueued {
		t.Errorf("%q, with %d entries", got, len(entries()))
	}
	fill(bob, 2, 32<<10)
	if got := commit(1); got != "CommitQueueFull" {
		t.Errorf("%q", got)
	}
	if fill(bob, 9, 1); commit(1) != "" {
		t.Error("there is place")
	}
}

// What the controls change can be read on the chain.
func TestControls(t *testing.T) {
	t.Parallel()
	c := newWeights(t, 475)
	r, st := c.runtime, c.state
	r.SetCommitRevealVersion(st, 5)
	r.SetRevealPeriod(st, 1, 3)
	r.SetWeightsRateLimit(st, 1, 7)
	r.SetWeightsVersionKey(st, 1, 8)
	r.SetMinAllowedWeights(st, 1, 9)
	r.SetMaxWeightsLimit(st, 1, 10)
	r.SetStakeThreshold(st, 11)
	r.SetMaxEpochsPerBlock(st, 12)
	r.TriggerEpoch(st, 1, 13)
	for name, want := range map[string]uint64{
		"CommitRevealWeightsVersion": 5, "StakeThreshold": 11, "MaxEpochsPerBlock": 12,
	} {
		if got := c.uint("SubtensorModule", name); got != want {
			t.Errorf("%s is %d", name, got)
		}
	}
	for name, want := range map[string]uint64{
		"RevealPeriodEpochs": 3, "WeightsSetRateLimit": 7, "WeightsVersionKey": 8, "MinAllowedWeights": 9, "MaxWeightsLimit": 10,
		"PendingEpochAt": 13,
	} {
		if got := c.uint("SubtensorModule", name, 1); got != want {
			t.Errorf("%s is %d", name, got)
		}
	}
	if !r.SetMechanisms(st, 2, 3) || c.uint("SubtensorModule", "MechanismCountCurrent", 2) != 3 ||
		len(c.storage("SubtensorModule", "LastUpdate", 2*4096+2).([]any)) != 8 {
		t.Error("there are no three mechanisms")
	}
	if old := newWeights(t, 218); old.runtime.SetMechanisms(old.state, 2, 3) {
		t.Error("spec 218 has mechanisms")
	}

	bob := publicKey(t, "//Bob")
	if err := r.Deregister(st, 2, bob); err != nil {
		t.Fatal(err)
	}
	if c.storage("SubtensorModule", "Uids", 2, bob) != nil || isAccount(c.storage("SubtensorModule", "Keys", 2, 1), bob) {
		t.Error("//Bob is still registered")
	}
	newcomer := [32]byte(c.storage("SubtensorModule", "Keys", 2, 1).(scale.Bytes))
	if c.uint("SubtensorModule", "Uids", 2, newcomer) != 1 || c.storage("SubtensorModule", "ValidatorPermit", 2).([]any)[1] != false ||
		c.uint("SubtensorModule", "BlockAtRegistration", 2, 1) != 5 {
		t.Error("nobody has taken the place")
	}
	if err := r.Deregister(st, 2, bob); err == nil {
		t.Error("//Bob is deregistered twice")
	}
	c.produce(20)
	if got := len(c.call("NeuronInfoRuntimeApi", "get_neurons_lite", 2).([]any)); got != 8 {
		t.Errorf("%d neurons", got)
	}
}

// The owner's trigger comes a freeze window later, if that is of use.
func TestTriggerEpoch(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{425, 475} {
		base := newWeights(t, spec)
		base.runtime.SetTempo(base.state, 1, 50) // at block 5
		trigger := func(c *chain, uri string, netuid int) string {
			return c.send(uri, "trigger_epoch", args{"netuid": netuid})
		}
		c := base.fork()
		if got := trigger(c, "//Eve", 1); got != "" {
			t.Fatal(got)
		}
		if !slices.Contains(c.eventNames(), "EpochTriggered") {
			t.Errorf("spec %d: the events are %v", spec, c.eventNames())
		}
		if got := trigger(c, "//Eve", 1); got != "EpochTriggerAlreadyPending" {
			t.Errorf("spec %d: again: %q", spec, got)
		}
		if got := fmt.Sprint(c.epochsAt(1, 70)); got != "[16 66]" {
			t.Errorf("spec %d: epochs at %s", spec, got)
		}
		for _, test := range []struct {
			uri    string
			netuid int
			blocks int
			want   string
		}{
			{"//Alice", 1, 0, ""}, // BadOrigin has no name of a pallet
			{"//Eve", 2, 0, "DynamicTempoBlockedByCommitReveal"},
			{"//Eve", 99, 0, "SubnetNotExists"},
			{"//Eve", 1, 40, "AutoEpochAlreadyImminent"},
		} {
			c := base.fork()
			c.produce(test.blocks)
			if got := trigger(c, test.uri, test.netuid); got != test.want || c.uint("SubtensorModule", "PendingEpochAt", test.netuid) != 0 {
				t.Errorf("spec %d: %s on %d in block %d: %q", spec, test.uri, test.netuid, c.number, got)
			}
		}
		c = base.fork()
		if c.produce(39); trigger(c, "//Eve", 1) != "" || fmt.Sprint(c.epochsAt(1, 15)) != "[55]" {
			t.Errorf("spec %d: in the last block in which it can be", spec)
		}
	}
}
