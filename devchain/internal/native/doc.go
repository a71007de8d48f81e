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
//   - The subnets of [DefaultSubnets], one for each way to set weights, or those of
//     [Config].Subnets, and root. //Eve owns the subnets.
//   - On every subnet the validators //Alice, //Bob, //Charlie and //Dave have
//     the uids 0 to 3, permits, and 50,000, 30,000, 20,000 and 10,000 alpha; on
//     root they hold 10,000, 6,000, 3,000 and 1,000 TAO. //Eve owns these hotkeys.
//   - The other neurons are the miners //Miner0, //Miner1, …, owned by //Ferdie.
//     They have axons (every fifth over IPv6) and less stake than a permit needs
//     (1,000 tokens); the first eight have certificates, which are the ed25519
//     public keys of the same URIs.
//   - On subnet 1, //Charlie and //Dave have committed to the plain bytes
//     "commitment-charlie" and "commitment-dave", //Miner0 to 200 zeros, //Miner1
//     to a SHA-256 hash, //Bob to something that is timelocked until round 2³² of
//     the randomness beacon (nobody has encrypted it), and //Ferdie, who is not
//     registered, to "commitment-ferdie". The texts "revealed-alice-1" and
//     "revealed-alice-2" of //Alice and "revealed-ferdie" are revealed already.
//     //Miner0 to //Miner2 have proven to own EVM addresses, the first three of
//     Ethereum's own development chains.
//   - The price of a subnet's alpha is its netuid times 0.05 TAO.
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
// their last_update moves; the one whose number is the subnet's netuid (//Bob on 2,
// //Charlie on 3, //Dave on 4) and those who have sent extrinsics are left to those
// who use the chain, and with [Config].Quiet nobody acts. Epochs count in whole
// numbers: the same blocks give the same state on every machine.
//
// In block 2 //Alice commits to "commitment-alice" on subnet 1, by an extrinsic
// that she has signed: it is number 1 of the block, behind the timestamp.
//
// The chain has a randomness beacon of its own, with drand's format and quicknet's
// schedule; its key is in Drand.BeaconConfig. Its rounds are stored as their time
// comes, four in a block of twelve seconds, and open what has been encrypted to
// them: timelocked commits to weights in the epoch that is theirs, and timelocked
// commitments. A token contract at 0x5FbDB2315678afecb367f032d93F642f64180aa3,
// behind which there is no code, logs a Transfer in every block and an Approval in
// every tenth.
//
// # Limits
//
// These calls run: weights, in every form, Commitments.set_commitment,
// serve_axon and its relatives, associate_evm_key, Balances.transfer_keep_alive,
// System.remark and the three batches of Utility; any other is refused before it
// is in a block. A fee is for weight and length, at the rates of spec 218, and
// nobody is paid it. Epochs follow the chain's rules without its
// options: no liquid alpha, no bond penalties, no child keys, and emission is one
// alpha per block and subnet.
package native
