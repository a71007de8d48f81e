//go:build interop

package interop

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
)

// Foreign clients sign extrinsics for the development chain and send them.
func TestForeignClientsSendToDevchain(t *testing.T) {
	for name, client := range map[string]func(url string) *exec.Cmd{
		"polkadot-js": func(url string) *exec.Cmd {
			return exec.Command("node", filepath.Join(root, "interop", "polkadotjs", "send.mjs"), filepath.Join(cache, "polkadotjs"), url)
		},
		"async-substrate-interface": func(url string) *exec.Cmd {
			return exec.Command(filepath.Join(cache, "asi", "bin", "python"), filepath.Join(root, "interop", "asi", "send.py"), url)
		},
	} {
		for _, spec := range []uint32{475, 425, 343, 218} {
			t.Run(fmt.Sprintf("%s/%d", name, spec), func(t *testing.T) {
				t.Parallel()
				chain := sendingChain(t, spec)
				cmd := client(chain.URL())
				var complaints strings.Builder
				cmd.Stderr = &complaints
				out, err := cmd.Output()
				if err != nil {
					t.Fatalf("%v, %s\n%s", err, out, complaints.String())
				}
				t.Log(strings.TrimSpace(string(out)))
				if err := chain.CheckNonces(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// sendingChain makes five blocks a second, on which nobody acts by himself.
func sendingChain(t *testing.T, spec uint32) *devchain.Chain {
	t.Helper()
	const slot = 200 * time.Millisecond
	subnets := []devchain.Subnet{{Netuid: 1, Neurons: 8, Tempo: 360}}
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: spec, Quiet: true, Subnets: subnets})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{Runtime: runtime, BlockTime: slot, FinalityLag: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	// At spec 218 a hotkey commits once in a hundred blocks.
	if _, err := chain.Produce(120); err != nil {
		t.Fatal(err)
	}
	if err := chain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return chain
}
