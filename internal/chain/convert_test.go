package chain

import (
	"encoding/hex"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/ss58"
)

// The worked example of the chain's reference: a NeuronInfoLite of 196 bytes.
func TestWorkedNeuron(t *testing.T) {
	t.Parallel()
	raw := must(hex.DecodeString(strings.NewReplacer(" ", "", "\n", "", "\t", "").Replace(`04
		d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d
		8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48 0c 30 01
		6400000000000000 f85f8900 04030201000000000000000000000000 9b1f 04 04 00 00
		0000000000000000 00000000 00000000000000000000000000000000 0000 00
		04 8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48 03002f6859
		00 56346f1d feff0300 02000200 00 00 9101 022d3101 00 feff0300`)))(t)
	if len(raw) != 1+196 {
		t.Fatalf("%d bytes", len(raw))
	}
	for _, runtime := range []*substrate.Runtime{runtimeOf(t, 343, "v15"), runtimeOf(t, 425, "v15")} {
		lists := must(newLayout(runtime).neurons())(t)
		records := must(lists.decode(raw))(t)
		got := must(neuronsOf(block{}, 12, *records, nil, new(addressBook)))(t)
		want := pylon.Neuron{
			UID:       3,
			Hotkey:    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
			Coldkey:   "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
			Active:    true,
			AxonInfo:  pylon.AxonInfo{IP: netip.MustParseAddr("1.2.3.4"), Port: 8091, Protocol: pylon.ProtocolHTTP},
			Stake:     1.5,
			Emission:  0.123456789,
			Incentive: 1, Consensus: 32768.0 / 65535, Dividends: 100.0 / 65535,
			LastUpdate: 5000000, PruningScore: 65535,
			Stakes: pylon.Stakes{TAO: 1.5, Total: 1.5}, // without a state, as before spec 233
		}
		if diff := cmp.Diff([]pylon.Neuron{want}, got.Neurons, cmp.Comparer(sameAddress)); diff != "" {
			t.Errorf("spec %d (-want +got):\n%s", runtime.SpecVersion, diff)
		}
	}
}

func TestConformance034To036NeuronFields(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 10)
	node.change(10, func(b *fakeBlock) {
		b.subnets[1] = []fakeNeuron{
			{hotkey: 1, coldkey: 9, stake: []uint64{math.MaxUint64, 1}, alpha: 1, tao: 2, total: math.MaxUint64, port: 65535},
			{hotkey: 2, coldkey: 0, ip: scale.Uint128{Hi: 0x20010db8 << 32, Lo: 1}},
		}
	})
	c := newFakeChain(t, node, node, Config{})
	got, err := c.LatestNeurons(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	common := pylon.Neuron{
		Active: true, Rank: 0.2, Emission: 0.123456789,
		Incentive: 1, Consensus: 32768.0 / 65535, Trust: 1.0 / 65535, ValidatorTrust: 2.0 / 65535, Dividends: 3.0 / 65535,
		LastUpdate: 10, PruningScore: 65535,
	}
	first, second := common, common
	first.UID, first.Hotkey, first.Coldkey = 0, pylon.Hotkey(ss58.Encode(keyOf(1))), pylon.Coldkey(ss58.Encode(keyOf(9)))
	first.AxonInfo = pylon.AxonInfo{IP: netip.MustParseAddr("0.0.0.0"), Port: 65535, Protocol: 4}
	first.Stake, first.Stakes = 18446744073.709553, pylon.Stakes{Alpha: 1e-9, TAO: 2e-9, Total: 18446744073.709553}
	second.UID, second.Hotkey, second.Coldkey = 1, pylon.Hotkey(ss58.Encode(keyOf(2))), "5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM"
	second.AxonInfo = pylon.AxonInfo{IP: netip.MustParseAddr("2001:db8::1"), Protocol: 4}
	want := &pylon.Neurons{Block: pylon.Block{Number: 10, Hash: hashOf(10, 0).String()}, Neurons: []pylon.Neuron{first, second}}
	if diff := cmp.Diff(want, got, cmp.Comparer(sameAddress)); diff != "" {
		t.Errorf("neurons (-want +got):\n%s", diff)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for want, ip := range map[string]scale.Uint128{
		"0.0.0.0":         {},
		"1.2.3.4":         {Lo: 16909060},
		"255.255.255.255": {Lo: 1<<32 - 1},
		"::1:0:0":         {Lo: 1 << 32},
		"2001:db8::1":     {Hi: 0x20010db8 << 32, Lo: 1},
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": {Hi: math.MaxUint64, Lo: math.MaxUint64},
	} {
		if got := address(ip); got.String() != want {
			t.Errorf("%+v is %s instead of %s", ip, got, want)
		}
	}
}

// Validators are those with a permit, by total stake, equal ones in uid order.
func TestConformance038Validators(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 10)
	node.change(10, func(b *fakeBlock) {
		b.subnets[1] = nil
		for i := range 60 { // many, because sorting few is always stable
			total := []uint64{5, 7, 0, 7, 9}[i%5]
			b.subnets[1] = append(b.subnets[1], fakeNeuron{hotkey: byte(i), total: total * 1e9, alpha: uint64(i), permit: i%5 != 4})
		}
		b.subnets[2] = nil // nobody in it
		b.subnets[3] = []fakeNeuron{{}}
	})
	c := newFakeChain(t, node, node, Config{})
	got, err := c.LatestValidators(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	var uids, want []uint16
	for _, v := range got.Validators {
		uids = append(uids, v.UID)
	}
	for _, with := range [][]uint16{{1, 3}, {0}, {2}} { // 7, 5, 0
		for uid := range uint16(60) {
			if slices.Contains(with, uid%5) {
				want = append(want, uid)
			}
		}
	}
	if !slices.Equal(uids, want) {
		t.Errorf("order %v instead of %v", uids, want)
	}
	if want := (pylon.Block{Number: 10, Hash: hashOf(10, 0).String()}); got.Block != want {
		t.Errorf("block %v", got.Block)
	}
	if again, _ := c.Validators(t.Context(), 10, 1); again != got {
		t.Error("two answers at one block are not the same value")
	}
	for _, netuid := range []pylon.Netuid{2, 3} {
		if got, err := c.LatestValidators(t.Context(), netuid); err != nil || got.Validators == nil || len(got.Validators) != 0 {
			t.Errorf("subnet %d: %v, %v", netuid, got, err)
		}
	}
	_, err = c.LatestValidators(t.Context(), 4)
	wantProblem(t, err, problem.NotFound, "Subnet 4 not found.")
}

func TestConformance039ValidatorsAtAMissingBlock(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 10)
	_, err := newFakeChain(t, node, node, Config{}).Validators(t.Context(), 11, 1)
	wantProblem(t, err, problem.NotFound, "Block 11 not found.")
}

// Stakes belong to hotkeys, whatever the order in which the state has them.
func TestStakesAreJoinedByHotkey(t *testing.T) {
	t.Parallel()
	records := []neuronRecord{{Hotkey: keyOf(1), UID: 0}, {Hotkey: keyOf(2), UID: 1}, {Hotkey: keyOf(3), UID: 2}}
	state := &subnetStateRecord{
		Hotkeys:    []accountID{keyOf(1), keyOf(3), keyOf(2)},
		AlphaStake: []uint64{1e9, 3e9, 2e9},
		TAOStake:   []uint64{10e9, 30e9, 20e9},
		TotalStake: []uint64{100e9, 300e9, 200e9},
	}
	got := must(neuronsOf(block{}, 0, records, state, new(addressBook)))(t)
	for i, n := range got.Neurons {
		f := float64(i + 1)
		if want := (pylon.Stakes{Alpha: f, TAO: 10 * f, Total: 100 * f}); n.Stakes != want {
			t.Errorf("neuron %d: %+v", i, n.Stakes)
		}
	}
}

func TestAnswersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	one := []fakeNeuron{{hotkey: 1, stake: []uint64{1}}}
	list, state := encodeNeurons(1, 5, one), encodeState(1, one)
	for name, test := range map[string]struct {
		list, state []byte
		want        string
	}{
		"neurons of another subnet": {encodeNeurons(2, 5, one), state, "neurons: the answer is about subnet 2 instead of 1"},
		"state of another subnet":   {list, encodeState(2, one), "subnet state: the answer is about subnet 2 instead of 1"},
		"a hotkey without a state":  {encodeNeurons(1, 5, []fakeNeuron{{hotkey: 7}}), state, "the state of the subnet lacks the hotkey of neuron 0"},
		"neurons without a state":   {list, []byte{0}, "1 neurons of a subnet without a state"},
		"a neuron that is missing":  {encodeNeurons(1, 5, one), encodeState(1, twoNeurons()), "1 neurons, and 2 hotkeys in the subnet's state"},
		"all neurons missing":       {[]byte{0}, state, "0 neurons, and 1 hotkeys in the subnet's state"},
		"no list":                   {nil, state, "get_neurons_lite"},
		"no state":                  {list, []byte{}, "get_subnet_state"},
		"a byte too many":           {append(slices.Clone(list), 0), state, "bytes left over"},
		"a huge length":             {[]byte{0xfe, 0xff, 0xff, 0xff}, state, "input ends inside a value"},
		"a missing stake":           {list, withoutStake(t, state), "1 hotkeys with 1, 0 and 1 stakes"},
	} {
		node := newFakeNode(t)
		node.grow(1, 5)
		node.recorded = &recording{StateCalls: []recordedCall{
			{Method: "NeuronInfoRuntimeApi_get_neurons_lite", Args: []byte{1, 0}, Result: test.list},
			{Method: "SubnetInfoRuntimeApi_get_subnet_state", Args: []byte{1, 0}, Result: test.state},
		}}
		if test.list == nil {
			node.recorded.StateCalls[0].Result = []byte{}
		}
		_, err := newFakeChain(t, node, node, Config{}).LatestNeurons(t.Context(), 1)
		if problem.KindOf(err) != problem.Unavailable || !strings.HasPrefix(err.Error(), "get_neurons failed on ws://main: Malformed: ") ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withoutStake takes the only tao_stake out of an encoded state.
func withoutStake(t *testing.T, state []byte) []byte {
	t.Helper()
	runtime := runtimeOf(t, 343, "v15")
	api := must(runtime.Metadata.API("SubnetInfoRuntimeApi", "get_subnet_state"))(t)
	value := must(runtime.Metadata.Types.DecodeValue(api.Output, state))(t).(scale.Object)
	for i := range value {
		if value[i].Name == "tao_stake" {
			value[i].Value = []any{}
		}
	}
	return must(runtime.Metadata.Types.AppendValue(nil, api.Output, value))(t)
}

// Every cut of a real answer is an error, and not a subnet with fewer neurons.
func TestTruncatedAnswers(t *testing.T) {
	t.Parallel()
	neurons := twoNeurons()
	list, state := encodeNeurons(1, 5, neurons), encodeState(1, neurons)
	l := newLayout(runtimeOf(t, 343, "v15"))
	lists, states := must(l.neurons())(t), must(l.subnetState())(t)
	for n := range list {
		if got, err := lists.decode(list[:n]); err == nil {
			t.Errorf("%d of %d bytes are %d neurons", n, len(list), len(*got))
		}
	}
	for n := range state {
		if _, err := states.decode(state[:n]); err == nil {
			t.Errorf("%d of %d bytes are a state", n, len(state))
		}
	}
}

// The next block's neurons share the text of their addresses with the last one's.
func TestAddressesAreShared(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 10)
	c := newFakeChain(t, node, node, Config{})
	text := func(number uint64) (texts []*byte) {
		n, err := c.Neurons(t.Context(), number, 1)
		numberOf(t, n, err)
		for _, neuron := range n.Neurons {
			texts = append(texts, unsafe.StringData(string(neuron.Hotkey)), unsafe.StringData(string(neuron.Coldkey)))
		}
		return texts
	}
	first := text(8)
	if first[1] != first[3] {
		t.Error("two neurons of one coldkey do not share its address")
	}
	page := c.bookOf(1).page.Load()
	if second := text(9); !slices.Equal(first, second) {
		t.Error("two blocks do not share addresses")
	}
	if c.bookOf(1).page.Load() != page {
		t.Error("the list of addresses was copied though nothing has changed")
	}
	// A neuron is replaced: only its addresses are new, and an old block does not bring the old ones back.
	node.change(10, func(b *fakeBlock) { b.subnets[1][0].hotkey = 77 })
	third := text(10)
	if third[0] == first[0] || !slices.Equal(third[1:], first[1:]) {
		t.Error("a replaced neuron: the addresses of the others are not shared")
	}
	text(7)
	node.add(11)
	node.change(11, func(b *fakeBlock) { b.subnets[1][0].hotkey = 77 })
	node.setHead(node.blocks[hashOf(11, 0)].header)
	if fourth := text(11); !slices.Equal(third, fourth) {
		t.Error("an old block has brought old addresses back")
	}
}
