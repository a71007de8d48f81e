package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// ready waits for the ready line and returns the addresses in it.
func (p *program) ready(t *testing.T) []string {
	t.Helper()
	return strings.Fields(p.line(t, &p.stdout, func(line string) (string, bool) { return strings.CutPrefix(line, "ready ") }))
}

func TestDev(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, ".env"), []byte("PYLON_UVICORN_PORT=nonsense\nPYLON_OPEN_ACCESS_TOKEN=other\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What is around it does not matter.
	environ := []string{"PYLON_BITTENSOR_NETWORK=nonsense", "PYLON_IDENTITIES=nonsense", "PYLON_DEBUG=nonsense", "PYLON_OPEN_ACCESS_TOKEN=other"}
	p := startIn(t, folder, environ, "dev", "--port", "0", "--chain-port", "0", "--quiet", "--block-time", "100ms")
	addresses := p.ready(t)
	if len(addresses) != 2 || !strings.HasPrefix(addresses[0], "http://127.0.0.1:") || !strings.HasPrefix(addresses[1], "ws://127.0.0.1:") {
		t.Fatalf("ready %v", addresses)
	}
	url := addresses[0]
	for path, token := range map[string]string{
		"/api/v1/subnet/1/block/latest/neurons":              devOpenAccessToken,
		"/api/v1/identity/sn1/subnet/1/block/latest/neurons": devIdentityToken,
	} {
		status, body := get(t, url+path, token)
		var answer struct {
			Neurons map[string]struct{ UID int }
		}
		if err := json.Unmarshal([]byte(body), &answer); status != http.StatusOK || err != nil || len(answer.Neurons) != 256 {
			t.Errorf("%s: status %d, %d neurons, %v: %.200s", path, status, len(answer.Neurons), err, body)
		}
	}
	if status, _ := get(t, url+"/api/v1/subnet/1/block/latest/neurons", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := get(t, url+"/metrics", devMetricsToken); status != http.StatusOK {
		t.Errorf("/metrics: %d", status)
	}
	p.signal(t, syscall.SIGTERM)
	if code := p.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if want := "ready " + strings.Join(addresses, " ") + "\n"; p.stdout.String() != want || p.stderr.String() != "" {
		t.Errorf("a quiet one printed %q and logged %q", p.stdout.String(), p.stderr.String())
	}
}

// The commands that it prints work as they are.
func TestDevPrintsCommandsThatWork(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "dev", "--port", "0", "--chain-port", "0", "--neurons", "64", "--legacy-login")
	url := p.ready(t)[0]
	p.line(t, &p.stdout, func(line string) (string, bool) { return line, strings.Contains(line, "/schema/swagger") })
	commands := 0
	var writes []string
	for line := range strings.Lines(p.stdout.String()) {
		curl, ok := strings.CutPrefix(strings.TrimSpace(line), "curl -s ")
		if !ok {
			continue
		}
		commands++
		token := ""
		if strings.HasPrefix(curl, "-X PUT ") {
			writes = append(writes, curl)
			continue
		}
		if header, rest, ok := strings.Cut(strings.TrimPrefix(curl, "-H 'Authorization: Bearer "), "' "); ok {
			token, curl = header, rest
		}
		want := http.StatusOK
		if status, body := get(t, curl, token); status != want && !strings.Contains(curl, "/recent/") {
			t.Errorf("%s: status %d: %.200s", line, status, body)
		}
	}
	if len(writes) != 1 {
		t.Fatalf("%d commands that write", len(writes))
	}
	wantFinalized(t, writes[0])
	if commands < 4 {
		t.Errorf("%d commands in:\n%s", commands, p.stdout.String())
	}
	// --legacy-login: no token is needed, and a wrong one is still wrong. The log warns of it.
	if status, _ := get(t, url+"/api/v1/subnet/1/block/latest/neurons", ""); status != http.StatusOK {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := get(t, url+"/api/v1/subnet/1/block/latest/neurons", "wrong"); status != http.StatusForbidden {
		t.Errorf("with a wrong token: %d", status)
	}
	if !strings.Contains(p.stderr.String(), "LEGACY LOGIN IS ON") {
		t.Error("the log does not warn of legacy login")
	}
}

// wantFinalized does what a printed command does, whose weights are final when the answer comes.
func wantFinalized(t *testing.T, curl string) {
	t.Helper()
	parts := regexp.MustCompile(`^-X PUT -H 'Authorization: Bearer ([^']+)' -d '([^']+)' '([^']+)'$`).FindStringSubmatch(curl)
	if parts == nil {
		t.Fatalf("not a command that the test knows: %s", curl)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, parts[3], strings.NewReader(parts[2]))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+parts[1])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Intent struct{ State string } }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusOK || answer.Intent.State != "finalized" {
		t.Errorf("%s: status %d, %+v, %v", curl, response.StatusCode, answer, err)
	}
}

// With --state the chain goes on where it was.
func TestDevState(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	args := []string{"dev", "--port", "0", "--chain-port", "0", "--quiet", "--neurons", "16", "--block-time", "50ms", "--state", state}
	latest := func(p *program) (number uint64) {
		t.Helper()
		_, body := get(t, p.ready(t)[0]+"/api/v1/block/latest", "")
		var block struct{ Number uint64 }
		if err := json.Unmarshal([]byte(body), &block); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return block.Number
	}
	first := start(t, nil, args...)
	var before uint64
	for before < 10 {
		before = latest(first)
	}
	first.signal(t, syscall.SIGTERM)
	if code := first.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if after := latest(start(t, nil, args...)); after < before {
		t.Errorf("block %d after %d", after, before)
	}
}

func TestDevUsage(t *testing.T) {
	t.Parallel()
	testUsage(t, []usage{
		{[]string{"dev", "--block-time", "1us"}, nil, exitUsage, "", "pylon: dev: --block-time must be at least 10ms"},
		{[]string{"dev", "--neurons", "3"}, nil, exitUsage, "", "pylon: dev: --neurons must be from 16 to 4096"},
		{[]string{"dev", "--port", "70000"}, nil, exitUsage, "", "pylon: --port"},
	})
}
