package app

import (
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files that are generated from the code")

func TestDefaultsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	want := &Settings{
		Network: []Address{"finney"}, ArchiveNetwork: []Address{"archive"}, ArchiveBlocksCutoff: 300, BlockDuration: 12 * time.Second,
		Host: "0.0.0.0", Port: 8000,
		Identities: []Identity{}, WalletPath: "/root/.bittensor/wallets",
		DefaultRequestTimeout: time.Minute, MaxRequestTimeout: 5 * time.Minute, ShutdownTimeout: 8 * time.Second,
		RecentSoftLimit: 100, RecentHardLimit: 150, RecentRefreshLead: 10,
		WeightsRetries: 200, WeightsRetryDelay: time.Second, CommitmentRetries: 10, CommitmentRetryDelay: time.Second, DatabasePath: "./pylon.db",
		EVMRPC: "https://lite.chain.opentensor.ai", EVMArchiveRPC: "https://archive.chain.opentensor.ai", EVMArchiveCutoff: 300,
		Environment: "production", LogLevel: "info", LogFormat: "json", AccessLogLevel: "debug",
		OTELNamespace: "bittensor-pylon", OTELName: "pylon_service", OTELEnvironment: "production", SentryEnvironment: "development",
	}
	if diff := cmp.Diff(want, Defaults()); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, mustLoad(t)); diff != "" {
		t.Errorf("empty environment (-want +got):\n%s", diff)
	}
}

// Every row is set to something else than its default, and one field of Settings has to follow.
func TestEveryRowReachesItsField(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"nodes": "local, ws://10.0.0.1:9944", "integer": "77", "seconds": "33", "address": "127.0.0.1", "secret": "a-token-of-many-letters", "boolean": "True",
		"JSON list of names": "[]", "JSON list of integers": "[4,5]", "path": "/else/where", "URL": "http://10.0.0.2", "text": "another", "PostgreSQL URL": "postgres://10.0.0.3/pylon", "DSN, a secret": "https://key@sentry.example/1",
		"debug, info, warn, error": "WARN", "json, text": "text",
	}
	var s Settings
	var identities []string
	seen := make(map[string]string)
	for _, section := range s.table(&identities) {
		for _, r := range section.rows {
			if r.form.read == nil {
				continue
			}
			value, ok := values[r.form.name]
			if !ok {
				t.Fatalf("no value for the form %q of %s", r.form.name, r.name)
			}
			if r.name == identitiesName {
				continue // has tests of its own
			}
			before := s
			if err := r.form.read(value); err != nil {
				t.Errorf("%s=%s: %v", r.name, value, err)
			}
			var changed []string
			for i := range reflect.TypeFor[Settings]().NumField() {
				if !reflect.DeepEqual(reflect.ValueOf(before).Field(i).Interface(), reflect.ValueOf(s).Field(i).Interface()) {
					changed = append(changed, reflect.TypeFor[Settings]().Field(i).Name)
				}
			}
			if len(changed) != 1 {
				t.Errorf("%s changes the fields %v", r.name, changed)
				continue
			}
			if other := seen[changed[0]]; other != "" {
				t.Errorf("%s and %s change the same field", r.name, other)
			}
			seen[changed[0]] = r.name
		}
	}
	for field := range reflect.TypeFor[Settings]().Fields() {
		if seen[field.Name] == "" && !slices.Contains([]string{"Identities", "Warnings", "Ignored"}, field.Name) {
			t.Errorf("no setting reaches the field %s", field.Name)
		}
	}
}

func TestDocsSettingsAreFresh(t *testing.T) {
	t.Parallel()
	const path = "../../docs/settings.md"
	want := referencePage()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/settings.md is stale; run go test ./internal/app -update (-code +file):\n%s", diff)
	}
}
