package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/wallet"
)

// runWallet runs `pylon wallet …` in this process.
func runWallet(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"wallet"}, args...), process{environ: environ, stdout: &out, stderr: &errs})
	return code, out.String(), errs.String()
}

// mustRunWallet is runWallet for a command that must do its work.
func mustRunWallet(t *testing.T, environ []string, args ...string) string {
	t.Helper()
	code, stdout, stderr := runWallet(t, environ, args...)
	if code != exitOK {
		t.Fatalf("%v: exit code %d: %s", args, code, stderr)
	}
	return stdout
}

const aliceAddress = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

func TestWalletNewListShow(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "wallets")
	environ := []string{"PYLON_BITTENSOR_WALLET_PATH=" + root}
	text := mustRunWallet(t, environ, "new", "dev", "--hotkey-uri", "//Alice")
	if !strings.Contains(text, aliceAddress) {
		t.Errorf("new prints\n%s", text)
	}
	w := wallet.Wallet{Root: root, Name: "dev"}
	hotkey, err := w.Hotkey("")
	if err != nil || hotkey.Address() != aliceAddress {
		t.Fatalf("%v, %v", hotkey, err)
	}
	coldkey, err := w.Coldkey()
	if err != nil || len(strings.Fields(coldkey.Mnemonic().Reveal())) != 12 {
		t.Fatalf("%v, %v", coldkey, err)
	}

	// Another hotkey keeps the coldkey.
	text += mustRunWallet(t, nil, "new", "dev", "--path", root, "--hotkey", "second", "--scheme", "ed25519", "--words", "24")
	again, err := w.Coldkey()
	if err != nil || again.Address() != coldkey.Address() {
		t.Fatalf("%v, %v", again, err)
	}
	second, err := w.Hotkey("second")
	if err != nil || second.Scheme() != wallet.Ed25519 || len(strings.Fields(second.Mnemonic().Reveal())) != 24 {
		t.Fatalf("%v, %v", second, err)
	}

	listed := mustRunWallet(t, environ, "list", "--json")
	var reports []walletReport
	if err := json.Unmarshal([]byte(listed), &reports); err != nil {
		t.Fatal(err)
	}
	if len(reports) != 1 || reports[0].Name != "dev" || reports[0].Coldkey.Address != coldkey.Address() || len(reports[0].Hotkeys) != 2 {
		t.Fatalf("%+v", reports)
	}
	want := keyReport{
		Name: "default", Address: aliceAddress, Scheme: "sr25519", Format: "plain",
		PublicKey: "0xd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d",
		File:      filepath.Join(root, "dev", "hotkeys", "default"),
	}
	if got := reports[0].Hotkeys[0]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := reports[0].Hotkeys[1]; got.Name != "second" || got.Address != second.Address() || got.Scheme != "ed25519" {
		t.Errorf("%+v", got)
	}
	text += listed + mustRunWallet(t, environ, "list") + mustRunWallet(t, environ, "show", "dev") + mustRunWallet(t, environ, "show", "dev", "--json", "--open")

	// Nothing that was printed is a secret of one of the files.
	for _, key := range []*wallet.Keypair{hotkey, coldkey, second} {
		var fields map[string]any
		if err := json.Unmarshal(wallet.EncodeKey(key), &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"secretPhrase", "secretSeed", "privateKey"} {
			if secret, ok := fields[name].(string); ok && strings.Contains(text, strings.TrimPrefix(secret, "0x")[:20]) {
				t.Errorf("the %s of %v is printed", name, key)
			}
		}
	}
}

func TestWalletNewKeepsKeys(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	w := wallet.Wallet{Root: root, Name: "default"}
	mustRunWallet(t, nil, "new", "--path", root, "--hotkey-uri", "//Alice", "--coldkey-uri", "//Alice")
	for _, args := range [][]string{
		{"--hotkey-uri", "//Bob"},
		{"--hotkey-uri", "//Bob", "--coldkey-uri", "//Bob"},
		{"--hotkey", "other", "--hotkey-uri", "//Bob", "--coldkey-uri", "//Bob"},
	} {
		code, _, stderr := runWallet(t, nil, append([]string{"new", "--path", root}, args...)...)
		if code != exitFailure || !strings.Contains(stderr, "--overwrite") {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
	}
	if names, err := w.Hotkeys(); err != nil || len(names) != 1 {
		t.Errorf("a refused command wrote: %v, %v", names, err)
	}
	addresses := func() (cold, hot string) {
		t.Helper()
		coldkey, err := w.Coldkey()
		if err != nil {
			t.Fatal(err)
		}
		hotkey, err := w.Hotkey("")
		if err != nil {
			t.Fatal(err)
		}
		return coldkey.Address(), hotkey.Address()
	}
	if cold, hot := addresses(); cold != aliceAddress || hot != aliceAddress {
		t.Errorf("%s and %s", cold, hot)
	}
	mustRunWallet(t, nil, "new", "--path", root, "--hotkey-uri", "//Bob", "--overwrite")
	if cold, hot := addresses(); cold != aliceAddress || hot == aliceAddress {
		t.Errorf("%s and %s", cold, hot)
	}
	mustRunWallet(t, nil, "new", "--path", root, "--hotkey-uri", "//Bob", "--coldkey-uri", "//Bob", "--overwrite")
	if cold, hot := addresses(); cold != hot || hot == aliceAddress {
		t.Errorf("%s and %s", cold, hot)
	}
}

// A coldkey is encrypted by what a variable holds, and opened by the variable that Bittensor's tools use.
func TestWalletPasswords(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	mustRunWallet(t, []string{"SECRET=hunter2"}, "new", "dev", "--path", root, "--hotkey-uri", "//Alice", "--password-variable", "SECRET")
	text := mustRunWallet(t, nil, "show", "dev", "--path", root)
	if !strings.Contains(text, "NaCl") || strings.Contains(text, "hunter2") {
		t.Errorf("%s", text)
	}
	code, stdout, stderr := runWallet(t, nil, "show", "dev", "--path", root, "--open")
	if code != exitFailure || !strings.Contains(stdout, wallet.EnvName(root+"/dev/coldkey")) || !strings.Contains(stderr, "1 of the keys") {
		t.Errorf("%d %s %s", code, stdout, stderr)
	}

	// A vault, because its password takes milliseconds and that of NaCl seconds.
	raw, err := os.ReadFile("../../wallet/testdata/files.json")
	if err != nil {
		t.Fatal(err)
	}
	var known struct {
		Vault struct{ Password, File string }
	}
	if err := json.Unmarshal(raw, &known); err != nil {
		t.Fatal(err)
	}
	file := root + "/old/hotkeys/h"
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(known.Vault.File), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := []string{wallet.EnvName(file) + "=" + wallet.EncodeEnvPassword(file, wallet.NewSecret(known.Vault.Password))}
	var report walletReport
	if err := json.Unmarshal([]byte(mustRunWallet(t, environ, "show", "old", "--path", root, "--open", "--json")), &report); err != nil {
		t.Fatal(err)
	}
	if got := report.Hotkeys[0]; got.Address != aliceAddress || got.Error != "" || got.Format != "Ansible Vault" {
		t.Errorf("%+v", got)
	}
}

func TestWalletTrouble(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(path, content string, mode fs.FileMode) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	const seed = `"secretSeed":"0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a"`
	write("mismatch/hotkeys/h", "{"+seed+`,"ss58Address":"5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"}`, 0o600)
	write("exposed/hotkeys/h", "{"+seed+"}", 0o644)
	write("sealed/hotkeys/h", "$NACL"+strings.Repeat("x", 60), 0o600)

	tests := []struct {
		args   []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"show", "mismatch"}, exitFailure, "does not match", "1 of the keys"},
		{[]string{"show", "exposed"}, exitOK, "others than the owner", ""},
		{[]string{"show", "exposed"}, exitOK, "not on this machine", ""},
		{[]string{"show", "sealed"}, exitOK, "encrypted, and there is no public file", ""},
		{[]string{"show", "none"}, exitFailure, "no such file", "cannot be used"},
		{[]string{"show", ".."}, exitFailure, "", "not the name of a wallet"},
		{[]string{"list"}, exitOK, "does not match", ""},
		{[]string{"list", "--path", filepath.Join(root, "none")}, exitFailure, "", "no such file"},
		{[]string{"new", "--hotkey", "../x"}, exitFailure, "", "not the name of a hotkey"},
		{[]string{"new", "--hotkey-uri", "hunter2 hunter2"}, exitUsage, "", "--hotkey-uri"},
		{[]string{"new", "--coldkey-uri", "//Alice/soft", "--scheme", "ed25519"}, exitUsage, "", "no soft derivation"},
		{[]string{"new", "--words", "13"}, exitUsage, "", "--words"},
		{[]string{"new", "--scheme", "ecdsa"}, exitUsage, "", "scheme"},
		{[]string{"new", "--encrypt-hotkey"}, exitUsage, "", "--password-variable"},
		{[]string{"new", "--password-variable", "NOT_SET"}, exitUsage, "", "NOT_SET"},
	}
	for _, tt := range tests {
		args := tt.args
		if !strings.Contains(strings.Join(args, " "), "--path") {
			args = append(args, "--path", root)
		}
		code, stdout, stderr := runWallet(t, nil, args...)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%v: %d\n%s\n%s", tt.args, code, stdout, stderr)
		}
		if strings.Contains(stdout+stderr, "hunter2") || strings.Contains(stdout+stderr, "e5be9a50") {
			t.Errorf("%v shows a secret:\n%s\n%s", tt.args, stdout, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(root, "default")); err == nil {
		t.Error("a refused command made a folder")
	}
}
