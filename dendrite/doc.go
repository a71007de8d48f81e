// Package dendrite is the client end of Bittensor's neuron protocol: it signs
// messages and sends them to axons, those of the Python SDK 6 to 10 and those of
// package axon.
//
//	d, err := dendrite.New(dendrite.Config{Signer: key})
//	defer d.Close()
//	answer, err := dendrite.Call(ctx, d, target, &Prompting{Messages: []string{"hello"}})
//	results := dendrite.Forward(ctx, d, targets, message, dendrite.Options{Timeout: 5 * time.Second})
//	for item := range dendrite.Stream(ctx, d, target, message) {
//		os.Stdout.Write(item.Piece)
//	}
//
// Prompting is a struct that embeds synapse.Synapse, as the comment of package
// synapse shows it, and key a *wallet.Keypair. Targets are found on the chain:
// package onchain has them from the neurons of a subnet.
//
// The message that is given is never changed: each target's answer is a copy of
// it with what the axon said. There is an answer for every call, also one that
// failed. Its Dendrite field has the status code, with the meaning that HTTP
// gives it, and the answer's predicates (IsSuccess, IsTimeout, IsBlacklist …) look
// at that; an [Error] says the same for errors.Is and errors.As.
//
//	status  message
//	200     Success
//	408     Request timeout after 12.0 seconds
//	503     Service unavailable at 203.0.113.9:8091/Prompting; nobody listens
//	503     Service disconnected: Server disconnected; it hung up
//	400     Client response error: …; its answer is not HTTP
//	400     Payload error: …; its answer ends too early
//	422     Failed to parse response: …; anything else that is wrong with it
//	other   what the axon said
//
// Nothing in an answer is signed. An address that answers for a hotkey need not
// be that hotkey's, except over TLS with the certificate that the hotkey has on
// the chain ([Config.PublicKey]).
//
// Timeouts are for the whole of a call, the last byte of a stream included. The
// nonces of a Dendrite grow strictly, and calls to one axon at once are signed
// under different ids, because an axon refuses a message that another one of the
// same id has overtaken.
package dendrite
