package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bittensor-pylon/pylon/wallet"
)

// The command says the same to people and to scripts, and its exit code is the verdict.
func TestCheck(t *testing.T) {
	t.Parallel()
	dev := start(t, nil, "dev", "--port", "0", "--chain-port", "0", "--quiet")
	chain := dev.line(t, &dev.stdout, func(line string) (string, bool) {
		fields := strings.Fields(line)
		return fields[len(fields)-1], strings.HasPrefix(line, "ready ")
	})
	alice, err := wallet.FromURI("//Alice")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := (wallet.Wallet{Root: folder, Name: "dev"}).WriteHotkey("hot", alice, wallet.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	environ := func(more ...string) []string {
		evm := strings.Replace(chain, "ws", "http", 1)
		return append([]string{
			"PYLON_BITTENSOR_NETWORK=" + chain, "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + chain, "PYLON_EVM_RPC_URL=" + evm, "PYLON_EVM_ARCHIVE_RPC_URL=" + evm,
			"PYLON_BITTENSOR_WALLET_PATH=" + folder, `PYLON_IDENTITIES=["sn1"]`, "PYLON_ID_SN1_WALLET_NAME=dev", "PYLON_ID_SN1_HOTKEY_NAME=hot",
			"PYLON_ID_SN1_NETUID=1", "PYLON_ID_SN1_TOKEN=a-token-of-many-letters",
		}, more...)
	}

	for name, test := range map[string]struct {
		environ []string
		code    int
		verdict string
		says    string
	}{
		"well":           {environ(), exitOK, "ok", "\nOK\n"},
		"with warnings":  {environ("PYLON_TYPO=1"), exitOK, "warning", "\nOK, with 1 warning\n"},
		"failed":         {environ("PYLON_ID_SN1_NETUID=99"), exitFailure, "failed", "\nFAILED: 1 failure, 0 warnings\n"},
		"wrong settings": {environ("PYLON_UVICORN_PORT=x"), exitUsage, "failed", "FAILED   settings  PYLON_UVICORN_PORT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			table := start(t, test.environ, "check", "--timeout", "30s")
			if code := table.wait(t); code != test.code {
				t.Errorf("exit code %d", code)
			}
			if text := table.stdout.String(); !strings.Contains(text, test.says) || !strings.HasPrefix(text, "VERDICT ") {
				t.Errorf("the table does not say %q", test.says)
			}
			object := start(t, test.environ, "check", "-o", "json", "--timeout", "30s")
			if code := object.wait(t); code != test.code {
				t.Errorf("exit code %d", code)
			}
			var report struct {
				Verdict  string
				Findings []struct{ Check, Subject, Verdict, Detail string }
			}
			if err := json.Unmarshal([]byte(object.stdout.String()), &report); err != nil || report.Verdict != test.verdict || len(report.Findings) == 0 {
				t.Errorf("%v: %+v", err, report)
			}
		})
	}

	t.Run("settings", func(t *testing.T) {
		t.Parallel()
		dump := start(t, environ("PYLON_METRICS_TOKEN=canary-of-many-letters"), "check", "--settings")
		if code := dump.wait(t); code != exitOK {
			t.Errorf("exit code %d", code)
		}
		text := dump.stdout.String()
		for _, line := range []string{"# Identity sn1", "PYLON_ID_SN1_TOKEN", "[set]"} {
			if !strings.Contains(text, line) {
				t.Errorf("no %q in the settings", line)
			}
		}
		if strings.Contains(text, "canary") || strings.Contains(text, "a-token-of") {
			t.Error("a token is shown")
		}
	})
	t.Run("usage", func(t *testing.T) {
		t.Parallel()
		if code := start(t, nil, "check", "--timeout", "0s").wait(t); code != exitUsage {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("dotenv", func(t *testing.T) {
		t.Parallel()
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, ".env"), []byte("PYLON_UVICORN_PORT=81\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		dump := startIn(t, folder, nil, "check", "--settings", "-o", "json")
		if code := dump.wait(t); code != exitOK || !strings.Contains(dump.stdout.String(), `"value": "81",`) {
			t.Errorf("exit code %d", code)
		}
	})
}
