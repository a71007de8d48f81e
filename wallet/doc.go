// Package wallet holds the keys that sign on Bittensor: reading and writing the
// files that its wallets keep them in, deriving them, signing with them and
// checking signatures.
//
//	w := wallet.Wallet{Name: "validator", Password: wallet.EnvPassword(os.LookupEnv)}
//	key, err := w.Hotkey("default")
//	signature := key.Sign(message)
//	ok := wallet.Verify(key.PublicKey(), message, signature)
//
// # Key files
//
// A [Wallet] is a folder in the layout of bittensor-wallet, from 2.x to the one
// in SDK 11. All that those have written is read: plain JSON, NaCl, and the
// Ansible vaults and Fernet tokens of old. Plain files and NaCl are written, so
// that all of them can read sr25519 keys in turn.
//
// A file must hold the key of the address in it, and of the public file beside
// it. Only regular files of at most 64 KiB are read. Files are written at once or
// not at all, readable by the owner alone, and never over others unless told so.
// Errors name the file and what is wrong with it: it is missing (fs.ErrNotExist),
// may not be read (fs.ErrPermission), wants a password ([ErrNoPassword]) or
// another one ([ErrWrongPassword]), or holds another key ([ErrMismatch]).
//
// A password costs seconds, and for NaCl half a gigabyte of memory, by the design
// of the formats; files cannot ask for more, and those of one password can share
// it ([StretchedPasswords]). [ParsePolkadot] reads the accounts
// that polkadot-js exports.
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
// [Verify] refuses the all-zero public key, and in ed25519 all keys of small
// order: anybody can make their signatures. A server that checks many signatures
// keeps a [Verifier], which does the same faster.
//
// # Secrets
//
// A [Keypair] prints as its address and a [Secret] as a fixed word, whatever the
// format verb or the encoding, and errors of this package never quote what they
// were given.
package wallet
