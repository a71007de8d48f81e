package scale

import "errors"

var errPending = errors.New("scale: not written yet")

// Object is a struct value; the fields are in the order of the chain.
type Object []Member

// Member is a field of an Object.
type Member struct {
	Name  string
	Value any
}

// Get returns the value of a field.
func (o Object) Get(name string) (any, bool) {
	for i := range o {
		if o[i].Name == name {
			return o[i].Value, true
		}
	}
	return nil, false
}

// Enum is a value of an enum: the variant's name and its fields (nil, the value of the only unnamed one, []any, or an
// Object).
type Enum struct {
	Name  string
	Value any
}

// Bytes is a byte vector or array; in JSON a string of 0x and hexadecimal digits.
type Bytes []byte

// DecodeValue decodes a value of a described type that takes all of b; see "Values" in the package documentation.
func (r *Registry) DecodeValue(id TypeID, b []byte) (any, error) { return nil, errPending }

// DecodeValueFrom decodes the next value of rd; the reader keeps the error.
func (r *Registry) DecodeValueFrom(rd *Reader, id TypeID) any { return nil }

// AppendValue appends a value, encoded as a described type; see "Values" in the package documentation.
func (r *Registry) AppendValue(dst []byte, id TypeID, v any) ([]byte, error) { return nil, errPending }

// Call is a described call.
type Call struct {
	Pallet, Name string
	// Index is the pallet's index and the call's, the first two bytes.
	Index [2]uint8
	Args  []Field
}

// Call returns a call by name. The error wraps ErrNoPallet or ErrNoCall.
func (m *Metadata) Call(pallet, call string) (*Call, error) { return nil, errPending }

// CallByIndex returns a call by the first two bytes of its encoding.
func (m *Metadata) CallByIndex(pallet, call uint8) (*Call, error) { return nil, errPending }

// EncodeCall encodes a call. The arguments are a map[string]any, an Object, a Go struct with scale tags, or nil.
func (m *Metadata) EncodeCall(pallet, call string, args any) ([]byte, error) { return nil, errPending }

// ModuleError returns the name and the documentation of an error of a pallet.
func (m *Metadata) ModuleError(pallet, index uint8) (palletName, name, docs string, ok bool) { return }

// Era is how long an extrinsic can be included. The zero Era is immortal: always.
type Era struct{ Period, Phase uint64 }

// NewEra returns the era of a period (rounded up to a power of two, 4 to 65536 blocks) that has begun at or before the
// block current.
func NewEra(period, current uint64) Era { return Era{} }

// Birth returns the block in which the era that holds the block current began: the block whose hash is signed.
func (e Era) Birth(current uint64) uint64 { return 0 }

// Death returns the first block that can no longer include the extrinsic; 0 when there is none.
func (e Era) Death(current uint64) uint64 { return 0 }

// Append appends the encoded era: one byte for immortal, else two.
func (e Era) Append(dst []byte) []byte { return dst }

// Extrinsic is a decoded extrinsic.
type Extrinsic struct {
	// Hash is the BLAKE2b-256 hash of all bytes, the length in front included.
	Hash [32]byte
	// Version is 4 or 5.
	Version uint8
	// Signed tells that the extrinsic has a signer and a signature. General tells that it has extensions only (5).
	Signed, General bool
	// Signer, Signature and Extensions are nil where the extrinsic has none.
	Signer, Signature any
	Extensions        Object
	// Era, Nonce and Tip are those of the extensions, zero where there are none.
	Era          Era
	Nonce        uint64
	Pallet, Call string
	Args         Object
	// CallData is the encoded call.
	CallData []byte
}

// DecodeExtrinsic decodes an extrinsic as it stands in a block: with its length in front.
func (m *Metadata) DecodeExtrinsic(b []byte) (*Extrinsic, error) { return nil, errPending }

// ExtrinsicHash is the hash of an extrinsic's bytes, the length in front included.
func ExtrinsicHash(b []byte) [32]byte { return Blake2_256(b) }

// Phase says when in a block an event happened.
type Phase uint8

// The phases.
const (
	ApplyExtrinsic Phase = iota
	Finalization
	Initialization
)

// EventRecord is one event of a block.
type EventRecord struct {
	Phase Phase
	// Extrinsic is the position of the extrinsic in the block when Phase is ApplyExtrinsic.
	Extrinsic    uint32
	Pallet, Name string
	// Fields is nil, the value of the only unnamed field, []any or an Object, as in Enum.
	Fields any
	Topics [][32]byte
}

// DecodeEvents decodes the value of the storage item System.Events.
func (m *Metadata) DecodeEvents(b []byte) ([]EventRecord, error) { return nil, errPending }

// DispatchError is why a call failed.
type DispatchError struct {
	// Kind is the variant: "Module", "BadOrigin", "Token", ….
	Kind string
	// Pallet, Name and Docs are those of a Module error; for Token, Arithmetic and the like Name is the detail.
	Pallet, Name, Docs string
}

func (e *DispatchError) Error() string { return "" }

// DispatchError resolves a dispatch error as it stands in an event or a result: an Enum.
func (m *Metadata) DispatchError(v any) (*DispatchError, error) { return nil, errPending }

// DecodeDispatchError decodes and resolves an encoded dispatch error.
func (m *Metadata) DecodeDispatchError(b []byte) (*DispatchError, error) { return nil, errPending }
