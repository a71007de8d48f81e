package chain

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/ss58"
)

const alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

// hotkeyOf is the address of a fake neuron's key.
func hotkeyOf(first byte) pylon.Hotkey { return pylon.Hotkey(ss58.Encode(keyOf(first))) }

// hashNumber is the block of fork 0 with that number, as answers name it.
func hashNumber(number uint64) pylon.Block {
	return pylon.Block{Number: number, Hash: hashOf(number, 0).String()}
}

// register gives the keys of a subnet the uids in their order.
func (n *fakeNode) register(t testing.TB, number uint64, netuid uint16, at uint64, keys ...byte) {
	t.Helper()
	for uid, key := range keys {
		id := keyOf(key)
		n.put(t, number, "SubtensorModule", "Uids", scale.AppendUint16(nil, uint16(uid)), netuid, id)
		n.put(t, number, "SubtensorModule", "Keys", id[:], netuid, uint16(uid))
		n.put(t, number, "SubtensorModule", "BlockAtRegistration", scale.AppendUint64(nil, at), netuid, uint16(uid))
	}
}

// commit stores a commitment, with its fields encoded already.
func (n *fakeNode) commit(t testing.TB, number uint64, netuid uint16, key byte, block uint32, fields ...string) {
	t.Helper()
	raw := scale.AppendCompact(scale.AppendUint32(make([]byte, 8), block), uint64(len(fields)))
	for _, field := range fields {
		raw = append(raw, fromHex(t, strings.ReplaceAll(field, " ", ""))...)
	}
	n.put(t, number, "Commitments", "CommitmentOf", raw, netuid, keyOf(key))
}

// The keys and layouts that the chain's description gives as examples.
func TestVectorsOfTheChain(t *testing.T) {
	t.Parallel()
	who, ok := accountOf(alice)
	if !ok {
		t.Fatal("//Alice has no address")
	}
	for spec, version := range map[uint32]string{218: "v15", 343: "v15", 425: "v15"} {
		l := newLayout(runtimeOf(t, spec, version))
		for _, test := range []struct {
			key  func() ([]byte, error)
			want string
			from uint32
		}{
			{
				func() ([]byte, error) { return must(l.uids())(t).item.Key(uint16(12), who) },
				"658faa385070e074c85bf6b568cf0555aab1b4e78e1ea8305462ee53b3686dc80c00de1e86a9a8c739864cf3cc5ec2bea59f" +
					"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", 0,
			},
			{
				func() ([]byte, error) { return must(l.commitments())(t).item.Key(uint16(12), who) },
				"ca407206ec1ab726b2636c4b145ac287419a60ae8b01e6dcaebd7317e43c69bf0c00518366b5b1bc7c99" +
					"d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d", 0,
			},
			{
				func() ([]byte, error) { return must(l.associations())(t).item.Key(uint16(12), uint16(7)) },
				"658faa385070e074c85bf6b568cf05552ee3ea5cc28fb0bcd7e9c900544e35b24b9bd30d03d0266b0c00bc57c078260bbd3c0700", 261,
			},
			{
				func() ([]byte, error) { return must(l.lastRound())(t).item.Key() },
				"a285cdb66e8b8524ea70b1693c7b1e05087f3dd6e0ceded0e388dd34f810a73d", 301,
			},
		} {
			if spec < test.from {
				continue
			}
			if got, err := test.key(); err != nil || hex.EncodeToString(got) != test.want {
				t.Errorf("spec %d: %x, %v instead of %s", spec, got, err, test.want)
			}
		}

		commitment, err := must(l.commitments())(t).decode(fromHex(t, "0000000000000000e1100000040564617461"))
		if err != nil {
			t.Fatal(err)
		}
		want := &pylon.Commitment{Kind: pylon.CommitmentHex, BlockNumber: 4321, Hotkey: alice, Data: "0x64617461"}
		if got, err := commitment.commitment(who); err != nil || !cmp.Equal(got, want) {
			t.Errorf("spec %d: %+v, %v", spec, got, err)
		}
		raw := append(append([]byte{0x80}, keyBytes()...), 1)
		certificate, err := must(l.certificates())(t).decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := certificate.public(); got.Algorithm != 1 || got.PublicKey != hex.EncodeToString(keyBytes()) {
			t.Errorf("spec %d: %+v", spec, got)
		}
		if spec < 257 {
			continue
		}
		revealed, err := must(l.revealed())(t).decode(fromHex(t, "04181468656c6c6f0903000000000000"))
		if err != nil {
			t.Fatal(err)
		}
		if got := revealedOf(who, revealed); len(got) != 1 || got[0] != (pylon.RevealedCommitment{RevealBlockNumber: 777, Hotkey: alice, Text: "hello"}) {
			t.Errorf("spec %d: %+v", spec, got)
		}
	}
}

// keyBytes are 0, 1, … 31.
func keyBytes() (b []byte) {
	for i := range byte(32) {
		b = append(b, i)
	}
	return b
}

func TestCommitmentFields(t *testing.T) {
	t.Parallel()
	raw128 := strings.Repeat("ab", 128)
	hash := strings.Repeat("11", 32)
	for name, test := range map[string]struct {
		fields []string
		kind   pylon.CommitmentKind // none when there is no commitment
		data   string
		round  uint64
	}{
		"nothing":                         {},
		"none":                            {fields: []string{"00"}},
		"the flag that resets bonds":      {fields: []string{"87"}},
		"no bytes":                        {fields: []string{"01"}, kind: pylon.CommitmentHex, data: "0x"},
		"a byte":                          {fields: []string{"02 ff"}, kind: pylon.CommitmentHex, data: "0xff"},
		"128 bytes":                       {fields: []string{"81" + raw128}, kind: pylon.CommitmentHex, data: "0x" + raw128},
		"BLAKE2":                          {fields: []string{"82" + hash}, kind: pylon.CommitmentHex, data: "0x" + hash},
		"SHA-256":                         {fields: []string{"83" + hash}, kind: pylon.CommitmentHex, data: "0x" + hash},
		"Keccak":                          {fields: []string{"84" + hash}, kind: pylon.CommitmentHex, data: "0x" + hash},
		"SHA-3":                           {fields: []string{"85" + hash}, kind: pylon.CommitmentHex, data: "0x" + hash},
		"timelocked":                      {fields: []string{"86 08 c0de 0700000000000080"}, kind: pylon.CommitmentTimelocked, data: "0xc0de", round: 1<<63 + 7},
		"timelocked nothing":              {fields: []string{"86 00 0700000000000000"}, kind: pylon.CommitmentTimelocked, data: "0x", round: 7},
		"512 bytes":                       {fields: []string{"88 0108" + strings.Repeat(raw128, 4)}, kind: pylon.CommitmentHex, data: "0x" + strings.Repeat(raw128, 4)},
		"no data, then data":              {fields: []string{"00", "87", "03 0102"}, kind: pylon.CommitmentHex, data: "0x0102"},
		"no bytes, then bytes":            {fields: []string{"01", "03 0102"}, kind: pylon.CommitmentHex, data: "0x0102"},
		"bytes, then no bytes":            {fields: []string{"03 0102", "01"}, kind: pylon.CommitmentHex, data: "0x0102"},
		"the first of several":            {fields: []string{"03 0102", "86 08 c0de 0700000000000000"}, kind: pylon.CommitmentHex, data: "0x0102"},
		"timelocked first, data after it": {fields: []string{"86 08 c0de 0700000000000000", "03 0102"}, kind: pylon.CommitmentTimelocked, data: "0xc0de", round: 7},
	} {
		node := newFakeNode(t)
		node.runtime = runtimeOf(t, 425, "v15")
		node.grow(1, 2)
		node.register(t, 2, 1, 0, 5)
		node.commit(t, 2, 1, 5, 77, test.fields...)
		c := newFakeChain(t, node, node, Config{})
		all, err := c.LatestCommitments(t.Context(), 1)
		if err != nil || all.Block != hashNumber(2) {
			t.Fatalf("%s: %+v, %v", name, all, err)
		}
		one, err := c.LatestCommitment(t.Context(), 1, hotkeyOf(5))
		if test.kind == "" {
			if len(all.Commitments) != 0 {
				t.Errorf("%s: %+v", name, all.Commitments)
			}
			wantProblem(t, err, problem.NotFound, "Commitment not found.")
			continue
		}
		want := pylon.Commitment{Kind: test.kind, BlockNumber: 77, Hotkey: hotkeyOf(5), Data: test.data, RevealRound: test.round}
		if diff := cmp.Diff([]pylon.Commitment{want}, all.Commitments); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if err != nil || one.Commitment != want || one.Block != hashNumber(2) {
			t.Errorf("%s: %+v, %v", name, one, err)
		}
	}
}

func TestConformance048And049And052Commitments(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 9)
	node.register(t, 9, 1, 0, 1, 2, 3)
	node.commit(t, 9, 1, 2, 5, "03 0102")
	node.commit(t, 9, 1, 3, 6, "86 08 c0de 0700000000000000")
	node.commit(t, 9, 1, 7, 7, "03 0304") // nobody is registered with that key
	node.commit(t, 9, 2, 1, 8, "03 0506") // another subnet
	var log bytes.Buffer
	c := newFakeChain(t, node, node, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	all, err := c.LatestCommitments(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	byHotkey := map[pylon.Hotkey]pylon.Commitment{}
	for _, commitment := range all.Commitments {
		byHotkey[commitment.Hotkey] = commitment
	}
	want := map[pylon.Hotkey]pylon.Commitment{
		hotkeyOf(2): {Kind: pylon.CommitmentHex, BlockNumber: 5, Hotkey: hotkeyOf(2), Data: "0x0102"},
		hotkeyOf(3): {Kind: pylon.CommitmentTimelocked, BlockNumber: 6, Hotkey: hotkeyOf(3), Data: "0xc0de", RevealRound: 7},
	}
	if diff := cmp.Diff(want, byHotkey); diff != "" || len(all.Commitments) != 2 {
		t.Error(diff)
	}
	// One hotkey that is not registered is answered about when it is asked for.
	if one, err := c.LatestCommitment(t.Context(), 1, hotkeyOf(7)); err != nil || one.Commitment.Data != "0x0304" {
		t.Errorf("%+v, %v", one, err)
	}
	for _, hotkey := range []pylon.Hotkey{hotkeyOf(1), hotkeyOf(99), "", "self", "revealed", alice + "x", "0x00"} {
		_, err := c.LatestCommitment(t.Context(), 1, hotkey)
		wantProblem(t, err, problem.NotFound, "Commitment not found.")
	}
	if empty, err := c.LatestCommitments(t.Context(), 3); err != nil || empty.Commitments == nil || len(empty.Commitments) != 0 {
		t.Errorf("a subnet without commitments: %+v, %v", empty, err)
	}
	if log.Len() > 0 {
		t.Errorf("logged: %s", &log)
	}
}

// One entry that can not be decoded is skipped, told in the log, and fails nothing but the question for itself.
func TestConformance048AnEntryThatCanNotBeDecoded(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 2)
	node.register(t, 2, 1, 0, 1, 2)
	node.commit(t, 2, 1, 1, 5, "89")
	node.commit(t, 2, 1, 2, 5, "02 0a")
	node.put(t, 2, "SubtensorModule", "NeuronCertificates", []byte{0x80, 1, 2}, uint16(1), keyOf(1))
	node.put(t, 2, "SubtensorModule", "NeuronCertificates", []byte{4, 9, 1}, uint16(1), keyOf(2))
	node.put(t, 2, "Commitments", "RevealedCommitments", []byte{0xff}, uint16(1), keyOf(1))
	node.put(t, 2, "Commitments", "RevealedCommitments", fromHex(t, "04181468656c6c6f0903000000000000"), uint16(1), keyOf(2))
	node.put(t, 2, "SubtensorModule", "AssociatedEvmAddress", []byte{1}, uint16(1), uint16(0))
	node.put(t, 2, "SubtensorModule", "AssociatedEvmAddress", append(bytes.Repeat([]byte{0xab}, 20), make([]byte, 8)...), uint16(1), uint16(1))
	var log bytes.Buffer
	c := newFakeChain(t, node, node, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})

	if all, err := c.LatestCommitments(t.Context(), 1); err != nil || len(all.Commitments) != 1 || all.Commitments[0].Hotkey != hotkeyOf(2) {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.LatestCertificates(t.Context(), 1); err != nil || len(all.Certificates) != 1 || all.Certificates[0].PublicKey != "09" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.LatestRevealedCommitments(t.Context(), 1); err != nil || len(all.Hotkeys) != 1 || all.Hotkeys[0].Hotkey != hotkeyOf(2) {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.LatestEVMAssociations(t.Context(), 1); err != nil || len(all.Associations) != 1 || all.Associations[0].Hotkey != hotkeyOf(2) {
		t.Errorf("%+v, %v", all, err)
	}
	for _, item := range []string{
		"Commitments.CommitmentOf", "SubtensorModule.NeuronCertificates", "Commitments.RevealedCommitments",
		"SubtensorModule.AssociatedEvmAddress",
	} {
		if got := strings.Count(log.String(), "item="+item+" "); got != 1 {
			t.Errorf("%s is logged %d times:\n%s", item, got, &log)
		}
	}
	for name, read := range map[string]func() error{
		"get_commitment":  func() error { _, err := c.LatestCommitment(t.Context(), 1, hotkeyOf(1)); return err },
		"get_certificate": func() error { _, err := c.LatestCertificate(t.Context(), 1, hotkeyOf(1)); return err },
		"get_revealed_commitments": func() error {
			_, err := c.LatestRevealedCommitment(t.Context(), 1, hotkeyOf(1))
			return err
		},
	} {
		if err := read(); problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), name+" failed on ws://main: Malformed: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConformance046And047Certificates(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 2)
	c := newFakeChain(t, node, node, Config{})
	if none, err := c.LatestCertificates(t.Context(), 1); err != nil || string(none.AppendJSON(nil)) != "{}" {
		t.Errorf("%+v, %v", none, err)
	}
	node.grow(3, 4)
	// Neither is registered: certificates are not looked at that way.
	node.put(t, 4, "SubtensorModule", "NeuronCertificates", append([]byte{0x80}, append(keyBytes(), 1)...), uint16(1), keyOf(1))
	node.put(t, 4, "SubtensorModule", "NeuronCertificates", []byte{0, 77}, uint16(1), keyOf(2))
	node.put(t, 4, "SubtensorModule", "NeuronCertificates", []byte{4, 1, 1}, uint16(2), keyOf(3))
	all, err := c.LatestCertificates(t.Context(), 1)
	if err != nil || all.Block != hashNumber(4) {
		t.Fatalf("%+v, %v", all, err)
	}
	slices.SortFunc(all.Certificates, func(a, b pylon.HotkeyCertificate) int { return int(b.Algorithm) - int(a.Algorithm) })
	want := []pylon.HotkeyCertificate{
		{Hotkey: hotkeyOf(2), Certificate: pylon.Certificate{Algorithm: 77}},
		{Hotkey: hotkeyOf(1), Certificate: pylon.Certificate{Algorithm: 1, PublicKey: hex.EncodeToString(keyBytes())}},
	}
	if diff := cmp.Diff(want, all.Certificates); diff != "" {
		t.Error(diff)
	}
	for _, want := range want {
		if got, err := c.LatestCertificate(t.Context(), 1, want.Hotkey); err != nil || *got != want.Certificate {
			t.Errorf("%+v, %v", got, err)
		}
	}
	for _, hotkey := range []pylon.Hotkey{hotkeyOf(3), alice, "", "self", "nonsense"} {
		_, err := c.LatestCertificate(t.Context(), 1, hotkey)
		wantProblem(t, err, problem.NotFound, "Certificate not found or error fetching.")
	}
	before, err := c.Certificates(t.Context(), 3, 1)
	if err != nil || len(before.Certificates) != 0 || before.Block != hashNumber(3) {
		t.Errorf("%+v, %v", before, err)
	}
}

func TestConformance054And055RevealedCommitments(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 2)
	list := func(texts ...string) []byte {
		raw := scale.AppendCompact(nil, uint64(len(texts)))
		for i, text := range texts {
			raw = scale.AppendUint64(scale.AppendByteVec(raw, []byte(text)), uint64(100+i))
		}
		return raw
	}
	// Nobody of them is registered.
	node.put(t, 2, "Commitments", "RevealedCommitments", list("\x14first", "\x18second"), uint16(1), keyOf(1))
	node.put(t, 2, "Commitments", "RevealedCommitments", list(), uint16(1), keyOf(2))
	c := newFakeChain(t, node, node, Config{})
	all, err := c.LatestRevealedCommitments(t.Context(), 1)
	if err != nil || all.Block != hashNumber(2) {
		t.Fatalf("%+v, %v", all, err)
	}
	got := map[pylon.Hotkey][]pylon.RevealedCommitment{}
	for _, of := range all.Hotkeys {
		got[of.Hotkey] = of.Commitments
	}
	first := []pylon.RevealedCommitment{
		{RevealBlockNumber: 100, Hotkey: hotkeyOf(1), Text: "first"},
		{RevealBlockNumber: 101, Hotkey: hotkeyOf(1), Text: "second"},
	}
	if diff := cmp.Diff(map[pylon.Hotkey][]pylon.RevealedCommitment{hotkeyOf(1): first, hotkeyOf(2): {}}, got); diff != "" {
		t.Error(diff)
	}
	one, err := c.LatestRevealedCommitment(t.Context(), 1, hotkeyOf(1))
	if err != nil || one.Block != hashNumber(2) || !cmp.Equal(one.Commitments, first) {
		t.Errorf("%+v, %v", one, err)
	}
	for _, hotkey := range []pylon.Hotkey{hotkeyOf(2), hotkeyOf(3), "self", ""} {
		_, err := c.LatestRevealedCommitment(t.Context(), 1, hotkey)
		wantProblem(t, err, problem.NotFound, "Revealed commitments not found.")
	}
}

func TestRevealedText(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 100)
	longer := strings.Repeat("x", 1<<14)
	for data, want := range map[string]string{
		"":                           "",
		"\x00":                       "",
		"\x14hello":                  "hello",
		"\x14hell":                   "hell", // the length is not looked at
		"\x05\x01" + "y":             "y",
		"\x21\x03" + long:            long,
		"\x02\x00\x01\x00" + longer:  longer,
		"\x02\x00":                   "",
		"\x01":                       "",
		"\x03abc":                    "\x03abc", // no length of a text begins so
		"\x08\xff\xfe":               "\ufffd",
		"\x0ca\xffb":                 "a\ufffdb",
		"0x616263":                   "x616263", // the digits are the text
		"\x80\xc3\xa9":               "é",
		"\xffnot a length, nor UTF8": "\ufffdnot a length, nor UTF8",
	} {
		if got := revealedText([]byte(data)); got != want {
			t.Errorf("%.40q: %.40q instead of %.40q", data, got, want)
		}
	}
}

func TestConformance061EVMAssociations(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 60)
	associate := func(uid uint16, first byte, block uint64) {
		raw := scale.AppendUint64(append([]byte{first}, bytes.Repeat([]byte{0xEF}, 19)...), block)
		node.put(t, 60, "SubtensorModule", "AssociatedEvmAddress", raw, uint16(1), uid)
	}
	node.register(t, 60, 1, 50, 1, 2, 3, 4)
	associate(3, 0xAA, 51)
	associate(0, 0xBB, 50)
	associate(2, 0xCC, 49) // that of the hotkey before
	associate(9, 0xDD, 55) // of a uid that nobody has
	c := newFakeChain(t, node, node, Config{})
	got, err := c.LatestEVMAssociations(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	want := &pylon.EVMAssociations{Block: hashNumber(60), Associations: []pylon.EVMAssociation{
		{Hotkey: hotkeyOf(1), EVMAddress: "0xbb" + strings.Repeat("ef", 19), LastProven: 50},
		{Hotkey: hotkeyOf(4), EVMAddress: "0xaa" + strings.Repeat("ef", 19), LastProven: 51},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if node.called("StorageBatch") != 1 || node.called("StoragePrefix") != 1 {
		t.Errorf("%d and %d reads", node.called("StorageBatch"), node.called("StoragePrefix"))
	}
	none, err := c.LatestEVMAssociations(t.Context(), 2)
	if err != nil || !strings.HasSuffix(string(none.AppendJSON(nil)), `"evm_associations":{}}`) {
		t.Errorf("%+v, %v", none, err)
	}
	before, err := c.EVMAssociations(t.Context(), 59, 1)
	if err != nil || len(before.Associations) != 0 || before.Block != hashNumber(59) {
		t.Errorf("%+v, %v", before, err)
	}
}

func TestConformance056Drand(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 2)
	c := newFakeChain(t, node, node, Config{})
	if got, err := c.LastStoredRound(t.Context()); err != nil || got != 0 {
		t.Errorf("%d, %v", got, err)
	}
	node.grow(3, 3)
	node.put(t, 3, "Drand", "LastStoredRound", scale.AppendUint64(nil, 1<<63), []any{}...)
	if got, err := c.LastStoredRound(t.Context()); err != nil || got != 1<<63 {
		t.Errorf("%d, %v", got, err)
	}
}

// What a runtime does not keep is nothing, or something that can not be asked of it; never a failure.
func TestConformance059RuntimesThatKeepLess(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 218, "v15")
	node.grow(1, 2)
	node.commit(t, 2, 1, 5, 77, "03 0102")
	node.register(t, 2, 1, 0, 5)
	c := newFakeChain(t, node, node, Config{})
	if all, err := c.LatestCommitments(t.Context(), 1); err != nil || len(all.Commitments) != 1 || all.Commitments[0].Data != "0x0102" {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err := c.LatestRevealedCommitments(t.Context(), 1); err != nil || len(all.Hotkeys) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	_, err := c.LatestRevealedCommitment(t.Context(), 1, hotkeyOf(5))
	wantProblem(t, err, problem.NotFound, "Revealed commitments not found.")
	if all, err := c.LatestEVMAssociations(t.Context(), 1); err != nil || len(all.Associations) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	_, err = c.LatestPrices(t.Context())
	wantUnsupported(t, err, "get_alpha_prices", 2)
	_, err = c.LatestPrice(t.Context(), 1)
	wantUnsupported(t, err, "get_alpha_price", 2)
	_, err = c.LastStoredRound(t.Context())
	wantProblem(t, err, problem.Unsupported, "The runtime of the chain keeps no drand rounds.")
}

func wantUnsupported(t *testing.T, err error, operation string, number uint64) {
	t.Helper()
	want := fmt.Sprintf("The runtime API required for '%s' is not available at block %d. It was introduced by a later runtime upgrade, "+
		"so older blocks do not export it (", operation, number)
	if problem.KindOf(err) != problem.Unsupported || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}

// A node that lists without end is not followed.
func TestPrefixReadsAreBounded(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 2)
	var visited int
	endless := &endlessNode{fakeNode: node, visited: &visited}
	c := newFakeChain(t, node, node, Config{})
	c.main.states = endless
	for _, size := range []int{0, 1 << 20} {
		visited, endless.size = 0, size
		_, err := c.LatestCertificates(t.Context(), 1)
		if problem.KindOf(err) != problem.Unavailable || !strings.Contains(err.Error(), "get_certificates failed on ws://main: TooLarge: ") {
			t.Errorf("%v", err)
		}
		if visited > maxPrefixKeys+1 || visited*size > maxPrefixBytes+size {
			t.Errorf("%d entries of %d bytes were taken", visited, size)
		}
	}
}

// endlessNode lists keys without end.
type endlessNode struct {
	*fakeNode
	size    int
	visited *int
}

func (n *endlessNode) StoragePrefix(_ context.Context, _ substrate.Hash, prefix []byte, visit func(key, value []byte) error) error {
	for i := uint64(0); ; i++ {
		*n.visited++
		if err := visit(scale.AppendUint64(slices.Clip(prefix), i), make([]byte, n.size)); err != nil {
			return err
		}
	}
}
