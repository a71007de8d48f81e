package chain_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/chain"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/wallet"
)

// What a chain of every spec version holds besides neurons, read over the wire and compared with what the development
// chain is known to begin with.
func TestConformance043To061OverTheWire(t *testing.T) {
	t.Parallel()
	for _, spec := range []uint32{218, 233, 320, 343, 393, 425, 475} {
		t.Run(fmt.Sprint(spec), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, devchain.SubtensorConfig{Spec: spec, Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 12}, {Netuid: 2, Neurons: 6}}}, chain.Config{})
			w.produce(t, 2) // block 3
			w.checkCertificates(t)
			w.checkCommitments(t, spec)
			w.checkRevealed(t, spec)
			w.checkPrices(t, spec)
			w.checkAssociations(t, spec)
			w.checkExtrinsics(t)
			w.checkDrand(t, spec)
		})
	}
}

func (w *world) checkCertificates(t *testing.T) {
	t.Helper()
	all, err := w.chain.LatestCertificates(t.Context(), 1)
	if err != nil || len(all.Certificates) != 8 || all.Block.Number != 3 {
		t.Fatalf("%+v, %v", all, err)
	}
	got := make(map[pylon.Hotkey]pylon.Certificate)
	for _, one := range all.Certificates {
		got[one.Hotkey] = one.Certificate
	}
	want := make(map[pylon.Hotkey]pylon.Certificate)
	for miner := range 8 {
		key, err := wallet.Ed25519.FromURI(fmt.Sprintf("//Miner%d", miner))
		if err != nil {
			t.Fatal(err)
		}
		hotkey := hotkeyOf(t, fmt.Sprintf("//Miner%d", miner))
		want[hotkey] = pylon.Certificate{Algorithm: pylon.AlgorithmEd25519, PublicKey: fmt.Sprintf("%x", key.PublicKey())}
		if one, err := w.chain.LatestCertificate(t.Context(), 1, hotkey); err != nil || *one != want[hotkey] {
			t.Errorf("//Miner%d: %+v, %v", miner, one, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, err = w.chain.LatestCertificate(t.Context(), 1, hotkeyOf(t, "//Alice"))
	chain.WantProblem(t, err, problem.NotFound, "Certificate not found or error fetching.")
}

// Conformance 48, 49, 52: the commitments of registered hotkeys, of both kinds.
func (w *world) checkCommitments(t *testing.T, spec uint32) {
	t.Helper()
	hex := func(text string) string { return fmt.Sprintf("0x%x", text) }
	want := map[string]string{"//Charlie": hex("commitment-charlie"), "//Dave": hex("commitment-dave"), "//Alice": hex("commitment-alice")}
	want["//Miner1"] = fmt.Sprintf("0x%x", sha256.Sum256([]byte("commitment-miner1")))
	if spec >= 257 {
		want["//Miner0"] = "0x" + strings.Repeat("00", 200)
	}
	all, err := w.chain.LatestCommitments(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	byHotkey := make(map[pylon.Hotkey]pylon.Commitment)
	for _, one := range all.Commitments {
		byHotkey[one.Hotkey] = one
		same, err := w.chain.LatestCommitment(t.Context(), 1, one.Hotkey)
		if err != nil || same.Commitment != one || same.Block != all.Block {
			t.Errorf("%+v, %v", same, err)
		}
	}
	for uri, data := range want {
		one := byHotkey[hotkeyOf(t, uri)]
		block := uint64(0)
		if uri == "//Alice" {
			block = 2
		}
		if one.Kind != pylon.CommitmentHex || one.Data != data || one.BlockNumber != block {
			t.Errorf("%s: %+v", uri, one)
		}
	}
	size := len(want)
	if spec >= 257 {
		size++
		one := byHotkey[hotkeyOf(t, "//Bob")]
		if one.Kind != pylon.CommitmentTimelocked || one.RevealRound != 1<<32 || len(one.Data) != 2+2*259 {
			t.Errorf("//Bob: %+v", one)
		}
	}
	if len(all.Commitments) != size {
		t.Errorf("%d commitments", len(all.Commitments))
	}
	// //Ferdie is not registered: he is left out of the list, and not when he is asked for.
	if one, err := w.chain.LatestCommitment(t.Context(), 1, hotkeyOf(t, "//Ferdie")); err != nil || one.Commitment.Data != hex("commitment-ferdie") {
		t.Errorf("//Ferdie: %+v, %v", one, err)
	}
	_, err = w.chain.LatestCommitment(t.Context(), 2, hotkeyOf(t, "//Charlie"))
	chain.WantProblem(t, err, problem.NotFound, "Commitment not found.")
	before, err := w.chain.Commitments(t.Context(), 1, 1)
	if err != nil || before.Block.Number != 1 || len(before.Commitments) != size-1 {
		t.Errorf("block 1: %+v, %v", before, err)
	}
}

func (w *world) checkRevealed(t *testing.T, spec uint32) {
	t.Helper()
	all, err := w.chain.LatestRevealedCommitments(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[pylon.Hotkey][]string)
	for _, of := range all.Hotkeys {
		for _, one := range of.Commitments {
			if one.Hotkey != of.Hotkey || one.RevealBlockNumber != 0 {
				t.Errorf("%+v", one)
			}
			got[of.Hotkey] = append(got[of.Hotkey], one.Text)
		}
	}
	want := map[pylon.Hotkey][]string{}
	if spec >= 257 {
		want[hotkeyOf(t, "//Alice")] = []string{"revealed-alice-1", "revealed-alice-2"}
		want[hotkeyOf(t, "//Ferdie")] = []string{"revealed-ferdie"}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for hotkey, texts := range want {
		if one, err := w.chain.LatestRevealedCommitment(t.Context(), 1, hotkey); err != nil || len(one.Commitments) != len(texts) {
			t.Errorf("%+v, %v", one, err)
		}
	}
	_, err = w.chain.LatestRevealedCommitment(t.Context(), 1, hotkeyOf(t, "//Bob"))
	chain.WantProblem(t, err, problem.NotFound, "Revealed commitments not found.")
}

func (w *world) checkPrices(t *testing.T, spec uint32) {
	t.Helper()
	all, err := w.chain.LatestPrices(t.Context())
	if spec < 283 {
		if problem.KindOf(err) != problem.Unsupported || !strings.Contains(err.Error(), "'get_alpha_prices' is not available at block 3.") {
			t.Errorf("%v", err)
		}
		_, err = w.chain.LatestPrice(t.Context(), 1)
		if problem.KindOf(err) != problem.Unsupported || !strings.Contains(err.Error(), "'get_alpha_price' is not available at block 3.") {
			t.Errorf("%v", err)
		}
		return
	}
	// 20,000 TAO times the netuid for 400,000 alpha; root is worth one. The square root that pools were kept by loses a rao.
	want := []pylon.SubnetPrice{{Netuid: 0, Value: 1e9}, {Netuid: 1, Value: 5e7}, {Netuid: 2, Value: 1e8}}
	if err != nil || len(all.Prices) != len(want) {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, of := range all.Prices {
		if of.Netuid != want[i].Netuid || of.Value > want[i].Value || of.Value+1 < want[i].Value {
			t.Errorf("%+v instead of %+v", of, want[i])
		}
		if one, err := w.chain.Price(t.Context(), 3, of.Netuid); err != nil || one.Value != of.Value || one.Block != all.Block {
			t.Errorf("%+v, %v", one, err)
		}
	}
	if one, err := w.chain.LatestPrice(t.Context(), 99); err != nil || one.Netuid != 99 {
		t.Errorf("%+v, %v", one, err)
	}
}

func (w *world) checkAssociations(t *testing.T, spec uint32) {
	t.Helper()
	all, err := w.chain.LatestEVMAssociations(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := []pylon.EVMAssociation{}
	if spec >= 261 {
		want = []pylon.EVMAssociation{
			{Hotkey: hotkeyOf(t, "//Miner0"), EVMAddress: "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
			{Hotkey: hotkeyOf(t, "//Miner1"), EVMAddress: "0x70997970c51812dc3a010c7d01b50e0d17dc79c8"},
			{Hotkey: hotkeyOf(t, "//Miner2"), EVMAddress: "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc"},
		}
	}
	if diff := cmp.Diff(want, all.Associations); diff != "" {
		t.Error(diff)
	}
}

// Conformance 43, 45: the timestamp that nobody has signed, and //Alice's commitment.
func (w *world) checkExtrinsics(t *testing.T) {
	t.Helper()
	inherent, err := w.chain.Extrinsic(t.Context(), 2, 0)
	if err != nil {
		t.Fatal(err)
	}
	if inherent.Address != nil || inherent.Call.Module != "Timestamp" || inherent.Call.Function != "set" ||
		string(inherent.Call.Args[0].Value) != "1700000024000" || inherent.BlockNumber != 2 {
		t.Errorf("%s", inherent.AppendJSON(nil))
	}
	signed, err := w.chain.Extrinsic(t.Context(), 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	alice := string(hotkeyOf(t, "//Alice"))
	if signed.Address == nil || *signed.Address != alice || signed.Call.Module != "Commitments" || signed.Call.Function != "set_commitment" {
		t.Errorf("%s", signed.AppendJSON(nil))
	}
	members := make(map[string]string)
	for _, member := range signed.More {
		members[member.Name] = string(member.Value)
	}
	var signature map[string]string
	if err := json.Unmarshal([]byte(members["signature"]), &signature); err != nil || len(signature["Sr25519"]) != 2+128 {
		t.Errorf("signature %s", members["signature"])
	}
	delete(members, "signature")
	if diff := cmp.Diff(map[string]string{"era": `"00"`, "nonce": "0", "tip": "0", "mode": `{"mode":"Disabled"}`}, members); diff != "" {
		t.Error(diff)
	}
	args := make(map[string]string)
	for _, arg := range signed.Call.Args {
		args[arg.Name] = string(arg.Value)
	}
	if diff := cmp.Diff(map[string]string{"netuid": "1", "info": fmt.Sprintf(`{"fields":[{"Raw16":"0x%x"}]}`, "commitment-alice")}, args); diff != "" {
		t.Error(diff)
	}
	_, err = w.chain.Extrinsic(t.Context(), 2, 2)
	chain.WantProblem(t, err, problem.NotFound, "Extrinsic 2-2 not found.")
	_, err = w.chain.Extrinsic(t.Context(), 99, 0)
	chain.WantProblem(t, err, problem.NotFound, "Block 99 not found.")
}

// Conformance 56: rounds come as time goes on, four in a block.
func (w *world) checkDrand(t *testing.T, spec uint32) {
	t.Helper()
	before, err := w.chain.LastStoredRound(t.Context())
	if spec < 301 {
		chain.WantProblem(t, err, problem.Unsupported, "The runtime of the chain keeps no drand rounds.")
		return
	}
	// Block 3 is at 1,700,000,036 seconds, and the beacon began at 1,692,803,367.
	if want := uint64(1_700_000_036-1_692_803_367)/3 + 1; err != nil || before != want {
		t.Errorf("round %d instead of %d, %v", before, want, err)
	}
	w.produce(t, 5)
	if after, err := w.chain.LastStoredRound(t.Context()); err != nil || after != before+20 {
		t.Errorf("round %d after %d, %v", after, before, err)
	}
}

// A uid that goes to another hotkey takes the address of the one before along; an address that is proven anew counts.
func TestConformance061AssociationsOfTheHotkeyBefore(t *testing.T) {
	t.Parallel()
	config := devchain.SubtensorConfig{Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 6}}}
	subtensor, err := devchain.NewSubtensor(config)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config, chain.Config{})
	w.produce(t, 4)
	edit := func(by func(st runtime.State)) {
		t.Helper()
		block, err := w.ProduceEdited(func(st runtime.State) error { by(st); return nil })
		if err != nil {
			t.Fatal(err)
		}
		w.awaitHead(t, block)
	}
	ferdie := accountOf(t, "//Ferdie")
	// Registered at block 6 with uid 6, with an address from before.
	edit(func(st runtime.State) {
		if uid, err := subtensor.Register(st, 1, ferdie, accountOf(t, "//Eve")); err != nil || uid != 6 {
			t.Errorf("uid %d, %v", uid, err)
		}
		subtensor.SetEVMAssociation(st, 1, 6, [20]byte{1}, 5)
	})
	addresses := func() map[pylon.Hotkey]string {
		all, err := w.chain.LatestEVMAssociations(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		got := make(map[pylon.Hotkey]string)
		for _, one := range all.Associations {
			got[one.Hotkey] = one.EVMAddress
		}
		return got
	}
	if got := addresses(); len(got) != 2 || got[hotkeyOf(t, "//Ferdie")] != "" {
		t.Errorf("%v", got)
	}
	edit(func(st runtime.State) { subtensor.SetEVMAssociation(st, 1, 6, [20]byte{2}, 7) })
	if got := addresses(); len(got) != 3 || got[hotkeyOf(t, "//Ferdie")] != "0x02"+strings.Repeat("00", 19) {
		t.Errorf("%v", got)
	}
}

// A subnet with more of everything than a node gives at a time is read in pages.
func TestListsOfMoreThanOnePage(t *testing.T) {
	t.Parallel()
	const many = 2500
	config := devchain.SubtensorConfig{Subnets: []devchain.Subnet{{Netuid: 1, Neurons: 6}}}
	subtensor, err := devchain.NewSubtensor(config)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config, chain.Config{})
	block, err := w.ProduceEdited(func(st runtime.State) error {
		for i := range many {
			key := [32]byte{0xee, byte(i), byte(i >> 8)}
			subtensor.SetCommitment(st, 1, key, []byte{byte(i)})
			subtensor.SetCertificate(st, 1, key, 1, []byte{byte(i), byte(i >> 8)})
			subtensor.AddRevealedCommitment(st, 1, key, fmt.Sprint(i), uint64(i))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.awaitHead(t, block)
	certificates, err := w.chain.LatestCertificates(t.Context(), 1)
	if err != nil || len(certificates.Certificates) != many+2 {
		t.Fatalf("%v", err)
	}
	seen := make(map[pylon.Hotkey]bool)
	for _, one := range certificates.Certificates {
		seen[one.Hotkey] = true
	}
	if len(seen) != many+2 {
		t.Errorf("%d hotkeys", len(seen))
	}
	revealed, err := w.chain.LatestRevealedCommitments(t.Context(), 1)
	if err != nil || len(revealed.Hotkeys) != many+2 {
		t.Errorf("%v", err)
	}
	commitments, err := w.chain.LatestCommitments(t.Context(), 1)
	if err != nil || len(commitments.Commitments) != 6 {
		t.Errorf("%d commitments of registered hotkeys, %v", len(commitments.Commitments), err)
	}
}

// Heads, finality and epochs as they happen, by the rules of before and after spec 423.
func TestEventsOverTheWire(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		spec   uint32
		epochs map[uint64][]pylon.Netuid // by block
	}{
		// Epochs begin when tempo blocks have passed, from block 0 on.
		{475, map[uint64][]pylon.Netuid{5: {1}, 7: {2}, 10: {1}, 14: {2}, 15: {1}}},
		// They follow from the number: for tempo t of subnet n where number+n+1 is a multiple of t+1.
		{393, map[uint64][]pylon.Netuid{4: {1}, 5: {2}, 10: {1}, 13: {2}, 16: {1}}},
	} {
		t.Run(fmt.Sprint(test.spec), func(t *testing.T) {
			t.Parallel()
			config := devchain.SubtensorConfig{Spec: test.spec, Quiet: true, Subnets: []devchain.Subnet{
				{Netuid: 1, Neurons: 5, Tempo: 5}, {Netuid: 2, Neurons: 5, Tempo: 7}, {Netuid: 3, Neurons: 5, Tempo: 6},
			}}
			w := newWorld(t, config, chain.Config{EventSubnets: []pylon.Netuid{1, 2, 9}})
			events, stop := w.chain.Events(100)
			defer stop()
			got := make(map[uint64][]pylon.Netuid)
			var finalized uint64
			next := func() pylon.ChainEvent {
				t.Helper()
				select {
				case event := <-events:
					return event
				case <-time.After(patience):
					t.Fatalf("no event after %v, finalised %d", got, finalized)
					return pylon.ChainEvent{}
				}
			}
			for number := uint64(2); number <= 17; number++ {
				block := w.produce(t, 1)
				// The events of a block have come when its head, its finality and its epochs have.
				head, final, epochs := false, number <= 3, len(test.epochs[number])
				for !head || !final || epochs > 0 {
					event := next()
					want, ok := w.Block(event.Block.Number)
					if !ok || want.Hash.String() != event.Block.Hash {
						t.Fatalf("%+v", event)
					}
					switch event.Kind {
					case pylon.EventHead:
						head = event.Block.Hash == block.Hash.String()
					case pylon.EventFinalized:
						finalized = event.Block.Number
						final = final || finalized+3 == number
					case pylon.EventEpoch:
						got[event.Block.Number] = append(got[event.Block.Number], event.Netuid)
						epochs--
					}
				}
			}
			if diff := cmp.Diff(test.epochs, got); diff != "" {
				t.Errorf("epochs (-want +got):\n%s", diff)
			}
			status := w.chain.Status()
			if status.Head == nil || status.Head.Number != 17 || status.Finalized == nil || status.Finalized.Number != finalized {
				t.Errorf("%+v", status)
			}
			if numbers := slices.Sorted(maps.Keys(got)); len(numbers) != len(test.epochs) {
				t.Errorf("epochs at %v", numbers)
			}
		})
	}
}
