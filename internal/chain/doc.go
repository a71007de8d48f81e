// Package chain answers questions about the chain: what neurons a subnet had at a block, who its validators were, how it
// was set up, what its hotkeys had published, what its alpha cost, what a block consisted of.
//
// # Reading at a block
//
// A block is named by its hash, and nothing that was read at a hash ever changes. So an answer is kept under its
// question (what, of which subnet, at which hash) in a [cache] bounded by bytes, and equal questions that are not
// answered yet share one flight, which belongs to none of those who wait for it: one leaving disturbs neither the flight
// nor the others.
//
//	number -> hash (main nodes) -> cache -> flight -> visit: main or archive -> layout of that block's runtime -> answer
//
// A visit reads everything for one answer from one source at one hash, decoded by the runtime that was in force there.
// Blocks further behind the head than the cutoff are read from the archive; a nearer one whose state the main nodes do
// not have is read again, all of it, from the archive. What can go wrong, and the words that users get for it, is in
// failure.go.
//
// # Latest
//
// The newest head comes from memory. For each question that is asked of the newest block (a block's time, a subnet's
// neurons) the newest answer stands behind an atomic pointer, with the block that it belongs to: a reader compares
// hashes and is done, with no lock and no call. After [Chain.Start] every new head has the questions that were asked
// lately answered ahead, so what a block costs depends on how many subnets are asked for and not on how often. While
// that goes on readers get the answer of the head's parent, never an older one and never one from another fork: then
// they wait. A head that is older than a block should get is confirmed by the nodes before anything is served from
// memory, so a chain that is gone is an error and not an old answer. Block info does not wait for company: it is always
// the newest known head, so it is never behind an answer that was given before.
//
// Other questions about the newest block are read when they are asked, once for each block.
//
// # Lists
//
// What the hotkeys of a subnet publish stands in storage under keys that begin alike. All of them are read in pages, up
// to a bound, and decoded when they are there; an entry that can not be decoded is left out and logged. Extrinsics are
// decoded by the runtime of the state that their block began with, and written in the form that clients know from the
// Python service, whatever calls the runtime has.
//
// # Events
//
// [Chain.Events] tells of heads, finality and epochs. The epochs of all subnets that are followed take one read a block,
// and none while nobody listens.
//
// # Runtimes
//
// For each runtime there is a [layout]: plans that join the chain's types with our records by field names, made on first
// use. Results that no metadata describes (spec 219 and before) have their types written down in old.go. Fields that
// nobody reads are skipped and not built; emission_history of a subnet's state is most of its bytes.
//
// # Recent
//
// [Recent] keeps neurons that may be some minutes old for subnets that are configured. Readers of it never wait.
package chain
