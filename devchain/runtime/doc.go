// Package runtime is the seam between the development chain and what runs on
// it.
//
// Package devchain is the host: it keeps blocks, storage, forks and sockets,
// and knows nothing about neurons or weights. A [Runtime] is the guest: it
// knows what the bytes in storage mean, and keeps nothing between calls. The
// split is Substrate's own (a node and its Wasm runtime), and so are the entry
// points: version, metadata, genesis, initialise a block, apply an extrinsic,
// finalise the block, call a runtime API.
//
// # Rules for a runtime
//
//   - All state lives in [State]. The host calls the same Runtime value for
//     blocks on different forks, for old blocks and from several goroutines, so
//     a Runtime must be immutable or guard what it caches, and a cache must not
//     depend on the block.
//   - It must be deterministic: the same state, block and extrinsics give the
//     same writes. The host replays blocks after a restart.
//   - It must not keep a State, or a slice that a State returned, after the
//     call, and must not change such a slice.
//   - It must not panic on any input that came from a socket, which is what an
//     extrinsic and the arguments of a runtime API are.
//
// A runtime upgrade is the host switching to another Runtime value at a block;
// blocks before it keep the one they were built with.
package runtime
