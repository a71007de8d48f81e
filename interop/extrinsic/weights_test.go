//go:build interop

package extrinsic

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bittensor-pylon/pylon/devchain"
	"github.com/bittensor-pylon/pylon/devchain/runtime"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
	"github.com/bittensor-pylon/pylon/wallet"
)

// playedChain is the development chain in the situation of the real one: the same spec version, commit-reveal on subnet 3
// only, no stake needed, four neurons on each subnet, //Alice not on subnet 4.
func playedChain(t *testing.T) *substrate.Client {
	t.Helper()
	subtensor, err := devchain.NewSubtensor(devchain.SubtensorConfig{Spec: 218, Quiet: true, Subnets: []devchain.Subnet{
		{Netuid: 1, Neurons: 4, Tempo: 100}, {Netuid: 2, Neurons: 4}, {Netuid: 3, Neurons: 4, Tempo: 10000, CommitReveal: true}, {Netuid: 4, Neurons: 4},
	}})
	if err != nil {
		t.Fatal(err)
	}
	chain, err := devchain.New(devchain.Config{Runtime: subtensor, BlockTime: 50 * time.Millisecond, SlotDuration: 12 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := chain.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := chain.ProduceEdited(func(st runtime.State) error {
		subtensor.SetStakeThreshold(st, 0)
		return subtensor.Deregister(st, 4, public(t, "//Alice"))
	}); err != nil {
		t.Fatal(err)
	}
	if err := chain.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, err := substrate.New(substrate.Config{Nodes: []string{chain.URL()}})
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

func public(t *testing.T, uri string) [32]byte {
	t.Helper()
	key, err := wallet.FromURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	return key.PublicKey()
}

// weightCall is a call of SubtensorModule in somebody's name. Its uids are names there, since the chains count their
// neurons in different orders.
type weightCall struct {
	uri, call string
	args      map[string]any
}

// outcomes sends the calls one after another, and tells how each went: the events of SubtensorModule in the block, or the
// error.
func outcomes(t *testing.T, c *substrate.Client, calls func(uid func(netuid int, uri string) int) []weightCall) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	head, err := c.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	uid := func(netuid int, uri string) int {
		value, err := read(ctx, c, head.Hash, "Uids", netuid, public(t, uri))
		if err != nil || value == nil {
			t.Fatalf("the uid of %s on subnet %d: %v, %v", uri, netuid, value, err)
		}
		return int(value.(uint64))
	}
	for _, x := range calls(uid) {
		key, err := wallet.FromURI(x.uri)
		if err != nil {
			t.Fatal(err)
		}
		head, err := c.Head(ctx)
		if err != nil {
			t.Fatal(err)
		}
		nonce, err := c.NonceAt(ctx, head.Hash, key.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		signed, err := c.Sign(ctx, substrate.SignRequest{At: head, Period: 64, Nonce: nonce, Pallet: "SubtensorModule", Call: x.call, Args: x.args}, signer{key, "Sr25519"})
		if err != nil {
			t.Fatalf("%s: %v", x.call, err)
		}
		all = append(all, x.call+" of "+x.uri+": "+outcome(ctx, t, c, signed))
	}
	if head, err = c.Head(ctx); err != nil {
		t.Fatal(err)
	}
	weights, err := read(ctx, c, head.Hash, "Weights", 1, uid(1, "//Bob"))
	if err != nil {
		t.Fatal(err)
	}
	stored := "the values of //Bob are"
	for _, weight := range weights.([]any) {
		stored += fmt.Sprint(" ", weight.([]any)[1])
	}
	return append(all, stored)
}

func outcome(ctx context.Context, t *testing.T, c *substrate.Client, x *substrate.Extrinsic) string {
	t.Helper()
	statuses, err := c.WatchExtrinsic(ctx, x.Bytes)
	if refused, ok := errors.AsType[*substrate.SubmitError](err); ok {
		return fmt.Sprint("refused ", refused.Code)
	}
	if err != nil {
		t.Fatal(err)
	}
	for s := range statuses {
		if s.Kind != substrate.StatusInBlock {
			continue
		}
		head, err := c.Header(ctx, s.Hash)
		if err != nil {
			t.Fatal(err)
		}
		found, err := c.FindExtrinsic(ctx, x.Hash, head, head.Number)
		if err != nil || found == nil {
			t.Fatalf("%v, %v", found, err)
		}
		if !found.Success {
			return found.Error.Name
		}
		var names []string
		for _, e := range found.Events {
			if e.Pallet == "SubtensorModule" {
				names = append(names, e.Name)
			}
		}
		return fmt.Sprint(names)
	}
	return "not in a block"
}

// read reads an item of SubtensorModule.
func read(ctx context.Context, c *substrate.Client, at substrate.Hash, name string, keys ...any) (any, error) {
	rt, err := c.Runtime(ctx, at)
	if err != nil {
		return nil, err
	}
	item, err := rt.Metadata.Storage("SubtensorModule", name)
	if err != nil {
		return nil, err
	}
	key, err := item.Key(keys...)
	if err != nil {
		return nil, err
	}
	raw, err := c.Storage(ctx, at, key)
	if err != nil || raw == nil {
		return nil, err
	}
	return rt.Metadata.Types.DecodeValue(item.Value, raw)
}

// The development chain answers weight calls as the real runtime does, with the same events and errors.
func TestWeightCallsAsReal(t *testing.T) {
	t.Parallel()
	list := func(numbers ...int) []any {
		out := make([]any, len(numbers))
		for i, n := range numbers {
			out[i] = n
		}
		return out
	}
	hash := scale.Bytes(make([]byte, 32))
	calls := func(uid func(netuid int, uri string) int) []weightCall {
		a, b, d := uid(1, "//Alice"), uid(1, "//Bob"), uid(1, "//Dave")
		set := func(netuid int, uids, values []any) map[string]any {
			return map[string]any{"netuid": netuid, "dests": uids, "weights": values, "version_key": 0}
		}
		reveal := map[string]any{"netuid": 3, "uids": list(0, 1), "values": list(1, 2), "salt": list(7), "version_key": 0}
		preimage := slices.Concat(bytesOf(public(t, "//Bob")), []byte{3, 0, 8, 0, 0, 1, 0, 8, 1, 0, 2, 0, 4, 7, 0}, make([]byte, 8))
		committed := scale.Blake2_256(preimage)
		wrong := map[string]any{"netuid": 3, "uids": list(0, 1), "values": list(1, 2), "salt": list(8), "version_key": 0}
		return []weightCall{
			{"//Bob", "set_weights", set(1, list(a, b, d), list(40000, 20000, 1))},
			{"//Bob", "set_weights", set(0, list(a), list(1))},
			{"//Bob", "set_weights", set(1, list(a, b), list(1))},
			{"//Bob", "set_weights", set(99, list(a), list(1))},
			{"//Bob", "set_weights", set(1, list(0, 1, 2, 3, 4, 5, 6, 7, 8, 9), list(0, 1, 2, 3, 4, 5, 6, 7, 8, 9))},
			{"//Alice", "set_weights", set(4, list(0), list(1))},
			{"//Charlie", "set_weights", set(1, list(a), list(1))},
			{"//Charlie", "set_weights", set(1, list(uid(1, "//Charlie")), list(1))},
			{"//Bob", "set_weights", set(1, list(a, a), list(1, 1))},
			{"//Bob", "set_weights", set(1, list(a, 77), list(1, 1))},
			{"//Bob", "set_weights", set(3, list(a), list(1))},
			{"//Bob", "commit_weights", map[string]any{"netuid": 1, "commit_hash": hash}},
			{"//Bob", "commit_weights", map[string]any{"netuid": 99, "commit_hash": hash}},
			{"//Bob", "reveal_weights", reveal},
			{"//Bob", "commit_weights", map[string]any{"netuid": 3, "commit_hash": scale.Bytes(committed[:])}},
			{"//Bob", "reveal_weights", wrong},
			{"//Bob", "reveal_weights", reveal},
			{"//Bob", "batch_reveal_weights", map[string]any{
				"netuid": 3, "uids_list": []any{list(0)}, "values_list": []any{}, "salts_list": []any{list(1)}, "version_keys": list(0),
			}},
		}
	}
	want := outcomes(t, realChain(t), calls)
	got := outcomes(t, playedChain(t), calls)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%d: %s; really %s", i, got[i], want[i])
		}
	}
	if testing.Verbose() {
		for _, line := range want {
			t.Log(line)
		}
	}
}

func bytesOf(key [32]byte) []byte { return key[:] }

// On the real runtime a hashed commit in the block in which an epoch runs belongs to the epoch that ends with that block:
// it is revealed in the very next block, with a reveal period of one epoch.
func TestCommitInTheBlockOfAnEpoch(t *testing.T) {
	t.Parallel()
	const netuid, tempo = 3, 20
	c := realChain(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	head, err := c.Head(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if value, err := read(ctx, c, head.Hash, "Tempo", netuid); err != nil || value != uint64(tempo) {
		t.Fatalf("the tempo is %v, %v", value, err)
	}
	edge := head.Number + 1
	for (edge+netuid+1)%(tempo+1) != tempo {
		edge++
	}
	preimage := slices.Concat(bytesOf(public(t, "//Bob")), []byte{netuid, 0, 4, 0, 0, 4, 1, 0, 4, 7, 0}, make([]byte, 8))
	committed := scale.Blake2_256(preimage)
	send := func(uri, pallet, call string, args map[string]any) string {
		key, err := wallet.FromURI(uri)
		if err != nil {
			t.Fatal(err)
		}
		nonce, err := c.NonceAt(ctx, head.Hash, key.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		x, err := c.Sign(ctx, substrate.SignRequest{At: head, Period: 64, Nonce: nonce, Pallet: pallet, Call: call, Args: args}, signer{key, "Sr25519"})
		if err != nil {
			t.Fatal(err)
		}
		said := outcome(ctx, t, c, x) // a block is built for it
		head = headFrom(t, c, head.Number+1)
		return said
	}
	for head.Number+1 < edge {
		send("//Alice", "System", "remark", map[string]any{"remark": []byte{byte(head.Number)}})
	}
	if said := send("//Bob", "SubtensorModule", "commit_weights", map[string]any{"netuid": netuid, "commit_hash": scale.Bytes(committed[:])}); said != "[WeightsCommitted]" || head.Number != edge {
		t.Fatalf("block %d, not %d: %s", head.Number, edge, said)
	}
	since, err := read(ctx, c, head.Hash, "BlocksSinceLastStep", netuid)
	if err != nil || since != uint64(0) {
		t.Fatalf("no epoch ran in block %d: %v, %v", edge, since, err)
	}
	said := send("//Bob", "SubtensorModule", "reveal_weights", map[string]any{
		"netuid": netuid, "uids": []any{0}, "values": []any{1}, "salt": []any{7}, "version_key": 0,
	})
	if !strings.Contains(said, "WeightsRevealed") || head.Number != edge+1 {
		t.Errorf("block %d: %s", head.Number, said)
	}
}
