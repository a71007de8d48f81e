//go:build interop

package interop

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/proctest"
)

// The published Python clients, unmodified, against the development service. Version 1.9.0 logs in and sends no token
// afterwards, so its service runs with the compatibility switch; the others run without it.
func TestPublishedPythonClients(t *testing.T) {
	down := startServe(
		t,
		fmt.Sprintf("PYLON_BITTENSOR_NETWORK=ws://127.0.0.1:%d", proctest.FreePort(t)),
		fmt.Sprintf("PYLON_BITTENSOR_ARCHIVE_NETWORK=ws://127.0.0.1:%d", proctest.FreePort(t)),
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

// They write too: what they hand over comes onto the chain, where polkadot-js finds it.
func TestPublishedPythonClientsWrite(t *testing.T) {
	for version, flags := range map[string][]string{
		"1.9.0": {"--legacy-login"},
		"2.0.0": nil,
		"2.3.1": nil,
	} {
		t.Run(version, func(t *testing.T) {
			service, chain := startDev(t, append(flags, "--block-time", "250ms", "--neurons", "16")...)
			python := filepath.Join(cache, "pylon-client-"+version, "bin", "python")
			script(t, 5*time.Minute, python, filepath.Join(root, "interop", "pylonclient", "writes.py"), "--url", service, "--chain", chain,
				"--script", filepath.Join(root, "interop", "polkadotjs", "weights.mjs"), "--modules", filepath.Join(cache, "polkadotjs"))
		})
	}
}
