package measure

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Processes are the programs that a run has started.
type Processes struct {
	started []*exec.Cmd
}

// Start starts a program.
func (p *Processes) Start(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	p.started = append(p.started, cmd)
	return nil
}

// StartReady starts a program and returns what follows "ready" in its first line that begins so.
func (p *Processes) StartReady(cmd *exec.Cmd, within time.Duration) (string, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = os.Stderr
	if err := p.Start(cmd); err != nil {
		return "", err
	}
	ready := make(chan string, 1)
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if rest, ok := strings.CutPrefix(lines.Text(), "ready"); ok {
				ready <- strings.TrimSpace(rest)
				break
			}
		}
		_, _ = io.Copy(io.Discard, out) // a full pipe would stop the program
	}()
	select {
	case rest, ok := <-ready:
		if !ok {
			return "", fmt.Errorf("%s ended before it was ready", cmd)
		}
		return rest, nil
	case <-time.After(within):
		return "", fmt.Errorf("%s was not ready in time", cmd)
	}
}

// Last is the process ID of the program started last. There has to be one.
func (p *Processes) Last() int { return p.started[len(p.started)-1].Process.Pid }

// Stop asks all programs to end, and kills those that do not within ten seconds.
func (p *Processes) Stop() {
	for _, cmd := range p.started {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = cmd.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
	}
	p.started = nil
}
