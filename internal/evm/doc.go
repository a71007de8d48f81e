// Package evm reads contract logs from the chain's Ethereum side: JSON-RPC over HTTP to an EVM node, and the decoding of
// logs by the ABI that the caller sends along.
//
// [Client.Logs] is the whole of it. A range of blocks is read from the node that has it: blocks within the cutoff of the
// head from the main node, older ones from the archive node, a range across the line from both at once, the archive's part
// first. A node that refuses the size of a range is asked for its halves; what all of them answer together is bounded.
//
// Events are recognised by their first topic. A log that no event of the ABI matches, or that does not decode by the one
// that does, is left out without a word: other people's contracts emit what they like. What a log may grow to when it is
// decoded is bounded by its own size, because offsets in ABI data may point to the same bytes many times.
//
// Numbers keep their full width: a uint256 is written to JSON as a plain integer, whatever its size.
package evm
