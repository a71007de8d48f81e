// Package interop runs foreign programs against ours: the published Python client of Pylon, polkadot-js and the Python
// chain library against the service and the development chain, and our service against the real Subtensor runtime.
//
// The suites have the build tag interop, because they need Python, Node and packages from their registries;
// interop/setup.sh installs those below .cache, and interop/run.sh does both. Nothing here skips: what is absent fails.
package interop
