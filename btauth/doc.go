// Package btauth signs HTTP requests with a hotkey and checks such signatures:
// the protocol btauth/1 of the Python SDK 11, which took the place of axons and
// dendrites.
//
// A client signs with a [Transport]:
//
//	transport, err := btauth.NewTransport(btauth.TransportConfig{
//		Sender: btauth.SenderConfig{Signer: key, Receiver: "5F…"},
//	})
//	client := &http.Client{Transport: transport}
//
// and a server checks with an [Authenticator]:
//
//	auth, err := btauth.New(btauth.Config{Receiver: key.Address(), Verifier: wallet.Sr25519})
//	http.ListenAndServe(":8091", auth.Middleware(handler))
//
//	caller, ok := btauth.CallerFrom(r.Context()) // in the handler
//
// # What is signed
//
// The signature covers the method, the request target as it is on the wire, the
// SHA-256 of the body, the time of signing in nanoseconds (which is also the
// nonce), and both hotkeys. It covers no other header. A proxy that rewrites the
// target breaks it.
//
// A request is good for [Config.MaxAge] and once: the nonce store remembers it
// for that long. The memory store of this package forgets when the process ends;
// processes that share a hotkey need one that they share: that of package
// sqlnonces.
//
// # Stricter than the SDK
//
// Only what the SDK sends is accepted, not the other spellings that it
// understands (nonces with blanks, addresses of other networks, wrapped
// messages). Keys for which anybody can sign, such as the all-zero account, are
// refused. ed25519 has to be switched on, because an address does not tell which
// scheme its owner uses.
//
// The names of the headers of btauth/1 and of the axon protocol differ, so one
// server can speak both; package axon does.
package btauth
