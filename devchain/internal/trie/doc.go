// Package trie is the storage of the development chain: an immutable ordered
// map from byte strings to byte strings that knows its own state root.
//
// A [Trie] never changes. An [Editor] makes a new one out of it and shares
// every part that it did not touch, so a block costs memory for what it wrote
// and nothing else, the states of different forks live side by side, any number
// of goroutines read without a lock, and forgetting an old state is dropping
// the last reference to it.
//
// The shape is Substrate's own: a radix tree over the key's half-bytes (high
// half first) with a value and up to sixteen children at a node. The root is
// therefore not a stand-in but the number that a Substrate node computes for
// the same keys and values: nodes in sp-trie's encoding, blake2b-256, nodes
// shorter than 32 bytes stored inside their parent, and with state version 1
// (Layout V1) values of 33 bytes and more replaced by their hash. Checked
// against vectors made by sp-trie itself.
package trie
