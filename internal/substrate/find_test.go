package substrate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// opaque returns recorded metadata, version 15, as a runtime answers it.
func opaque(t testing.TB, spec uint32) []byte {
	t.Helper()
	return scaletest.RawMetadata(t, fmt.Sprintf("%d-v15", spec))
}

func runtimeOf(t testing.TB, spec uint32) *Runtime {
	t.Helper()
	return &Runtime{SpecName: "node-subtensor", SpecVersion: spec, TransactionVersion: 1, Metadata: scaletest.Metadata(t, fmt.Sprintf("%d-v15", spec))}
}

// describe lets a node serve a recorded runtime at every block.
func describe(t testing.TB, node *scripted, spec uint32) *Runtime {
	t.Helper()
	node.reply("state_getRuntimeVersion", map[string]any{"specName": "node-subtensor", "specVersion": spec, "transactionVersion": 1})
	node.reply("state_call", hexBytes(opaque(t, spec)))
	return runtimeOf(t, spec)
}

// bodyWith returns the extrinsics of a block: an inherent, and what is given.
func bodyWith(number int, extrinsics [][]byte) [][]byte {
	return append([][]byte{{0x10, 0x04, 0x02, 0x00, byte(number)}}, extrinsics...)
}

// holding makes a node whose blocks hold these extrinsics, and a client.
func holding(t *testing.T, extrinsics map[int][][]byte) (*scripted, *Client) {
	t.Helper()
	network := newPipes(t)
	node := newScriptedWith(t, "a", 10, extrinsics)
	node.serveBodies(extrinsics)
	network.add("a", node)
	c := network.client(Config{}, "a")
	connected(t, c)
	return node, c
}

// serveBodies lets a node serve blocks with these extrinsics, by number, whatever the headers say.
func (s *scripted) serveBodies(extrinsics map[int][][]byte) {
	s.handle("chain_getBlock", func(_ uint64, params []json.RawMessage) any {
		s.mu.Lock()
		defer s.mu.Unlock()
		var hash Hash
		if err := json.Unmarshal(params[0], &hash); err != nil {
			return rpcError{Code: -32602, Message: "Invalid params"}
		}
		for i, h := range s.hashes {
			if h != hash {
				continue
			}
			var list []hexBytes
			for _, x := range bodyWith(i, extrinsics[i]) {
				list = append(list, x)
			}
			return map[string]any{"block": map[string]any{"header": json.RawMessage(s.blocks[i]), "extrinsics": list}, "justifications": nil}
		}
		return jsonNull{}
	})
}

func enum(name string, value any) scale.Enum { return scale.Enum{Name: name, Value: value} }

// dispatchInfo is of a successful or failed extrinsic.
var dispatchInfo = map[string]any{"weight": map[string]any{"ref_time": 5, "proof_size": 6}, "class": "Normal", "pays_fee": "Yes"}

type happened struct {
	phase  any
	pallet string
	event  any
}

func of(index int, pallet string, event any) happened {
	return happened{enum("ApplyExtrinsic", index), pallet, event}
}

func success(index int) happened {
	return of(index, "System", enum("ExtrinsicSuccess", map[string]any{"dispatch_info": dispatchInfo}))
}

func failure(index int, why any) happened {
	return of(index, "System", enum("ExtrinsicFailed", map[string]any{"dispatch_error": why, "dispatch_info": dispatchInfo}))
}

func module(pallet, number int) any {
	return enum("Module", map[string]any{"index": pallet, "error": []byte{byte(number), 0, 0, 0}})
}

func feeEvent(index int, fee uint64) happened {
	return of(index, "TransactionPayment", enum("TransactionFeePaid", map[string]any{"who": make([]byte, 32), "actual_fee": fee, "tip": 0}))
}

// events encodes System.Events.
func (r *Runtime) encodeEvents(t testing.TB, list ...happened) []byte {
	t.Helper()
	item, err := r.Metadata.Storage("System", "Events")
	if err != nil {
		t.Fatal(err)
	}
	records := make([]any, len(list))
	for i, e := range list {
		records[i] = map[string]any{"phase": e.phase, "event": enum(e.pallet, e.event), "topics": []any{}}
	}
	b, err := r.Metadata.Types.AppendValue(nil, item.Value, records)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFindExtrinsic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := holding(t, map[int][][]byte{7: {[]byte("another"), someExtrinsic}, 9: {[]byte("a third")}})
		runtime := describe(t, node, 425)
		node.reply("state_getStorage", hexBytes(runtime.encodeEvents(t,
			happened{enum("Initialization", nil), "System", enum("CodeUpdated", nil)},
			success(0), success(1),
			feeEvent(2, 124_414), of(2, "SubtensorModule", enum("WeightsSet", []any{1, 5})), success(2),
			failure(3, "BadOrigin"),
		)))
		tip := node.head()
		found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), tip, 3)
		if err != nil {
			t.Fatal(err)
		}
		if found.Block != node.header(7) || found.Index != 2 || !found.Success || found.Error != nil || found.Fee != 124_414 || found.Unread != nil {
			t.Errorf("%+v", found)
		}
		names := make([]string, 0, 3)
		for _, e := range found.Events {
			names = append(names, e.Pallet+"."+e.Name)
		}
		if got := strings.Join(names, " "); got != "TransactionPayment.TransactionFeePaid SubtensorModule.WeightsSet System.ExtrinsicSuccess" {
			t.Errorf("events %s", got)
		}
		if n := node.count("chain_getBlock"); n != 4 {
			t.Errorf("%d blocks were read for 10 to 7", n)
		}
		// What has been looked at costs nothing again, whoever looks for what.
		if found, err := c.FindExtrinsic(t.Context(), hashOf([]byte("nowhere")), tip, 7); found != nil || err != nil || node.count("chain_getBlock") != 4 {
			t.Errorf("%v, %v, %d blocks were read", found, err, node.count("chain_getBlock"))
		}
		// Both ends of the range count, and nothing beyond.
		for _, e := range []struct {
			tip, from int
			found     bool
		}{{7, 7, true}, {10, 8, false}, {6, 0, false}, {7, 0, true}, {10, 11, false}} {
			found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.header(e.tip), uint64(e.from))
			if err != nil || (found != nil) != e.found {
				t.Errorf("from %d to %d: %v, %v", e.from, e.tip, found, err)
			}
		}
		if _, err := c.FindExtrinsic(t.Context(), Hash{}, Header{Number: maxScan}, 0); err == nil {
			t.Error("a search of 4097 blocks")
		}
	})
}

// The blocks are those of the tip's branch: what a fork had is not there.
func TestFindLooksAtTheBranchOfTheTip(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := holding(t, map[int][][]byte{9: {someExtrinsic}})
		runtime := describe(t, node, 425)
		node.reply("state_getStorage", hexBytes(runtime.encodeEvents(t, success(0), success(1))))
		if found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.head(), 5); found == nil || err != nil {
			t.Fatal(found, err)
		}
		node.mu.Lock()
		node.bodies = map[int][][]byte{}
		node.mu.Unlock()
		node.serveBodies(nil)
		node.rewind(2, "fork", 4)
		if found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.head(), 5); found != nil || err != nil {
			t.Fatal(found, err)
		}
	})
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	// CommittingWeightsTooFast is looked up by name below: numbers shift from runtime to runtime.
	for _, spec := range []uint32{218, 343, 425} {
		r := runtimeOf(t, spec)
		pallet, ok := r.Metadata.Pallet("SubtensorModule")
		if !ok {
			t.Fatal("no SubtensorModule")
		}
		number := -1
		for i := range 256 {
			if d, err := r.Metadata.ModuleError(pallet.Index, uint8(i)); err == nil && d.Name == "SettingWeightsTooFast" {
				number = i
			}
		}
		for name, e := range map[string]struct {
			why           any
			pallet, error string
			kind          string
		}{
			"module":            {module(int(pallet.Index), number), "SubtensorModule", "SettingWeightsTooFast", "Module"},
			"unknown error":     {module(int(pallet.Index), 255), "SubtensorModule", "error 0xff000000", "Module"},
			"unknown pallet":    {module(254, 3), "pallet 254", "error 0x03000000", "Module"},
			"bad origin":        {"BadOrigin", "", "", "BadOrigin"},
			"token":             {enum("Token", "FundsUnavailable"), "", "FundsUnavailable", "Token"},
			"something unnamed": {"Other", "", "", "Other"},
		} {
			found, err := r.outcome(r.encodeEvents(t, success(0), failure(1, e.why), success(2)), 1)
			if err != nil {
				t.Errorf("%d %s: %v", spec, name, err)
				continue
			}
			if found.Success || found.Error == nil || found.Error.Kind != e.kind || found.Error.Pallet != e.pallet || found.Error.Name != e.error {
				t.Errorf("%d %s: %+v, %+v", spec, name, found, found.Error)
			}
		}
	}
}

func TestOutcomesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	r := runtimeOf(t, 425)
	good := r.encodeEvents(t, success(0), success(1))
	one := r.encodeEvents(t, success(0))[1:]
	many := maxEvents/len(one) + 1
	tooMany := append(scale.AppendCompact(nil, uint64(many+1)), bytes.Repeat(one, many)...)
	tooMany = append(tooMany, r.encodeEvents(t, success(1))[1:]...)
	for name, events := range map[string][]byte{
		"none":            r.encodeEvents(t),
		"of others":       r.encodeEvents(t, success(0), success(2)),
		"two":             r.encodeEvents(t, success(1), success(1)),
		"both":            r.encodeEvents(t, success(1), failure(1, "BadOrigin")),
		"in other phases": r.encodeEvents(t, happened{enum("Finalization", nil), "System", enum("ExtrinsicSuccess", map[string]any{"dispatch_info": dispatchInfo})}),
		"empty":           {},
		"cut":             good[:len(good)-1],
		"more":            append(bytes.Clone(good), 0),
		"many announced":  {0xfe, 0xff, 0xff, 0xff},
		"too many":        tooMany,
	} {
		if found, err := r.outcome(events, 1); found != nil || err == nil {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if found, err := r.outcome(good, 1); err != nil || !found.Success {
		t.Errorf("%+v, %v", found, err)
	}
}

// A node whose events make no sense is passed over; when all are like that, or have no state, the extrinsic is still
// where it is.
func TestOutcomeOfSeveralNodes(t *testing.T) {
	t.Parallel()
	runtime := runtimeOf(t, 425)
	good := hexBytes(runtime.encodeEvents(t, success(0), success(1)))
	nonsense := hexBytes(runtime.encodeEvents(t, success(0)))
	discarded := rpcError{Code: 4003, Message: "Client error: UnknownBlock: State already discarded for 0x00"}
	broken := rpcError{Code: -32603, Message: "Internal error"}
	for name, e := range map[string]struct {
		a, b   any
		unread Kind
		err    Kind
	}{
		"both good":          {good, good, 0, 0},
		"nonsense, good":     {nonsense, good, 0, 0},
		"null, good":         {jsonNull{}, good, 0, 0},
		"discarded, good":    {discarded, good, 0, 0},
		"broken, good":       {broken, good, 0, 0},
		"all nonsense":       {nonsense, nonsense, KindMalformed, 0},
		"all discarded":      {discarded, discarded, KindStateDiscarded, 0},
		"discarded, null":    {discarded, jsonNull{}, KindStateDiscarded, 0},
		"both broken":        {broken, broken, 0, KindNode},
		"nonsense, discard.": {nonsense, discarded, KindStateDiscarded, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				for node, answer := range map[*scripted]any{a: e.a, b: e.b} {
					describe(t, node, 425)
					node.serveBodies(map[int][][]byte{9: {someExtrinsic}})
					node.reply("state_getStorage", answer)
				}
				found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), a.head(), 5)
				switch {
				case e.err != 0:
					if found != nil || KindOf(err) != e.err {
						t.Errorf("%+v, %v", found, err)
					}
				case err != nil || found.Block.Number != 9 || found.Index != 1:
					t.Errorf("%+v, %v", found, err)
				case e.unread != 0:
					if KindOf(found.Unread) != e.unread || found.Success {
						t.Errorf("%+v", found)
					}
				case found.Unread != nil || !found.Success:
					t.Errorf("%+v", found)
				}
			})
		})
	}
}

// The block that puts a new runtime into force was written by the one before it.
func TestOutcomeInTheBlockOfAnUpgrade(t *testing.T) {
	t.Parallel()
	for _, writer := range []uint32{343, 425} {
		t.Run(fmt.Sprint(writer), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := oneNode(t)
				node.serveBodies(map[int][][]byte{9: {someExtrinsic}})
				before := map[string]bool{}
				for _, h := range node.hashes[:9] {
					before[`"`+h.String()+`"`] = true
				}
				spec := func(block json.RawMessage) uint32 {
					if before[string(block)] {
						return 343
					}
					return 425
				}
				node.handle("state_getRuntimeVersion", func(_ uint64, params []json.RawMessage) any {
					return map[string]any{"specName": "node-subtensor", "specVersion": spec(params[0]), "transactionVersion": 1}
				})
				old, newer := hexBytes(opaque(t, 343)), hexBytes(opaque(t, 425))
				node.handle("state_call", func(_ uint64, params []json.RawMessage) any {
					return map[uint32]any{343: old, 425: newer}[spec(params[2])]
				})
				runtime := runtimeOf(t, writer)
				pallet, _ := runtime.Metadata.Pallet("SubtensorModule")
				number := 0
				for d, err := runtime.Metadata.ModuleError(pallet.Index, 0); err == nil && d.Name != "CommittingWeightsTooFast"; {
					number++
					d, err = runtime.Metadata.ModuleError(pallet.Index, uint8(number))
				}
				node.reply("state_getStorage", hexBytes(runtime.encodeEvents(t,
					success(0), failure(1, module(int(pallet.Index), number)),
					of(2, "SubtensorModule", enum("WeightsSet", []any{1, 5})), success(2),
				)))
				found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.head(), 5)
				if err != nil || found.Unread != nil || found.Error == nil {
					t.Fatalf("%+v, %v", found, err)
				}
				if writer == 343 && found.Error.Name != "CommittingWeightsTooFast" {
					t.Errorf("%+v", found.Error)
				}
			})
		})
	}
}

func TestFindAtHostileNodes(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]struct {
		answer func(node *scripted, asked Hash) any
		kind   Kind
	}{
		"unknown block": {func(*scripted, Hash) any { return jsonNull{} }, KindUnknownBlock},
		"another block": {func(node *scripted, _ Hash) any { return blockOf(node.blocks[0], []string{}) }, KindMalformed},
		"no header":     {func(*scripted, Hash) any { return map[string]any{"block": map[string]any{"extrinsics": []string{}}} }, KindMalformed},
		"no list":       {func(node *scripted, asked Hash) any { return blockOf(node.byHash(asked), "0x00") }, KindMalformed},
		"no hex":        {func(node *scripted, asked Hash) any { return blockOf(node.byHash(asked), []any{7}) }, KindMalformed},
		"too many": {func(node *scripted, asked Hash) any {
			list := json.RawMessage(`[` + strings.Repeat(`"0x00",`, maxBody) + `"0x00"]`)
			return blockOf(node.byHash(asked), list)
		}, KindMalformed},
		"too large": {func(node *scripted, asked Hash) any {
			return blockOf(node.byHash(asked), []string{"0x" + strings.Repeat("00", 1<<20)})
		}, KindTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes(t)
				node := newScripted(t, "a", 10)
				network.add("a", node)
				c := network.client(Config{ReadLimit: 1 << 20}, "a")
				connected(t, c)
				node.handle("chain_getBlock", func(_ uint64, params []json.RawMessage) any {
					var asked Hash
					if err := json.Unmarshal(params[0], &asked); err != nil {
						t.Error(err)
					}
					return e.answer(node, asked)
				})
				if found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.head(), 5); found != nil || KindOf(err) != e.kind {
					t.Errorf("%+v, %v", found, err)
				}
			})
		})
	}
}

func blockOf(header string, extrinsics any) any {
	return map[string]any{"block": map[string]any{"header": json.RawMessage(header), "extrinsics": extrinsics}}
}

func (s *scripted) byHash(hash Hash) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range s.hashes {
		if h == hash {
			return s.blocks[i]
		}
	}
	return ""
}

// A node that leaves an extrinsic out of a block, or puts one in, is found out when another tells the truth.
func TestFindBesideALiar(t *testing.T) {
	t.Parallel()
	truth, lie := map[int][][]byte{9: {someExtrinsic}}, map[int][][]byte{7: {[]byte("forged")}}
	for name, e := range map[string]struct {
		a, b map[int][][]byte
		// whether the true and the forged extrinsic are found
		found, forged bool
	}{
		"both honest": {truth, truth, true, false},
		"first lies":  {lie, truth, true, false},
		"second lies": {truth, lie, true, false},
		"all lie":     {lie, lie, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes(t)
				var nodes []*scripted
				for i, bodies := range []map[int][][]byte{e.a, e.b} {
					node := newScriptedWith(t, "a", 10, truth)
					node.serveBodies(bodies)
					runtime := describe(t, node, 425)
					node.reply("state_getStorage", hexBytes(runtime.encodeEvents(t, success(0), success(1))))
					network.add(string(rune('a'+i)), node)
					nodes = append(nodes, node)
				}
				c := network.client(Config{}, "a", "b")
				connected(t, c)
				for what, want := range map[string]bool{string(someExtrinsic): e.found, "forged": e.forged} {
					found, err := c.FindExtrinsic(t.Context(), hashOf([]byte(what)), nodes[0].head(), 5)
					if err != nil || (found != nil) != want {
						t.Errorf("%q: %+v, %v", what, found, err)
					}
				}
			})
		})
	}
}

// What nobody proves is looked at anew each time.
func TestUnprovenBodiesAreNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		node.serveBodies(nil)
		for range 2 {
			if found, err := c.FindExtrinsic(t.Context(), hashOf(someExtrinsic), node.head(), 5); found != nil || err != nil {
				t.Fatal(found, err)
			}
		}
		if n := node.count("chain_getBlock"); n != 12 {
			t.Errorf("%d blocks were read, not 12", n)
		}
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("the node is %s", s.State)
		}
	})
}

// The roots of sp-trie, in both forms.
func TestExtrinsicsRoot(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join("testdata", "roots.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Count  int
		V0, V1 Hash
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors) < 10 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		list := make([][]byte, v.Count)
		for i := range list {
			list[i] = bytes.Repeat([]byte{byte(i)}, 7*i%90+1)
		}
		if got := extrinsicsRoot(list, false); got != v.V0 {
			t.Errorf("%d extrinsics have the root %s, want %s", v.Count, got, v.V0)
		}
		if got := extrinsicsRoot(list, true); got != v.V1 {
			t.Errorf("%d extrinsics with hashes have the root %s, want %s", v.Count, got, v.V1)
		}
		if v.Count > 1000 {
			continue // the same again, and slow
		}
		for _, root := range []Hash{v.V0, v.V1} {
			if !(&Block{Extrinsics: list, root: root}).proven() {
				t.Errorf("%d extrinsics are not proven by %s", v.Count, root)
			}
			if v.Count > 1 && (&Block{Extrinsics: list[1:], root: root}).proven() {
				t.Errorf("%d extrinsics but the first are proven", v.Count)
			}
		}
	}
}
