package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/axon"
	"github.com/bittensor-pylon/pylon/dendrite"
	"github.com/bittensor-pylon/pylon/synapse"
	"github.com/bittensor-pylon/pylon/wallet"
)

// Translate is a message of which the commands know nothing.
type Translate struct {
	synapse.Synapse
	Text   string         `synapse:"required,hash"`
	Counts map[string]any `synapse:"hash"`
	Person *Person
	Result synapse.Optional[string]
}

// Person is a nested model, of which there is no empty one.
type Person struct {
	Name string `synapse:"required"`
}

func key(t *testing.T, uri string) *wallet.Keypair {
	t.Helper()
	k, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAxonEcho(t *testing.T) {
	t.Parallel()
	p := start(t, nil, "axon", "echo", "--uri", "//Bob", "--listen", "127.0.0.1:0", "--bodies")
	bob := key(t, "//Bob").Address()
	address := p.line(t, &p.stdout, func(line string) (string, bool) { return strings.CutPrefix(line, "axon "+bob+" at http://") })
	listening, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	d, err := dendrite.New(dendrite.Config{Signer: key(t, "//Alice")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	target := synapse.AxonInfo{IP: "127.0.0.1", Port: listening.Port, Hotkey: bob}
	answer, err := dendrite.Call(t.Context(), d, target, &Translate{Text: "it's «é»", Result: synapse.Some("as sent")}, dendrite.Options{Timeout: time.Minute})
	if err != nil || answer.Text != "it's «é»" || answer.Result.Or("") != "as sent" || !answer.IsSuccess() {
		t.Errorf("%+v, %v", answer, err)
	}
	target.Hotkey = key(t, "//Eve").Address()
	answer, err = dendrite.Call(t.Context(), d, target, &Translate{Text: "x"}, dendrite.Options{Timeout: time.Minute})
	if err == nil || !answer.FailedVerification() || !strings.Contains(err.Error(), "Signature mismatch") {
		t.Errorf("signed for another: %v", err)
	}
	p.line(t, &p.stdout, func(line string) (string, bool) {
		return "", strings.Contains(line, `200 "Success"  "Translate" from "`+d.Hotkey()+`"`)
	})
	p.signal(t, os.Interrupt)
	if code := p.wait(t); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestDendriteCall(t *testing.T) {
	t.Parallel()
	bob := key(t, "//Bob")
	a, err := axon.New(axon.Config{Signer: bob, Verifier: wallet.Sr25519})
	if err != nil {
		t.Fatal(err)
	}
	err = axon.Attach(a, func(_ context.Context, m *Translate) error {
		m.Result = synapse.Some(strings.ToUpper(m.Text))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.StartOn(listener); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.WithoutCancel(t.Context())) })
	address := listener.Addr().String()

	root := t.TempDir()
	if err := (wallet.Wallet{Root: root, Name: "w"}).WriteHotkey("h", key(t, "//Alice"), wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(append([]string{"dendrite", "call", address, "--timeout", "1m"}, args...), process{stdout: &out, stderr: &out})
		return code, out.String()
	}
	to := []string{"--path", root, "--wallet", "w", "--hotkey", "h", "--axon-hotkey", bob.Address()}
	// The axon checks that the body hash is the one of its own class.
	translate := append(to, "--message", "Translate", "--field", `text="it's é, \"you\""`, "--field", `counts={"a": [1, 1.0, null]}`, "--hash", "text,counts")
	if code, out := call(translate...); code != exitOK || !strings.Contains(out, `"result": "IT'S É, \"YOU\""`) {
		t.Errorf("%d %s", code, out)
	}
	if code, out := call(append(translate, "--field", `person={"name": "Bob"}`)...); code != exitOK || !strings.Contains(out, `"name": "Bob"`) {
		t.Errorf("a nested model: %d %s", code, out)
	}
	if code, out := call(to...); code != exitOK || !strings.Contains(out, "bt_header_axon_status_message: Success") {
		t.Errorf("a ping: %d %s", code, out)
	}
	if code, out := call(translate[:len(translate)-2]...); code != exitFailure || !strings.Contains(out, "Hash mismatch") {
		t.Errorf("without hash fields: %d %s", code, out)
	}
	if code, out := call("--uri", "//Eve", "--axon-hotkey", key(t, "//Eve").Address()); code != exitFailure || !strings.Contains(out, "401") {
		t.Errorf("for another axon: %d %s", code, out)
	}
	for name, args := range map[string][]string{
		"no hotkey of the axon": {"--uri", "//Alice"},
		"no JSON":               append(to, "--field", "text=hello"),
		"no such field":         append(to, "--hash", "text"),
		"no class":              append(to, "--message", "a/b"),
		"no time":               append(to, "--timeout", "0s"),
		"no key":                {"--uri", "//", "--axon-hotkey", bob.Address(), "--uri", "nonsense"},
	} {
		if code, out := call(args...); code != exitUsage {
			t.Errorf("%s: %d %s", name, code, out)
		}
	}
}
