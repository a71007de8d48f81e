// Package pylon holds the data that a Pylon service answers with: blocks, neurons, validators, identities.
//
// Pylon is an HTTP service in front of the Subtensor chain of the Bittensor network. It keeps a hotkey, reads the
// chain and writes to it on behalf of its clients. The types here have exactly the JSON form of the service's REST
// contract, in both directions. The package needs nothing but the standard library.
package pylon
