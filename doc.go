// Package pylon is the client of a Pylon service, and the data that it answers with.
//
// Pylon is an HTTP service in front of the Subtensor chain of the Bittensor network. It keeps a hotkey, reads the chain
// and writes to it on behalf of its clients. The package needs nothing but the standard library.
//
// # Reading
//
//	client, err := pylon.New(pylon.Config{Address: "http://localhost:8000", OpenAccessToken: token})
//	neurons, err := client.Unstable().Subnet(1).LatestNeurons(ctx)
//	for _, neuron := range neurons.Neurons { … }
//
// A service has two versions of its API: V1, which does not change, and Unstable, which has everything. In each there is
// what the chain as a whole tells (Unstable().LatestPrices), what a subnet tells to those with the token for open access
// (Unstable().Subnet(1)), and the subnet of an identity of the service (Unstable().Identity()), which can be written too
// and whose number the client finds out by itself. FromEnv takes the configuration from PYLON_CLIENT_… variables.
//
// # Writing
//
//	scheduled, err := client.Unstable().Identity().PutWeights(ctx, pylon.WeightsRequest{Weights: weights})
//	intent, err := client.Unstable().Identity().WaitForWeights(ctx, scheduled.Intent.ID, pylon.WaitRevealed)
//
// PutWeights returns once the service has written down what it will do: an Intent. Whatever the subnet asks for (weights
// in the open, or committed and revealed later) the service does in time, also when it is restarted meanwhile. Every
// write carries an idempotency key, so a request that had to be repeated is one write.
//
// # Time and failure
//
// Each method takes a context, whose deadline bounds the call with all its repeats; the service is told to give up a
// little earlier, so that it can say why. Without a deadline each attempt is bounded by Timeouts. RetryPolicy says what
// is repeated: what had no answer, and what the service asks to try again later.
//
// Errors are told apart with errors.Is (ErrNotFound, ErrTimeout, ErrMisconfigured …), and tell more to errors.As:
// ResponseError has the service's status and word, RequestError and TimeoutError say why there was no answer, BodyError
// that the answer was not to be understood, ConfigError and ArgumentError that nothing was sent, IntentError how a write
// has ended, VerificationError that a neuron is not who it should be.
//
// # Events
//
//	for event, err := range client.Unstable().Events(ctx) { … }
//
// is the stream of new blocks and epochs, and for an identity of what becomes of its intents. It outlives broken
// connections and restarts of the service, as WaitForWeights does.
//
// # Neurons
//
// Client.Neuron returns an HTTP client of a neuron, over TLS pinned to the key that its hotkey has published, and
// NeuronTLS serves with such a key. Config.NeuronsFile replaces the neurons of the chain by those of a file while a
// subnet is being developed.
//
// # Testing
//
// The package pylontest has a service in memory, with scripted answers, and starts the real one on a development chain.
//
// The types of answers and requests have exactly the JSON form of the service's REST contract, in both directions.
package pylon
