package synapse

// DefaultTimeout is the time, in seconds, that a message allows its receiver
// when nothing else is set.
const DefaultTimeout = 12.0

// Synapse holds the fields that every message has. Message types embed it. The
// zero Synapse is the default one of the protocol: timeout 12 s, sizes 0 and
// everything else absent.
type Synapse struct {
	// Name is the name of the message's type. Everything that reads or writes a
	// message sets it from the Go type.
	Name string `json:"name"`
	// Timeout is what the sender allows, in seconds.
	Timeout Optional[float64] `json:"timeout"`
	// TotalSize is the number of bytes of the request's body; nobody checks it.
	TotalSize Optional[int64] `json:"total_size"`
	// HeaderSize is 0 in bodies; nobody checks it.
	HeaderSize Optional[int64] `json:"header_size"`
	// Dendrite is the sender and Axon the receiver. Nothing in a body or a
	// header is proven by itself: package axon tells handlers whose signature it
	// checked.
	Dendrite TerminalInfo `json:"dendrite"`
	Axon     TerminalInfo `json:"axon"`

	bodyHash Optional[string]
	// made tells a message that New or Decode made, in which absent fields are
	// None, from one written as a literal, in which they are the defaults.
	made bool
}

// Message is a pointer to a struct that embeds Synapse.
type Message interface {
	Base() *Synapse
}

// Of is the constraint of functions that make messages: P is *T, and T embeds
// Synapse.
type Of[T any] interface {
	*T
	Message
}

// Named is a Message whose name on the wire is not the name of its Go type.
type Named interface {
	SynapseName() string
}

// Defaulter is a message, or a struct nested in one, with fields that are not
// zero by default. SetDefaults is called on a zero value.
type Defaulter interface {
	SetDefaults()
}

// HashFielder is a Message that names the fields that its signature covers, in
// the order of hashing. It overrules the hash options of tags. The method is
// called once, on a zero value.
type HashFielder interface {
	HashFields() []string
}

// Deserializer is a Message that turns into something else once it has been
// answered, as the Python method deserialize does.
type Deserializer[R any] interface {
	Deserialize() R
}

// Base returns s, which makes what embeds it a Message.
func (s *Synapse) Base() *Synapse { return s }

// ComputedBodyHash returns the body hash that came with a message's headers or
// body. Nothing outside this package can set it; BodyHash computes the real one.
func (s *Synapse) ComputedBodyHash() Optional[string] {
	if !s.made {
		return Some(s.bodyHash.Value)
	}
	return s.bodyHash
}

// New returns a message with the defaults of its type.
func New[T any, P Of[T]]() P {
	message := P(new(T))
	if d, ok := any(message).(Defaulter); ok {
		d.SetDefaults()
	}
	base := message.Base()
	*base = base.effective()
	base.Name = NameOf(message)
	return message
}

// effective returns a copy in which what a literal left out has its default.
func (s *Synapse) effective() Synapse {
	e := *s
	if s.made {
		return e
	}
	if !e.Timeout.Present {
		e.Timeout = Some(DefaultTimeout)
	}
	if !e.TotalSize.Present {
		e.TotalSize = Some[int64](0)
	}
	if !e.HeaderSize.Present {
		e.HeaderSize = Some[int64](0)
	}
	e.bodyHash = Some(e.bodyHash.Value)
	e.made = true
	return e
}

// The predicates tell how a call ended, by the status code that the sender's
// side has.

// IsSuccess tells whether the call ended with status 200.
func (s *Synapse) IsSuccess() bool { return s.Dendrite.StatusCode == Some(200) }

// IsFailure tells whether the call did not end with status 200. A call that has
// not ended yet counts as a failure.
func (s *Synapse) IsFailure() bool { return !s.IsSuccess() }

// IsTimeout tells whether the call took too long: status 408.
func (s *Synapse) IsTimeout() bool { return s.Dendrite.StatusCode == Some(408) }

// IsBlacklist tells whether the receiver does not serve the sender: status 403.
func (s *Synapse) IsBlacklist() bool { return s.Dendrite.StatusCode == Some(403) }

// FailedVerification tells whether the receiver refused the signature: status
// 401.
func (s *Synapse) FailedVerification() bool { return s.Dendrite.StatusCode == Some(401) }
