// polkadot-js signs extrinsics and sends them to a running development chain on which nobody else acts: statuses, events
// and errors by name, fees, nonces, refusals.
//
//   node send.mjs FOLDER_WITH_NODE_MODULES WS_URL
//
// The chain has subnet 1, on which //Bob, //Charlie and //Dave are registered and //Eve is not. The last line is the
// number of checks; the exit status is 1 if one failed.
import { createRequire } from 'node:module'

const [modules, url] = process.argv.slice(2)
const { ApiPromise, WsProvider, Keyring } = createRequire(`${modules}/package.json`)('@polkadot/api')
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

const api = await ApiPromise.create({ provider: new WsProvider(url), noInitWarn: true, throwOnConnect: true })
const keyring = new Keyring({ type: 'sr25519', ss58Format: 42 })
const [bob, charlie, dave, eve] = ['Bob', 'Charlie', 'Dave', 'Eve'].map((name) => keyring.addFromUri(`//${name}`))
const ed = new Keyring({ type: 'ed25519', ss58Format: 42 }).addFromUri('//Newcomer')
const guarded = api.runtimeVersion.specVersion.toNumber() >= 283
const commitment = (netuid, text) => api.tx.commitments.setCommitment(netuid, { fields: [{ [`Raw${text.length}`]: text }] })
const axon = (port, ip = 16909060) => api.tx.subtensorModule.serveAxon(1, 9003000, ip, port, 4, 4, 0, 0)

// send resolves when the extrinsic is final: the names of its statuses and of its events, and its error's name.
function send(call, signer, options = {}) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited in vain for ${call.method.section}.${call.method.method}`)), PATIENCE)
    const statuses = []
    call.signAndSend(signer, options, ({ status, events, dispatchError, dispatchInfo }) => {
      statuses.push(status.type)
      if (status.isError) reject(new Error(`ended as ${status.type}`))
      if (!status.isFinalized) return
      clearTimeout(timer)
      let error = dispatchError?.type
      if (dispatchError?.isModule) error = api.registry.findMetaError(dispatchError.asModule).name
      resolve({ statuses, error, events: events.map(({ event }) => `${event.section}.${event.method}`), dispatchInfo, hash: status.asFinalized, all: events })
    }).catch((cause) => { clearTimeout(timer); reject(cause) })
  })
}

async function refused(what, promise, pattern) {
  try {
    check(what, await promise, `a refusal like ${pattern}`)
  } catch (error) {
    check(`${what}: "${error.message}" is like ${pattern}`, pattern.test(error.message), true)
  }
}

// A commitment: free, included, final, stored.
const before = (await api.query.system.account(bob.address)).data.free.toBigInt()
const sent = await send(commitment(1, 'from polkadot-js'), bob)
check('statuses', sent.statuses, ['Ready', 'InBlock', 'Finalized'])
check('events', sent.events, ['commitments.Commitment', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess'])
check('free', [sent.dispatchInfo.paysFee.isNo, (await api.query.system.account(bob.address)).data.free.toBigInt()], [true, before])
const [field] = [...(await api.query.commitments.commitmentOf(1, bob.address)).unwrap().info.fields]
check('commitment', Buffer.from(field.value.toU8a(true)).toString(), 'from polkadot-js')
check('nonce', (await api.rpc.system.accountNextIndex(bob.address)).toNumber(), 1)

// A call that fails on the chain.
const failed = await send(commitment(1, 'nobody'), eve)
check('error by name', failed.error, 'AccountNotAllowedCommit')
check('events of a failure', failed.events, ['transactionPayment.TransactionFeePaid', 'system.ExtrinsicFailed'])

// Axons, and what the transaction extension refuses.
const served = await send(axon(8091), charlie)
check('served', served.events[0], 'subtensorModule.AxonServed')
const stored = (await api.query.subtensorModule.axons(1, charlie.address)).unwrap()
check('axon', [stored.ip.toNumber(), stored.port.toNumber(), stored.protocol.toNumber()], [16909060, 8091, 4])
if (guarded) {
  await refused('no port', send(axon(0), dave), /1010: Invalid Transaction: Custom error: 13/)
  await refused('too soon', send(axon(8092), charlie), /1010: Invalid Transaction: Custom error: 12/)
  await refused('not registered', send(axon(8091), eve), /1010: Invalid Transaction: Custom error: 10/)
} else {
  check('no port', (await send(axon(0), dave)).error, 'InvalidPort')
}
const tls = await send(api.tx.subtensorModule.serveAxonTls(1, 9003000, 16909061, 8093, 4, 4, 0, 0, `0x01${'ab'.repeat(32)}`), dave)
check('served with a certificate', tls.events[0], 'subtensorModule.AxonServed')
const certificate = (await api.query.subtensorModule.neuronCertificates(1, dave.address)).unwrap()
check('certificate', [certificate.publicKey.toHex(), certificate.algorithm.toNumber()], [`0x${'ab'.repeat(32)}`, 1])

// Batches and transfers pay; the fee is the one that was told.
const batch = await send(api.tx.utility.forceBatch([commitment(7, 'x'), axon(1, 2130706433), api.tx.system.remark('0x00')]), eve)
check('a batch', batch.events.filter((name) => name.startsWith('utility')),
  ['utility.ItemFailed', 'utility.ItemFailed', 'utility.ItemCompleted', 'utility.BatchCompletedWithErrors'])
const items = batch.all.filter(({ event }) => event.method === 'ItemFailed').map(({ event }) => api.registry.findMetaError(event.data[0].asModule).name)
check('errors of its items', items, ['AccountNotAllowedCommit', 'HotKeyNotRegisteredInNetwork'])
check('all or nothing', (await send(api.tx.utility.batchAll([api.tx.system.remark('0x00'), commitment(7, 'x')]), eve)).error, 'AccountNotAllowedCommit')
const transfer = api.tx.balances.transferKeepAlive(ed.address, 5_000_000_000n)
const { partialFee } = await transfer.paymentInfo(bob)
const paid = await send(transfer, bob)
check('transfer', paid.events, ['balances.Withdraw', 'system.NewAccount', 'balances.Endowed', 'balances.Transfer', 'balances.Deposit', 'transactionPayment.TransactionFeePaid', 'system.ExtrinsicSuccess'])
check('fee', before - (await api.query.system.account(bob.address)).data.free.toBigInt(), 5_000_000_000n + partialFee.toBigInt())
check('a fee', partialFee.toBigInt() > 0n, true)
check('a key of ed25519', (await send(api.tx.system.remark('0x01'), ed)).error, undefined)
await refused('poor', send(transfer, keyring.addFromUri('//Poor')), /1010: Invalid Transaction: Inability to pay some fees/)
await refused('a call that is not run', send(api.tx.system.setHeapPages(1), bob), /1010: Invalid Transaction: Transaction call is not expected: the development chain does not run System.set_heap_pages/)
await refused('a used nonce', send(api.tx.system.remark('0x02'), bob, { nonce: 0 }), /1010: Invalid Transaction: Transaction is outdated/)

// Several at once, the later ones first.
const nonce = (await api.rpc.system.accountNextIndex(charlie.address)).toNumber()
const several = await Promise.all([2, 1, 0].map((i) => send(api.tx.system.remark(`0x0${i}`), charlie, { nonce: nonce + i, era: 0 })).map((p) => p.catch((e) => e.message)))
check('future ones', several.map((one) => one.statuses?.at(-1)), ['Finalized', 'Finalized', 'Finalized'])
check('the last one waited', several[0].statuses?.[0], 'Future')

await api.disconnect()
console.log(`${checks} checks, ${failures} failed`)
process.exit(failures ? 1 : 0)
