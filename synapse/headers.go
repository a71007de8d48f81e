package synapse

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The prefixes of header names.
const (
	axonPrefix     = "bt_header_axon_"
	dendritePrefix = "bt_header_dendrite_"
	inputMark      = "bt_header_input_obj"
	inputPrefix    = inputMark + "_"
)

// Header is one header. Names are in lower case when they are written; Python
// clients see no others.
type Header struct{ Name, Value string }

// Headers are the headers of a request or an answer, in order.
type Headers []Header

// Get returns the first value of a header, whatever the case of its name.
func (h Headers) Get(name string) (string, bool) {
	for i := range h {
		if strings.EqualFold(h[i].Name, name) {
			return h[i].Value, true
		}
	}
	return "", false
}

// ToHeaders returns the headers of a message, computed_body_hash included. It
// fails when a required field holds a value that Python could not send.
func ToHeaders(m Message) (Headers, error) {
	s, err := schemaOf(m)
	if err != nil {
		return nil, err
	}
	hash, err := s.bodyHash(m)
	if err != nil {
		return nil, err
	}
	return s.appendHeaders(make(Headers, 0, s.maxHeaders()), m, hash)
}

// maxHeaders is how many headers a message of this type has at most.
func (s *schema) maxHeaders() int { return 5 + 2*len(terminalFields) + len(s.required) }

func (s *schema) appendHeaders(dst Headers, m Message, hash string) (Headers, error) {
	base := m.Base()
	if !base.made {
		e := base.effective()
		base = &e
	}
	begin := len(dst)
	var n numberHeaders
	dst = n.begin(dst, s.name, base)
	dst, err := s.appendInputs(dst, m)
	if err != nil {
		return nil, err
	}
	return n.end(dst, begin, base, hash), nil
}

// appendInputs appends the headers of the required fields.
func (s *schema) appendInputs(inputs Headers, m Message) (Headers, error) {
	root := reflect.ValueOf(m).Elem()
	for _, i := range s.required {
		f := &s.model.fields[i]
		v := root.FieldByIndex(f.index)
		empty, ok, err := emptyOf(f.shape, v)
		if err != nil {
			text, _ := f.shape.appendPython(nil, v, true, 0)
			return inputs, fmt.Errorf("synapse: Error serializing %s with value %s. Objects must be json serializable.%w", f.name, text, quiet{err})
		}
		if ok {
			inputs = append(inputs, Header{f.header, empty})
		}
	}
	return inputs, nil
}

// numberHeaders remembers which headers have numbers, and their digits, because
// the texts of all of them are parts of one string.
type numberHeaders struct {
	digits [256]byte // 9 integers of up to 20, and 3 floats of up to 24
	size   int
	parts  [2 + 2*5]struct{ header, end int }
	count  int
}

// begin appends the headers before those of the inputs.
func (n *numberHeaders) begin(dst Headers, name string, base *Synapse) Headers {
	dst = append(dst, Header{"name", name})
	if base.Timeout.Present {
		dst = n.float(dst, "timeout", base.Timeout)
	} else {
		dst = append(dst, Header{"timeout", None})
	}
	dst = n.terminal(dst, &axonHeaders, &base.Axon)
	return n.terminal(dst, &dendriteHeaders, &base.Dendrite)
}

// end appends those after them and gives the numbers their texts. The headers of
// the message begin at an index.
func (n *numberHeaders) end(dst Headers, begin int, base *Synapse, hash string) Headers {
	dst = append(dst, Header{"header_size", headerSize(len(dst) - begin)})
	dst = addInt(n, dst, "total_size", Some(base.TotalSize.Value))
	dst = append(dst, Header{"computed_body_hash", hash})
	text, at := string(n.digits[:n.size]), 0
	for _, part := range n.parts[:n.count] {
		dst[part.header].Value = text[at:part.end]
		at = part.end
	}
	return dst
}

// terminal appends the headers of one end of a call, in the order of
// terminalFields.
func (n *numberHeaders) terminal(dst Headers, names *[len(terminalFields)]string, t *TerminalInfo) Headers {
	dst = addInt(n, dst, names[0], t.StatusCode)
	dst = addText(dst, names[1], &t.StatusMessage)
	dst = n.float(dst, names[2], t.ProcessTime)
	dst = addText(dst, names[3], &t.IP)
	dst = addInt(n, dst, names[4], t.Port)
	dst = addInt(n, dst, names[5], t.Version)
	dst = addInt(n, dst, names[6], t.Nonce)
	dst = addText(dst, names[7], &t.UUID)
	dst = addText(dst, names[8], &t.Hotkey)
	return addText(dst, names[9], &t.Signature)
}

func addText(dst Headers, name string, text *Optional[string]) Headers {
	if !text.Present {
		return dst
	}
	return append(dst, Header{name, text.Value})
}

func addInt[T int | int64](n *numberHeaders, dst Headers, name string, value Optional[T]) Headers {
	if !value.Present {
		return dst
	}
	return n.add(dst, name, strconv.AppendInt(n.digits[:n.size], int64(value.Value), 10))
}

func (n *numberHeaders) float(dst Headers, name string, value Optional[float64]) Headers {
	if !value.Present {
		return dst
	}
	return n.add(dst, name, appendFloat(n.digits[:n.size], value.Value))
}

// add appends a header whose text is what digits has more than before.
func (n *numberHeaders) add(dst Headers, name string, digits []byte) Headers {
	n.size = len(digits)
	n.parts[n.count].header, n.parts[n.count].end = len(dst), n.size
	n.count++
	return append(dst, Header{Name: name})
}

// quiet wraps an error without adding to the text.
type quiet struct{ error }

func (quiet) Error() string   { return "" }
func (q quiet) Unwrap() error { return q.error }

// axonHeaders and dendriteHeaders are the names for each terminal field, and
// the canonical ones as net/http spells them when it reads them.
var (
	axonHeaders, axonCanonical         = terminalHeaders(axonPrefix)
	dendriteHeaders, dendriteCanonical = terminalHeaders(dendritePrefix)
)

func terminalHeaders(prefix string) (sent, canonical [len(terminalFields)]string) {
	for i, name := range terminalFields {
		sent[i] = prefix + name
		canonical[i] = canonicalHeader(sent[i])
	}
	return sent, canonical
}

// headerSize is the number that Python reports for the size of a map with this
// many headers: that of the map itself, in CPython 3.11 and later. Nobody
// checks it.
func headerSize(headers int) string {
	switch {
	case headers <= 5:
		return "184"
	case headers <= 10:
		return "272"
	case headers <= 21:
		return "464"
	default:
		return "832"
	}
}

// Inputs are what headers say, before it is checked and converted: the result
// of ParseHeadersToInputs.
type Inputs struct {
	Name, Timeout, TotalSize, HeaderSize, ComputedBodyHash Optional[string]
	// Axon and Dendrite have the texts by the names of TerminalInfo's fields, and
	// by other names that came.
	Axon, Dendrite map[string]string
	// Objects has the JSON of the input_obj headers by the names of the fields.
	Objects map[string][]byte
}

// ParseHeadersToInputs sorts headers as the Python SDK does. The names of
// bt_header headers count wherever they are found within a name and have to be
// in lower case; of such a header that comes twice the last one counts, of
// others the first. Headers that cannot be decoded are left out.
func ParseHeadersToInputs(headers Headers) Inputs {
	in := Inputs{Axon: map[string]string{}, Dendrite: map[string]string{}, Objects: map[string][]byte{}}
	for _, h := range headers {
		if _, rest, ok := strings.Cut(h.Name, axonPrefix); ok {
			rest, _, _ = strings.Cut(rest, axonPrefix)
			in.Axon[rest] = h.Value
		} else if _, rest, ok := strings.Cut(h.Name, dendritePrefix); ok {
			rest, _, _ = strings.Cut(rest, dendritePrefix)
			in.Dendrite[rest] = h.Value
		} else if _, rest, ok := strings.Cut(h.Name, inputPrefix); ok {
			rest, _, _ = strings.Cut(rest, inputPrefix)
			if _, known := in.Objects[rest]; known || rest == "axon" || rest == "dendrite" {
				continue
			}
			if value, ok := inputObject(h.Value); ok {
				in.Objects[rest] = value
			}
		}
	}
	for _, plain := range []struct {
		name string
		to   *Optional[string]
	}{
		{"name", &in.Name},
		{"timeout", &in.Timeout},
		{"total_size", &in.TotalSize},
		{"header_size", &in.HeaderSize},
		{"computed_body_hash", &in.ComputedBodyHash},
	} {
		if value, ok := headers.Get(plain.name); ok {
			*plain.to = Some(value)
		}
		delete(in.Objects, plain.name) // no object overrules a message's own fields
	}
	return in
}

// inputObject decodes the value of an input_obj header. Python's decoder skips
// characters that are not of the alphabet, and wants the padding.
func inputObject(value string) ([]byte, bool) {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		raw, err = base64.StdEncoding.DecodeString(strings.Map(base64Only, value))
	}
	if err != nil || !utf8.Valid(raw) {
		return nil, false
	}
	in := scanner{data: raw}
	if in.skip() != nil || in.end() != nil {
		return nil, false
	}
	return raw, true
}

func base64Only(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z', 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '/', r == '=':
		return r
	}
	return -1
}

// FromHeaders sets a message from headers by the rules of ParseHeadersToInputs.
// Fields without a header get their defaults; a required field must have one,
// and numbers must be numbers. Headers are all that a receiver has before it
// reads the body, and hold no real inputs.
func FromHeaders(headers Headers, m Message) error {
	return fromInputs(ParseHeadersToInputs(headers), m)
}

func fromInputs(in Inputs, m Message) error {
	s, err := schemaOf(m)
	if err != nil {
		return err
	}
	return s.fromSource(m, source{
		plain: func(name string) (string, bool) {
			switch name {
			case "timeout":
				return in.Timeout.Get()
			case "total_size":
				return in.TotalSize.Get()
			case "header_size":
				return in.HeaderSize.Get()
			default:
				return in.ComputedBodyHash.Get()
			}
		},
		axon:     func(i int) (string, bool) { text, ok := in.Axon[terminalFields[i]]; return text, ok },
		dendrite: func(i int) (string, bool) { text, ok := in.Dendrite[terminalFields[i]]; return text, ok },
		object:   func(f *field) ([]byte, bool) { raw, ok := in.Objects[f.name]; return raw, ok },
		inputs:   len(in.Objects) > 0,
	})
}

// FromHTTP is FromHeaders for headers that net/http has read, whose names it
// has spelt its way (Bt_header_axon_ip). Names count only as a whole and in any
// case.
func FromHTTP(headers map[string][]string, m Message) error {
	s, err := schemaOf(m)
	if err != nil {
		return err
	}
	first := func(name string) (string, bool) {
		if values := headers[name]; len(values) > 0 {
			return values[0], true
		}
		return "", false
	}
	last := func(name string) (string, bool) {
		if values := headers[name]; len(values) > 0 {
			return values[len(values)-1], true
		}
		return "", false
	}
	return s.fromSource(m, source{
		plain: func(name string) (string, bool) {
			switch name {
			case "timeout":
				return first("Timeout")
			case "total_size":
				return first("Total_size")
			case "header_size":
				return first("Header_size")
			default:
				return first("Computed_body_hash")
			}
		},
		axon:     func(i int) (string, bool) { return last(axonCanonical[i]) },
		dendrite: func(i int) (string, bool) { return last(dendriteCanonical[i]) },
		object: func(f *field) ([]byte, bool) {
			value, ok := first(f.canonical)
			if !ok {
				return nil, false
			}
			return inputObject(value)
		},
		inputs: true,
	})
}

// source is where fromSource finds the texts of headers.
type source struct {
	plain          func(name string) (string, bool)
	axon, dendrite func(field int) (string, bool)
	object         func(*field) ([]byte, bool)
	inputs         bool // whether to ask for objects at all
}

func (s *schema) fromSource(m Message, from source) (err error) {
	root := reflect.ValueOf(m).Elem()
	s.model.reset(root)
	base := m.Base()
	*base = Synapse{Name: s.name, made: true}

	if text, ok := from.plain("timeout"); ok {
		if base.Timeout, err = parseFloat(text); err != nil {
			return fieldError("timeout", err)
		}
	}
	if text, ok := from.plain("total_size"); ok {
		if base.TotalSize, err = parseInt[int64](text); err != nil {
			return fieldError("total_size", err)
		}
	}
	if text, ok := from.plain("header_size"); ok {
		if base.HeaderSize, err = parseInt[int64](text); err != nil {
			return fieldError("header_size", err)
		}
	}
	if text, ok := from.plain("computed_body_hash"); ok {
		base.bodyHash = Some(text)
	}
	for i, name := range terminalFields {
		if text, ok := from.axon(i); ok {
			if err := base.Axon.set(i, text); err != nil {
				return fieldError("axon."+name, err)
			}
		}
		if text, ok := from.dendrite(i); ok {
			if err := base.Dendrite.set(i, text); err != nil {
				return fieldError("dendrite."+name, err)
			}
		}
	}
	for i := range s.model.fields {
		f := &s.model.fields[i]
		var raw []byte
		ok := false
		if from.inputs {
			raw, ok = from.object(f)
		}
		switch {
		case ok:
			if err := f.shape.decode(&scanner{data: raw}, root.FieldByIndex(f.index)); err != nil {
				return fieldError(f.name, err)
			}
		case f.required:
			return fieldError(f.name, errMissing)
		}
	}
	return nil
}
