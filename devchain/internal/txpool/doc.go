// Package txpool is a node's pool of extrinsics: those that can be in the next
// block ("ready"), and those that wait for others ("future").
//
// Like Substrate's it knows nothing of accounts and nonces. A runtime says of each
// extrinsic which tags it requires and which it provides; an extrinsic is ready
// when all that it requires is provided by ready ones, and of two that provide the
// same tag the one with the higher priority stays. The pool is bounded in number
// and bytes: what is worth least goes.
//
// A Pool does no validation, has no clock and sends nothing: its owner validates,
// says what the time is, and passes the events on. It is not safe for concurrent
// use.
package txpool
