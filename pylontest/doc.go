// Package pylontest helps programs that use the package pylon to test themselves.
//
// Fake is a service in memory, without a network: it answers what the test has scripted and records what it was asked.
// It takes weights too, and moves their intents along as the test wants.
//
//	fake := pylontest.NewFake()
//	fake.SetNeurons(1, neurons)
//	client := fake.Client(t)
//	… what is to be tested …
//	if got := fake.Weights(); len(got) != 1 { … }
//
// Start starts the real service, in front of a development chain that plays Subtensor, in the process of the test:
//
//	service := pylontest.Start(t, pylontest.ServiceConfig{})
//	client := service.Client(t)
//
// Weights are then really set, committed and revealed, and service.Chain makes the chain do what a test needs.
package pylontest
