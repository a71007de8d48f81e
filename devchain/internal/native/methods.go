package native

import (
	"fmt"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
)

// bindMethods connects the runtime APIs of the description with the functions
// that answer them.
func (r *Runtime) bindMethods() error {
	b := &methodBinder{runtime: r}
	r.methods = map[string]method{}
	r.bindNeurons(b)
	r.bindSubnets(b)
	r.bindHyperparameters(b)
	r.bindSubnetState(b)
	r.bindMetagraphs(b)
	r.bindStaking(b)
	r.bindSwap(b)
	r.bindAccounts(b)
	r.bindTransactions(b)
	return b.err
}

// methodBinder collects methods; its error sticks.
type methodBinder struct {
	runtime *Runtime
	err     error
}

// answer makes f the answer of a runtime API method, if the spec version has it.
// f reads the arguments; what it returns is encoded as the method's described
// value.
func answer[T any](b *methodBinder, api, name string, f func(st runtime.State, in *scale.Reader) T) {
	if b.err != nil {
		return
	}
	types := b.runtime.description.Types
	m, inVec, ok := b.runtime.description.Method(api, name)
	if !ok {
		return
	}
	full := api + "_" + name
	codec, err := scale.Bind[T](types, m.Value)
	if err != nil {
		b.err = fmt.Errorf("%s: %w", full, err)
		return
	}
	b.runtime.methods[full] = func(st runtime.State, args []byte) ([]byte, error) {
		in := scale.NewReader(args)
		v := f(st, in)
		if err := in.Close(); err != nil {
			return nil, fmt.Errorf("native: bad input data provided to %s: %w", name, err)
		}
		out, err := codec.Append(nil, &v)
		if err != nil {
			return nil, fmt.Errorf("native: %s: %w", full, err)
		}
		if inVec {
			return inBytes(types, m.Value, out), nil
		}
		return out, nil
	}
}

// inBytes puts a value into a byte vector, as the oldest runtimes do. They write
// nothing for None, and a Some without the byte that says so.
func inBytes(types *scale.Registry, id scale.TypeID, value []byte) []byte {
	if t, err := types.Type(id); err == nil && len(t.Path) == 1 && t.Path[0] == "Option" {
		value = value[1:]
	}
	return scale.AppendByteVec(nil, value)
}
