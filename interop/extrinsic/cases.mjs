// What is signed in the comparison with polkadot-js. Arguments are by name; bytes, hashes and accounts are hexadecimal.
// `calls` are [pallet, call, arguments].

const account = '0x' + '11'.repeat(32)
const hash = '0x' + 'ab'.repeat(32)
const remark = (bytes) => ['System', 'remark', { remark: '0x' + '5a'.repeat(bytes) }]
const weights = ['SubtensorModule', 'set_weights', { netuid: 12, dests: [0, 1, 2], weights: [65535, 128, 1], version_key: '9003000' }]
const axon = { netuid: 1, version: 10000000, ip: '167772167', port: 8091, ip_type: 4, protocol: 4, placeholder1: 0, placeholder2: 0 }

// Each call with what is written around it: number of the era's first block, period, nonce, tip.
const everywhere = [
  [remark(0), 1000003, 4, 0, '0'],
  [remark(5), 1000003, 8, 1, '1'],
  [remark(1), 102, 16, 63, '63'],
  [remark(1), 31, 32, 64, '64'],
  [remark(1), 32, 32, 16383, '16384'],
  [remark(1), 0, 4, 16384, '1073741823'],
  [remark(1), 6852690, 64, 1073741823, '1073741824'],
  [remark(1), 6852690, 4096, 1073741824, '4294967296'],
  [remark(1), 4294967290, 4, '4294967295', '18446744073709551615'],
  // The signed payload is over 256 bytes from one of these on.
  ...[148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 400, 2000].map((n) => [remark(n), 77, 32, 2, '0']),
  [weights, 1000003, 16, 5, '0'],
  [['SubtensorModule', 'set_weights', { netuid: 1, dests: [...Array(256).keys()], weights: Array(256).fill(65535), version_key: '0' }], 9, 32, 5, '0'],
  [['SubtensorModule', 'set_weights', { netuid: 65535, dests: [], weights: [], version_key: '18446744073709551615' }], 9, 32, 5, '0'],
  [['SubtensorModule', 'commit_weights', { netuid: 3, commit_hash: hash }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'reveal_weights', { netuid: 3, uids: [0, 7], values: [1, 65535], salt: [1, 2, 3, 65535], version_key: '9003000' }], 1000003, 16, 6, '0'],
  [['SubtensorModule', 'serve_axon', axon], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'serve_axon_tls', { ...axon, ip: '42540766411282592856903984951653826561', ip_type: 6, certificate: '0x01' + '07'.repeat(32) }], 5, 8, 5, '0'],
  [['Commitments', 'set_commitment', { netuid: 1, info: { fields: [{ Raw10: '0x' + '61'.repeat(10) }] } }], 5, 8, 5, '0'],
  [['Commitments', 'set_commitment', { netuid: 1, info: { fields: [{ Raw128: '0x' + '61'.repeat(128) }] } }], 5, 8, 5, '0'],
  [['Balances', 'transfer_keep_alive', { dest: { Id: account }, value: '1000000000' }], 5, 8, 5, '10'],
  [['Utility', 'batch', { calls: [weights, remark(3), ['Balances', 'transfer_keep_alive', { dest: { Id: account }, value: '1' }]] }], 5, 8, 5, '0'],
  [['Sudo', 'sudo', { call: remark(3) }], 5, 8, 5, '0'],
]

// Since spec 320 at the latest.
const timelocked = [
  [['SubtensorModule', 'commit_timelocked_weights', { netuid: 2, commit: '0x' + 'c0'.repeat(900), reveal_round: '21000000', commit_reveal_version: 4 }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'commit_timelocked_mechanism_weights', { netuid: 3, mecid: 1, commit: '0x' + 'c0'.repeat(90), reveal_round: '21000000', commit_reveal_version: 4 }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'set_mechanism_weights', { netuid: 3, mecid: 1, dests: [4], weights: [65535], version_key: '9003000' }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'commit_mechanism_weights', { netuid: 3, mecid: 1, commit_hash: hash }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'reveal_mechanism_weights', { netuid: 3, mecid: 1, uids: [4], values: [65535], salt: [9], version_key: '9003000' }], 1000003, 16, 5, '0'],
  [['SubtensorModule', 'associate_evm_key', { netuid: 1, evm_key: '0x' + '22'.repeat(20), block_number: '77', signature: '0x' + '33'.repeat(65) }], 1000003, 16, 5, '0'],
  [['Commitments', 'set_commitment', { netuid: 1, info: { fields: [{ TimelockEncrypted: { encrypted: '0x' + 'ee'.repeat(300), reveal_round: '21000000' } }] } }], 5, 8, 5, '0'],
]

export const specs = {
  218: { transactionVersion: 1, metadata: 'metadata-218-v15.opaque.gz', cases: everywhere },
  343: { transactionVersion: 1, metadata: 'metadata-343-v15.opaque.gz', cases: [...everywhere, ...timelocked] },
  425: { transactionVersion: 1, metadata: 'metadata-425-v15.opaque.gz', cases: [...everywhere, ...timelocked] },
}

export const genesisHash = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03'
export const blockHash = '0x' + '1122334455667788'.repeat(4)
// Seed of both keys, ed25519 and sr25519.
export const seed = '0xabf8e5bdbe30c65656c0a3cbd181ff8a56294a69dfedd27982aace4a76909115'
