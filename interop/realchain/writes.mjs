// Reads by polkadot-js what a hotkey has written on a subnet of the real runtime: storage at the newest block, and all
// signed extrinsics of the hotkey since the seeded state, each with the error that it ended with, if any.
//
//   writes.mjs FOLDER_WITH_POLKADOT_JS WS_URL NETUID URI_OF_THE_HOTKEY [URI…]
//
// It prints READ and one line of JSON; uids are those of all the named hotkeys.
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [folder, url, number, ...uris] = process.argv.slice(2)
const { ApiPromise, WsProvider, Keyring } = createRequire(join(folder, 'package.json'))('@polkadot/api')

const SEEDED = 103
const netuid = Number(number)
const api = await ApiPromise.create({ provider: new WsProvider(url, 2500, {}, 120_000), noInitWarn: true })
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const hotkeys = uris.map((uri) => keyring.addFromUri(uri).address)
const own = hotkeys[0]
const head = await api.rpc.chain.getHeader()
const { query } = await api.at(head.hash)
const subtensor = query.subtensorModule

const uids = {}
for (const [key, hotkey] of await subtensor.keys.entries(netuid)) uids[hotkey.toString()] = key.args[1].toNumber()

const extrinsics = []
for (let block = SEEDED + 1; block <= head.number.toNumber(); block++) {
  const hash = await api.rpc.chain.getBlockHash(block)
  const signed = (await api.rpc.chain.getBlock(hash)).block.extrinsics
  const events = await (await api.at(hash)).query.system.events()
  signed.forEach((extrinsic, index) => {
    if (!extrinsic.isSigned || extrinsic.signer.toString() !== own) return
    const mine = events.filter(({ phase }) => phase.isApplyExtrinsic && phase.asApplyExtrinsic.eqn(index)).map(({ event }) => event)
    const failed = mine.find(({ section, method }) => section === 'system' && method === 'ExtrinsicFailed')
    const error = !failed ? '' : failed.data[0].isModule ? api.registry.findMetaError(failed.data[0].asModule).name : failed.data[0].toString()
    const { section, method, args } = extrinsic.method
    const named = Object.fromEntries(extrinsic.method.meta.args.map(({ name }, i) => [name.toString(), args[i].toJSON()]))
    extrinsics.push({ block, call: `${section}.${method}`, args: named, hash: extrinsic.hash.toHex(), error, events: mine.map(({ section, method }) => `${section}.${method}`) })
  })
}

const axon = (await subtensor.axons(netuid, own)).unwrapOrDefault()
const number128 = axon.ip.toBigInt()
const groups = [...Array(8).keys()].map((i) => ((number128 >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))

const read = {
  uids: hotkeys.map((hotkey) => uids[hotkey] ?? null),
  weights: (await subtensor.weights(netuid, uids[own])).map(([uid, value]) => [uid.toNumber(), value.toNumber()]),
  commits: (await subtensor.weightCommits(netuid, own)).unwrapOr([]).length,
  certificate: (await subtensor.neuronCertificates(netuid, own)).toJSON(),
  commitment: (await query.commitments.commitmentOf(netuid, own)).toJSON()?.info.fields ?? [],
  axon: { ip: new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1), port: axon.port.toNumber(), ipType: axon.ipType.toNumber(), protocol: axon.protocol.toNumber() },
  extrinsics,
}
console.log(`READ ${JSON.stringify(read)}`)
await api.disconnect()
