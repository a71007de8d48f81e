package description_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/scaletest"
)

// ours is what this package says, read back from its own metadata.
func ours(t testing.TB, o description.Options, version uint32) *scale.Metadata {
	t.Helper()
	raw, err := load(t, o).Metadata(version)
	if err != nil {
		t.Fatal(err)
	}
	m, err := scale.ParseMetadata(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestAsReal compares everything described here with the metadata of a real
// runtime: it must be there, and be the same. The real one has more.
func TestAsReal(t *testing.T) {
	t.Parallel()
	tests := []struct {
		spec uint32
		// newDefaults are storage items whose default this description gives as of
		// later specs, and constants whose value it does.
		newDefaults []string
	}{
		{425, nil},
		{343, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.spec), func(t *testing.T) {
			t.Parallel()
			c := &comparison{t: t, ours: ours(t, description.Options{Spec: tt.spec}, 15), real: scaletest.Metadata(t, fmt.Sprintf("%d-v15", tt.spec)), seen: map[[2]scale.TypeID]string{}}
			for _, p := range c.ours.Pallets {
				theirs, ok := c.real.Pallet(p.Name)
				if !ok {
					t.Errorf("there is no pallet %s", p.Name)
					continue
				}
				c.pallet(p, *theirs, tt.newDefaults)
			}
			c.extrinsic()
			c.apis()
			if c.compared < 300 {
				t.Errorf("only %d types compared", c.compared)
			}
		})
	}
}

type comparison struct {
	t          *testing.T
	ours, real *scale.Metadata
	seen       map[[2]scale.TypeID]string
	compared   int
}

func (c *comparison) pallet(p, theirs scale.Pallet, newDefaults []string) {
	if p.Index != theirs.Index {
		c.t.Errorf("%s has the index %d, really %d", p.Name, p.Index, theirs.Index)
	}
	for _, s := range p.Storage {
		name := p.Name + "." + s.Name
		r, err := c.real.Storage(p.Name, s.Name)
		if err != nil {
			c.t.Error(err)
			continue
		}
		if !slices.Equal(s.Hashers, r.Hashers) || len(s.Keys) != len(r.Keys) || s.Optional != r.Optional {
			c.t.Errorf("%s: hashers %v, optional %v; really %v, %v", name, s.Hashers, s.Optional, r.Hashers, r.Optional)
			continue
		}
		for i := range s.Keys {
			c.same(fmt.Sprintf("%s key %d", name, i), s.Keys[i], r.Keys[i])
		}
		c.same(name, s.Value, r.Value)
		if !bytes.Equal(s.Default, r.Default) && !slices.Contains(newDefaults, name) {
			c.t.Errorf("%s: the default is %x, really %x", name, s.Default, r.Default)
		}
	}
	for _, k := range p.Constants {
		name := p.Name + "." + k.Name
		r, err := c.real.Constant(p.Name, k.Name)
		if err != nil {
			c.t.Error(err)
			continue
		}
		c.same(name, k.Type, r.Type)
		if !bytes.Equal(k.Value, r.Value) && name != "System.Version" && !slices.Contains(newDefaults, name) {
			c.t.Errorf("%s is %x, really %x", name, k.Value, r.Value)
		}
	}
	for _, e := range []struct {
		name        string
		ours, their scale.TypeID
	}{{"calls", p.Calls, theirs.Calls}, {"events", p.Events, theirs.Events}, {"errors", p.Errors, theirs.Errors}} {
		if e.ours != scale.NoType {
			c.same(p.Name+" "+e.name, e.ours, e.their)
		}
	}
}

func (c *comparison) extrinsic() {
	names := func(m *scale.Metadata) (names []string) {
		for _, e := range m.Extrinsic.Extensions {
			names = append(names, e.Name)
		}
		return names
	}
	if a, b := names(c.ours), names(c.real); !slices.Equal(a, b) {
		c.t.Fatalf("extensions %v, really %v", a, b)
	}
	for i, e := range c.ours.Extrinsic.Extensions {
		c.same(e.Name, e.Type, c.real.Extrinsic.Extensions[i].Type)
		c.same(e.Name+" implicit", e.Implicit, c.real.Extrinsic.Extensions[i].Implicit)
	}
	c.same("address", c.ours.Extrinsic.Address, c.real.Extrinsic.Address)
	c.same("signature", c.ours.Extrinsic.Signature, c.real.Extrinsic.Signature)
	c.same("call", c.ours.CallType, c.real.CallType)
	c.same("event", c.ours.EventType, c.real.EventType)
	c.same("error", c.ours.ErrorType, c.real.ErrorType)
	if !slices.Equal(c.ours.Extrinsic.Versions, c.real.Extrinsic.Versions) {
		c.t.Errorf("extrinsic versions %v, really %v", c.ours.Extrinsic.Versions, c.real.Extrinsic.Versions)
	}
}

func (c *comparison) apis() {
	for _, api := range c.ours.APIs {
		for _, m := range api.Methods {
			r, err := c.real.API(m.API, m.Name)
			if err != nil {
				c.t.Error(err)
				continue
			}
			if len(m.Inputs) != len(r.Inputs) {
				c.t.Errorf("%s has %d inputs, really %d", m.ExportedName(), len(m.Inputs), len(r.Inputs))
				continue
			}
			for i, in := range m.Inputs {
				if in.Name != r.Inputs[i].Name {
					c.t.Errorf("%s: input %s, really %s", m.ExportedName(), in.Name, r.Inputs[i].Name)
				}
				c.same(m.ExportedName()+" "+in.Name, in.Type, r.Inputs[i].Type)
			}
			c.same(m.ExportedName(), m.Output, r.Output)
		}
	}
}

// same reports where two types differ.
func (c *comparison) same(where string, a, b scale.TypeID) {
	if diff := c.diff(a, b); diff != "" {
		c.t.Errorf("%s: %s", where, diff)
	}
}

// diff says what is different between one of our types and a real one. Types
// that contain themselves count as equal while they are being compared.
func (c *comparison) diff(a, b scale.TypeID) string {
	pair := [2]scale.TypeID{a, b}
	if known, ok := c.seen[pair]; ok {
		return known
	}
	c.seen[pair] = ""
	c.compared++
	d := c.compare(a, b)
	c.seen[pair] = d
	return d
}

func (c *comparison) compare(a, b scale.TypeID) string {
	x, err := c.ours.Types.Type(a)
	if err != nil {
		return err.Error()
	}
	y, err := c.real.Types.Type(b)
	if err != nil {
		return "really nothing"
	}
	name := strings.Join(x.Path, "::")
	switch {
	case !slices.Equal(x.Path, y.Path):
		return fmt.Sprintf("%s, really %s", name, strings.Join(y.Path, "::"))
	case x.Kind != y.Kind:
		return fmt.Sprintf("%s %s, really a %s", x.Kind, name, y.Kind)
	case x.Len != y.Len:
		return fmt.Sprintf("[…; %d], really [… %d]", x.Len, y.Len)
	case x.Kind == scale.KindPrimitive && x.Primitive != y.Primitive:
		return fmt.Sprintf("%s, really %s", x.Primitive, y.Primitive)
	case len(x.Path) == 1 && len(x.Params) != len(y.Params):
		return fmt.Sprintf("%s has %d parameters, really %d", name, len(x.Params), len(y.Params)) // Option, Result
	}
	switch x.Kind {
	case scale.KindSequence, scale.KindArray, scale.KindCompact:
		return c.diff(x.Elem, y.Elem)
	case scale.KindVariant:
		// Of the enums of pallets and of their calls, some are left out here.
		partial := strings.HasPrefix(x.Path[len(x.Path)-1], "Runtime") || slices.Contains([]string{"Call", "Event", "Error"}, x.Path[len(x.Path)-1])
		if !partial && len(x.Variants) != len(y.Variants) {
			return fmt.Sprintf("%s has %d variants, really %d", name, len(x.Variants), len(y.Variants))
		}
		var diffs []string
		for _, v := range x.Variants {
			i := slices.IndexFunc(y.Variants, func(w scale.Variant) bool { return w.Name == v.Name })
			switch {
			case i < 0:
				diffs = append(diffs, fmt.Sprintf("%s::%s does not exist", name, v.Name))
			case y.Variants[i].Index != v.Index:
				diffs = append(diffs, fmt.Sprintf("%s::%s is %d, really %d", name, v.Name, v.Index, y.Variants[i].Index))
			default:
				if d := c.fields(v.Fields, y.Variants[i].Fields); d != "" {
					diffs = append(diffs, fmt.Sprintf("%s::%s: %s", name, v.Name, d))
				}
			}
		}
		return strings.Join(diffs, "\n\t")
	default:
		if d := c.fields(x.Fields, y.Fields); d != "" {
			return name + ": " + d
		}
		return ""
	}
}

func (c *comparison) fields(a, b []scale.Field) string {
	if len(a) != len(b) {
		return fmt.Sprintf("%d fields, really %d", len(a), len(b))
	}
	for i := range a {
		if a[i].Name != b[i].Name {
			return fmt.Sprintf("field %d is %s, really %s", i, a[i].Name, b[i].Name)
		}
		if d := c.diff(a[i].Type, b[i].Type); d != "" {
			return a[i].Name + ": " + d
		}
	}
	return ""
}
