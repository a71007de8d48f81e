//go:build unix

package proctest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A program is ready when it says so, and is gone after the test, with all that it started, also when they were stopped.
func TestStart(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	cmd := exec.Command("sh", "-c", "echo starting; sleep 600 & echo ready at 80; wait")
	cmd.ExtraFiles = []*os.File{write} // open as long as one of them lives
	t.Run("running", func(t *testing.T) {
		if said := Start(t, time.Minute, "ready ", cmd); said != "at 80" {
			t.Errorf("%q", said)
		}
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP); err != nil {
			t.Error(err)
		}
	})
	write.Close()
	if err := read.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := read.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("something still runs: %v", err)
	}
}
