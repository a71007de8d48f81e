// Commits to four bytes on a subnet in the name of //Alice, by polkadot-js, and prints the number of the block that it is in.
//
//   commit.mjs FOLDER_WITH_POLKADOT_JS WS_URL NETUID
import { createRequire } from 'node:module'
import { join } from 'node:path'

const [folder, url, netuid] = process.argv.slice(2)
const { ApiPromise, WsProvider, Keyring } = createRequire(join(folder, 'package.json'))('@polkadot/api')

const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true })
const alice = new Keyring({ type: 'sr25519' }).addFromUri('//Alice')
const call = api.tx.commitments.setCommitment(Number(netuid), { fields: [{ Raw4: '0x64617461' }] })
const hash = await new Promise((done, failed) => {
  call.signAndSend(alice, ({ status, dispatchError }) => {
    if (dispatchError) failed(new Error(dispatchError.toString()))
    else if (status.isInBlock) done(status.asInBlock)
  }).catch(failed)
})
const header = await api.rpc.chain.getHeader(hash)
console.log(`BLOCK ${header.number.toNumber()}`)
await api.disconnect()
