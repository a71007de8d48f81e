// Writes registry.json: addresses made by @polkadot/util-crypto.
// Run in a folder where that package is installed: node registry.mjs > registry.json
import { encodeAddress } from '@polkadot/util-crypto';
import { createHash } from 'node:crypto';

const vectors = [];
const keys = [Buffer.alloc(32), Buffer.alloc(32, 0xff), Buffer.concat([Buffer.alloc(31), Buffer.from([1])])];
for (let i = 0; i < 12; i++) keys.push(createHash('sha256').update(`key ${i}`).digest());
for (const pub of keys)
  for (const prefix of [0, 1, 2, 42, 63, 64, 65, 127, 128, 255, 256, 1284, 10041, 13116, 16383])
    vectors.push({ pub: '0x' + pub.toString('hex'), prefix, address: encodeAddress(pub, prefix) });
console.log(JSON.stringify(vectors, null, 0).replaceAll('},', '},\n'));
