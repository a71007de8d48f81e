// Makes vectors.json: state roots computed by sp-trie, which
// @acala-network/chopsticks-executor 1.1.0 ships as WebAssembly.
//
//   npm install --no-save @acala-network/chopsticks-executor@1.1.0
//   node vectors.mjs > vectors.json
import { calculate_state_root } from '@acala-network/chopsticks-executor'

// A small deterministic generator (xorshift32), so that a rerun gives the same file.
let seed = 0x9e3779b9
const random = (n) => {
  seed ^= seed << 13
  seed ^= seed >>> 17
  seed ^= seed << 5
  return (seed >>> 0) % n
}
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => random(256)))
const hex = (b) => '0x' + Buffer.from(b).toString('hex')

const cases = []
const add = async (name, entries) => {
  const sorted = [...new Map(entries).entries()].sort(([a], [b]) => (a < b ? -1 : 1))
  const roots = []
  for (const version of [0, 1]) roots.push(await calculate_state_root(sorted, version))
  cases.push({ name, entries: sorted, root_v0: roots[0], root_v1: roots[1] })
}

await add('empty', [])
await add('empty key', [['0x', '0x01']])
await add('empty value', [['0xabcd', '0x']])
await add('one short', [['0x61', '0x62']])
await add('one long', [['0x61', hex(bytes(100))]])
for (const n of [31, 32, 33, 34]) await add(`value of ${n} bytes`, [['0x61', hex(bytes(n))], ['0x62', hex(bytes(n))]])
await add('key is a prefix of another', [['0x61', '0x01'], ['0x6162', '0x02'], ['0x616263', '0x03']])
await add('keys that differ in the low nibble', [['0x60', '0x01'], ['0x61', '0x02'], ['0x6f', '0x03']])
await add('all children', Array.from({ length: 16 }, (_, i) => [hex([i * 16 + 1]), hex([i])]))
for (const n of [30, 31, 32, 33, 62, 63, 64, 157, 158, 159, 160, 200]) {
  const stem = bytes(n)
  await add(`leaf with a key of ${n} bytes`, [[hex(stem), '0x01']])
  await add(`branch with a key of ${n} bytes`, [
    [hex(stem), hex(bytes(40))],
    [hex([...stem, 1]), '0x01'],
    [hex([...stem, 0x80]), '0x02'],
  ])
}
for (let i = 0; i < 24; i++) {
  const stems = Array.from({ length: 1 + random(4) }, () => bytes(random(6)))
  const entries = Array.from({ length: 1 + random(40) }, () => [
    hex([...stems[random(stems.length)], ...bytes(random(5))]),
    hex(bytes(random(3) ? random(8) : random(80))),
  ])
  await add(`random ${i}`, entries)
}
console.log(JSON.stringify(cases, null, 1))
