//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/bittensor-pylon/pylon/bench/internal/measure"
)

// bench owns the processes of one run.
type bench struct {
	ctx       context.Context
	round     time.Duration
	processes measure.Processes
	rows      []row
	load1     string // the load average before the run
}

// measured is the processor that what is measured has for itself.
const measured = "0"

// pinSelf keeps this process, which makes the load, off that processor.
func (b *bench) pinSelf() error {
	if runtime.NumCPU() < 2 {
		return errors.New("one processor is not enough: the load would run on the one that is measured")
	}
	rest := fmt.Sprintf("1-%d", runtime.NumCPU()-1)
	if out, err := exec.CommandContext(b.ctx, "taskset", "-acp", rest, fmt.Sprint(os.Getpid())).CombinedOutput(); err != nil {
		return fmt.Errorf("taskset: %w\n%s", err, out)
	}
	return nil
}

// self starts this program as what is measured, or, with another processor, as
// something that is not.
func (b *bench) self(processor string, args ...string) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	return b.start(exec.CommandContext(b.ctx, "taskset", append([]string{"-c", processor, exe, "-seconds", fmt.Sprint(b.round.Seconds())}, args...)...))
}

// python starts a program of this folder with a release of the SDK.
func (b *bench) python(version, program string, args ...string) (string, error) {
	interpreter, err := filepath.Abs(filepath.Join(".cache", "interop", "neuron-"+version, "bin", "python"))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(interpreter); err != nil {
		return "", fmt.Errorf("the SDK is not installed, run interop/setup.sh: %w", err)
	}
	args = append([]string{"-c", measured, interpreter, filepath.Join("bench", "neuron", program), fmt.Sprint(b.round.Seconds())}, args...)
	cmd := exec.CommandContext(b.ctx, "taskset", args...)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+filepath.Join("interop", "neuron"), "PYTHONDONTWRITEBYTECODE=1")
	return b.start(cmd)
}

// start starts a program and returns what follows "ready" in its output.
func (b *bench) start(cmd *exec.Cmd) (string, error) {
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return b.processes.StartReady(cmd, 3*time.Minute)
}

func (b *bench) stop() { b.processes.Stop() }

// cpu is the processor time that a process has used, 0 when that cannot be read.
func cpu(pid int) time.Duration {
	used, err := measure.CPU(pid)
	if err != nil {
		return 0
	}
	return used
}

// memory is the largest resident size of a process in MiB, 0 when that cannot be read.
func memory(pid int) float64 {
	mib, err := measure.Memory(pid, measure.PeakResident)
	if err != nil {
		return 0
	}
	return mib
}
