//go:build unix

package proctest

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Start runs a program until the test ends and returns what follows prefix in the first line of its standard output that
// begins so, without the space around it. What the program says goes to the log of a failed test. It has a process group
// of its own, so that what it starts ends with it.
func Start(t testing.TB, patience time.Duration, prefix string, cmd *exec.Cmd) string {
	t.Helper()
	var log Log
	ready := make(chan string, 1)
	cmd.Stdout = &lineFinder{prefix: prefix, found: ready, log: &log}
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// What it started may hold its output open for a second after it has ended, no longer.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGCONT) // the test may have stopped it
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
		if t.Failed() {
			t.Logf("output of %s:\n%s", filepath.Base(cmd.Path), log.String())
		}
	})
	select {
	case rest := <-ready:
		return rest
	case <-ended:
		t.Fatalf("%s ended before it was ready:\n%s", cmd.Path, log.String())
	case <-time.After(patience):
		t.Fatalf("%s was not ready after %s:\n%s", cmd.Path, patience, log.String())
	}
	return ""
}

// lineFinder sends what follows prefix in the first line that begins so, and passes everything on to log. It is
// written to by one goroutine.
type lineFinder struct {
	prefix string
	found  chan<- string // has room for one
	log    io.Writer
	line   []byte
	done   bool
}

func (f *lineFinder) Write(p []byte) (int, error) {
	f.line = append(f.line, p...)
	for !f.done {
		line, rest, whole := bytes.Cut(f.line, []byte{'\n'})
		if !whole {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte(f.prefix)); ok {
			f.done = true
			f.found <- string(bytes.TrimSpace(value))
		}
		f.line = rest
	}
	if f.done {
		f.line = nil
	}
	return f.log.Write(p)
}

// Log is a buffer that a process and a test may use at once.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *Log) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *Log) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
