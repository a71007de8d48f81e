package scale

import "fmt"

// DispatchError is why a call failed.
type DispatchError struct {
	// Kind is the variant: "Module", "BadOrigin", "Token", ….
	Kind string
	// Pallet is the pallet of a Module error.
	Pallet string
	// Name is the error's name for Module, and the detail for Token, Arithmetic, Transactional and Trie.
	Name string
	// Docs is what the pallet says about a Module error.
	Docs string
}

// Error returns "Pallet.Name: docs" for a Module error, else the kind and the detail.
func (e *DispatchError) Error() string {
	text := e.Kind
	if e.Kind == "Module" {
		text = e.Pallet
	}
	if e.Name != "" {
		text += "." + e.Name
	}
	if e.Docs != "" {
		text += ": " + e.Docs
	}
	return text
}

// ModuleError returns an error of a pallet by the pallet's index and its own.
func (m *Metadata) ModuleError(pallet, index uint8) (*DispatchError, error) {
	p := m.byIndex[pallet]
	if p == nil {
		return nil, fmt.Errorf("error %d of pallet %d: %w", index, pallet, ErrNoPallet)
	}
	v := m.palletVariants(p.Errors).variant(index)
	if v == nil {
		return nil, fmt.Errorf("pallet %s has no error %d", p.Name, index)
	}
	return &DispatchError{Kind: "Module", Pallet: p.Name, Name: v.Name, Docs: v.Docs}, nil
}

// DispatchError resolves a dispatch error as it stands in a decoded event or result: an Enum.
func (m *Metadata) DispatchError(v any) (*DispatchError, error) {
	e, ok := v.(Enum)
	if !ok {
		return nil, fmt.Errorf("%T is not a dispatch error", v)
	}
	if e.Name != "Module" {
		d := &DispatchError{Kind: e.Name}
		if detail, ok := e.Value.(Enum); ok {
			d.Name = detail.Name
		}
		return d, nil
	}
	module, _ := e.Value.(Object)
	pallet, _ := module.Get("index")
	index, _ := module.Get("error")
	p, ok := pallet.(uint64)
	if !ok || p > 255 {
		return nil, fmt.Errorf("module error without a pallet: %v", e.Value)
	}
	switch i := index.(type) {
	case Bytes: // the first of four bytes; the others are an error within the error, which no pallet here uses
		if len(i) > 0 {
			return m.ModuleError(uint8(p), i[0])
		}
	case uint64: // one byte, before runtimes of 2022
		if i <= 255 {
			return m.ModuleError(uint8(p), uint8(i))
		}
	}
	return nil, fmt.Errorf("module error without a number: %v", e.Value)
}

// DecodeDispatchError decodes and resolves an encoded dispatch error, of which nothing may be left over.
func (m *Metadata) DecodeDispatchError(b []byte) (*DispatchError, error) {
	id, ok := m.Types.Find("sp_runtime::DispatchError")
	if !ok {
		return nil, fmt.Errorf("decode dispatch error: the metadata does not describe it")
	}
	v, err := m.Types.DecodeValue(id, b)
	if err != nil {
		return nil, err
	}
	return m.DispatchError(v)
}
