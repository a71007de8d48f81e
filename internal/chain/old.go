package chain

import (
	"sync"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// firstTypedSpec is the first spec version whose runtime APIs have typed results. Up to 219 (there is none between)
// every result is a byte vector around the encoded value.
const firstTypedSpec = 233

// undescribed are the results of runtime APIs that no metadata describes, by their type expressions.
type undescribed struct {
	registry *scale.Registry
	ids      map[string]scale.TypeID
}

// oldTypes makes them once. The layouts are those of the runtime's source at the specs 218 and 219, that of SubnetState
// the one of spec 233, which runtimes of spec 218 on their way there had already.
var oldTypes = sync.OnceValues(func() (undescribed, error) {
	b := scale.NewBuilder()
	b.Define("AccountId32", "struct([u8; 32])")
	b.Define("AxonInfo", `struct{
		block: u64, version: u32, ip: u128, port: u16, ip_type: u8, protocol: u8, placeholder1: u8, placeholder2: u8
	}`)
	b.Define("PrometheusInfo", "struct{block: u64, version: u32, ip: u128, port: u16, ip_type: u8}")
	b.Define("NeuronInfoLite", `struct{
		hotkey: AccountId32, coldkey: AccountId32, uid: Compact<u16>, netuid: Compact<u16>, active: bool,
		axon_info: AxonInfo, prometheus_info: PrometheusInfo, stake: Vec<(AccountId32, Compact<u64>)>,
		rank: Compact<u16>, emission: Compact<u64>, incentive: Compact<u16>, consensus: Compact<u16>,
		trust: Compact<u16>, validator_trust: Compact<u16>, dividends: Compact<u16>, last_update: Compact<u64>,
		validator_permit: bool, pruning_score: Compact<u16>
	}`)
	b.Define("SubnetHyperparams", `struct{
		rho: Compact<u16>, kappa: Compact<u16>, immunity_period: Compact<u16>, min_allowed_weights: Compact<u16>,
		max_weights_limit: Compact<u16>, tempo: Compact<u16>, min_difficulty: Compact<u64>,
		max_difficulty: Compact<u64>, weights_version: Compact<u64>, weights_rate_limit: Compact<u64>,
		adjustment_interval: Compact<u16>, activity_cutoff: Compact<u16>, registration_allowed: bool,
		target_regs_per_interval: Compact<u16>, min_burn: Compact<u64>, max_burn: Compact<u64>,
		bonds_moving_avg: Compact<u64>, max_regs_per_block: Compact<u16>, serving_rate_limit: Compact<u64>,
		max_validators: Compact<u16>, adjustment_alpha: Compact<u64>, difficulty: Compact<u64>,
		commit_reveal_weights_interval: Compact<u64>, commit_reveal_weights_enabled: bool, alpha_high: Compact<u16>,
		alpha_low: Compact<u16>, liquid_alpha_enabled: bool
	}`)
	b.Define("SubnetState", `struct{
		netuid: Compact<u16>, hotkeys: Vec<AccountId32>, coldkeys: Vec<AccountId32>, active: Vec<bool>,
		validator_permit: Vec<bool>, pruning_score: Vec<Compact<u16>>, last_update: Vec<Compact<u64>>,
		emission: Vec<Compact<u64>>, dividends: Vec<Compact<u16>>, incentives: Vec<Compact<u16>>,
		consensus: Vec<Compact<u16>>, trust: Vec<Compact<u16>>, rank: Vec<Compact<u16>>,
		block_at_registration: Vec<Compact<u64>>, alpha_stake: Vec<Compact<u64>>, tao_stake: Vec<Compact<u64>>,
		total_stake: Vec<Compact<u64>>, emission_history: Vec<Vec<Compact<u64>>>
	}`)
	ids := make(map[string]scale.TypeID)
	for _, expression := range []string{
		"Vec<NeuronInfoLite>", "Option<SubnetState>", "SubnetHyperparams", "Option<SubnetHyperparams>",
	} {
		id, err := b.Type(expression)
		if err != nil {
			return undescribed{}, err
		}
		ids[expression] = id
	}
	registry, err := b.Registry()
	return undescribed{registry: registry, ids: ids}, err
})
