package scale

import "fmt"

// connect makes the indexes by name, derives what older versions leave unsaid, and proves that every type that the
// metadata refers to exists.
func (m *Metadata) connect(extrinsicType TypeID) error {
	m.pallets = make(map[string]*Pallet, len(m.Pallets))
	m.apis = make(map[string]*APIMethod)
	for i := range m.Pallets {
		p := &m.Pallets[i]
		if m.pallets[p.Name] != nil || m.byIndex[p.Index] != nil {
			return fmt.Errorf("pallet %s (%d) occurs twice", p.Name, p.Index)
		}
		m.pallets[p.Name], m.byIndex[p.Index] = p, p
		if err := m.connectPallet(p); err != nil {
			return fmt.Errorf("pallet %s: %w", p.Name, err)
		}
	}
	for i := range m.APIs {
		for j := range m.APIs[i].Methods {
			a := &m.APIs[i].Methods[j]
			a.types = m.Types
			if m.apis[a.ExportedName()] != nil {
				return fmt.Errorf("runtime API %s occurs twice", a.ExportedName())
			}
			m.apis[a.ExportedName()] = a
			if err := m.Types.known(a.Output); err != nil {
				return fmt.Errorf("runtime API %s: %w", a.ExportedName(), err)
			}
			if err := m.Types.checkFields(a.Inputs); err != nil {
				return fmt.Errorf("runtime API %s: %w", a.ExportedName(), err)
			}
		}
	}
	if m.Version == 14 {
		if err := m.deriveFromExtrinsic(extrinsicType); err != nil {
			return err
		}
		m.deriveEvent()
	}
	return m.checkExtrinsic()
}

func (m *Metadata) connectPallet(p *Pallet) error {
	for _, id := range []TypeID{p.Calls, p.Events, p.Errors} {
		if id == NoType {
			continue
		}
		if err := m.Types.known(id); err != nil {
			return err
		}
		if _, t := m.Types.inner(id); t.Kind != KindVariant {
			return fmt.Errorf("calls, events or errors are of type %s, not an enum", m.Types.Name(id))
		}
	}
	for i := range p.Constants {
		if err := m.Types.known(p.Constants[i].Type); err != nil {
			return fmt.Errorf("constant %s: %w", p.Constants[i].Name, err)
		}
	}
	for i := range p.Storage {
		if err := m.connectStorage(p, &p.Storage[i]); err != nil {
			return fmt.Errorf("storage item %s: %w", p.Storage[i].Name, err)
		}
	}
	return nil
}

func (m *Metadata) connectStorage(p *Pallet, s *StorageItem) error {
	s.types = m.Types
	copy(s.prefix[:], StoragePrefix(p.Prefix, s.Name))
	if err := m.Types.known(append(s.Keys, s.Value)...); err != nil {
		return err
	}
	for _, h := range s.Hashers {
		if h > HashIdentity {
			return fmt.Errorf("unknown hasher %d", h)
		}
	}
	if len(s.Keys) == 0 || len(s.Hashers) == 1 {
		return nil
	}
	// Several keys are described as a tuple.
	_, t := m.Types.inner(s.Keys[0])
	if t.Kind != KindTuple || len(t.Fields) != len(s.Hashers) {
		return fmt.Errorf("%d hashers for a key of type %s", len(s.Hashers), m.Types.Name(s.Keys[0]))
	}
	s.Keys = make([]TypeID, len(t.Fields))
	for i, f := range t.Fields {
		s.Keys[i] = f.Type
	}
	return nil
}

// deriveFromExtrinsic finds the types of version 14 by the names of the parameters of UncheckedExtrinsic.
func (m *Metadata) deriveFromExtrinsic(id TypeID) error {
	t, err := m.Types.Type(id)
	if err != nil {
		return fmt.Errorf("extrinsic: %w", err)
	}
	for _, p := range t.Params {
		switch p.Name {
		case "Address":
			m.Extrinsic.Address = p.Type
		case "Call":
			m.CallType = p.Type
		case "Signature":
			m.Extrinsic.Signature = p.Type
		}
	}
	return nil
}

// deriveEvent finds the enum of all events in the type of System.Events: a vector of records with a field "event".
func (m *Metadata) deriveEvent() {
	s, err := m.Storage("System", "Events")
	if err != nil {
		return
	}
	_, events := m.Types.inner(s.Value)
	if events.Kind != KindSequence {
		return
	}
	_, record := m.Types.inner(events.Elem)
	for _, f := range record.Fields {
		if f.Name == "event" {
			m.EventType = f.Type
		}
	}
}

func (m *Metadata) checkExtrinsic() error {
	x := &m.Extrinsic
	for _, id := range []TypeID{x.Address, x.Signature, m.CallType, m.EventType, m.ErrorType} {
		if id != NoType {
			if err := m.Types.known(id); err != nil {
				return fmt.Errorf("extrinsic: %w", err)
			}
		}
	}
	for _, e := range x.Extensions {
		if err := m.Types.known(e.Type, e.Implicit); err != nil {
			return fmt.Errorf("extension %s: %w", e.Name, err)
		}
	}
	return nil
}
