package scale

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// TypeID numbers a type of a [Registry], starting with 0.
type TypeID uint32

// NoType stands for the absence of a type, for example the calls of a pallet that has none.
const NoType TypeID = math.MaxUint32

// Kind says what a type is. The numbers are those of the metadata.
type Kind uint8

// The kinds of types.
const (
	KindComposite   Kind = iota // a struct: Fields
	KindVariant                 // an enum: Variants
	KindSequence                // a vector: Elem
	KindArray                   // Len times Elem
	KindTuple                   // Fields, without names
	KindPrimitive               // Primitive
	KindCompact                 // the compact form of the unsigned integer Elem
	KindBitSequence             // bits, packed into BitStore in the order BitOrder
)

var kindNames = [...]string{"struct", "enum", "vector", "array", "tuple", "primitive", "compact", "bit sequence"}

// String returns a plain word for the kind.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Primitive is a type that is made of no others. The numbers are those of the metadata.
type Primitive uint8

// The primitives.
const (
	Bool Primitive = iota
	Char
	Str
	U8
	U16
	U32
	U64
	U128
	U256
	I8
	I16
	I32
	I64
	I128
	I256
)

var primitiveNames = [...]string{
	"bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "u256", "i8", "i16", "i32", "i64", "i128", "i256",
}

// String returns Rust's name of the primitive.
func (p Primitive) String() string {
	if int(p) < len(primitiveNames) {
		return primitiveNames[p]
	}
	return fmt.Sprintf("Primitive(%d)", uint8(p))
}

// width returns the size of a primitive in bytes; 0 for text, which has none.
func (p Primitive) width() int {
	switch p {
	case Bool, U8, I8:
		return 1
	case U16, I16:
		return 2
	case Char, U32, I32:
		return 4
	case U64, I64:
		return 8
	case U128, I128:
		return 16
	case U256, I256:
		return 32
	}
	return 0
}

func (p Primitive) unsigned() bool { return p >= U8 && p <= U256 }
func (p Primitive) signed() bool   { return p >= I8 && p <= I256 }

// Type describes one type. Which fields count depends on Kind.
type Type struct {
	// Path is where the type is declared, the name last; empty for tuples, vectors and the like.
	Path []string
	// Params are the generic parameters. They say nothing about the encoding.
	Params []TypeParam
	Kind   Kind
	// Fields are those of a struct (all with names or all without) or a tuple.
	Fields []Field
	// Variants are those of an enum, in the order of the metadata.
	Variants []Variant
	// Elem is the element of a vector or an array, or the integer of a compact.
	Elem TypeID
	// Len is the length of an array.
	Len       uint32
	Primitive Primitive
	// BitStore and BitOrder are the integer that a bit sequence is packed into, and a type named Lsb0 or Msb0.
	BitStore, BitOrder TypeID
}

// TypeParam is a generic parameter. Type is NoType when the parameter is not a described type.
type TypeParam struct {
	Name string
	Type TypeID
}

// Field is a field of a struct, of a variant or (without a name) of a tuple.
type Field struct {
	Name string
	Type TypeID
	// TypeName is how the source code writes the type. A [Builder] sets it; [ParseMetadata] keeps it for the arguments of
	// calls only.
	TypeName string
}

// Variant is a variant of an enum. Index is its first byte.
type Variant struct {
	Name   string
	Index  uint8
	Fields []Field
	// Docs is the documentation, lines joined by a space. [ParseMetadata] keeps it for the errors of pallets only.
	Docs string
}

// variantAt returns the position of the variant with the index, -1 when there is none.
func (t *Type) variantAt(index uint8) int {
	// Most enums have their variants in the order of the index, without gaps.
	if int(index) < len(t.Variants) && t.Variants[index].Index == index {
		return int(index)
	}
	for i := range t.Variants {
		if t.Variants[i].Index == index {
			return i
		}
	}
	return -1
}

// variant returns the variant with the index, nil when there is none.
func (t *Type) variant(index uint8) *Variant {
	if i := t.variantAt(index); i >= 0 {
		return &t.Variants[i]
	}
	return nil
}

// variantNamed returns the variant with the name, nil when there is none.
func (t *Type) variantNamed(name string) *Variant {
	for i := range t.Variants {
		if t.Variants[i].Name == name {
			return &t.Variants[i]
		}
	}
	return nil
}

// isOption tells whether the type is Rust's Option, whose presence is no variant to a reader but a nil.
func (t *Type) isOption() bool {
	return t.Kind == KindVariant && len(t.Path) == 1 && t.Path[0] == "Option" && len(t.Variants) == 2 &&
		t.Variants[0].Index == 0 && len(t.Variants[0].Fields) == 0 &&
		t.Variants[1].Index == 1 && len(t.Variants[1].Fields) == 1
}

// Registry holds the types of one runtime. It never changes, so any number of goroutines may use it.
type Registry struct {
	types   []Type
	layouts []layout
}

// NewRegistry checks that the types are sound (every type that is named exists, nothing contains itself directly,
// indexes and names are used once) and returns a registry that keeps the slice. The caller must not change it.
func NewRegistry(types []Type) (*Registry, error) {
	r := &Registry{types: types}
	if err := r.check(); err != nil {
		return nil, err
	}
	return r, nil
}

// Len returns the number of types.
func (r *Registry) Len() int { return len(r.types) }

// Type returns the type with the number. The caller must not change it.
func (r *Registry) Type(id TypeID) (*Type, error) {
	if int64(id) >= int64(len(r.types)) {
		return nil, fmt.Errorf("no type %d", id)
	}
	return &r.types[id], nil
}

// MinSize returns the least number of bytes that a value of the type takes; 0 for an unknown type.
func (r *Registry) MinSize(id TypeID) int {
	if int64(id) >= int64(len(r.types)) {
		return 0
	}
	return int(r.layouts[id].least)
}

// Find returns the type with this path, for example "pallet_commitments::types::Registration", or whose path ends so.
// The first one wins.
func (r *Registry) Find(path string) (TypeID, bool) {
	want := strings.Split(path, "::")
	for i := range r.types {
		have := r.types[i].Path
		if len(have) < len(want) {
			continue
		}
		have = have[len(have)-len(want):]
		equal := true
		for j := range want {
			equal = equal && have[j] == want[j]
		}
		if equal {
			return TypeID(i), true
		}
	}
	return NoType, false
}

// Name writes a type as Rust would, shortened: "Vec<NeuronInfoLite>", "Compact<u16>", "[u8; 32]". For messages.
func (r *Registry) Name(id TypeID) string {
	var b strings.Builder
	r.appendName(&b, id, 0)
	return b.String()
}

// path writes the whole path of a type, or its name when it has none.
func (r *Registry) path(id TypeID) string {
	if t := &r.types[id]; len(t.Path) > 1 {
		return shorten(strings.Join(t.Path, "::"))
	}
	return r.Name(id)
}

// longestName bounds names in messages. Metadata may hold names of any length.
const longestName = 200

func shorten(name string) string {
	if len(name) <= longestName {
		return name
	}
	return strings.ToValidUTF8(name[:longestName], "") + "…"
}

func (r *Registry) appendName(b *strings.Builder, id TypeID, depth int) {
	if int64(id) >= int64(len(r.types)) || depth > 8 || b.Len() > longestName {
		b.WriteString("…")
		return
	}
	t := &r.types[id]
	list := func(fields []Field) {
		for i, f := range fields {
			if i > 0 {
				b.WriteString(", ")
			}
			if f.Name != "" {
				b.WriteString(shorten(f.Name) + ": ")
			}
			r.appendName(b, f.Type, depth+1)
			if b.Len() > longestName {
				return
			}
		}
	}
	if len(t.Path) > 0 {
		b.WriteString(shorten(t.Path[len(t.Path)-1]))
		// The parameters of Option, Result and BTreeMap say what they hold; elsewhere they are noise.
		if n := generics[t.Path[0]]; len(t.Path) == 1 && n > 0 && n == len(t.Params) {
			b.WriteByte('<')
			for i, p := range t.Params {
				if i > 0 {
					b.WriteString(", ")
				}
				r.appendName(b, p.Type, depth+1)
			}
			b.WriteByte('>')
		}
		return
	}
	switch t.Kind {
	case KindSequence:
		b.WriteString("Vec<")
		r.appendName(b, t.Elem, depth+1)
		b.WriteByte('>')
	case KindCompact:
		b.WriteString("Compact<")
		r.appendName(b, t.Elem, depth+1)
		b.WriteByte('>')
	case KindArray:
		b.WriteByte('[')
		r.appendName(b, t.Elem, depth+1)
		b.WriteString("; " + strconv.FormatUint(uint64(t.Len), 10) + "]")
	case KindPrimitive:
		b.WriteString(t.Primitive.String())
	case KindBitSequence:
		b.WriteString("BitVec")
	case KindVariant:
		b.WriteString("enum")
	case KindComposite:
		b.WriteString("struct{")
		list(t.Fields)
		b.WriteByte('}')
	default:
		b.WriteByte('(')
		list(t.Fields)
		b.WriteByte(')')
	}
}
