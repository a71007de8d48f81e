// polkadot-js reads the weights that a validator has set, until they are those that are expected.
//
//   node weights.mjs FOLDER_WITH_NODE_MODULES WS_URL NETUID MECHANISM VALIDATOR EXPECTED_JSON [BLOCKS]
//
// VALIDATOR and the keys of EXPECTED_JSON are names of development accounts, such as //Bob; its values are what the chain
// holds for them, from 0 to 65535. After BLOCKS blocks, 40 without it, the weights are told and the exit status is 1.
import { createRequire } from 'node:module'
import { resolve as absolute } from 'node:path'

const [modules, url, netuid, mechanism, validator, expectedText, blocks = '40'] = process.argv.slice(2)
const { ApiPromise, WsProvider, Keyring } = createRequire(absolute(modules, 'package.json'))('@polkadot/api')

const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true, throwOnConnect: true })
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const address = (uri) => keyring.addFromUri(uri).address
const uidOf = async (uri) => (await api.query.subtensorModule.uids(netuid, address(uri))).unwrap().toNumber()

const expected = {}
for (const [uri, value] of Object.entries(JSON.parse(expectedText))) expected[await uidOf(uri)] = value
const uid = await uidOf(validator)
const index = Number(netuid) + 4096 * Number(mechanism) // what the chain keeps the weights of a mechanism under

// sorted makes texts of equal weights equal.
const sorted = (weights) => JSON.stringify(Object.entries(weights).sort(([a], [b]) => a - b))
let last
let seen = 0
const found = await new Promise((resolve, reject) => {
  api.rpc.chain.subscribeNewHeads(async (header) => {
    try {
      const at = await api.at(header.hash)
      const pairs = await at.query.subtensorModule.weights(index, uid)
      last = Object.fromEntries(pairs.map(([to, value]) => [to.toNumber(), value.toNumber()]))
      if (sorted(last) === sorted(expected)) resolve(true)
      else if (++seen > Number(blocks)) resolve(false)
    } catch (error) {
      reject(error)
    }
  }).catch(reject)
})
console.log(`weights of ${validator} on ${netuid}, mechanism ${mechanism}: ${sorted(last)}, expected ${sorted(expected)}`)
await api.disconnect()
process.exit(found ? 0 : 1)
