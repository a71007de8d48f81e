// Package extrinsic compares signed extrinsics with those of polkadot-js, sends some to the real runtime, and checks that
// the development chain takes and refuses weights as that does. The tests need the build tag interop and what
// interop/setup.sh installs.
package extrinsic
