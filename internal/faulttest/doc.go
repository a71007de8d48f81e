// Package faulttest makes networks and nodes misbehave, for tests.
//
// A [Proxy] stands between a client and a server on this machine and does what a bad network does, one fault or several
// at a time: it is slow, freezes, cuts, drips, refuses, and puts bytes of its own into the stream. Faults are set while
// connections are open, so that a test can begin in peace:
//
//	proxy := faulttest.NewProxy(t, node.URL())
//	client := dial(proxy.URL())
//	proxy.Set(faulttest.Faults{CutAfter: 100})           // the answer ends after 100 bytes
//	proxy.Set(faulttest.Faults{Before: faulttest.Frame(`{]`)}) // garbage in a well formed frame
//
// [Goroutines], [Allocated] and [Kept] check what a fault must not cost. They look at the whole process, so their tests
// do not run in parallel.
package faulttest
