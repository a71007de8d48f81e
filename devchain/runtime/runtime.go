package runtime

import (
	"errors"
	"time"
)

// ErrNoMethod is what Runtime.Call returns (wrapped or not) for a method that
// the runtime does not have. The host answers as a node does: code 4003,
// "Exported method … is not found".
var ErrNoMethod = errors.New("runtime: no such method")

// State is the chain's storage as one block sees it: raw keys (twox128 of the
// pallet, twox128 of the item, hashed key parts) to SCALE bytes. Reads see
// earlier writes of the same block.
//
// Slices passed in are copied; slices returned belong to the host and must not
// be changed. A State is for one goroutine and is valid during one call.
type State interface {
	// Get returns the value under key, and whether there is one. An empty value
	// is not an absent one.
	Get(key []byte) (value []byte, ok bool)
	// Set stores value under key.
	Set(key, value []byte)
	// Delete removes key; removing an absent key does nothing.
	Delete(key []byte)
	// Keys returns at most limit keys that start with prefix, in byte order,
	// beginning after the key after (nil means from the first). A limit of zero
	// or less means all of them.
	Keys(prefix, after []byte, limit int) [][]byte
}

// Version is what state_getRuntimeVersion and Core_version report.
type Version struct {
	SpecName           string // "node-subtensor" on Bittensor's networks
	ImplName           string
	AuthoringVersion   uint32
	SpecVersion        uint32
	ImplVersion        uint32
	TransactionVersion uint32
	StateVersion       uint8
	APIs               []APIVersion
}

// APIVersion names one runtime API trait: the first eight bytes of the
// blake2b-64 hash of its name, and its version.
type APIVersion struct {
	ID      [8]byte
	Version uint32
}

// Block is what is known about a block while it is being built.
type Block struct {
	Number uint64
	Parent [32]byte
	Time   time.Time // what the timestamp inherent should say, whole milliseconds
}

// Runtime is the guest of the development chain. See the package comment for
// the rules that an implementation keeps.
type Runtime interface {
	// Version is constant for one Runtime value.
	Version() Version

	// Metadata returns the runtime's metadata in the given version (14, 15, …):
	// raw bytes that start with "meta", without a length in front. It reports
	// false for a version that this runtime does not offer.
	Metadata(version uint32) ([]byte, bool)

	// Genesis writes the state of block 0.
	Genesis(State) error

	// InitializeBlock starts a block (Core_initialize_block) and returns the
	// extrinsics that it begins with: its inherents, and those that accounts of the
	// runtime's own send. They are complete, with their compact length in front, as
	// chain_getBlock shows them, in the order in which the host must apply them.
	InitializeBlock(State, Block) (extrinsics [][]byte, err error)

	// ApplyExtrinsic applies extrinsic number index of the block
	// (BlockBuilder_apply_extrinsic), inherents included, with the length in
	// front. An error means that the extrinsic cannot be in this block, and is an
	// *InvalidError if that is the extrinsic's fault; the host then undoes what it
	// wrote. A dispatch that fails is an event, not an error.
	ApplyExtrinsic(st State, index int, extrinsic []byte) error

	// ValidateTransaction says whether an extrinsic, with the length in front, can
	// be in the block after the one that left this state behind and has the hash
	// parent, and under which conditions
	// (TaggedTransactionQueue_validate_transaction). What it writes is thrown away.
	// The error is an *InvalidError if the extrinsic is refused; any
	// other is the failure of the execution, as for bytes that are not a call.
	ValidateTransaction(st State, source Source, extrinsic []byte, parent [32]byte) (Validity, error)

	// FinalizeBlock ends a block (BlockBuilder_finalize_block).
	FinalizeBlock(State) error

	// Call answers a runtime API, named "Trait_method" as in state_call, with
	// SCALE arguments and result. What it writes to the State is thrown away. The
	// host itself answers Core_version and the three methods of Metadata, from
	// Version and Metadata above.
	// ErrNoMethod says that there is no such method; any other error becomes the
	// failure of the execution.
	Call(st State, method string, args []byte) (result []byte, err error)
}

// Failing is what a Runtime implements besides whose calls can be made to fail.
type Failing interface {
	// ApplyFailing is ApplyExtrinsic, but the call ends in an error of a pallet,
	// such as "SubtensorModule.SettingWeightsTooFast"; an empty name is the
	// DispatchError Other.
	ApplyFailing(st State, index int, extrinsic []byte, name string) error
}

// EVM is what a Runtime implements besides whose chain runs contracts.
type EVM interface {
	// Logs returns what contracts have logged in the block that left this state
	// behind, in order. The block must be one that this Runtime has made.
	Logs(State) ([]Log, error)
}

// Log is an entry of a contract's log.
type Log struct {
	Address [20]byte
	Topics  [][32]byte
	Data    []byte
	// Transaction is the hash of the transaction that logged it, and
	// TransactionIndex its place in the block.
	Transaction      [32]byte
	TransactionIndex uint32
}
