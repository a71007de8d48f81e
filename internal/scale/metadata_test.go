package scale_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// metadataLines writes metadata as golden.mjs does.
func metadataLines(t testing.TB, m *scale.Metadata) []string {
	t.Helper()
	optional := func(id scale.TypeID) string {
		if id == scale.NoType {
			return ""
		}
		return fmt.Sprint(id)
	}
	lines := []string{fmt.Sprintf("version %d", m.Version)}
	for id := range m.Types.Len() {
		typ, err := m.Types.Type(scale.TypeID(id))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, typeLine(id, typ))
	}
	for _, p := range m.Pallets {
		lines = append(lines, fmt.Sprintf("pallet %d %s calls=%s events=%s errors=%s", p.Index, p.Name, optional(p.Calls), optional(p.Events), optional(p.Errors)))
		for _, s := range p.Storage {
			lines = append(lines, fmt.Sprintf("storage %s.%s %s", p.Prefix, s.Name, storageForm(&s)))
		}
		for _, c := range p.Constants {
			lines = append(lines, fmt.Sprintf("constant %s.%s %d %x", p.Name, c.Name, c.Type, c.Value))
		}
		if p.Errors == scale.NoType {
			continue
		}
		typ, err := m.Types.Type(p.Errors)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range typ.Variants {
			lines = append(lines, fmt.Sprintf("error %s.%s %d.%d %s", p.Name, v.Name, p.Index, v.Index, v.Docs))
		}
	}
	x := m.Extrinsic
	for _, e := range x.Extensions {
		lines = append(lines, fmt.Sprintf("extension %s %d %d", e.Name, e.Type, e.Implicit))
	}
	lines = append(lines, "extrinsic "+strings.Trim(strings.ReplaceAll(fmt.Sprint(x.Versions), " ", ","), "[]"))
	if m.Version >= 15 {
		lines = append(lines, fmt.Sprintf("address %d signature %d", x.Address, x.Signature))
		for _, a := range m.APIs {
			for _, f := range a.Methods {
				inputs := make([]string, len(f.Inputs))
				for i, in := range f.Inputs {
					inputs[i] = fmt.Sprintf("%s:%d", in.Name, in.Type)
				}
				lines = append(lines, fmt.Sprintf("api %s(%s) %d", f.ExportedName(), strings.Join(inputs, ","), f.Output))
			}
		}
		lines = append(lines, fmt.Sprintf("outer %d %d %d", m.CallType, m.EventType, m.ErrorType))
	}
	return lines
}

func storageForm(s *scale.StorageItem) string {
	modifier := map[bool]string{true: "Optional", false: "Default"}[s.Optional]
	if len(s.Keys) == 0 {
		return fmt.Sprintf("%s plain %d %x", modifier, s.Value, s.Default)
	}
	hashers := make([]string, len(s.Hashers))
	for i, h := range s.Hashers {
		hashers[i] = h.String()
	}
	keys := make([]string, len(s.Keys))
	for i, k := range s.Keys {
		keys[i] = fmt.Sprint(k)
	}
	return fmt.Sprintf("%s map %s %s %d %x", modifier, strings.Join(hashers, ","), strings.Join(keys, ","), s.Value, s.Default)
}

func typeLine(id int, typ *scale.Type) string {
	fields := func(fields []scale.Field) string {
		out := make([]string, len(fields))
		for i, f := range fields {
			out[i] = fmt.Sprintf("%s:%d", f.Name, f.Type)
		}
		return strings.Join(out, ",")
	}
	params := make([]string, len(typ.Params))
	for i, p := range typ.Params {
		params[i] = p.Name + "="
		if p.Type != scale.NoType {
			params[i] += fmt.Sprint(p.Type)
		}
	}
	head := fmt.Sprintf("type %d %s <%s> ", id, strings.Join(typ.Path, "::"), strings.Join(params, ","))
	switch typ.Kind {
	case scale.KindComposite:
		return head + "struct " + fields(typ.Fields)
	case scale.KindVariant:
		variants := make([]string, len(typ.Variants))
		for i, v := range typ.Variants {
			variants[i] = fmt.Sprintf("%d=%s(%s)", v.Index, v.Name, fields(v.Fields))
		}
		return head + "enum " + strings.Join(variants, ";")
	case scale.KindSequence:
		return fmt.Sprintf("%svector %d", head, typ.Elem)
	case scale.KindArray:
		return fmt.Sprintf("%sarray %d %d", head, typ.Elem, typ.Len)
	case scale.KindTuple:
		return head + "tuple " + strings.ReplaceAll(fields(typ.Fields), ":", "")
	case scale.KindPrimitive:
		return head + "primitive " + typ.Primitive.String()
	case scale.KindCompact:
		return fmt.Sprintf("%scompact %d", head, typ.Elem)
	}
	return fmt.Sprintf("%sbits %d %d", head, typ.BitStore, typ.BitOrder)
}

// Seven metadata documents of three runtimes say what polkadot-js reads in them: every type, storage item, constant,
// error, extension and runtime API.
func TestMetadataAgainstPolkadotJS(t *testing.T) {
	t.Parallel()
	var want map[string]struct {
		SHA256 string
		Lines  int
	}
	b, err := os.ReadFile("testdata/metadata.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	for _, name := range runtimes {
		lines := metadataLines(t, scaletest.Metadata(t, name))
		text := strings.Join(lines, "\n") + "\n"
		if name == "425-v16" { // kept in full, to see where a difference is
			equal(t, name, strings.Split(string(scaletest.File(t, "metadata-425-v16.lines.gz")), "\n"), strings.Split(text, "\n"))
		}
		sum := sha256.Sum256([]byte(text))
		if hex.EncodeToString(sum[:]) != want[name].SHA256 || len(lines) != want[name].Lines || len(lines) < 900 {
			t.Errorf("%s: %d lines with the hash %x, want %d with %s", name, len(lines), sum, want[name].Lines, want[name].SHA256)
		}
	}
}

// Version 14 does not say which types calls and events have; they follow from others.
func TestMetadataV14DerivedTypes(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{"218", "343", "425"} {
		m14, m15 := scaletest.Metadata(t, spec+"-v14"), scaletest.Metadata(t, spec+"-v15")
		for _, pair := range [][2]scale.TypeID{
			{m14.CallType, m15.CallType},
			{m14.EventType, m15.EventType},
			{m14.Extrinsic.Address, m15.Extrinsic.Address},
			{m14.Extrinsic.Signature, m15.Extrinsic.Signature},
		} {
			if a, b := m14.Types.Name(pair[0]), m15.Types.Name(pair[1]); a != b {
				t.Errorf("spec %s: %s in version 14, %s in version 15", spec, a, b)
			}
		}
	}
}

func TestMetadataLookups(t *testing.T) {
	t.Parallel()
	m := scaletest.Metadata(t, "425-v16")
	if p, ok := m.Pallet("SubtensorModule"); !ok || p.Index != 7 {
		t.Errorf("SubtensorModule is %+v", p)
	}
	if p, ok := m.PalletByIndex(18); !ok || p.Name != "Commitments" {
		t.Errorf("pallet 18 is %+v", p)
	}
	if _, ok := m.PalletByIndex(255); ok {
		t.Error("there is a pallet 255")
	}
	c, err := m.Constant("System", "BlockHashCount")
	if err != nil || hex.EncodeToString(c.Value) != "60090000" {
		t.Errorf("BlockHashCount is %+v, %v", c, err)
	}
	call, err := m.Call("SubtensorModule", "commit_timelocked_mechanism_weights")
	if err != nil || call.PalletIndex != 7 || call.Index != 118 || len(call.Args) != 5 || call.Args[3].Name != "reveal_round" {
		t.Errorf("call 118 is %+v, %v", call, err)
	}
	same, err := m.CallByIndex(7, 118)
	if err != nil || same.Name != call.Name {
		t.Errorf("call 7.118 is %+v, %v", same, err)
	}
	args, err := api(t, m, "NeuronInfoRuntimeApi", "get_neuron_lite").AppendArgs(nil, uint16(12), 3)
	if err != nil || hex.EncodeToString(args) != "0c000300" {
		t.Errorf("arguments are %x, %v", args, err)
	}
	if d, err := m.ModuleError(7, 0); err != nil || d.Name == "" || d.Docs == "" {
		t.Errorf("error 7.0 is %+v, %v", d, err)
	}
	for _, test := range []struct {
		want error
		got  func() error
	}{
		{scale.ErrNoPallet, func() error { _, err := m.Storage("Nowhere", "Item"); return err }},
		{scale.ErrNoStorage, func() error { _, err := m.Storage("System", "Item"); return err }},
		{scale.ErrNoPallet, func() error { _, err := m.Constant("Nowhere", "X"); return err }},
		{scale.ErrNoConstant, func() error { _, err := m.Constant("System", "X"); return err }},
		{scale.ErrNoPallet, func() error { _, err := m.EncodeCall("Nowhere", "x", nil); return err }},
		{scale.ErrNoCall, func() error { _, err := m.EncodeCall("System", "x", nil); return err }},
		{scale.ErrNoCall, func() error { _, err := m.CallByIndex(0, 255); return err }},
		{scale.ErrNoPallet, func() error { _, err := m.DecodeCall([]byte{254, 0}); return err }},
		{scale.ErrNoAPI, func() error { _, err := m.API("Core", "nothing"); return err }},
		{scale.ErrNoAPI, func() error { _, err := scaletest.Metadata(t, "425-v14").API("Core", "version"); return err }},
		{scale.ErrNoPallet, func() error { _, err := m.ModuleError(254, 0); return err }},
	} {
		if err := test.got(); !errors.Is(err, test.want) {
			t.Errorf("got %v, want %v", err, test.want)
		}
	}
	if _, err := api(t, m, "NeuronInfoRuntimeApi", "get_neuron_lite").AppendArgs(nil, 1); err == nil {
		t.Error("one argument is enough for get_neuron_lite")
	}
	if _, err := api(t, m, "NeuronInfoRuntimeApi", "get_neurons_lite").AppendArgs(nil, 65536); err == nil {
		t.Error("65536 is a netuid")
	}
}
