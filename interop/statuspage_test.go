//go:build interop

package interop

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A reader of the status page, in a real browser: from the question for the token to the dashboard and back. With
// PYLON_SCREENSHOT, a file name, it keeps what it has seen: docs/status.png is made so.
func TestStatusPage(t *testing.T) {
	const token = "my_open_access_token"
	service, _ := startDev(t, "--block-time", "1s")
	for netuid := 1; netuid <= 4; netuid++ {
		for _, what := range []string{"neurons", "validators", "commitments"} {
			url := fmt.Sprintf("%s/api/v1/subnet/%d/block/latest/%s", service, netuid, what)
			if status, body := get(t, url, token); status != http.StatusOK {
				t.Fatalf("GET %s: %d %s", url, status, body)
			}
		}
	}
	args := []string{
		filepath.Join(root, "interop", "statuspage", "click.mjs"),
		"--modules", filepath.Join(cache, "statuspage"), "--url", service, "--token", token,
	}
	if file := os.Getenv("PYLON_SCREENSHOT"); file != "" {
		args = append(args, "--screenshot", file)
	}
	script(t, 2*time.Minute, "node", args...)
}
