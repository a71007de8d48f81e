// Package neuronsyaml lets Config.NeuronsFile of the package pylon be YAML. It is a package of its own so that the client
// needs nothing but the standard library.
//
//	config := pylon.Config{NeuronsFile: "neurons.yaml", DecodeNeuronsFile: neuronsyaml.ToJSON}
package neuronsyaml
