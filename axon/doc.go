// Package axon is the server end of Bittensor's neuron protocol: it checks
// signed messages and hands them to functions. It serves the dendrites of the
// Python SDK 6 to 10, those of package dendrite, and, when that is switched on,
// the signed requests of SDK 11 (package btauth), all on one port.
//
//	a, err := axon.New(axon.Config{Signer: key, Verifier: wallet.NewVerifier(0)})
//	err = axon.Attach(a, func(ctx context.Context, p *Prompting) error {
//		caller, _ := axon.CallerFrom(ctx)
//		p.Completion = answer(caller.Hotkey, p.Messages)
//		return nil
//	})
//	err = a.Serve(ctx, netuid, publisher, nil)
//	err = a.Start()
//	defer a.Stop(ctx)
//
// Prompting is a struct that embeds synapse.Synapse, as the comment of package
// synapse shows it, and key a *wallet.Keypair. [Axon.Serve] announces the axon on
// the chain; package onchain has the [Publisher] for that. [SettingsFrom] reads
// the BT_AXON_* variables of the SDK, and [Settings.AddFlags] has its flags.
//
// A message passes, in this order: the hooks Blacklist and Verify of its
// [Options], the hook Priority, the check that its body is the one that was
// signed, the queue for one of [Settings.MaxWorkers] workers, and the attached
// function. Blacklist sees a hotkey that is not proven yet, and none of the hooks
// sees the real inputs: required fields are empty, others have their defaults. A
// function fails with an [Error] to choose the answer; everything else it returns
// becomes status 500 with an id that the log has too.
//
// An Axon is an http.Handler. [Axon.Start] puts a server around it that bounds
// what a peer can make it do: the sizes of headers and bodies, the time for each
// part of a request, and the number of connections.
//
// # Modes
//
// Python's axon believes some things that it should not. In the default mode,
// [Strict], those are refused, which no peer notices that sends what dendrites
// send. [Compatible] does what Python 10.5.0 does:
//
//	                                Strict                    Compatible
//	nonce, first of a client        4 s + timeout old         the same; any, if the version that
//	                                                          the client states is below 7.2
//	nonce, later ones               the same, and growing     growing
//	timeout in that window          0 to MaxTimeout           what the client says
//	nonce ahead of our clock        MaxSkew                   any
//	nonce from before our start     refused, see Nonces       the same as any other
//	signature of <Bytes>…</Bytes>   refused                   accepted
//	headers that come twice         refused                   the last one counts
//	status that a client sends      ignored                   answered
//	dendrite in the function        from checked headers      from the body
//	handler's deadline              the timeout               none
//	unreadable headers or body      400 and the reason        500, 422 or 400 as in Python
//	body that was not signed        400                       500
//	stream that fails midway        connection is broken      ends as if it were complete
//
// Both modes refuse missing signatures and the all-zero hotkey, for which
// anybody can sign.
//
// # Replays
//
// The signature covers the time of signing, which is also the nonce, both
// hotkeys, the client's id and the hash fields of the body, not the message's
// name. A message is taken once: a [NonceStore] keeps the newest nonce of each
// client, and the window above takes care of what it has forgotten.
package axon
