package synapse

import (
	"reflect"
	"sync"
)

// Exchange is one message and its answer at the receiver. It knows what the two
// and the headers of the message have in common, so that it need not be made
// more than once. It is not safe for concurrent use.
type Exchange struct {
	head Message

	// The body hash of the message, and the texts that it is made of, one after
	// the other. Without the hash there are none.
	hash  string
	texts []byte
	ends  []int
	long  bool // the texts are too long to be kept
}

var exchanges = sync.Pool{New: func() any { return new(Exchange) }}

// NewExchange begins an exchange. The head, which may be nil, is the message as
// FromHTTP or FromHeaders has read it.
func NewExchange(head Message) *Exchange {
	x := exchanges.Get().(*Exchange)
	x.head = head
	return x
}

// Release ends the exchange, which must not be used any more. It need not be
// called, and saves memory.
func (x *Exchange) Release() {
	x.forget()
	x.head = nil
	exchanges.Put(x)
}

// Decode is DecodeHashed.
func (x *Exchange) Decode(body []byte, m Message) (hash string, err error) {
	s, err := schemaOf(m)
	if err != nil {
		return "", err
	}
	return s.decode(body, m, x)
}

// AppendHeaders appends what ToHeaders returns, for the answer, which is of the
// type of the message that was decoded.
func (x *Exchange) AppendHeaders(dst Headers, m Message) (Headers, error) {
	s, err := schemaOf(m)
	if err != nil {
		return nil, err
	}
	hash := x.hash
	if !x.same(s, m) {
		if hash, err = s.bodyHash(m); err != nil {
			return nil, err
		}
	}
	return s.appendHeaders(dst, m, hash)
}

// like is the message whose texts the body is likely to have.
func (x *Exchange) like() *Synapse {
	if x == nil || x.head == nil {
		return nobody
	}
	return x.head.Base()
}

var nobody = new(Synapse)

func (x *Exchange) forget() { x.hash, x.texts, x.ends, x.long = "", x.texts[:0], x.ends[:0], false }

// keptTexts is how long texts may be to be kept. Longer ones are hashed twice.
const keptTexts = 4 << 10

func (x *Exchange) remember(text []byte) {
	if x.long = x.long || len(x.texts)+len(text) > keptTexts; !x.long {
		x.texts = append(x.texts, text...)
		x.ends = append(x.ends, len(x.texts))
	}
}

// same tells whether the texts of a message's hash fields are those that x.hash
// is of.
func (x *Exchange) same(s *schema, m Message) bool {
	if x.hash == "" || x.long || len(x.ends) != len(s.hash) {
		return false
	}
	h := newHasher()
	defer h.release()
	root := reflect.ValueOf(m).Elem()
	begin := 0
	for n, i := range s.hash {
		f := &s.model.fields[i]
		text, err := f.shape.appendPython(h.text[:0], root.FieldByIndex(f.index), true, 0)
		h.text = text
		if err != nil || string(text) != string(x.texts[begin:x.ends[n]]) {
			return false
		}
		begin = x.ends[n]
	}
	return true
}
