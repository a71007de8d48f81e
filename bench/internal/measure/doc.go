// Package measure starts the programs that a benchmark measures, reads from
// Linux what they cost, and writes the page of what was found.
package measure
