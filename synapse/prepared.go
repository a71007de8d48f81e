package synapse

import (
	"slices"
	"strconv"
)

// Prepared is what is the same in all requests with one message: its body hash,
// and the JSON of its own fields. A message for many receivers is prepared once.
// It is safe for concurrent use.
type Prepared struct {
	name   string
	hash   string
	fields []byte
	inputs Headers
}

// Prepare prepares a message as it is now. It fails where AppendRequest or
// ToHeaders would.
func Prepare(m Message) (*Prepared, error) {
	s, err := schemaOf(m)
	if err != nil {
		return nil, err
	}
	p := &Prepared{name: s.name}
	if p.hash, err = s.bodyHash(m); err != nil {
		return nil, err
	}
	if p.inputs, err = s.appendInputs(nil, m); err != nil {
		return nil, err
	}
	w := writer{style: styleRequest, dst: []byte{0}} // not the beginning of an object
	if err := w.fields(s, m); err != nil {
		return nil, err
	}
	p.fields = w.dst[1:]
	return p, nil
}

// Name is the name of the message's type on the wire.
func (p *Prepared) Name() string { return p.name }

// BodyHash is what the signature covers.
func (p *Prepared) BodyHash() string { return p.hash }

// Request returns the headers and the body of a request with the prepared
// message and with these two ends, timeout and sizes. It sets TotalSize to the
// number of bytes of the body; Python counts the bytes of its objects in memory,
// and nobody checks the number.
func (p *Prepared) Request(base *Synapse) (headers Headers, body []byte, err error) {
	base.TotalSize = Some[int64](0)
	e := base.effective()
	w := writer{style: styleRequest, dst: make([]byte, 0, 1024+len(p.fields))}
	w.dst = append(w.dst, '{')
	sizeAt, err := w.base(p.name, &e)
	if err != nil {
		return nil, nil, err
	}
	// The number takes the place of a zero, and its own digits count.
	without := int64(len(w.dst) - 1 + len(p.fields) + 1)
	total := without + 1
	for total != without+int64(len(strconv.FormatInt(total, 10))) {
		total++
	}
	base.TotalSize, e.TotalSize = Some(total), Some(total)
	body = slices.Replace(w.dst, sizeAt, sizeAt+1, strconv.AppendInt(nil, total, 10)...)
	body = append(append(body, p.fields...), '}')
	var n numberHeaders
	headers = n.begin(make(Headers, 0, 5+2*len(terminalFields)+len(p.inputs)), p.name, &e)
	return n.end(append(headers, p.inputs...), 0, &e, p.hash), body, nil
}

// GetTotalSize sets the message's TotalSize to the number of bytes of its body
// as a request, and returns it.
func GetTotalSize(m Message) (int64, error) {
	p, err := Prepare(m)
	if err != nil {
		return 0, err
	}
	if _, _, err := p.Request(m.Base()); err != nil {
		return 0, err
	}
	return m.Base().TotalSize.Value, nil
}
