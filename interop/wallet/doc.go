// Package wallet runs the released wallets of Bittensor beside package wallet:
// bittensor-wallet 2.1.3, 3.1.0, 4.0.1 and 4.1.1, and the wallet of SDK 11.3.0.
// Each reads what ours writes, ours reads what each writes, and each end checks
// the signatures of the other.
//
// The suite has the build tag interop; setup.sh in the folder above installs
// the releases below .cache/interop, each with exactly the packages in
// requirements.
package wallet
