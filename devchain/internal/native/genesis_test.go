package native

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/netip"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
	"github.com/bittensor-pylon/pylon/wallet"
)

// The keys of the reference, and what stands under them.
func TestStorageKeys(t *testing.T) {
	t.Parallel()
	config := small(425)
	config.Subnets = append(config.Subnets, Subnet{Netuid: 12, Neurons: 4})
	c := newChain(t, config)
	const module = "658faa385070e074c85bf6b568cf0555"
	const alice = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d"
	tests := []struct{ what, key, want string }{
		{"Uids(12, Alice)", module + "aab1b4e78e1ea8305462ee53b3686dc8" + "0c00" + "de1e86a9a8c739864cf3cc5ec2bea59f" + alice, "0000"},
		{"Keys(12, 0)", module + "9f99a2ce711f3a31b2fc05604c93f179" + "0c00" + "0000", alice},
		{"Tempo(1)", module + "7641384bb339f3758acddfd7053d3317" + "0100", "0a00"},
		{"SubnetworkN(1)", module + "a1048e9d244171852dfe8db314dc68ca" + "0100", "0c00"},
		{"ValidatorPermit(2)", module + "56af5b07ace59da2c9d7f0d48bc93143" + "0200", "14" + "0101010100"},
		{"CommitRevealWeightsEnabled(2)", module + "8fb0d3eb3d4ea01122652b09d1d43c65" + "0200", "01"},
		{"TotalNetworks", module + "5f3bb7bcd0a076a48abf8c256d221721", "0400"},
		{"Timestamp.Now", "f0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb", "888ca97c9b010000"},
		{
			"CommitmentOf(1, Charlie)", "ca407206ec1ab726b2636c4b145ac287" + "419a60ae8b01e6dcaebd7317e43c69bf" + "0100" +
				twox(t, publicKey(t, "//Charlie")),
			"0000000000000000" + "00000000" + "04" + "13" + hex.EncodeToString([]byte("commitment-charlie")),
		},
		{
			"System.Account(Alice)", "26aa394eea5630e07c48ae0c9558cef7" + "b99d880ec681799c0cf30e8886371da9" + "de1e86a9a8c739864cf3cc5ec2bea59f" + alice,
			"00000000" + "00000000" + "01000000" + "00000000" + "0080c6a47e8d0300" + "0000000000000000" + "0000000000000000" +
				"00000000000000000000000000000080",
		},
	}
	for _, tt := range tests {
		key, err := hex.DecodeString(tt.key)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := c.state.Get(key)
		if !ok || hex.EncodeToString(got) != tt.want {
			t.Errorf("%s is %x (%v), want %s", tt.what, got, ok, tt.want)
		}
	}
}

// twox is an account as a Twox64Concat key.
func twox(t testing.TB, who [32]byte) string {
	t.Helper()
	return hex.EncodeToString(scale.HashTwox64Concat.Append(nil, who[:]))
}

// TestGenesis checks block 0 of the default configuration, through the storage
// and the runtime APIs of every spec version.
func TestGenesis(t *testing.T) {
	t.Parallel()
	for _, spec := range Specs {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			c := newChain(t, Config{Spec: spec})
			alice, eve, ferdie, miner := publicKey(t, "//Alice"), publicKey(t, "//Eve"), publicKey(t, "//Ferdie"), publicKey(t, "//Miner3")

			for netuid, n := range map[int]uint64{1: 256, 2: 64, 3: 32, 4: 16, 0: 4} {
				if got := c.uint("SubtensorModule", "SubnetworkN", netuid); got != n {
					t.Errorf("subnet %d has %d neurons, want %d", netuid, got, n)
				}
			}
			if !isAccount(c.storage("SubtensorModule", "SubnetOwner", 4), eve) {
				t.Error("//Eve does not own subnet 4")
			}
			if !isAccount(c.storage("SubtensorModule", "Owner", alice), eve) || !isAccount(c.storage("SubtensorModule", "Owner", miner), ferdie) {
				t.Error("hotkeys have other owners")
			}
			if !isAccount(c.storage("SubtensorModule", "Keys", 3, 7), miner) || c.uint("SubtensorModule", "Uids", 3, miner) != 7 {
				t.Error("//Miner3 is not uid 7 of subnet 3")
			}
			if c.storage("SubtensorModule", "Uids", 3, ferdie) != nil {
				t.Error("//Ferdie is registered")
			}
			for netuid := 1; netuid <= 4; netuid++ {
				permits := c.storage("SubtensorModule", "ValidatorPermit", netuid).([]any)
				for uid, permit := range permits {
					if permit != (uid < 4) {
						t.Errorf("subnet %d: uid %d has permit %v", netuid, uid, permit)
					}
				}
				if got := c.storage("SubtensorModule", "CommitRevealWeightsEnabled", netuid); got != (netuid == 2) {
					t.Errorf("subnet %d has commit-reveal %v", netuid, got)
				}
				for _, list := range []string{"Consensus", "Dividends", "Incentive", "Emission", "ValidatorTrust"} {
					if !anyPositive(c.storage("SubtensorModule", list, netuid).([]any)) {
						t.Errorf("subnet %d: %s is all zero", netuid, list)
					}
				}
			}

			axon := c.storage("SubtensorModule", "Axons", 1, miner)
			if field(t, axon, "port") != uint64(8094) || field(t, axon, "ip_type") != uint64(4) || field(t, axon, "protocol") != uint64(4) {
				t.Errorf("the axon of //Miner3 is %v", axon)
			}
			if got := c.storage("SubtensorModule", "Axons", 1, publicKey(t, "//Miner4")); field(t, got, "ip_type") != uint64(6) {
				t.Errorf("the axon of //Miner4 is %v", got)
			}
			if c.storage("SubtensorModule", "Axons", 1, alice) != nil {
				t.Error("//Alice has an axon")
			}
			key, err := wallet.Ed25519.FromURI("//Miner3")
			if err != nil {
				t.Fatal(err)
			}
			certificate := c.storage("SubtensorModule", "NeuronCertificates", 2, miner)
			if !isAccount(field(t, certificate, "public_key"), key.PublicKey()) || field(t, certificate, "algorithm") != uint64(1) {
				t.Errorf("the certificate of //Miner3 is %v", certificate)
			}
			if c.storage("SubtensorModule", "NeuronCertificates", 1, publicKey(t, "//Miner8")) != nil {
				t.Error("//Miner8 has a certificate")
			}
			for name, text := range map[string]string{"//Charlie": "commitment-charlie", "//Dave": "commitment-dave"} {
				info := field(t, c.storage("Commitments", "CommitmentOf", 1, publicKey(t, name)), "info")
				want := scale.Enum{Name: fmt.Sprintf("Raw%d", len(text)), Value: scale.Bytes(text)}
				if got := field(t, info, "fields"); fmt.Sprint(got) != fmt.Sprint([]any{want}) {
					t.Errorf("%s committed %v, want %v", name, got, want)
				}
			}
			if !isAccount(c.storage("Sudo", "Key"), alice) {
				t.Error("//Alice is not sudo")
			}
			issuance := uint64(0)
			for _, name := range endowed {
				free := field(t, field(t, c.storage("System", "Account", publicKey(t, name)), "data"), "free").(uint64)
				if free != 1_000_000*1_000_000_000 {
					t.Errorf("%s has %d rao", name, free)
				}
				issuance += free
			}
			if got := c.uint("Balances", "TotalIssuance"); got != issuance {
				t.Errorf("the issuance is %d, the accounts have %d", got, issuance)
			}
			if c.uint("Timestamp", "Now") != uint64(genesisTime.UnixMilli()) || c.uint("System", "Number") != 0 {
				t.Error("block 0 is not number 0 at the genesis time")
			}
		})
	}
}

func anyPositive(list []any) bool {
	for _, v := range list {
		if v.(uint64) > 0 {
			return true
		}
	}
	return false
}

// TestNeuronsAsReal decodes the neurons with the metadata of real runtimes and
// compares them with what was seeded.
func TestNeuronsAsReal(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{343, 425} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			c, m := newChain(t, Config{Spec: spec}), scaletest.Metadata(t, fmt.Sprintf("%d-v15", spec))
			neurons := c.callAs(m, "NeuronInfoRuntimeApi", "get_neurons_lite", 1).([]any)
			if len(neurons) != 256 {
				t.Fatalf("%d neurons", len(neurons))
			}
			for uid, n := range neurons {
				hotkey, coldkey, stake := fmt.Sprintf("//Miner%d", uid-4), "//Ferdie", uint64(uid%50)*10_000_000_000
				if uid < 4 {
					hotkey, coldkey, stake = validators[uid], "//Eve", []uint64{50, 30, 20, 10}[uid]*1_000_000_000_000
				}
				owner := publicKey(t, coldkey)
				if !isAccount(field(t, n, "hotkey"), publicKey(t, hotkey)) || !isAccount(field(t, n, "coldkey"), owner) {
					t.Fatalf("uid %d is not %s, owned by %s", uid, hotkey, coldkey)
				}
				if got, want := fmt.Sprint(field(t, n, "stake")), fmt.Sprint([]any{[]any{scale.Bytes(owner[:]), stake}}); got != want {
					t.Fatalf("the stake of uid %d is %s, want %s", uid, got, want)
				}
				if field(t, n, "uid") != uint64(uid) || field(t, n, "netuid") != uint64(1) || field(t, n, "active") != true ||
					field(t, n, "validator_permit") != (uid < 4) {
					t.Fatalf("uid %d: %v", uid, n)
				}
				if spec == 425 && (field(t, n, "rank") != uint64(0) || field(t, n, "trust") != uint64(0) || field(t, n, "pruning_score") != uint64(65535)) {
					t.Fatalf("uid %d has a rank, a trust or a pruning score: %v", uid, n)
				}
				if spec == 343 && uid >= 4 && (field(t, n, "rank") == uint64(0) || field(t, n, "trust") == uint64(0)) {
					t.Fatalf("uid %d has no rank or trust: %v", uid, n)
				}
				if (uid >= 4) != (field(t, n, "incentive").(uint64) > 0) || (uid < 4) != (field(t, n, "dividends").(uint64) > 0) {
					t.Fatalf("uid %d: incentive %v, dividends %v", uid, field(t, n, "incentive"), field(t, n, "dividends"))
				}
				axon := field(t, n, "axon_info")
				if uid < 4 {
					if field(t, axon, "port") != uint64(0) {
						t.Fatalf("uid %d has the axon %v", uid, axon)
					}
					continue
				}
				endpoint := minerEndpoint(uid - 4)
				if field(t, axon, "port") != uint64(endpoint.Port()) || !sameAddress(endpoint.Addr(), field(t, axon, "ip")) {
					t.Fatalf("uid %d has the axon %v, want %v", uid, axon, endpoint)
				}
			}

			state := c.callAs(m, "SubnetInfoRuntimeApi", "get_subnet_state", 1)
			if got := len(field(t, state, "emission_history").([]any)); got != 5 {
				t.Errorf("emissions of %d subnets, want 5", got)
			}
			// 50,000 alpha and 10,000 TAO, of which TaoWeight counts: 971718665099567868 of 2⁶⁴−1.
			if got := field(t, state, "total_stake").([]any)[0]; got != uint64(50_526_769_743_872) {
				t.Errorf("the total stake of //Alice is %v", got)
			}
			if n := len(field(t, state, "trust").([]any)); n != map[uint32]int{343: 256, 425: 0}[spec] {
				t.Errorf("%d trusts", n)
			}
		})
	}
}

// sameAddress compares an address with the number that the chain keeps.
func sameAddress(a netip.Addr, v any) bool {
	number := ipNumber(a)
	return fmt.Sprint(v) == fmt.Sprint(number.Big())
}

func TestIPNumber(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"1.2.3.4": "16909060", "255.255.255.255": "4294967295", "0.0.0.0": "0",
		"2001:db8::1": "42540766411282592856903984951653826561",
	} {
		if got := ipNumber(netip.MustParseAddr(address)).Big().String(); got != want {
			t.Errorf("%s is %s, want %s", address, got, want)
		}
	}
}

// The worked example of the reference: one neuron, byte by byte.
func TestNeuronBytes(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 425, Subnets: []Subnet{{Netuid: 12, Neurons: 4}}})
	r, st, s := c.runtime, c.state, &c.runtime.items.SubtensorModule
	alice, bob := publicKey(t, "//Alice"), publicKey(t, "//Bob")
	s.Keys.set(st, alice, u16(12), u16(3))
	s.Owner.set(st, bob, alice[:])
	r.SetStake(st, 12, alice, 1_500_000_000)
	r.SetAxon(st, 12, alice, Axon{Endpoint: netip.MustParseAddrPort("1.2.3.4:8091"), Version: 9003000, Protocol: 4, Block: 100})
	s.Emission.set(st, []uint64{0, 0, 0, 123456789}, u16(12))
	s.Incentive.set(st, []uint16{0, 0, 0, 65535}, u16(12))
	s.Consensus.set(st, []uint16{0, 0, 0, 32768}, u16(12))
	s.ValidatorTrust.set(st, []uint16{0, 0, 0, 0}, u16(12))
	s.Dividends.set(st, []uint16{0, 0, 0, 100}, u16(12))
	s.LastUpdate.set(st, []uint64{0, 0, 0, 5000000}, u16(12))
	s.ValidatorPermit.set(st, []bool{true, true, true, false}, u16(12))

	const want = "d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d" +
		"8eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48" + "0c3001" +
		"6400000000000000f85f8900040302010000000000000000000000009b1f04040000" +
		"0000000000000000" + "00000000" + "00000000000000000000000000000000" + "000000" +
		"048eaf04151687736326c9fea17e25fc5287613693c912909cb226aa4794f26a48" + "03002f6859" +
		"0056346f1dfeff0300020002000000" + "9101022d310100feff0300"
	got, err := r.Call(st, "NeuronInfoRuntimeApi_get_neuron_lite", []byte{12, 0, 3, 0})
	if err != nil {
		t.Fatal(err)
	}
	if hex.EncodeToString(got) != "01"+want {
		t.Errorf("the neuron is\n%x, want\n01%s", got, want)
	}
	if len(want)/2 != 196 {
		t.Errorf("the example has %d bytes", len(want)/2)
	}
}

// Runtimes before 233 put values into byte vectors: nothing for None, and no
// byte in front of Some. A real runtime of spec 218 answers so.
func TestAnswersInBytes(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(218))
	tests := []struct {
		name  string
		args  []byte
		empty string
	}{
		{"NeuronInfoRuntimeApi_get_neurons_lite", []byte{99, 0}, "0400"},
		{"NeuronInfoRuntimeApi_get_neurons", []byte{99, 0}, "0400"},
		{"NeuronInfoRuntimeApi_get_neuron_lite", []byte{1, 0, 99, 0}, "00"},
		{"SubnetInfoRuntimeApi_get_subnet_info", []byte{99, 0}, "00"},
		{"SubnetInfoRuntimeApi_get_subnet_hyperparams", []byte{99, 0}, "00"},
	}
	for _, tt := range tests {
		got, err := c.runtime.Call(c.state, tt.name, tt.args)
		if err != nil || hex.EncodeToString(got) != tt.empty {
			t.Errorf("%s(%x) = %x (%v), want %s", tt.name, tt.args, got, err, tt.empty)
		}
	}
	got, err := c.runtime.Call(c.state, "SubnetInfoRuntimeApi_get_subnet_hyperparams", []byte{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	in := scale.NewReader(got)
	inside := in.ByteVec()
	if in.Close() != nil || !bytes.HasPrefix(inside, []byte{0x28, 0xfe, 0xff, 0x01, 0x00}) {
		t.Errorf("the hyperparameters are %x: no rho 10 and kappa 32767 in front", inside)
	}
	for _, missing := range []string{"SubnetInfoRuntimeApi_get_subnet_state", "SwapRuntimeApi_current_alpha_price", "SubnetInfoRuntimeApi_get_metagraph"} {
		if _, err := c.runtime.Call(c.state, missing, []byte{1, 0}); err == nil {
			t.Errorf("spec 218 has %s", missing)
		}
	}
}

// Since 233, what does not exist is an empty list or None.
func TestMissingSubnet(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{233, 475} {
		c := newChain(t, small(spec))
		for name, want := range map[string]string{
			"NeuronInfoRuntimeApi_get_neurons_lite":       "00",
			"SubnetInfoRuntimeApi_get_subnet_state":       "00",
			"SubnetInfoRuntimeApi_get_subnet_hyperparams": "00",
			"SubnetInfoRuntimeApi_get_metagraph":          "00",
			"SubnetInfoRuntimeApi_get_dynamic_info":       "00",
			"SubnetInfoRuntimeApi_get_subnet_info_v2":     "00",
		} {
			got, err := c.runtime.Call(c.state, name, []byte{99, 0})
			if err != nil || hex.EncodeToString(got) != want {
				t.Errorf("spec %d: %s of subnet 99 = %x (%v), want %s", spec, name, got, err, want)
			}
		}
	}
}

func TestNeuronLayouts(t *testing.T) {
	t.Parallel()
	for _, layout := range []NeuronLayout{NeuronsWithExtra, NeuronsReordered} {
		config := small(475)
		config.NeuronLayout = layout
		c := newChain(t, config)
		n := c.call("NeuronInfoRuntimeApi", "get_neuron_lite", 1, 5).(scale.Object)
		if field(t, n, "uid") != uint64(5) || !isAccount(field(t, n, "hotkey"), publicKey(t, "//Miner1")) {
			t.Errorf("layout %d: uid 5 is %v", layout, n)
		}
		switch layout {
		case NeuronsWithExtra:
			if field(t, n, "pylon_extra") != uint64(extraNeuronField) || n[2].Name != "pylon_extra" {
				t.Errorf("the extra field is not there: %v", n)
			}
		default:
			if n[0].Name != "last_update" || n[len(n)-1].Name != "hotkey" {
				t.Errorf("the fields are in the usual order: %v", n)
			}
		}
		if full := c.call("NeuronInfoRuntimeApi", "get_neurons", 1).([]any); len(full) != 12 {
			t.Errorf("layout %d: %d neurons", layout, len(full))
		}
	}
}

func TestMovedPallet(t *testing.T) {
	t.Parallel()
	config := small(475)
	config.MovePallets = map[string]uint8{"Timestamp": 99}
	c := newChain(t, config)
	c.produce(2)
	if c.uint("Timestamp", "Now") <= uint64(genesisTime.UnixMilli()) {
		t.Error("the timestamp does not advance")
	}
}
