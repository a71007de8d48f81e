package devchain

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// runtimeMethods are Subtensor's own RPC methods: each is a runtime API, called
// with the arguments in SCALE.
func runtimeMethods() []method {
	var all []method
	for _, m := range customMethods {
		all = append(all, method{
			name:   m.name,
			params: append(m.paramNames(), "at"),
			handle: m.handle,
		})
	}
	return all
}

// customMethod is one of them.
type customMethod struct {
	name    string
	api     string
	args    []customArg
	subject string // what the error says it is unable to get
	result  customResult
}

// customArg is a parameter and how it becomes SCALE.
type customArg struct {
	name   string
	encode func(c *invocation, i int, legacy bool) ([]byte, error)
}

// customResult is how SCALE becomes JSON. Nil means as an array of bytes.
type customResult func(*scale.Reader) any

var (
	argNetuid    = customArg{"netuid", encodeUint16}
	argUID       = customArg{"uid", encodeUint16}
	argMechanism = customArg{"mecid", encodeUint8}
	argIndexes   = customArg{"metagraph_index", encodeUint16s}
)

func argAccount(name string) customArg { return customArg{name, encodeAccount} }

func argAmount(name string) customArg { return customArg{name, encodeUint64} }

const (
	apiDelegate     = "DelegateInfoRuntimeApi_"
	apiNeuron       = "NeuronInfoRuntimeApi_"
	apiSubnet       = "SubnetInfoRuntimeApi_"
	apiStake        = "StakeInfoRuntimeApi_"
	apiRegistration = "SubnetRegistrationRuntimeApi_"
	apiSwap         = "SwapRuntimeApi_"
)

var customMethods = []customMethod{
	{"delegateInfo_getDelegates", apiDelegate + "get_delegates", nil, "delegates info", nil},
	{"delegateInfo_getDelegate", apiDelegate + "get_delegate", []customArg{argAccount("delegate_account_vec")}, "delegate info", nil},
	{"delegateInfo_getDelegated", apiDelegate + "get_delegated", []customArg{argAccount("delegatee_account_vec")}, "delegated info", nil},

	{"neuronInfo_getNeuronsLite", apiNeuron + "get_neurons_lite", []customArg{argNetuid}, "neurons lite info", nil},
	{"neuronInfo_getNeuronLite", apiNeuron + "get_neuron_lite", []customArg{argNetuid, argUID}, "neuron lite info", nil},
	{"neuronInfo_getNeurons", apiNeuron + "get_neurons", []customArg{argNetuid}, "neurons info", nil},
	{"neuronInfo_getNeuron", apiNeuron + "get_neuron", []customArg{argNetuid, argUID}, "neuron info", nil},

	{"subnetInfo_getSubnetInfo", apiSubnet + "get_subnet_info", []customArg{argNetuid}, "subnet info", nil},
	{"subnetInfo_getSubnetsInfo", apiSubnet + "get_subnets_info", nil, "subnets info", nil},
	{"subnetInfo_getSubnetInfo_v2", apiSubnet + "get_subnet_info_v2", []customArg{argNetuid}, "subnet info", nil},
	{"subnetInfo_getSubnetsInfo_v2", apiSubnet + "get_subnets_info_v2", nil, "subnets info", nil},
	{"subnetInfo_getSubnetHyperparams", apiSubnet + "get_subnet_hyperparams", []customArg{argNetuid}, "subnet info", nil},
	{"subnetInfo_getSubnetHyperparamsV2", apiSubnet + "get_subnet_hyperparams_v2", []customArg{argNetuid}, "subnet info", nil},
	{"subnetInfo_getAllDynamicInfo", apiSubnet + "get_all_dynamic_info", nil, "dynamic subnets info", nil},
	{"subnetInfo_getDynamicInfo", apiSubnet + "get_dynamic_info", []customArg{argNetuid}, "dynamic subnets info", nil},
	{"subnetInfo_getAllMetagraphs", apiSubnet + "get_all_metagraphs", nil, "metagraphs", nil},
	{"subnetInfo_getMetagraph", apiSubnet + "get_metagraph", []customArg{argNetuid}, "dynamic subnets info", nil},
	{"subnetInfo_getAllMechagraphs", apiSubnet + "get_all_mechagraphs", nil, "all mechagraphs", nil},
	{"subnetInfo_getMechagraph", apiSubnet + "get_mechagraph", []customArg{argNetuid, argMechanism}, "mechagraph", nil},
	{"subnetInfo_getSubnetState", apiSubnet + "get_subnet_state", []customArg{argNetuid}, "subnet state info", nil},
	{"subnetInfo_getSelectiveMetagraph", apiSubnet + "get_selective_metagraph", []customArg{argNetuid, argIndexes}, "selective metagraph", nil},
	{"subnetInfo_getSelectiveMechagraph", apiSubnet + "get_selective_mechagraph", []customArg{argNetuid, argMechanism, argIndexes}, "selective metagraph", nil},
	{"subnetInfo_getColdkeyAutoStakeHotkey", apiSubnet + "get_coldkey_auto_stake_hotkey", []customArg{argAccount("coldkey"), argNetuid}, "coldkey auto stake hotkey", nil},
	{"subnetInfo_getSubnetAccountId", apiSubnet + "get_subnet_account_id", []customArg{argNetuid}, "subnet account id", nil},
	{"subnetInfo_getSubnetToPrune", apiSubnet + "get_subnet_to_prune", nil, "subnet to prune", optionalUint16},
	{"subnetInfo_getLockCost", apiRegistration + "get_network_registration_cost", nil, "subnet lock cost", uint64Result},

	{"stakeInfo_getColdkeyLock", apiStake + "get_coldkey_lock", []customArg{argAccount("coldkey"), argNetuid}, "coldkey lock", nil},

	{"swap_currentAlphaPrice", apiSwap + "current_alpha_price", []customArg{argNetuid}, "current alpha price", uint64Result},
	{"swap_currentAlphaPriceAll", apiSwap + "current_alpha_price_all", nil, "all current alpha prices", prices},
	{"swap_simSwapTaoForAlpha", apiSwap + "sim_swap_tao_for_alpha", []customArg{argNetuid, argAmount("tao")}, "sim swap tao for alpha", nil},
	{"swap_simSwapAlphaForTao", apiSwap + "sim_swap_alpha_for_tao", []customArg{argNetuid, argAmount("alpha")}, "sim swap alpha for tao", nil},
}

func (m customMethod) paramNames() []string {
	var names []string
	for _, arg := range m.args {
		names = append(names, arg.name)
	}
	return names
}

// codeRuntimeError is the code of every failure of these methods.
const codeRuntimeError = 1

func (m customMethod) handle(c *invocation) (any, error) {
	at, err := c.hash(len(m.args))
	if err != nil {
		return nil, err
	}
	b, _, unknown := c.node.state(at)
	if unknown != nil {
		return nil, m.failure(fmt.Sprintf("UnknownBlock(%q)", unknown.detail()))
	}
	legacy := answersBytes(b.runtime.Version())
	var args []byte
	for i, arg := range m.args {
		encoded, err := arg.encode(c, i, legacy)
		if err != nil {
			return nil, err
		}
		args = append(args, encoded...)
	}
	output, err := c.node.call(&b.Hash, m.api, args)
	if err != nil {
		return nil, m.failure(fmt.Sprintf("%q", err.Error()))
	}
	r := scale.NewReader(output)
	if legacy && m.result == nil {
		output = r.ByteVec()
		if err := r.Close(); err != nil {
			return nil, m.failure(err.Error())
		}
	}
	if m.result == nil {
		return byteArray(output), nil
	}
	result := m.result(r)
	if err := r.Close(); err != nil {
		return nil, m.failure(err.Error())
	}
	return result, nil
}

func (m customMethod) failure(cause string) error {
	return &RPCError{Code: codeRuntimeError, Message: fmt.Sprintf("Unable to get %s: %s", m.subject, cause)}
}

// answersBytes tells whether the runtime is one of the old ones whose own APIs
// take accounts as Vec<u8> and answer with a Vec<u8> that holds the value.
func answersBytes(v runtime.Version) bool {
	const lastSpec = 219
	return v.SpecName == "node-subtensor" && v.SpecVersion <= lastSpec
}

// byteArray is written as an array of numbers, which is what serde makes of a
// Vec<u8>.
type byteArray []byte

func (b byteArray) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, 4*len(b)+2)
	out = append(out, '[')
	for i, v := range b {
		if i > 0 {
			out = append(out, ',')
		}
		out = fmt.Append(out, v)
	}
	return append(out, ']'), nil
}

func encodeUint8(c *invocation, i int, _ bool) ([]byte, error) {
	var v uint8
	err := c.decode(i, &v)
	return []byte{v}, err
}

func encodeUint16(c *invocation, i int, _ bool) ([]byte, error) {
	var v uint16
	err := c.decode(i, &v)
	return scale.AppendUint16(nil, v), err
}

func encodeUint64(c *invocation, i int, _ bool) ([]byte, error) {
	var v uint64
	err := c.decode(i, &v)
	return scale.AppendUint64(nil, v), err
}

func encodeUint16s(c *invocation, i int, _ bool) ([]byte, error) {
	var values []uint16
	err := c.decode(i, &values)
	out := scale.AppendCompact(nil, uint64(len(values)))
	for _, v := range values {
		out = scale.AppendUint16(out, v)
	}
	return out, err
}

// encodeAccount takes an account as an array of its 32 bytes.
func encodeAccount(c *invocation, i int, legacy bool) ([]byte, error) {
	var values []uint16 // encoding/json would read a []byte from base64
	if err := c.decode(i, &values); err != nil {
		return nil, err
	}
	account := make([]byte, len(values))
	for j, v := range values {
		if v > 0xff {
			return nil, c.invalid(i, "%d is not a byte", v)
		}
		account[j] = byte(v)
	}
	if legacy {
		return scale.AppendByteVec(nil, account), nil
	}
	if len(account) != 32 {
		return nil, c.invalid(i, "an account has 32 bytes, not %d", len(account))
	}
	return account, nil
}

func uint64Result(r *scale.Reader) any { return r.Uint64() }

func optionalUint16(r *scale.Reader) any {
	if !r.Option() {
		return nil
	}
	return r.Uint16()
}

func prices(r *scale.Reader) any {
	type price struct {
		Netuid uint16 `json:"netuid"`
		Price  uint64 `json:"price"`
	}
	list := make([]price, 0, r.Len(10))
	for range cap(list) {
		list = append(list, price{r.Uint16(), r.Uint64()})
	}
	return list
}
