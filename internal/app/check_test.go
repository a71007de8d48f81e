package app

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/wallet"
)

// writeHotkey puts the key of a secret URI where identity sn1 of the tests' environment looks for it.
func writeHotkey(t *testing.T, uri string, options wallet.WriteOptions) (root string) {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	root = t.TempDir()
	if err := (wallet.Wallet{Root: root, Name: "dev"}).WriteHotkey("hot", key, options); err != nil {
		t.Fatal(err)
	}
	return root
}

// checkEnvironment is that of a service in which everything is well.
func checkEnvironment(t *testing.T, chain *devchain.Chain, more ...string) []string {
	t.Helper()
	return environment(chain.URL(), append([]string{
		"PYLON_EVM_RPC_URL=" + chain.HTTPURL(), "PYLON_EVM_ARCHIVE_RPC_URL=" + chain.HTTPURL(),
		"PYLON_BITTENSOR_WALLET_PATH=" + writeHotkey(t, "//Alice", wallet.WriteOptions{}),
		"PYLON_DATABASE_PATH=" + filepath.Join(t.TempDir(), "pylon.db"),
		"PYLON_BLOCK_DURATION_SECONDS=1e6", // the chain of the tests makes no blocks by itself
	}, more...)...)
}

func smallSubtensor(t *testing.T) *devchain.Subtensor {
	t.Helper()
	small, err := devchain.NewSubtensor(devchain.SubtensorConfig{Subnets: devchain.DefaultSubnets()[1:]})
	if err != nil {
		t.Fatal(err)
	}
	return small
}

func check(t *testing.T, environ []string, timeout time.Duration) *Report {
	t.Helper()
	return Check(t.Context(), environ, t.TempDir(), CheckOptions{Timeout: timeout})
}

const patient = 30 * time.Second

// verdicts writes a report down as "check subject: verdict".
func verdicts(r *Report) map[string]Verdict {
	all := make(map[string]Verdict)
	for _, f := range r.Findings {
		all[f.Check+" "+f.Subject] = f.Verdict
	}
	return all
}

func TestCheckOfAServiceThatIsWell(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	environ := checkEnvironment(t, chain)
	report := check(t, environ, patient)
	if report.Verdict != VerdictOK {
		t.Errorf("the verdict is %s", report.Verdict)
	}
	settings := mustLoad(t, environ...)
	want := map[string]Verdict{
		"settings all": VerdictOK, "database " + settings.DatabasePath: VerdictOK, "wallet sn1": VerdictOK,
		"node main+archive " + chain.URL(): VerdictOK, "chain genesis": VerdictOK, "history " + chain.URL(): VerdictOK,
		"evm node " + chain.HTTPURL(): VerdictOK, "registration sn1": VerdictOK,
	}
	if diff := cmp.Diff(want, verdicts(report)); diff != "" {
		t.Errorf("(-want +got):\n%s\n%+v", diff, report.Findings)
	}
	for _, part := range []string{"uid 0 on subnet 1, validator permit", chain.Genesis().Hash.String(), "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY, sr25519"} {
		if text, _ := json.Marshal(report); !strings.Contains(string(text), part) {
			t.Errorf("the report does not say %q: %s", part, text)
		}
	}
	if entries, _ := os.ReadDir(filepath.Dir(settings.DatabasePath)); len(entries) > 0 {
		t.Errorf("the check has left %v", entries)
	}
}

// Each thing that can be wrong is found, is what the report says, and keeps nothing else from being looked at.
func TestCheckFindsEachFailure(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	other := newDevchainOf(t, devchain.Config{Runtime: smallSubtensor(t)})
	late := newDevchainOf(t, devchain.Config{GenesisTime: time.Now().Add(-time.Hour)})
	pruned, err := chain.AddNode(devchain.NodeConfig{KeepStates: 5})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("testdata/alice.nacl")
	if err != nil {
		t.Fatal(err)
	}
	encrypted := writeHotkey(t, "//Alice", wallet.WriteOptions{})
	if err := os.WriteFile(filepath.Join(encrypted, "dev", "hotkeys", "hot"), content, 0o600); err != nil {
		t.Fatal(err)
	}
	exposed := writeHotkey(t, "//Alice", wallet.WriteOptions{})
	if err := os.Chmod(filepath.Join(exposed, "dev", "hotkeys", "hot"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken := writeHotkey(t, "//Alice", wallet.WriteOptions{})
	if err := os.WriteFile(filepath.Join(broken, "dev", "hotkeys", "hot"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	nowhere := filepath.Join(t.TempDir(), "missing", "pylon.db")

	for name, test := range map[string]struct {
		set     []string
		finding string
		verdict Verdict
		says    string
	}{
		"node down": {
			[]string{"PYLON_BITTENSOR_ARCHIVE_NETWORK=ws://127.0.0.1:1"}, "node archive ws://127.0.0.1:1", VerdictFailed, "connection refused",
		},
		"one of several nodes down": {
			[]string{"PYLON_BITTENSOR_NETWORK=" + chain.URL() + ",ws://127.0.0.1:1"}, "node main ws://127.0.0.1:1", VerdictFailed, "connection refused",
		},
		"all main nodes down": {
			[]string{"PYLON_BITTENSOR_NETWORK=ws://127.0.0.1:1"}, "registration sn1", VerdictSkipped, "no main node answers",
		},
		"another chain": {
			[]string{"PYLON_BITTENSOR_ARCHIVE_NETWORK=" + other.URL()}, "chain genesis", VerdictFailed, other.Genesis().Hash.String(),
		},
		"late head": {
			[]string{"PYLON_BITTENSOR_NETWORK=" + late.URL(), "PYLON_BITTENSOR_ARCHIVE_NETWORK=" + late.URL(), "PYLON_BLOCK_DURATION_SECONDS=12"},
			"node main+archive " + late.URL(), VerdictWarning, "old, the node is behind",
		},
		"pruned archive": {
			[]string{"PYLON_BITTENSOR_ARCHIVE_NETWORK=" + pruned.URL()}, "history " + pruned.URL(), VerdictWarning, "no archive node",
		},
		"evm node refuses": {
			[]string{"PYLON_EVM_RPC_URL=http://127.0.0.1:1"}, "evm node http://127.0.0.1:1", VerdictWarning, "EVM logs can not be read",
		},
		"folder of the database": {
			[]string{"PYLON_DATABASE_PATH=" + nowhere}, "database " + nowhere, VerdictFailed, "no such file",
		},
		"database server refuses": {
			[]string{"PYLON_DATABASE_URL=postgres://user:canary@127.0.0.1:1/pylon"}, "database PYLON_DATABASE_URL", VerdictFailed, "cannot be used",
		},
		"no wallet": {
			[]string{"PYLON_ID_SN1_HOTKEY_NAME=cold"}, "wallet sn1", VerdictFailed, "there is no key file for wallet dev, hotkey cold",
		},
		"registration of nobody": {
			[]string{"PYLON_ID_SN1_HOTKEY_NAME=cold"}, "registration sn1", VerdictSkipped, "is not known",
		},
		"encrypted wallet": {
			[]string{"PYLON_BITTENSOR_WALLET_PATH=" + encrypted}, "wallet sn1", VerdictFailed, "BT_PW_",
		},
		"exposed wallet": {
			[]string{"PYLON_BITTENSOR_WALLET_PATH=" + exposed}, "wallet sn1", VerdictWarning, "0600",
		},
		"broken wallet": {
			[]string{"PYLON_BITTENSOR_WALLET_PATH=" + broken}, "wallet sn1", VerdictFailed, "cannot sign",
		},
		"not registered": {
			[]string{"PYLON_BITTENSOR_WALLET_PATH=" + writeHotkey(t, "//Nobody", wallet.WriteOptions{})}, "registration sn1", VerdictFailed, "is not registered on subnet 1",
		},
		"no permit": {
			[]string{"PYLON_BITTENSOR_WALLET_PATH=" + writeHotkey(t, "//Miner0", wallet.WriteOptions{})}, "registration sn1", VerdictWarning, "without a validator permit",
		},
		"no subnet": {
			[]string{"PYLON_ID_SN1_NETUID=99"}, "registration sn1", VerdictFailed, "there is no subnet 99",
		},
		"typing mistake": {
			[]string{"PYLON_OPEN_ACESS_TOKEN=x"}, "settings ignored", VerdictWarning, "PYLON_OPEN_ACESS_TOKEN",
		},
		"weak token": {
			[]string{"PYLON_ID_SN1_TOKEN=short"}, "settings warning", VerdictWarning, "can be guessed",
		},
		"settings": {
			[]string{"PYLON_UVICORN_PORT=many"}, "settings PYLON_UVICORN_PORT", VerdictFailed, "an integer from 0 to 65535",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			timeout := patient
			if strings.Contains(name, "down") {
				timeout = 500 * time.Millisecond // what is down stays down
			}
			report := check(t, checkEnvironment(t, chain, test.set...), timeout)
			found := false
			for _, f := range report.Findings {
				if f.Check+" "+f.Subject == test.finding {
					found = true
					if f.Verdict != test.verdict || strings.Contains(f.Detail, "canary") || !strings.Contains(f.Detail, test.says) {
						t.Errorf("%+v", f)
					}
				}
			}
			if !found {
				t.Errorf("no finding %q in %+v", test.finding, report.Findings)
			}
			if test.verdict != VerdictSkipped && report.Verdict != test.verdict {
				t.Errorf("the verdict of the report is %s: %+v", report.Verdict, report.Findings)
			}
		})
	}
}

// A node that accepts everything and never answers costs the time of a check and no more.
func TestCheckIsBounded(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	chain.Hook("chain_getBlockHash", devchain.Silence())
	began := time.Now()
	report := check(t, checkEnvironment(t, chain), 300*time.Millisecond)
	if took := time.Since(began); took > patient {
		t.Errorf("it took %v", took)
	}
	if got := verdicts(report)["node main+archive "+chain.URL()]; got != VerdictFailed {
		t.Errorf("the node is %s: %+v", got, report.Findings)
	}

	ended, end := context.WithCancel(t.Context())
	end()
	report = Check(ended, checkEnvironment(t, chain), t.TempDir(), CheckOptions{Timeout: time.Hour})
	if report.Verdict != VerdictFailed {
		t.Errorf("after the end of its context: %+v", report.Findings)
	}
}

func TestReportsShowNoSecrets(t *testing.T) {
	t.Parallel()
	chain := newDevchain(t)
	host := strings.TrimPrefix(chain.URL(), "ws://")
	environ := checkEnvironment(
		t, chain, "PYLON_BITTENSOR_NETWORK=ws://canary1:canary2@"+host+"/canary3?canary4,ws://canary5@127.0.0.1:1/canary6",
		"PYLON_EVM_RPC_URL=http://canary7@127.0.0.1:1/canary8", "PYLON_ID_SN1_TOKEN=canary9",
	)
	_, effective, err := LoadAndShow(environ, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%+v %+v", check(t, environ, 500*time.Millisecond), effective)
	if at := strings.Index(text, "canary"); at >= 0 {
		t.Errorf("…%s", text[max(0, at-100):min(len(text), at+100)])
	}
}

func TestEffectiveSettings(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, "token", "a-token-of-many-letters\n")
	writeFile(t, folder, ".env", "PYLON_UVICORN_PORT=81\nPYLON_UVICORN_HOST=10.0.0.1\nPYLON_METRICS_TOKEN_FILE=token\nPYLON_RECENT_OBJECTS_NETUIDS=[4,5]\n")
	settings, list, err := LoadAndShow(identity("PYLON_UVICORN_PORT=82", "PYLON_DEBUG=yes", "PYLON_BITTENSOR_NETWORK=finney"), folder)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, e := range list {
		got[e.Name] = e.Value + " from " + e.Source
	}
	for name, want := range map[string]string{
		"PYLON_UVICORN_PORT":             "82 from environment",
		"PYLON_UVICORN_HOST":             "10.0.0.1 from file",
		"PYLON_METRICS_TOKEN":            "[set] from secret file",
		"PYLON_OPEN_ACCESS_TOKEN":        " from default",
		"PYLON_ID_SN1_TOKEN":             "[set] from environment",
		"PYLON_ID_SN1_NETUID":            "12 from environment",
		"PYLON_IDENTITIES":               `["sn1"] from environment`,
		"PYLON_RECENT_OBJECTS_NETUIDS":   "[4,5] from file",
		"PYLON_LOG_LEVEL":                "debug from default", // follows from PYLON_DEBUG
		"PYLON_SHUTDOWN_TIMEOUT_SECONDS": "8 from default",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	// What is shown, secrets aside, is what was read: reading it again gives the same.
	var again []string
	for _, e := range list {
		if e.Value != "[set]" {
			again = append(again, e.Name+"="+e.Value)
		}
	}
	again = append(again, "PYLON_METRICS_TOKEN=a-token-of-many-letters", "PYLON_ID_SN1_TOKEN=a-long-enough-token")
	second, err := Load(again, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	settings.Warnings, second.Warnings = nil, nil
	if diff := cmp.Diff(settings, second); diff != "" {
		t.Errorf("(-first +second):\n%s", diff)
	}
}
