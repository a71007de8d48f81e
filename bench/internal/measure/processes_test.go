package measure

import (
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// A program is ready when it says so, and is gone after Stop.
func TestStartReady(t *testing.T) {
	var p Processes
	cmd := exec.Command("sh", "-c", "echo starting; echo ready 127.0.0.1:80; exec sleep 600")
	said, err := p.StartReady(cmd, time.Minute)
	if err != nil || said != "127.0.0.1:80" {
		t.Errorf("%q, %v", said, err)
	}
	if p.Last() != cmd.Process.Pid {
		t.Errorf("last is %d instead of %d", p.Last(), cmd.Process.Pid)
	}
	p.Stop()
	if state := cmd.ProcessState; state == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("ended with %v", state)
	}
	if _, err := p.StartReady(exec.Command("sh", "-c", "echo no"), time.Minute); err == nil {
		t.Error("a program that never says it is ready is ready")
	}
	p.Stop()
}
