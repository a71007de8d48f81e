package native

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/bittensor-pylon/pylon/devchain/internal/native/description"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/timelock"
)

// Runtime plays Subtensor. It never changes, and keeps nothing of any block.
type Runtime struct {
	config      Config
	version     runtime.Version
	metadata    map[uint32][]byte
	description *description.Runtime
	items       items
	methods     map[string]method
	calls       map[string]dispatcher
	keys        keyring
	beacon      *timelock.Beacon

	timestampSet [2]byte // the call Timestamp.set
	maxFields    int     // of a commitment
	// parsed is the metadata as clients read it, made when it is needed.
	parsed func() (*scale.Metadata, error)
}

var _ runtime.Runtime = (*Runtime)(nil)

// method answers a runtime API.
type method func(st runtime.State, args []byte) ([]byte, error)

// New makes a runtime. It takes a few dozen milliseconds at most.
func New(config Config) (*Runtime, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	r := &Runtime{config: config, metadata: map[uint32][]byte{}}

	described, err := description.Load(config.describe())
	if err != nil {
		return nil, err
	}
	r.description, r.version = described, config.version(described)
	if err := setVersionConstant(described, r.version); err != nil {
		return nil, err
	}
	for _, version := range []uint32{14, 15} {
		if r.metadata[version], err = described.Metadata(version); err != nil {
			return nil, err
		}
	}
	r.parsed = sync.OnceValues(func() (*scale.Metadata, error) { return scale.ParseMetadata(r.metadata[15]) })
	if r.maxFields, err = maxFields(described); err != nil {
		return nil, err
	}
	if err := bindItems(described, &r.items); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	if r.timestampSet, err = r.callIndex("Timestamp", "set"); err != nil {
		return nil, err
	}
	if err := r.bindMethods(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	r.calls = r.dispatchers()
	if r.keys, err = newKeyring(config.Subnets); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	if r.beacon, err = newBeacon(); err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	return r, nil
}

// describe chooses what the description holds.
func (c Config) describe() description.Options {
	slot := uint64(c.BlockTime / time.Millisecond)
	o := description.Options{
		Spec:    c.Spec,
		Pallets: c.MovePallets,
		Constants: map[string][]byte{
			"System.Version":          nil,
			"Aura.SlotDuration":       scale.AppendUint64(nil, slot),
			"Timestamp.MinimumPeriod": scale.AppendUint64(nil, slot/2),
		},
	}
	for _, name := range []string{"NeuronInfo", "NeuronInfoLite"} {
		switch c.NeuronLayout {
		case NeuronsWithExtra:
			o.Fields = append(o.Fields,
				description.FieldChange{Struct: name, Field: "pylon_extra", Type: "u32", After: "coldkey"})
		case NeuronsReordered:
			o.Fields = append(o.Fields,
				description.FieldChange{Struct: name, Field: "last_update"},
				description.FieldChange{Struct: name, Field: "hotkey", After: "pruning_score"})
		case NeuronsAsInSpec:
		}
	}
	return o
}

// version is what the runtime reports. The APIs are those that it describes.
func (c Config) version(d *description.Runtime) runtime.Version {
	v := runtime.Version{
		SpecName: "node-subtensor", ImplName: "node-subtensor",
		AuthoringVersion: 1, SpecVersion: c.SpecVersion, ImplVersion: 1, TransactionVersion: 1, StateVersion: 1,
	}
	for _, api := range d.APIs {
		v.APIs = append(v.APIs, runtime.APIVersion{ID: apiID(api.Name), Version: api.Version})
	}
	return v
}

// apiID is the first eight bytes' worth of BLAKE2b of a trait's name.
func apiID(trait string) (id [8]byte) {
	h, err := blake2b.New(len(id), nil)
	if err != nil {
		panic(err) // only for a bad size or key
	}
	h.Write([]byte(trait))
	h.Sum(id[:0])
	return id
}

// setVersionConstant gives the constant System.Version its value, which lists
// the APIs of the description.
func setVersionConstant(d *description.Runtime, v runtime.Version) error {
	p, ok := d.Pallet("System")
	if !ok {
		return errors.New("native: no pallet System")
	}
	for i := range p.Constants {
		if c := &p.Constants[i]; c.Name == "Version" {
			var err error
			c.Value, err = encodeVersion(d.Types, c.Type, v)
			return err
		}
	}
	return errors.New("native: no constant System.Version")
}

// maxFields is how many fields a commitment may have.
func maxFields(d *description.Runtime) (int, error) {
	if p, ok := d.Pallet("Commitments"); ok {
		for _, c := range p.Constants {
			if c.Name == "MaxFields" && len(c.Value) == 4 {
				return int(binary.LittleEndian.Uint32(c.Value)), nil
			}
		}
	}
	return 0, errors.New("native: no constant Commitments.MaxFields")
}

// callIndex is how the encoding of a call begins.
func (r *Runtime) callIndex(pallet, call string) ([2]byte, error) {
	if p, ok := r.description.Pallet(pallet); ok {
		t, err := r.description.Types.Type(p.Calls)
		if err != nil {
			return [2]byte{}, err
		}
		for _, v := range t.Variants {
			if v.Name == call {
				return [2]byte{p.Index, v.Index}, nil
			}
		}
	}
	return [2]byte{}, fmt.Errorf("native: no call %s.%s", pallet, call)
}

// encodeVersion encodes a version as sp_version::RuntimeVersion.
func encodeVersion(types *scale.Registry, id scale.TypeID, v runtime.Version) ([]byte, error) {
	type api struct {
		ID      [8]byte `scale:"0"`
		Version uint32  `scale:"1"`
	}
	type runtimeVersion struct {
		SpecName           string `scale:"spec_name"`
		ImplName           string `scale:"impl_name"`
		AuthoringVersion   uint32 `scale:"authoring_version"`
		SpecVersion        uint32 `scale:"spec_version"`
		ImplVersion        uint32 `scale:"impl_version"`
		APIs               []api  `scale:"apis"`
		TransactionVersion uint32 `scale:"transaction_version"`
		SystemVersion      uint8  `scale:"system_version,optional"`
		StateVersion       uint8  `scale:"state_version,optional"` // its old name
	}
	codec, err := scale.Bind[runtimeVersion](types, id)
	if err != nil {
		return nil, fmt.Errorf("native: %w", err)
	}
	out := runtimeVersion{
		SpecName: v.SpecName, ImplName: v.ImplName, AuthoringVersion: v.AuthoringVersion, SpecVersion: v.SpecVersion,
		ImplVersion: v.ImplVersion, TransactionVersion: v.TransactionVersion,
	}
	t, err := types.Type(id)
	if err != nil {
		return nil, err
	}
	if t.Fields[len(t.Fields)-1].Name == "state_version" {
		out.StateVersion = v.StateVersion
	} else {
		out.SystemVersion = v.StateVersion
	}
	for _, a := range v.APIs {
		out.APIs = append(out.APIs, api{a.ID, a.Version})
	}
	return codec.Append(nil, &out)
}

// Version implements runtime.Runtime.
func (r *Runtime) Version() runtime.Version { return r.version }

// Metadata implements runtime.Runtime. There are the versions 14 and 15.
func (r *Runtime) Metadata(version uint32) ([]byte, bool) {
	raw, ok := r.metadata[version]
	return raw, ok
}

// Call implements runtime.Runtime.
func (r *Runtime) Call(st runtime.State, name string, args []byte) ([]byte, error) {
	m, ok := r.methods[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", runtime.ErrNoMethod, name)
	}
	return m(st, args)
}
