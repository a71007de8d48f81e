package pylon

// ChainEventKind says what has happened on the chain.
type ChainEventKind string

// The kinds.
const (
	// EventHead is a new best block. Another block of the same or a lower number means that the chain has changed its
	// mind.
	EventHead ChainEventKind = "head"
	// EventFinalized is a block that stays.
	EventFinalized ChainEventKind = "finalized"
	// EventEpoch is the first block of a subnet's epoch.
	EventEpoch ChainEventKind = "epoch"
)

// ChainEvent is something that has happened on the chain.
type ChainEvent struct {
	Kind  ChainEventKind
	Block Block
	// Netuid is the subnet whose epoch has begun. Events about blocks have none.
	Netuid Netuid
}
