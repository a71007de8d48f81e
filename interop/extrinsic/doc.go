// Package extrinsic compares signed extrinsics with those of polkadot-js, and sends some to the real runtime. The tests
// need the build tag interop and what interop/setup.sh installs.
package extrinsic
