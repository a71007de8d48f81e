package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	pylon "github.com/bittensor-pylon/pylon"
)

// asClient runs the program as a client of a development service and returns its exit code and output.
func asClient(url string, args ...string) (code int, stdout, stderr string) {
	var out, problems bytes.Buffer
	code = run(args, process{
		environ: []string{
			"PYLON_CLIENT_ADDRESS=" + url, "PYLON_CLIENT_OPEN_ACCESS_TOKEN=" + devOpenAccessToken,
			"PYLON_CLIENT_IDENTITY_NAME=sn1", "PYLON_CLIENT_IDENTITY_TOKEN=" + devIdentityToken,
		},
		stdout: &out, stderr: &problems,
	})
	return code, out.String(), problems.String()
}

func TestClientCommands(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "dev", "--port", "0", "--chain-port", "0", "--neurons", "64", "--quiet", "--block-time", "200ms")
	url := p.ready(t)[0]
	for _, row := range []struct{ args, want string }{
		{"get block", "NUMBER  HASH"},
		{"get identities", "sn1       1"},
		{"get neurons", "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"},
		{"get neurons --netuid 2 --block 1", "block 1  0x"},
		{"get validators --netuid 1", "yes"},
		{"get commitments", "hex_data"},
		{"get revealed", `"revealed-alice-1"`},
		{"get certificates", "PUBLIC KEY"},
		{"get prices", "NETUID  RAO"},
		{"get price --block 1", "block 1  0x"},
		{"get associations", "0x"},
		{"get round", "LAST STORED ROUND"},
		{"intents", "INTENT"},
	} {
		code, stdout, stderr := asClient(url, strings.Fields(row.args)...)
		if code != exitOK || !strings.Contains(stdout, row.want) || stderr != "" {
			t.Errorf("pylon %s: %d\n%s%s", row.args, code, stdout, stderr)
		}
		code, stdout, _ = asClient(url, append(strings.Fields(row.args), "-o", "json")...)
		if code != exitOK || !json.Valid([]byte(stdout)) {
			t.Errorf("pylon %s -o json: %d\n%s", row.args, code, stdout)
		}
	}

	file := filepath.Join(t.TempDir(), "weights.json")
	if err := os.WriteFile(file, []byte(`{"`+devNeuron+`": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := asClient(url, "put", "weights", "-f", file, "--dry-run")
	if code != exitOK || !strings.Contains(stdout, "the chain would take it") {
		t.Errorf("dry run: %d\n%s%s", code, stdout, stderr)
	}
	code, stdout, stderr = asClient(url, "put", "weights", "-f", file, "--wait", "revealed", "-o", "json")
	var intent pylon.Intent
	if err := json.Unmarshal([]byte(stdout), &intent); err != nil || code != exitOK || intent.State != pylon.StateFinalized || !strings.Contains(stderr, "finalized, block") {
		t.Errorf("put: %d, %v\n%s%s", code, err, stdout, stderr)
	}
	if code, stdout, _ = asClient(url, "intents", intent.ID); code != exitOK || !strings.Contains(stdout, "finalized") {
		t.Errorf("intents: %d\n%s", code, stdout)
	}
	if code, _, stderr = asClient(url, "intents", intent.ID, "--cancel"); code != exitFailure || !strings.Contains(stderr, "409") {
		t.Errorf("cancel: %d\n%s", code, stderr)
	}

	for args, want := range map[string]int{
		"get neurons --recent --block 5": exitUsage, "get block --block 5": exitUsage, "get nonsense": exitUsage, "intents --cancel": exitUsage,
		"put weights": exitUsage, "put weights -f /nonexistent": exitFailure, "get block --timeout 0s": exitUsage,
		"get neurons --netuid 4444": exitFailure, "get block --address nonsense": exitUsage,
	} {
		if code, stdout, stderr := asClient(url, strings.Fields(args)...); code != want || stderr == "" {
			t.Errorf("pylon %s: %d, want %d\n%s%s", args, code, want, stdout, stderr)
		}
	}
}

func TestEventsCommand(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "dev", "--port", "0", "--chain-port", "0", "--neurons", "16", "--quiet", "--block-time", "100ms")
	url := p.ready(t)[0]
	events := start(t, []string{"PYLON_CLIENT_OPEN_ACCESS_TOKEN=" + devOpenAccessToken}, "events", "--address", url, "-o", "json")
	line := events.line(t, &events.stdout, func(line string) (string, bool) { return line, strings.Contains(line, `"finalized"`) })
	var event struct {
		Kind  string
		Block pylon.Block
	}
	if err := json.Unmarshal([]byte(line), &event); err != nil || event.Block.Hash == "" {
		t.Errorf("%s: %v", line, err)
	}
	events.signal(t, os.Interrupt)
	if code := events.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

// What a person has to do about a client that lacks something.
func TestClientComplaints(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		const intent = `{"id":"i1","state":"recorded","updated_at":"2026-01-01T00:00:00Z"}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/identities"):
			fmt.Fprint(w, `{"identities":{"sn1":1}}`)
		case r.Method == http.MethodPut:
			fmt.Fprint(w, `{"detail":"weights update scheduled","count":1,"intent":`+intent+`}`)
		default:
			fmt.Fprint(w, intent)
		}
	}))
	t.Cleanup(service.Close)
	file := filepath.Join(t.TempDir(), "weights.json")
	if err := os.WriteFile(file, []byte(`{"a":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	identity := []string{"PYLON_CLIENT_IDENTITY_NAME=sn1", "PYLON_CLIENT_IDENTITY_TOKEN=x"}
	for _, test := range []struct {
		args    string
		environ []string
		code    int
		want    string
	}{
		{"get neurons --netuid 1", nil, exitUsage, "pylon: wrong usage: Can not use open access api - no open access token provided in config. Set PYLON_CLIENT_OPEN_ACCESS_TOKEN\n"},
		{"get neurons", nil, exitUsage, "PYLON_CLIENT_IDENTITY_TOKEN, or read any subnet with --netuid\n"},
		{"get block", identity[:1], exitUsage, "pylon: wrong usage: Identity name must be provided in pair with identity token. Set PYLON_CLIENT_IDENTITY_NAME"},
		{"get block", []string{"PYLON_CLIENT_RETRY=3"}, exitUsage, "PYLON_CLIENT_RETRY"},
		{"get block --address http://127.0.0.1:1", nil, exitFailure, "pylon: an error occurred while making a request to Pylon API"},
		{"get block --address http://" + silent.Addr().String(), []string{"PYLON_CLIENT_TIMEOUT__READ=0.05"}, exitFailure, "timed out (read) after 0.05s"},
		{"get block --timeout 60ms --address http://" + silent.Addr().String(), []string{"PYLON_CLIENT_TIMEOUT__READ=900"}, exitFailure, "timed out (read) after 0.06s"},
		{"put weights -f " + file + " --wait revealed --wait-time 100ms --address " + service.URL, identity, exitFailure, "(pylon intents i1 tells how it goes on)"},
	} {
		var out, problems bytes.Buffer
		code := run(strings.Fields(test.args), process{environ: test.environ, stdout: &out, stderr: &problems})
		if code != test.code || !strings.Contains(problems.String(), test.want) || strings.Contains(problems.String(), "pylon: pylon:") {
			t.Errorf("pylon %s: %d\n%s", test.args, code, problems.String())
		}
	}
}

// Bash itself completes with the script.
func TestCompletion(t *testing.T) {
	t.Parallel()
	script, err := exec.CommandContext(t.Context(), binary, "completion", "bash").Output()
	if err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]string{
		"pylon ge":                     "get",
		"pylon get neur":               "neurons",
		"pylon get neurons --net":      "--netuid",
		"pylon put ":                   "weights",
		"pylon put weights --wait rev": "revealed",
		"pylon get block -o x --outp":  "--output",
	} {
		fields := strings.Split(words, " ")
		quoted := "'" + strings.Join(fields, "' '") + "'"
		program := string(script) + "\nCOMP_WORDS=(" + quoted + "); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _pylon; echo \"${COMPREPLY[*]}\""
		out, err := exec.CommandContext(t.Context(), "bash", "-c", program).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %s, %v", words, out, err)
		}
	}
	for _, shell := range []string{"zsh", "fish"} {
		out, err := exec.CommandContext(t.Context(), binary, "completion", shell).Output()
		if err != nil || !bytes.Contains(out, []byte("neurons")) || !bytes.Contains(out, []byte("netuid")) {
			t.Errorf("%s: %s, %v", shell, out, err)
		}
	}
}

// The Docker manager of the Python client: a second after the start it asks up to ten times, a second apart and with
// five seconds of patience, for /health without any header of its own, and takes nothing but a 200.
func TestConformance122DockerManagersPoll(t *testing.T) {
	t.Parallel()
	environ := append([]string{"PYLON_UVICORN_PORT=0", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1"}, dockerManager...)
	url := start(t, environ, "serve").listening(t)
	manager := http.Client{Timeout: 5 * time.Second}
	for poll := range 10 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/health", nil)
		if err != nil {
			t.Fatal(err)
		}
		if response, err := manager.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		t.Logf("poll %d was not answered", poll+1)
		<-time.After(time.Second)
	}
	t.Error("not ready in time")
}
