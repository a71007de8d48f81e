// Package neuron runs the Python SDK against packages axon, dendrite and
// btauth: axons and dendrites of the releases 10.5.0, 9.12.2 and 8.5.2, and the
// signed requests of 11.3.0, in both directions.
//
// The suites have the build tag interop; setup.sh in the folder above installs
// the releases below .cache/interop, each with exactly the packages in
// requirements.
package neuron
