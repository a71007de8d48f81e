package intents

import "slices"

// The points at which Config.Crash is called: between any two of them something has been written down or sent, so a
// process that ends at one and not at the next leaves something else behind.
const (
	PointRecorded     = "recorded"      // the intent is in the store, the request is not answered yet
	PointPlanned      = "planned"       // it is decided what to sign
	PointSigned       = "signed"        // the bytes exist and are not written down yet
	PointSignRecorded = "sign_recorded" // the bytes are in the store, no node has seen them
	PointSent         = "sent"          // a node has answered, which is not written down yet
	PointAnswered     = "answered"      // the answer is in the store
	PointInBlock      = "in_block"      // the bytes were seen in a block, which is not written down yet
	PointIncluded     = "included"      // the block is in the store
	PointFinalized    = "finalized"     // the block is final, what came of it is not written down yet
	PointSettled      = "settled"       // what came of it is in the store
	PointOutcome      = "outcome"       // the intent's end is decided and not written down yet
	PointEnded        = "ended"         // the end is in the store, nobody has been told
)

// Points returns all points, in the order in which an intent passes them. Some intents pass some of them twice.
func Points() []string { return slices.Clone(points) }

var points = []string{
	PointRecorded, PointPlanned, PointSigned, PointSignRecorded, PointSent, PointAnswered,
	PointInBlock, PointIncluded, PointFinalized, PointSettled, PointOutcome, PointEnded,
}
