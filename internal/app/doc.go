// Package app puts the service together: it reads the settings, makes the parts, and starts and stops them in order.
//
// # Settings
//
// [Load] reads them from the process environment and from a dotenv file, as the Python service does: the environment
// wins, names are case-insensitive, unknown names are ignored, numbers and booleans may be written the Python way.
// Every setting is one row of one table (table.go); docs/settings.md is generated from it. Load reports everything that
// is wrong at once, by the name of the variable, and never shows the value of a token or of an address. [Defaults]
// are the settings of an empty environment. [LoadAndShow] also tells what each setting came out as, and [Check] looks at
// everything that a service with them would depend on, before it does.
//
// # Life
//
// [New] makes all parts and opens nothing. [App.Start] starts them in the order of the list in order.go: first what
// answers depend on, last the listener, so that the first request finds everything in place. None of the steps waits for
// the chain: with every node down the service starts, answers 502 to reads and 503 to /ready, and recovers by itself.
// [App.Stop] goes through the same list backwards: the listener closes and requests in flight are answered before the
// connections that they read from are closed. It takes no longer than its context allows, which must not be a child of the context that has
// just ended; [App.Run] takes care of that.
//
// Several Apps can live in one process (the tests do it, the development chain does it): nothing here is global, each
// has its own metrics registry and its own listener.
package app
