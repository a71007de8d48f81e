package native

import (
	"fmt"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// epochsAt returns the blocks among the next n at which a subnet had an epoch.
func (c *chain) epochsAt(netuid, n int) (blocks []uint64) {
	c.t.Helper()
	for range n {
		c.produce(1)
		if c.uint("SubtensorModule", "BlocksSinceLastStep", netuid) == 0 {
			blocks = append(blocks, c.number)
		}
	}
	return blocks
}

func TestStatefulEpochs(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{425, 475} {
		c := newChain(t, small(spec))
		if got, want := fmt.Sprint(c.epochsAt(1, 35)), "[10 20 30]"; got != want {
			t.Errorf("spec %d: epochs of subnet 1 at %s, want %s", spec, got, want)
		}
		for netuid, want := range map[int][2]uint64{1: {3, 30}, 2: {5, 35}} {
			if got := c.uint("SubtensorModule", "SubnetEpochIndex", netuid); got != want[0] {
				t.Errorf("spec %d: the epoch index of subnet %d is %d, want %d", spec, netuid, got, want[0])
			}
			if got := c.uint("SubtensorModule", "LastEpochBlock", netuid); got != want[1] {
				t.Errorf("spec %d: the last epoch of subnet %d was at %d, want %d", spec, netuid, got, want[1])
			}
			if got := c.uint("SubtensorModule", "LastMechansimStepBlock", netuid); got != want[1] {
				t.Errorf("spec %d: the last step of subnet %d was at %d, want %d", spec, netuid, got, want[1])
			}
		}
		if got := c.call("SubnetInfoRuntimeApi", "get_next_epoch_start_block", 1); got != uint64(40) {
			t.Errorf("spec %d: the next epoch is at %v, want 40", spec, got)
		}
		// A new tempo begins a new cycle; a trigger comes before its end.
		c.runtime.SetTempo(c.state, 1, 6)
		if got := c.call("SubnetInfoRuntimeApi", "get_next_epoch_start_block", 1); got != uint64(41) {
			t.Errorf("spec %d: after a new tempo the next epoch is at %v, want 41", spec, got)
		}
		c.runtime.items.SubtensorModule.PendingEpochAt.set(c.state, 38, u16(1))
		if got := c.call("SubnetInfoRuntimeApi", "get_next_epoch_start_block", 1); got != uint64(38) {
			t.Errorf("spec %d: with a trigger the next epoch is at %v, want 38", spec, got)
		}
		if got, want := fmt.Sprint(c.epochsAt(1, 10)), "[38 44]"; got != want {
			t.Errorf("spec %d: then epochs at %s, want %s", spec, got, want)
		}
		// No tempo, no epoch.
		c.runtime.SetTempo(c.state, 1, 0)
		if got := c.epochsAt(1, 20); got != nil {
			t.Errorf("spec %d: without a tempo epochs at %v", spec, got)
		}
		if got := c.call("SubnetInfoRuntimeApi", "get_next_epoch_start_block", 1); got != nil {
			t.Errorf("spec %d: without a tempo the next epoch is at %v", spec, got)
		}
	}
}

// Before 423 the block number decides: (block + netuid + 1) mod (tempo + 1).
func TestModularEpochs(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233, 320, 343, 393} {
		c := newChain(t, small(spec))
		// Tempo 10: 11 blocks apart, the first where (block + 2) mod 11 is 10.
		if got, want := fmt.Sprint(c.epochsAt(1, 35)), "[8 19 30]"; got != want {
			t.Errorf("spec %d: epochs of subnet 1 at %s, want %s", spec, got, want)
		}
		if got := c.runtime.epochIndex(c.state, 12, 5000000); got != 13850 {
			t.Errorf("spec %d: epoch index %d of subnet 12 at block 5000000, want 13850", spec, got)
		}
		if !c.runtime.epochDue(c.state, 12, 5000197) || c.runtime.epochDue(c.state, 12, 5000198) {
			t.Errorf("spec %d: the epoch of subnet 12 is not due at block 5000197", spec)
		}
	}
}

func TestEpochsWaitForEachOther(t *testing.T) {
	t.Parallel()
	config := Config{Spec: 475}
	for netuid := range uint16(4) {
		config.Subnets = append(config.Subnets, Subnet{Netuid: netuid + 1, Neurons: 4, Tempo: 10})
	}
	c := newChain(t, config)
	c.runtime.items.SubtensorModule.MaxEpochsPerBlock.set(c.state, 2)
	c.produce(10)
	for netuid, want := range map[int]uint64{1: 1, 2: 1, 3: 0, 4: 0} {
		if got := c.uint("SubtensorModule", "SubnetEpochIndex", netuid); got != want {
			t.Errorf("subnet %d had %d epochs at block 10, want %d", netuid, got, want)
		}
	}
	deferred := 0
	for _, e := range c.events() {
		if e.Name == "EpochDeferred" {
			deferred++
			if field(t, e.Fields, "to_block") != uint64(11) || e.Phase != scale.PhaseInitialization {
				t.Errorf("deferred: %+v", e)
			}
		}
	}
	if deferred != 2 {
		t.Errorf("%d epochs deferred, want 2", deferred)
	}
	c.produce(1)
	for netuid, want := range map[int]uint64{3: 11, 4: 11} {
		if got := c.uint("SubtensorModule", "LastEpochBlock", netuid); got != want {
			t.Errorf("the deferred epoch of subnet %d ran at %d, want %d", netuid, got, want)
		}
		if got := c.uint("SubtensorModule", "PendingEpochAt", netuid); got != 0 {
			t.Errorf("subnet %d still waits for block %d", netuid, got)
		}
	}
}

// What an epoch changes: weights and last updates of those who act, stakes by
// what is paid. What it must not change: //Alice's last update, and anybody's
// when the chain is quiet.
func TestEpochMoves(t *testing.T) {
	t.Parallel()
	for _, quiet := range []bool{false, true} {
		for _, spec := range Specs {
			config := small(spec)
			config.Quiet = quiet
			c := newChain(t, config)
			before := c.call1(t, spec)
			c.produce(10)
			after := c.call1(t, spec)
			for uid := range before {
				acts := !quiet && uid >= 1 && uid <= 3
				if moved := field(t, after[uid], "last_update") != field(t, before[uid], "last_update"); moved != acts {
					t.Errorf("spec %d, quiet %v: the last update of uid %d moved: %v", spec, quiet, uid, moved)
				}
				if stakeOf(t, after[uid]) <= stakeOf(t, before[uid]) {
					t.Errorf("spec %d: uid %d earned nothing: %d", spec, uid, stakeOf(t, after[uid]))
				}
				if field(t, after[uid], "emission").(uint64) == 0 || field(t, after[uid], "active") != true {
					t.Errorf("spec %d: uid %d: %v", spec, uid, after[uid])
				}
			}
		}
	}
}

// call1 reads the neurons of subnet 1 with the types of the description, byte
// vector or not.
func (c *chain) call1(t testing.TB, spec uint32) []any {
	t.Helper()
	out, err := c.runtime.Call(c.state, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	m, _, _ := c.runtime.description.Method("NeuronInfoRuntimeApi", "get_neurons_lite")
	if spec < 233 {
		in := scale.NewReader(out)
		out = in.ByteVec()
	}
	v, err := c.runtime.description.Types.DecodeValue(m.Value, out)
	if err != nil {
		t.Fatal(err)
	}
	return v.([]any)
}

// stakeOf is the amount of the only entry of a neuron's stake.
func stakeOf(t testing.TB, neuron any) uint64 {
	t.Helper()
	list := field(t, neuron, "stake").([]any)
	if len(list) != 1 {
		t.Fatalf("%d stakes", len(list))
	}
	return list[0].([]any)[1].(uint64)
}

func TestEmissionIsConserved(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 475, Subnets: []Subnet{{Netuid: 1, Neurons: 20, Tempo: 10}}})
	total := func() (sum uint64) {
		for _, hotkey := range c.runtime.keys.hotkeys(20) {
			sum += c.uint("SubtensorModule", "TotalHotkeyAlpha", hotkey, 1)
		}
		return sum
	}
	before := total()
	c.produce(9)
	pending := c.uint("SubtensorModule", "PendingServerEmission", 1) + c.uint("SubtensorModule", "PendingValidatorEmission", 1)
	if pending != 9*820_000_000 {
		t.Errorf("%d rao are pending after 9 blocks, want 82 %% of 9 alpha", pending)
	}
	if total() != before {
		t.Error("stake changed between epochs")
	}
	c.produce(1)
	paid := total() - before
	// Ten blocks of one alpha; rounding loses less than a rao in a million.
	if paid > 10_000_000_000 || paid < 9_999_990_000 {
		t.Errorf("the epoch paid %d rao of 10 alpha", paid)
	}
	if got := c.uint("SubtensorModule", "PendingServerEmission", 1); got != 0 {
		t.Errorf("%d rao are pending after the epoch", got)
	}
}

// A validator whose stake falls below the threshold loses the permit, and
// somebody with more stake gets one.
func TestPermitsFollowStake(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{233, 475} {
		c := newChain(t, small(spec))
		dave, miner := publicKey(t, "//Dave"), publicKey(t, "//Miner0")
		c.runtime.SetStake(c.state, 1, dave, 0)
		c.runtime.SetStake(c.state, 0, dave, 0)
		c.runtime.SetStake(c.state, 1, miner, 5_000_000_000_000)
		c.produce(11)
		permits := c.storage("SubtensorModule", "ValidatorPermit", 1).([]any)
		if fmt.Sprint(permits[:6]) != "[true true true false true false]" {
			t.Errorf("spec %d: permits %v", spec, permits)
		}
	}
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 475, Subnets: []Subnet{{Netuid: 12, Neurons: 10, Tempo: 5, Mechanisms: 2}}})
	c.produce(5)
	const index = 4096 + 12
	if got := c.uint("SubtensorModule", "MechanismCountCurrent", 12); got != 2 {
		t.Fatalf("%d mechanisms", got)
	}
	for _, i := range []int{12, index} {
		updates := c.storage("SubtensorModule", "LastUpdate", i).([]any)
		if len(updates) != 10 || updates[1] != uint64(5) || updates[0] != uint64(0) {
			t.Errorf("the last updates of index %d are %v", i, updates)
		}
		if !anyPositive(c.storage("SubtensorModule", "Incentive", i).([]any)) {
			t.Errorf("the incentives of index %d are zero", i)
		}
		if len(c.storage("SubtensorModule", "Weights", i, 2).([]any)) != 6 {
			t.Errorf("uid 2 has no weights for index %d", i)
		}
	}
	second := c.call("SubnetInfoRuntimeApi", "get_mechagraph", 12, 1)
	if field(t, second, "netuid") != uint64(index) {
		t.Errorf("the second mechagraph has the netuid %v, want the storage index", field(t, second, "netuid"))
	}
	if c.call("SubnetInfoRuntimeApi", "get_mechagraph", 12, 2) != nil {
		t.Error("there is a third mechanism")
	}
	if got := len(c.call("SubnetInfoRuntimeApi", "get_all_mechagraphs").([]any)); got != 3 {
		t.Errorf("%d mechagraphs, want root and two", got)
	}
}
