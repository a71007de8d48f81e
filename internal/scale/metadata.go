package scale

import (
	"errors"
	"fmt"
)

// What a lookup in metadata may miss. The errors of the lookups wrap one of these and name what was asked for.
var (
	ErrNoPallet   = errors.New("no such pallet")
	ErrNoStorage  = errors.New("no such storage item")
	ErrNoConstant = errors.New("no such constant")
	ErrNoCall     = errors.New("no such call")
	// ErrNoAPI also means that the metadata describes no runtime APIs at all (version 14).
	ErrNoAPI = errors.New("no such runtime API method")
)

// Metadata is what one runtime says about itself. It never changes, so any number of goroutines may use it.
type Metadata struct {
	// Version is the version of the metadata format: 14, 15 or 16.
	Version int
	Types   *Registry
	// Pallets are in the order of the runtime.
	Pallets   []Pallet
	Extrinsic ExtrinsicFormat
	// APIs are the runtime APIs; none in version 14.
	APIs []API
	// EventType, CallType and ErrorType are the enums of all pallets' events, calls and errors. NoType when the
	// metadata does not say (ErrorType in version 14).
	EventType, CallType, ErrorType TypeID

	pallets map[string]*Pallet
	byIndex [256]*Pallet
	apis    map[string]*APIMethod
}

// Pallet is one module of a runtime.
type Pallet struct {
	Name string
	// Index is the first byte of the pallet's calls, events and errors.
	Index uint8
	// Prefix is the name under which storage keys are made; empty when the pallet has no storage.
	Prefix  string
	Storage []StorageItem
	// Calls, Events and Errors are enums, NoType when the pallet has none.
	Calls, Events, Errors TypeID
	Constants             []Constant
}

// Constant is a value that is part of a runtime's code.
type Constant struct {
	Name  string
	Type  TypeID
	Value []byte
}

// ExtrinsicFormat describes the extrinsics of a runtime.
type ExtrinsicFormat struct {
	// Versions are the extrinsic versions that the runtime takes. Signed ones are always version 4.
	Versions []uint8
	// Address is the type of the signer, Signature that of the signature.
	Address, Signature TypeID
	// Extensions are the transaction extensions (signed extensions) of version 4, in order.
	Extensions []Extension
}

// Extension is a transaction extension.
type Extension struct {
	Name string
	// Type is what stands in the extrinsic, Implicit what is only signed.
	Type, Implicit TypeID
}

// API is one trait of runtime APIs.
type API struct {
	Name    string
	Methods []APIMethod
}

// APIMethod is a runtime API method. Its exported name is the trait's, an underscore, and its own.
type APIMethod struct {
	API, Name string
	Inputs    []Field
	Output    TypeID

	types *Registry
}

// Pallet returns a pallet by name.
func (m *Metadata) Pallet(name string) (*Pallet, bool) {
	p, ok := m.pallets[name]
	return p, ok
}

// PalletByIndex returns a pallet by its index.
func (m *Metadata) PalletByIndex(index uint8) (*Pallet, bool) {
	p := m.byIndex[index]
	return p, p != nil
}

// Storage returns a storage item. The error wraps ErrNoPallet or ErrNoStorage.
func (m *Metadata) Storage(pallet, item string) (*StorageItem, error) {
	p, ok := m.pallets[pallet]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoPallet, pallet)
	}
	for i := range p.Storage {
		if p.Storage[i].Name == item {
			return &p.Storage[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %s.%s", ErrNoStorage, pallet, item)
}

// Constant returns a constant. The error wraps ErrNoPallet or ErrNoConstant.
func (m *Metadata) Constant(pallet, name string) (*Constant, error) {
	p, ok := m.pallets[pallet]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoPallet, pallet)
	}
	for i := range p.Constants {
		if p.Constants[i].Name == name {
			return &p.Constants[i], nil
		}
	}
	return nil, fmt.Errorf("%w: %s.%s", ErrNoConstant, pallet, name)
}

// API returns a runtime API method. The error wraps ErrNoAPI.
func (m *Metadata) API(trait, method string) (*APIMethod, error) {
	if a, ok := m.apis[trait+"_"+method]; ok {
		return a, nil
	}
	return nil, fmt.Errorf("%w: %s_%s", ErrNoAPI, trait, method)
}

// ExportedName is the name under which a node calls the method: "Trait_method".
func (a *APIMethod) ExportedName() string { return a.API + "_" + a.Name }

// AppendArgs appends the arguments of a call of the method, encoded by their types (see [Registry.AppendValue]).
func (a *APIMethod) AppendArgs(dst []byte, args ...any) ([]byte, error) {
	if len(args) != len(a.Inputs) {
		return nil, fmt.Errorf("%s takes %d arguments, got %d", a.ExportedName(), len(a.Inputs), len(args))
	}
	for i, f := range a.Inputs {
		var err error
		if dst, err = a.types.AppendValue(dst, f.Type, args[i]); err != nil {
			return nil, fmt.Errorf("%s: argument %s: %w", a.ExportedName(), f.Name, err)
		}
	}
	return dst, nil
}
