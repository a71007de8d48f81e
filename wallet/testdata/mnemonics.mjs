// Writes mnemonics.json: mnemonics of every length and the sr25519 keys that @polkadot/keyring makes of them.
// Run in a folder where that package and @scure/bip39 are installed: node mnemonics.mjs > mnemonics.json
import { createHash } from 'node:crypto';
import { Keyring } from '@polkadot/keyring';
import { u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';
import { entropyToMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';

await cryptoWaitReady();
const ring = new Keyring({ type: 'sr25519' });
const vectors = [];
for (const size of [16, 20, 24, 28, 32])
  for (const entropy of [Buffer.alloc(size), Buffer.alloc(size, 0xff), createHash('sha256').update(`${size}`).digest().subarray(0, size)]) {
    const phrase = entropyToMnemonic(entropy, wordlist);
    vectors.push({
      phrase,
      pub: u8aToHex(ring.addFromUri(phrase).publicKey),
      withPassword: u8aToHex(ring.addFromUri(phrase + '///hunter2').publicKey),
    });
  }
console.log(JSON.stringify(vectors, null, 1));
