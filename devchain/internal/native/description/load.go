package description

import (
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

//go:embed runtime/*.txt
var files embed.FS

// Eras are the spec versions for which lists of indexes have a column. A spec
// version in between has the indexes of the era before it.
var Eras = [...]uint32{218, 233, 320, 393, 425, 475}

// Options choose what Load describes. Spec is required.
type Options struct {
	// Spec is the spec version, from 218.
	Spec uint32
	// Constants are encoded values that replace those of the files, by
	// "Pallet.Name". A constant without a value in the files needs one here.
	Constants map[string][]byte
	// Pallets are indexes that replace those of the files, by name.
	Pallets map[string]uint8
	// Fields are changes of structs.
	Fields []FieldChange
}

// FieldChange puts a field of a struct into another place, or a new one into it.
type FieldChange struct {
	Struct string // the last part of its path
	Field  string
	Type   string // of a new field; ignored when the struct has the field already
	After  string // the field before it; empty puts it first
}

// Runtime is the description of one spec version. It never changes.
type Runtime struct {
	Spec       uint32
	Types      *scale.Registry
	Pallets    []Pallet
	APIs       []API
	Extensions []Extension

	// Call, Event and Error are the enums of all pallets, Extra is what all
	// extensions put into an extrinsic.
	Call, Event, Error, Runtime, Extrinsic, Address, Signature, Extra scale.TypeID

	// paths are those of types that have another name here, to tell them apart.
	paths map[scale.TypeID][]string
}

// Pallet is one module of the runtime.
type Pallet struct {
	Name  string
	Index uint8
	// Calls, Events and Errors are enums, scale.NoType where there are none.
	Calls, Events, Errors scale.TypeID
	Storage               []Storage
	Constants             []Constant

	path                  string
	hasIndex              bool
	calls, events, errors []string // variants as text
}

// Storage is a storage item.
type Storage struct {
	Pallet, Name string
	Hashers      []scale.Hasher
	Keys         []scale.TypeID
	Value        scale.TypeID
	// Optional tells that the item is absent when it is not there; otherwise it
	// is Default.
	Optional bool
	Default  []byte

	key scale.TypeID // of all keys together
}

// Constant is a value that is part of the runtime.
type Constant struct {
	Name  string
	Type  scale.TypeID
	Value []byte
}

// API is a trait of runtime APIs.
type API struct {
	Name    string
	Version uint32
	// Bytes tells that the methods return byte vectors around their values.
	Bytes   bool
	Methods []Method
}

// Method is a runtime API method.
type Method struct {
	API, Name string
	Inputs    []scale.Field
	// Output is what the metadata says, Value what is inside of it: the same
	// unless the API returns byte vectors.
	Output, Value scale.TypeID
}

// Extension is a transaction extension.
type Extension struct {
	Name           string
	Type, Implicit scale.TypeID
}

// Load reads the description of one spec version.
func Load(o Options) (*Runtime, error) {
	if o.Spec < Eras[0] {
		return nil, fmt.Errorf("description: spec %d: the oldest is %d", o.Spec, Eras[0])
	}
	l := &loader{
		Options: o,
		runtime: &Runtime{Spec: o.Spec, paths: map[scale.TypeID][]string{}},
		types:   scale.NewBuilder(),
		pallets: map[string]*Pallet{},
		renamed: map[string]string{},
	}
	names, err := fs.Glob(files, "runtime/*.txt")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if err := l.read(name); err != nil {
			return nil, fmt.Errorf("description: %w", err)
		}
	}
	if err := l.finish(); err != nil {
		return nil, fmt.Errorf("description: spec %d: %w", o.Spec, err)
	}
	return l.runtime, nil
}

// Pallet returns a pallet by name.
func (r *Runtime) Pallet(name string) (*Pallet, bool) {
	i := slices.IndexFunc(r.Pallets, func(p Pallet) bool { return p.Name == name })
	if i < 0 {
		return nil, false
	}
	return &r.Pallets[i], true
}

// Item returns a storage item, and whether this spec version has it.
func (r *Runtime) Item(pallet, name string) (*Storage, bool) {
	p, ok := r.Pallet(pallet)
	if !ok {
		return nil, false
	}
	i := slices.IndexFunc(p.Storage, func(s Storage) bool { return s.Name == name })
	if i < 0 {
		return nil, false
	}
	return &p.Storage[i], true
}

// Method returns a runtime API method, whether it returns its value in a byte
// vector, and whether this spec version has it.
func (r *Runtime) Method(api, name string) (m *Method, inBytes, ok bool) {
	for i := range r.APIs {
		if r.APIs[i].Name != api {
			continue
		}
		for j := range r.APIs[i].Methods {
			if r.APIs[i].Methods[j].Name == name {
				return &r.APIs[i].Methods[j], r.APIs[i].Bytes, true
			}
		}
	}
	return nil, false, false
}

// loader keeps lines as text until all types are known.
type loader struct {
	Options
	runtime *Runtime
	types   *scale.Builder
	pallets map[string]*Pallet
	renamed map[string]string // full path here -> path on the chain
	changed int               // of Options.Fields

	pallet *Pallet
	api    string
	extra  []string       // types of the extensions
	later  []func() error // what resolves types
	values []func() error // what then encodes values of them
}

// inRange matches the limit at the end of a line.
var inRange = regexp.MustCompile(`\s@(\d*)\.\.(\d*)$`)

func (l *loader) read(name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if err := l.line(strings.TrimSpace(line)); err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	return nil
}

func (l *loader) line(line string) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	active := true
	if m := inRange.FindStringSubmatchIndex(line); m != nil {
		from, to := line[m[2]:m[3]], line[m[4]:m[5]]
		active = l.after(from, true) && l.after(to, false)
		line = line[:m[0]]
	}
	keyword, rest, _ := strings.Cut(line, " ")
	switch keyword {
	case "pallet":
		return l.readPallet(rest)
	case "api":
		return l.readAPI(rest, active)
	}
	if !active {
		return nil
	}
	switch keyword {
	case "type":
		return l.readType(rest)
	case "storage":
		return l.readStorage(rest)
	case "constant":
		return l.readConstant(rest)
	case "call":
		return l.readVariant(&l.pallet.calls, rest)
	case "event":
		return l.readVariant(&l.pallet.events, rest)
	case "error":
		return l.readVariant(&l.pallet.errors, rest)
	case "method":
		return l.readMethod(rest)
	case "extension":
		return l.readExtension(rest)
	default:
		return fmt.Errorf("unknown keyword %q", keyword)
	}
}

// after tells whether the spec version is at or above a bound, or for the upper
// bound at or below it. No bound is no limit.
func (l *loader) after(bound string, lower bool) bool {
	if bound == "" {
		return true
	}
	n, err := strconv.ParseUint(bound, 10, 32)
	return err == nil && (lower && l.Spec >= uint32(n) || !lower && l.Spec <= uint32(n))
}

func (l *loader) readPallet(text string) error {
	name, rest, _ := strings.Cut(text, " ")
	if l.pallets[name] == nil {
		l.pallets[name] = &Pallet{Name: name, Calls: scale.NoType, Events: scale.NoType, Errors: scale.NoType}
	}
	l.pallet = l.pallets[name]
	if rest == "" {
		return nil // another file has the index
	}
	index, path, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(index, 10, 8)
	if err != nil {
		return err
	}
	l.pallet.Index, l.pallet.path, l.pallet.hasIndex = uint8(n), path, true
	if moved, ok := l.Options.Pallets[name]; ok {
		l.pallet.Index = moved
	}
	return nil
}

func (l *loader) readAPI(text string, active bool) error {
	words := strings.Fields(text)
	if len(words) < 2 {
		return fmt.Errorf("an api has a name and a version")
	}
	version, err := strconv.ParseUint(words[1], 10, 32)
	if err != nil {
		return err
	}
	l.api = words[0]
	if !active {
		return nil
	}
	l.runtime.APIs = append(l.runtime.APIs, API{
		Name: words[0], Version: uint32(version), Bytes: slices.Contains(words[2:], "bytes"),
	})
	return nil
}

// readVariant reads a call, an event or an error: an index or a list of them,
// then a variant.
func (l *loader) readVariant(into *[]string, text string) error {
	if l.pallet == nil {
		return fmt.Errorf("belongs to no pallet")
	}
	var index string
	if list, ok := strings.CutPrefix(text, "["); ok {
		columns, rest, ok := strings.Cut(list, "]")
		fields := strings.Fields(columns)
		if !ok || len(fields) != len(Eras) {
			return fmt.Errorf("a list has %d indexes", len(Eras))
		}
		for i, era := range Eras {
			if l.Spec >= era {
				index = fields[i]
			}
		}
		text = rest
	} else {
		index, text, _ = strings.Cut(text, " ")
	}
	if index == "-" {
		return nil
	}
	text = strings.TrimSpace(text)
	// Calls are written like functions; their arguments have names.
	if into == &l.pallet.calls {
		text = strings.TrimSuffix(strings.Replace(text, "(", "{", 1), ")") + "}"
		text = strings.TrimSuffix(text, "{}")
	}
	*into = append(*into, text+" = "+index)
	return nil
}
