package native

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bittensor-pylon/pylon/devchain/internal/trie"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var genesisTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// chain is the least that hosts a runtime. Its metadata is what clients read.
type chain struct {
	t        testing.TB
	runtime  *Runtime
	metadata *scale.Metadata
	state    *trie.Editor
	number   uint64
	time     time.Time
}

// small is a configuration that is quick to make.
func small(spec uint32) Config {
	return Config{Spec: spec, Subnets: []Subnet{{Netuid: 1, Neurons: 12, Tempo: 10}, {Netuid: 2, Neurons: 5, Tempo: 7, CommitReveal: true}}}
}

func newChain(t testing.TB, config Config) *chain {
	t.Helper()
	if config.GenesisTime.IsZero() {
		config.GenesisTime = genesisTime
	}
	r, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := r.Metadata(15)
	m, err := scale.ParseMetadata(raw)
	if err != nil {
		t.Fatal(err)
	}
	c := &chain{t: t, runtime: r, metadata: m, state: trie.Trie{}.Edit(), time: config.GenesisTime}
	if err := r.Genesis(c.state); err != nil {
		t.Fatal(err)
	}
	return c
}

// produce makes blocks.
func (c *chain) produce(n int) {
	c.t.Helper()
	for range n {
		c.number++
		c.time = c.time.Add(12 * time.Second)
		inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: c.number, Parent: [32]byte{byte(c.number)}, Time: c.time})
		if err != nil {
			c.t.Fatal(err)
		}
		for i, inherent := range inherents {
			if err := c.runtime.ApplyExtrinsic(c.state, i, inherent); err != nil {
				c.t.Fatal(err)
			}
		}
		if err := c.runtime.FinalizeBlock(c.state); err != nil {
			c.t.Fatal(err)
		}
	}
}

// storage reads a storage item as a client does: by metadata.
func (c *chain) storage(pallet, name string, keys ...any) any {
	c.t.Helper()
	item, err := c.metadata.Storage(pallet, name)
	if err != nil {
		c.t.Fatal(err)
	}
	key, err := item.Key(keys...)
	if err != nil {
		c.t.Fatal(err)
	}
	raw, ok := c.state.Get(key)
	if !ok {
		if item.Optional {
			return nil
		}
		raw = item.Default
	}
	v, err := c.metadata.Types.DecodeValue(item.Value, raw)
	if err != nil {
		c.t.Fatalf("%s.%s = %x: %v", pallet, name, raw, err)
	}
	return v
}

// uint reads an integer from storage.
func (c *chain) uint(pallet, name string, keys ...any) uint64 {
	c.t.Helper()
	n, ok := c.storage(pallet, name, keys...).(uint64)
	if !ok {
		c.t.Fatalf("%s.%s is no integer", pallet, name)
	}
	return n
}

// callAs calls a runtime API and decodes the answer, both by some metadata.
func (c *chain) callAs(m *scale.Metadata, api, name string, args ...any) any {
	c.t.Helper()
	method, err := m.API(api, name)
	if err != nil {
		c.t.Fatal(err)
	}
	in, err := method.AppendArgs(nil, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	out, err := c.runtime.Call(c.state, method.ExportedName(), in)
	if err != nil {
		c.t.Fatal(err)
	}
	v, err := m.Types.DecodeValue(method.Output, out)
	if err != nil {
		c.t.Fatalf("%s: %v", method.ExportedName(), err)
	}
	return v
}

func (c *chain) call(api, name string, args ...any) any {
	c.t.Helper()
	return c.callAs(c.metadata, api, name, args...)
}

// field reads a field of a decoded struct.
func field(t testing.TB, v any, name string) any {
	t.Helper()
	o, ok := v.(scale.Object)
	if !ok {
		t.Fatalf("%T is no struct with a field %s", v, name)
	}
	f, ok := o.Get(name)
	if !ok {
		t.Fatalf("no field %s", name)
	}
	return f
}

func publicKey(t testing.TB, uri string) [32]byte {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey()
}

func isAccount(v any, want [32]byte) bool {
	b, ok := v.(scale.Bytes)
	return ok && bytes.Equal(b, want[:])
}

func TestVersion(t *testing.T) {
	t.Parallel()
	r, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Version()
	if v.SpecVersion != 475 || v.SpecName != "node-subtensor" || v.TransactionVersion != 1 || v.StateVersion != 1 {
		t.Errorf("the version is %+v", v)
	}
	// From the state_getRuntimeVersion of a real node of spec 425.
	want := map[string]uint32{
		"df6acb689907609b": 5, "37e397fc7c91f5e4": 2, "bc9d89904f5b923f": 1, "dd718d5cc53262d4": 1, "42e62be4a39e5b60": 1,
		"806df4ccaa9ed485": 1, "8375104b299b74c5": 2, "5d1fbfbe852f2807": 1, "c6886e2f8e598b0a": 1, "a8b093e6508d9e9c": 1,
		"d2bc9897eed08f15": 3, "37c8bb1350a9a2a8": 4,
	}
	for _, api := range v.APIs {
		id := hex.EncodeToString(api.ID[:])
		if want[id] != api.Version {
			t.Errorf("API %s has version %d, really %d", id, api.Version, want[id])
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("these APIs are missing: %v", want)
	}

	raw, ok := r.Metadata(15)
	if !ok || !bytes.HasPrefix(raw, []byte("meta\x0f")) {
		t.Fatalf("metadata 15 begins with %q", raw[:5])
	}
	if _, ok := r.Metadata(16); ok {
		t.Error("there is metadata of version 16")
	}
	m, err := scale.ParseMetadata(raw)
	if err != nil {
		t.Fatal(err)
	}
	constant, err := m.Constant("System", "Version")
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := m.Types.DecodeValue(constant.Type, constant.Value)
	if err != nil || field(t, decoded, "spec_version") != uint64(475) || len(field(t, decoded, "apis").([]any)) != len(v.APIs) {
		t.Errorf("System.Version is %v (%v)", decoded, err)
	}
}

func TestSpecVersionAndBlockTime(t *testing.T) {
	t.Parallel()
	config := small(425)
	config.SpecVersion, config.BlockTime = 500, 250*time.Millisecond
	c := newChain(t, config)
	if got := c.runtime.Version().SpecVersion; got != 500 {
		t.Errorf("spec version %d", got)
	}
	constant, err := c.metadata.Constant("Aura", "SlotDuration")
	if err != nil || !bytes.Equal(constant.Value, []byte{250, 0, 0, 0, 0, 0, 0, 0}) {
		t.Errorf("Aura.SlotDuration is %x (%v)", constant.Value, err)
	}
	if got := c.call("AuraApi", "slot_duration"); got != uint64(250) {
		t.Errorf("slot_duration returns %v", got)
	}
}

func TestConfigRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]Config{
		"Config.Spec":                  {Spec: 424},
		"Config.BlockTime":             {BlockTime: time.Microsecond},
		"Config.GenesisTime":           {GenesisTime: time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
		"Config.NeuronLayout":          {NeuronLayout: 9},
		"Config.Subnets[0].Netuid":     {Subnets: []Subnet{{}}},
		"Config.Subnets[1].Netuid":     {Subnets: []Subnet{{Netuid: 1}, {Netuid: 1}}},
		"Config.Subnets[0].Neurons":    {Subnets: []Subnet{{Netuid: 1, Neurons: 5000}}},
		"Config.Subnets[0].Mechanisms": {Subnets: []Subnet{{Netuid: 1, Mechanisms: 9}}},
		"same index":                   {MovePallets: map[string]uint8{"Drand": 7}},
	}
	for want, config := range tests {
		if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// A storage item that exists in no spec version is a spelling mistake here.
func TestItemsExist(t *testing.T) {
	t.Parallel()
	missing := map[string]int{}
	for _, spec := range Specs {
		config := small(spec)
		r, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range unboundItems(&r.items) {
			missing[name]++
		}
	}
	for name, count := range missing {
		if count == len(Specs) {
			t.Errorf("no spec version has %s", name)
		}
	}
}

// Every method that the metadata tells of is there, and its answer is a value of
// the type that it tells of.
func TestEveryMethodAnswers(t *testing.T) {
	t.Parallel()
	alice := publicKey(t, "//Alice")
	sample := map[string]any{
		"netuid": 1, "uid": 2, "mecid": 0, "subid": 0, "tao": 1000, "alpha": 1000, "version": 15,
		"metagraph_indexes": []any{0, 1, 3, 20, 21, 52, 54, 55, 57, 67, 70, 71, 72, 73, 74, 999},
		"account":           alice, "coldkey_account": alice, "hotkey_account": alice, "delegate_account": alice,
		"coldkey_accounts": []any{alice, publicKey(t, "//Eve")},
		"source":           "External", "block_hash": make([]byte, 32), "len": 4, "length": 5,
		"weight": map[string]any{"ref_time": 1, "proof_size": 2},
		"tx":     []byte{4, 2, 0, 0}, "uxt": []byte{4, 2, 0, 0}, // Timestamp.set
	}
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		c.produce(11)
		methods := 0
		for _, api := range c.metadata.APIs {
			if api.Name == "Core" || api.Name == "Metadata" {
				continue // the host answers these
			}
			for _, m := range api.Methods {
				var args []any
				for _, in := range m.Inputs {
					if sample[in.Name] == nil {
						t.Fatalf("no sample for %s", in.Name)
					}
					args = append(args, sample[in.Name])
				}
				if c.call(api.Name, m.Name, args...) == nil {
					t.Errorf("spec %d: %s returns nothing", spec, m.ExportedName())
				}
				methods++

				// Too few bytes, and too many.
				raw, err := m.AppendArgs(nil, args...)
				if err != nil {
					t.Fatal(err)
				}
				for _, bad := range [][]byte{append(raw, 0), raw[:max(len(raw)-1, 0)]} {
					if len(bad) == len(raw) {
						continue
					}
					if out, err := c.runtime.Call(c.state, m.ExportedName(), bad); err == nil {
						t.Errorf("spec %d: %s(%x) returns %x", spec, m.ExportedName(), bad, out)
					}
				}
			}
		}
		if methods != len(c.runtime.methods) {
			t.Errorf("spec %d: the metadata tells of %d methods, there are %d", spec, methods, len(c.runtime.methods))
		}
		if _, err := c.runtime.Call(c.state, "SubnetInfoRuntimeApi_get_nothing", nil); !errors.Is(err, runtime.ErrNoMethod) {
			t.Errorf("an unknown method: %v", err)
		}
	}
}

func FuzzCall(f *testing.F) {
	c := newChain(f, small(475))
	c.produce(3)
	var names []string
	for name := range c.runtime.methods {
		names = append(names, name)
	}
	f.Add(uint8(0), []byte{1, 0})
	f.Add(uint8(7), []byte{1, 0, 0, 8, 1, 0, 2, 0})
	f.Add(uint8(9), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(_ *testing.T, which uint8, args []byte) {
		_, _ = c.runtime.Call(c.state, names[int(which)%len(names)], args)
	})
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGenesis(b *testing.B) {
	r, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := r.Genesis(trie.Trie{}.Edit()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	c := newChain(b, Config{})
	all := scale.AppendCompact([]byte{1, 0}, 74)
	for i := range 74 {
		all = append(all, byte(i), 0)
	}
	for _, m := range []struct {
		name string
		args []byte
	}{
		{"NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0}},
		{"SubnetInfoRuntimeApi_get_subnet_state", []byte{1, 0}},
		{"SubnetInfoRuntimeApi_get_subnet_hyperparams", []byte{1, 0}},
		{"SubnetInfoRuntimeApi_get_metagraph", []byte{1, 0}},
		{"SubnetInfoRuntimeApi_get_selective_metagraph", all},
	} {
		b.Run(m.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := c.runtime.Call(c.state, m.name, m.args); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkBlock(b *testing.B) {
	c := newChain(b, Config{})
	for b.Loop() {
		c.produce(1)
	}
}
