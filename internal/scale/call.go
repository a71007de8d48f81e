package scale

import "fmt"

// Call is a described call.
type Call struct {
	Pallet, Name string
	// PalletIndex and Index are the first two bytes of the encoded call.
	PalletIndex, Index uint8
	Args               []Field
}

// Call returns a call by name. The error wraps ErrNoPallet or ErrNoCall.
func (m *Metadata) Call(pallet, call string) (*Call, error) {
	p, ok := m.pallets[pallet]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoPallet, pallet)
	}
	if v := m.palletVariants(p.Calls).variantNamed(call); v != nil {
		return &Call{p.Name, v.Name, p.Index, v.Index, v.Fields}, nil
	}
	return nil, fmt.Errorf("%w: %s.%s", ErrNoCall, pallet, call)
}

// CallByIndex returns a call by the first two bytes of its encoding. The error wraps ErrNoPallet or ErrNoCall.
func (m *Metadata) CallByIndex(pallet, call uint8) (*Call, error) {
	p := m.byIndex[pallet]
	if p == nil {
		return nil, fmt.Errorf("%w: %d", ErrNoPallet, pallet)
	}
	if v := m.palletVariants(p.Calls).variant(call); v != nil {
		return &Call{p.Name, v.Name, p.Index, v.Index, v.Fields}, nil
	}
	return nil, fmt.Errorf("%w: %s.%d", ErrNoCall, p.Name, call)
}

// palletVariants returns the enum of a pallet's calls, events or errors; an empty one for a pallet without.
func (m *Metadata) palletVariants(id TypeID) *Type {
	if id == NoType {
		return &Type{}
	}
	_, t := m.Types.inner(id)
	return t
}

// EncodeCall encodes a call. The arguments are an [Object], a map[string]any or a Go struct with scale tags that has
// exactly the call's arguments; nil for a call without any. The error wraps ErrNoPallet or ErrNoCall when there is no
// such call.
func (m *Metadata) EncodeCall(pallet, call string, args any) ([]byte, error) {
	c, err := m.Call(pallet, call)
	if err != nil {
		return nil, err
	}
	e := &valueEncoder{types: m.Types}
	out, err := e.fields([]byte{c.PalletIndex, c.Index}, c.Args, args)
	if err != nil {
		return nil, fmt.Errorf("encode call %s.%s: %w", pallet, call, err)
	}
	return out, nil
}

// DecodedCall is a call with its arguments.
type DecodedCall struct {
	Pallet, Name string
	Args         Object
}

// DecodeCall decodes an encoded call.
func (m *Metadata) DecodeCall(b []byte) (*DecodedCall, error) {
	r := NewReader(b)
	c := m.call(r)
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("decode call: %w", err)
	}
	return c, nil
}

// call reads a call. It is nil after an error.
func (m *Metadata) call(r *Reader) *DecodedCall {
	start := r.pos
	pallet, index := r.Uint8(), r.Uint8()
	if r.err != nil {
		return nil
	}
	c, err := m.CallByIndex(pallet, index)
	if err != nil {
		r.pos = start
		r.fail(err)
		return nil
	}
	args := m.Types.fieldValues(r, c.Args)
	if r.err != nil {
		r.within(c.Pallet + "." + c.Name)
		return nil
	}
	d := &DecodedCall{Pallet: c.Pallet, Name: c.Name}
	switch args := args.(type) {
	case Object:
		d.Args = args
	case []any: // arguments without names do not occur, but may
		for i, a := range args {
			d.Args = append(d.Args, Member{fmt.Sprint(i), a})
		}
	}
	return d
}
