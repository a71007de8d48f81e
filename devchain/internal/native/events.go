package native

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// Events are kept as the chain keeps them: System.Events is a vector of records,
// to which a record is appended without decoding the others.

// phase says when in a block an event happened: the number of the extrinsic, or
// one of the two below.
type phase int

const (
	initialization phase = -1
	finalization   phase = -2
)

var eventsKey = scale.StoragePrefix("System", "Events")

// eventTypes are where the variants of a pallet's events are described.
func (r *Runtime) eventVariant(pallet, name string) (index uint8, variant *scale.Variant, ok bool) {
	p, ok := r.description.Pallet(pallet)
	if !ok || p.Events == scale.NoType {
		return 0, nil, false
	}
	t, err := r.description.Types.Type(p.Events)
	if err != nil {
		return 0, nil, false
	}
	for i := range t.Variants {
		if t.Variants[i].Name == name {
			return p.Index, &t.Variants[i], true
		}
	}
	return 0, nil, false
}

// deposit appends an event. An event that this spec version does not have is
// left out, as it would be on the chain.
func (r *Runtime) deposit(st runtime.State, at phase, pallet, name string, fields ...any) {
	index, variant, ok := r.eventVariant(pallet, name)
	if !ok {
		return
	}
	if len(fields) != len(variant.Fields) {
		panic(fmt.Sprintf("native: the event %s.%s has %d fields, got %d", pallet, name, len(variant.Fields), len(fields)))
	}
	var record []byte
	switch at {
	case initialization:
		record = append(record, 2)
	case finalization:
		record = append(record, 1)
	default:
		record = scale.AppendUint32(append(record, 0), uint32(at))
	}
	record = append(record, index, variant.Index)
	for i, f := range variant.Fields {
		var err error
		if record, err = r.description.Types.AppendValue(record, f.Type, fields[i]); err != nil {
			panic(fmt.Sprintf("native: the event %s.%s: %v", pallet, name, err))
		}
	}
	record = append(record, 0) // no topics

	count := r.items.System.EventCount.get(st)
	events := scale.AppendCompact(nil, uint64(count)+1)
	if old, ok := st.Get(eventsKey); ok {
		before := len(scale.AppendCompact(nil, uint64(count)))
		events = append(events, old[min(before, len(old)):]...)
	}
	st.Set(eventsKey, append(events, record...))
	r.items.System.EventCount.set(st, count+1)
}
