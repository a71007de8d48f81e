// polkadot-js signs the cases of cases.mjs, or looks at extrinsics that somebody else has signed.
//
//   node extrinsic.mjs FOLDER_WITH_NODE_MODULES FOLDER_WITH_METADATA sign
//   node extrinsic.mjs FOLDER_WITH_NODE_MODULES FOLDER_WITH_METADATA verify < [{"spec", "bytes"}, …]
//
// Sign writes the vectors of internal/substrate/testdata/extrinsics.json. Verify decodes each extrinsic and checks its
// signature over the payload that polkadot-js makes of it, and writes what it has read.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { blockHash, genesisHash, seed, specs } from './cases.mjs'

const [modules, metadataFolder, mode] = process.argv.slice(2)
const require = createRequire(`${modules}/package.json`)
const { Metadata, TypeRegistry, expandMetadata } = require('@polkadot/types')
const { Keyring } = require('@polkadot/api')
const { compactFromU8a, hexToU8a, stringCamelCase, u8aToHex } = require('@polkadot/util')
const { blake2AsU8a, cryptoWaitReady, signatureVerify } = require('@polkadot/util-crypto')

console.warn = () => {} // about extensions that polkadot-js does not know, and which carry nothing
await cryptoWaitReady()

function runtime(spec) {
  const registry = new TypeRegistry()
  const opaque = gunzipSync(readFileSync(join(metadataFolder, specs[spec].metadata)))
  // Option<Vec<u8>>: a byte for Some, and the length.
  const [offset] = compactFromU8a(opaque.subarray(1))
  const metadata = new Metadata(registry, u8aToHex(opaque.subarray(1 + offset)))
  registry.setMetadata(metadata)
  return { registry, tx: expandMetadata(registry, metadata).tx }
}

// call builds a call from [pallet, call, arguments by name].
function call({ tx }, [pallet, name, args]) {
  const build = tx[stringCamelCase(pallet)][stringCamelCase(name)]
  const value = (v) => {
    if (!Array.isArray(v) || !v.every((c) => Array.isArray(c))) return v
    return v.map((c) => call({ tx }, c))
  }
  const byName = Object.fromEntries(Object.entries(args).map(([key, v]) => [stringCamelCase(key), v]))
  return build(...build.meta.args.map(({ name }) => {
    const key = stringCamelCase(name.toString())
    if (!(key in byName)) throw new Error(`${pallet}.${build.meta.name}: no argument ${key}`)
    return key === 'call' ? call({ tx }, byName[key]) : value(byName[key])
  }))
}

const keyring = new Keyring()
const pairs = Object.fromEntries(['ed25519', 'sr25519'].map((type) => [type, keyring.addFromSeed(hexToU8a(seed), {}, type)]))

function sign(spec) {
  const rt = runtime(spec)
  const { registry } = rt
  const runtimeVersion = { specVersion: spec, transactionVersion: specs[spec].transactionVersion }
  return specs[spec].cases.map(([[pallet, name, args], number, period, nonce, tip]) => {
    const method = call(rt, [pallet, name, args])
    const era = registry.createType('ExtrinsicEra', { current: number, period })
    const options = { blockHash, era, genesisHash, nonce, runtimeVersion, tip, mode: 0 }
    const result = { pallet, call: name, args, number, period, nonce: `${nonce}`, tip }
    for (const [type, pair] of Object.entries(pairs)) {
      const xt = registry.createType('Extrinsic', method, { version: 4 })
      xt.sign(pair, options)
      result[type] = xt.toHex()
      if (type === 'ed25519') result.hash = xt.hash.toHex()
    }
    result.payload = u8aToHex(registry.createType('ExtrinsicPayload', {
      ...options, method: method.toHex(), specVersion: spec, transactionVersion: specs[spec].transactionVersion,
    }, { version: 4 }).toU8a({ method: true }))
    return result
  })
}

function verify(found) {
  const runtimes = {}
  return found.map(({ spec, bytes }) => {
    const { registry } = (runtimes[spec] ??= runtime(spec))
    const xt = registry.createType('Extrinsic', hexToU8a(bytes))
    const payload = registry.createType('ExtrinsicPayload', {
      blockHash, era: xt.era, genesisHash, nonce: xt.nonce, tip: xt.tip, mode: 0, method: xt.method.toHex(),
      specVersion: spec, transactionVersion: specs[spec].transactionVersion,
    }, { version: 4 }).toU8a({ method: true })
    const message = payload.length > 256 ? blake2AsU8a(payload, 256) : payload
    const { isValid, crypto } = signatureVerify(message, xt.signature.toU8a(), xt.signer.value.toU8a())
    return {
      valid: isValid, crypto, same: xt.toHex() === bytes, hash: xt.hash.toHex(), signer: u8aToHex(xt.signer.value.toU8a()),
      nonce: xt.nonce.toString(), tip: xt.tip.toString(), call: `${xt.method.section}.${xt.method.method}`,
    }
  })
}

const out = mode === 'sign'
  ? { genesisHash, blockHash, seed, specs: Object.fromEntries(Object.keys(specs).map((spec) => [spec, sign(Number(spec))])) }
  : verify(JSON.parse(readFileSync(0, 'utf8')))
process.stdout.write(JSON.stringify(out))
