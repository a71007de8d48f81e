// Reads a development chain with @polkadot/api: connects, decodes metadata, storage, events, blocks and runtime APIs.
// Run in a folder where that package is installed, with the address of a chain that has the default subnets:
//   node polkadot.mjs ws://127.0.0.1:9944
import assert from 'node:assert/strict';
import { ApiPromise, WsProvider } from '@polkadot/api';

const api = await ApiPromise.create({ provider: new WsProvider(process.argv[2]), throwOnConnect: true, noInitWarn: true });
const spec = api.runtimeVersion.specVersion.toNumber();
const alice = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY';
const charlie = '5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y';
const { subtensorModule, commitments, system } = api.query;

assert.equal(api.registry.chainSS58, 42);
assert.equal((await system.account(alice)).data.free.toString(), '1000000000000000');
assert.equal((await subtensorModule.tempo(1)).toNumber(), 100);
assert.equal((await subtensorModule.uids(1, alice)).unwrap().toNumber(), 0);
assert.equal((await subtensorModule.consensus(1)).length, 256);
assert.equal(api.consts.system.version.specVersion.toNumber(), spec);
assert.equal((await system.events())[0].event.method, 'ExtrinsicSuccess');
const { info } = (await commitments.commitmentOf(1, charlie)).unwrap();
assert.equal(Buffer.from(info.fields[0].value).toString(), 'commitment-charlie');
assert.equal((await commitments.commitmentOf.entries(1)).length, 2);
const { block } = await api.rpc.chain.getBlock();
assert.equal(`${block.extrinsics[0].method.section}.${block.extrinsics[0].method.method}`, 'timestamp.set');
const call = api.tx.subtensorModule.setWeights(12, [0, 1, 2], [65535, 32768, 1], 10002000);
assert.equal(call.method.toHex(), '0x07000c000c0000010002000cffff00800100509e980000000000');

if (spec >= 233) {
  const { neuronInfoRuntimeApi: neurons, subnetInfoRuntimeApi: subnets } = api.call;
  const list = await neurons.getNeuronsLite(1);
  assert.equal(list.length, 256);
  assert.equal(list[0].hotkey.toString(), alice);
  assert.equal(list[4].axonInfo.port.toNumber(), 8091);
  const state = (await subnets.getSubnetState(1)).unwrap();
  assert.equal(state.hotkeys.length, 256);
  assert.equal(state.emissionHistory.length, 5);
  const metagraph = (await subnets.getMetagraph(1)).unwrap();
  assert.equal(Buffer.from(metagraph.name.map((c) => c.toNumber())).toString(), 'Devnet 1');
  assert.equal((await subnets.getAllDynamicInfo()).length, 5);
  if (spec >= 320) {
    const selected = (await subnets.getSelectiveMechagraph(1, 0, [1, 72, 73])).unwrap();
    assert.equal(selected.validators.unwrap().length, 4);
    assert.equal(selected.commitments.unwrap().length, 2);
    assert.ok(selected.hotkeys.isNone);
    assert.ok((await api.call.swapRuntimeApi.currentAlphaPrice(1)).toNumber() >= 49999999);
  }
  if (spec >= 413) assert.equal((await subnets.getSubnetHyperparamsV3(1)).unwrap().length, 33);
}
console.log(`spec ${spec}: ${Object.values(api.query).flatMap(Object.keys).length} storage items, ` +
  `${Object.values(api.tx).flatMap(Object.keys).length} calls, ${Object.values(api.call).flatMap(Object.keys).length} runtime API methods`);
await api.disconnect();
