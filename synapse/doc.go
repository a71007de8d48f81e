// Package synapse is the signed message that Bittensor's neurons exchange: its
// fields, its HTTP headers and JSON bodies, the hash and the text that are
// signed, and tensors. It speaks the protocol of the Python SDK 6 to 10, byte
// for byte. It opens no socket: package axon serves messages and package
// dendrite sends them.
//
// # A message
//
// A kind of message is a struct that embeds [Synapse]. Its name on the wire,
// which is also the last part of its URL, is the name of the Go type, unless a
// method SynapseName gives another.
//
//	type Prompting struct {
//		synapse.Synapse
//		Roles       []string `synapse:"required,hash"`
//		Messages    []string `synapse:"required,hash"`
//		Temperature float64  `synapse:"hash"`
//		Completion  string
//	}
//
//	func (p *Prompting) SetDefaults() { p.Temperature = 1 }
//
// A field has the name of its json tag, or else its Go name in snake case. The
// synapse tag holds any of these, divided by commas:
//
//   - required: the Python class declares the field without a default.
//   - hash: the signature covers the field, through the body hash. The order of
//     the fields is the order of hashing, unless a method HashFields names them
//     in another.
//   - frozen: an answer never replaces the sender's value.
//
// A SetDefaults method gives fields the defaults of the Python class. [New]
// calls it, and so does everything here that reads a message; a literal such as
// &Prompting{} has Go's zero values instead.
//
// # Values
//
// The hash is made from Python's text of the values (True, 1e-05, ['it', "it's"]),
// so a Go type stands for a Python type, and both ends have to use the same one:
//
//	bool, string                    bool, str
//	int…, uint…, *big.Int           int
//	float32, float64                float
//	[]T and [n]T, Tuple[T]          list, tuple
//	map[K]V, Dict[K, V]             dict; Dict keeps the order of its keys
//	struct                          nested model
//	*T, Optional[T]                 Optional; absent is None
//	Tensor                          Tensor
//	any                             Any: bool, int64 or *big.Int, float64, string,
//	                                []any, Object, nil
//	[]byte, time.Time, Enum         bytes, naive datetime, Enum: Python can hash
//	                                and answer these but not send them
//	encoding.TextMarshaler          str
//
// What is read is coerced as pydantic's lax mode does for these types: an int
// takes 1, 1.0, "1" and true, a string takes only strings. A Go type that is
// too small for a number refuses it.
//
// # Headers
//
// [ToHeaders] and [FromHeaders] convert between a message and the headers that
// accompany it. Headers carry the addresses, the signature and an empty value
// for each required field, never the fields' values: those are in the body
// ([AppendRequest], [AppendResponse], [Decode]).
//
// Required fields have traps that come from the Python axon, which refuses the
// message before its body is read: None in a required field, a required nested
// model that has required fields itself (a Tensor has), and a required name
// with a capital letter. Give such fields a default in the Python class.
package synapse
