package substrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// two starts two nodes of the same chain and a client that prefers the first.
func two(t *testing.T, config Config) (a, b *scripted, c *Client) {
	t.Helper()
	network := newPipes(t)
	a, b = newScripted(t, "a", 10), newScripted(t, "a", 10)
	network.add("a", a)
	network.add("b", b)
	a.handle("echo", echo)
	b.handle("echo", echo)
	c = network.client(config, "a", "b")
	connected(t, c)
	return a, b, c
}

func TestNothingIsOpenedBeforeItIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		node := newScripted(t, "a", 10)
		network.add("a", node)
		c := network.client(Config{}, "a")
		advance(time.Hour)
		if _, ok := c.KnownHead(); ok || node.connections() != 0 || c.Nodes()[0].State != NodeIdle {
			t.Errorf("a head is known, or a node %+v was connected to", c.Nodes()[0])
		}
	})
}

func TestFailover(t *testing.T) {
	t.Parallel()
	for _, e := range []struct {
		code    int
		message string
		kind    Kind
		stays   bool // the second node is not asked
	}{
		{4242, "Something that nobody has seen", KindUnknown, false},
		{4003, "Client error: UnknownBlock: State already discarded for 0x00", KindStateDiscarded, false},
		{4003, "Client error: UnknownBlock: Header was not found in the database: 0x00", KindUnknownBlock, false},
		{-32601, "Method not found", KindRPCMethodMissing, false},
		{-32602, "Invalid params", KindInvalidParams, false},
		{-32603, "Internal error", KindNode, false},
		{-32008, "Response is too big", KindTooLarge, false},
		{4003, "Client error: Execution failed: Other: Exported method X_y is not found", KindMethodMissing, true},
	} {
		t.Run(e.kind.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				a.reply("echo", rpcError{Code: e.code, Message: e.message})
				got, err := question(t.Context(), c, "x")
				if e.stays {
					if KindOf(err) != e.kind || b.count("echo") != 0 {
						t.Errorf("%q, %v, and the second node was asked %d times", got, err, b.count("echo"))
					}
				} else if got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				// With nobody else to ask, the error is the node's.
				b.reply("echo", rpcError{Code: e.code, Message: e.message})
				_, err = question(t.Context(), c, "x")
				failed, ok := errors.AsType[*Error](err)
				if !ok || failed.Kind != e.kind || failed.Code != e.code || !strings.Contains(failed.Message, e.message) || failed.Op != "echo" || !strings.HasPrefix(failed.Node, "ws://") {
					t.Errorf("from both: %#v", err)
				}
			})
		})
	}
}

func TestWhichErrorCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, now, want Kind }{
		{KindUnknownBlock, KindUnknownBlock, KindUnknownBlock},
		{KindStateDiscarded, KindUnknownBlock, KindStateDiscarded},
		{KindUnknownBlock, KindStateDiscarded, KindStateDiscarded},
		{KindTimeout, KindStateDiscarded, KindStateDiscarded},
		{KindStateDiscarded, KindTimeout, KindStateDiscarded},
		{KindTimeout, KindUnknownBlock, KindTimeout},
		{KindUnknownBlock, KindTimeout, KindTimeout},
		{KindMalformed, KindNode, KindNode},
		{KindStateDiscarded, KindMethodMissing, KindMethodMissing},
		{KindTimeout, KindClosed, KindClosed},
	} {
		if got := worse(&Error{Kind: c.before}, &Error{Kind: c.now}); got.Kind != c.want {
			t.Errorf("%s, then %s: %s, not %s", c.before, c.now, got.Kind, c.want)
		}
	}
}

func TestFailoverWithinTheCallersDeadline(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]struct {
		deadline time.Duration // 0: none
		want     time.Duration
	}{
		"shared":      {8 * time.Second, 4 * time.Second},
		"without one": {0, 20 * time.Second},
		"far away":    {time.Hour, 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, _, c := two(t, Config{})
				a.handle("echo", func(uint64, []json.RawMessage) any { return nil })
				ctx := t.Context()
				if e.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, e.deadline)
					defer cancel()
				}
				began := time.Now()
				if got, err := question(ctx, c, "x"); got != "x" || err != nil {
					t.Errorf("%q, %v", got, err)
				}
				if took := time.Since(began); took != e.want {
					t.Errorf("took %s, not %s", took, e.want)
				}
			})
		})
	}
}

func TestTimeoutsNameWhoseTimeItWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{CallTimeout: 7 * time.Second})
		node.handle("echo", func(uint64, []json.RawMessage) any { return nil })
		_, err := question(t.Context(), c, "x")
		if want := "echo on ws://a: Timeout: no answer within 7s"; err == nil || err.Error() != want || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the node's: %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		_, err = question(ctx, c, "x")
		if want := "echo on ws://a: Timeout: context deadline exceeded"; err == nil || err.Error() != want || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the caller's: %v", err)
		}
	})
}

// A runtime that fails at a question would do so on every node. It speaks against a node only that another one answers.
func TestRuntimeThatTraps(t *testing.T) {
	t.Parallel()
	trap := rpcError{Code: 4003, Message: "Client error: Execution failed: Execution aborted due to trap: wasm trap: wasm `unreachable` instruction executed"}
	for name, test := range map[string]struct {
		b    any
		want NodeState
	}{
		"on both nodes":                {trap, NodeHealthy},
		"beside a node without blocks": {rpcError{Code: 4003, Message: "UnknownBlock: Header was not found in the database: 0x00"}, NodeHealthy},
		"on one node":                  {"x", NodeFailing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				a.reply("echo", trap)
				b.reply("echo", test.b)
				for range 3 {
					if got, err := question(t.Context(), c, "x"); test.want == NodeFailing && (got != "x" || err != nil) ||
						test.want == NodeHealthy && KindOf(err) != KindNode {
						t.Errorf("%q, %v", got, err)
					}
				}
				nodes := c.Nodes()
				if nodes[0].State != test.want || nodes[0].LastErrorKind != KindNode || nodes[1].State != NodeHealthy {
					t.Errorf("%s (%v) and %s", nodes[0].State, nodes[0].LastError, nodes[1].State)
				}
			})
		})
	}
}

// A node that answers nothing is asked last after three calls, then probed, and comes back; the next failure counts at
// once, and the waits grow.
func TestFailingNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{CallTimeout: time.Second})
		dead := func(uint64, []json.RawMessage) any { return nil }
		a.handle("echo", dead)
		a.handle("chain_getHeader", dead)
		produceAlong(t, 12*time.Second, a, b)
		state := func() NodeState { return c.Nodes()[0].State }
		for i := range 3 {
			if state() != NodeHealthy {
				t.Errorf("%s after %d failures", state(), i)
			}
			if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
				t.Fatal(got, err)
			}
		}
		asked := a.count("echo")
		began := time.Now()
		for range 10 {
			if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
				t.Fatal(got, err)
			}
		}
		if state() != NodeFailing || a.count("echo") != asked || time.Since(began) > 0 {
			t.Errorf("%s, asked %d times more, took %s", state(), a.count("echo")-asked, time.Since(began))
		}
		advance(time.Minute)
		if probes := a.count("chain_getHeader"); probes < 8 || probes > 60 || state() != NodeFailing {
			t.Errorf("%d probes in a minute, %s", probes, state())
		}
		a.handle("chain_getHeader", nil)
		advance(40 * time.Second)
		if state() != NodeHealthy {
			t.Errorf("%s after it answers probes", state())
		}
		if _, err := question(t.Context(), c, "x"); err != nil {
			t.Error(err)
		}
		if state() != NodeFailing {
			t.Errorf("%s after it has failed again", state())
		}
		a.handle("echo", echo)
		advance(40 * time.Second)
		before := b.count("echo")
		if _, err := question(t.Context(), c, "x"); err != nil || b.count("echo") != before || state() != NodeHealthy {
			t.Errorf("after it works again: %v, %s", err, state())
		}
		// When nobody else is there, a failing node is asked all the same.
		b.reply("echo", rpcError{Code: -32603, Message: "Internal error"})
		c.mu.Lock()
		c.nodes[0].failing = true
		c.refresh()
		c.mu.Unlock()
		if got, err := question(t.Context(), c, "x"); got != "x" || err != nil {
			t.Errorf("asked last: %q, %v", got, err)
		}
	})
}

func TestWrongChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		wrong, right := newScripted(t, "another", 50), newScripted(t, "a", 10)
		network.add("wrong", wrong)
		network.add("right", right)
		genesis := right.header(0).Hash
		c := network.client(Config{Genesis: &genesis}, "wrong", "right")
		connected(t, c)
		if h, _ := c.KnownHead(); h != right.head() {
			t.Errorf("the head is %v", h)
		}
		s := c.Nodes()[0]
		if s.State != NodeWrongChain || s.LastErrorKind != KindWrongChain || !strings.Contains(s.LastError.Error(), wrong.header(0).Hash.String()) {
			t.Errorf("%+v", s)
		}
		produceAlong(t, 12*time.Second, right)
		advance(5 * time.Minute)
		if n := wrong.connections(); n < 2 || n > 40 {
			t.Errorf("looked at %d times in five minutes", n)
		}
		// Somebody points its address at the right chain.
		network.add("wrong", right)
		advance(2 * time.Minute)
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("%+v", s)
		}
	})
}

func TestOnlyWrongChains(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		network.add("a", newScripted(t, "another", 50))
		c := network.client(Config{Genesis: &finneyGenesis}, "a")
		_, err := c.Head(t.Context())
		if KindOf(err) != KindWrongChain || !strings.Contains(err.Error(), finneyGenesis.String()) {
			t.Errorf("%v", err)
		}
	})
}

func TestTheFirstNodeSaysWhichChain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		a := newScripted(t, "a", 10)
		network.add("a", a)
		c := network.client(Config{}, "a", "b")
		g, err := c.Genesis(t.Context())
		if err != nil || g != a.header(0).Hash {
			t.Errorf("genesis %s, %v", g, err)
		}
		network.add("b", newScripted(t, "another", 50))
		advance(time.Minute)
		if s := c.Nodes()[1]; s.State != NodeWrongChain {
			t.Errorf("%+v", s)
		}
	})
}

func TestNoNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		c := network.client(Config{}, "a", "b")
		for _, call := range []func() error{
			func() error { _, err := c.Head(t.Context()); return err },
			func() error { _, err := c.BlockHash(t.Context(), 1); return err },
			func() error { _, err := c.Runtime(t.Context(), Hash{1}); return err },
		} {
			began := time.Now()
			err := call()
			if KindOf(err) != KindTransport || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "ws://b") {
				t.Errorf("%v", err)
			}
			if took := time.Since(began); took != 5*time.Second {
				t.Errorf("took %s", took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Head(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		// A node that comes up is used within the wait of a call.
		a := newScripted(t, "a", 10)
		go func() {
			advance(time.Second)
			network.add("a", a)
		}()
		if hash, err := c.BlockHash(t.Context(), 5); err != nil || hash != a.header(5).Hash {
			t.Errorf("%s, %v", hash, err)
		}
	})
}

// A node whose connections break at once is not run over with new ones.
func TestReconnectsAreSpaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		node := newScripted(t, "a", 10)
		network.add("a", node)
		node.reply("chain_getBlockHash", rawFrame("garbage"))
		c := network.client(Config{}, "a")
		_, _ = c.Head(t.Context())
		advance(time.Minute)
		n := node.connections()
		if n < 10 || n > 40 {
			t.Errorf("%d connections in a minute", n)
		}
		if s := c.Nodes()[0]; s.State != NodeConnecting || s.LastErrorKind != KindMalformed || s.Reconnects != 0 {
			t.Errorf("%+v", s)
		}
		node.handle("chain_getBlockHash", nil)
		advance(6 * time.Second)
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("%+v", s)
		}
	})
}

func TestPrunedNodeIsAskedLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		old := a.header(3).Hash
		a.reply("state_getStorage", rpcError{Code: 4003, Message: "Client error: UnknownBlock: State already discarded for " + old.String()})
		b.reply("state_getStorage", "0x07")
		for range 3 {
			if v, err := c.Storage(t.Context(), old, []byte{1}); err != nil || string(v) != "\x07" {
				t.Errorf("%x, %v", v, err)
			}
		}
		if n := a.count("state_getStorage"); n != 1 {
			t.Errorf("the pruned node was asked %d times about the same block", n)
		}
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("%+v", s)
		}
		b.reply("state_getStorage", rpcError{Code: 4003, Message: "Client error: UnknownBlock: Header was not found in the database: " + old.String()})
		if _, err := c.Storage(t.Context(), old, []byte{1}); KindOf(err) != KindStateDiscarded {
			t.Errorf("discarded here, unknown there: %v", err)
		}
	})
}

// A block is first asked of the node that told of it.
func TestNewBlockIsReadWhereItIsKnown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		b.reply("state_getStorage", "0x07")
		h := b.produce(1)
		synctest.Wait()
		if got, _ := c.KnownHead(); got != h {
			t.Fatalf("the head is %v, not %v", got, h)
		}
		if v, err := c.Storage(t.Context(), h.Hash, []byte{1}); err != nil || string(v) != "\x07" {
			t.Errorf("%x, %v", v, err)
		}
		if n := a.count("state_getStorage"); n != 0 {
			t.Errorf("the node that does not know the block was asked %d times", n)
		}
	})
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		want := node.header(4)
		if hash, err := c.BlockHash(t.Context(), 4); err != nil || hash != want.Hash {
			t.Errorf("%s, %v", hash, err)
		}
		if _, err := c.BlockHash(t.Context(), 1<<63); KindOf(err) != KindUnknownBlock {
			t.Errorf("%v", err)
		}
		if h, err := c.Header(t.Context(), want.Hash); err != nil || h != want {
			t.Errorf("%v, %v", h, err)
		}
		calls := node.count("chain_getHeader")
		if h, err := c.Header(t.Context(), want.Hash); err != nil || h != want || node.count("chain_getHeader") != calls {
			t.Errorf("again: %v, %v, %d calls", h, err, node.count("chain_getHeader")-calls)
		}
		if _, err := c.Header(t.Context(), Hash{1}); KindOf(err) != KindUnknownBlock {
			t.Errorf("%v", err)
		}
		node.reply("chain_getBlock", json.RawMessage(fmt.Sprintf(`{"block":{"header":%s,"extrinsics":["0x04","0x0102"]},"justifications":null}`, node.blocks[4])))
		b, err := c.Block(t.Context(), want.Hash)
		if err != nil || b.Header != want || len(b.Extrinsics) != 2 || string(b.Extrinsics[1]) != "\x01\x02" {
			t.Errorf("%v, %v", b, err)
		}
		// The node answers another block than the one asked for.
		if _, err := c.Block(t.Context(), node.header(5).Hash); KindOf(err) != KindMalformed {
			t.Errorf("%v", err)
		}
		node.reply("chain_getHeader", json.RawMessage(node.blocks[4]))
		if _, err := c.Header(t.Context(), node.header(5).Hash); KindOf(err) != KindMalformed {
			t.Errorf("%v", err)
		}
		for _, answer := range []any{jsonNull{}, json.RawMessage(`{}`), json.RawMessage(`{"block":{"header":{}}}`), "x", 7} {
			node.reply("chain_getBlock", answer)
			want := KindMalformed
			if answer == (jsonNull{}) {
				want = KindUnknownBlock
			}
			if _, err := c.Block(t.Context(), Hash{1}); KindOf(err) != want {
				t.Errorf("%v: %v", answer, err)
			}
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.handle("echo", func(uint64, []json.RawMessage) any { return nil })
		node.handle("state_getRuntimeVersion", func(uint64, []json.RawMessage) any { return nil })
		events, stop := c.Watch(1)
		var group sync.WaitGroup
		for _, call := range []func() error{
			func() error { _, err := question(t.Context(), c, "x"); return err },
			func() error { _, err := c.Runtime(t.Context(), Hash{1}); return err },
		} {
			group.Go(func() {
				if err := call(); KindOf(err) != KindClosed {
					t.Errorf("a call under way: %v", err)
				}
			})
		}
		synctest.Wait()
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		group.Wait()
		if took := time.Since(began); took > 0 {
			t.Errorf("took %s", took)
		}
		for range events {
		}
		stop()
		for _, call := range []func() error{
			func() error { _, err := question(t.Context(), c, "x"); return err },
			func() error { _, err := c.Head(t.Context()); return err },
			func() error { _, err := c.Finalized(t.Context()); return err },
			func() error { _, err := c.Runtime(t.Context(), Hash{2}); return err },
			func() error { return c.StoragePrefix(t.Context(), Hash{2}, nil, nil) },
		} {
			if err := call(); KindOf(err) != KindClosed {
				t.Errorf("afterwards: %v", err)
			}
		}
		if events, stop := c.Watch(1); true {
			if _, ok := <-events; ok {
				t.Error("an event after Close")
			}
			stop()
		}
		if s := c.Nodes()[0]; s.State != NodeClosed || s.LastError != nil {
			t.Errorf("%+v", s)
		}
	})
}

// Close does not wait for a node that has frozen.
func TestCloseBesideAFrozenNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.gate.shut()
		failed := make(chan error)
		go func() {
			_, err := question(t.Context(), c, "x")
			failed <- err
		}()
		synctest.Wait()
		began := time.Now()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if err := <-failed; KindOf(err) != KindClosed {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("took %s", took)
		}
		node.gate.reopen()
	})
}
