//go:build interop

package interop

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
)

// expectation is what check.mjs and check.py are told about the chain that they look at.
type expectation struct {
	SpecVersion  uint32           `json:"specVersion"`
	GenesisHash  string           `json:"genesisHash"`
	SlotDuration int64            `json:"slotDuration"`
	Subnets      []expectedSubnet `json:"subnets"`
	Upgrade      uint32           `json:"upgrade,omitempty"`
}

type expectedSubnet struct {
	Netuid  uint16 `json:"netuid"`
	Neurons int    `json:"neurons"`
	Tempo   uint16 `json:"tempo"`
}

// Foreign clients read the development chain: every spec it can play, forks and an upgrade included.
func TestForeignClientsOfDevchain(t *testing.T) {
	node := func(url, expected string) *exec.Cmd {
		return exec.Command("node", filepath.Join(root, "interop", "polkadotjs", "check.mjs"), filepath.Join(cache, "polkadotjs"), url, expected)
	}
	python := func(url, expected string) *exec.Cmd {
		return exec.Command(filepath.Join(cache, "asi", "bin", "python"), filepath.Join(root, "interop", "asi", "check.py"), url, expected)
	}
	for name, client := range map[string]func(url, expected string) *exec.Cmd{"polkadot-js": node, "async-substrate-interface": python} {
		for _, spec := range devchain.Specs() {
			upgrade := uint32(0)
			if spec == 425 {
				upgrade = 475
			}
			t.Run(fmt.Sprintf("%s/%d", name, spec), func(t *testing.T) {
				t.Parallel()
				lookAtDevchain(t, spec, upgrade, client)
			})
		}
	}
}

// lookAtDevchain runs a client against a chain that makes ten blocks a second, and does what the client asks for.
func lookAtDevchain(t *testing.T, spec, upgrade uint32, client func(url, expected string) *exec.Cmd) {
	t.Helper()
	const slot = 100 * time.Millisecond
	expected := expectation{SpecVersion: spec, SlotDuration: slot.Milliseconds(), Upgrade: upgrade}
	subnets := []devchain.Subnet{{Netuid: 1, Neurons: 64, Tempo: 20}, {Netuid: 2, Neurons: 5, Tempo: 7}}
	for _, s := range subnets {
		expected.Subnets = append(expected.Subnets, expectedSubnet{s.Netuid, s.Neurons, s.Tempo})
	}
	runtime, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: spec, BlockTime: slot, Subnets: subnets})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{Runtime: runtime, BlockTime: slot, FinalityLag: 6})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	}()
	// A few epochs, so that consensus is not all zero.
	if _, err := chain.Produce(80); err != nil {
		t.Fatal(err)
	}
	if err := chain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	expected.GenesisHash = chain.Genesis().Hash.String()
	text, err := json.Marshal(expected)
	if err != nil {
		t.Fatal(err)
	}
	cmd := client(chain.URL(), string(text))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	last := ""
	for lines := bufio.NewScanner(out); lines.Scan(); {
		switch last = lines.Text(); last {
		case "please fork":
			if err := json.NewEncoder(in).Encode(forkDevchain(t, chain)); err != nil {
				t.Fatal(err)
			}
		case "please prune":
			chain.Prune(10)
			if err := json.NewEncoder(in).Encode(replaced{Number: chain.Best().Number - 20}); err != nil {
				t.Fatal(err)
			}
		case "please upgrade":
			next, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: upgrade, BlockTime: slot, Subnets: subnets})
			if err != nil {
				t.Fatal(err)
			}
			chain.Upgrade(next)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v, %s\n%s", err, last, complaints.String())
	}
	t.Log(last)
}

// replaced is a height and, after a fork, the hashes that it had and has.
type replaced struct {
	Number uint64 `json:"number"`
	Old    string `json:"old"`
	New    string `json:"new"`
}

// forkDevchain replaces the last three blocks by a longer chain.
func forkDevchain(t *testing.T, chain *devchain.Chain) replaced {
	t.Helper()
	old, _ := chain.Block(chain.Best().Number - 2)
	if _, err := chain.Fork(old.Parent, 6); err != nil {
		t.Fatal(err)
	}
	now, _ := chain.BlockHash(old.Number)
	return replaced{old.Number, old.Hash.String(), now.String()}
}
