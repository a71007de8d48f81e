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

// Further kinds of events, which streams have beside those of the chain.
const (
	// EventIntent is a change of one of the identity's intents. It comes to identities only.
	EventIntent ChainEventKind = "intent"
	// EventGap says that there were events which the stream has not got and will not get.
	EventGap ChainEventKind = "gap"
)

// Event is an element of a stream of events.
type Event struct {
	ChainEvent
	// Intent is what has changed. Only events of EventIntent have one.
	Intent *IntentEvent
	// ID names the event in this stream.
	ID string
}
