package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench owns the processes of one run.
type bench struct {
	ctx       context.Context
	round     time.Duration
	processes []*exec.Cmd
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
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := cmd.Start(); err != nil {
		return "", err
	}
	b.processes = append(b.processes, cmd)
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "ready"); ok {
				ready <- strings.TrimSpace(rest)
			}
		}
	}()
	select {
	case rest, ok := <-ready:
		if !ok {
			return "", fmt.Errorf("%s ended before it was ready", cmd)
		}
		return rest, nil
	case <-time.After(3 * time.Minute):
		return "", fmt.Errorf("%s was not ready in time", cmd)
	}
}

func (b *bench) stop() {
	for _, p := range b.processes {
		_ = p.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = p.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = p.Process.Kill()
			<-done
		}
	}
	b.processes = nil
}

// cpu is the processor time that the last process has used.
func (b *bench) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.processes[len(b.processes)-1].Process.Pid))
	if err != nil {
		return 0
	}
	// After the name, which is in parentheses: the 12th and 13th, in hundredths of a second.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// memory is the largest resident size of the last process, in MiB.
func (b *bench) memory() float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.processes[len(b.processes)-1].Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	return 0
}
