// Package native is the development chain's own runtime: it plays Subtensor in
// Go, behind the interface of package runtime.
//
// What it says about itself (types, pallets, storage, calls, events, errors,
// runtime APIs) is in package description, for spec versions from 218 to 475; it
// is Subtensor's, byte for byte, so clients that read metadata need to know
// nothing of this chain. All state is in storage, under the keys that a real
// chain uses, and the runtime APIs compute their answers from it.
//
// # What block 0 holds
//
// Keys are those of Substrate's development phrase, so everybody has them.
//
//   - Subnets 1 to 4 with 256, 64, 32 and 16 neurons, or those of
//     [Config].Subnets, and root. //Eve owns the subnets. Commit-reveal is on for
//     subnet 3 only; there is no limit on how often weights may be set.
//   - On every subnet the validators //Alice, //Bob, //Charlie and //Dave have
//     the uids 0 to 3, permits, and 50,000, 30,000, 20,000 and 10,000 alpha; on
//     root they hold 10,000, 6,000, 3,000 and 1,000 TAO. //Eve owns these hotkeys.
//   - The other neurons are the miners //Miner0, //Miner1, …, owned by //Ferdie.
//     They have axons (every fifth over IPv6) and less stake than a permit needs
//     (1,000 tokens); the first eight have certificates, which are the ed25519
//     public keys of the same URIs.
//   - //Charlie and //Dave have commitments on subnet 1: the plain bytes
//     "commitment-charlie" and "commitment-dave".
//   - //Alice, //Bob, //Charlie, //Dave, //Eve and //Ferdie have 1,000,000 TAO
//     each; //Alice is sudo.
//
// # What moves
//
// Every tempo blocks (before spec 423: tempo plus one, counted from block 0) a
// subnet has an epoch: permits, consensus, incentives, dividends and bonds follow
// from stakes and weights, and the emission of the blocks since the last epoch is
// paid as alpha. So that something changes without anybody sending extrinsics,
// //Bob, //Charlie and //Dave set slightly different weights at each epoch, and
// their last_update moves; //Alice never acts, and with [Config].Quiet nobody
// does. Epochs count in whole numbers: the same blocks give the same state on
// every machine.
//
// # Limits
//
// A block holds its timestamp and no other extrinsic yet. Epochs follow the
// chain's rules without its options: no liquid alpha, no bond penalties, no child
// keys, and emission is one alpha per block and subnet.
package native
