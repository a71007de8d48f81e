// Package onchain is where the protocol of neurons and the client of the service
// meet: an axon announces itself through its identity of the service, and a
// dendrite finds the axons of a subnet.
//
//	own := client.Unstable().Identity()
//	err := a.Serve(ctx, 1, onchain.Publisher{Identity: own, Netuid: 1}, nil)
//
//	neurons, err := own.LatestNeurons(ctx)
//	results := dendrite.Forward(ctx, d, onchain.Axons(neurons), message)
//
// For TLS the service makes the key and publishes its public half, beside an axon
// that is announced already. Keep the pair: the service does not.
//
//	pair, err := own.GenerateCertificate(ctx, pylon.CertificateRequest{})
//	certificate, err := pair.TLS()
//	a, err := axon.New(axon.Config{TLS: axon.TLSConfig(certificate), …})
//	key, err := axon.CertificateKey(certificate)
//	err = a.Serve(ctx, 1, onchain.Publisher{Identity: own, Netuid: 1}, key)
//
//	certificates, err := own.LatestCertificates(ctx)
//	d, err := dendrite.New(dendrite.Config{PublicKey: onchain.PublicKeys(certificates), …})
package onchain
