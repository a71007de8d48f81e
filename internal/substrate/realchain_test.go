package substrate_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/bittensor-pylon/pylon/internal/proctest"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// absent skips a test that needs something which is not here, or fails it where nothing may be skipped.
func absent(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("PYLON_REQUIRE_ALL") == "1" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// realChainFolder is a folder with the program of the node and what it needs, where it may write: that of the interop
// suites, made here if everything is required.
func realChainFolder(t *testing.T) string {
	t.Helper()
	root := proctest.ModuleRoot(t)
	shared := os.Getenv("PYLON_SHARED")
	if shared == "" {
		shared = filepath.Join(root, "..", "shared")
	}
	source := filepath.Join(shared, "realchain")
	if _, err := os.Stat(filepath.Join(source, "start.mjs")); err != nil {
		absent(t, "no node with the real runtime in %s (PYLON_SHARED names the folder above it)", source)
	}
	if _, err := exec.LookPath("node"); err != nil {
		absent(t, "node is not installed")
	}
	work := filepath.Join(root, ".cache", "interop", "realchain")
	if _, err := os.Stat(filepath.Join(work, "node_modules", "@acala-network", "chopsticks")); err == nil {
		return work
	}
	if os.Getenv("PYLON_REQUIRE_ALL") != "1" {
		t.Skip("the packages of the node with the real runtime are not installed (interop/setup.sh does it)")
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(work, entry.Name()), b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")
	install.Dir = work
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}
	return work
}

// startRealChain runs the real Subtensor runtime, spec 218, over a small seeded state. Signal reaches all its processes.
func startRealChain(t *testing.T) (url string, signal func(syscall.Signal)) {
	t.Helper()
	cmd := exec.Command("node", "start.mjs", "--state", "small", "--port", fmt.Sprint(proctest.FreePort(t)))
	cmd.Dir = realChainFolder(t)
	url = proctest.Start(t, 2*time.Minute, "READY ", cmd)
	return url, func(s syscall.Signal) { _ = syscall.Kill(-cmd.Process.Pid, s) }
}

// newBlock asks that node for a block; a real one has no such method.
func newBlock(t *testing.T, url string) {
	t.Helper()
	ws, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	var answer map[string]any
	if err := wsjson.Write(t.Context(), ws, map[string]any{"jsonrpc": "2.0", "id": 1, "method": "dev_newBlock", "params": []any{map[string]int{"count": 1}}}); err != nil {
		t.Fatal(err)
	}
	if err := wsjson.Read(t.Context(), ws, &answer); err != nil || answer["error"] != nil {
		t.Fatal(answer, err)
	}
}

// The real runtime, on a node that this project did not write: what its README says is in the state is what is read.
func TestRealChain(t *testing.T) {
	t.Parallel()
	url, signal := startRealChain(t)
	c, err := substrate.New(substrate.Config{
		Nodes:        []string{url},
		BackoffMin:   10 * time.Millisecond,
		BackoffMax:   100 * time.Millisecond,
		PingInterval: 500 * time.Millisecond,
		// One thread does everything there, and building a block keeps it busy.
		PingTimeout: 3 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	head, err := c.Head(ctx)
	if err != nil || head.Number != 103 {
		t.Fatalf("the head is %v, %v", head, err)
	}
	if hash, err := c.BlockHash(ctx, 103); err != nil || hash != head.Hash {
		t.Errorf("the node says block 103 is %v, %v; its header hashes to %v", hash, err, head.Hash)
	}
	if f, err := c.Finalized(ctx); err != nil || f.Number > 103 {
		t.Errorf("the finalised head is %v, %v", f, err)
	}
	if b, err := c.Block(ctx, head.Hash); err != nil || b.Header != head || len(b.Extrinsics) == 0 {
		t.Errorf("the block is %v, %v", b, err)
	}
	if _, err := c.BlockHash(ctx, 1_000_000); substrate.KindOf(err) != substrate.KindUnknownBlock {
		t.Errorf("a block of the future: %v", err)
	}

	r, err := c.Runtime(ctx, head.Hash)
	if err != nil {
		t.Fatal(err)
	}
	if r.SpecName != "node-subtensor" || r.SpecVersion != 218 || r.TransactionVersion != 1 || r.Metadata.Version != 15 {
		t.Errorf("the runtime is %s %d %d with metadata %d", r.SpecName, r.SpecVersion, r.TransactionVersion, r.Metadata.Version)
	}
	if _, err := c.StateCall(ctx, head.Hash, "NeuronInfoRuntimeApi_get_nothing", nil); substrate.KindOf(err) != substrate.KindMethodMissing {
		t.Errorf("a runtime API that nobody has: %v", err)
	}
	// Spec 218 answers bytes inside of a byte vector.
	neurons, err := c.StateCall(ctx, head.Hash, "NeuronInfoRuntimeApi_get_neurons_lite", []byte{1, 0})
	if err != nil {
		t.Fatal(err)
	}
	if inner := scale.NewReader(scale.NewReader(neurons).ByteVec()); inner.Compact() != 5 {
		t.Errorf("subnet 1 has other than 5 neurons: %x", neurons)
	}

	alice, _ := hex.DecodeString("d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d")
	hotkeys := scale.StoragePrefix("SubtensorModule", "Keys")
	first := append(bytes.Clone(hotkeys), 1, 0, 1, 0) // Identity(netuid 1), Identity(uid 1)
	if v, err := c.Storage(ctx, head.Hash, first); err != nil || !bytes.Equal(v, alice) {
		t.Errorf("uid 1 of subnet 1 is %x, %v", v, err)
	}
	if v, err := c.StorageBatch(ctx, head.Hash, [][]byte{first, []byte("absent"), first}); err != nil || !bytes.Equal(v[0], alice) || v[1] != nil || !bytes.Equal(v[2], alice) {
		t.Errorf("a batch: %x, %v", v, err)
	}
	count := 0
	if err := c.StoragePrefix(ctx, head.Hash, append(bytes.Clone(hotkeys), 1, 0), func([]byte, []byte) error { count++; return nil }); err != nil || count != 5 {
		t.Errorf("subnet 1 has %d hotkeys, %v", count, err)
	}
	var said []string
	if err := c.StoragePrefix(ctx, head.Hash, scale.StoragePrefix("Commitments", "CommitmentOf"), func(_, value []byte) error {
		for _, text := range []string{"commitment-charlie", "commitment-dave"} {
			if bytes.Contains(value, []byte(text)) {
				said = append(said, text)
			}
		}
		return nil
	}); err != nil || len(said) != 2 {
		t.Errorf("commitments %v, %v", said, err)
	}

	events, stop := c.Watch(10)
	defer stop()
	newBlock(t, url)
	for e := range events {
		if !e.Finalized && e.Header.Number == 104 {
			if e.Header.Parent != head.Hash {
				t.Errorf("block 104 is on %v, not on %v", e.Header.Parent, head.Hash)
			}
			break
		}
	}

	// The process is stopped: its kernel goes on to acknowledge everything, and only our pings find out.
	signal(syscall.SIGSTOP)
	impatient, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, err := c.BlockHash(impatient, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call to a stopped process: %v", err)
	}
	until(t, "the stopped node is left out", func() bool { return c.Nodes()[0].State == substrate.NodeConnecting })
	signal(syscall.SIGCONT) // the answer to the call that was given up comes now
	until(t, "the node is back", func() bool { return c.Nodes()[0].State == substrate.NodeHealthy })
	if hash, err := c.BlockHash(ctx, 103); err != nil || hash != head.Hash {
		t.Errorf("afterwards: %v, %v", hash, err)
	}
}
