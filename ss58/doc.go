// Package ss58 converts public keys to addresses and back.
//
// An SS58 address is base58 (Bitcoin's alphabet) of
//
//	prefix (1 or 2 bytes) ‖ public key (32 bytes) ‖ checksum (2 bytes)
//
// where the prefix tells the network (42 on every Bittensor network, so that
// addresses start with "5") and the checksum is the start of
// blake2b-512("SS58PRE" ‖ prefix ‖ public key). It protects against a mistyped
// character, not against an attacker.
//
// Only accounts of 32 bytes are known here: the shorter forms of the SS58
// registry (account indices) do not exist on Bittensor. Each (key, prefix) has
// exactly one address, so addresses may be compared as strings.
//
// The package is pure: it imports nothing of the project, reads no clock and
// opens no socket.
package ss58
