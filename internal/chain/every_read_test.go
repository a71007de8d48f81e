package chain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	pylon "github.com/bittensor-pylon/pylon"
	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// numberedRead is a read by block number, and the operation that it is in metrics; none when it is not measured.
type numberedRead struct {
	operation string
	netuid    string
	read      func(ctx context.Context, c *Chain, number uint64) (any, error)
}

// readsByNumber are all reads of part 2 by block number.
var readsByNumber = map[string]numberedRead{
	"certificates": {"get_certificates", "1", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.Certificates(ctx, number, 1)
	}},
	"commitments": {"get_commitments", "1", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.Commitments(ctx, number, 1)
	}},
	"prices": {"get_alpha_prices", "N/A", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.Prices(ctx, number)
	}},
	"price": {"get_alpha_price", "1", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.Price(ctx, number, 1)
	}},
	"EVM associations": {"", "", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.EVMAssociations(ctx, number, 1)
	}},
	"extrinsic": {"", "", func(ctx context.Context, c *Chain, number uint64) (any, error) {
		return c.Extrinsic(ctx, number, 0)
	}},
}

// latestReads are all reads of part 2 of the newest block.
var latestReads = map[string]struct {
	operation string
	netuid    string
	read      func(ctx context.Context, c *Chain) (any, error)
}{
	"certificates": {"get_certificates", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestCertificates(ctx, 1)
	}},
	"certificate": {"get_certificate", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestCertificate(ctx, 1, hotkeyOf(1))
	}},
	"commitments": {"get_commitments", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestCommitments(ctx, 1)
	}},
	"commitment": {"get_commitment", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestCommitment(ctx, 1, hotkeyOf(1))
	}},
	"revealed commitments": {"get_all_revealed_commitments", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestRevealedCommitments(ctx, 1)
	}},
	"revealed commitments of one": {"get_revealed_commitments", "1", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestRevealedCommitment(ctx, 1, hotkeyOf(1))
	}},
	"drand": {"get_drand_last_stored_round", "N/A", func(ctx context.Context, c *Chain) (any, error) {
		return c.LastStoredRound(ctx)
	}},
	"prices": {"get_alpha_prices", "N/A", func(ctx context.Context, c *Chain) (any, error) { return c.LatestPrices(ctx) }},
	"price":  {"get_alpha_price", "1", func(ctx context.Context, c *Chain) (any, error) { return c.LatestPrice(ctx, 1) }},
	"EVM associations": {"", "", func(ctx context.Context, c *Chain) (any, error) {
		return c.LatestEVMAssociations(ctx, 1)
	}},
}

// furnished returns a node with blocks 1 to head that have something for every read, of the spec that has all.
func furnished(t *testing.T, head uint64) *fakeNode {
	t.Helper()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, head)
	for number := range head {
		furnish(t, node, number+1)
	}
	return node
}

// furnish fills a block. What is in it tells the block.
func furnish(t *testing.T, node *fakeNode, number uint64) {
	t.Helper()
	node.register(t, number, 1, 0, 1, 2)
	node.commit(t, number, 1, 1, uint32(number), "03 0102")
	node.put(t, number, "SubtensorModule", "NeuronCertificates", []byte{4, byte(number), 1}, uint16(1), keyOf(1))
	revealed := scale.AppendUint64(append([]byte{4}, scale.AppendByteVec(nil, []byte("\x08hi"))...), number)
	node.put(t, number, "Commitments", "RevealedCommitments", revealed, uint16(1), keyOf(1))
	node.put(t, number, "SubtensorModule", "AssociatedEvmAddress", scale.AppendUint64(bytes.Repeat([]byte{0xab}, 20), number), uint16(1), uint16(0))
	node.put(t, number, "Drand", "LastStoredRound", scale.AppendUint64(nil, number))
	node.answer(number, "SwapRuntimeApi_current_alpha_price", []byte{1, 0}, scale.AppendUint64(nil, number))
	prices := append([]byte{4, 1, 0}, scale.AppendUint64(nil, number)...)
	node.answer(number, "SwapRuntimeApi_current_alpha_price_all", nil, prices)
	node.change(number, func(b *fakeBlock) { b.extrinsics = [][]byte{fromHex(t, "280402000b0080e1cb9b01")} })
}

func TestConformance066To068EveryRead(t *testing.T) {
	t.Parallel()
	for name, test := range readsByNumber {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			main, archive := furnished(t, 20), furnished(t, 20)
			seen := new(observed)
			c := newFakeChain(t, main, archive, Config{ArchiveCutoff: 10, Observe: seen.add})
			check := func(number uint64, want ...Operation) {
				t.Helper()
				if _, err := test.read(t.Context(), c, number); err != nil {
					t.Errorf("block %d: %v", number, err)
				}
				if test.operation == "" {
					want = nil
				}
				got := slices.DeleteFunc(seen.take(), func(op Operation) bool { return op.Name == "get_block" })
				if diff := cmp.Diff(want, got); diff != "" && len(got)+len(want) > 0 {
					t.Errorf("block %d (-want +got):\n%s", number, diff)
				}
			}
			ok := Operation{Name: test.operation, Status: "success", URI: "ws://main", Netuid: test.netuid}
			check(20, ok)
			before := archive.called("")
			check(10, ok) // exactly as far back as main has
			if archive.called("") != before {
				t.Error("the archive was asked for a block that is not too old")
			}
			stale := ok
			stale.URI, stale.Fallback = "ws://archive", staleBlock
			before = main.called("") - main.called("BlockHash")
			check(9, stale)
			if main.called("")-main.called("BlockHash") != before {
				t.Error("main was asked for a block that is too old")
			}

			for _, number := range []uint64{13, 14, 15} {
				main.prune(number)
			}
			unknown, found := ok, ok
			unknown.Status = "unknown_block"
			found.URI, found.Fallback = "ws://archive", unknownBlock
			restore(main, 15)
			check(15, unknown, found)

			archive.prune(14)
			archive.prune(13)
			restore(main, 14)
			_, err := test.read(t.Context(), c, 14)
			wantProblem(t, err, problem.Unavailable, "Block 14 data is unavailable on both main and archive nodes.")
			archive.prune(4)
			archive.prune(3)
			_, err = test.read(t.Context(), c, 4)
			wantProblem(t, err, problem.Unavailable, "Block 4 data is unavailable on the archive node. Archive was used because "+
				"the block exceeded archive block cutoff (10 blocks).")

			_, err = test.read(t.Context(), c, 21)
			wantProblem(t, err, problem.NotFound, "Block 21 not found.")
		})
	}
}

// restore makes the number of a pruned block known again, but not what it left behind.
func restore(n *fakeNode, number uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.numbers[number] = hashOf(number, 0)
}

// An answer is read once, and is the same one while it is kept, by number as well as as the latest.
func TestEveryReadIsShared(t *testing.T) {
	t.Parallel()
	node := furnished(t, 5)
	seen := new(observed)
	c := newFakeChain(t, node, node, Config{Observe: seen.add})
	for name, test := range latestReads {
		before := node.called("")
		var group sync.WaitGroup
		answers := make([]any, 16)
		for i := range answers {
			group.Go(func() {
				answer, err := test.read(t.Context(), c)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				answers[i] = answer
			})
		}
		group.Wait()
		calls := node.called("") - before
		if calls > 5 {
			t.Errorf("%s: %d calls", name, calls)
		}
		for _, answer := range answers {
			if answer != answers[0] {
				t.Errorf("%s: answers differ", name)
			}
		}
		if byNumber, ok := readsByNumber[name]; ok {
			if answer, err := byNumber.read(t.Context(), c, 5); answer != answers[0] || err != nil {
				t.Errorf("%s by number: %v, %v", name, answer, err)
			}
		}
		if node.called("")-before != calls {
			t.Errorf("%s: read again", name)
		}
		var want []Operation
		if test.operation != "" {
			want = []Operation{{Name: test.operation, Status: "success", URI: "ws://main", Netuid: test.netuid}}
		}
		if diff := cmp.Diff(want, seen.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if value := reflect.ValueOf(answers[0]); value.Kind() == reflect.Pointer {
			if at, ok := reflect.Indirect(value).Type().FieldByName("Block"); ok {
				if got := reflect.Indirect(value).FieldByIndex(at.Index).Interface(); got != hashNumber(5) {
					t.Errorf("%s: at %v", name, got)
				}
			}
		}
	}
	// A new head is another question.
	node.grow(6, 6)
	furnish(t, node, 6)
	if round, err := c.LastStoredRound(t.Context()); round != 6 || err != nil {
		t.Errorf("%d, %v", round, err)
	}
}

// Whatever a node says, the chain answers with an error that a user can be told, and goes on.
func TestConformance071EveryReadOfAFailingNode(t *testing.T) {
	t.Parallel()
	node := furnished(t, 5)
	c := newFakeChain(t, node, node, Config{})
	if _, err := c.newest(t.Context()); err != nil {
		t.Fatal(err)
	}
	node.setHook(func(_ context.Context, call fakeCall) error {
		return &substrate.Error{Kind: substrate.KindTransport, Op: call.method, Node: "ws://fake", Message: "broken"}
	})
	for name, test := range latestReads {
		operation := test.operation
		if operation == "" {
			operation = "get_evm_associations"
		}
		_, err := test.read(t.Context(), c)
		wantProblem(t, err, problem.Unavailable, fmt.Sprintf("%s failed on ws://fake: Transport: broken", operation))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := test.read(ended, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	node.setHook(nil)
	for name, test := range latestReads {
		if _, err := test.read(t.Context(), c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestConformance057To060Prices(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.runtime = runtimeOf(t, 425, "v15")
	node.grow(1, 3)
	price := func(netuid uint16, value uint64) []byte {
		return scale.AppendUint64(scale.AppendUint16(nil, netuid), value)
	}
	node.answer(3, "SwapRuntimeApi_current_alpha_price_all", nil, slices.Concat([]byte{12}, price(300, 1), price(0, 1e9), price(2, 1<<64-1)))
	for netuid, value := range map[uint16]uint64{300: 1, 0: 1e9, 2: 1<<64 - 1, 77: 5} {
		node.answer(3, "SwapRuntimeApi_current_alpha_price", scale.AppendUint16(nil, netuid), scale.AppendUint64(nil, value))
	}
	c := newFakeChain(t, node, node, Config{})
	all, err := c.LatestPrices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := &pylon.Prices{Block: hashNumber(3), Prices: []pylon.SubnetPrice{{Netuid: 0, Value: 1e9}, {Netuid: 2, Value: 1<<64 - 1}, {Netuid: 300, Value: 1}}}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
	for _, of := range all.Prices {
		one, err := c.Price(t.Context(), 3, of.Netuid)
		if err != nil || *one != (pylon.Price{Block: hashNumber(3), Netuid: of.Netuid, Value: of.Value}) {
			t.Errorf("%+v, %v", one, err)
		}
	}
	// What the runtime says of a subnet that does not exist is the answer.
	if one, err := c.LatestPrice(t.Context(), 77); err != nil || one.Value != 5 {
		t.Errorf("%+v, %v", one, err)
	}
	_, err = c.Prices(t.Context(), 9)
	wantProblem(t, err, problem.NotFound, "Block 9 not found.")
	_, err = c.Price(t.Context(), 9, 1)
	wantProblem(t, err, problem.NotFound, "Block 9 not found.")
	// The metadata has it, and the runtime does not: a runtime that changed in that very block.
	_, err = c.Price(t.Context(), 2, 2)
	wantUnsupported(t, err, "get_alpha_price", 2)
	_, err = c.Prices(t.Context(), 2)
	wantUnsupported(t, err, "get_alpha_prices", 2)
}

// Spec 343 has the price of a subnet, and not that of all.
func TestPricesSubnetBySubnet(t *testing.T) {
	t.Parallel()
	node := newFakeNode(t)
	node.grow(1, 2)
	node.change(2, func(b *fakeBlock) {
		for netuid := range pylon.Netuid(40) {
			b.subnets[netuid] = nil
		}
	})
	for netuid := range uint16(40) {
		node.answer(2, "SwapRuntimeApi_current_alpha_price", scale.AppendUint16(nil, netuid), scale.AppendUint64(nil, 1000+uint64(netuid)))
	}
	c := newFakeChain(t, node, node, Config{})
	all, err := c.LatestPrices(t.Context())
	if err != nil || len(all.Prices) != 40 {
		t.Fatalf("%+v, %v", all, err)
	}
	for i, of := range all.Prices {
		if of != (pylon.SubnetPrice{Netuid: pylon.Netuid(i), Value: pylon.Rao(1000 + i)}) {
			t.Errorf("%d: %+v", i, of)
		}
	}
}
