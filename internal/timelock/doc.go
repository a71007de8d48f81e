// Package timelock encrypts to a round of a drand beacon, as Subtensor opens it,
// and says which round to take.
//
// A beacon publishes a BLS signature of the round number every few seconds. That
// signature is the key which opens everything encrypted to its round, so nobody
// can read a ciphertext before the beacon has reached the round, and everybody
// can afterwards. Validators hide their weights in this way until the epoch in
// which they count, and hotkeys hide commitments.
//
// # Ciphertexts
//
// The scheme is Boneh and Franklin's identity-based encryption with the
// Fujisaki-Okamoto transform on BLS12-381 (signatures in G1, public keys in G2);
// it carries a fresh AES-256-GCM key, and the key carries the message. The bytes
// are those of the Rust crate tle (ideal-lab5/timelock, revision 5416406), which
// the chain links. They are not those of drand's own tlock, nor of newer
// revisions of that crate. A message of n bytes becomes n + [Overhead] bytes:
//
//	U  96 ‖ 32 as u64 ‖ V 32 ‖ 32 as u64 ‖ W 32 ‖ body length u64
//	‖ n+16 as u64 ‖ AES-GCM ciphertext and tag ‖ 12 as u64 ‖ nonce 12
//	‖ 8 as u64 ‖ "AES_GCM_"           (integers little-endian)
//
// [Decrypt] takes what the chain takes: bytes that follow are ignored, and so is
// the name of the cipher. It also returns an error where the chain's code would
// abort (V or W not of 32 bytes). Nothing that it is given makes it allocate more
// than the message.
//
// # What is inside
//
// [Weights] is the message of a weights commit, [AppendCommitment] the message of
// a timelocked commitment (the chain's Data::TimelockEncrypted, whose fields are
// the ciphertext and the round), and a [Frame] is a ciphertext together with its
// round, as the Python package's encrypt returns it.
//
// # Which round
//
// The chain opens a weights commit only in one epoch of the subnet: a pulse that
// comes too early shows the weights early, one that comes too late loses them.
// [StatefulEpochs] (runtimes from spec 423 on) and [FixedEpochs] (older ones)
// say which blocks those are, [Pace] turns blocks into times, and
// [Schedule.RevealRound] picks the round. Mechanisms of a subnet share its epochs:
// the netuid is always the subnet's own, never the storage index.
//
// # Cost
//
// On one core of the development machine: Encrypt 0.9 ms, Decrypt 1.1 ms, Verify
// 0.8 ms, reading a signature 0.1 ms; the benchmarks print the present numbers.
//
// The package is pure: it imports nothing of the project, reads no clock, opens no
// socket, and takes its randomness as an argument. Its curve arithmetic
// (gnark-crypto) does not run in constant time. That is no matter to an encryptor,
// whose numbers are used once, but a [Beacon] is for development chains only.
package timelock
