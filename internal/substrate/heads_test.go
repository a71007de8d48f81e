package substrate

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func knownHead(t *testing.T, c *Client) Header {
	t.Helper()
	synctest.Wait()
	h, ok := c.KnownHead()
	if !ok {
		t.Fatal("no head is known")
	}
	return h
}

func TestHeadFollowsTheNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		if h, err := c.Head(t.Context()); err != nil || h != node.head() {
			t.Errorf("head %v, %v, not %v", h, err, node.head())
		}
		if f, err := c.Finalized(t.Context()); err != nil || f != node.header(8) {
			t.Errorf("finalised head %v, %v", f, err)
		}
		calls := node.total()
		want := node.produce(30)
		if h := knownHead(t, c); h != want {
			t.Errorf("head %v, not %v", h, want)
		}
		if f, err := c.Finalized(t.Context()); err != nil || f != node.header(int(want.Number)-2) {
			t.Errorf("finalised head %v, %v", f, err)
		}
		for range 100 {
			if _, err := c.Head(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if n := node.total() - calls; n != 0 {
			t.Errorf("30 new blocks and 100 looks at the head cost %d calls", n)
		}
	})
}

// What connecting costs: the genesis, two subscriptions and one look at the head; and two calls for the finalised head
// when the subscription is slow to tell it.
func TestCallsOfAConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		node := newScripted(t, "a", 10)
		network.add("a", node)
		c := network.client(Config{}, "a")
		node.onSubscribe = node.tellHeads // as real nodes do
		connected(t, c)
		advance(time.Second)
		if n := node.total(); n < 4 || n > 6 {
			t.Errorf("%d calls: %v", n, node.calls)
		}
	})
}

func header(number uint64) string {
	zero := Hash{}
	return fmt.Sprintf(`{"parentHash":"%s","number":"0x%x","stateRoot":"%s","extrinsicsRoot":"%s","digest":{"logs":[]}}`, zero, number, zero, zero)
}

// One wrong sample changes nothing; it costs one look.
func TestBogusHeadIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, number := range []uint64{0, 1, 4, 16, 1010, 1 << 32, 1<<64 - 1} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := one(t, Config{})
				events, stop := c.Watch(10)
				defer stop()
				<-events
				<-events
				looks := node.count("chain_getHeader")
				node.announce(header(number))
				if h := knownHead(t, c); h != node.head() {
					t.Errorf("the head is %v", h)
				}
				want := node.produce(1)
				if h := knownHead(t, c); h != want {
					t.Errorf("the next head is %v, not %v", h, want)
				}
				e := <-events
				for e.Finalized {
					e = <-events
				}
				if e.Header != want {
					t.Errorf("the event after it is %v", e)
				}
				if n := node.count("chain_getHeader") - looks; n != 1 {
					t.Errorf("%d looks", n)
				}
			})
		})
	}
}

// A node that never says the same thing twice is not asked all the time, and not believed.
func TestHeadsThatContradictEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		good := node.head()
		number := uint64(1000)
		node.lie = func() string { number += 1000; return header(number) }
		node.announce(header(500))
		looks := node.count("chain_getHeader")
		advance(10 * time.Second)
		if h := knownHead(t, c); h != good {
			t.Errorf("the head is %v", h)
		}
		if n := node.count("chain_getHeader") - looks; n < 5 || n > 12 {
			t.Errorf("%d looks in 10 s", n)
		}
		node.lie = nil
		node.produce(1)
		if h := knownHead(t, c); h != node.head() {
			t.Errorf("the head is %v, not %v", h, node.head())
		}
	})
}

// What is true is believed after a second look, however far it jumps.
func TestHeadJumps(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]func(node *scripted){
		"a block was replaced":       func(node *scripted) { node.rewind(1, "fork", 1) },
		"one block fewer":            func(node *scripted) { node.rewind(1, "", 0) },
		"three blocks were replaced": func(node *scripted) { node.rewind(3, "fork", 4) },
		"1000 blocks fewer":          func(node *scripted) { node.rewind(1000, "", 0) },
		"1000 blocks more":           func(node *scripted) { node.rewind(0, "", 1000) },
		"back to the beginning":      func(node *scripted) { node.rewind(1020, "", 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes(t)
				node := newScripted(t, "a", 1020)
				network.add("a", node)
				c := network.client(Config{}, "a")
				connected(t, c)
				jump(node)
				if h := knownHead(t, c); h != node.head() {
					t.Errorf("the head is %v, not %v", h, node.head())
				}
				node.produce(5)
				if h := knownHead(t, c); h != node.head() {
					t.Errorf("five blocks later it is %v, not %v", h, node.head())
				}
				if f, err := c.Finalized(t.Context()); err != nil || f.Number > node.head().Number {
					t.Errorf("the finalised head is %v, %v", f, err)
				}
			})
		})
	}
}

func TestNodeBehindTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		produceAlong(t, 12*time.Second, b)
		advance(13 * 12 * time.Second)
		a.produce(1) // still moving, so not stale
		synctest.Wait()
		if s := c.Nodes(); s[0].State != NodeBehind || s[1].State != NodeHealthy || knownHead(t, c) != b.head() {
			t.Errorf("%+v", s)
		}
		if _, err := question(t.Context(), c, "x"); err != nil || a.count("echo") != 0 {
			t.Errorf("%v, and the node behind was asked %d times", err, a.count("echo"))
		}
		a.produce(12)
		synctest.Wait()
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("it has caught up: %+v", s)
		}
	})
}

func TestNodeWhoseHeadStandsStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		a.produce(3) // and no more, three ahead
		produceAlong(t, 12*time.Second, b)
		advance(47 * time.Second)
		if s := c.Nodes(); s[0].State != NodeHealthy {
			t.Errorf("before four block times: %+v", s)
		}
		advance(2 * time.Second)
		if s := c.Nodes(); s[0].State != NodeStale || s[1].State != NodeHealthy {
			t.Errorf("after four block times: %+v", s)
		}
		if _, err := question(t.Context(), c, "x"); err != nil || a.count("echo") != 0 {
			t.Errorf("%v, and the stale node was asked %d times", err, a.count("echo"))
		}
		a.produce(5)
		synctest.Wait()
		if s := c.Nodes()[0]; s.State != NodeHealthy {
			t.Errorf("it moves again: %+v", s)
		}
	})
}

// When all stand still they are used all the same.
func TestAllHeadsStandStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, b, c := two(t, Config{})
		want := b.produce(1)
		advance(time.Hour)
		if s := c.Nodes(); s[0].State != NodeStale || s[1].State != NodeStale {
			t.Errorf("%+v", s)
		}
		if h, err := c.Head(t.Context()); err != nil || h != want {
			t.Errorf("%v, %v", h, err)
		}
		if got, err := question(t.Context(), c, "x"); err != nil || got != "x" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestLiarBesideAnHonestNode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		a.rewind(0, "", 1000)
		synctest.Wait()
		if s := c.Nodes(); s[0].State != NodeAhead || knownHead(t, c) != b.head() {
			t.Errorf("%+v", s)
		}
		produceAlong(t, 12*time.Second, a, b)
		for range 20 {
			advance(12 * time.Second)
			if h := knownHead(t, c); h != b.head() {
				t.Fatalf("the head is %v, not %v", h, b.head())
			}
		}
		// It comes back to the truth, or was right and the other one is replaced.
		a.rewind(1000, "", 0)
		synctest.Wait()
		if s := c.Nodes(); s[0].State != NodeHealthy {
			t.Errorf("%+v", s)
		}
	})
}

// The head goes back to what the remaining node has, and the finalised head does not.
func TestHeadWhenANodeGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		a, b := newScripted(t, "a", 10), newScripted(t, "a", 10)
		remove := network.add("a", a)
		network.add("b", b)
		c := network.client(Config{}, "a", "b")
		connected(t, c)
		a.produce(2)
		synctest.Wait()
		remove()
		if h := knownHead(t, c); h != b.head() {
			t.Errorf("the head is %v, not %v", h, b.head())
		}
		if f, err := c.Finalized(t.Context()); err != nil || f.Number != 10 {
			t.Errorf("the finalised head is %v, %v", f, err)
		}
		b.gate.shut()
		advance(time.Minute)
		if h := knownHead(t, c); h != b.head() {
			t.Errorf("without a node the known head is %v", h)
		}
		if _, err := c.Head(t.Context()); KindOf(err) != KindTransport {
			t.Errorf("without a node: %v", err)
		}
		b.gate.reopen()
	})
}

func TestNodeWithoutSubscriptionsIsPolled(t *testing.T) {
	t.Parallel()
	for _, refusal := range []rpcError{{Code: -32601, Message: "Method not found"}, {Code: -32006, Message: "Too many subscriptions on the connection"}} {
		t.Run(refusal.Message, func(t *testing.T) {
			t.Parallel()
			pollsHeads(t, refusal)
		})
	}
}

func pollsHeads(t *testing.T, refusal rpcError) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes(t)
		node := newScripted(t, "a", 10)
		network.add("a", node)
		node.reply("chain_subscribeNewHeads", refusal)
		node.reply("chain_subscribeFinalizedHeads", refusal)
		c := network.client(Config{}, "a")
		connected(t, c)
		for range 20 {
			want := node.produce(1)
			advance(6 * time.Second)
			if h := knownHead(t, c); h != want {
				t.Errorf("the head is %v, not %v", h, want)
			}
			if f, err := c.Finalized(t.Context()); err != nil || f.Number != want.Number-2 {
				t.Errorf("the finalised head is %v, %v", f, err)
			}
			advance(6 * time.Second)
		}
		if n := node.total(); n > 4*2*20+20 {
			t.Errorf("%d calls for 20 blocks", n)
		}
		if s := c.Nodes()[0]; s.State != NodeHealthy || s.Reconnects != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A subscription that has died without a word is found, and made anew.
func TestSilentSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		node.setQuiet(true)
		produceAlong(t, 12*time.Second, node)
		advance(3 * time.Minute)
		s := c.Nodes()[0]
		if s.Reconnects != 1 || !strings.Contains(s.LastError.Error(), "silent") {
			t.Errorf("%+v", s)
		}
		node.setQuiet(false)
		advance(time.Minute)
		if s := c.Nodes()[0]; s.State != NodeHealthy || s.Reconnects > 2 || knownHead(t, c) != node.head() {
			t.Errorf("%+v", s)
		}
	})
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := one(t, Config{})
		quick, stopQuick := c.Watch(100)
		slow, stopSlow := c.Watch(0)
		defer stopSlow()
		for range 5 {
			node.produce(1)
			synctest.Wait()
		}
		want := []HeadEvent{{Header: node.header(10)}, {Header: node.header(8), Finalized: true}}
		for n := 11; n <= 15; n++ {
			want = append(want, HeadEvent{Header: node.header(n)}, HeadEvent{Header: node.header(n - 2), Finalized: true})
		}
		for i, w := range want {
			if e := <-quick; e.Finalized == w.Finalized && e != w {
				t.Errorf("event %d is %v, not %v", i, e, w)
			}
		}
		// The two newest are left for who did not read.
		got := map[HeadEvent]bool{<-slow: true, <-slow: true}
		if !got[want[len(want)-1]] || !got[want[len(want)-2]] {
			t.Errorf("the slow reader has %v", got)
		}
		stopQuick()
		stopQuick()
		if _, ok := <-quick; ok {
			t.Error("an event after the end")
		}
		node.produce(1)
		if e := <-slow; e.Header.Number != 16 && e.Header.Number != 14 {
			t.Errorf("the slow reader has %v", e)
		}
	})
}

// What is kept for a subscription is bounded, and one that cannot be had is an error of the connection.
func TestSubscriptionsThatFail(t *testing.T) {
	t.Parallel()
	for want, answer := range map[Kind]any{
		KindMalformed: strings.Repeat("x", 200),
		KindNode:      rpcError{Code: -32603, Message: "Internal error"},
	} {
		t.Run(want.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				network := newPipes(t)
				node := newScripted(t, "a", 10)
				network.add("a", node)
				node.reply("chain_subscribeNewHeads", answer)
				c := network.client(Config{}, "a")
				if _, err := c.Head(t.Context()); KindOf(err) != KindTransport || !strings.Contains(err.Error(), "chain_subscribeNewHeads") {
					t.Errorf("%v", err)
				}
				if s := c.Nodes()[0]; s.LastErrorKind != want {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}
