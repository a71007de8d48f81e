// Package substrate talks to the nodes of one Substrate chain and gives what they say in a form that can be relied on.
//
// A [Client] stands for one role, "main" or "archive", and one or several nodes that can fill it. [New] opens nothing:
// the first question opens a WebSocket to every node and keeps it. Main and archive are separate clients, so that one
// being down never stops what needs only the other.
//
//	Client  picks a node for every call, fails over, follows the heads, keeps the runtimes
//	node    one node: connects, reconnects, watches its heads and its health
//	conn    one WebSocket: requests matched by id, pings, dies once and for all
//
// # Calls
//
// Requests of all callers share a node's socket and are matched by id. A caller who gives up leaves nothing behind and
// disturbs nobody. When a socket dies, all calls waiting on it fail at once. Every attempt at a node has its own time,
// shorter than the caller's when another node is left to ask, so that failover happens within the caller's deadline.
// Reads go to the next node on every error but those that another node would answer in the same way; a call cut off
// with its socket is repeated once on a new one. Errors are an [*Error] with a [Kind], found by the table in classify.go.
//
// # Trust
//
// A node is one of many and may be wrong. Its genesis must be the chain's; the hash of a header is computed here and
// compared with the one asked for; frames, depths and keys are bounded; an answer that does not parse, or belongs to no
// question, costs the calls it concerns one error. A node that is frozen (it answers no ping), failing (several calls in
// a row), stale (its head stands still) or behind the others is asked last, and comes back by itself. A jump of the head
// is believed when a second look confirms it, and a head far ahead of all the others is not believed at all.
//
// # Heads
//
// Best and finalised heads come by subscription, by polling where a node has none, and the newest of the healthy nodes
// stays in memory: [Client.KnownHead] costs nothing, [Client.Watch] tells of each. The head is computed anew from what
// the nodes say now, so it can go back after a reorganisation or when a node is replaced by one that is behind. The
// finalised head goes back only below a best head that shows it was never true.
//
// # Extrinsics
//
// [Client.Sign] makes bytes that can be included up to a block that is known, and sends nothing; the nonce is the
// caller's business. The same bytes may then be sent as often as wanted: [Client.Submit] gives them to all healthy nodes
// at once, [Client.WatchExtrinsic] to one that tells what becomes of them. Why nobody takes them is a [*SubmitError] with
// a [SubmitKind], found by the table in refusal.go. A status is a hint: a node may err, and a subscription be lost. What
// counts is [Client.FindExtrinsic], which looks for the hash in the blocks of a branch, whose extrinsics it checks
// against the headers' roots, and reads the outcome from the events with the runtime that wrote them.
//
// # What a block costs
//
// A new block costs no call: its header comes with the subscription (a node without any is asked for it every half block
// time, one call for the best head and two for the finalised one). The first read of a runtime at a block costs one small
// call, state_getRuntimeVersion; the metadata costs one more for each runtime version, or two for a runtime that knows
// only version 14. The newest runtimes, headers and versions are kept; equal questions at the same time share a call.
package substrate
