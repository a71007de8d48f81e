// Package timelock runs the Python packages that encrypt for validators,
// bittensor-drand 1.3.0 and 2.0.0 and bittensor-core 0.1.5, against package
// internal/timelock: each opens what the other encrypted, with the pulses of
// quicknet that are known, and both choose the same rounds.
//
// The suites have the build tag interop; setup.sh in the folder above installs the
// packages below .cache/interop, and builds clock/clock.c, which gives them a clock that
// the tests set: it lets their commits fall into rounds of the past.
package timelock
