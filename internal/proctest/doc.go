// Package proctest runs other programs for the time of a test: nodes, services
// and foreign clients. For tests only.
package proctest
