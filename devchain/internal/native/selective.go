package native

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// selection is what the arguments of a selective metagraph ask for.
type selection struct {
	netuid    uint16
	mechanism uint8
	// named tells that the netuid is always in the answer; otherwise only if its
	// index is asked for.
	named   bool
	indexes []uint16
}

func indexes(in *scale.Reader) []uint16 {
	list := make([]uint16, in.Len(2))
	for i := range list {
		list[i] = in.Uint16()
	}
	return list
}

// bindSelective answers with those fields of a metagraph whose positions are
// asked for. Positions that do not exist are ignored.
func (r *Runtime) bindSelective(b *methodBinder, name string, read func(*scale.Reader) selection) {
	const api = "SubnetInfoRuntimeApi"
	fields, err := r.selectiveFields(name)
	if err != nil {
		b.err = err
		return
	}
	if fields == nil {
		return
	}
	r.methods[api+"_"+name] = func(st runtime.State, args []byte) ([]byte, error) {
		in := scale.NewReader(args)
		want := read(in)
		if err := in.Close(); err != nil {
			return nil, fmt.Errorf("native: bad input data provided to %s: %w", name, err)
		}
		m := r.metagraph(st, want.netuid, want.mechanism)
		if m == nil {
			return []byte{0}, nil
		}
		if slices.Contains(want.indexes, 72) {
			m.Validators = r.validatorUIDs(st, m)
		}
		if slices.Contains(want.indexes, 73) {
			m.Commitments = r.commitments(st, want.netuid)
		}
		netuid := uint16(0)
		if want.named || slices.Contains(want.indexes, 0) {
			netuid = want.netuid
		}
		out := scale.AppendCompact([]byte{1}, uint64(netuid))
		from := reflect.ValueOf(m).Elem()
		for i, f := range fields[1:] {
			if !slices.Contains(want.indexes, uint16(i+1)) {
				out = append(out, 0)
				continue
			}
			var err error
			if out, err = f.append(append(out, 1), from.FieldByIndex(f.index).Interface()); err != nil {
				return nil, fmt.Errorf("native: %s: %w", name, err)
			}
		}
		return out, nil
	}
}

// selectiveField is a field of SelectiveMetagraph: where its value is in a
// metagraph, and how what is inside of its Option is encoded.
type selectiveField struct {
	index  []int
	append appender
}

// appender appends an encoded value.
type appender func(dst []byte, v any) ([]byte, error)

// appenders make the appenders of the types of a metagraph's fields.
var appenders = map[reflect.Type]func(*scale.Registry, scale.TypeID) (appender, error){
	reflect.TypeFor[bool]():             appenderOf[bool],
	reflect.TypeFor[uint16]():           appenderOf[uint16],
	reflect.TypeFor[uint64]():           appenderOf[uint64],
	reflect.TypeFor[scale.Uint128]():    appenderOf[scale.Uint128],
	reflect.TypeFor[fixed]():            appenderOf[fixed],
	reflect.TypeFor[string]():           appenderOf[string],
	reflect.TypeFor[account]():          appenderOf[account],
	reflect.TypeFor[*subnetIdentity]():  appenderOf[*subnetIdentity],
	reflect.TypeFor[[]bool]():           appenderOf[[]bool],
	reflect.TypeFor[[]uint16]():         appenderOf[[]uint16],
	reflect.TypeFor[[]uint64]():         appenderOf[[]uint64],
	reflect.TypeFor[[]account]():        appenderOf[[]account],
	reflect.TypeFor[[]axonInfo]():       appenderOf[[]axonInfo],
	reflect.TypeFor[[]*chainIdentity](): appenderOf[[]*chainIdentity],
	reflect.TypeFor[[]holding]():        appenderOf[[]holding],
	reflect.TypeFor[[]commitmentOf]():   appenderOf[[]commitmentOf],
}

func appenderOf[T any](types *scale.Registry, id scale.TypeID) (appender, error) {
	codec, err := scale.Bind[T](types, id)
	if err != nil {
		return nil, err
	}
	return func(dst []byte, v any) ([]byte, error) {
		t, ok := v.(T)
		if !ok {
			return nil, fmt.Errorf("%T is not the type of the field", v)
		}
		return codec.Append(dst, &t)
	}, nil
}

// selectiveFields returns nil when the spec version has no such method.
func (r *Runtime) selectiveFields(method string) ([]selectiveField, error) {
	types := r.description.Types
	m, _, ok := r.description.Method("SubnetInfoRuntimeApi", method)
	if !ok {
		return nil, nil
	}
	chain, err := optionFields(types, m.Value)
	if err != nil {
		return nil, err
	}
	places := map[string]reflect.StructField{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[metagraph]()) {
		name, _, _ := strings.Cut(f.Tag.Get("scale"), ",")
		places[name] = f
	}
	fields := []selectiveField{{}} // the first is the netuid, which is always there
	for _, f := range chain[1:] {
		place, ok := places[f.Name]
		if !ok || appenders[place.Type] == nil {
			return nil, fmt.Errorf("SelectiveMetagraph.%s is not known", f.Name)
		}
		option, err := types.Type(f.Type)
		if err != nil {
			return nil, err
		}
		encode, err := appenders[place.Type](types, option.Variants[1].Fields[0].Type)
		if err != nil {
			return nil, err
		}
		fields = append(fields, selectiveField{place.Index, encode})
	}
	return fields, nil
}

// optionFields are the fields of the struct that an Option is of.
func optionFields(types *scale.Registry, id scale.TypeID) ([]scale.Field, error) {
	option, err := types.Type(id)
	if err != nil {
		return nil, err
	}
	inside, err := types.Type(option.Variants[1].Fields[0].Type)
	if err != nil {
		return nil, err
	}
	return inside.Fields, nil
}
