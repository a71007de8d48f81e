package chain

import (
	"fmt"
	"strings"
	"sync"

	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// layout knows how one runtime answers: for every method the plan that its answers are decoded by. Plans are made on
// first use, by the runtime's own description of itself.
type layout struct {
	runtime *substrate.Runtime

	neurons      func() (*decoder[[]neuronRecord], error)
	subnetState  func() (*decoder[subnetStateRecord], error)
	hyperparams1 func() (*decoder[hyperparamsRecord], error)
	hyperparams2 func() (*decoder[hyperparams2Record], error)
	hyperparams3 func() (*decoder[[]hyperparamEntry], error)
	price        func() (*decoder[uint64], error)
	priceAll     func() (*decoder[[]priceRecord], error)

	timestamp    func() (*storageReader[uint64], error)
	networks     func() (*storageReader[bool], error)
	uids         func() (*storageReader[uint16], error)
	hotkeys      func() (*storageReader[accountID], error)
	registeredAt func() (*storageReader[uint64], error)
	certificates func() (*storageReader[certificateRecord], error)
	commitments  func() (*storageReader[registrationRecord], error)
	revealed     func() (*storageReader[[]revealedRecord], error)
	associations func() (*storageReader[associationRecord], error)
	lastRound    func() (*storageReader[uint64], error)
	epochIndex   func() (*storageReader[uint64], error)
	lastEpoch    func() (*storageReader[uint64], error)
	tempo        func() (*storageReader[uint16], error)

	writeLayout
}

func newLayout(runtime *substrate.Runtime) *layout {
	return &layout{
		runtime:      runtime,
		neurons:      lazyMethod[[]neuronRecord](runtime, "NeuronInfoRuntimeApi", "get_neurons_lite", false, "Vec<NeuronInfoLite>"),
		subnetState:  lazyMethod[subnetStateRecord](runtime, "SubnetInfoRuntimeApi", "get_subnet_state", true, "Option<SubnetState>"),
		hyperparams1: lazyMethod[hyperparamsRecord](runtime, "SubnetInfoRuntimeApi", "get_subnet_hyperparams", true, "SubnetHyperparams"),
		hyperparams2: lazyMethod[hyperparams2Record](runtime, "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v2", true, ""),
		hyperparams3: lazyMethod[[]hyperparamEntry](runtime, "SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3", true, ""),
		price:        lazyMethod[uint64](runtime, "SwapRuntimeApi", "current_alpha_price", false, ""),
		priceAll:     lazyMethod[[]priceRecord](runtime, "SwapRuntimeApi", "current_alpha_price_all", false, ""),

		timestamp:    lazyStorage[uint64](runtime, "Timestamp", "Now"),
		networks:     lazyStorage[bool](runtime, "SubtensorModule", "NetworksAdded"),
		uids:         lazyStorage[uint16](runtime, "SubtensorModule", "Uids"),
		hotkeys:      lazyStorage[accountID](runtime, "SubtensorModule", "Keys"),
		registeredAt: lazyStorage[uint64](runtime, "SubtensorModule", "BlockAtRegistration"),
		certificates: lazyStorage[certificateRecord](runtime, "SubtensorModule", "NeuronCertificates"),
		commitments:  lazyStorage[registrationRecord](runtime, "Commitments", "CommitmentOf"),
		revealed:     lazyStorage[[]revealedRecord](runtime, "Commitments", "RevealedCommitments"),
		associations: lazyStorage[associationRecord](runtime, "SubtensorModule", "AssociatedEvmAddress"),
		lastRound:    lazyStorage[uint64](runtime, "Drand", "LastStoredRound"),
		epochIndex:   lazyStorage[uint64](runtime, "SubtensorModule", "SubnetEpochIndex"),
		lastEpoch:    lazyStorage[uint64](runtime, "SubtensorModule", "LastEpochBlock"),
		tempo:        lazyStorage[uint16](runtime, "SubtensorModule", "Tempo"),

		writeLayout: newWriteLayout(runtime),
	}
}

// layouts keeps the layouts of the runtimes that were in use last.
type layouts struct {
	mu  sync.Mutex // guards all
	all []*layout  // the one used last is the last
}

// maxLayouts is how many are kept: the one of the head, and those of some blocks of the past.
const maxLayouts = 8

// of returns the layout of a runtime. A runtime is told by its metadata, which the nodes' client shares between blocks.
func (l *layouts) of(runtime *substrate.Runtime) *layout {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, known := range l.all {
		if known.runtime.Metadata == runtime.Metadata {
			last := len(l.all) - 1
			copy(l.all[i:], l.all[i+1:])
			l.all[last] = known
			return known
		}
	}
	if len(l.all) == maxLayouts {
		l.all = append(l.all[:0], l.all[1:]...)
	}
	fresh := newLayout(runtime)
	l.all = append(l.all, fresh)
	return fresh
}

// decoder decodes the answers of one method of a runtime API.
type decoder[T any] struct {
	method string // Trait_method, as a node knows it
	// Exactly one of the two is set: option when an answer may be missing.
	plain  *scale.Codec[T]
	option *scale.Codec[*T]
	// wrapped says that the answer is a byte vector with the encoded value in it, empty when it is missing.
	wrapped bool
}

// decode decodes an answer. It is nil when the answer says that there is none.
func (d *decoder[T]) decode(answer []byte) (*T, error) {
	if d.wrapped {
		r := scale.NewReader(answer)
		answer = r.ByteVec()
		if err := r.Close(); err != nil {
			return nil, fmt.Errorf("%s: %w", d.method, err)
		}
		if len(answer) == 0 {
			return nil, nil
		}
	}
	if d.option != nil {
		value, err := d.option.Decode(answer)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.method, err)
		}
		return value, nil
	}
	value, err := d.plain.Decode(answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.method, err)
	}
	return &value, nil
}

// lazyMethod binds the result of a runtime API method to T on first use. The runtime's metadata describes the result,
// except for runtimes up to spec 219, whose results are byte vectors, and for metadata of version 14, which knows no
// runtime APIs: their results are those of old.go, of which old is one. The error wraps scale.ErrNoAPI when the runtime
// does not have the method, as far as its metadata tells.
func lazyMethod[T any](runtime *substrate.Runtime, trait, method string, optional bool, old string) func() (*decoder[T], error) {
	return sync.OnceValues(func() (*decoder[T], error) {
		d := &decoder[T]{method: trait + "_" + method}
		metadata := runtime.Metadata
		api, err := metadata.API(trait, method)
		switch {
		case err == nil && !isByteVec(metadata.Types, api.Output):
			err = d.bind(metadata.Types, api.Output, optional)
		case err == nil || metadata.Version < 15:
			d.wrapped = err == nil || runtime.SpecVersion < firstTypedSpec
			err = d.bindOld(old, optional)
		}
		if err != nil {
			return nil, fmt.Errorf("spec version %d: %s: %w", runtime.SpecVersion, d.method, err)
		}
		return d, nil
	})
}

func (d *decoder[T]) bind(types *scale.Registry, id scale.TypeID, optional bool) (err error) {
	if optional {
		d.option, err = scale.Bind[*T](types, id)
	} else {
		d.plain, err = scale.Bind[T](types, id)
	}
	return err
}

// bindOld binds the result to a type of old.go. Some methods wrapped an option into the byte vector and some the value,
// with an empty vector for none; without the vector it always is an option.
func (d *decoder[T]) bindOld(expression string, optional bool) error {
	isOption := strings.HasPrefix(expression, "Option<")
	if optional && !isOption && !d.wrapped {
		expression, isOption = "Option<"+expression+">", true
	}
	types, err := oldTypes()
	if err != nil {
		return err
	}
	id, ok := types.ids[expression]
	if !ok {
		return fmt.Errorf("%w: it is younger than its description", scale.ErrNoAPI)
	}
	return d.bind(types.registry, id, isOption)
}

// isByteVec tells whether a type is Vec<u8>.
func isByteVec(types *scale.Registry, id scale.TypeID) bool {
	vector, err := types.Type(id)
	if err != nil || vector.Kind != scale.KindSequence {
		return false
	}
	element, err := types.Type(vector.Elem)
	return err == nil && element.Kind == scale.KindPrimitive && element.Primitive == scale.U8
}

// storageReader reads the values of one storage item.
type storageReader[T any] struct {
	item  *scale.StorageItem
	codec *scale.Codec[T]
}

// lazyStorage binds the values of a storage item to T on first use.
func lazyStorage[T any](runtime *substrate.Runtime, pallet, name string) func() (*storageReader[T], error) {
	return sync.OnceValues(func() (*storageReader[T], error) {
		item, err := runtime.Metadata.Storage(pallet, name)
		if err != nil {
			return nil, fmt.Errorf("spec version %d: %w", runtime.SpecVersion, err)
		}
		codec, err := scale.Bind[T](runtime.Metadata.Types, item.Value)
		if err != nil {
			return nil, fmt.Errorf("spec version %d: %s.%s: %w", runtime.SpecVersion, pallet, name, err)
		}
		return &storageReader[T]{item: item, codec: codec}, nil
	})
}

// decode decodes a stored value, the item's default where nothing is stored.
func (s *storageReader[T]) decode(stored []byte) (T, error) {
	if stored == nil {
		stored = s.item.Default
	}
	value, err := s.codec.Decode(stored)
	if err != nil {
		return value, fmt.Errorf("%s.%s: %w", s.item.Pallet, s.item.Name, err)
	}
	return value, nil
}
