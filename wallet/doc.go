// Package wallet holds the keys that sign on Bittensor: deriving them from a
// mnemonic, a seed or a secret URI, signing with them and checking signatures.
//
//	key, err := wallet.FromURI("//Alice")
//	signature := key.Sign(message)
//	ok := wallet.Verify(key.PublicKey(), message, signature)
//
// # Secret URIs
//
// A secret URI is a phrase, junctions and a password, each of which may be
// missing:
//
//	phrase[//hard][/soft]…[///password]
//
// The phrase is a BIP-39 mnemonic in English (12, 15, 18, 21 or 24 words), or a
// seed of 32 bytes as 0x and hexadecimal digits, or nothing, which means
// Substrate's well-known development phrase: "//Alice" is a key that everybody
// has. A mnemonic becomes a seed by Substrate's rule (PBKDF2 over its entropy),
// not by the rule of BIP-39, so other wallets make other keys from it.
//
// # Schemes
//
// Bittensor's keys are sr25519 (Schnorr signatures on Ristretto, signing context
// "substrate"), which is what the functions of this package use. [Ed25519] has
// the same functions as methods. The same phrase gives different keys under
// the two; an address does not tell its scheme.
//
// sr25519 signatures are randomised: two signatures of one message differ.
// [Verify] refuses the all-zero public key, for which anybody can make a
// signature of anything. A server that checks many signatures keeps a
// [Verifier], which does the same faster.
//
// # Secrets
//
// A [Keypair] prints as its address, whatever the format verb, and errors of
// this package never quote what they were given.
package wallet
