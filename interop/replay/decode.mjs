// Decodes the recorded answers of a main-network node with polkadot-js and prints them in the shape of the service's
// answer.
//
//   node decode.mjs FOLDER_WITH_NODE_MODULES RECORDING.json.gz
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { gunzipSync } from 'node:zlib'

const [modules, file] = process.argv.slice(2)
const require = createRequire(`${modules}/package.json`)
const { Metadata, TypeRegistry } = require('@polkadot/types')
const { encodeAddress } = require('@polkadot/util-crypto')

const bytesOf = (hex) => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
const recording = JSON.parse(gunzipSync(readFileSync(file)))
const registry = new TypeRegistry()
// Option<Vec<u8>> around the metadata.
const opaque = registry.createType('Option<Bytes>', bytesOf(recording.metadata_v15_optional_opaque)).unwrap()
const metadata = new Metadata(registry, `0x${Buffer.from(opaque).toString('hex')}`)
registry.setMetadata(metadata)
const apis = metadata.asV15.apis

function decode(trait, method) {
  const recorded = recording.state_calls.find((c) => c.method === `${trait}_${method}`)
  const api = apis.find((a) => a.name.toString() === trait).methods.find((m) => m.name.toString() === method)
  const bytes = bytesOf(recorded.result)
  const value = registry.createType(registry.createLookupType(api.output), bytes)
  if (value.encodedLength !== bytes.length) throw new Error(`${method}: ${value.encodedLength} of ${bytes.length} bytes`)
  return value
}

const address = (key) => encodeAddress(key.toU8a(true), 42)
const whole = (compact) => compact.toNumber ? compact.toNumber() : compact.unwrap().toNumber()
const share = (compact) => whole(compact) / 65535
const tokens = (compact) => Number(compact.toBigInt()) / 1e9

function ip(axon) {
  const value = axon.ip.toBigInt()
  if (axon.ipType.toNumber() !== 6) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
  const groups = [...Array(8)].map((_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  // The URL parser compresses an IPv6 address as RFC 5952 says.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

const state = decode('SubnetInfoRuntimeApi', 'get_subnet_state').unwrap()
const stakes = new Map()
state.hotkeys.forEach((key, i) => stakes.set(address(key), {
  alpha: tokens(state.alphaStake[i]), tao: tokens(state.taoStake[i]), total: tokens(state.totalStake[i]),
}))

const neurons = {}
for (const n of decode('NeuronInfoRuntimeApi', 'get_neurons_lite')) {
  const hotkey = address(n.hotkey)
  neurons[hotkey] = {
    uid: whole(n.uid), coldkey: address(n.coldkey), hotkey, active: n.active.isTrue,
    axon_info: { ip: ip(n.axonInfo), port: n.axonInfo.port.toNumber(), protocol: n.axonInfo.protocol.toNumber() },
    stake: n.stake.length ? tokens(n.stake[0][1]) : 0,
    rank: share(n.rank), emission: tokens(n.emission), incentive: share(n.incentive), consensus: share(n.consensus),
    trust: share(n.trust), validator_trust: share(n.validatorTrust), dividends: share(n.dividends),
    last_update: Number(n.lastUpdate.toBigInt()), validator_permit: n.validatorPermit.isTrue,
    pruning_score: whole(n.pruningScore), stakes: stakes.get(hotkey),
  }
}
const number = Number(recording.header.number)
process.stdout.write(JSON.stringify({ block: { number, hash: recording.block_hash }, neurons }))
