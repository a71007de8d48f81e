// polkadot-js looks at a running development chain and compares what it sees with what it is told and with what it
// knows itself: keys that it derives, hashes that it computes.
//
//   node check.mjs FOLDER_WITH_NODE_MODULES WS_URL EXPECTED_JSON
//
// EXPECTED_JSON: {"specVersion", "genesisHash", "slotDuration" (ms), "subnets": [{"netuid", "neurons", "tempo"}],
// "upgrade" (spec version, optional)}. A line "please fork", "please upgrade" or "please prune" on standard output asks
// whoever started this to make the chain do so. A fork is answered on standard input with {"number", "old", "new"}, a
// height and its hashes, pruning with {"number"}, a height without state. The last line is the number of checks; the
// exit status is 1 if one failed.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const [modules, url, expectedText] = process.argv.slice(2)
const require = createRequire(`${modules}/package.json`)
const { ApiPromise, HttpProvider, WsProvider, Keyring } = require('@polkadot/api')
const { hexToString, u8aToHex } = require('@polkadot/util')
const { blake2AsHex } = require('@polkadot/util-crypto')

const expected = JSON.parse(expectedText)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const PATIENCE = 60_000
let checks = 0
let failures = 0

function check(what, got, want) {
  checks++
  const text = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}` : v))
  const [a, b] = [text(got), text(want)]
  if (a === b) return
  failures++
  console.error(`${what}: got ${a}, want ${b}`)
}

async function fails(what, promise, pattern) {
  try {
    check(what, await promise, `an error like ${pattern}`)
  } catch (error) {
    check(`${what}: "${error.message}" is like ${pattern}`, pattern.test(error.message), true)
  }
}

// until resolves when subscribe's callback has had enough, and ends the subscription.
function until(what, subscribe, enough) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain: ${what}`)), PATIENCE)
    let done = false
    const unsubscribe = subscribe((value) => {
      if (done || !enough(value)) return
      done = true
      clearTimeout(timer)
      unsubscribe.then((end) => end()).then(() => resolve(value), reject)
    })
    unsubscribe.catch(reject)
  })
}

const provider = new WsProvider(url, false)
await provider.connect()
const api = await ApiPromise.create({ provider, throwOnConnect: true })
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const address = (uri) => keyring.addFromUri(uri).address
const [alice, bob, charlie, dave, eve, ferdie] = ['Alice', 'Bob', 'Charlie', 'Dave', 'Eve', 'Ferdie'].map((n) => address(`//${n}`))

// The node and its metadata.
check('genesis hash', api.genesisHash.toHex(), expected.genesisHash)
check('genesis hash by number', (await api.rpc.chain.getBlockHash(0)).toHex(), expected.genesisHash)
check('spec version', api.runtimeVersion.specVersion.toNumber(), expected.specVersion)
check('spec name', api.runtimeVersion.specName.toString(), 'node-subtensor')
check('address format', api.registry.chainSS58, 42)
check('token', [api.registry.chainTokens, api.registry.chainDecimals], [['TAO'], [9]])
check('health', (await api.rpc.system.health()).isSyncing.isFalse, true)
check('slot duration', api.consts.aura.slotDuration.toNumber(), expected.slotDuration)
const typed = expected.specVersion > 219 // older runtimes answer with bytes

// Storage: plain values, maps with one key and with two, values that are not there, iteration, many at once.
for (const { netuid, neurons, tempo } of expected.subnets) {
  check(`tempo of ${netuid}`, (await api.query.subtensorModule.tempo(netuid)).toNumber(), tempo)
  check(`neurons of ${netuid}`, (await api.query.subtensorModule.subnetworkN(netuid)).toNumber(), neurons)
  const uids = await api.query.subtensorModule.uids.entries(netuid)
  check(`uids of ${netuid}`, uids.map(([, uid]) => uid.unwrap().toNumber()).sort((a, b) => a - b), [...Array(neurons).keys()])
  const keys = await api.query.subtensorModule.keys.entries(netuid)
  const hotkeys = new Map(keys.map(([key, hotkey]) => [key.args[1].toNumber(), hotkey.toString()]))
  check(`both maps of ${netuid} agree`, uids.every(([key, uid]) => hotkeys.get(uid.unwrap().toNumber()) === key.args[1].toString()), true)
  const wanted = [alice, bob, charlie, dave, address('//Miner0')].slice(0, neurons)
  check(`first hotkeys of ${netuid}`, wanted.map((_, uid) => hotkeys.get(uid)), wanted)
  check(`a uid of ${netuid} that is not there`, (await api.query.subtensorModule.uids(netuid, eve)).isNone, true)
}
const { netuid, neurons } = expected.subnets[0]
check('hotkeys one by one', (await api.query.subtensorModule.keys.multi([[netuid, 0], [netuid, 1]])).map(String), [alice, bob])
check('owner of a hotkey', (await api.query.subtensorModule.owner(alice)).toString(), eve)
check('a balance', (await api.query.system.account(ferdie)).data.free.toBigInt() > 0n, true)
check('no balance', (await api.query.system.account(address('//Nobody'))).data.free.toBigInt(), 0n)
check('permits', (await api.query.subtensorModule.validatorPermit(netuid)).map((p) => p.isTrue).slice(0, 4), [true, true, true, true])
for (const [name, hotkey] of [['charlie', charlie], ['dave', dave]]) {
  const commitment = (await api.query.commitments.commitmentOf(netuid, hotkey)).unwrap()
  const text = `commitment-${name}`
  const [field] = [...commitment.info.fields]
  check(`commitment of ${name}`, [field.type, hexToString(field.value.toHex())], [`Raw${text.length}`, text])
}
check('no commitment', (await api.query.commitments.commitmentOf(netuid, eve)).isNone, true)
const axon = (await api.query.subtensorModule.axons(netuid, address('//Miner0'))).unwrap()
check('an axon', axon.port.toNumber() > 0 && axon.ip.toBigInt() > 0n, true)

// Runtime APIs, described by the metadata.
const call = (trait, method, ...args) => api.call[trait][method](...args)
const lite = await call('neuronInfoRuntimeApi', 'getNeuronsLite', netuid)
const state = typed ? await call('subnetInfoRuntimeApi', 'getSubnetState', netuid) : undefined
if (typed) {
  check('neurons', lite.length, neurons)
  check('uids', lite.map((n) => n.uid.toNumber()), [...Array(neurons).keys()])
  check('hotkeys of the state', state.unwrap().hotkeys.map(String), lite.map((n) => n.hotkey.toString()))
  check('permits of neurons', lite.slice(0, 5).map((n) => n.validatorPermit.isTrue), [true, true, true, true, false])
  check('coldkeys', [lite[0].coldkey.toString(), lite[4].coldkey.toString()], [eve, ferdie])
  check('axon of a neuron', [lite[4].axonInfo.ip.toBigInt() === axon.ip.toBigInt(), lite[4].axonInfo.port.toNumber()], [true, axon.port.toNumber()])
  check('some emission', lite.some((n) => n.emission.unwrap().toBigInt() > 0n), true)
  const one = await call('neuronInfoRuntimeApi', 'getNeuronLite', netuid, 3)
  check('one neuron', one.unwrap().hotkey.toString(), dave)
  check('no neuron', (await call('neuronInfoRuntimeApi', 'getNeuronLite', netuid, 4000)).isNone, true)
  check('no subnet', (await call('subnetInfoRuntimeApi', 'getSubnetState', 4000)).isNone, true)
  const hyperparameters = (await call('subnetInfoRuntimeApi', 'getSubnetHyperparams', netuid)).unwrap()
  check('tempo of the hyperparameters', hyperparameters.tempo.toNumber(), expected.subnets[0].tempo)
}
const argument = u8aToHex(Uint8Array.of(netuid & 255, netuid >> 8))
const at = (await api.rpc.chain.getHeader()).hash.toHex()
const raw = await provider.send('state_call', ['NeuronInfoRuntimeApi_get_neurons_lite', argument, at])
const bytes = u8aToHex(Uint8Array.from(await provider.send('neuronInfo_getNeuronsLite', [netuid, at])))
check('the RPC method and the runtime API agree', raw.endsWith(bytes.slice(2)), true)
await fails('a runtime API that does not exist', api.rpc.state.call('NeuronInfoRuntimeApi_nothing', '0x'), /4003: .*Exported method NeuronInfoRuntimeApi_nothing is not found/)

// Heads. polkadot-js computes the hash of a header itself.
const heads = []
await until('new heads', (see) => api.rpc.chain.subscribeNewHeads(see), (head) => heads.push(head) > 4)
for (const [i, head] of heads.entries()) {
  const number = head.number.toNumber()
  check(`hash of block ${number}`, (await api.rpc.chain.getBlockHash(number)).toHex(), head.hash.toHex())
  if (i > 0) check(`parent of block ${number}`, head.parentHash.toHex(), heads[i - 1].hash.toHex())
  check(`digest of block ${number}`, head.digest.logs[0].isPreRuntime, true)
}
const final = []
await until('final heads', (see) => api.rpc.chain.subscribeFinalizedHeads(see), (head) => final.push(head.number.toNumber()) > 2)
check('final heads grow', final.every((n, i) => i === 0 || n > final[i - 1]), true)
const finalHead = await api.rpc.chain.getHeader(await api.rpc.chain.getFinalizedHead())
check('the final head is behind', finalHead.number.toNumber() <= (await api.rpc.chain.getHeader()).number.toNumber(), true)

// A block, its extrinsic and its events; a state of the past.
const head = heads[1]
const { block } = await api.rpc.chain.getBlock(head.hash)
check('header of the block', block.header.hash.toHex(), head.hash.toHex())
const set = block.extrinsics[0]
check('first extrinsic', [set.isSigned, set.method.section, set.method.method], [false, 'timestamp', 'set'])
const then = await api.at(head.hash)
check('timestamp', (await then.query.timestamp.now()).toBigInt(), set.method.args[0].toBigInt())
check('number in the state', (await then.query.system.number()).toNumber(), head.number.toNumber())
check('parent in the state', (await then.query.system.parentHash()).toHex(), head.parentHash.toHex())
const events = await then.query.system.events()
check('every extrinsic succeeded', events.filter(({ event }) => event.section === 'system' && event.method === 'ExtrinsicSuccess').length, block.extrinsics.length)
check('hash of a value', (await api.rpc.state.getStorageHash(then.query.system.events.key(), head.hash)).toHex(), blake2AsHex((await api.rpc.state.getStorage(then.query.system.events.key(), head.hash)).unwrap().toU8a(true)))
await fails('state of an unknown block', provider.send('state_getStorage', ['0x00', `0x${'11'.repeat(32)}`]), /4003: Client error: .*UnknownBlock/)
check('an unknown block', (await provider.send('chain_getHeader', [`0x${'11'.repeat(32)}`])), null)

// Storage that is followed, and the same questions over HTTP.
const times = []
await until('timestamps', (see) => api.query.timestamp.now(see), (now) => times.push(now.toNumber()) > 3)
check('timestamps grow', times.every((t, i) => i === 0 || t > times[i - 1]), true)
const http = new HttpProvider(url.replace('ws://', 'http://'))
check('over HTTP', await http.send('chain_getBlockHash', [0]), expected.genesisHash)

// A reorganisation: a height gets another hash, the old block stays known, and the chain goes on from the new one.
console.log('please fork')
const fork = JSON.parse((await lines.next()).value)
check('hash after a reorganisation', (await api.rpc.chain.getBlockHash(fork.number)).toHex(), fork.new)
check('the block that was replaced', (await api.rpc.chain.getHeader(fork.old)).number.toNumber(), fork.number)
check('its state', (await (await api.at(fork.old)).query.system.number()).toNumber(), fork.number)
const child = await api.rpc.chain.getHeader(await api.rpc.chain.getBlockHash(fork.number + 1))
check('parent after a reorganisation', child.parentHash.toHex(), fork.new)
await until('a block after the reorganisation', (see) => api.rpc.chain.subscribeNewHeads(see), (head) => head.number.toNumber() > fork.number + 3)

// An upgrade. polkadot-js follows the version by itself, but from then on it fetches metadata of version 14, which
// describes no runtime APIs: those are asked for over a new connection.
if (expected.upgrade) {
  const before = (await api.rpc.chain.getHeader()).hash
  const upgraded = until('an upgrade', (see) => api.rpc.state.subscribeRuntimeVersion(see), (v) => v.specVersion.toNumber() === expected.upgrade)
  console.log('please upgrade')
  await upgraded
  let later = 0
  await until('blocks after the upgrade', (see) => api.rpc.chain.subscribeNewHeads(see), () => ++later > 2)
  check('spec version after the upgrade', (await api.rpc.state.getRuntimeVersion()).specVersion.toNumber(), expected.upgrade)
  check('spec version before the upgrade', (await api.rpc.state.getRuntimeVersion(before)).specVersion.toNumber(), expected.specVersion)
  check('tempo after the upgrade', (await api.query.subtensorModule.tempo(netuid)).toNumber(), expected.subnets[0].tempo)
  const old = await api.at(before)
  check('tempo before the upgrade', (await old.query.subtensorModule.tempo(netuid)).toNumber(), expected.subnets[0].tempo)
  const fresh = await ApiPromise.create({ provider: new WsProvider(url) })
  check('spec version of a new connection', fresh.runtimeVersion.specVersion.toNumber(), expected.upgrade)
  const after = await fresh.call.neuronInfoRuntimeApi.getNeuronsLite(netuid)
  check('hotkeys after the upgrade', after.slice(0, 4).map((n) => n.hotkey.toString()), [alice, bob, charlie, dave])
  await fresh.disconnect()
}

// Old states go away, blocks stay.
console.log('please prune')
const { number: oldest } = JSON.parse((await lines.next()).value)
const old = await api.rpc.chain.getBlockHash(oldest)
await fails('state of a pruned block', provider.send('state_getStorage', ['0x00', old.toHex()]), /4003: Client error: UnknownBlock: State already discarded for 0x/)
await fails('version at a pruned block', provider.send('state_getRuntimeVersion', [old.toHex()]), /4003: Client error: Api called for an unknown Block: State already discarded for 0x/)
await fails('Subtensor\'s own method on a pruned block', provider.send('neuronInfo_getNeuronsLite', [1, old.toHex()]), /^1: Unable to get .*State already discarded/)
check('a pruned block', Number((await provider.send('chain_getBlock', [old.toHex()])).block.header.number), oldest)

await api.disconnect()
console.log(`${checks} checks, ${failures} failed`)
process.exit(failures ? 1 : 0)
