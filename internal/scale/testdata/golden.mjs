// Records the real runtime of spec 218 and writes what polkadot-js makes of it and of the recorded metadata.
// How to run it is in README.md beside this file.
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { createHash } from 'node:crypto'
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api'
import { Metadata, TypeRegistry } from '@polkadot/types'
import { connect } from './rpc.mjs'

const { values: options } = parseArgs({
  options: {
    url: { type: 'string', default: 'ws://127.0.0.1:9944' },
    recorded: { type: 'string' },
    out: { type: 'string' },
  },
})
const save = (name, data) => writeFileSync(join(options.out, name), gzipSync(data, { level: 9 }))
const bytes = (hex) => Buffer.from(hex.replace(/^0x/, ''), 'hex')

// --- Values, in a form that does not depend on names: structs and tuples are lists, integers are decimal strings.

function canon(c, registry) {
  const type = c.constructor.name
  const raw = c.toRawType()
  if (c.callIndex && c.argsEntries !== undefined) return canonCall(c, registry)
  if (typeof c.isNone === 'boolean' && 'unwrapOr' in c) return c.isNone ? null : canon(c.unwrap(), registry)
  if ('unwrap' in c && raw.startsWith('Compact')) return canon(c.unwrap(), registry)
  if (raw === 'bool') return c.isTrue
  if (raw === 'Null') return []
  if (raw === 'BitVec') return c.toHuman()
  if (raw.toLowerCase() === 'u256') { // described as [u64; 4]
    return [0n, 64n, 128n, 192n].map((shift) => ((c.toBigInt() >> shift) & 0xffff_ffff_ffff_ffffn).toString())
  }
  if (/^[ui](8|16|32|64|128|256)$/i.test(raw) || 'toBn' in c && !('entries' in c)) return c.toString()
  if (raw === 'Text' || raw === 'String') return c.toString()
  if (c.defKeys && 'inner' in c) { // enum
    return c.isNone || c.inner.toRawType() === 'Null' ? c.type : { [c.type]: canon(c.inner, registry) }
  }
  if (c instanceof Map) {
    const entries = [...c.entries()]
    const map = raw.startsWith('BTreeMap') || raw.startsWith('HashMap') || /Map/.test(type)
    return map ? entries.map(([k, v]) => [canon(k, registry), canon(v, registry)]) : entries.map(([, v]) => canon(v, registry))
  }
  if (c instanceof Set) return [...c].map((v) => canon(v, registry))
  if (c instanceof Uint8Array) return '0x' + Buffer.from(c).toString('hex')
  if (Array.isArray(c)) return [...c].map((v) => canon(v, registry))
  throw new Error(`cannot convert ${type} ${raw}`)
}

const pallets = new Map() // camel-case section -> name
function canonCall(c, registry) {
  const { meta, section } = registry.findMetaCall(c.callIndex)
  return [pallets.get(section), meta.name.toString(), c.args.map((a) => canon(a, registry))]
}

function canonEvent({ event, phase, topics }, registry) {
  const { meta, section } = { meta: event.meta, section: event.section }
  const at = phase.isApplyExtrinsic ? phase.asApplyExtrinsic.toString() : phase.type
  return [at, pallets.get(section), meta.name.toString(), [...event.data].map((d) => canon(d, registry)), [...topics].map((t) => t.toHex())]
}

// --- Metadata as lines of text.

const hex = (u8a) => Buffer.from(u8a).toString('hex')
const fieldLine = (f) => `${f.name.isSome ? f.name.unwrap().toString() : ''}:${f.type.toString()}`

function typeLine(id, { path, params, def }) {
  const head = `type ${id} ${path.map((p) => p.toString()).join('::')} <${params.map((p) => `${p.name}=${p.type.isSome ? p.type.unwrap() : ''}`).join(',')}>`
  switch (def.type) {
    case 'Composite': return `${head} struct ${def.asComposite.fields.map(fieldLine).join(',')}`
    case 'Variant': return `${head} enum ${def.asVariant.variants.map((v) => `${v.index}=${v.name}(${v.fields.map(fieldLine).join(',')})`).join(';')}`
    case 'Sequence': return `${head} vector ${def.asSequence.type}`
    case 'Array': return `${head} array ${def.asArray.type} ${def.asArray.len}`
    case 'Tuple': return `${head} tuple ${def.asTuple.map((t) => t.toString()).join(',')}`
    case 'Primitive': return `${head} primitive ${def.asPrimitive.type.toLowerCase()}`
    case 'Compact': return `${head} compact ${def.asCompact.type}`
    case 'BitSequence': return `${head} bits ${def.asBitSequence.bitStoreType} ${def.asBitSequence.bitOrderType}`
    default: throw new Error(`type ${def.type}`)
  }
}

function metadataLines(raw) {
  const registry = new TypeRegistry()
  const metadata = new Metadata(registry, '0x' + hex(raw))
  const version = metadata.version
  const m = metadata[`asV${version}`]
  const lines = [`version ${version}`]
  const types = m.lookup.types
  for (const { id, type } of types) lines.push(typeLine(id.toString(), type))
  for (const p of m.pallets) {
    const enumOf = (o) => (o.isSome ? o.unwrap().type.toString() : '')
    lines.push(`pallet ${p.index} ${p.name} calls=${enumOf(p.calls)} events=${enumOf(p.events)} errors=${enumOf(p.errors)}`)
    if (p.storage.isSome) {
      const { prefix, items } = p.storage.unwrap()
      for (const s of items) {
        const map = s.type.isMap ? s.type.asMap : null
        // Several keys are described as one tuple.
        const keys = map && (map.hashers.length > 1 ? m.lookup.getSiType(map.key).def.asTuple : [map.key])
        const form = map ? `map ${map.hashers.map((h) => h.type).join(',')} ${keys.join(',')} ${map.value}` : `plain ${s.type.asPlain}`
        lines.push(`storage ${prefix}.${s.name} ${s.modifier.type} ${form} ${hex(s.fallback)}`)
      }
    }
    for (const c of p.constants) lines.push(`constant ${p.name}.${c.name} ${c.type} ${hex(c.value)}`)
    if (p.errors.isSome) {
      for (const v of m.lookup.getSiType(p.errors.unwrap().type).def.asVariant.variants) {
        const docs = v.docs.map((d) => d.toString().trim()).filter((d) => d).join(' ')
        lines.push(`error ${p.name}.${v.name} ${p.index}.${v.index} ${docs}`)
      }
    }
  }
  const x = m.extrinsic
  const extensions = version >= 16 ? x.transactionExtensions : x.signedExtensions
  for (const e of extensions) lines.push(`extension ${e.identifier} ${e.type} ${version >= 16 ? e.implicit : e.additionalSigned}`)
  lines.push(`extrinsic ${version >= 16 ? [...x.versions].join(',') : x.version}`)
  if (version >= 15) {
    lines.push(`address ${x.addressType} signature ${x.signatureType}`)
    for (const a of m.apis) {
      for (const f of a.methods) lines.push(`api ${a.name}_${f.name}(${f.inputs.map((i) => `${i.name}:${i.type}`).join(',')}) ${f.output}`)
    }
    lines.push(`outer ${m.outerEnums.callType} ${m.outerEnums.eventType} ${m.outerEnums.errorType}`)
  }
  return lines
}

const opaque = (result) => { // Option<Vec<u8>>
  const b = bytes(result)
  const mode = b[1] & 3
  return b.subarray(1 + [1, 2, 4][mode])
}

// --- The chain.

const rpc = await connect(options.url)
const api = await ApiPromise.create({ provider: new WsProvider(options.url), noInitWarn: true })
for (const p of api.runtimeMetadata.asLatest.pallets) {
  const name = p.name.toString()
  pallets.set(name[0].toLowerCase() + name.slice(1), name)
}
const registry = api.registry
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const [alice, bob, charlie] = ['Alice', 'Bob', 'Charlie'].map((n) => keyring.addFromUri(`//${n}`))
const tx = api.tx
const calls = [
  [alice, tx.subtensorModule.setWeights(1, [0, 1, 2, 3], [65535, 1, 32768, 7], 0), { era: 8 }],
  [bob, tx.subtensorModule.serveAxon(1, 9003000, 16909060, 8091, 4, 4, 0, 0), { era: 64 }],
  [charlie, tx.subtensorModule.setWeights(99, [0], [1], 0), { era: 0 }], // fails: no such subnet
  [charlie, tx.commitments.setCommitment(1, { fields: [{ Raw4: '0x64617461' }] }), { era: 0 }], // fails: rate limit
  [alice, tx.utility.forceBatch([
    tx.system.remark('0x00ff'),
    tx.utility.batch([tx.balances.transferKeepAlive(bob.address, 1_000_000_000n), tx.sudo.sudo(tx.system.setHeapPages(0))]),
    tx.balances.transferAllowDeath(alice.address, (1n << 62n)), // fails inside the batch
  ]), { era: 4096, tip: 1_000_000 }],
]
const nonces = new Map()
const header = await rpc.call('chain_getHeader')
for (const [signer, call, { era, tip = 0 }] of calls) {
  const nonce = nonces.get(signer.address) ?? (await rpc.call('system_accountNextIndex', [signer.address]))
  nonces.set(signer.address, nonce + 1)
  const blockHash = era ? await rpc.call('chain_getBlockHash', [Number(header.number)]) : api.genesisHash
  const options = { nonce, tip, blockHash, era: era ? registry.createType('ExtrinsicEra', { current: Number(header.number), period: era }) : 0 }
  await rpc.call('author_submitExtrinsic', [(await call.signAsync(signer, options)).toHex()])
}
const block = await rpc.call('dev_newBlock', [{ count: 1 }])
const { block: { extrinsics } } = await rpc.call('chain_getBlock', [block])
const events = await rpc.call('state_getStorage', ['0x26aa394eea5630e07c48ae0c9558cef780d41e5e16056765bc8461851072c9d7', block])

const stateCalls = []
for (const [method, args] of [
  ['NeuronInfoRuntimeApi_get_neurons_lite', '0x0100'],
  ['NeuronInfoRuntimeApi_get_neuron_lite', '0x01000300'],
  ['SubnetInfoRuntimeApi_get_subnet_hyperparams', '0x0100'],
  ['SubnetInfoRuntimeApi_get_subnet_info', '0x0100'],
  ['SubnetInfoRuntimeApi_get_subnet_info', '0x6300'],
  ['Metadata_metadata_at_version', '0x10000000'],
]) stateCalls.push({ method, args, result: await rpc.call('state_call', [method, args, block]) })

// All storage that the metadata names, at most forty entries of an item.
const storage = []
let last = null
const perItem = new Map()
for (;;) {
  const keys = await rpc.call('state_getKeysPaged', ['0x', 500, last, block])
  if (keys.length === 0) break
  last = keys.at(-1)
  for (const key of keys) {
    const item = key.slice(0, 66)
    perItem.set(item, (perItem.get(item) ?? 0) + 1)
    if (perItem.get(item) <= 40) storage.push([key, await rpc.call('state_getStorage', [key, block])])
  }
}
const at = await api.at(block)
const items = new Map()
for (const section of Object.values(at.query)) {
  for (const item of Object.values(section)) {
    if (item.creator) items.set(item.keyPrefix(), item.creator)
  }
}
const { StorageKey } = await import('@polkadot/types')
const decodedStorage = []
for (const [key, value] of storage) {
  const creator = items.get(key.slice(0, 66))
  if (!creator || value.length > 40_000 || creator.method === 'palletVersion' || creator.section === 'substrate') continue
  if (creator.prefix === 'System' && creator.method === 'events') continue // below
  const k = new StorageKey(registry, key)
  k.setMeta(creator.meta)
  const type = creator.meta.type
  const valueType = registry.createLookupType(type.isPlain ? type.asPlain : type.asMap.value)
  let decoded
  try { decoded = canon(registry.createTypeUnsafe(valueType, [bytes(value)]), registry) } catch (e) { throw new Error(`${creator.section}.${creator.method}: ${e}`) }
  decodedStorage.push({ pallet: creator.prefix, item: creator.meta.name.toString(), key, value, keys: [...k.args].map((a) => canon(a, registry)), decoded })
}

const decodedExtrinsics = extrinsics.map((data) => {
  const x = registry.createType('Extrinsic', data)
  return {
    data, hash: x.hash.toHex(), version: x.version, call: canonCall(x.method, registry), callData: x.method.toHex(),
    signed: x.isSigned ? {
      signer: canon(x.signer, registry), signature: x.signature.toHex(), nonce: x.nonce.toString(), tip: x.tip.toString(),
      era: x.era.isMortalEra ? [x.era.asMortalEra.period.toNumber(), x.era.asMortalEra.phase.toNumber()] : [0, 0],
      birth: x.era.isMortalEra ? x.era.asMortalEra.birth(Number(header.number)) : 0,
      death: x.era.isMortalEra ? x.era.asMortalEra.death(Number(header.number)) : 0,
    } : null,
  }
})
const errors = []
const decodedEvents = registry.createType('Vec<EventRecord>', bytes(events)).map((record) => {
  for (const d of record.event.data) {
    const e = d.toRawType().includes('Module') && d.isModule ? d : d.isErr && d.asErr.isModule ? d.asErr : null
    if (!e) continue
    const { section, name, docs } = registry.findMetaError(e.asModule)
    errors.push({ data: e.toHex(), pallet: pallets.get(section), name, docs: docs.map((l) => l.trim()).filter((l) => l).join(' ') })
  }
  return canonEvent(record, registry)
})

const v14 = await rpc.call('state_getMetadata', [block])
const v15 = await rpc.call('state_call', ['Metadata_metadata_at_version', '0x0f000000', block])
save('metadata-218-v14.scale.gz', bytes(v14))
save('metadata-218-v15.opaque.gz', bytes(v15))
save('spec218.json.gz', JSON.stringify({
  runtimeVersion: await rpc.call('state_getRuntimeVersion', [block]), genesis: api.genesisHash.toHex(),
  blockNumber: Number(header.number) + 1, stateCalls, storage: decodedStorage,
  extrinsics: decodedExtrinsics, events: { data: events, decoded: decodedEvents }, errors,
}))

// --- Metadata of three runtimes.

const finney = JSON.parse(gunzipSync(readFileSync(join(options.recorded, 'finney-343.json.gz'))))
const later = JSON.parse(gunzipSync(readFileSync(join(options.recorded, 'metadata-425.json.gz'))))
const lines = {}
for (const [name, raw] of [
  ['218-v14', bytes(v14)], ['218-v15', opaque(v15)],
  ['343-v14', bytes(finney.metadata_v14)], ['343-v15', opaque(finney.metadata_v15_optional_opaque)],
  ['425-v14', bytes(later.metadata_v14)], ['425-v15', opaque(later.metadata_v15_optional_opaque)], ['425-v16', opaque(later.metadata_v16_optional_opaque)],
]) {
  const text = metadataLines(raw).join('\n') + '\n'
  lines[name] = { sha256: createHash('sha256').update(text).digest('hex'), lines: text.split('\n').length - 1 }
  if (name === '425-v16') save('metadata-425-v16.lines.gz', text)
}
writeFileSync(join(options.out, 'metadata.json'), JSON.stringify(lines, null, 1) + '\n')
console.log(extrinsics.length, 'extrinsics', decodedEvents.length, 'events', decodedStorage.length, 'of', storage.length, 'storage values', errors)
process.exit(0)
