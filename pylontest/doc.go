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
package pylontest
