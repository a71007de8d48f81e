package app

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
)

// One row per bad value: the error names the variable and says what it must be.
func TestBadValuesAreNamed(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ name, value, reason string }{
		{"PYLON_BITTENSOR_NETWORK", "finny", `cannot be used: "finny" is neither one of the names archive, finney,`},
		{"PYLON_BITTENSOR_NETWORK", "http://node", `cannot be used: "http://node": heads come by WebSocket: use ws://node`},
		{"PYLON_BITTENSOR_NETWORK", "ws://", `cannot be used: "ws://" is neither`},
		{"PYLON_BITTENSOR_NETWORK", "ws://good,wss://user:pa/ss@bad:port", `cannot be used: "wss://bad:port" is neither`},
		{"PYLON_BITTENSOR_NETWORK", ",,", "names no node"},
		{"PYLON_BITTENSOR_NETWORK", "test,finney", `cannot be used: wss://entrypoint-finney.opentensor.ai:443 has the genesis`},
		{"PYLON_BITTENSOR_NETWORK", "ws://a,ws://a", `cannot be used: ws://a is named twice`},
		{"PYLON_BITTENSOR_ARCHIVE_NETWORK", "archiv", `cannot be used: "archiv" is neither`},
		{"PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF", "-1", `must be an integer from 0 to 2147483647, not "-1"`},
		{"PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF", "many", "must be an integer"},
		{"PYLON_BITTENSOR_WALLET_PATH", "", ""},
		{"PYLON_IDENTITIES", "sn1", `must be a JSON list, such as ["sn1","sn2"]`},
		{"PYLON_IDENTITIES", "['sn1', 'sn2']", "must be a JSON list"},
		{"PYLON_IDENTITIES", `{"sn1": 1}`, "must be a JSON list"},
		{"PYLON_IDENTITIES", `["sn1"] ["sn2"]`, "must be a JSON list"},
		{"PYLON_IDENTITIES", `[1]`, "must be a list of names"},
		{"PYLON_IDENTITIES", `[null]`, "must be a list of names"},
		{"PYLON_IDENTITIES", `["a/b"]`, `has the name "a/b" in it, which the path of an URL cannot hold as it is`},
		{"PYLON_IDENTITIES", `[""]`, `has the name ""`},
		{"PYLON_IDENTITIES", `[".."]`, `has the name ".."`},
		{"PYLON_OPEN_ACCESS_TOKEN", "two words", "has white space or control characters in it"},
		{"PYLON_METRICS_TOKEN", "line\n", "has white space or control characters in it"},
		{"PYLON_BLOCK_DURATION_SECONDS", "0", `must be a number of seconds above 0, not "0"`},
		{"PYLON_BLOCK_DURATION_SECONDS", "-12", "must be a number of seconds above 0"},
		{"PYLON_BLOCK_DURATION_SECONDS", "nan", "must be a number of seconds above 0"},
		{"PYLON_BLOCK_DURATION_SECONDS", "1e300", "must be a number of seconds above 0"},
		{"PYLON_DEFAULT_REQUEST_TIMEOUT_SECONDS", "inf", "must be a number of seconds above 0"},
		{"PYLON_MAX_REQUEST_TIMEOUT_SECONDS", "5m", "must be a number of seconds above 0"},
		{"PYLON_SHUTDOWN_TIMEOUT_SECONDS", "0", "must be a number of seconds above 0"},
		{"PYLON_WEIGHTS_RETRY_ATTEMPTS", "1.5", "must be an integer"},
		{"PYLON_WEIGHTS_RETRY_DELAY_SECONDS", "-1", "must be an integer number of seconds"},
		{"PYLON_COMMITMENT_RETRY_ATTEMPTS", "99999999999999999999", "must be an integer"},
		{"PYLON_COMMITMENT_RETRY_DELAY_SECONDS", "99999999999", "must be an integer number of seconds"},
		{"PYLON_DEBUG", "maybe", `must be true or false, not "maybe"`},
		{"PYLON_LEGACY_LOGIN", "2", "must be true or false"},
		{"PYLON_EVM_RPC_URL", "ws://node", "must be an http:// or https:// address"},
		{"PYLON_EVM_ARCHIVE_RPC_URL", "node", "must be an http:// or https:// address"},
		{"PYLON_EVM_ARCHIVE_BLOCKS_CUTOFF", "x", "must be an integer"},
		{"PYLON_UVICORN_HOST", "0.0.0.0:8000", `must be an address or a host name without a port, such as 0.0.0.0 or ::, not "0.0.0.0:8000"`},
		{"PYLON_UVICORN_HOST", "http://localhost", "without a port"},
		{"PYLON_UVICORN_HOST", "[::1]:80", "without a port"},
		{"PYLON_UVICORN_PORT", "65536", "must be an integer from 0 to 65535"},
		{"PYLON_UVICORN_PORT", "tcp://10.0.0.1:8000", "must be an integer from 0 to 65535"},
		{"PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS", "-1", "must be an integer"},
		{"PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS", "1e3", "must be an integer"},
		{"PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS", "99", "is below PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS"},
		{"PYLON_RECENT_OBJECTS_REFRESH_LEAD_BLOCKS", "ten", "must be an integer"},
		{"PYLON_RECENT_OBJECTS_NETUIDS", "12", "must be a JSON list, such as [12, 89]"},
		{"PYLON_RECENT_OBJECTS_NETUIDS", "[65536]", "an entry must be an integer from 0 to 65535"},
		{"PYLON_RECENT_OBJECTS_NETUIDS", "[null]", "an entry must be an integer"},
		{"PYLON_LOG_LEVEL", "loud", `must be one of debug, info, warn, error, not "loud"`},
		{"PYLON_LOG_FORMAT", "xml", "must be one of json, text"},
		{"PROMETHEUS_DISABLE_CREATED_SERIES", "x", "must be true or false"},
		{"PYLON_DATABASE_PATH", "", ""},
	} {
		t.Run(row.name+"="+row.value, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, row.name+"="+row.value)
			if row.reason == "" {
				if err != nil {
					t.Fatalf("an empty value is refused: %v", err)
				}
				return
			}
			var wrong *SettingsError
			if !errors.As(err, &wrong) {
				t.Fatalf("got the error %v", err)
			}
			if len(wrong.Problems) != 1 || wrong.Problems[0].Name != row.name || !strings.Contains(wrong.Problems[0].Reason, row.reason) {
				t.Errorf("got %q, want one problem of %s: %s", err, row.name, row.reason)
			}
		})
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"::": "::", "[::1]": "::1", " localhost ": "localhost", "0.0.0.0": "0.0.0.0", "fe80::1%eth0": "fe80::1%eth0"} {
		if got := mustLoad(t, "PYLON_UVICORN_HOST="+text).Host; got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Every number, list, switch and address may be empty: sample files of the Python service show some that way.
func TestEmptyIsUnset(t *testing.T) {
	t.Parallel()
	var s Settings
	var identities []string
	var environ []string
	for _, section := range s.table(&identities) {
		for _, r := range section.rows {
			if r.name != "PYLON_ENVIRONMENT" { // a text, which may be empty
				environ = append(environ, r.name+"=")
			}
		}
	}
	if diff := cmp.Diff(Defaults(), mustLoad(t, environ...)); diff != "" {
		t.Errorf("(-default +empty):\n%s", diff)
	}
	if s := mustLoad(t, "PYLON_ENVIRONMENT="); s.Environment != "" {
		t.Errorf("an empty text became %q", s.Environment)
	}
}

// The vectors hold what pydantic, which reads the settings of the Python service, makes of some texts.
func TestNumbersAreReadAsPythonReadsThem(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Int   map[string]*int64
		Float map[string]*float64
		Bool  map[string]*bool
	}
	if err := json.Unmarshal(raw, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Int) < 40 || len(vectors.Float) < 40 || len(vectors.Bool) < 40 {
		t.Fatal("vectors are missing")
	}
	for text, want := range vectors.Int {
		if got, ok := parseInteger(text); ok != (want != nil) || ok && got != *want {
			t.Errorf("integer %q: got %v %v, Python reads %v", text, got, ok, want)
		}
	}
	for text, want := range vectors.Float {
		if got, ok := parseFloat(text); ok != (want != nil) || ok && got != *want {
			t.Errorf("float %q: got %v %v, Python reads %v", text, got, ok, want)
		}
	}
	for text, want := range vectors.Bool {
		var got bool
		if err := boolean(&got).read(strings.TrimSpace(text)); text == strings.TrimSpace(text) && ((err == nil) != (want != nil) || err == nil && got != *want) {
			t.Errorf("bool %q: got %v %v, Python reads %v", text, got, err, want)
		}
	}
}

func TestListsAndPaths(t *testing.T) {
	home := t.TempDir()
	t.Setenv("HOME", home)
	s := mustLoad(t,
		"PYLON_BITTENSOR_NETWORK= wss://a.example:443/key?x=y , local,", "PYLON_BITTENSOR_ARCHIVE_NETWORK=archive",
		"PYLON_RECENT_OBJECTS_NETUIDS= [12, \"89\", 12.0, 0] ", "PYLON_BITTENSOR_WALLET_PATH=~/wallets", "PYLON_DATABASE_PATH=~",
	)
	if diff := cmp.Diff([]Address{"wss://a.example:443/key?x=y", "local"}, s.Network); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]pylon.Netuid{12, 89, 0}, s.RecentNetuids); diff != "" {
		t.Error(diff)
	}
	if s.WalletPath != filepath.Join(home, "wallets") || s.DatabasePath != home {
		t.Errorf("paths %s and %s", s.WalletPath, s.DatabasePath)
	}
}
