package store

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Parts of this program that tests run in a process of their own, by name.
const childPart = "PYLON_STORE_TEST_PART"

var childParts = map[string]func() error{}

// child is a running part. It ends with the test.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	in    io.WriteCloser
}

// startChild runs a part with settings of the form "NAME=value".
func startChild(t *testing.T, part string, settings ...string) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(settings, childPart+"="+part)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{cmd, bufio.NewScanner(out), in}
	t.Cleanup(c.kill)
	return c
}

// line is the next one that the part wrote, empty at its end.
func (c *child) line() string {
	c.lines.Scan()
	return c.lines.Text()
}

// kill ends it with SIGKILL and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
