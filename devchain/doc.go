// Package devchain is a development chain: blocks, storage, forks, finality and
// the JSON-RPC of a Substrate node, over real sockets, in this process.
//
// It exists so that everything that talks to Subtensor can be run and tested with
// nothing installed, and shown what a real chain shows rarely: forks, pruned
// states, runtime upgrades, slow, stuck, frozen and lying nodes.
//
//	chain, err := devchain.New(devchain.Config{})
//	…
//	err = chain.Start(ctx)
//	defer chain.Close()
//	block, err := chain.Produce(10)
//	client.Connect(chain.URL()) // ws://127.0.0.1:…
//
// # What is real
//
// Headers, their hashes, extrinsics roots and state roots are computed as
// Substrate does, from a storage trie of the same shape and encoding; the digest
// carries an Aura slot but no seal, because nobody checks it. What the storage
// means is up to a [runtime.Runtime]. The RPC methods have the names, aliases,
// parameters (by position or by name), results and error codes and texts of a
// Subtensor node; of eth_* there is only what reads the logs of contracts.
//
// # Extrinsics
//
// Signed extrinsics enter by author_submitExtrinsic, author_submitAndWatchExtrinsic
// or Submit, and wait in a pool with Substrate's rules: nonces, eras, priorities,
// bans, limits. Produce takes them into a block, best first; blocks made by Fork
// hold none. At every new best block the pool is validated anew, and what the
// chain has left behind comes back. All nodes share one pool, as if they told each
// other at once; a node that has an extrinsic only from another one takes it once
// more. A PoolPolicy holds, drops, usurps, retracts or fails what a test wants to
// see held, dropped, usurped, retracted or failed, and CheckNonces tells whether
// an account ever had two extrinsics with one nonce that could both be included.
// What waits in the pool is lost when the chain stops.
//
// # Time
//
// With a BlockTime blocks come by themselves and carry the clock's time. Without
// one they are made by Produce, and their timestamps are a slot apart: equal
// configurations with a GenesisTime then make equal chains, hash for hash.
//
// # Several nodes
//
// A Chain starts with one [Node] and can be given more with AddNode, all of the
// same chain: one that prunes and an archive, or three of which one is stuck.
// Faults belong to a node (Hook, Freeze, Hold, Follow, Refuse, DropConnections,
// Prune), what happens on the chain (Produce, Fork, Finalize, Upgrade) to all.
//
// # Memory
//
// A state shares what did not change with its parent's, so a block costs what it
// wrote. The newest KeepStates blocks have a state; headers and bodies are kept
// for ever, about half a kilobyte each.
//
// # Restart
//
// With a StateDir every block is appended to a checksummed journal before it is
// seen, and the chain goes on where it was. A crash can lose the blocks of the
// last moment, never more. The format is described at the type store.
package devchain
