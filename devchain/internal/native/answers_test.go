package native

import (
	"encoding/hex"
	"fmt"
	"math/big"
	"net/netip"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// The three versions of the hyperparameters agree.
func TestHyperparameters(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	s := &c.runtime.items.SubtensorModule
	s.WeightsVersionKey.set(c.state, 10002000, u16(2))
	s.WeightsSetRateLimit.set(c.state, 77, u16(2))
	s.RevealPeriodEpochs.set(c.state, 3, u16(2))
	s.AlphaValues.set(c.state, pair{1000, 2000}, u16(2))

	v1 := c.call("SubnetInfoRuntimeApi", "get_subnet_hyperparams", 2).(scale.Object)
	v2 := c.call("SubnetInfoRuntimeApi", "get_subnet_hyperparams_v2", 2).(scale.Object)
	want := map[string]any{
		"tempo": uint64(7), "weights_version": uint64(10002000), "weights_rate_limit": uint64(77), "commit_reveal_period": uint64(3),
		"commit_reveal_weights_enabled": true, "alpha_low": uint64(1000), "alpha_high": uint64(2000), "max_validators": uint64(64),
		"min_allowed_weights": uint64(1), "max_weights_limit": uint64(65535), "kappa": uint64(32767),
		"activity_cutoff": uint64(13889 * 7 / 1000), "immunity_period": uint64(5000),
	}
	v3 := map[string]any{}
	var names []string
	for _, entry := range c.call("SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3", 2).([]any) {
		name := string(field(t, entry, "name").(scale.Bytes))
		names = append(names, name)
		v3[name] = field(t, entry, "value").(scale.Enum).Value
	}
	for name, value := range want {
		if got := field(t, v1, name); got != value {
			t.Errorf("v1: %s is %v, want %v", name, got, value)
		}
		if got := field(t, v2, name); got != value {
			t.Errorf("v2: %s is %v, want %v", name, got, value)
		}
		if v3[name] != value {
			t.Errorf("v3: %s is %v, want %v", name, v3[name], value)
		}
	}
	if len(v1) != 27 || len(v2) != 33 || len(v3) != 33 {
		t.Errorf("%d, %d and %d fields, want 27, 33 and 33", len(v1), len(v2), len(v3))
	}
	if field(t, v2, "yuma_version") != uint64(3) || field(t, v2, "subnet_is_active") != true {
		t.Errorf("v2 is %v", v2)
	}
	if fmt.Sprint(field(t, v2, "alpha_sigmoid_steepness")) != fmt.Sprint(scale.Object{{Name: "bits", Value: int64(1000 << 32)}}) {
		t.Errorf("alpha_sigmoid_steepness is %v", field(t, v2, "alpha_sigmoid_steepness"))
	}
	const order = "kappa immunity_period min_allowed_weights max_weights_limit tempo weights_version weights_rate_limit activity_cutoff " +
		"activity_cutoff_factor registration_allowed target_regs_per_interval min_burn max_burn burn_half_life burn_increase_mult " +
		"bonds_moving_avg max_regs_per_block serving_rate_limit max_validators commit_reveal_period commit_reveal_weights_enabled " +
		"alpha_high alpha_low liquid_alpha_enabled alpha_sigmoid_steepness yuma_version subnet_is_active transfers_enabled " +
		"bonds_reset_enabled user_liquidity_enabled owner_cut_enabled owner_cut_auto_lock_enabled min_childkey_take"
	if got := strings.Join(names, " "); got != order {
		t.Errorf("v3 is in the order %s", got)
	}

	// The reference's example of an entry.
	raw, err := c.runtime.Call(c.state, "SubnetInfoRuntimeApi_get_subnet_hyperparams_v3", []byte{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(hex.EncodeToString(raw), "1474656d706f"+"01"+"28") {
		t.Error("there is no entry tempo = 10 in the bytes of v3")
	}
}

func TestPrice(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{320, 343, 393, 425, 475} {
		c := newChain(t, small(spec))
		// The pool of subnet 1 has a price of 0.05; the square of a square root may lose a little.
		for netuid, want := range map[int]uint64{0: 1_000_000_000, 1: 50_000_000, 2: 100_000_000} {
			if got := c.call("SwapRuntimeApi", "current_alpha_price", netuid).(uint64); got > want || got < want-1 {
				t.Errorf("spec %d: the price of subnet %d is %d, want %d", spec, netuid, got, want)
			}
		}
		s, swap := &c.runtime.items.SubtensorModule, &c.runtime.items.Swap
		if swap.SwapBalancer.exists() {
			// A pool that is three quarters quote: a third of the ratio.
			v := swap.SwapBalancer.get(c.state, u16(1))
			v.Quote = perquintill / 4 * 3
			swap.SwapBalancer.set(c.state, v, u16(1))
			if got := c.call("SwapRuntimeApi", "current_alpha_price", 1); got != uint64(50_000_000/3) {
				t.Errorf("spec %d: the weighted price is %v", spec, got)
			}
			s.SubnetAlphaIn.set(c.state, 0, u16(2))
			if got := c.call("SwapRuntimeApi", "current_alpha_price", 2); got != uint64(0) {
				t.Errorf("spec %d: the price of an empty pool is %v", spec, got)
			}
		} else {
			swap.AlphaSqrtPrice.set(c.state, fixed{new(big.Int).Lsh(big.NewInt(3), 63)}, u16(1)) // 1.5
			if got := c.call("SwapRuntimeApi", "current_alpha_price", 1); got != uint64(2_250_000_000) {
				t.Errorf("spec %d: the price of 1.5² is %v", spec, got)
			}
			swap.SwapV3Initialized.set(c.state, false, u16(1))
			if got := c.call("SwapRuntimeApi", "current_alpha_price", 1); got != uint64(50_000_000) {
				t.Errorf("spec %d: without a swap the price is %v", spec, got)
			}
		}
		s.SubnetMechanism.set(c.state, 0, u16(1))
		if got := c.call("SwapRuntimeApi", "current_alpha_price", 1); got != uint64(1_000_000_000) {
			t.Errorf("spec %d: the price of a stable subnet is %v", spec, got)
		}
	}
}

func TestSimulatedSwaps(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	c.runtime.items.Swap.FeeRate.set(c.state, 0, u16(1))
	// 20,000 TAO and 400,000 alpha: 20,000 more TAO buy half of the alpha.
	buy := c.call("SwapRuntimeApi", "sim_swap_tao_for_alpha", 1, uint64(20_000*tao))
	if field(t, buy, "alpha_amount") != uint64(200_000*tao) || field(t, buy, "alpha_slippage") != uint64(200_000*tao) || field(t, buy, "tao_fee") != uint64(0) {
		t.Errorf("buying gives %v", buy)
	}
	sell := c.call("SwapRuntimeApi", "sim_swap_alpha_for_tao", 1, uint64(400_000*tao))
	if field(t, sell, "tao_amount") != uint64(10_000*tao) || field(t, sell, "alpha_amount") != uint64(400_000*tao) {
		t.Errorf("selling gives %v", sell)
	}
	c.runtime.items.Swap.FeeRate.set(c.state, 65535/5, u16(1))
	if fee := field(t, c.call("SwapRuntimeApi", "sim_swap_tao_for_alpha", 1, 1000), "tao_fee").(uint64); fee < 199 || fee > 200 {
		t.Errorf("a fifth of 1000 is %d", fee)
	}
	if huge := c.call("SwapRuntimeApi", "sim_swap_tao_for_alpha", 1, uint64(1<<64-1)); field(t, huge, "alpha_amount").(uint64) >= 400_000*tao {
		t.Errorf("all the TAO there can be buys %v", huge)
	}
}

func TestSelectiveMetagraph(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	whole := c.call("SubnetInfoRuntimeApi", "get_metagraph", 1).(scale.Object)
	if len(whole) != 72 {
		t.Errorf("the metagraph has %d fields, want 72", len(whole))
	}
	var all []any
	for i := range 80 {
		all = append(all, i)
	}
	everything := c.call("SubnetInfoRuntimeApi", "get_selective_metagraph", 1, all).(scale.Object)
	if len(everything) != 74 {
		t.Fatalf("the selective metagraph has %d fields, want 74", len(everything))
	}
	for i, member := range everything[:72] {
		if member.Name != whole[i].Name {
			t.Errorf("field %d is %s, in the metagraph %s", i, member.Name, whole[i].Name)
		}
		want := whole[i].Value
		if member.Name == "identity" { // an Option of an Option
			want = scale.Enum{Name: "Some", Value: want}
		}
		if fmt.Sprint(member.Value) != fmt.Sprint(want) && fmt.Sprint(member.Value) != fmt.Sprint(whole[i].Value) {
			t.Errorf("%s is %v, in the metagraph %v", member.Name, member.Value, whole[i].Value)
		}
	}
	if got := fmt.Sprint(everything[72].Value); got != "[3 2 1 0]" {
		t.Errorf("the validators by stake are %s", got)
	}
	if got := everything[73].Value.([]any); len(got) != 6 {
		t.Errorf("%d commitments", len(got))
	}

	some := c.call("SubnetInfoRuntimeApi", "get_selective_metagraph", 1, []any{52, 73, 74}).(scale.Object)
	for i, member := range some[1:] {
		if (member.Value != nil) != (i+1 == 52 || i+1 == 73) {
			t.Errorf("%s was not asked for, or is missing: %v", member.Name, member.Value)
		}
	}
	if some[0].Value != uint64(0) {
		t.Errorf("the netuid is %v though it was not asked for", some[0].Value)
	}
	named := c.call("SubnetInfoRuntimeApi", "get_selective_mechagraph", 1, 0, []any{52}).(scale.Object)
	if named[0].Value != uint64(1) {
		t.Errorf("the netuid of a mechagraph is %v", named[0].Value)
	}
	if c.call("SubnetInfoRuntimeApi", "get_selective_mechagraph", 1, 1, []any{52}) != nil {
		t.Error("there is a mechanism 1")
	}
	if c.call("SubnetInfoRuntimeApi", "get_selective_metagraph", 77, []any{52}) != nil {
		t.Error("there is a subnet 77")
	}
}

// Names are vectors of compact bytes: letters take two bytes each.
func TestCompactNames(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	s := &c.runtime.items.SubtensorModule
	identity, _ := s.SubnetIdentitiesV3.lookup(c.state, u16(1))
	identity.SubnetName = "Apex!"
	s.SubnetIdentitiesV3.set(c.state, identity, u16(1))
	raw, err := c.runtime.Call(c.state, "SubnetInfoRuntimeApi_get_dynamic_info", []byte{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	// "Apex!" is 41 70 65 78 21; only the last is below 64.
	if !strings.Contains(hex.EncodeToString(raw), "14"+"0501"+"c101"+"9501"+"e101"+"84") {
		t.Errorf("there is no name Apex! in %x", raw)
	}
	if got := field(t, c.call("SubnetInfoRuntimeApi", "get_metagraph", 1), "name"); fmt.Sprint(got) != "[65 112 101 120 33]" {
		t.Errorf("the name is %v", got)
	}
}

func TestStakes(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	alice, eve := publicKey(t, "//Alice"), publicKey(t, "//Eve")
	list := c.call("StakeInfoRuntimeApi", "get_stake_info_for_coldkey", eve).([]any)
	if len(list) != 4*3 {
		t.Fatalf("//Eve has %d stakes, want those of 4 validators on 3 subnets", len(list))
	}
	first := list[0]
	if !isAccount(field(t, first, "hotkey"), alice) || field(t, first, "netuid") != uint64(0) || field(t, first, "stake") != uint64(10_000*tao) ||
		field(t, first, "is_registered") != true {
		t.Errorf("the first stake is %v", first)
	}
	both := c.call("StakeInfoRuntimeApi", "get_stake_info_for_coldkeys", []any{eve, alice}).([]any)
	if len(both) != 2 || len(both[0].([]any)[1].([]any)) != 12 || len(both[1].([]any)[1].([]any)) != 0 {
		t.Errorf("the stakes of //Eve and //Alice are %v", both)
	}
	one := c.call("StakeInfoRuntimeApi", "get_stake_info_for_hotkey_coldkey_netuid", alice, eve, 2)
	if field(t, one, "stake") != uint64(50_000*tao) {
		t.Errorf("the stake of //Eve with //Alice on subnet 2 is %v", one)
	}
	if got := len(c.call("DelegateInfoRuntimeApi", "get_delegates").([]any)); got != 4 {
		t.Errorf("%d delegates", got)
	}
	delegate := c.call("DelegateInfoRuntimeApi", "get_delegate", alice)
	if field(t, delegate, "take") != uint64(11796) || fmt.Sprint(field(t, delegate, "registrations")) != "[0 1 2]" ||
		field(t, delegate, "total_daily_return").(uint64) == 0 || field(t, delegate, "return_per_1000").(uint64) == 0 {
		t.Errorf("the delegate //Alice is %v", delegate)
	}
	if c.call("DelegateInfoRuntimeApi", "get_delegate", eve) != nil {
		t.Error("//Eve is a delegate")
	}
}

func TestRegistrationCost(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	s := &c.runtime.items.SubtensorModule
	s.NetworkLastLockCost.set(c.state, 3_000*tao)
	s.NetworkMinLockCost.set(c.state, 1_000*tao)
	s.NetworkLockReductionInterval.set(c.state, 100)
	c.produce(10)
	if got := c.call("SubnetRegistrationRuntimeApi", "get_network_registration_cost"); got != uint64(2_700*tao) {
		t.Errorf("after a tenth of the interval the cost is %v", got)
	}
	c.runtime.items.System.Number.set(c.state, 1<<31)
	if got := c.call("SubnetRegistrationRuntimeApi", "get_network_registration_cost"); got != uint64(1_000*tao) {
		t.Errorf("in the end the cost is %v", got)
	}
}

func TestEdits(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		c.produce(3)
		r, st := c.runtime, c.state
		hotkey, coldkey := publicKey(t, "//New"), publicKey(t, "//Cold")
		uid, err := r.Register(st, 1, hotkey, coldkey)
		if err != nil || uid != 12 {
			t.Fatalf("spec %d: registered as %d (%v)", spec, uid, err)
		}
		r.SetStake(st, 1, hotkey, 5_000)
		r.SetAxon(st, 1, hotkey, Axon{Endpoint: netip.MustParseAddrPort("[2001:db8::9]:99"), Protocol: 1, Version: 5, Block: 2})
		if err := r.SetPermit(st, 1, hotkey, true); err != nil {
			t.Fatal(err)
		}
		if err := r.SetLastUpdate(st, 1, 0, hotkey, 77); err != nil {
			t.Fatal(err)
		}
		neurons := c.call1(t, spec)
		n := neurons[12]
		axon := field(t, n, "axon_info")
		if len(neurons) != 13 || !isAccount(field(t, n, "coldkey"), coldkey) || stakeOf(t, n) != 5_000 || field(t, n, "validator_permit") != true ||
			field(t, n, "last_update") != uint64(77) || field(t, axon, "port") != uint64(99) || field(t, axon, "ip_type") != uint64(6) ||
			field(t, axon, "block") != uint64(2) || field(t, n, "active") != true {
			t.Errorf("spec %d: the new neuron is %v", spec, n)
		}
		if c.uint("SubtensorModule", "BlockAtRegistration", 1, 12) != 3 || c.storage("SubtensorModule", "IsNetworkMember", hotkey, 1) != true {
			t.Errorf("spec %d: the registration is incomplete", spec)
		}
		c.produce(15) // an epoch goes over the new neuron
		if got := len(c.call1(t, spec)); got != 13 {
			t.Errorf("spec %d: %d neurons after an epoch", spec, got)
		}

		r.SetCertificate(st, 1, hotkey, 9, []byte{1, 2, 3})
		if got := c.storage("SubtensorModule", "NeuronCertificates", 1, hotkey); fmt.Sprintf("%v", field(t, got, "algorithm")) != "9" {
			t.Errorf("spec %d: the certificate is %v", spec, got)
		}
		r.SetCertificate(st, 1, hotkey, 9, make([]byte, 65)) // no certificate to the chain
		if got := c.storage("SubtensorModule", "NeuronCertificates", 1, hotkey); len(field(t, got, "public_key").(scale.Bytes)) != 3 {
			t.Errorf("spec %d: a certificate of 65 bytes was taken: %v", spec, got)
		}
		r.SetCertificate(st, 1, hotkey, 9, nil)
		if got := c.storage("SubtensorModule", "NeuronCertificates", 1, hotkey); got != nil {
			t.Errorf("spec %d: the certificate %v was not removed", spec, got)
		}

		for size, want := range map[int]bool{0: true, 1: true, 128: true, 129: spec >= 273, 512: spec >= 273, 513: false} {
			if got := r.SetCommitment(st, 2, hotkey, make([]byte, size)); got != want {
				t.Errorf("spec %d: a commitment of %d bytes: %v, want %v", spec, size, got, want)
			}
		}
		r.SetCommitment(st, 2, hotkey, []byte("data"))
		if got := c.storage("Commitments", "CommitmentOf", 2, hotkey); field(t, got, "block") != c.number {
			t.Errorf("spec %d: the commitment is %v, want one of block %d", spec, got, c.number)
		}

		r.SetCommitReveal(st, 1, true)
		if c.storage("SubtensorModule", "CommitRevealWeightsEnabled", 1) != true {
			t.Errorf("spec %d: commit-reveal is off", spec)
		}
		r.SetBalance(st, coldkey, 5)
		r.SetBalance(st, coldkey, 7)
		if got := c.uint("Balances", "TotalIssuance"); got != 6*endowment+7 {
			t.Errorf("spec %d: the issuance is %d", spec, got)
		}
	}
}

func TestEditsRefuse(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	r, st := c.runtime, c.state
	alice, nobody := publicKey(t, "//Alice"), publicKey(t, "//Nobody")
	before := st.Snapshot()
	for what, err := range map[string]error{
		"a permit without registration":     r.SetPermit(st, 1, nobody, true),
		"an update without registration":    r.SetLastUpdate(st, 1, 0, nobody, 1),
		"a permit on a subnet that is none": r.SetPermit(st, 99, alice, true),
		"a second registration":             second(r.Register(st, 1, alice, nobody)),
		"a registration on no subnet":       second(r.Register(st, 99, nobody, nobody)),
	} {
		if err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	if !sameState(before, st.Snapshot()) {
		t.Error("the state changed")
	}
	r.items.SubtensorModule.MaxAllowedUids.set(st, 12, u16(1))
	if _, err := r.Register(st, 1, nobody, nobody); err == nil {
		t.Error("a full subnet took a neuron")
	}
}

func second[T any](_ T, err error) error { return err }
