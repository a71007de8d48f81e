package measure

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksASecond is the unit of /proc/PID/stat on every Linux that Go runs on.
const ticksASecond = 100

// CPU is the processor time that a process has used.
func CPU(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name of the program, in parentheses, may hold spaces; utime and stime are the 12th and 13th fields after it.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/PID/stat: %q", stat)
	}
	var ticks int64
	for _, field := range fields[11:13] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / ticksASecond), nil
}

// The sizes of a process that Memory reads.
const (
	Resident     = "VmRSS" // what it has in memory now
	PeakResident = "VmHWM" // the most that it has had
)

// Memory is a size of a process in MiB.
func Memory(pid int, size string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, size+":"); ok {
			kib, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/PID/status has no %s", size)
}
