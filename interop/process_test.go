//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	root   string // of the module
	cache  string // what setup.sh installed
	binary string // pylon, built once
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	wd, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	root = filepath.Dir(wd)
	cache = filepath.Join(root, ".cache", "interop")
	dir, err := os.MkdirTemp("", "pylon-interop-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "pylon")
	build := exec.Command("go", "build", "-o", binary, "./cmd/pylon")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build of pylon: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// start runs a program until the test ends and returns what follows prefix in the first line of its standard output
// that begins so. The program's output goes to the log of a failed test.
func start(t *testing.T, patience time.Duration, prefix string, cmd *exec.Cmd) string {
	t.Helper()
	var log lockedBuffer
	ready := make(chan string, 1)
	cmd.Stdout = &lineFinder{prefix: prefix, found: ready, log: &log}
	cmd.Stderr = &log
	// A process group of its own, so that what the program starts ends with it; and what it started may hold its output
	// open for a second after it has ended, no longer.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
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

// startDev runs `pylon dev` and returns the addresses of its service and its chain.
func startDev(t *testing.T, flags ...string) (service, chain string) {
	t.Helper()
	port := freePort(t)
	args := append([]string{"dev", "--port", "0", "--chain-port", fmt.Sprint(port), "--quiet"}, flags...)
	service = start(t, 10*time.Second, "ready ", exec.Command(binary, args...))
	return service, fmt.Sprintf("ws://127.0.0.1:%d", port)
}

// startServe runs `pylon serve` with exactly these settings and returns its address.
func startServe(t *testing.T, settings ...string) string {
	t.Helper()
	address, _, _ := startServeProcess(t, settings...)
	return address
}

// startServeProcess is startServe for those who want to look at the process, or to end it before the test ends.
func startServeProcess(t *testing.T, settings ...string) (address string, pid int, stop func()) {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command(binary, "serve")
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PYLON_UVICORN_HOST=127.0.0.1", fmt.Sprintf("PYLON_UVICORN_PORT=%d", port)}, settings...)
	var log lockedBuffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	stop = func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("pylon serve did not stop on SIGTERM")
		}
	}
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("output of pylon serve:\n%s", log.String())
		}
	})
	address = fmt.Sprintf("http://127.0.0.1:%d", port)
	deadline := time.Now().Add(time.Minute)
	for {
		if status, _ := get(t, address+"/health", ""); status == http.StatusOK {
			return address, cmd.Process.Pid, stop
		}
		select {
		case <-ended:
			t.Fatalf("pylon serve ended:\n%s", log.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("pylon serve was not healthy in time:\n%s", log.String())
		}
	}
}

// script runs a foreign program to its end, which must be a success, and logs what it printed.
func script(t *testing.T, patience time.Duration, name string, args ...string) string {
	t.Helper()
	return scriptIn(t, "", patience, name, args...)
}

// scriptIn is script in a folder, for programs that leave files where they run.
func scriptIn(t *testing.T, dir string, patience time.Duration, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1", "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	t.Logf("%s\n%s", filepath.Base(name), out)
	if err != nil {
		t.Fatalf("%s: %v", strings.Join(append([]string{name}, args...), " "), err)
	}
	return string(out)
}

// get returns the status and body of one GET, or 0 when there was no answer.
func get(t *testing.T, url, token string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// getJSON decodes the body of a GET that must succeed.
func getJSON(t *testing.T, url, token string, into any) {
	t.Helper()
	status, body := get(t, url, token)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", url, status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatalf("GET %s: %v", url, err)
	}
}

// freePort returns a port that nothing listens on. It lies below the range that systems take the ports of outgoing
// connections from, so that none of those gets it before the program that it is for.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(12000)
		l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
		if err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

// lockedBuffer is a buffer that a process and a test may use at once.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
