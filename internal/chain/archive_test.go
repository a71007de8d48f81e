package chain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/internal/problem"
	"github.com/bittensor-pylon/pylon/internal/scale"
	"github.com/bittensor-pylon/pylon/internal/substrate"
)

// pair returns main and archive nodes with the same blocks 1 to head, of which the first ones are pruned on main.
func pair(t *testing.T, head, pruned uint64) (main, archive *fakeNode) {
	t.Helper()
	main, archive = newFakeNode(t), newFakeNode(t)
	main.grow(1, head)
	archive.grow(1, head)
	for number := range pruned {
		main.prune(number + 1)
	}
	return main, archive
}

// neuronOperations are what reading neurons reports.
func neuronOperations(uri, status, fallback string) []Operation {
	return []Operation{
		{Name: "get_neurons_list", Status: status, URI: uri, Netuid: "1"},
		{Name: "get_subnet_state", Status: status, URI: uri, Netuid: "1"},
		{Name: "get_neurons", Status: status, URI: uri, Netuid: "1", Fallback: fallback},
	}
}

// sorted puts the two reads that go on side by side into one order.
func sorted(operations []Operation) []Operation {
	for i := 1; i < len(operations); i++ {
		if operations[i-1].Name == "get_subnet_state" && operations[i].Name == "get_neurons_list" {
			operations[i-1], operations[i] = operations[i], operations[i-1]
		}
	}
	return operations
}

func TestConformance066ArchiveCutoff(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 0)
	seen := new(observed)
	c := newFakeChain(t, main, archive, Config{Observe: seen.add})
	for _, test := range []struct {
		number        uint64
		uri, fallback string
	}{
		{1000, "ws://main", ""},
		{701, "ws://main", ""},
		{700, "ws://main", ""},
		{699, "ws://archive", staleBlock},
		{1, "ws://archive", staleBlock},
	} {
		n, err := c.Neurons(t.Context(), test.number, 1)
		if numberOf(t, n, err) != test.number {
			t.Errorf("block %d: %d", test.number, n.Block.Number)
		}
		want := neuronOperations(test.uri, "success", test.fallback)
		got := sorted(seen.take())
		if test.number != 1000 {
			want = append([]Operation{{Name: "get_block", Status: "success", URI: "ws://main", Netuid: "N/A"}}, want...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("block %d (-want +got):\n%s", test.number, diff)
		}
	}
	if got := archive.called("Head") + archive.called("BlockHash"); got != 0 {
		t.Errorf("the archive was asked %d times for a head or a number", got)
	}
}

func TestConformance067UnknownOnMainIsReadFromArchive(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 900)
	seen := new(observed)
	c := newFakeChain(t, main, archive, Config{Observe: seen.add})
	n, err := c.Neurons(t.Context(), 800, 1)
	if numberOf(t, n, err) != 800 {
		t.Errorf("block %d", n.Block.Number)
	}
	fallbacks := map[string]int{}
	for _, op := range seen.take() {
		if op.Fallback != "" {
			fallbacks[op.Fallback+" "+op.Name]++
		}
		if op.URI == "ws://main" && op.Name == "get_neurons" && op.Status != "unknown_block" {
			t.Errorf("%+v", op)
		}
	}
	if diff := cmp.Diff(map[string]int{"unknown_block get_neurons": 1}, fallbacks); diff != "" {
		t.Errorf("fallbacks (-want +got):\n%s", diff)
	}
}

func TestConformance068UnknownOnBoth(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 900)
	archive.prune(800)
	archive.prune(500)
	c := newFakeChain(t, main, archive, Config{})
	for number, want := range map[uint64]string{
		800: "Block 800 data is unavailable on both main and archive nodes.",
		500: "Block 500 data is unavailable on the archive node. Archive was used because the block exceeded archive " +
			"block cutoff (300 blocks).",
	} {
		_, err := c.Neurons(t.Context(), number, 1)
		wantProblem(t, err, problem.Unavailable, want)
		_, err = c.BlockInfo(t.Context(), number)
		wantProblem(t, err, problem.Unavailable, want)
		_, err = c.SubnetExists(t.Context(), number, 1)
		wantProblem(t, err, problem.Unavailable, want)
		_, err = c.Hyperparameters(t.Context(), number, 1)
		wantProblem(t, err, problem.Unavailable, want)
	}
}

// wantProblem checks what a user would get.
func wantProblem(t *testing.T, err error, kind problem.Kind, detail string) {
	t.Helper()
	var p *problem.Error
	if !errors.As(err, &p) {
		t.Errorf("no problem: %v", err)
		return
	}
	if p.Kind != kind || p.Detail != detail {
		t.Errorf("%v %q instead of %v %q", p.Kind, p.Detail, kind, detail)
	}
}

// A block is pruned between the two reads of one answer: all of it comes from the archive, nothing is mixed.
func TestConformance067PrunedBetweenTwoReads(t *testing.T) {
	t.Parallel()
	for _, lost := range []string{
		"Runtime", "NeuronInfoRuntimeApi_get_neurons_lite", "SubnetInfoRuntimeApi_get_subnet_state",
	} {
		main, archive := pair(t, 1000, 0)
		archive.change(900, func(b *fakeBlock) {
			for i := range b.subnets[1] {
				b.subnets[1][i].total, b.subnets[1][i].stake = 77e9, []uint64{66e9}
			}
		})
		c := newFakeChain(t, main, archive, Config{})
		main.setHook(func(_ context.Context, call fakeCall) error {
			if call.method == lost {
				return &substrate.Error{Kind: substrate.KindStateDiscarded, Op: "state_call", Code: 4003}
			}
			return nil
		})
		n, err := c.Neurons(t.Context(), 900, 1)
		if numberOf(t, n, err) != 900 {
			t.Errorf("%s: block %d", lost, n.Block.Number)
		}
		if got := n.Neurons[0]; got.Stakes.Total != 77 || got.Stake != 66 {
			t.Errorf("%s: stakes %v and %v", lost, got.Stakes, got.Stake)
		}
	}
}

func TestConformance037UnknownBlocks(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 0)
	archive.grow(1001, 1100) // what only the archive knows does not count
	c := newFakeChain(t, main, archive, Config{})
	for _, number := range []uint64{1001, 1 << 32, 1<<64 - 1} {
		want := fmt.Sprintf("Block %d not found.", number)
		_, err := c.Neurons(t.Context(), number, 1)
		wantProblem(t, err, problem.NotFound, want)
		_, err = c.Validators(t.Context(), number, 1)
		wantProblem(t, err, problem.NotFound, want)
		_, err = c.BlockInfo(t.Context(), number)
		wantProblem(t, err, problem.NotFound, want)
		_, err = c.Hyperparameters(t.Context(), number, 1)
		wantProblem(t, err, problem.NotFound, want)
		_, err = c.SubnetExists(t.Context(), number, 1)
		wantProblem(t, err, problem.NotFound, want)
	}
	// It may come to be.
	main.setHead(main.add(1001))
	main.setHead(main.add(1002))
	main.setHead(main.add(1003))
	if n, err := c.Neurons(t.Context(), 1001, 1); numberOf(t, n, err) != 1001 {
		t.Errorf("block %d", n.Block.Number)
	}
}

// Every failure of a node has its text, and only those of missing state and of nodes that cannot be reached lead to the
// archive.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		main, archive error
		number        uint64
		kind          problem.Kind
		want          string
	}{
		"transport, the archive too": {
			main:    &substrate.Error{Kind: substrate.KindTransport, Op: "state_call", Node: "ws://10.0.0.1:9944", Message: "connection reset"},
			archive: &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Message: "connection refused"},
			kind:    problem.Unavailable, want: "get_neurons failed on ws://10.0.0.1:9944: Transport: connection reset",
		},
		"no words": {
			main: &substrate.Error{Kind: substrate.KindTimeout, Op: "state_call"},
			kind: problem.Unavailable, want: "get_neurons failed on ws://main: Timeout",
		},
		"a cause": {
			main:    &substrate.Error{Kind: substrate.KindTransport, Op: "state_call", Err: errors.New("broken pipe")},
			archive: &substrate.Error{Kind: substrate.KindStateDiscarded, Op: "state_call"},
			kind:    problem.Unavailable, want: "get_neurons failed on ws://main: Transport: broken pipe",
		},
		"a node's own error": {
			main: &substrate.Error{Kind: substrate.KindUnknown, Op: "state_call", Code: -32000, Message: "out of coffee"},
			kind: problem.Unavailable, want: "get_neurons failed on ws://main: Unknown: out of coffee",
		},
		"an error of somebody else": {
			main: errors.New("something"),
			kind: problem.Unavailable, want: "get_neurons failed on ws://main: Malformed: something",
		},
		"a runtime without the field": {
			main: &scale.BindError{Type: "NeuronInfoLite", Field: "stake", Reason: "is missing"},
			kind: problem.Unavailable, want: "get_neurons failed on ws://main: RuntimeMismatch: bind NeuronInfoLite.stake: is missing",
		},
		"invalid params on main": {
			main: &substrate.Error{Kind: substrate.KindInvalidParams, Op: "state_call", Code: -32602, Message: "Invalid params"},
			kind: problem.Unavailable, want: "get_neurons failed on ws://main: InvalidParams: Invalid params",
		},
		"a method that the runtime lacks": {
			main: &substrate.Error{
				Kind: substrate.KindMethodMissing, Op: "state_call", Code: 4003,
				Message: "Client error: Execution failed: Other: Exported method X_y is not found",
			},
			kind: problem.Unsupported,
			want: "The runtime API required for 'get_neurons' is not available at block 900. It was introduced by a later " +
				"runtime upgrade, so older blocks do not export it (Client error: Execution failed: Other: Exported method " +
				"X_y is not found).",
		},
		"unknown on main, archive down": {
			main:    &substrate.Error{Kind: substrate.KindUnknownBlock, Op: "state_call", Code: 4003},
			archive: &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Message: "connection refused"},
			kind:    problem.Unavailable, want: "get_neurons failed on ws://archive: Transport: connection refused",
		},
		"too old, archive down": {
			archive: &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Message: "connection refused"},
			number:  100,
			kind:    problem.Unavailable, want: "get_neurons failed on ws://archive: Transport: connection refused",
		},
		"too old, invalid params": {
			archive: &substrate.Error{Kind: substrate.KindInvalidParams, Op: "state_call", Code: -32602, Message: "Invalid params"},
			number:  100,
			kind:    problem.Unavailable,
			want: "Archive node returned 'Invalid params'. This may indicate the archive node (ws://archive) does not " +
				"support named keyword arguments.",
		},
		"too old, a method that the runtime lacks": {
			archive: &substrate.Error{Kind: substrate.KindMethodMissing, Op: "state_call", Message: "Exported method X_y is not found"},
			number:  100,
			kind:    problem.Unsupported,
			want: "The runtime API required for 'get_neurons' is not available at block 100. It was introduced by a later " +
				"runtime upgrade, so older blocks do not export it (Exported method X_y is not found).",
		},
	} {
		main, archive := pair(t, 1000, 0)
		number := test.number
		if number == 0 {
			number = 900
		}
		fail := func(node *fakeNode, with error) {
			node.setHook(func(_ context.Context, call fakeCall) error {
				if call.method == "NeuronInfoRuntimeApi_get_neurons_lite" {
					return with
				}
				return nil
			})
		}
		fail(main, test.main)
		fail(archive, test.archive)
		c := newFakeChain(t, main, archive, Config{})
		_, err := c.Neurons(t.Context(), number, 1)
		t.Run(name, func(t *testing.T) { wantProblem(t, err, test.kind, test.want) })
		if used := archive.called(""); (used > 0) != (test.archive != nil) {
			t.Errorf("%s: %d calls of the archive", name, used)
		}
		// A failure is not kept.
		main.setHook(nil)
		archive.setHook(nil)
		if n, err := c.Neurons(t.Context(), number, 1); numberOf(t, n, err) != number {
			t.Errorf("%s: block %d afterwards", name, n.Block.Number)
		}
	}
}

// While no main node can be reached the archive does both: it says which block has the number, and what is in it.
func TestTheArchiveStandsInForMain(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"BlockHash", "NeuronInfoRuntimeApi_get_neurons_lite", "Head"} {
		main, archive := pair(t, 1000, 0)
		main.setHook(func(_ context.Context, call fakeCall) error {
			if call.method == method || method == "Head" {
				return &substrate.Error{Kind: substrate.KindTransport, Op: "connect", Message: "connection refused"}
			}
			return nil
		})
		seen := new(observed)
		c := newFakeChain(t, main, archive, Config{Observe: seen.add})
		if n, err := c.Neurons(t.Context(), 900, 1); numberOf(t, n, err) != 900 {
			t.Errorf("%s: block %d", method, n.Block.Number)
		}
		if !slices.ContainsFunc(seen.take(), func(o Operation) bool { return o.Fallback == "main_unreachable" && o.URI == "ws://archive" }) {
			t.Errorf("%s: the use of the archive was not observed", method)
		}
	}
}

func TestAFailureOfTheNumberLookup(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 0)
	for _, node := range []*fakeNode{main, archive} {
		node.setHook(func(_ context.Context, call fakeCall) error {
			if call.method == "BlockHash" {
				return &substrate.Error{Kind: substrate.KindTransport, Op: "chain_getBlockHash", Message: "connection reset"}
			}
			return nil
		})
	}
	seen := new(observed)
	c := newFakeChain(t, main, archive, Config{Observe: seen.add})
	_, err := c.Neurons(t.Context(), 900, 1)
	wantProblem(t, err, problem.Unavailable, "get_block failed on ws://main: Transport: connection reset")
	want := []Operation{
		{Name: "get_block", Status: "error", URI: "ws://main", Netuid: "N/A"},
		{Name: "get_block", Status: "error", URI: "ws://archive", Netuid: "N/A", Fallback: "main_unreachable"},
	}
	if diff := cmp.Diff(want, seen.take()); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// The number of a block below the finalised one is asked for once; above, another block may come to have it.
func TestNumbersOfFinalizedBlocksAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testNumbersOfFinalizedBlocks)
}

func testNumbersOfFinalizedBlocks(t *testing.T) {
	main, archive := pair(t, 1000, 0)
	c := newFakeChain(t, main, archive, Config{})
	c.Start()
	synctest.Wait()
	main.finalize(990)
	main.finalize(980) // as when another node is asked
	synctest.Wait()
	for _, test := range []struct {
		number uint64
		calls  int
	}{{990, 1}, {991, 2}} {
		before := main.called("BlockHash")
		for range 2 {
			if n, err := c.Neurons(t.Context(), test.number, 1); numberOf(t, n, err) != test.number {
				t.Errorf("block %d: %d", test.number, n.Block.Number)
			}
		}
		if got := main.called("BlockHash") - before; got != test.calls {
			t.Errorf("block %d: %d lookups", test.number, got)
		}
	}
	fork := main.addFork(991, 1, 0)
	if n, err := c.Neurons(t.Context(), 991, 1); err != nil || n.Block.Hash != fork.Hash.String() {
		t.Errorf("%v, %v after a reorganisation", n, err)
	}
}

// A chain that begins anew has other blocks under the numbers that were final on the one before.
func TestNumbersOfAChainThatBeganAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		main, archive := pair(t, 1000, 0)
		c := newFakeChain(t, main, archive, Config{})
		c.Start()
		synctest.Wait()
		main.finalize(990)
		synctest.Wait()
		if n, err := c.Neurons(t.Context(), 5, 1); numberOf(t, n, err) != 5 {
			t.Errorf("block %d", n.Block.Number)
		}
		fresh := main.addFork(5, 1, 1)
		main.setHead(main.addFork(20, 1, 1))
		main.addFork(17, 1, 1)
		main.finalize(17)
		synctest.Wait()
		if n, err := c.Neurons(t.Context(), 5, 1); err != nil || n.Block.Hash != fresh.Hash.String() {
			t.Errorf("block 5 of the new chain: %+v, %v", n, err)
		}
		main.addFork(18, 1, 1)
		for range 2 { // 18 is not final yet
			if n, err := c.Neurons(t.Context(), 18, 1); numberOf(t, n, err) != 18 {
				t.Errorf("block %d", n.Block.Number)
			}
		}
		if again := main.addFork(18, 2, 1); again.Hash != main.numbers[18] {
			t.Error("the fork is not there")
		} else if n, err := c.Neurons(t.Context(), 18, 1); err != nil || n.Block.Hash != again.Hash.String() {
			t.Errorf("block 18 after a reorganisation: %+v, %v", n, err)
		}
	})
}

// A reader who leaves does not end the read that others wait for, and the next one is served.
func TestConformance070CancelledReader(t *testing.T) {
	t.Parallel()
	main, archive := pair(t, 1000, 0)
	entered, leave := make(chan struct{}), make(chan struct{})
	main.setHook(func(_ context.Context, call fakeCall) error {
		if call.method == "SubnetInfoRuntimeApi_get_subnet_state" {
			close(entered)
			<-leave
		}
		return nil
	})
	c := newFakeChain(t, main, archive, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := c.Neurons(ctx, 900, 1)
		left <- err
	}()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who left: %v", err)
	}
	close(leave)
	if n, err := c.Neurons(t.Context(), 900, 1); numberOf(t, n, err) != 900 {
		t.Errorf("block %d", n.Block.Number)
	}
	if got := main.called("SubnetInfoRuntimeApi_get_subnet_state"); got != 1 {
		t.Errorf("%d reads", got)
	}
}
