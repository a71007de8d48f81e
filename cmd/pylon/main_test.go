package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// binary is the program as users run it.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "pylon-test-")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(folder, "pylon")
	build := exec.Command("go", "build", "-ldflags", "-X main.version=1.2.3-test", "-o", binary, ".")
	build.Stdout, build.Stderr = os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "go build:", err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(folder)
		os.Exit(code)
	}))
}

// program is a running binary.
type program struct {
	cmd    *exec.Cmd
	stdout output
	stderr output
	ended  chan struct{} // closed when it has ended
}

// output is what a program has written, and wakes those who wait for a line of it.
type output struct {
	mu      sync.Mutex
	text    bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed != nil {
		close(o.changed)
		o.changed = nil
	}
	return o.text.Write(p)
}

func (o *output) now() (text string, changed <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.changed == nil {
		o.changed = make(chan struct{})
	}
	return o.text.String(), o.changed
}

func (o *output) String() string {
	text, _ := o.now()
	return text
}

// line waits for a line that find takes something out of.
func (p *program) line(t *testing.T, o *output, find func(line string) (string, bool)) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		text, changed := o.now()
		lines := bufio.NewScanner(strings.NewReader(text))
		for lines.Scan() {
			if found, ok := find(lines.Text()); ok {
				return found
			}
		}
		select {
		case <-changed:
		case <-p.ended:
			if text == o.String() {
				t.Fatalf("%v ended", p.cmd.Args)
			}
		case <-deadline:
			t.Fatalf("%v did not print it in time", p.cmd.Args)
		}
	}
}

// start runs the binary in an empty folder with exactly this environment.
func start(t *testing.T, environ []string, args ...string) *program {
	t.Helper()
	return startIn(t, t.TempDir(), environ, args...)
}

func startIn(t *testing.T, folder string, environ []string, args ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(binary, args...), ended: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = folder, append([]string{"HOME=" + folder}, environ...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("%v printed:\n%s\nand logged:\n%s", p.cmd.Args, p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// wait waits for the program to end and returns its exit code, -1 after a signal.
func (p *program) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(20 * time.Second):
		t.Fatalf("%v does not end", p.cmd.Args)
		return 0
	}
}

func (p *program) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// listening waits for the log's line about the address.
func (p *program) listening(t *testing.T) string {
	t.Helper()
	return p.line(t, &p.stderr, func(line string) (string, bool) {
		var record struct{ Msg, URL string }
		err := json.Unmarshal([]byte(line), &record)
		return record.URL, err == nil && record.Msg == "listening"
	})
}

func get(t *testing.T, url, token string) (status int, body string) {
	t.Helper()
	status, body, err := tryGet(t.Context(), url, token)
	if err != nil {
		t.Fatal(err)
	}
	return status, body
}

func tryGet(ctx context.Context, url, token string) (status int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	request.Close = true
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), err
}

// offline are the settings of a service whose chain does not exist.
var offline = []string{
	"PYLON_BITTENSOR_NETWORK=ws://127.0.0.1:1", "PYLON_BITTENSOR_ARCHIVE_NETWORK=ws://127.0.0.1:1",
	"PYLON_UVICORN_HOST=127.0.0.1", "PYLON_UVICORN_PORT=0",
}

// usage is a command that ends by itself, and how.
type usage struct {
	args           []string
	environ        []string
	code           int
	stdout, stderr string // what they begin with
}

func TestUsage(t *testing.T) {
	t.Parallel()
	testUsage(t, []usage{
		{nil, nil, exitUsage, "", `pylon: expected one of "serve", "check"`},
		{[]string{"sreve"}, nil, exitUsage, "", "pylon: unexpected argument sreve"},
		{[]string{"serve", "--port", "1"}, nil, exitUsage, "", "pylon: unknown flag --port"},
		{[]string{"serve", "--workers", "4"}, nil, exitUsage, "", "pylon: Passing --workers is not supported for pylon-service.\n"},
		{[]string{"serve", "--workers=4"}, nil, exitUsage, "", "pylon: Passing --workers is not supported for pylon-service.\n"},
		{[]string{"serve", "--workers"}, nil, exitUsage, "", "pylon: Passing --workers is not supported for pylon-service.\n"},
		{[]string{"serve"}, []string{"PYLON_UVICORN_PORT=x", "PYLON_DEBUG=x"}, exitUsage, "", "pylon: 2 settings are wrong:\n  PYLON_UVICORN_PORT must be an integer"},
		{[]string{"serve"}, []string{"PYLON_BITTENSOR_NETWORK=test"}, exitUsage, "", "pylon: PYLON_BITTENSOR_NETWORK was overridden but PYLON_BITTENSOR_ARCHIVE_NETWORK was left at its default"},
		{[]string{"serve"}, append([]string{"PYLON_UVICORN_HOST=203.0.113.1", "PYLON_LOG_LEVEL=error"}, offline[:2]...), exitFailure, "", "pylon: start the listener: "},
		{[]string{"version"}, nil, exitOK, "pylon 1.2.3-test", ""},
		{[]string{"--help"}, nil, exitOK, "Usage: pylon <command>", ""},
	})
}

func testUsage(t *testing.T, rows []usage) {
	t.Helper()
	for _, row := range rows {
		t.Run(strings.Join(row.args, " "), func(t *testing.T) {
			t.Parallel()
			p := start(t, row.environ, row.args...)
			if code := p.wait(t); code != row.code {
				t.Errorf("exit code %d, want %d", code, row.code)
			}
			if !strings.HasPrefix(p.stdout.String(), row.stdout) || (row.stdout == "") != (p.stdout.String() == "") {
				t.Errorf("printed %q, want %q", p.stdout.String(), row.stdout)
			}
			if !strings.HasPrefix(p.stderr.String(), row.stderr) || (row.stderr == "") != (p.stderr.String() == "") {
				t.Errorf("complained %q, want %q", p.stderr.String(), row.stderr)
			}
		})
	}
}

func TestVersionLine(t *testing.T) {
	t.Parallel()
	info := &debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"},
	}}
	for _, row := range []struct {
		linked string
		info   *debug.BuildInfo
		want   string
	}{
		{"", info, "pylon v0.1.0 commit 0123456789ab with changes go"},
		{"2.0.0", info, "pylon 2.0.0 commit 0123456789ab with changes go"},
		{"", new(debug.BuildInfo), "pylon (devel) go"},
	} {
		if got := versionLine(row.linked, row.info); !strings.HasPrefix(got, row.want) {
			t.Errorf("got %q, want %q", got, row.want)
		}
	}
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	if code := exitCode(fmt.Errorf("wrapped: %w", errUsage)); code != exitUsage {
		t.Errorf("usage: %d", code)
	}
	if code := exitCode(errors.New("anything")); code != exitFailure {
		t.Errorf("failure: %d", code)
	}
}

// dockerManager are the variables of the client's docker manager (pylon-api.md 7.9), in Python's text form.
var dockerManager = []string{
	"PYLON_BITTENSOR_NETWORK=finney", "PYLON_BITTENSOR_ARCHIVE_NETWORK=archive", "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=300",
	"PYLON_BITTENSOR_WALLET_PATH=/root/.bittensor/wallets", "PYLON_IDENTITIES=[]", "PYLON_OPEN_ACCESS_TOKEN=", "PYLON_METRICS_TOKEN=",
	"PYLON_DOCKER_IMAGE_NAME=bittensor_pylon", "PYLON_BLOCK_DURATION_SECONDS=12.0", "PYLON_COMMIT_CYCLE_LENGTH=3",
	"PYLON_COMMIT_WINDOW_START_OFFSET=180", "PYLON_COMMIT_WINDOW_END_BUFFER=10", "PYLON_WEIGHTS_RETRY_ATTEMPTS=200",
	"PYLON_WEIGHTS_RETRY_DELAY_SECONDS=1", "PYLON_COMMITMENT_RETRY_ATTEMPTS=10", "PYLON_COMMITMENT_RETRY_DELAY_SECONDS=1",
	"PYLON_ENVIRONMENT=production", "PYLON_DEFAULT_REQUEST_TIMEOUT_SECONDS=60.0", "PYLON_MAX_REQUEST_TIMEOUT_SECONDS=300.0",
	"PYLON_EVM_RPC_URL=https://lite.chain.opentensor.ai", "PYLON_EVM_ARCHIVE_RPC_URL=https://archive.chain.opentensor.ai",
	"PYLON_EVM_ARCHIVE_BLOCKS_CUTOFF=300", "PYLON_DEBUG=False", "PYLON_SENTRY_DSN=", "PYLON_SENTRY_ENVIRONMENT=production", "PYLON_TEMPO=360",
}

// Statement 137 of the checklist, but for the port, which may be taken on this machine. A proxy that does not exist
// keeps the test off the network.
func TestConformance137StartsWithTheDockerManagersVariables(t *testing.T) {
	t.Parallel()
	environ := append([]string{"PYLON_UVICORN_PORT=0", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1"}, dockerManager...)
	p := start(t, environ, "serve")
	url := p.listening(t)
	if status, body := get(t, url+"/health", ""); status != http.StatusOK {
		t.Errorf("/health: %d %s", status, body)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(p.stderr.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of JSON: %s", line)
		}
	}
}

// The seed's quick start, and a file that is found by its name.
func TestServeReadsDotenv(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	content := strings.Join(offline, "\n") + "\nPYLON_OPEN_ACCESS_TOKEN='a token from the file'\nPYLON_LOG_FORMAT=text\n"
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startIn(t, folder, []string{"PYLON_OPEN_ACCESS_TOKEN=token-of-the-environment", "PYLON_LOG_FORMAT=json"}, "serve")
	url := p.listening(t)
	const path = "/api/v1/subnet/1/block/recent/neurons"
	if status, _ := get(t, url+path, ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := get(t, url+path, "token-of-the-environment"); status != http.StatusServiceUnavailable {
		t.Errorf("with the token: %d", status)
	}
	p.signal(t, os.Interrupt)
	if code := p.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	first := start(t, offline, "serve")
	url := first.listening(t)
	second := start(t, append([]string{"PYLON_UVICORN_PORT=" + url[strings.LastIndex(url, ":")+1:]}, offline[:3]...), "serve")
	if code := second.wait(t); code != exitFailure || !strings.Contains(second.stderr.String(), "address already in use") {
		t.Errorf("exit code %d", code)
	}
}

// The first signal asks for a graceful stop, the second one does not ask.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := start(t, append([]string{"PYLON_SHUTDOWN_TIMEOUT_SECONDS=600", "PYLON_METRICS_TOKEN=metrics-token-of-the-test"}, offline...), "serve")
	url := p.listening(t)
	ended := make(chan struct{})
	go func() { // in flight for some seconds: that is how long a read waits for a node
		defer close(ended)
		_, _, _ = tryGet(t.Context(), url+"/api/v1/block/latest", "")
	}()
	for page := ""; !strings.Contains(page, `pylon_requests_in_progress{app_name="bittensor-pylon",method="GET",path="/api/v1/block/latest",status_code="200"} 1`); {
		_, page = get(t, url+"/metrics", "metrics-token-of-the-test")
	}
	p.signal(t, syscall.SIGTERM)
	p.line(t, &p.stderr, func(line string) (string, bool) { return line, strings.Contains(line, `"msg":"stopping"`) })
	began := time.Now()
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	<-ended
}
