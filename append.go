package pylon

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends the block in its JSON form.
func (b Block) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"number":`...)
	dst = strconv.AppendUint(dst, b.Number, 10)
	dst = append(dst, `,"hash":`...)
	dst = appendString(dst, b.Hash)
	return append(dst, '}')
}

// AppendJSON appends the block and its time in their JSON form.
func (b BlockInfo) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"number":`...)
	dst = strconv.AppendUint(dst, b.Number, 10)
	dst = append(dst, `,"hash":`...)
	dst = appendString(dst, b.Hash)
	dst = append(dst, `,"timestamp":`...)
	dst = strconv.AppendInt(dst, b.Timestamp, 10)
	return append(dst, '}')
}

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

// AppendJSON appends the identities in their JSON form, an object from names to netuids in the order of the list.
func (ids Identities) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"identities":{`...)
	for i, identity := range ids {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, identity.Name)
		dst = append(dst, ':')
		dst = strconv.AppendUint(dst, uint64(identity.Netuid), 10)
	}
	return append(dst, "}}"...)
}

// appendFloat appends the shortest text that reads back as f, as the contract writes floats: whole values keep a
// fraction, and an exponent without plus sign and leading zeros appears below 10⁻⁵ and from 10¹⁶ on. What JSON has no
// number for becomes null.
func appendFloat(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return append(dst, "null"...)
	}
	start := len(dst)
	if abs := math.Abs(f); abs != 0 && (abs < 1e-5 || abs >= 1e16) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		return trimExponent(dst, start)
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// trimExponent turns e+16 into e16 and e-06 into e-6 in the number that starts at start.
func trimExponent(dst []byte, start int) []byte {
	e := start
	for dst[e] != 'e' {
		e++
	}
	from, to := e+1, e+1
	if dst[from] == '-' {
		to++
	}
	from++
	for dst[from] == '0' {
		from++
	}
	n := copy(dst[to:], dst[from:])
	return dst[:to+n]
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string. Only what must be escaped is: HTML means nothing here. Bytes that are not
// UTF-8 become the replacement character.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	clean := 0 // s[clean:i] needs no escape
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRuneInString(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(dst, s[clean:i]...)
			dst = append(dst, "\ufffd"...)
			i++
			clean = i
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[clean:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		clean = i
	}
	dst = append(dst, s[clean:]...)
	return append(dst, '"')
}
