package pylon

import "strconv"

// AppendJSON appends the address in its JSON form. An invalid IP, such as the zero one, becomes 0.0.0.0: clients
// demand an address, and this is the one of a neuron that serves nothing.
func (a AxonInfo) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"ip":"`...)
	if a.IP.IsValid() {
		dst = a.IP.WithZone("").AppendTo(dst)
	} else {
		dst = append(dst, "0.0.0.0"...)
	}
	dst = append(dst, `","port":`...)
	dst = strconv.AppendUint(dst, uint64(a.Port), 10)
	dst = append(dst, `,"protocol":`...)
	dst = strconv.AppendUint(dst, uint64(a.Protocol), 10)
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (a AxonInfo) MarshalJSON() ([]byte, error) { return a.AppendJSON(nil), nil }

// AppendJSON appends the stakes in their JSON form.
func (s Stakes) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"alpha":`...)
	dst = appendFloat(dst, s.Alpha)
	dst = append(dst, `,"tao":`...)
	dst = appendFloat(dst, s.TAO)
	dst = append(dst, `,"total":`...)
	dst = appendFloat(dst, s.Total)
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (s Stakes) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil), nil }

// AppendJSON appends the neuron in its JSON form.
func (n Neuron) AppendJSON(dst []byte) []byte { return n.appendJSON(dst) }

// appendJSON spares lists the copy of each neuron.
func (n *Neuron) appendJSON(dst []byte) []byte {
	dst = append(dst, `{"uid":`...)
	dst = strconv.AppendUint(dst, uint64(n.UID), 10)
	dst = append(dst, `,"coldkey":`...)
	dst = appendString(dst, string(n.Coldkey))
	dst = append(dst, `,"hotkey":`...)
	dst = appendString(dst, string(n.Hotkey))
	dst = append(dst, `,"active":`...)
	dst = strconv.AppendBool(dst, n.Active)
	dst = append(dst, `,"axon_info":`...)
	dst = n.AxonInfo.AppendJSON(dst)
	dst = append(dst, `,"stake":`...)
	dst = appendFloat(dst, n.Stake)
	dst = append(dst, `,"rank":`...)
	dst = appendFloat(dst, n.Rank)
	dst = append(dst, `,"emission":`...)
	dst = appendFloat(dst, n.Emission)
	dst = append(dst, `,"incentive":`...)
	dst = appendFloat(dst, n.Incentive)
	dst = append(dst, `,"consensus":`...)
	dst = appendFloat(dst, n.Consensus)
	dst = append(dst, `,"trust":`...)
	dst = appendFloat(dst, n.Trust)
	dst = append(dst, `,"validator_trust":`...)
	dst = appendFloat(dst, n.ValidatorTrust)
	dst = append(dst, `,"dividends":`...)
	dst = appendFloat(dst, n.Dividends)
	dst = append(dst, `,"last_update":`...)
	dst = strconv.AppendUint(dst, n.LastUpdate, 10)
	dst = append(dst, `,"validator_permit":`...)
	dst = strconv.AppendBool(dst, n.ValidatorPermit)
	dst = append(dst, `,"pruning_score":`...)
	dst = strconv.AppendUint(dst, uint64(n.PruningScore), 10)
	dst = append(dst, `,"stakes":`...)
	dst = n.Stakes.AppendJSON(dst)
	return append(dst, '}')
}

// MarshalJSON returns what AppendJSON appends.
func (n Neuron) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

// AppendJSON appends the neurons in their JSON form, an object keyed by hotkey in the order of the list.
func (n *Neurons) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"block":`...)
	dst = n.Block.AppendJSON(dst)
	dst = append(dst, `,"neurons":{`...)
	for i := range n.Neurons {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, string(n.Neurons[i].Hotkey))
		dst = append(dst, ':')
		dst = n.Neurons[i].appendJSON(dst)
	}
	return append(dst, "}}"...)
}

// MarshalJSON returns what AppendJSON appends.
func (n Neurons) MarshalJSON() ([]byte, error) { return n.AppendJSON(nil), nil }

// AppendJSON appends the validators in their JSON form.
func (v *Validators) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"block":`...)
	dst = v.Block.AppendJSON(dst)
	dst = append(dst, `,"validators":[`...)
	for i := range v.Validators {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = v.Validators[i].appendJSON(dst)
	}
	return append(dst, "]}"...)
}

// MarshalJSON returns what AppendJSON appends.
func (v Validators) MarshalJSON() ([]byte, error) { return v.AppendJSON(nil), nil }
