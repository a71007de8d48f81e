package scale

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"
)

// metadataMagic is "meta", the first four bytes of metadata.
const metadataMagic = 0x6174656d

// ErrNoMetadata means that a runtime has no metadata of the version that was asked for.
var ErrNoMetadata = errors.New("the runtime has no metadata of this version")

// ParseOpaqueMetadata decodes the result of the runtime API Metadata_metadata_at_version: an optional byte vector with
// the metadata in it. An empty option is ErrNoMetadata.
func ParseOpaqueMetadata(result []byte) (*Metadata, error) {
	r := NewReader(result)
	if !r.Option() {
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("parse metadata: %w", err)
		}
		return nil, ErrNoMetadata
	}
	raw := r.ByteVec()
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("parse metadata: %w", err)
	}
	return ParseMetadata(raw)
}

// ParseMetadata decodes metadata of version 14, 15 or 16, which begins with "meta". It keeps nothing of raw: of the
// documentation, which is the larger half, only that of pallet errors is copied.
func ParseMetadata(raw []byte) (*Metadata, error) {
	m, err := parseMetadata(raw)
	if err != nil {
		return nil, fmt.Errorf("parse metadata: %w", err)
	}
	return m, nil
}

func parseMetadata(raw []byte) (*Metadata, error) {
	p := &metadataParser{Reader: *NewReader(raw), names: make(map[string]string, len(raw)/128), extrinsicType: NoType}
	if len(raw) > maxMetadata {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooComplex, len(raw))
	}
	p.left = parsedPerByte*len(raw) + freeParsed
	if p.Uint32() != metadataMagic {
		return nil, fmt.Errorf("%w: it does not begin with \"meta\"", ErrInvalid)
	}
	p.version = int(p.Uint8())
	if p.err == nil && (p.version < 14 || p.version > 16) {
		return nil, fmt.Errorf("version %d is not 14, 15 or 16", p.version)
	}
	m := &Metadata{Version: p.version, EventType: NoType, CallType: NoType, ErrorType: NoType}
	types := p.types()
	m.Pallets = list(p, 5, p.pallet)
	p.extrinsic(m)
	if p.version >= 15 {
		m.APIs = list(p, 2, p.api)
		m.CallType, m.EventType, m.ErrorType = p.id(), p.id(), p.id()
		for range p.Len(3) { // custom values: name, type, bytes
			p.skipText()
			p.id()
			p.ByteVec()
		}
	}
	if err := p.Close(); err != nil {
		return nil, err
	}
	var err error
	if m.Types, err = NewRegistry(types); err != nil {
		return nil, err
	}
	return m, m.connect(p.extrinsicType)
}

// metadataParser reads metadata. Names occur many times over in it, so each is kept once.
type metadataParser struct {
	Reader
	version int
	names   map[string]string
	// left is how many bytes of memory what is read may still take.
	left int
	// extrinsicType is the type of an extrinsic in version 14.
	extrinsicType TypeID
}

const (
	// maxMetadata is fifty times the metadata of today, in bytes.
	maxMetadata = 16 << 20
	// parsedPerByte and freeParsed bound how much memory metadata may take when it is parsed. An element may be forty times
	// its least encoding; but real metadata is mostly names and documentation, and takes one and a half times its size, four
	// times without documentation.
	parsedPerByte = 16
	freeParsed    = 32 << 10
	// nameCost is about what a name takes in the map of names, besides its bytes.
	nameCost = 128
)

// take takes bytes of memory from those that are left.
func (p *metadataParser) take(bytes int) bool {
	if p.left -= bytes; p.left < 0 {
		p.fail(fmt.Errorf("%w: it takes over %d times its size", ErrTooComplex, parsedPerByte))
	}
	return p.left >= 0
}

// list reads a vector whose elements take at least least bytes.
func list[T any](p *metadataParser, least int, read func() T) []T {
	n := p.Len(least)
	if n == 0 || !p.take(n*int(unsafe.Sizeof(*new(T)))) {
		return nil
	}
	s := make([]T, 0, n)
	for range n {
		v := read()
		if p.err != nil {
			return nil
		}
		s = append(s, v)
	}
	return s
}

func (p *metadataParser) name() string {
	start := p.pos
	b := p.ByteVec()
	if s, ok := p.names[string(b)]; ok {
		return s
	}
	if !p.take(nameCost) {
		return ""
	}
	p.pos = start
	s := p.Text()
	p.names[s] = s
	return s
}

func (p *metadataParser) id() TypeID {
	id := p.Compact()
	if id >= uint64(NoType) {
		p.invalid("type number %d", id)
		return NoType
	}
	return TypeID(id)
}

func (p *metadataParser) optionalID() TypeID {
	if p.Option() {
		return p.id()
	}
	return NoType
}

func (p *metadataParser) bytes() []byte { return slices.Clone(p.ByteVec()) }
func (p *metadataParser) skipText()     { p.ByteVec() }

func (p *metadataParser) skipDocs() {
	for range p.Len(1) {
		p.skipText()
	}
}

// docs reads documentation as one line.
func (p *metadataParser) docs() string {
	var b strings.Builder
	for range p.Len(1) {
		line := strings.TrimSpace(p.Text())
		if line != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// types reads the type registry. Its numbers must be the positions, as every runtime has them.
func (p *metadataParser) types() []Type {
	next := uint64(0)
	return list(p, 6, func() Type {
		if id := p.Compact(); p.err == nil && id != next {
			p.invalid("type %d in place of %d", id, next)
		}
		next++
		t := p.typ()
		p.skipDocs()
		return t
	})
}

func (p *metadataParser) typ() Type {
	t := Type{Path: list(p, 1, p.name)}
	t.Params = list(p, 2, func() TypeParam { return TypeParam{p.name(), p.optionalID()} })
	t.Kind = Kind(p.Uint8())
	switch t.Kind {
	case KindComposite:
		t.Fields = list(p, 4, func() Field { return p.field(false) })
	case KindVariant:
		last := ""
		if len(t.Path) > 0 {
			last = t.Path[len(t.Path)-1]
		}
		t.Variants = list(p, 4, func() Variant { return p.variant(last == "Error", last == "Call") })
	case KindSequence, KindCompact:
		t.Elem = p.id()
	case KindArray:
		t.Len = p.Uint32()
		t.Elem = p.id()
	case KindTuple:
		t.Fields = list(p, 1, func() Field { return Field{Type: p.id()} })
	case KindPrimitive:
		t.Primitive = Primitive(p.Uint8())
	case KindBitSequence:
		t.BitStore, t.BitOrder = p.id(), p.id()
	default:
		p.invalid("kind of type %d", t.Kind)
	}
	return t
}

// field reads a field. The type's name in the source is kept on demand.
func (p *metadataParser) field(keepTypeName bool) Field {
	var f Field
	if p.Option() {
		f.Name = p.name()
	}
	f.Type = p.id()
	switch named := p.Option(); {
	case named && keepTypeName:
		f.TypeName = p.name()
	case named:
		p.skipText()
	}
	p.skipDocs()
	return f
}

func (p *metadataParser) variant(keepDocs, keepTypeNames bool) Variant {
	v := Variant{Name: p.name()}
	v.Fields = list(p, 4, func() Field { return p.field(keepTypeNames) })
	v.Index = p.Uint8()
	if keepDocs {
		v.Docs = p.docs()
	} else {
		p.skipDocs()
	}
	return v
}

// skipDeprecation moves past what version 16 says about whether an item is deprecated.
func (p *metadataParser) skipDeprecation() {
	if p.version < 16 {
		return
	}
	switch status := p.Uint8(); status {
	case 0, 1: // not deprecated; deprecated without a note
	case 2:
		p.skipText()
		if p.Option() {
			p.skipText() // since when
		}
	default:
		p.invalid("deprecation status %d", status)
	}
}

// palletEnum reads the optional type of a pallet's calls, events or errors.
func (p *metadataParser) palletEnum() TypeID {
	id := p.optionalID()
	if id != NoType && p.version >= 16 {
		for range p.Len(2) { // deprecated variants by index
			p.Uint8()
			p.skipDeprecation()
		}
	}
	return id
}

func (p *metadataParser) pallet() Pallet {
	pallet := Pallet{Name: p.name()}
	if p.Option() {
		pallet.Prefix = p.name()
		pallet.Storage = list(p, 6, func() StorageItem { return p.storageItem(pallet.Name) })
	}
	pallet.Calls, pallet.Events = p.palletEnum(), p.palletEnum()
	pallet.Constants = list(p, 4, func() Constant {
		c := Constant{Name: p.name(), Type: p.id(), Value: p.bytes()}
		p.skipDocs()
		p.skipDeprecation()
		return c
	})
	pallet.Errors = p.palletEnum()
	if p.version >= 16 {
		for range p.Len(3) { // associated types
			p.skipText()
			p.id()
			p.skipDocs()
		}
		for range p.Len(32) { // view functions
			p.Take(32)
			p.method(pallet.Name)
		}
	}
	pallet.Index = p.Uint8()
	if p.version >= 15 {
		p.skipDocs()
		p.skipDeprecation()
	}
	return pallet
}

func (p *metadataParser) storageItem(pallet string) StorageItem {
	s := StorageItem{Pallet: pallet, Name: p.name()}
	switch modifier := p.Uint8(); modifier {
	case 0:
		s.Optional = true
	case 1:
	default:
		p.invalid("storage modifier %d", modifier)
	}
	switch form := p.Uint8(); form {
	case 0:
		s.Value = p.id()
	case 1:
		s.Hashers = list(p, 1, func() Hasher { return Hasher(p.Uint8()) })
		s.Keys = []TypeID{p.id()} // a tuple when there are several; connect takes it apart
		s.Value = p.id()
	default:
		p.invalid("storage form %d", form)
	}
	s.Default = p.bytes()
	p.skipDocs()
	p.skipDeprecation()
	return s
}

// extrinsic reads the extrinsic format. Version 14 gives the type of an extrinsic, whose parameters name the rest.
func (p *metadataParser) extrinsic(m *Metadata) {
	x := &m.Extrinsic
	x.Address, x.Signature = NoType, NoType
	var selected []uint64 // which extensions extrinsics have now; all when the metadata does not say
	switch p.version {
	case 14:
		p.extrinsicType = p.id()
		x.Versions = []uint8{p.Uint8()}
	case 15:
		x.Versions = []uint8{p.Uint8()}
		x.Address, _, x.Signature = p.id(), p.id(), p.id()
		p.id() // all extensions as one type
	default:
		x.Versions = p.bytes()
		x.Address, _, x.Signature = p.id(), p.id(), p.id()
		selected = p.extensionsOfVersion0()
	}
	x.Extensions = list(p, 3, func() Extension { return Extension{p.name(), p.id(), p.id()} })
	if selected != nil {
		all := x.Extensions
		x.Extensions = make([]Extension, 0, len(selected))
		for _, i := range selected {
			if i >= uint64(len(all)) {
				p.invalid("extension %d of %d", i, len(all))
				return
			}
			x.Extensions = append(x.Extensions, all[i])
		}
	}
	if p.version < 16 {
		p.id() // the runtime itself
	}
}

// extensionsOfVersion0 reads which extensions belong to which version of their list, and returns those of version 0:
// the only one there is so far, and the one that signed extrinsics use. Nil when there is none.
func (p *metadataParser) extensionsOfVersion0() (selected []uint64) {
	for range p.Len(2) {
		version := p.Uint8()
		indexes := list(p, 1, p.Compact)
		if version == 0 {
			selected = indexes
		}
	}
	return selected
}

func (p *metadataParser) api() API {
	a := API{Name: p.name()}
	a.Methods = list(p, 4, func() APIMethod { return p.method(a.Name) })
	p.skipDocs()
	if p.version >= 16 {
		p.Compact() // version of the trait
		p.skipDeprecation()
	}
	return a
}

// method reads a method of a runtime API, or a view function, which has the same form.
func (p *metadataParser) method(trait string) APIMethod {
	m := APIMethod{API: trait, Name: p.name()}
	m.Inputs = list(p, 2, func() Field { return Field{Name: p.name(), Type: p.id()} })
	m.Output = p.id()
	p.skipDocs()
	p.skipDeprecation()
	return m
}
