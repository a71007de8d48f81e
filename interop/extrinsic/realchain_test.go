//go:build interop

package extrinsic

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/internal/proctest"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// realChain runs the real Subtensor runtime, spec 218, over a small seeded state. A block is built for every extrinsic.
func realChain(t *testing.T) *substrate.Client {
	t.Helper()
	cmd := exec.Command("node", "start.mjs", "--state", "small", "--port", fmt.Sprint(proctest.FreePort(t)))
	cmd.Dir = folder(t, ".cache", "interop", "realchain")
	url := proctest.Start(t, 2*time.Minute, "READY ", cmd)
	c, err := substrate.New(substrate.Config{Nodes: []string{url}, CallTimeout: time.Minute, PingTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// headFrom waits until the client knows a block of at least this number.
func headFrom(t *testing.T, c *substrate.Client, number uint64) substrate.Header {
	t.Helper()
	events, stop := c.Watch(16)
	defer stop()
	timeout := time.After(time.Minute)
	for {
		select {
		case e := <-events:
			if !e.Finalized && e.Header.Number >= number {
				return e.Header
			}
		case <-timeout:
			t.Fatalf("no block %d after a minute", number)
		}
	}
}

func TestRealRuntimeTakesExtrinsics(t *testing.T) {
	t.Parallel()
	c := realChain(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	key := func(uri string) signer {
		k, err := wallet.FromURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		return signer{k, "Sr25519"}
	}
	alice, bob, charlie := key("//Alice"), key("//Bob"), key("//Charlie")
	sign := func(s substrate.Signer, nonce uint64, pallet, call string, args any) *substrate.Extrinsic {
		head, err := c.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.Sign(ctx, substrate.SignRequest{At: head, Period: 32, Nonce: nonce, Pallet: pallet, Call: call, Args: args}, s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	find := func(x *substrate.Extrinsic) *substrate.Inclusion {
		t.Helper()
		head := headFrom(t, c, x.Birth.Number+1)
		found, err := c.FindExtrinsic(ctx, x.Hash, head, x.Birth.Number+1)
		if err != nil || found == nil {
			t.Fatalf("%v, %v", found, err)
		}
		if found.Block.Number > x.LastValid || found.Unread != nil {
			t.Errorf("%+v", found)
		}
		return found
	}
	names := func(events []scale.EventRecord) (all []string) {
		for _, e := range events {
			all = append(all, e.Pallet+"."+e.Name)
		}
		return all
	}

	head, err := c.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	nonce, err := c.NonceAt(ctx, head.Hash, bob.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	if at, err := c.NonceAt(ctx, head.Hash, [32]byte{1, 2, 3}); err != nil || at != 0 {
		t.Errorf("nobody's nonce is %d, %v", at, err)
	}

	// A commitment, watched to the end: event, fee, and the value in storage.
	commitment := map[string]any{"netuid": 1, "info": map[string]any{"fields": []any{scale.Enum{Name: "Raw8", Value: []byte("said bob")}}}}
	x := sign(bob, nonce, "Commitments", "set_commitment", commitment)
	fee, err := c.Fee(ctx, x.Birth.Hash, x.Bytes)
	if err != nil || fee != 0 {
		t.Errorf("the fee of a commitment, which is free, is %d, %v", fee, err)
	}
	remark := map[string]any{"remark": []byte("what does it cost?")}
	genuine, fake := sign(bob, nonce, "System", "remark", remark), sign(substrate.Unsigned(bob.PublicKey()), nonce, "System", "remark", remark)
	fee, err = c.Fee(ctx, x.Birth.Hash, genuine.Bytes)
	if err != nil || fee == 0 {
		t.Errorf("the fee of a remark is %d, %v", fee, err)
	}
	if same, err := c.Fee(ctx, x.Birth.Hash, fake.Bytes); err != nil || same != fee {
		t.Errorf("without a signature the fee is %d, %v, not %d", same, err, fee)
	}
	// The signature of another key; this node does not survive one of zeros.
	stolen := sign(impostor{signer: alice, of: bob.PublicKey()}, nonce, "System", "remark", remark)
	if err := c.Submit(ctx, stolen.Bytes); kindOf(err) != substrate.SubmitBadProof {
		t.Errorf("with the signature of another key: %v", err)
	}
	statuses, err := c.WatchExtrinsic(ctx, x.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []substrate.StatusKind
	var last substrate.ExtrinsicStatus
	for s := range statuses {
		if last = s; !slices.Contains(kinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	if last.Kind != substrate.StatusFinalized || !slices.Contains(kinds, substrate.StatusInBlock) {
		t.Errorf("statuses %v, the last %+v", kinds, last)
	}
	found := find(x)
	if !found.Success || found.Block.Hash != last.Hash || !slices.Contains(names(found.Events), "Commitments.Commitment") {
		t.Errorf("%+v with %v", found, names(found.Events))
	}
	if at, err := c.NonceAt(ctx, found.Block.Hash, bob.PublicKey()); err != nil || at != nonce+1 {
		t.Errorf("afterwards the nonce is %d, %v", at, err)
	}
	runtime, err := c.Runtime(ctx, found.Block.Hash)
	if err != nil {
		t.Fatal(err)
	}
	item, err := runtime.Metadata.Storage("Commitments", "CommitmentOf")
	if err != nil {
		t.Fatal(err)
	}
	bobsKey := bob.PublicKey()
	stored, err := item.Key(1, bobsKey[:])
	if err != nil {
		t.Fatal(err)
	}
	if value, err := c.Storage(ctx, found.Block.Hash, stored); err != nil || !strings.Contains(string(value), "said bob") {
		t.Errorf("the commitment is %q, %v", value, err)
	}

	// The same nonce again.
	again := sign(bob, nonce, "System", "remark", map[string]any{"remark": []byte("again")})
	if err := c.Submit(ctx, again.Bytes); kindOf(err) != substrate.SubmitStale {
		t.Errorf("a used nonce: %v", err)
	}

	// Calls that fail in the block have a name, and cost a nonce: Charlie has a new commitment, Alice is not on subnet 4.
	nonce, err = c.NonceAt(ctx, found.Block.Hash, alice.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	charlies, err := c.NonceAt(ctx, found.Block.Hash, charlie.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []struct {
		signer substrate.Signer
		nonce  uint64
		netuid int
		name   string
	}{{charlie, charlies, 1, "CommitmentSetRateLimitExceeded"}, {alice, nonce, 4, "AccountNotAllowedCommit"}} {
		x := sign(e.signer, e.nonce, "Commitments", "set_commitment", map[string]any{"netuid": e.netuid, "info": map[string]any{"fields": []any{scale.Enum{Name: "Raw1", Value: []byte("x")}}}})
		if err := c.Submit(ctx, x.Bytes); err != nil {
			t.Fatal(err)
		}
		found := find(x)
		if found.Success || found.Error == nil || found.Error.Pallet != "Commitments" || found.Error.Name != e.name || found.Error.Docs == "" {
			t.Errorf("%+v with %+v, want %s", found, found.Error, e.name)
		}
	}

	// A payload of more than 256 bytes, whose hash is signed.
	x = sign(alice, nonce+1, "System", "remark", map[string]any{"remark": make([]byte, 300)})
	if err := c.Submit(ctx, x.Bytes); err != nil {
		t.Fatal(err)
	}
	if found = find(x); !found.Success || found.Fee == 0 {
		t.Errorf("%+v", found)
	}
}

// impostor signs for an account that is not its own.
type impostor struct {
	signer
	of [32]byte
}

func (i impostor) PublicKey() [32]byte { return i.of }

func kindOf(err error) substrate.SubmitKind {
	if e, ok := err.(*substrate.SubmitError); ok { //nolint:errorlint // the methods return it as it is
		return e.Kind
	}
	return substrate.SubmitUnknown
}
