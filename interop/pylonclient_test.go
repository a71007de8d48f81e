//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// The published Python clients, unmodified, against the development service. Version 1.9.0 logs in and sends no token
// afterwards, so its service runs with the compatibility switch; the others run without it.
func TestPublishedPythonClients(t *testing.T) {
	down := startServe(
		t,
		fmt.Sprintf("PYLON_BITTENSOR_NETWORK=ws://127.0.0.1:%d", freePort(t)),
		fmt.Sprintf("PYLON_BITTENSOR_ARCHIVE_NETWORK=ws://127.0.0.1:%d", freePort(t)),
		"PYLON_OPEN_ACCESS_TOKEN=my_open_access_token",
		"PYLON_LEGACY_LOGIN=true",
	)
	for version, flags := range map[string][]string{
		"1.9.0": {"--legacy-login"},
		"2.0.0": nil,
		"2.3.1": nil,
	} {
		t.Run(version, func(t *testing.T) {
			service, _ := startDev(t, flags...)
			python := filepath.Join(cache, "pylon-client-"+version, "bin", "python")
			script(t, 3*time.Minute, python, filepath.Join(root, "interop", "pylonclient", "check.py"), "--url", service, "--down-url", down)
			script(t, 3*time.Minute, python, filepath.Join(root, "interop", "pylonclient", "reads.py"), "--url", service)
		})
	}
}
