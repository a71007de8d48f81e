// Package intents brings what validators want onto the chain: weights, commitments, certificates, axons. What was handed
// over once is on the chain before its time is over, exactly once, whatever fails in between, or has ended with a reason
// from a closed list.
//
// # The rule
//
// Record the intent before anything is sent. Sign once, and write the bytes down before anybody sees them. Send the same
// bytes as often as needed, to as many nodes as there are. Sign again only when the old bytes can no longer be included:
// the last block of their era is final, or a final block has used their nonce for something else. A hotkey has one
// extrinsic on its way at a time. So a process may die at any point ([Points]) and another goes on from the store.
//
// # The parts
//
//	request, put, perform   a request becomes a record; synchronous ones wait for its end, a repeat waits for the first
//	runner, step, try       one goroutine a hotkey, under the store's lease: follow, look after, sign the next
//	settle                  blocks are searched for the bytes; no subscription and no node's word is needed
//	classify                what to do about everything that the chain can say
//	weights, order, epoch   what to sign, from the facts of one block; until when
//	reveal, foreign         what becomes of commits; whether somebody else writes with the same key
//	reasons                 the closed list, and docs/reasons.md
//
// # States
//
//	recorded → signed → submitted → included → finalized
//	    ↑__________|__________|_________|          └→ awaiting_reveal → revealed     (weights that are committed)
//	    bytes that can never be included any more
//
// and from everywhere failed, expired or cancelled. A call that fails in a block is settled when that block is final: a
// block that is given up could be followed by one in which the call succeeds.
//
// # Weights
//
// They are for the epoch in which they were handed over, by the chain's own schedule, and no era reaches beyond its last
// block: late bytes cannot land in the next one. Whether they are set directly, committed under timelock, or committed by
// hash and revealed later, is decided when they are signed. The latest wins: a newer request ends the older one unless
// something of it is signed, which is followed to its end and not done again.
//
// # Two at a time
//
// Processes that share a store share the work: one lease a hotkey. Programs that share only a hotkey see each other on
// the chain: weights that somebody else wrote after ours were handed over end ours.
//
// # Keys
//
// Generated private keys are in memory, and nowhere else; see [Engine.GenerateCertificate].
package intents
