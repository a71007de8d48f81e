//go:build interop

package interop

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// schemathesis makes thousands of requests of our OpenAPI document, odd ones too, and compares each answer with it: no
// server error, no status and no shape that the document does not name.
func TestSchemathesis(t *testing.T) {
	service, _ := startDev(t, "--block-time", "250ms")
	const token = "my_open_access_token"
	var first struct{ Block struct{ Number int } }
	getJSON(t, service+"/api/v1/subnet/1/block/latest/neurons", token, &first)
	run := filepath.Join(cache, "schemathesis", "bin", "schemathesis")
	if _, err := exec.LookPath(run); err != nil {
		t.Fatal(err)
	}
	scriptIn(t, t.TempDir(), 8*time.Minute, run,
		"--config-file", filepath.Join(root, "interop", "schemathesis", "schemathesis.toml"),
		"run", service+"/schema/openapi.json",
		"--phases", "examples,coverage,fuzzing", "--max-examples", "25", "--workers", "1", "--request-timeout", "10",
		"--exclude-path-regex", "/events$") // they never end
}
