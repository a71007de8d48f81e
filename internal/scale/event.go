package scale

import "fmt"

// Phase says when in a block an event happened. The numbers are those of the chain.
type Phase uint8

// The phases.
const (
	PhaseApplyExtrinsic Phase = iota
	PhaseFinalization
	PhaseInitialization
)

// EventRecord is one event of a block.
type EventRecord struct {
	Phase Phase
	// Extrinsic is the position of the extrinsic in the block when Phase is PhaseApplyExtrinsic.
	Extrinsic    uint32
	Pallet, Name string
	// Fields is what [Enum].Value is: nil, a single value, []any or an Object.
	Fields any
	Topics [][32]byte
}

// DecodeEvents decodes the value of the storage item System.Events.
func (m *Metadata) DecodeEvents(b []byte) ([]EventRecord, error) {
	records, err := m.events(b)
	if err != nil {
		return nil, fmt.Errorf("decode events: %w", err)
	}
	return records, nil
}

func (m *Metadata) events(b []byte) ([]EventRecord, error) {
	item, err := m.Storage("System", "Events")
	if err != nil {
		return nil, err
	}
	_, list := m.Types.inner(item.Value)
	if list.Kind != KindSequence {
		return nil, fmt.Errorf("System.Events is a %s, not a vector", list.Kind)
	}
	codec, err := Bind[eventRecord](m.Types, list.Elem)
	if err != nil {
		return nil, err
	}
	r := NewReader(b)
	n := r.Len(m.Types.MinSize(list.Elem))
	var records []EventRecord
	for i := range n {
		var e eventRecord
		if codec.DecodeFrom(r, &e); r.err != nil {
			r.withinIndex(i)
			break
		}
		record := EventRecord{Pallet: e.Event.Name, Topics: e.Topics}
		if inner, ok := e.Event.Value.(Enum); ok {
			record.Name, record.Fields = inner.Name, inner.Value
		}
		switch {
		case e.Phase.ApplyExtrinsic != nil:
			record.Extrinsic = *e.Phase.ApplyExtrinsic
		case e.Phase.Name == "Finalization":
			record.Phase = PhaseFinalization
		default:
			record.Phase = PhaseInitialization
		}
		records = append(records, record)
	}
	return records, r.Close()
}

type eventRecord struct {
	Phase struct {
		Name           string  `scale:",variant"`
		ApplyExtrinsic *uint32 `scale:"ApplyExtrinsic"`
	} `scale:"phase"`
	Event  Enum       `scale:"event"`
	Topics [][32]byte `scale:"topics"`
}
