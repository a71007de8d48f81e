package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// load reads settings from an empty folder and the given environment.
func load(t *testing.T, environ ...string) (*Settings, error) {
	t.Helper()
	return Load(environ, t.TempDir())
}

func mustLoad(t *testing.T, environ ...string) *Settings {
	t.Helper()
	s, err := load(t, environ...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeFile(t *testing.T, folder, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// identity is the environment of one identity, sn1.
func identity(more ...string) []string {
	return append([]string{
		`PYLON_IDENTITIES=["sn1"]`,
		"PYLON_ID_SN1_WALLET_NAME=default", "PYLON_ID_SN1_HOTKEY_NAME=hot", "PYLON_ID_SN1_NETUID=12", "PYLON_ID_SN1_TOKEN=a-long-enough-token",
	}, more...)
}

// Statement 99 of the checklist.
func TestConformance099EnvironmentBeatsDotenv(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, ".env", "PYLON_TEMPO=1\nPYLON_UVICORN_PORT=1001\npylon_uvicorn_host=10.0.0.1\n")
	writeFile(t, folder, "other.env", "PYLON_UVICORN_PORT=1002\n")

	read := func(environ ...string) *Settings {
		t.Helper()
		s, err := Load(environ, folder)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := read(); s.Port != 1001 || s.Host != "10.0.0.1" {
		t.Errorf("the file gave %s:%d", s.Host, s.Port)
	}
	if s := read("pylon_UVICORN_port=1003"); s.Port != 1003 {
		t.Errorf("the environment lost: %d", s.Port)
	}
	if s := read("PYLON_ENV_FILE=other.env"); s.Port != 1002 || s.Host != "0.0.0.0" {
		t.Errorf("PYLON_ENV_FILE gave %s:%d", s.Host, s.Port)
	}
	if s := read("PYLON_ENV_FILE=" + filepath.Join(folder, "other.env")); s.Port != 1002 {
		t.Errorf("an absolute PYLON_ENV_FILE gave %d", s.Port)
	}
	if s := read("PYLON_ENV_FILE=missing.env"); s.Port != 8000 || len(s.Warnings) != 1 {
		t.Errorf("a missing PYLON_ENV_FILE gave %d, warnings %q", s.Port, s.Warnings)
	}
	// An empty value of the environment still beats the file, and then counts as unset.
	if s := read("PYLON_UVICORN_PORT="); s.Port != 8000 {
		t.Errorf("an empty value gave %d", s.Port)
	}
	if s := read("pylon_uvicorn_port=1", "PYLON_UVICORN_PORT=2", "Pylon_Uvicorn_Port=3"); s.Port != 2 {
		t.Errorf("of three spellings %d won", s.Port)
	}
}

// Statement 99, the file of the identities.
func TestConformance099IdentitiesMayHaveAFileOfTheirOwn(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, ".env", strings.Join(identity(), "\n"))
	writeFile(t, folder, "id.env", "PYLON_ID_SN1_WALLET_NAME=w\nPYLON_ID_SN1_HOTKEY_NAME=h\nPYLON_ID_SN1_NETUID=99\nPYLON_ID_SN1_TOKEN=from-the-identity-file\nPYLON_UVICORN_PORT=1\n")

	s, err := Load(nil, folder)
	if err != nil || len(s.Identities) != 1 || s.Identities[0].Netuid != 12 {
		t.Fatalf("from the one file: %+v, %v", s, err)
	}
	s, err = Load([]string{"PYLON_ID_ENV_FILE=id.env"}, folder)
	if err != nil {
		t.Fatal(err)
	}
	want := []Identity{{Name: "sn1", WalletName: "w", HotkeyName: "h", Netuid: 99, Token: "from-the-identity-file"}}
	if diff := cmp.Diff(want, s.Identities); diff != "" || s.Port != 8000 {
		t.Errorf("from the second file, port %d (-want +got):\n%s", s.Port, diff)
	}
	s, err = Load([]string{"PYLON_ID_ENV_FILE=id.env", "PYLON_ID_SN1_NETUID=7"}, folder)
	if err != nil || s.Identities[0].Netuid != 7 {
		t.Errorf("the environment lost: %+v, %v", s, err)
	}
	// The file of the identities replaces the other one for them, it does not complete it.
	_, err = Load([]string{"PYLON_ID_ENV_FILE=missing.env"}, folder)
	if err == nil || !strings.Contains(err.Error(), "PYLON_ID_SN1_TOKEN is required") {
		t.Errorf("got the error %v", err)
	}
}

// Statements 100 and 101: see also TestBadValuesAreNamed.
func TestConformance100And101MissingIdentitySettingsAreNamed(t *testing.T) {
	t.Parallel()
	_, err := load(t, `PYLON_IDENTITIES=["sn1", "Sub-2"]`, "PYLON_ID_SN1_NETUID=1", "PYLON_ID_SN1_TOKEN=")
	var wrong *SettingsError
	if !errors.As(err, &wrong) {
		t.Fatal(err)
	}
	var names []string
	for _, p := range wrong.Problems {
		names = append(names, p.Name)
		if p.Reason != "is required and must not be empty" {
			t.Errorf("%s %s", p.Name, p.Reason)
		}
	}
	want := []string{
		"PYLON_ID_SN1_WALLET_NAME", "PYLON_ID_SN1_HOTKEY_NAME", "PYLON_ID_SN1_TOKEN",
		"PYLON_ID_SUB-2_WALLET_NAME", "PYLON_ID_SUB-2_HOTKEY_NAME", "PYLON_ID_SUB-2_NETUID", "PYLON_ID_SUB-2_TOKEN",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = load(t, identity("PYLON_ID_SN1_NETUID=70000")...)
	if err == nil || !strings.HasPrefix(err.Error(), "PYLON_ID_SN1_NETUID must be an integer from 0 to 65535") {
		t.Errorf("got the error %v", err)
	}
	for _, empty := range []string{"WALLET_NAME", "HOTKEY_NAME", "TOKEN"} {
		_, err = load(t, identity("PYLON_ID_SN1_"+empty+"=")...)
		if err == nil || !strings.HasPrefix(err.Error(), "PYLON_ID_SN1_"+empty+" is required") {
			t.Errorf("an empty %s: %v", empty, err)
		}
	}
}

func TestIdentitiesKeepTheirOrderAndSpelling(t *testing.T) {
	t.Parallel()
	environ := []string{`PYLON_IDENTITIES=["zeta", "Alpha", "zeta"]`}
	for i, name := range []string{"ZETA", "ALPHA"} {
		prefix := "PYLON_ID_" + name
		environ = append(environ, prefix+"_WALLET_NAME=w", prefix+"_HOTKEY_NAME=h", fmt.Sprintf("%s_NETUID=%d", prefix, i+1), prefix+"_TOKEN=token-of-"+name+"-long")
	}
	got := mustLoad(t, environ...).Identities
	want := []Identity{
		{Name: "zeta", WalletName: "w", HotkeyName: "h", Netuid: 1, Token: "token-of-ZETA-long"},
		{Name: "Alpha", WalletName: "w", HotkeyName: "h", Netuid: 2, Token: "token-of-ALPHA-long"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Statement 102: the seed's quick start sets one of the pair, to its default.
func TestConformance102SeedEnvStarts(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, ".env", "PYLON_BITTENSOR_NETWORK=finney\n")
	s, err := Load(nil, folder)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) != 1 || !strings.Contains(s.Warnings[0], "PYLON_BITTENSOR_ARCHIVE_NETWORK") {
		t.Errorf("warnings %q", s.Warnings)
	}
}

// Statement 103.
func TestConformance103NetworkPairs(t *testing.T) {
	t.Parallel()
	const main, archive, evm, evmArchive = "PYLON_BITTENSOR_NETWORK", "PYLON_BITTENSOR_ARCHIVE_NETWORK", "PYLON_EVM_RPC_URL", "PYLON_EVM_ARCHIVE_RPC_URL"
	for _, row := range []struct {
		environ  []string
		bad, not string // the variables that the error names, in order
		warnings int
	}{
		{[]string{main + "=test"}, main, archive, 0},
		{[]string{archive + "=ws://10.0.0.1"}, archive, main, 0},
		{[]string{evm + "=http://10.0.0.1"}, evm, evmArchive, 0},
		{[]string{evmArchive + "=http://10.0.0.1"}, evmArchive, evm, 0},
		{[]string{main + "=test", archive + "="}, main, archive, 0},
		{[]string{main + "=test", archive + "=archive"}, "", "", 0},
		{[]string{main + "=finney", archive + "=ws://10.0.0.1"}, "", "", 0},
		{[]string{main + "=finney", archive + "=archive"}, "", "", 0},
		{[]string{archive + "=archive"}, "", "", 1},
		{[]string{evm + "=https://lite.chain.opentensor.ai"}, "", "", 1},
		{[]string{evmArchive + "=https://archive.chain.opentensor.ai"}, "", "", 1},
		{[]string{evm + "=http://a", evmArchive + "=http://b"}, "", "", 0},
	} {
		s, err := load(t, row.environ...)
		switch {
		case row.bad == "" && err != nil:
			t.Errorf("%v: %v", row.environ, err)
		case row.bad == "" && len(s.Warnings) != row.warnings:
			t.Errorf("%v: warnings %q", row.environ, s.Warnings)
		case row.bad != "" && (err == nil || !strings.HasPrefix(err.Error(), row.bad+" was overridden but "+row.not+" was left at its default")):
			t.Errorf("%v: got the error %v", row.environ, err)
		}
	}
}

// Statement 104.
func TestConformance104RecentLimits(t *testing.T) {
	t.Parallel()
	_, err := load(t, "PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=20", "PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS=19")
	if err == nil || !strings.Contains(err.Error(), "hard_limit_blocks must be greater than soft_limit_blocks.") {
		t.Errorf("got the error %v", err)
	}
	if s := mustLoad(t, "PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=20", "PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS=20"); s.RecentSoftLimit != 20 || s.RecentHardLimit != 20 {
		t.Errorf("equal limits gave %d and %d", s.RecentSoftLimit, s.RecentHardLimit)
	}
}

func TestAllProblemsAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, "PYLON_UVICORN_PORT=x", "PYLON_DEBUG=x", "PYLON_BITTENSOR_NETWORK=x", `PYLON_IDENTITIES=["a"]`, "PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=1000")
	want := "8 settings are wrong:\n  PYLON_BITTENSOR_NETWORK cannot be used: "
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "\n") != 8 {
		t.Errorf("got the error %v", err)
	}
}

func TestTokensFromFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, "token", "token-from-a-file\r\n")
	writeFile(t, folder, "large", strings.Repeat("x", 5000))
	writeFile(t, folder, "bad", "two\nlines-of-secret")

	s, err := Load([]string{"PYLON_OPEN_ACCESS_TOKEN=", "PYLON_OPEN_ACCESS_TOKEN_FILE=token", "PYLON_METRICS_TOKEN_FILE=" + filepath.Join(folder, "token")}, folder)
	if err != nil || s.OpenAccessToken != "token-from-a-file" || s.MetricsToken != "token-from-a-file" {
		t.Fatalf("got %q and %q, %v", string(s.OpenAccessToken), string(s.MetricsToken), err)
	}
	environ := identity("PYLON_ID_SN1_TOKEN_FILE=token")
	environ = slices.DeleteFunc(environ, func(entry string) bool { return strings.HasPrefix(entry, "PYLON_ID_SN1_TOKEN=") })
	if s, err = Load(environ, folder); err != nil || s.Identities[0].Token != "token-from-a-file" || len(s.Ignored) != 0 {
		t.Fatalf("identity: %+v, %v", s, err)
	}
	for value, reason := range map[string]string{
		"missing": "PYLON_METRICS_TOKEN_FILE names a file that cannot be read: no such file",
		".":       "PYLON_METRICS_TOKEN_FILE names a file that cannot be read: it is a folder",
		"large":   "PYLON_METRICS_TOKEN_FILE names a file that cannot be read: it has more than 4096 bytes",
		"bad":     "PYLON_METRICS_TOKEN has white space",
	} {
		if _, err := Load([]string{"PYLON_METRICS_TOKEN_FILE=" + value}, folder); err == nil || !strings.HasPrefix(err.Error(), reason) {
			t.Errorf("%s: got the error %v", value, err)
		}
	}
	_, err = Load([]string{"PYLON_METRICS_TOKEN=the-same-long-token", "PYLON_METRICS_TOKEN_FILE=token"}, folder)
	if err == nil || !strings.Contains(err.Error(), "are both set") {
		t.Errorf("both: got the error %v", err)
	}
}

func TestDotenvTroubles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, "latin1", "PYLON_OPEN_ACCESS_TOKEN=caf\xe9")
	writeFile(t, folder, "large", strings.Repeat("# filler\n", 200_000))
	writeFile(t, folder, "messy", "PYLON_UVICORN_PORT=5\n\"secret-on-a-bad-line\" = x\nPYLON_UVICORN_HOST='10.0.0.9'\n")
	for path, reason := range map[string]string{
		"latin1": "PYLON_ENV_FILE (latin1) cannot be read: it is not UTF-8 text",
		"large":  "PYLON_ENV_FILE (large) cannot be read: it has more than 1048576 bytes",
	} {
		if _, err := Load([]string{"PYLON_ENV_FILE=" + path}, folder); err == nil || err.Error() != reason {
			t.Errorf("%s: got the error %v", path, err)
		}
	}
	s, err := Load([]string{"PYLON_ENV_FILE=messy"}, folder)
	if err != nil || s.Port != 5 || s.Host != "10.0.0.9" || len(s.Warnings) != 0 {
		t.Errorf("messy: %+v, %v", s, err)
	}
	if s, err = Load([]string{"PYLON_ENV_FILE=."}, folder); err != nil || len(s.Warnings) != 1 {
		t.Errorf("a folder: %+v, %v", s, err)
	}
}

// Statement 138, and what else looks like ours and is not.
func TestConformance138UnknownNamesAreIgnored(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, "PYLON_CLIENT_ADDRESS=http://x", "PYLON_CLIENT_TIMEOUT={bad json", "PYLON_SENTRY_DSN=", "PYLON_OPEN_ACESS_TOKEN=typo", "PATH=/bin", "PYLON_ID_SN9_TOKEN=x", "PYLON_TEMPO=abc", "pylon_Service_Host=10.0.0.1", "=C:=x", "nonsense")
	if diff := cmp.Diff([]string{"PYLON_ID_SN9_TOKEN", "PYLON_OPEN_ACESS_TOKEN", "PYLON_SERVICE_HOST"}, s.Ignored); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.Ignored = nil
	if diff := cmp.Diff(Defaults(), s); diff != "" {
		t.Errorf("(-default +got):\n%s", diff)
	}
}

// dockerManager is statement 137's environment: everything that the client's docker manager passes, in Python's text
// form.
var dockerManager = []string{
	"PYLON_BITTENSOR_NETWORK=finney", "PYLON_BITTENSOR_ARCHIVE_NETWORK=archive", "PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF=300",
	"PYLON_BITTENSOR_WALLET_PATH=/root/.bittensor/wallets", "PYLON_IDENTITIES=[]", "PYLON_OPEN_ACCESS_TOKEN=", "PYLON_METRICS_TOKEN=",
	"PYLON_DOCKER_IMAGE_NAME=bittensor_pylon", "PYLON_BLOCK_DURATION_SECONDS=12.0", "PYLON_COMMIT_CYCLE_LENGTH=3",
	"PYLON_COMMIT_WINDOW_START_OFFSET=180", "PYLON_COMMIT_WINDOW_END_BUFFER=10", "PYLON_WEIGHTS_RETRY_ATTEMPTS=200",
	"PYLON_WEIGHTS_RETRY_DELAY_SECONDS=1", "PYLON_COMMITMENT_RETRY_ATTEMPTS=10", "PYLON_COMMITMENT_RETRY_DELAY_SECONDS=1",
	"PYLON_ENVIRONMENT=production", "PYLON_DEFAULT_REQUEST_TIMEOUT_SECONDS=60.0", "PYLON_MAX_REQUEST_TIMEOUT_SECONDS=300.0",
	"PYLON_EVM_RPC_URL=https://lite.chain.opentensor.ai", "PYLON_EVM_ARCHIVE_RPC_URL=https://archive.chain.opentensor.ai",
	"PYLON_EVM_ARCHIVE_BLOCKS_CUTOFF=300", "PYLON_DEBUG=False",
	"PYLON_SENTRY_DSN=", "PYLON_SENTRY_ENVIRONMENT=production", "PYLON_TEMPO=360",
}

func TestDockerManagersVariablesAreTheDefaults(t *testing.T) {
	t.Parallel()
	s := mustLoad(t, dockerManager...)
	want := Defaults()
	want.SentryEnvironment = "production" // which it passes; without any it is development
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-default +docker manager):\n%s", diff)
	}
}

// A file with every name of section 4 of the contract, each with the default that stands there, in all the spellings that
// such files have.
func TestWholeDotenvOfThePythonService(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	writeFile(t, folder, ".env", `# The Bittensor network.
export PYLON_BITTENSOR_NETWORK="finney"    # or test
PYLON_BITTENSOR_ARCHIVE_NETWORK='archive'
PYLON_BITTENSOR_ARCHIVE_BLOCKS_CUTOFF = 300
PYLON_BITTENSOR_WALLET_PATH=/root/.bittensor/wallets
PYLON_IDENTITIES='[
    "sn1",
    "sn2"
]'
PYLON_OPEN_ACCESS_TOKEN="open#token-that-nobody-guesses"
PYLON_METRICS_TOKEN=
PYLON_DOCKER_IMAGE_NAME=bittensor_pylon
PYLON_BLOCK_DURATION_SECONDS=12.0
PYLON_COMMIT_CYCLE_LENGTH=3
PYLON_COMMIT_WINDOW_START_OFFSET=180
PYLON_COMMIT_WINDOW_END_BUFFER=10
PYLON_TEMPO=360

export	PYLON_WEIGHTS_RETRY_ATTEMPTS=200
PYLON_WEIGHTS_RETRY_DELAY_SECONDS="1"
PYLON_COMMITMENT_RETRY_ATTEMPTS=10
PYLON_COMMITMENT_RETRY_DELAY_SECONDS=1
PYLON_DEFAULT_REQUEST_TIMEOUT_SECONDS=60.0
PYLON_MAX_REQUEST_TIMEOUT_SECONDS=300.0
PYLON_ENVIRONMENT=production
PYLON_DEBUG=false
PYLON_EVM_RPC_URL=https://lite.chain.opentensor.ai
PYLON_EVM_ARCHIVE_RPC_URL=https://archive.chain.opentensor.ai
PYLON_EVM_ARCHIVE_BLOCKS_CUTOFF=300
PYLON_UVICORN_HOST=0.0.0.0
PYLON_UVICORN_PORT=8000
PYLON_ID_SN1_WALLET_NAME=default
PYLON_ID_SN1_HOTKEY_NAME="hot key"
PYLON_ID_SN1_NETUID=12
PYLON_ID_SN1_TOKEN='a-token-of-sn1-that-nobody-guesses'
pylon_id_sn2_wallet_name=${PYLON_ID_SN1_WALLET_NAME}
PYLON_ID_SN2_HOTKEY_NAME=${NOBODY:-hot}
PYLON_ID_SN2_NETUID="89"
PYLON_ID_SN2_TOKEN=a-$long-token-that-nobody-guesses
PYLON_RECENT_OBJECTS_SOFT_LIMIT_BLOCKS=
PYLON_RECENT_OBJECTS_HARD_LIMIT_BLOCKS=150
PYLON_RECENT_OBJECTS_REFRESH_LEAD_BLOCKS=10
PYLON_RECENT_OBJECTS_NETUIDS=[]
PYLON_DATABASE_PATH=
PYLON_SENTRY_DSN=
PYLON_SENTRY_ENVIRONMENT=
PYLON_OTEL_COLLECTOR_ENDPOINT=
PYLON_OTEL_SERVICE_NAMESPACE=bittensor-pylon
PYLON_OTEL_SERVICE_NAME=pylon_service
PYLON_OTEL_DEPLOYMENT_ENVIRONMENT=
PYLON_OTEL_SERVICE_INSTANCE_ID=
PYLON_OTEL_SERVICE_VERSION=
PROMETHEUS_DISABLE_CREATED_SERIES=
`)
	got, err := Load(nil, folder)
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.OpenAccessToken = "open#token-that-nobody-guesses"
	want.SentryEnvironment = "production" // that of the service, which is given
	want.Identities = []Identity{
		{Name: "sn1", WalletName: "default", HotkeyName: "hot key", Netuid: 12, Token: "a-token-of-sn1-that-nobody-guesses"},
		{Name: "sn2", WalletName: "default", HotkeyName: "hot", Netuid: 89, Token: "a-$long-token-that-nobody-guesses"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLogDefaultsFollowDebug(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		environ       []string
		level, format string
	}{
		{nil, "info", "json"},
		{[]string{"PYLON_DEBUG=True"}, "debug", "text"},
		{[]string{"PYLON_DEBUG=True", "PYLON_LOG_FORMAT=json", "PYLON_LOG_LEVEL=Error"}, "error", "json"},
		{[]string{"PYLON_LOG_FORMAT=TEXT"}, "info", "text"},
	} {
		if s := mustLoad(t, row.environ...); s.LogLevel != row.level || s.LogFormat != row.format {
			t.Errorf("%v: %s %s", row.environ, s.LogLevel, s.LogFormat)
		}
	}
}

// Who is given a token to read with must not be able to write with it.
func TestSharedTokensAreWarnedOf(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]int{"PYLON_OPEN_ACCESS_TOKEN": 1, "PYLON_METRICS_TOKEN": 1, "PYLON_DATABASE_PATH": 0} {
		s := mustLoad(t, identity(name+"=a-long-enough-token")...)
		if len(s.Warnings) != want || want > 0 && (!strings.Contains(s.Warnings[0], "the token of identity sn1") || strings.Contains(s.Warnings[0], "long-enough")) {
			t.Errorf("%s: warnings %q", name, s.Warnings)
		}
	}
}
