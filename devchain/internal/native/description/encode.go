package description

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/internal/scale"
)

// magic is how metadata begins: "meta".
const magic = "meta"

// Metadata encodes the description as metadata of version 14 or 15, beginning
// with "meta".
func (r *Runtime) Metadata(version uint32) ([]byte, error) {
	if version != 14 && version != 15 {
		return nil, fmt.Errorf("description: no metadata of version %d", version)
	}
	e := &encoder{runtime: r, version: version}
	e.out = append(e.out, magic...)
	e.byte(uint8(version))
	e.types()
	e.list(len(r.Pallets), func(i int) { e.pallet(&r.Pallets[i]) })
	e.extrinsic()
	e.id(r.Runtime)
	if version == 15 {
		e.list(len(r.APIs), func(i int) { e.api(&r.APIs[i]) })
		e.id(r.Call)
		e.id(r.Event)
		e.id(r.Error)
		e.list(0, nil) // custom values
	}
	return e.out, nil
}

// encoder appends to out. Its methods are named for what they append, in the
// terms of the crates scale-info and frame-metadata.
type encoder struct {
	runtime *Runtime
	version uint32
	out     []byte
}

func (e *encoder) byte(v uint8)       { e.out = append(e.out, v) }
func (e *encoder) text(v string)      { e.out = scale.AppendString(e.out, v) }
func (e *encoder) bytes(v []byte)     { e.out = scale.AppendByteVec(e.out, v) }
func (e *encoder) id(id scale.TypeID) { e.out = scale.AppendCompact(e.out, uint64(id)) }
func (e *encoder) docs()              { e.list(0, nil) }

func (e *encoder) list(n int, item func(i int)) {
	e.out = scale.AppendCompact(e.out, uint64(n))
	for i := range n {
		item(i)
	}
}

// some appends whether there is a type, and the type.
func (e *encoder) some(id scale.TypeID) {
	if id == scale.NoType {
		e.byte(0)
		return
	}
	e.byte(1)
	e.id(id)
}

// someText appends whether there is a text, and the text.
func (e *encoder) someText(v string) {
	if v == "" {
		e.byte(0)
		return
	}
	e.byte(1)
	e.text(v)
}

func (e *encoder) types() {
	e.list(e.runtime.Types.Len(), func(i int) {
		id := scale.TypeID(i)
		t, err := e.runtime.Types.Type(id)
		if err != nil {
			panic("description: " + err.Error()) // i is below Len
		}
		e.id(id)
		path := t.Path
		if chain, ok := e.runtime.paths[id]; ok {
			path = chain
		}
		e.list(len(path), func(i int) { e.text(path[i]) })
		e.list(len(t.Params), func(i int) {
			e.text(t.Params[i].Name)
			e.some(t.Params[i].Type)
		})
		e.definition(t)
		e.docs()
	})
}

func (e *encoder) definition(t *scale.Type) {
	e.byte(uint8(t.Kind)) // scale numbers the kinds as the metadata does
	switch t.Kind {
	case scale.KindComposite:
		e.fields(t.Fields)
	case scale.KindVariant:
		e.list(len(t.Variants), func(i int) {
			v := &t.Variants[i]
			e.text(v.Name)
			e.fields(v.Fields)
			e.byte(v.Index)
			e.docs()
		})
	case scale.KindSequence, scale.KindCompact:
		e.id(t.Elem)
	case scale.KindArray:
		e.out = scale.AppendUint32(e.out, t.Len)
		e.id(t.Elem)
	case scale.KindTuple:
		e.list(len(t.Fields), func(i int) { e.id(t.Fields[i].Type) })
	case scale.KindPrimitive:
		e.byte(uint8(t.Primitive))
	case scale.KindBitSequence:
		e.id(t.BitStore)
		e.id(t.BitOrder)
	}
}

func (e *encoder) fields(fields []scale.Field) {
	e.list(len(fields), func(i int) {
		e.someText(fields[i].Name)
		e.id(fields[i].Type)
		e.someText(fields[i].TypeName)
		e.docs()
	})
}

func (e *encoder) pallet(p *Pallet) {
	e.text(p.Name)
	if len(p.Storage) == 0 {
		e.byte(0)
	} else {
		e.byte(1)
		e.text(p.Name) // the prefix of storage keys
		e.list(len(p.Storage), func(i int) { e.storage(&p.Storage[i]) })
	}
	e.some(p.Calls)
	e.some(p.Events)
	e.list(len(p.Constants), func(i int) {
		c := &p.Constants[i]
		e.text(c.Name)
		e.id(c.Type)
		e.bytes(c.Value)
		e.docs()
	})
	e.some(p.Errors)
	e.byte(p.Index)
	if e.version == 15 {
		e.docs()
	}
}

func (e *encoder) storage(s *Storage) {
	e.text(s.Name)
	if s.Optional {
		e.byte(0)
	} else {
		e.byte(1)
	}
	if len(s.Keys) == 0 {
		e.byte(0)
	} else {
		e.byte(1)
		e.list(len(s.Hashers), func(i int) { e.byte(uint8(s.Hashers[i])) })
		e.id(s.key)
	}
	e.id(s.Value)
	e.bytes(s.Default)
	e.docs()
}

func (e *encoder) extrinsic() {
	r := e.runtime
	if e.version == 14 {
		e.id(r.Extrinsic)
	}
	e.byte(4)
	if e.version == 15 {
		e.id(r.Address)
		e.id(r.Call)
		e.id(r.Signature)
		e.id(r.Extra)
	}
	e.list(len(r.Extensions), func(i int) {
		e.text(r.Extensions[i].Name)
		e.id(r.Extensions[i].Type)
		e.id(r.Extensions[i].Implicit)
	})
}

func (e *encoder) api(a *API) {
	e.text(a.Name)
	e.list(len(a.Methods), func(i int) {
		m := &a.Methods[i]
		e.text(m.Name)
		e.list(len(m.Inputs), func(i int) {
			e.text(m.Inputs[i].Name)
			e.id(m.Inputs[i].Type)
		})
		e.id(m.Output)
		e.docs()
	})
	e.docs()
}
