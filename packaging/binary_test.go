//go:build interop

package packaging

import (
	"bufio"
	"context"
	"debug/elf"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These compile the binary twice, which takes a minute or more: they run with the interop suites.

// build makes the binary as the Dockerfile does.
func build(t *testing.T, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pylon")
	command := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=1.2.3-image", "-o", path, "../cmd/pylon")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build for %s: %v\n%s", arch, err, out)
	}
	return path
}

// wantStatic fails the test when the binary is for another machine or needs anything of the system that it runs on.
func wantStatic(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if file.Machine != machine {
		t.Errorf("it is for %v, not %v", file.Machine, machine)
	}
	if libraries, _ := file.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("it needs %v", libraries)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("it needs a dynamic linker")
		}
	}
}

func TestCrossCompiles(t *testing.T) {
	t.Parallel()
	wantStatic(t, build(t, "arm64"), elf.EM_AARCH64)
}

// The binary runs with nothing around it, as root and as the user of the nonroot image.
func TestBinaryRunsInAnEmptyRoot(t *testing.T) {
	t.Parallel()
	needs(t, os.Geteuid() == 0, "root, for chroot")
	binary := build(t, "amd64")
	wantStatic(t, binary, elf.EM_X86_64)
	for name, user := range map[string]uint32{"root": 0, "nonroot": 65532} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			content, err := os.ReadFile(binary)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, "pylon"), content, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(root, 0o755); err != nil {
				t.Fatal(err)
			}
			run := func(args ...string) *exec.Cmd {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
				t.Cleanup(cancel)
				command := exec.CommandContext(ctx, "/pylon", args...)
				command.Path, command.Err = "/pylon", nil // of the new root; outside there is none
				command.Dir, command.Env = "/", []string{}
				command.SysProcAttr = &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
				return command
			}
			if out, err := run("version").Output(); err != nil || !strings.HasPrefix(string(out), "pylon 1.2.3-image") {
				t.Fatalf("%v: %q", err, out)
			}
			dev := run("dev", "--quiet", "--port", "0", "--chain-port", "0")
			stdout, err := dev.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := dev.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(stdout).ReadString('\n')
			if err != nil {
				t.Fatalf("it is not ready: %v", err)
			}
			url, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "ready "), " ")
			response, err := http.Get(url + "/api/v1/block/latest")
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(response.Body)
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d: %s", response.StatusCode, body)
			}
			if err := dev.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := dev.Wait(); err != nil {
				t.Errorf("the stop: %v", err)
			}
		})
	}
}
