package measure

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// What /proc says of this process is what getrusage(2) says.
func TestCPU(t *testing.T) {
	usage := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	for usage() < 100*time.Millisecond {
	}
	before := usage()
	cpu, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const rounding = 2 * time.Second / ticksASecond // user and system time are each cut to a tick
	if after := usage(); cpu < before-rounding || cpu > after {
		t.Errorf("%v of processor time, between %v and %v", cpu, before, after)
	}
}

// What this process has taken and touched is resident, the kernel counts the same in pages, and the peak is not below it.
func TestMemory(t *testing.T) {
	const taken, slack = 64, 16 // MiB
	size := func(which string) float64 {
		mib, err := Memory(os.Getpid(), which)
		if err != nil {
			t.Fatal(err)
		}
		return mib
	}
	block := make([]byte, taken<<20)
	for i := range block {
		block[i] = 1
	}
	now, peak := size(Resident), size(PeakResident)
	var whole, pages int
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(statm), &whole, &pages); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(block)
	counted := float64(pages*os.Getpagesize()) / (1 << 20)
	if now < taken || math.Abs(now-counted) > slack {
		t.Errorf("%v MiB are resident, of which %d were taken here; the kernel's pages are %v", now, taken, counted)
	}
	if peak < now-slack {
		t.Errorf("a peak of %v MiB with %v resident", peak, now)
	}
	if _, err := Memory(os.Getpid(), "VmNone"); err == nil {
		t.Error("a size that there is not")
	}
}
