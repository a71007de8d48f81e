package chain

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// shape2 is a SubnetHyperparamsV2 under the chain's names.
func shape2() map[string]any {
	return map[string]any{
		"rho": 10, "kappa": 32767, "immunity_period": 5000, "min_allowed_weights": 8, "max_weights_limit": 65535,
		"tempo": 360, "min_difficulty": uint64(10), "max_difficulty": uint64(1) << 60, "weights_version": 9003000,
		"weights_rate_limit": 100, "adjustment_interval": 112, "activity_cutoff": 5000, "registration_allowed": true,
		"target_regs_per_interval": 2, "min_burn": 500_000, "max_burn": 100_000_000_000, "bonds_moving_avg": 900_000,
		"max_regs_per_block": 1, "serving_rate_limit": 50, "max_validators": 64, "adjustment_alpha": uint64(1) << 63,
		"difficulty": uint64(1) << 62, "commit_reveal_period": 3, "commit_reveal_weights_enabled": true,
		"alpha_high": 58982, "alpha_low": 45875, "liquid_alpha_enabled": true,
		"alpha_sigmoid_steepness": map[string]any{"bits": int64(-3) << 31}, "yuma_version": 3,
		"subnet_is_active": true, "transfers_enabled": false, "bonds_reset_enabled": true, "user_liquidity_enabled": false,
	}
}

// shape3 is the list of the third shape, in the chain's order.
func shape3() []any {
	entry := func(name, kind string, value any) any {
		return map[string]any{"name": scale.Bytes(name), "value": scale.Enum{Name: kind, Value: value}}
	}
	return []any{
		entry("kappa", "U16", 32767), entry("immunity_period", "U16", 5000), entry("min_allowed_weights", "U16", 8),
		entry("max_weights_limit", "U16", 65535), entry("tempo", "U16", 360), entry("weights_version", "U64", 9003000),
		entry("weights_rate_limit", "U64", 100), entry("activity_cutoff", "U64", 5000),
		entry("activity_cutoff_factor", "U32", 13889), entry("registration_allowed", "Bool", true),
		entry("target_regs_per_interval", "U16", 2), entry("min_burn", "TaoBalance", 500_000),
		entry("max_burn", "TaoBalance", 100_000_000_000), entry("burn_half_life", "U16", 360),
		entry("burn_increase_mult", "U64F64", map[string]any{"bits": "23058430092136939520"}), // 1.25 × 2⁶⁴
		entry("bonds_moving_avg", "U64", 900_000), entry("max_regs_per_block", "U16", 1),
		entry("serving_rate_limit", "U64", 50), entry("max_validators", "U16", 64),
		entry("commit_reveal_period", "U64", 3), entry("commit_reveal_weights_enabled", "Bool", true),
		entry("alpha_high", "U16", 58982), entry("alpha_low", "U16", 45875), entry("liquid_alpha_enabled", "Bool", true),
		entry("alpha_sigmoid_steepness", "I32F32", map[string]any{"bits": int64(-3) << 31}),
		entry("yuma_version", "U16", 3), entry("subnet_is_active", "Bool", true),
		entry("transfers_enabled", "Bool", false), entry("bonds_reset_enabled", "Bool", true),
		entry("user_liquidity_enabled", "Bool", false), entry("owner_cut_enabled", "Bool", true),
		entry("owner_cut_auto_lock_enabled", "Bool", false), entry("min_childkey_take", "U16", 6553),
		entry("something_of_next_year", "U128", 1),
	}
}

// encode writes the result of a runtime API as the runtime's metadata describes it.
func encode(t *testing.T, runtime *substrate.Runtime, trait, method string, value any) []byte {
	t.Helper()
	api := must(runtime.Metadata.API(trait, method))(t)
	return must(runtime.Metadata.Types.AppendValue(nil, api.Output, value))(t)
}

const hyperparamsMethod = "SubnetInfoRuntimeApi_get_subnet_hyperparams"

func readHyperparameters(t *testing.T, runtime *substrate.Runtime, suffix string, result []byte) (*Hyperparameters, error) {
	t.Helper()
	r := &recording{
		BlockHash:  hashOf(1, 0).String(),
		StateCalls: []recordedCall{{Method: hyperparamsMethod + suffix, Args: []byte{1, 0}, Result: result}},
	}
	node := play(t, r, 1, runtime)
	return newFakeChain(t, node, node, Config{}).Hyperparameters(t.Context(), 1, 1)
}

// The shapes of one subnet agree on what they share, and each is read where the runtime has it.
func TestHyperparametersInTheirShapes(t *testing.T) {
	t.Parallel()
	want := Hyperparameters{
		Tempo: 360, ImmunityPeriod: 5000, Kappa: 32767.0 / 65535,
		MinAllowedWeights: 8, MaxWeightsLimit: 1, WeightsVersion: 9003000, WeightsRateLimit: 100,
		CommitRevealWeightsEnabled: true, CommitRevealPeriod: 3,
		ActivityCutoff: 5000, MaxValidators: 64, ServingRateLimit: 50,
		RegistrationAllowed: true, TargetRegsPerInterval: 2, MaxRegsPerBlock: 1, MinBurn: 500_000, MaxBurn: 100_000_000_000,
		BondsMovingAvg: 900_000, LiquidAlphaEnabled: true, AlphaLow: 45875.0 / 65535, AlphaHigh: 58982.0 / 65535,
	}
	later := func(h *Hyperparameters) {
		h.BondsResetEnabled, h.AlphaSigmoidSteepness, h.YumaVersion = new(true), new(-1.5), new(uint16(3))
		h.SubnetIsActive, h.TransfersEnabled, h.UserLiquidityEnabled = new(true), new(false), new(false)
	}
	earlier := func(h *Hyperparameters) {
		h.Rho, h.AdjustmentInterval, h.AdjustmentAlpha = new(uint16(10)), new(uint16(112)), new(uint64(1)<<63)
		h.Difficulty, h.MinDifficulty, h.MaxDifficulty = new(uint64(1)<<62), new(uint64(10)), new(uint64(1)<<60)
	}
	second, third := want, want
	later(&second)
	earlier(&second)
	later(&third)
	third.ActivityCutoffFactor, third.BurnHalfLife, third.BurnIncreaseMult = new(uint32(13889)), new(uint16(360)), new(1.25)
	third.OwnerCutEnabled, third.OwnerCutAutoLockEnabled = new(true), new(false)
	third.MinChildkeyTake = new(6553.0 / 65535)

	spec343, spec425 := runtimeOf(t, 343, "v15"), runtimeOf(t, 425, "v15")
	got, err := readHyperparameters(t, spec343, "_v2", encode(t, spec343, "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v2", shape2()))
	if diff := cmp.Diff(&second, got); diff != "" || err != nil {
		t.Errorf("second shape: %v (-want +got):\n%s", err, diff)
	}
	got, err = readHyperparameters(t, spec425, "_v3", encode(t, spec425, "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3", shape3()))
	if diff := cmp.Diff(&third, got); diff != "" || err != nil {
		t.Errorf("third shape: %v (-want +got):\n%s", err, diff)
	}
	for _, runtime := range []struct {
		spec   uint32
		suffix string
	}{{343, "_v2"}, {425, "_v3"}} {
		_, err := readHyperparameters(t, runtimeOf(t, runtime.spec, "v15"), runtime.suffix, []byte{0})
		wantProblem(t, err, problem.NotFound, "Subnet 1 not found.")
	}
}

// Each shape is complete or an error.
func TestHyperparametersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	spec425 := runtimeOf(t, 425, "v15")
	known := slices.Concat(slices.Collect(maps.Keys(requiredHyperparams)), slices.Collect(maps.Keys(optionalHyperparams)))
	for i, e := range shape3() {
		name := string(e.(map[string]any)["name"].(scale.Bytes))
		_, required := requiredHyperparams[name]
		without := slices.Delete(shape3(), i, i+1)
		other := append(slices.Clone(without), map[string]any{"name": scale.Bytes(name), "value": scale.Enum{Name: "U128", Value: 1}})
		twice := append(shape3(), e)
		for text, test := range map[string]struct {
			list []any
			bad  bool
		}{
			"missing":      {without, required},
			"another kind": {other, slices.Contains(known, name)},
			"twice":        {twice, true},
		} {
			_, err := readHyperparameters(t, spec425, "_v3", encode(t, spec425, "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3", test.list))
			if bad := err != nil; bad != test.bad {
				t.Errorf("%s %s: %v", name, text, err)
			}
			if err != nil && (problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), "hyperparameter "+name+" ")) {
				t.Errorf("%s %s: %v", name, text, err)
			}
		}
	}
	for _, value := range []hyperparamValue{{U64: new(uint64(1 << 16))}, {}, {Bool: new(true)}, {I32F32: new(int64(1))}} {
		if requiredHyperparams["tempo"](new(Hyperparameters), &value) || requiredHyperparams["kappa"](new(Hyperparameters), &value) {
			t.Errorf("%+v passes as 16 bits", value)
		}
	}
}
