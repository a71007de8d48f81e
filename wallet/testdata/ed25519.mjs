// Writes ed25519.json: keys and signatures made by @polkadot/keyring.
// Run in a folder where that package is installed: node ed25519.mjs > ed25519.json
import { Keyring } from '@polkadot/keyring';
import { stringToU8a, u8aToHex } from '@polkadot/util';
import { cryptoWaitReady } from '@polkadot/util-crypto';

await cryptoWaitReady();
const ring = new Keyring({ type: 'ed25519', ss58Format: 42 });
const phrases = ['', 'old leopard transfer rib spatial phone calm indicate online fire caution review',
  '0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'];
const paths = ['', '//Alice', '//0//1', '//averyveryverylongpathsegmentlongerthan32bytes'];
const keys = [];
for (const phrase of phrases)
  for (const path of paths) {
    const pair = ring.addFromUri((phrase || 'bottom drive obey lake curtain smoke basket hold race lonely fit walk') + path);
    keys.push({ uri: phrase + path, pub: u8aToHex(pair.publicKey), ss58: pair.address, sig: u8aToHex(pair.sign(stringToU8a('hello bittensor'))) });
  }
console.log(JSON.stringify(keys, null, 1));
