// Package telemetry sends traces to an OpenTelemetry collector and errors to Sentry. Both are off unless they are
// configured.
//
// # Traces
//
// The parts of the service know nothing of OpenTelemetry. They have hooks, nil by default, which the wiring points at a
// [Telemetry]; so a service without a collector pays a comparison with nil. The spans of a request form a tree:
//
//	GET /api/v1/subnet/{netuid}/block/latest/neurons     Request: a server span, child of the caller's traceparent
//	└ get_neurons                                        Begin: an operation on the chain
//	  └ state_call                                       Call: what one node was asked, a client span
//
// An operation may serve several requests that want the same thing at the same time; it belongs to the trace of the
// first one ([Telemetry.Carry]). What nobody asked for, such as reading ahead, has no trace: Begin and Call add to a
// trace and never start one. Which requests are traced is for the caller's traceparent and the usual OTEL_TRACES_SAMPLER
// variables to say; all of them by default.
//
// # Errors
//
// [Telemetry.Handler] stands in front of the log. It adds the ids of the trace to records that were made with the
// context of one, and sends records at level error, which are those that need a person, to Sentry. What is sent is what
// the log shows: the message, the attributes, the stack; no headers, no bodies, no environment. The log has no secrets in
// it, so neither has Sentry.
//
// A collector or a Sentry that is slow or down costs bounded memory, and a line in the log once a minute.
package telemetry
