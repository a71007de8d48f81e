// Package server is the HTTP side of the service: routing, authentication, timeouts, errors, rendering, metrics, and the
// OpenAPI document. What it answers with comes from the chain through the interfaces beside [Config].
//
// # One request
//
// [Server.ServeHTTP] keeps the order of the contract. A path that is unknown, a wrong method and a path integer that does
// not parse are answered at once and leave no trace. A request that has found its route becomes an exchange: it gets a
// request id, is counted, and its X-Pylon-Timeout header is read (400); then the guard of the route looks at its token
// (401, 404 for an unknown identity, 403); then, on routes of an identity, at its netuid (308); then the route answers. An
// error that comes back on the way is written by one function, by way of one table from kinds of problems to statuses
// (answers.go, docs/errors.md). What has no row there is a 500, whose cause is logged and never shown. A panic is a 500 too.
//
// # One table
//
// resources in resources.go names each thing to ask for, the places where it can be asked, and who may. The tree of routes, the
// answers to OPTIONS and to wrong methods, the metric labels and the OpenAPI document all come from it. To add a
// resource, add a row and its answer method.
//
// # Hot reads
//
// A hot read must cost hardly more than writing its bytes. So bodies are kept rendered and compressed, under the hash of
// their block and the question, with their headers ready (rendered.go); metrics are looked up once per route and status
// (metrics.go); tokens are compared as digests; and the deadline of a request makes its timer only when a read waits for
// it (deadline.go).
//
// # Bounds
//
// Every connection has its times (headers, body, each piece of an answer, idle, all of it), headers and bodies their
// sizes, kept bodies their memory, and a stop its end: [Server.Serve] lets requests in flight finish for the drain timeout
// and then cuts them off. There are only so many connections, in all and from one address (connections.go). Only so many
// requests for one resource wait for the chain, and more get 503 (gate.go); an answer from memory waits for nothing and
// is never refused. An address that sends wrong tokens gets 429 for a while (throttle.go).
//
// # Writes
//
// What an identity asks to be written becomes an intent, which a [Writer] records and brings onto the chain; the routes
// check bodies in the words of the contract (fields.go, weights.go, writes.go) and answer. Version 1 of the API keeps its
// bodies to the byte and names the intent in the X-Pylon-Intent header. intents.go shows an identity what became of its own.
//
// # Events and status
//
// The events of the chain, and for each identity those of its intents, are kept in rings while [Server.Serve] runs (stream.go) and sent to whoever reads them
// (events.go); nobody waits for a reader. The page at / (statuspage.go) shows them, and the status of the service
// (status.go), to those who know the open-access token; the page itself holds no data.
package server
