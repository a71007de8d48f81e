package chain

import (
	"context"
	"errors"
	"strings"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// mechanismStride is the distance between the storage indices of a subnet's mechanisms (GLOBAL_MAX_SUBNET_COUNT of the
// chain's subnets/mechanism.rs). The index of mechanism 0 is the netuid.
const mechanismStride = 4096

// StorageIndex is the number under which the chain keeps the weights of a mechanism. False means that there can be no
// such mechanism.
func StorageIndex(netuid pylon.Netuid, mechanism uint8) (uint16, bool) {
	index := uint32(mechanism)*mechanismStride + uint32(netuid)
	return uint16(index), netuid < mechanismStride && index <= 0xffff
}

// FactsQuery says what a write is about.
type FactsQuery struct {
	Netuid    pylon.Netuid
	Mechanism uint8
	// Hotkey is the public key that signs it.
	Hotkey [32]byte
}

// Facts are what the writes of one hotkey on one mechanism of a subnet depend on, all of them of the state that one
// block left behind.
type Facts struct {
	FactsQuery

	// Block is the block, and Time the time that its author gave it, to the millisecond.
	Block substrate.Header
	Time  time.Time
	// BlockTime is the time between two blocks by the runtime's own word (Aura.SlotDuration), 0 when it does not say.
	BlockTime time.Duration
	// Calls are those of WriteCalls that the runtime knows, as "Pallet.call".
	Calls map[string]bool

	// Exists says that there is such a subnet, with so many Mechanisms (1 on runtimes that know none) and Neurons.
	Exists     bool
	Mechanisms uint8
	Neurons    uint16
	// Registered says that the hotkey has a neuron on the subnet, UID which. The fields down to Axon are zero otherwise.
	Registered bool
	UID        uint16
	// RegisteredAt is the block in which the neuron was registered. It counts as an update too.
	RegisteredAt uint64
	// Permit says that the neuron may set weights for others.
	Permit bool
	// LastUpdate is the block in which the neuron last set or committed weights on the mechanism; 0 for never.
	LastUpdate uint64
	// Owner says that the hotkey is the subnet owner's.
	Owner bool
	// Axon is the neuron's axon, nil when it has served none. AxonBlock is when it was served.
	Axon      *pylon.AxonInfo
	AxonBlock uint64

	// Tempo is the length of the subnet's epochs in blocks, 0 when it has none.
	Tempo uint16
	// Epochs is the state of the epochs on runtimes that count them (since spec 423), nil on those where they follow
	// from the block's number.
	Epochs *EpochState

	// CommitReveal says that weights are committed first. RevealPeriod is the number of epochs until they are revealed,
	// and CommitVersion what a timelocked commit has to name; 0 on runtimes without.
	CommitReveal  bool
	RevealPeriod  uint64
	CommitVersion uint16
	// RateLimit is how many blocks lie between two updates of weights, ServingRateLimit between two of an axon.
	RateLimit, ServingRateLimit uint64
	// VersionKey is the smallest version key that weights must be set with; 0 for any.
	VersionKey uint64
	// MinAllowedWeights is the smallest number of weights that may be set at once, or all neurons if they are fewer.
	MinAllowedWeights uint16
	// StakeThreshold is the stake that weights need, in rao.
	StakeThreshold uint64
	// NullConsensus says that only the neuron with the permit may set weights: exceptions for the owner and for weights
	// to oneself do not hold (since spec 475).
	NullConsensus bool

	// LastRound is the newest drand round that the chain has stored, 0 when it stores none. Beacon is the beacon that it
	// believes, nil when it does not say.
	LastRound uint64
	Beacon    *Beacon
}

// EpochState is what decides when a subnet's next epoch is.
type EpochState struct {
	// Index counts the epochs that have run.
	Index uint64
	// Last is the block of the last one, or of the last change of the tempo.
	Last uint64
	// Pending is the block to which one was called or put off, 0 for none.
	Pending uint64
	// SinceStep is the number of blocks since one has run.
	SinceStep uint64
}

// Beacon is a drand beacon by the chain's word.
type Beacon struct {
	// PublicKey is a compressed point.
	PublicKey []byte
	// Genesis is when round 1 was signed, Period the time between two rounds.
	Genesis time.Time
	Period  time.Duration
}

// WriteCalls are the calls whose presence decides how something is written.
var WriteCalls = []string{
	"SubtensorModule.set_weights", "SubtensorModule.set_mechanism_weights",
	"SubtensorModule.commit_weights", "SubtensorModule.commit_mechanism_weights",
	"SubtensorModule.reveal_weights", "SubtensorModule.reveal_mechanism_weights",
	"SubtensorModule.commit_timelocked_weights", "SubtensorModule.commit_timelocked_mechanism_weights",
	"SubtensorModule.serve_axon", "SubtensorModule.serve_axon_tls",
	"Commitments.set_commitment",
}

// Facts returns what writes of a hotkey depend on at a block. The answer is shared and must not be changed.
func (c *Chain) Facts(ctx context.Context, at substrate.Header, query FactsQuery) (*Facts, error) {
	if _, ok := StorageIndex(query.Netuid, query.Mechanism); !ok {
		return nil, noMechanism(query.Netuid, query.Mechanism)
	}
	q := question{topic: aboutFacts, netuid: query.Netuid, account: query.Hotkey, index: uint32(query.Mechanism)}
	return lookUp(ctx, c, q, getFacts, block{Number: at.Number, Hash: at.Hash}, netuidLabel(query.Netuid), sizeOfFacts,
		func(ctx context.Context, v *visit) (*Facts, error) { return v.facts(ctx, at, query) })
}

func sizeOfFacts(*Facts) int64 { return 1024 }

// servedRecord is what is read of the chain's AxonInfo where it is stored.
type servedRecord struct {
	axonRecord

	Block uint64 `scale:"block"`
}

// beaconRecord is what is read of the chain's BeaconConfiguration.
type beaconRecord struct {
	PublicKey []byte `scale:"public_key"`
	Period    uint32 `scale:"period"`
	Genesis   uint32 `scale:"genesis_time"`
}

// facts reads the facts: what is kept by subnet and hotkey first, then what is kept by uid.
func (v *visit) facts(ctx context.Context, at substrate.Header, query FactsQuery) (*Facts, error) {
	l, err := v.layout(ctx)
	if err != nil {
		return nil, err
	}
	index, _ := StorageIndex(query.Netuid, query.Mechanism)
	netuid, hotkey := uint16(query.Netuid), query.Hotkey
	f := &Facts{FactsQuery: query, Block: at, Calls: make(map[string]bool, len(WriteCalls)), Mechanisms: 1, RevealPeriod: 1}
	l.knownCalls(f.Calls)
	f.BlockTime = l.slot()

	var (
		now       uint64
		uid       *uint16
		permits   []bool
		updates   []uint64
		owner     accountID
		axon      *servedRecord
		consensus *scale.Enum
		epochs    EpochState
		beacon    *beaconRecord
	)
	b := &batch{visit: v}
	want(b, l.timestamp, &now)
	want(b, l.networks, &f.Exists, netuid)
	want(b, l.neuronCount, &f.Neurons, netuid)
	wantOptional(b, l.uids, &uid, netuid, hotkey)
	want(b, l.permits, &permits, netuid)
	want(b, l.lastUpdate, &updates, index)
	wantIfKnown(b, l.ownerHotkey, &owner, netuid)
	wantOptional(b, l.axons, &axon, netuid, hotkey)
	want(b, l.tempo, &f.Tempo, netuid)
	counted := wantIfKnown(b, l.epochIndex, &epochs.Index, netuid)
	wantIfKnown(b, l.lastEpoch, &epochs.Last, netuid)
	wantIfKnown(b, l.pendingEpoch, &epochs.Pending, netuid)
	wantIfKnown(b, l.sinceStep, &epochs.SinceStep, netuid)
	wantIfKnown(b, l.commitReveal, &f.CommitReveal, netuid)
	wantIfKnown(b, l.revealPeriod, &f.RevealPeriod, netuid)
	wantIfKnown(b, l.commitVersion, &f.CommitVersion)
	wantIfKnown(b, l.mechanisms, &f.Mechanisms, netuid)
	want(b, l.rateLimit, &f.RateLimit, netuid)
	wantIfKnown(b, l.servingLimit, &f.ServingRateLimit, netuid)
	want(b, l.versionKey, &f.VersionKey, netuid)
	want(b, l.minWeights, &f.MinAllowedWeights, netuid)
	wantIfKnown(b, l.stakeThreshold, &f.StakeThreshold)
	wantOptional(b, l.consensusMode, &consensus, netuid)
	wantIfKnown(b, l.lastRound, &f.LastRound)
	wantOptional(b, l.beacon, &beacon)
	if err := b.read(ctx); err != nil {
		return nil, err
	}

	f.Time = time.UnixMilli(int64(now)).UTC()
	f.NullConsensus = consensus != nil && consensus.Name == "Null"
	f.Owner = owner == hotkey && owner != accountID{}
	if counted {
		f.Epochs = &epochs
	}
	if beacon != nil {
		f.Beacon = &Beacon{
			PublicKey: beacon.PublicKey, Genesis: time.Unix(int64(beacon.Genesis), 0), Period: time.Duration(beacon.Period) * time.Second,
		}
	}
	if axon != nil {
		f.Axon, f.AxonBlock = &pylon.AxonInfo{IP: address(axon.IP), Port: axon.Port, Protocol: pylon.AxonProtocol(axon.Protocol)}, axon.Block
	}
	if uid == nil {
		return f, nil
	}
	f.Registered, f.UID = true, *uid
	f.Permit = int(*uid) < len(permits) && permits[*uid]
	if int(*uid) < len(updates) {
		f.LastUpdate = updates[*uid]
	}
	f.RegisteredAt, err = stored(ctx, v, l.registeredAt, netuid, *uid)
	return f, err
}

// knownCalls notes which of WriteCalls the runtime has.
func (l *layout) knownCalls(into map[string]bool) {
	for _, name := range WriteCalls {
		pallet, call, _ := strings.Cut(name, ".")
		_, err := l.runtime.Metadata.Call(pallet, call)
		into[name] = err == nil
	}
}

// slot returns the length of the runtime's slots, 0 when it does not say.
func (l *layout) slot() time.Duration {
	constant, err := l.runtime.Metadata.Constant("Aura", "SlotDuration")
	if err != nil {
		return 0
	}
	r := scale.NewReader(constant.Value)
	milliseconds := r.Uint64()
	if r.Close() != nil || milliseconds > uint64(maxSlot/time.Millisecond) {
		return 0
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// maxSlot is longer than the slots of any chain.
const maxSlot = time.Hour

// batch reads several stored values at once.
type batch struct {
	visit *visit
	keys  [][]byte
	take  []func(value []byte) error
	err   error
}

// want asks for a value that the runtime must have; nothing stored means the item's default.
func want[T any](b *batch, item func() (*storageReader[T], error), into *T, keys ...any) {
	if b.err != nil {
		return
	}
	reader, err := item()
	if err != nil {
		b.err = err
		return
	}
	b.add(reader.item, keys, func(value []byte) (err error) {
		*into, err = reader.decode(value)
		return err
	})
}

// wantIfKnown is want for an item that not every runtime has. It tells whether this one does.
func wantIfKnown[T any](b *batch, item func() (*storageReader[T], error), into *T, keys ...any) bool {
	if _, err := item(); lacksStorage(err) {
		return false
	}
	want(b, item, into, keys...)
	return true
}

// wantOptional is want for an item that not every runtime has, and that may have nothing stored: nil then.
func wantOptional[T any](b *batch, item func() (*storageReader[T], error), into **T, keys ...any) {
	reader, err := item()
	switch {
	case b.err != nil || lacksStorage(err):
	case err != nil:
		b.err = err
	default:
		b.add(reader.item, keys, func(value []byte) error {
			if value == nil {
				return nil
			}
			decoded, err := reader.decode(value)
			*into = &decoded
			return err
		})
	}
}

func (b *batch) add(item *scale.StorageItem, keys []any, take func(value []byte) error) {
	key, err := item.Key(keys...)
	if err != nil {
		b.err = err
		return
	}
	b.keys = append(b.keys, key)
	b.take = append(b.take, take)
}

// read reads what was asked for.
func (b *batch) read(ctx context.Context) error {
	if b.err != nil {
		return b.err
	}
	values, err := b.visit.source.StorageBatch(ctx, b.visit.block.Hash, b.keys)
	if err != nil {
		return err
	}
	if len(values) != len(b.keys) {
		return problem.Newf(problem.Unavailable, "%s: %d values for %d keys", b.visit.operation, len(values), len(b.keys))
	}
	var errs []error
	for i, take := range b.take {
		errs = append(errs, take(values[i]))
	}
	return errors.Join(errs...)
}
