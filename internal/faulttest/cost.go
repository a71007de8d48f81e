package faulttest

import (
	"runtime"
	"testing"

	"go.uber.org/goleak"
)

// Goroutines fails the test if goroutines that are not running now are left when it has ended and cleaned up. It comes
// first in a test, before what registers its own clean-up.
func Goroutines(t testing.TB) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
}

// Allocated returns how many bytes the process allocated while run ran.
func Allocated(run func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Kept returns how many bytes more (or, below zero, fewer) are in use after run than before it, when everything that is
// no longer reachable has been collected.
func Kept(run func()) int64 {
	before := inUse()
	run()
	return inUse() - before
}

func inUse() int64 {
	// Twice: what a finalizer or a sync.Pool held goes with the second.
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}
