package measure

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// What /proc says of this process is what getrusage(2) says.
func TestCostOfThisProcess(t *testing.T) {
	usage := func() (cpu time.Duration, peakMiB float64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano()), float64(u.Maxrss) / 1024
	}
	for cpu, _ := usage(); cpu < 100*time.Millisecond; cpu, _ = usage() {
	}
	before, _ := usage()
	cpu, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	const rounding = 2 * time.Second / ticksASecond // user and system time are each cut to a tick
	if after, _ := usage(); cpu < before-rounding || cpu > after {
		t.Errorf("%v of processor time, between %v and %v", cpu, before, after)
	}
	peak, err := Memory(os.Getpid(), PeakResident)
	if err != nil {
		t.Fatal(err)
	}
	if _, want := usage(); peak <= 0 || peak > want+1 || peak < want/2 {
		t.Errorf("a peak of %v MiB instead of %v", peak, want)
	}
	if now, err := Memory(os.Getpid(), Resident); err != nil || now <= 0 || now > peak+64 {
		t.Errorf("%v MiB resident, %v at most: %v", now, peak, err)
	}
}
