package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// goldenExtrinsics are extrinsics as the Python library scalecodec reads them; see testdata/extrinsics.py.
type goldenExtrinsics struct {
	Types      map[string]map[string][][2]string
	Extrinsics []struct {
		Name    string
		Hex     string
		Decoded json.RawMessage
	}
}

func readGoldenExtrinsics(t testing.TB) (golden goldenExtrinsics) {
	t.Helper()
	readJSON(t, "extrinsics.json.gz", &golden)
	return golden
}

// callHashes are the hashes of the calls that are no other's argument, by what they call. Of calls in calls scalecodec
// often takes the wrong bytes.
func (g *goldenExtrinsics) callHashes(t *testing.T) map[string]string {
	t.Helper()
	hashes := make(map[string]string)
	for _, x := range g.Extrinsics {
		call := plain(t, x.Decoded).(map[string]any)["call"].(map[string]any)
		hashes[fmt.Sprint(call["call_module"], call["call_function"], call["call_args"])] = call["call_hash"].(string)
	}
	return hashes
}

// setCallHashes corrects the hashes of calls in calls.
func setCallHashes(value any, hashes map[string]string) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			setCallHashes(item, hashes)
		}
	case map[string]any:
		if hash, ok := hashes[fmt.Sprint(value["call_module"], value["call_function"], value["call_args"])]; ok {
			value["call_hash"] = hash
		}
		for _, item := range value {
			setCallHashes(item, hashes)
		}
	}
}

func fromHex(t testing.TB, text string) []byte {
	t.Helper()
	return must(hex.DecodeString(strings.TrimPrefix(text, "0x")))(t)
}

// plain is JSON without its order, with numbers as they are written.
func plain(t *testing.T, text []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

func TestConformance043And045ExtrinsicsAreReadLikeScalecodec(t *testing.T) {
	t.Parallel()
	golden := readGoldenExtrinsics(t)
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 3)
	node.change(2, func(b *fakeBlock) {
		for _, x := range golden.Extrinsics {
			b.extrinsics = append(b.extrinsics, fromHex(t, x.Hex))
		}
	})
	c := newFakeChain(t, node, node, Config{})
	if len(golden.Extrinsics) < 40 {
		t.Fatalf("%d extrinsics", len(golden.Extrinsics))
	}
	hashes := golden.callHashes(t)
	for i, want := range golden.Extrinsics {
		got, err := c.Extrinsic(t.Context(), 2, uint32(i))
		if err != nil {
			t.Errorf("%s: %v", want.Name, err)
			continue
		}
		expected := plain(t, want.Decoded).(map[string]any)
		setCallHashes(expected["call"].(map[string]any)["call_args"], hashes)
		expected["block_number"], expected["extrinsic_index"] = json.Number("2"), json.Number(strconv.Itoa(i))
		if _, signed := expected["address"]; !signed {
			expected["address"] = nil
		}
		if diff := cmp.Diff(expected, plain(t, got.AppendJSON(nil))); diff != "" {
			t.Errorf("%s (-scalecodec +ours):\n%s", want.Name, diff)
		}
		if signed := strings.HasPrefix(want.Name, "signed"); signed != (got.Address != nil) {
			t.Errorf("%s: the address is %v", want.Name, got.Address)
		}
	}
	if got := node.called("Block"); got != 1 {
		t.Errorf("the block was read %d times", got)
	}
}

// What has an order in the shape keeps it: fields, then what is signed, then the call's own.
func TestExtrinsicOrder(t *testing.T) {
	t.Parallel()
	const worked = "0902840088dc3417d5058ec4b4503e0c12ea1a0a89be200fe98922423d4334014fa6b0ee00" +
		"4d8b42ce7daeb75c61e36caa6f21c1a56994299a3cd182dbc3a7de6ecbedaad5fada8470bf5d721243241ee133cd6474df26698481e0eb9b4bd71de555f0f008" +
		"360414000007000c000c0000010002000cffff00800100509e980000000000"
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 2)
	node.change(2, func(b *fakeBlock) { b.extrinsics = [][]byte{fromHex(t, "280402000b0080e1cb9b01"), fromHex(t, worked)} })
	c := newFakeChain(t, node, node, Config{})
	for index, want := range []string{
		`{"block_number":2,"extrinsic_index":0,"extrinsic_hash":"0x4646be3ff03e55de12489d6111250e644de0e2d23c4b9efaf070e2de3184a0ae",` +
			`"extrinsic_length":10,"address":null,"call":{"call_module":"Timestamp","call_function":"set","call_args":[{"name":"now",` +
			`"type":"Moment","value":1768652111872}],"call_index":"0x0200",` +
			`"call_hash":"0x04983e7ab8e80d262d9a7aba3b405dd2c82ea24e3b23c0b7e5438773edfafe7c"}}`,
		`{"block_number":2,"extrinsic_index":1,"extrinsic_hash":"0x23c5265a5d04baa5736d091be28d26ac87b75bfdd5216895f29c85af7d54857c",` +
			`"extrinsic_length":130,"address":"5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu","call":{"call_module":"SubtensorModule",` +
			`"call_function":"set_weights","call_args":[{"name":"netuid","type":"NetUid","value":12},{"name":"dests","type":"Vec<u16>",` +
			`"value":[0,1,2]},{"name":"weights","type":"Vec<u16>","value":[65535,32768,1]},{"name":"version_key","type":"u64",` +
			`"value":10002000}],"call_index":"0x0700","call_hash":"0xef06617c6f7f051046c0397cc64a1d5dfcb634edcf97cf3a6e40b2d09982c6c1"},` +
			`"signature":{"Ed25519":"0x4d8b42ce7daeb75c61e36caa6f21c1a56994299a3cd182dbc3a7de6ecbedaad5fada8470bf5d721243241ee133cd6474df26698481e0eb9b4bd71de555f0f008"},` +
			`"era":[128,67],"nonce":5,"tip":0,"mode":{"mode":"Disabled"}}`,
	} {
		got, err := c.Extrinsic(t.Context(), 2, uint32(index))
		if err != nil {
			t.Fatal(err)
		}
		if text := string(got.AppendJSON(nil)); text != want {
			t.Errorf("%d:\n got %s\nwant %s", index, text, want)
		}
		again, err := c.Extrinsic(t.Context(), 2, uint32(index))
		if err != nil || again != got {
			t.Errorf("%d: the second answer is another: %v", index, err)
		}
	}
}

func TestTypeNamesOfAllCalls(t *testing.T) {
	t.Parallel()
	golden := readGoldenExtrinsics(t)
	for spec, metadata := range map[string]*scale.Metadata{
		"218": runtimeOf(t, 218, "v15").Metadata,
		"343": runtimeOf(t, 343, "v15").Metadata,
		"425": runtimeOf(t, 425, "v15").Metadata,
	} {
		want := golden.Types[spec]
		if len(want) < 180 {
			t.Fatalf("spec %s: %d calls", spec, len(want))
		}
		for name, args := range want {
			pallet, function, _ := strings.Cut(name, ".")
			call, err := metadata.Call(pallet, function)
			if err != nil {
				t.Errorf("spec %s: %v", spec, err)
				continue
			}
			var got [][2]string
			for _, arg := range call.Args {
				got = append(got, [2]string{arg.Name, typeName(arg)})
			}
			if diff := cmp.Diff(args, got); diff != "" && len(args)+len(got) > 0 {
				t.Errorf("spec %s: %s (-scalecodec +ours):\n%s", spec, name, diff)
			}
		}
	}
}

func TestConformance044NoSuchExtrinsic(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 5)
	node.change(3, func(b *fakeBlock) { b.extrinsics = [][]byte{fromHex(t, "280402000b0080e1cb9b01")} })
	c := newFakeChain(t, node, node, Config{})
	if _, err := c.Extrinsic(t.Context(), 3, 0); err != nil {
		t.Error(err)
	}
	for _, test := range []struct {
		number uint64
		index  uint32
		detail string
	}{
		{3, 1, "Extrinsic 3-1 not found."},
		{3, 1<<32 - 1, "Extrinsic 3-4294967295 not found."},
		{4, 0, "Extrinsic 4-0 not found."},
		{99, 0, "Block 99 not found."},
		{1 << 40, 0, "Block 1099511627776 not found."},
	} {
		_, err := c.Extrinsic(t.Context(), test.number, test.index)
		wantProblem(t, err, problem.NotFound, test.detail)
	}
}

// The runtime that ran an extrinsic is the one of the state that the block began with.
func TestExtrinsicOfAnUpgrade(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 4)
	node.change(3, func(b *fakeBlock) { b.extrinsics = [][]byte{fromHex(t, "280402000b0080e1cb9b01")} })
	var asked []substrate.Hash
	node.setHook(func(_ context.Context, call fakeCall) error {
		if call.method == "Runtime" {
			asked = append(asked, call.at)
		}
		return nil
	})
	c := newFakeChain(t, node, node, Config{})
	if _, err := c.Extrinsic(t.Context(), 3, 0); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 1 || asked[0] != hashOf(2, 0) {
		t.Errorf("the runtime was asked for at %v", asked)
	}
}

// A runtime that is known no more on the main nodes is found on the archive, and so is a body.
func TestExtrinsicFromTheArchive(t *testing.T) {
	t.Parallel()
	main, archive := newFakeNode(t), newFakeNode(t)
	for _, node := range []*fakeNode{main, archive} {
		node.grow(1, 10)
		node.change(5, func(b *fakeBlock) { b.extrinsics = [][]byte{fromHex(t, "280402000b0080e1cb9b01")} })
	}
	main.prune(4)
	c := newFakeChain(t, main, archive, Config{ArchiveCutoff: 7})
	if got, err := c.Extrinsic(t.Context(), 5, 0); err != nil || got.Call.Module != "Timestamp" {
		t.Errorf("%v, %v", got, err)
	}
	if main.called("Block") != 1 || archive.called("Runtime") != 1 {
		t.Errorf("%d blocks of main, %d runtimes of the archive", main.called("Block"), archive.called("Runtime"))
	}
	if _, err := c.Extrinsic(t.Context(), 2, 0); problem.KindOf(err) != problem.NotFound || archive.called("Block") != 1 {
		t.Errorf("%v, %d blocks of the archive", err, archive.called("Block"))
	}
}

func TestExtrinsicsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 3)
	for _, text := range []string{"00", "04ff", "0c04ffff", "280402000b0080e1cb9b0100", "10040200ff"} {
		node.change(2, func(b *fakeBlock) { b.extrinsics = append(b.extrinsics, fromHex(t, text)) })
	}
	c := newFakeChain(t, node, node, Config{})
	for i := range uint32(5) {
		if _, err := c.Extrinsic(t.Context(), 2, i); problem.KindOf(err) != problem.Unavailable {
			t.Errorf("%d: %v", i, err)
		}
	}
}

// Calls may hold calls, but what they are together is bounded: each of them has a hash of all that it holds.
func TestCallsWithinCalls(t *testing.T) {
	t.Parallel()
	metadata := runtimeOf(t, 425, "v15").Metadata
	within := must(metadata.Call("Utility", "as_derivative"))(t)
	for _, test := range []struct{ depth, size int }{{250, 1 << 10}, {16, 1 << 20}, {250, 1 << 20}} {
		encoded := must(metadata.EncodeCall("System", "remark", scale.Object{{Name: "remark", Value: scale.Bytes(make([]byte, test.size))}}))(t)
		for range test.depth {
			encoded = append([]byte{within.PalletIndex, within.Index, 0, 0}, encoded...)
		}
		call := must(metadata.DecodeCall(encoded))(t)
		public, err := newValueWriter(metadata).call(call, encoded)
		if tooMuch := test.depth*test.size > maxNested; (err != nil) != tooMuch {
			t.Errorf("%d calls around %d bytes: %v", test.depth, test.size, err)
		} else if err == nil && strings.Count(string(public.Args[1].Value), "call_hash") != test.depth {
			t.Errorf("%d calls around %d bytes: %d hashes", test.depth, test.size, strings.Count(string(public.Args[1].Value), "call_hash"))
		}
	}
}

func FuzzExtrinsic(f *testing.F) {
	for _, x := range readGoldenExtrinsics(f).Extrinsics {
		f.Add(fromHex(f, x.Hex))
	}
	runtime := runtimeOf(f, 425, "v15")
	f.Fuzz(func(t *testing.T, raw []byte) {
		v := &visit{source: &source{states: &fakeNode{
			runtime: runtime, calls: map[string]int{}, blocks: map[substrate.Hash]*fakeBlock{{}: {}},
		}}}
		x, err := v.extrinsic(t.Context(), &body{extrinsics: [][]byte{raw}}, 0)
		if err != nil {
			return
		}
		text := x.AppendJSON(nil)
		if !json.Valid(text) {
			t.Errorf("not JSON: %s", text)
		}
		if len(text) > 64*len(raw)+8192 {
			t.Errorf("%d bytes of JSON of %d bytes", len(text), len(raw))
		}
		var again pylon.Extrinsic
		if err := json.Unmarshal(text, &again); err != nil || string(again.AppendJSON(nil)) != string(text) {
			t.Errorf("reads back as another: %v", err)
		}
	})
}
