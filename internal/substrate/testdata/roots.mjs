// Makes roots.json: the roots of lists of extrinsics computed by sp-trie, which @acala-network/chopsticks-executor 1.1.0
// ships as WebAssembly. Extrinsic i of a list is (7i mod 90)+1 bytes of the value i mod 256.
//
//   npm install --no-save @acala-network/chopsticks-executor@1.1.0
//   node roots.mjs > roots.json
import { calculate_state_root } from '@acala-network/chopsticks-executor'

const hex = (b) => '0x' + Buffer.from(b).toString('hex')
const compact = (n) => (n < 64 ? [n << 2] : n < 16384 ? [((n << 2) | 1) & 255, n >> 6] : [((n << 2) | 2) & 255, (n >> 6) & 255, (n >> 14) & 255, (n >> 22) & 255])

const roots = []
for (const count of [0, 1, 2, 3, 15, 16, 17, 63, 64, 65, 66, 200, 1000, 16384, 16385, 20000]) {
  const entries = Array.from({ length: count }, (_, i) => [hex(compact(i)), hex(new Uint8Array((7 * i) % 90 + 1).fill(i % 256))])
  roots.push({ count, v0: await calculate_state_root(entries, 0), v1: await calculate_state_root(entries, 1) })
}
console.log(JSON.stringify(roots, null, 1))
