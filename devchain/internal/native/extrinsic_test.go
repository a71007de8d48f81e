package native

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/wallet"
)

// signed is how a test signs a call. The zero value is
// Commitments.set_commitment(1, "data"), signed as it should be, for ever.
type signed struct {
	pallet, call string
	args         map[string]any
	scheme       wallet.Scheme
	era          scale.Era
	nonce        uint64
	change       func(*scale.Signing)
}

func commitmentArgs(netuid int, fields ...any) map[string]any {
	return map[string]any{"netuid": netuid, "info": map[string]any{"fields": fields}}
}

func rawField(text string) scale.Enum {
	return scale.Enum{Name: fmt.Sprintf("Raw%d", len(text)), Value: scale.Bytes(text)}
}

// signed makes a signed extrinsic.
func (c *chain) signed(uri string, s signed) []byte {
	c.t.Helper()
	if s.call == "" {
		s.pallet, s.call = "Commitments", "set_commitment"
	}
	if s.args == nil {
		s.args = commitmentArgs(1, rawField("data"))
	}
	key, err := s.scheme.FromURI(uri)
	if err != nil {
		c.t.Fatal(err)
	}
	call, err := c.metadata.EncodeCall(s.pallet, s.call, s.args)
	if err != nil {
		c.t.Fatal(err)
	}
	signing, err := c.runtime.signing(c.state, s.era)
	if err != nil {
		c.t.Fatal(err)
	}
	signing.Nonce = s.nonce
	if s.change != nil {
		s.change(&signing)
	}
	extra, implicit, err := c.metadata.Extensions(signing)
	if err != nil {
		c.t.Fatal(err)
	}
	signature := key.Sign(scale.SigningPayload(call, extra, implicit))
	name := "Sr25519"
	if s.scheme == wallet.Ed25519 {
		name = "Ed25519"
	}
	x, err := c.metadata.SignedExtrinsic(key.PublicKey(), name, signature[:], extra, call)
	if err != nil {
		c.t.Fatal(err)
	}
	return x
}

// begin begins the next block and applies its inherent.
func (c *chain) begin() {
	c.t.Helper()
	c.number++
	c.time = c.time.Add(12 * time.Second)
	inherents, err := c.runtime.InitializeBlock(c.state, runtime.Block{Number: c.number, Parent: [32]byte{byte(c.number)}, Time: c.time})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.runtime.ApplyExtrinsic(c.state, 0, inherents[0]); err != nil {
		c.t.Fatal(err)
	}
}

// eventsOf are the events of an extrinsic of the block, as bytes without phase
// and topics.
func (c *chain) eventsOf(index uint32) (all []string) {
	c.t.Helper()
	raw, _ := c.state.Get(eventsKey)
	item, err := c.metadata.Storage("System", "Events")
	if err != nil {
		c.t.Fatal(err)
	}
	list, err := c.metadata.Types.Type(item.Value)
	if err != nil {
		c.t.Fatal(err)
	}
	r := scale.NewReader(raw)
	for range r.Len(1) {
		before := raw[len(raw)-r.Remaining():]
		value := c.metadata.Types.DecodeValueFrom(r, list.Elem)
		if err := r.Err(); err != nil {
			c.t.Fatal(err)
		}
		phase := field(c.t, value, "phase").(scale.Enum)
		if phase.Name == "ApplyExtrinsic" && phase.Value == uint64(index) {
			record := before[:len(before)-r.Remaining()]
			all = append(all, hex.EncodeToString(record[5:len(record)-1]))
		}
	}
	return all
}

// The extrinsic that everybody knows the place of, and what it leaves behind.
func TestAliceCommits(t *testing.T) {
	t.Parallel()
	alice := publicKey(t, "//Alice")
	for _, spec := range Specs {
		c := newChain(t, small(spec))
		c.produce(1)
		if c.storage("Commitments", "CommitmentOf", 1, alice) != nil {
			t.Errorf("spec %d: she has committed before", spec)
		}
		before := c.state.Snapshot()
		b := runtime.Block{Number: 2, Parent: [32]byte{2}, Time: c.time.Add(12 * time.Second)}
		extrinsics, err := c.runtime.InitializeBlock(c.state, b)
		if err != nil || len(extrinsics) != 2 {
			t.Fatalf("spec %d: %x, %v", spec, extrinsics, err)
		}
		again, err := c.runtime.InitializeBlock(before.Edit(), b)
		if err != nil || !bytes.Equal(again[1], extrinsics[1]) {
			t.Errorf("spec %d: the extrinsic differs from block to equal block", spec)
		}
		for i, x := range extrinsics {
			if err := c.runtime.ApplyExtrinsic(c.state, i, x); err != nil {
				t.Fatalf("spec %d: %v", spec, err)
			}
		}
		x, err := c.metadata.DecodeExtrinsic(extrinsics[1])
		if err != nil {
			t.Fatal(err)
		}
		if key, ok := x.SignerKey(); !ok || key != alice || x.Version != 4 || !x.Era.Immortal() || x.Nonce != 0 || x.Tip != 0 ||
			x.Call.Pallet != "Commitments" || x.Call.Name != "set_commitment" {
			t.Errorf("spec %d: %+v", spec, x)
		}
		// The payload is built here from its description, not by what signed it.
		payload := slices.Concat(x.CallData, []byte{0, 0, 0, 0}, scale.AppendUint32(nil, spec), []byte{1, 0, 0, 0},
			append([]byte{1}, make([]byte, 31)...), append([]byte{1}, make([]byte, 31)...), []byte{0})
		signature := x.Signature.(scale.Enum)
		if signature.Name != "Sr25519" || !wallet.Verify(alice, payload, [64]byte(signature.Value.(scale.Bytes))) {
			t.Errorf("spec %d: the signature does not verify", spec)
		}

		registration := c.storage("Commitments", "CommitmentOf", 1, alice)
		if got := fmt.Sprint(field(t, field(t, registration, "info"), "fields")); got != fmt.Sprint([]any{rawField("commitment-alice")}) {
			t.Errorf("spec %d: she committed to %s", spec, got)
		}
		if field(t, registration, "block") != uint64(2) || c.storage("Commitments", "LastCommitment", 1, alice) != uint64(2) {
			t.Errorf("spec %d: %v", spec, registration)
		}
		if nonce := field(t, c.storage("System", "Account", alice), "nonce"); nonce != uint64(1) {
			t.Errorf("spec %d: nonce %v", spec, nonce)
		}
		// As on a real node of spec 218 that was given this call.
		want := []string{
			"12000100" + hex.EncodeToString(alice[:]),
			"0600" + hex.EncodeToString(alice[:]) + strings.Repeat("00", 16),
			"0000420dcf5b21630101",
		}
		if got := c.eventsOf(1); !slices.Equal(got, want) {
			t.Errorf("spec %d: the events are %v", spec, got)
		}
	}
	quiet := small(475)
	quiet.Quiet = true
	if c := newChain(t, quiet); c.storage("Commitments", "CommitmentOf", 1, alice) != nil {
		t.Error("she has committed in block 0")
	} else if c.produce(3); c.storage("Commitments", "CommitmentOf", 1, alice) != nil {
		t.Error("she commits on a chain where nobody acts")
	}
}

func TestSignedExtrinsics(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	c.produce(5)
	c.begin()
	bob, dave := publicKey(t, "//Bob"), publicKey(t, "//Dave")
	for i, x := range [][]byte{
		c.signed("//Bob", signed{}),
		c.signed("//Bob", signed{nonce: 1, era: scale.NewEra(64, 5), args: commitmentArgs(2, rawField("other"))}),
		c.signed("//Dave", signed{era: scale.NewEra(4, 4), args: commitmentArgs(1,
			scale.Enum{Name: timelocked, Value: scale.Object{{Name: "encrypted", Value: scale.Bytes{1, 2}}, {Name: "reveal_round", Value: uint64(9)}}})}),
	} {
		if err := c.runtime.ApplyExtrinsic(c.state, i+1, x); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if got := field(t, c.storage("System", "Account", bob), "nonce"); got != uint64(2) {
		t.Errorf("nonce %v", got)
	}
	wantIndex := func(want []any) {
		t.Helper()
		if got := c.storage("Commitments", "TimelockedIndex"); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the index is %v instead of %v", got, want)
		}
	}
	// //Bob's commitment of block 0 was timelocked, and is replaced.
	wantIndex([]any{[]any{uint64(1), scale.Bytes(dave[:])}})
	want := "120101" + "00" + hex.EncodeToString(dave[:]) + "0900000000000000"
	if got := c.eventsOf(3); len(got) != 3 || got[0] != want {
		t.Errorf("the events are %v", got)
	}
	if err := c.runtime.ApplyExtrinsic(c.state, 4, c.signed("//Dave", signed{nonce: 1})); err != nil {
		t.Fatal(err)
	}
	wantIndex([]any{})
}

// Thirty-one small commitments fit into an epoch.
func TestCommitmentSpace(t *testing.T) {
	t.Parallel()
	c := newChain(t, Config{Spec: 475, Quiet: true, Subnets: []Subnet{{Netuid: 1, Neurons: 5, Tempo: 10}}})
	c.produce(1)
	c.begin()
	success, failure := "0000420dcf5b21630101", "00010312"+"02000000"+"420dcf5b21630101"
	nonce := uint64(0)
	send := func(index int, fields ...any) string {
		t.Helper()
		if err := c.runtime.ApplyExtrinsic(c.state, index, c.signed("//Bob", signed{nonce: nonce, args: commitmentArgs(1, fields...)})); err != nil {
			t.Fatal(err)
		}
		nonce++
		events := c.eventsOf(uint32(index))
		return events[len(events)-1]
	}
	for i := range 31 {
		if got := send(i+1, rawField(strings.Repeat("x", i%101))); got != success {
			t.Fatalf("commitment %d: %s", i, got)
		}
	}
	before := c.storage("Commitments", "CommitmentOf", 1, publicKey(t, "//Bob"))
	if got := send(32, rawField("one too many")); got != failure {
		t.Errorf("one too many: %s", got)
	}
	if got := c.storage("Commitments", "CommitmentOf", 1, publicKey(t, "//Bob")); fmt.Sprint(got) != fmt.Sprint(before) {
		t.Errorf("it has replaced %v by %v", before, got)
	}
	if err := c.runtime.FinalizeBlock(c.state); err != nil {
		t.Fatal(err)
	}
	c.produce(8) // the epoch runs
	c.begin()
	if got := send(1, rawField("again")); got != success {
		t.Errorf("in the next epoch: %s", got)
	}
}

func TestCommitmentFailures(t *testing.T) {
	t.Parallel()
	four := []any{rawField("1"), rawField("2"), rawField("3"), rawField("4")}
	for _, test := range []struct {
		name string
		spec uint32
		uri  string
		args map[string]any
		want byte // the error's index
	}{
		{"not registered", 475, "//Eve", commitmentArgs(1, rawField("x")), 1},
		{"no such subnet", 475, "//Bob", commitmentArgs(77, rawField("x")), 1},
		{"too many fields", 475, "//Bob", commitmentArgs(1, four...), 0},
		{"too many fields in 2025", 218, "//Bob", commitmentArgs(1, rawField("1"), rawField("2")), 0},
		{"too soon", 218, "//Charlie", commitmentArgs(1, rawField("x")), 2},
	} {
		config := small(test.spec)
		config.Quiet = true
		c := newChain(t, config)
		c.produce(1)
		c.begin()
		if err := c.runtime.ApplyExtrinsic(c.state, 1, c.signed(test.uri, signed{args: test.args})); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		key := publicKey(t, test.uri)
		want := []string{
			"0600" + hex.EncodeToString(key[:]) + strings.Repeat("00", 16),
			fmt.Sprintf("00010312%02x000000420dcf5b21630101", test.want),
		}
		if got := c.eventsOf(1); !slices.Equal(got, want) {
			t.Errorf("%s: the events are %v", test.name, got)
		}
		if nonce := field(t, c.storage("System", "Account", key), "nonce"); nonce != uint64(1) {
			t.Errorf("%s: nonce %v", test.name, nonce)
		}
	}
}

func TestSignedExtrinsicsRefused(t *testing.T) {
	t.Parallel()
	c := newChain(t, small(475))
	c.produce(5)
	c.begin()
	good := c.signed("//Bob", signed{})
	flip := func(at int) []byte {
		x := slices.Clone(good)
		x[at] ^= 1
		return x
	}
	snapshot := c.state.Snapshot()
	for _, test := range []struct {
		name      string
		extrinsic []byte
		want      error
	}{
		{"another signer", flip(5), errBadSignature},
		{"another signature", flip(50), errBadSignature},
		{"another call", flip(len(good) - 1), errBadSignature},
		{"another genesis", c.signed("//Bob", signed{change: func(s *scale.Signing) { s.Genesis[0]++ }}), errBadSignature},
		{"another spec", c.signed("//Bob", signed{change: func(s *scale.Signing) { s.SpecVersion++ }}), errBadSignature},
		{"ed25519 in the name of sr25519", c.signed("//Bob", signed{scheme: wallet.Ed25519, nonce: 1}), errFuture},
		{"used nonce", c.signed("//Alice", signed{nonce: 0}), errStale},
		{"later nonce", c.signed("//Bob", signed{nonce: 1}), errFuture},
		{"tip that is more than there is", c.signed("//Bob", signed{change: func(s *scale.Signing) { s.Tip = 1 << 63 }}), errPayment},
		{"truncated", good[:len(good)-1], errMalformed},
		{"no call", scale.AppendByteVec(nil, []byte{0x84}), errMalformed},
		{"general", scale.AppendByteVec(nil, []byte{0x45, 0, 0, 0, 0, 0, 0, 0}), errMalformed},
	} {
		if err := c.runtime.ApplyExtrinsic(c.state, 1, test.extrinsic); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for name, s := range map[string]signed{
		"a call that is not run":  {pallet: "System", call: "set_heap_pages", args: map[string]any{"pages": 9}},
		"a field that is not run": {args: commitmentArgs(1, scale.Enum{Name: resetBondsFlag})},
	} {
		if err := c.runtime.ApplyExtrinsic(c.state, 1, c.signed("//Bob", s)); err == nil || !strings.Contains(err.Error(), "does not run") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !sameState(c.state.Snapshot(), snapshot) {
		t.Error("the state changed")
	}

	// The era's first block is too far back for its hash to be known.
	c = newChain(t, Config{Spec: 475, Subnets: []Subnet{{Netuid: 1, Neurons: 5, Tempo: 60000}}, Quiet: true})
	old := scale.Era{Period: 4096, Phase: 10}
	c.number = blockHashCount + 100
	c.begin()
	signing, err := c.runtime.signing(c.state, scale.Era{})
	if err != nil {
		t.Fatal(err)
	}
	signing.Era = old
	extra, implicit, err := c.metadata.Extensions(signing)
	if err != nil {
		t.Fatal(err)
	}
	call, err := c.metadata.EncodeCall("Commitments", "set_commitment", commitmentArgs(1, rawField("x")))
	if err != nil {
		t.Fatal(err)
	}
	key, err := wallet.FromURI("//Bob")
	if err != nil {
		t.Fatal(err)
	}
	signature := key.Sign(scale.SigningPayload(call, extra, implicit))
	x, err := c.metadata.SignedExtrinsic(key.PublicKey(), "Sr25519", signature[:], extra, call)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.runtime.ApplyExtrinsic(c.state, 1, x); !errors.Is(err, errAncientBirth) {
		t.Errorf("an old era: %v", err)
	}
}
