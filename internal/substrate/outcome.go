package substrate

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// maxEvents is more than the events of a block have, in bytes. In memory they take up to a hundred times as much.
const maxEvents = 8 << 20

// outcome finds what came of an extrinsic in the events of its block. There has to be exactly one that says so.
func (r *Runtime) outcome(events []byte, index uint32) (*Inclusion, error) {
	if len(events) > maxEvents {
		return nil, fmt.Errorf("%d bytes of events", len(events))
	}
	records, err := r.Metadata.DecodeEvents(events)
	if err != nil {
		return nil, err
	}
	found := &Inclusion{Index: index}
	results := 0
	for _, e := range records {
		if e.Phase != scale.PhaseApplyExtrinsic || e.Extrinsic != index {
			continue
		}
		found.Events = append(found.Events, e)
		switch e.Pallet + "." + e.Name {
		case "System.ExtrinsicSuccess":
			results++
			found.Success = true
		case "System.ExtrinsicFailed":
			results++
			if found.Error, err = r.dispatchError(e.Fields); err != nil {
				return nil, err
			}
		case "TransactionPayment.TransactionFeePaid":
			found.Fee = feePaid(e.Fields)
		}
	}
	if results != 1 {
		return nil, fmt.Errorf("%d events say what came of extrinsic %d", results, index)
	}
	return found, nil
}

// dispatchError reads the error of an ExtrinsicFailed. One that the metadata does not describe keeps its numbers.
func (r *Runtime) dispatchError(fields any) (*scale.DispatchError, error) {
	members, _ := fields.(scale.Object)
	value, ok := members.Get("dispatch_error")
	if !ok {
		return nil, fmt.Errorf("an ExtrinsicFailed without dispatch_error: %v", fields)
	}
	d, err := r.Metadata.DispatchError(value)
	if err == nil {
		return d, nil
	}
	e, ok := value.(scale.Enum)
	module, _ := e.Value.(scale.Object)
	pallet, hasPallet := module.Get("index")
	number, hasNumber := module.Get("error")
	if !ok || !hasPallet || !hasNumber {
		return nil, err
	}
	d = &scale.DispatchError{Kind: "Module", Pallet: fmt.Sprintf("pallet %v", pallet), Name: fmt.Sprintf("error %v", number)}
	if index, ok := pallet.(uint64); ok && index <= 255 {
		if p, ok := r.Metadata.PalletByIndex(uint8(index)); ok {
			d.Pallet = p.Name
		}
	}
	return d, nil
}

func feePaid(fields any) uint64 {
	members, _ := fields.(scale.Object)
	value, _ := members.Get("actual_fee")
	fee, _ := value.(uint64) // Subtensor's balances have 64 bits
	return fee
}
