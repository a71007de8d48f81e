//go:build interop

package neuron

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/synapse"
)

// buildPylon returns the program as users run it.
func buildPylon(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "pylon")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/pylon").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// `pylon dendrite call` and an axon of the SDK.
func testDendriteCommand(t *testing.T, binary string, target synapse.AxonInfo) {
	t.Helper()
	for _, c := range []struct {
		args []string
		ok   bool
		says string
	}{
		{nil, true, "bt_header_axon_status_message: Success"},
		{[]string{"--message", "Texts", "--field", `s="it's é"`, "--field", `strs=["a"]`, "--hash", "s,strs"}, true, `"seen": "it's é;['a']"`},
		{[]string{"--message", "Numbers", "--field", "a=41", "--field", "b=1.0", "--field", "flag=true", "--field", "c=null", "--field", "big=7", "--field", "floats=[1e-05]", "--hash", "a,b,flag,c,big,floats"}, true, `"seen": "41;1.0;True;None;7;[1e-05]"`},
		{[]string{"--message", "Models", "--field", `one={"id": 5, "label": "x", "score": 0.5}`, "--field", "many=[]", "--hash", "one,many"}, true, `"seen": "{'id': 5, 'label': 'x', 'score': 0.5};[]"`},
		{[]string{"--message", "Refused"}, false, "Forbidden. Key is blacklisted: no stake."},
		{[]string{"--message", "Unattached"}, false, "Synapse name 'Unattached' not found."},
		{[]string{"--message", "Guarded", "--uri", "//Eve"}, false, "Not Verified with error: you are not Alice"},
		{[]string{"--message", "Texts", "--field", `s="x"`}, false, "Internal Server Error #"}, // hashed without its fields
	} {
		args := append([]string{"dendrite", "call", net.JoinHostPort(target.IP, itoa(target.Port)), "--axon-hotkey", target.Hotkey, "--uri", "//Alice", "--timeout", "1m"}, c.args...)
		out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
		if (err == nil) != c.ok || !strings.Contains(string(out), c.says) {
			t.Errorf("%q: %v\n%s", c.args, err, out)
		}
	}
}

// `pylon axon echo` and a dendrite of the SDK.
func testEchoCommand(t *testing.T, binary string, p *python) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "axon", "echo", "--uri", "//Bob", "--listen", "127.0.0.1:0", "--bodies")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	bob := key(t, "//Bob").Address()
	address, ok := strings.CutPrefix(strings.TrimSpace(first), "axon "+bob+" at http://")
	at, err := net.ResolveTCPAddr("tcp", address)
	if !ok || err != nil {
		t.Fatalf("%s, %v", first, err)
	}
	var printed bytes.Buffer
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = printed.ReadFrom(lines) })

	for _, c := range []struct {
		query
		code int
	}{
		{query{Class: "Synapse"}, 200},
		{query{Class: "Texts", Values: map[string]any{"s": "it's é", "strs": []string{"a", "b"}}}, 200},
		{query{Class: "Unattached", Values: map[string]any{}}, 200}, // it knows no classes
		{query{Class: "Hooked", Values: map[string]any{"how": "ok"}, Wrong: "key"}, 401},
		{query{Class: "Hooked", Values: map[string]any{"how": "ok"}, Wrong: "unsigned"}, 401},
	} {
		q := c.query
		q.Port, q.Hotkey, q.Timeout = at.Port, bob, 60
		var o outcome
		p.order(q, &o)
		if o.Error != "" || o.Answer.Dendrite.StatusCode != synapse.Some(c.code) || o.Success != (c.code == 200) || o.Unverified != (c.code == 401) {
			t.Errorf("%+v: %+v", c.query, o)
		}
		if c.Class == "Texts" && strings.Join(o.Answer.Strs, "") != "ab" {
			t.Errorf("came back as %q", o.Answer.Strs)
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	alice := key(t, "//Alice").Address()
	for _, line := range []string{`200 "Success"  "Texts" from "` + alice + `"`, `\"s\": \"it's \\u00e9\"`, `401 "Signature mismatch with `, `401 "Missing Signature"`} {
		if !strings.Contains(printed.String(), line) {
			t.Errorf("%s was not printed:\n%s", line, printed.String())
		}
	}
}
