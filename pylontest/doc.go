// Package pylontest helps programs that use the package pylon to test themselves.
//
// Fake is a service in memory, without a network: it answers what the test has scripted and records what it was asked.
// It takes weights too, moves their intents along as the test wants, and sends the events that the test makes up. This
// is a whole test of a function round(ctx, *pylon.Client) that is to give all weight to the neuron with uid 0:
//
//	func TestRound(t *testing.T) {
//		fake := pylontest.NewFake()
//		fake.SetNeurons(pylontest.Netuid, &pylon.Neurons{Neurons: []pylon.Neuron{{UID: 0, Hotkey: "a"}, {UID: 1, Hotkey: "b"}}})
//		if err := round(t.Context(), fake.Client(t)); err != nil {
//			t.Fatal(err)
//		}
//		if got := fake.Weights(); len(got) != 1 || got[0].Weights["a"] != 1 {
//			t.Errorf("weights %v", got)
//		}
//	}
//
// What goes wrong is scripted as well: the first request for neurons has no answer, the second is refused.
//
//	fake.Answer("GET /block/*/neurons", errors.New("broken"), pylontest.Failure{Status: 502, Detail: "the node failed"})
//
// Start starts the real service, in front of a development chain that plays Subtensor, in the process of the test:
//
//	service := pylontest.Start(t, pylontest.ServiceConfig{})
//	client := service.Client(t)
//
// Weights are then really set, committed and revealed, and service.Chain makes the chain do what a test needs.
package pylontest
