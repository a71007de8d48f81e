package substrate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// notify sends a notification to everybody who is connected.
func (s *scripted) notify(id string, member, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, socket := range s.sockets {
		socket.notices <- fmt.Sprintf(`{"jsonrpc":"2.0","method":"author_extrinsicUpdate","params":{"subscription":%q,%q:%s}}`, id, member, value)
	}
}

// watched starts a watch at a node.
func watched(t *testing.T, node *scripted, c *Client) <-chan ExtrinsicStatus {
	t.Helper()
	node.reply(watchMethod, "0xwatch")
	node.reply("author_unwatchExtrinsic", true)
	statuses, err := c.WatchExtrinsic(t.Context(), someExtrinsic)
	if err != nil {
		t.Fatal(err)
	}
	return statuses
}

// all reads a channel to its end, which has to come by itself.
func all(statuses <-chan ExtrinsicStatus) (kinds []StatusKind, last ExtrinsicStatus) {
	for s := range statuses {
		kinds, last = append(kinds, s.Kind), s
	}
	return kinds, last
}

func TestWatchTellsEveryStatus(t *testing.T) {
	t.Parallel()
	one, two := Hash{1}, Hash{2}
	text := func(name string, h Hash) string { return fmt.Sprintf(`{%q:"%s"}`, name, h) }
	for name, e := range map[string]struct {
		said []string
		want []StatusKind
		hash Hash
	}{
		"finalised":        {[]string{`"ready"`, `{"broadcast":["peer"]}`, text("inBlock", one), text("finalized", one)}, []StatusKind{StatusReady, StatusBroadcast, StatusInBlock, StatusFinalized}, one},
		"moved":            {[]string{`"ready"`, text("inBlock", one), text("retracted", one), text("inBlock", two), text("finalized", two)}, []StatusKind{StatusReady, StatusInBlock, StatusRetracted, StatusInBlock, StatusFinalized}, two},
		"never finalised":  {[]string{text("inBlock", one), text("finalityTimeout", one)}, []StatusKind{StatusInBlock, StatusFinalityTimeout}, one},
		"usurped":          {[]string{`"future"`, `"ready"`, text("usurped", two)}, []StatusKind{StatusFuture, StatusReady, StatusUsurped}, two},
		"dropped":          {[]string{`"ready"`, `"dropped"`}, []StatusKind{StatusReady, StatusDropped}, Hash{}},
		"invalid":          {[]string{`"ready"`, `"invalid"`}, []StatusKind{StatusReady, StatusInvalid}, Hash{}},
		"after the end":    {[]string{`"invalid"`, text("finalized", one), `"ready"`}, []StatusKind{StatusInvalid}, Hash{}},
		"twice":            {[]string{`"ready"`, `"ready"`, text("inBlock", one), text("inBlock", one), text("inBlock", two), `"dropped"`}, []StatusKind{StatusReady, StatusInBlock, StatusInBlock, StatusDropped}, Hash{}},
		"contradiction":    {[]string{text("finalized", two)}, []StatusKind{StatusFinalized}, two},
		"of chopsticks":    {[]string{`{"ready":null}`, `{"broadcast":["peer"]}`, `{"dropped":null}`}, []StatusKind{StatusReady, StatusBroadcast, StatusDropped}, Hash{}},
		"unknown":          {[]string{`"meditating"`, `{"meditating":7}`, `"invalid"`}, []StatusKind{StatusInvalid}, Hash{}},
		"lost is not said": {[]string{`"lost"`, `{"lost":7}`, `"inBlock"`, `"dropped"`}, []StatusKind{StatusDropped}, Hash{}},
		"number":           {[]string{`"ready"`, `7`}, []StatusKind{StatusReady, StatusLost}, Hash{}},
		"null":             {[]string{`null`}, []StatusKind{StatusLost}, Hash{}},
		"empty":            {[]string{`{}`}, []StatusKind{StatusLost}, Hash{}},
		"two at once":      {[]string{`{"inBlock":"` + one.String() + `","finalized":"` + one.String() + `"}`}, []StatusKind{StatusLost}, Hash{}},
		"short hash":       {[]string{`{"inBlock":"0x01"}`}, []StatusKind{StatusLost}, Hash{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := oneNode(t)
				statuses := watched(t, node, c)
				for _, s := range e.said {
					node.notify("0xwatch", "result", s)
				}
				kinds, last := all(statuses)
				if !slices.Equal(kinds, e.want) || last.Hash != e.hash || last.Node != "ws://a" {
					t.Errorf("%v, the last %+v", kinds, last)
				}
				if last.Kind == StatusLost && KindOf(last.Err) != KindMalformed {
					t.Error(last.Err)
				}
				synctest.Wait()
				if unwatched := node.count("author_unwatchExtrinsic"); unwatched != map[bool]int{true: 1}[last.Kind == StatusLost] {
					t.Errorf("unwatched %d times", unwatched)
				}
				if s := c.Nodes()[0]; s.State != NodeHealthy || s.Reconnects != 0 {
					t.Errorf("%+v", s)
				}
			})
		})
	}
}

func oneNode(t *testing.T) (*scripted, *Client) {
	t.Helper()
	network := newPipes(t)
	node := newScripted(t, "a", 10)
	network.add("a", node)
	c := network.client(Config{}, "a")
	connected(t, c)
	return node, c
}

// Statuses without end, each unlike the one before, nobody reading them: the watch ends, and holds up nothing.
func TestWatchEndsAFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		statuses := watched(t, node, c)
		for i := range 3000 {
			node.notify("0xwatch", "result", fmt.Sprintf(`{"inBlock":"%s"}`, Hash{byte(i), byte(i >> 8)}))
		}
		synctest.Wait()
		if h := node.produce(1); true {
			synctest.Wait()
			if head, _ := c.KnownHead(); head != h {
				t.Errorf("the head is %v, not %v", head, h)
			}
		}
		kinds, last := all(statuses)
		if len(kinds) != maxStatuses || last.Kind != StatusLost || KindOf(last.Err) != KindMalformed || node.count("author_unwatchExtrinsic") != 1 {
			t.Errorf("%d statuses, the last %+v; unwatched %d times", len(kinds), last, node.count("author_unwatchExtrinsic"))
		}
	})
}

// A list of peers of some size costs what it is, and is not kept.
func TestWatchSkipsWhoWasTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		statuses := watched(t, node, c)
		for range 200 {
			node.notify("0xwatch", "result", `{"broadcast":["`+strings.Repeat("peer", 1000)+`"]}`)
		}
		node.notify("0xwatch", "result", `"dropped"`)
		if kinds, _ := all(statuses); !slices.Equal(kinds, []StatusKind{StatusBroadcast, StatusDropped}) {
			t.Error(kinds)
		}
	})
}

func TestWatchIsLost(t *testing.T) {
	t.Parallel()
	for name, e := range map[string]struct {
		lose func(*scripted, *Client)
		kind Kind
	}{
		"socket":       {func(n *scripted, _ *Client) { n.drop() }, KindTransport},
		"subscription": {func(n *scripted, _ *Client) { n.notify("0xwatch", "error", `"too slow"`) }, KindNode},
		"closed": {func(_ *scripted, c *Client) {
			if err := c.Close(); err != nil {
				panic(err)
			}
		}, KindClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				node, c := oneNode(t)
				statuses := watched(t, node, c)
				node.notify("0xwatch", "result", `"ready"`)
				synctest.Wait()
				e.lose(node, c)
				kinds, last := all(statuses)
				if !slices.Equal(kinds, []StatusKind{StatusReady, StatusLost}) || KindOf(last.Err) != e.kind {
					t.Errorf("%v, %v", kinds, last.Err)
				}
			})
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		node.reply(watchMethod, "0xwatch")
		node.reply("author_unwatchExtrinsic", true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		statuses, err := c.WatchExtrinsic(ctx, someExtrinsic)
		if err != nil {
			t.Fatal(err)
		}
		produceAlong(t, 12*time.Second, node)
		if kinds, _ := all(statuses); len(kinds) != 0 {
			t.Error(kinds)
		}
		synctest.Wait()
		if ctx.Err() == nil || node.count("author_unwatchExtrinsic") != 1 {
			t.Errorf("unwatched %d times", node.count("author_unwatchExtrinsic"))
		}
		node.notify("0xwatch", "result", `"ready"`) // nobody listens
	})
}

// A node that does not say that it has heard the end holds up nobody.
func TestWatchEndsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		node, c := oneNode(t)
		node.reply(watchMethod, "0xwatch")
		node.reply("author_unwatchExtrinsic", nil)
		ctx, cancel := context.WithCancel(t.Context())
		statuses, err := c.WatchExtrinsic(ctx, someExtrinsic)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		cancel()
		if kinds, _ := all(statuses); len(kinds) != 0 || time.Since(began) != 0 {
			t.Errorf("%v after %s", kinds, time.Since(began))
		}
	})
}

func TestWatchFindsANodeThatTakesIt(t *testing.T) {
	t.Parallel()
	already := rpcError{Code: 1013, Message: "Transaction Already Imported"}
	for name, e := range map[string]struct {
		a, b any
		kind SubmitKind
		lost bool
		node string
	}{
		"second has none":      {already, "0xwatch", 0, false, "ws://b"},
		"first cannot":         {rpcError{Code: -32601, Message: "Method not found"}, "0xwatch", 0, false, "ws://b"},
		"all have it":          {already, already, 0, true, ""},
		"one has, one refuses": {rpcError{Code: 1012, Message: "Transaction is temporarily banned"}, already, 0, true, ""},
		"none can":             {rpcError{Code: -32601, Message: "Method not found"}, rpcError{Code: -32601, Message: "Method not found"}, SubmitUnsupported, false, ""},
		"both refuse":          {rpcError{Code: 1014, Message: "Priority is too low"}, rpcError{Code: 1010, Message: "Invalid Transaction", Data: "Transaction is outdated"}, SubmitStale, false, ""},
		"silent, and refuses":  {nil, rpcError{Code: 1016, Message: "Immediately Dropped"}, SubmitDropped, false, ""},
		"a very long id":       {strings.Repeat("x", 1000), "0xwatch", 0, false, "ws://b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, b, c := two(t, Config{})
				a.reply(watchMethod, e.a)
				b.reply(watchMethod, e.b)
				statuses, err := c.WatchExtrinsic(t.Context(), someExtrinsic)
				switch {
				case e.kind != 0:
					if s := submitError(t, err); s.Kind != e.kind || s.MayBeTaken != (e.a == nil) {
						t.Error(err)
					}
				case err != nil:
					t.Error(err)
				case e.lost:
					if kinds, last := all(statuses); !slices.Equal(kinds, []StatusKind{StatusLost}) || submitError(t, last.Err).Kind == 0 {
						t.Error(kinds, last.Err)
					}
				default:
					b.notify("0xwatch", "result", `"dropped"`)
					if _, last := all(statuses); last.Kind != StatusDropped || last.Node != e.node {
						t.Errorf("%+v", last)
					}
				}
			})
		})
	}
}

// A node that gives the watch the id of another subscription harms nobody but itself.
func TestWatchWithTheIDOfTheHeads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t, Config{})
		a.reply(watchMethod, "0x01")
		statuses, err := c.WatchExtrinsic(t.Context(), someExtrinsic)
		if err != nil {
			t.Fatal(err)
		}
		a.produce(1)
		b.produce(1)
		if kinds, _ := all(statuses); !slices.Equal(kinds, []StatusKind{StatusLost}) {
			t.Error(kinds)
		}
		produceAlong(t, 12*time.Second, a, b)
		advance(10 * time.Minute)
		if head, _ := c.KnownHead(); head.Number < 50 {
			t.Errorf("the head is %d", head.Number)
		}
	})
}

func TestStatusNames(t *testing.T) {
	t.Parallel()
	for k := StatusFuture; k <= StatusLost; k++ {
		if statusNames[k] == "" || k.String() != statusNames[k] || k.Last() != (k >= StatusFinalized) {
			t.Errorf("%d is %s", k, k)
		}
	}
	if StatusKind(0).String() != "status0" || StatusKind(99).String() != "status99" {
		t.Error(StatusKind(0), StatusKind(99))
	}
}
