// Package onchain is where the protocol of neurons and the client of the service
// meet: an axon announces itself through its identity of the service, and a
// dendrite finds the axons of a subnet.
//
//	own := client.Unstable().Identity()
//	err := a.Serve(ctx, 1, onchain.Publisher{Identity: own, Netuid: 1}, nil)
//
//	neurons, err := own.LatestNeurons(ctx)
//	results := dendrite.Forward(ctx, d, onchain.Axons(neurons), message)
package onchain
