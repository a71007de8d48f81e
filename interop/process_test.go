//go:build interop

package interop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/proctest"
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

// startDev runs `pylon dev` and returns the addresses of its service and its chain.
func startDev(t *testing.T, flags ...string) (service, chain string) {
	t.Helper()
	port := proctest.FreePort(t)
	args := append([]string{"dev", "--port", "0", "--chain-port", fmt.Sprint(port), "--quiet"}, flags...)
	service = proctest.Start(t, time.Minute, "ready ", exec.Command(binary, args...))
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
	port := proctest.FreePort(t)
	cmd := exec.Command(binary, "serve")
	cmd.Dir = t.TempDir()
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "PYLON_UVICORN_HOST=127.0.0.1", fmt.Sprintf("PYLON_UVICORN_PORT=%d", port)}, settings...)
	var log proctest.Log
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
