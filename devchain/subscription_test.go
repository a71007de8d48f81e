package devchain

import (
	"context"
	"encoding/json"
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bittensor-pylon/pylon/devchain/runtime"
)

// subscribe returns the id and checks its form, which clients rely on.
func (c *client) subscribe(method, params string) string {
	c.t.Helper()
	var id string
	c.result(method, params, &id)
	if len(id) != 34 || !strings.HasPrefix(id, "0x") {
		c.t.Errorf("subscription id %q is not 16 bytes in hexadecimal", id)
	}
	return id
}

// numbers reads n head notifications of a subscription.
func (c *client) numbers(n int, method, id string) []string {
	c.t.Helper()
	var numbers []string
	for range n {
		note := c.note()
		var header struct{ Number string }
		if err := json.Unmarshal(note.Params.Result, &header); err != nil || note.Method != method || note.Params.Subscription != id {
			c.t.Fatalf("not a %s of %s: %v", method, id, note)
		}
		numbers = append(numbers, header.Number)
	}
	return numbers
}

func TestHeadSubscriptions(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	produce(t, c, 5)
	for _, kind := range []struct {
		subscribe, unsubscribe, notification string
		initial                              string
		next                                 []string // after producing 2 and a fork of 1
	}{
		{"chain_subscribeNewHeads", "chain_unsubscribeNewHeads", "chain_newHead", "0x5", []string{"0x6", "0x7"}},
		{"chain_subscribeNewHead", "chain_unsubscribeNewHead", "chain_newHead", "0x7", []string{"0x8", "0x9"}},
		{"subscribe_newHead", "unsubscribe_newHead", "chain_newHead", "0x9", []string{"0xa", "0xb"}},
		{"chain_subscribeAllHeads", "chain_unsubscribeAllHeads", "chain_allHead", "0xb", []string{"0xc", "0xd", "0xd"}},
		{"chain_subscribeFinalizedHeads", "chain_unsubscribeFinalizedHeads", "chain_finalizedHead", "0xa", []string{"0xb", "0xc"}},
		{"chain_subscribeFinalisedHeads", "chain_unsubscribeFinalisedHeads", "chain_finalizedHead", "0xc", []string{"0xd", "0xe"}},
	} {
		ws := dial(t, c.URL())
		id := ws.subscribe(kind.subscribe, "[]")
		if diff := cmp.Diff([]string{kind.initial}, ws.numbers(1, kind.notification, id)); diff != "" {
			t.Fatalf("%s: %s", kind.subscribe, diff)
		}
		produce(t, c, 2)
		fork(t, c, c.Best().Parent, 1)
		if diff := cmp.Diff(kind.next, ws.numbers(len(kind.next), kind.notification, id)); diff != "" {
			t.Errorf("%s: %s", kind.subscribe, diff)
		}
		for _, want := range []bool{true, false} {
			var ended bool
			ws.result(kind.unsubscribe, fmt.Sprintf("[%q]", id), &ended)
			if ended != want {
				t.Errorf("%s: %v, want %v", kind.unsubscribe, ended, want)
			}
		}
	}
}

// A reorganisation shows as a new best head whose parent is another.
func TestReorganisationNotified(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	parent := produce(t, c, 2)
	produce(t, c, 1)
	ws := dial(t, c.URL())
	id := ws.subscribe("chain_subscribeNewHeads", "[]")
	fork(t, c, parent.Hash, 2)
	if diff := cmp.Diff([]string{"0x3", "0x4"}, ws.numbers(2, "chain_newHead", id)); diff != "" {
		t.Error(diff)
	}
}

func TestRuntimeVersionSubscription(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	id := ws.subscribe("state_subscribeRuntimeVersion", "[]")
	spec := func() uint32 {
		n := ws.note()
		var version struct{ SpecVersion uint32 }
		if err := json.Unmarshal(n.Params.Result, &version); err != nil || n.Method != "state_runtimeVersion" || n.Params.Subscription != id {
			t.Fatalf("%v: %v", n, err)
		}
		return version.SpecVersion
	}
	if got := spec(); got != 1 {
		t.Errorf("first version %d", got)
	}
	produce(t, c, 3)
	c.Upgrade(&tiny{spec: 2})
	produce(t, c, 3)
	if got := spec(); got != 2 {
		t.Errorf("next version %d", got)
	}
}

func TestStorageSubscription(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.Runtime = &tiny{spec: 1, genesis: map[string]string{"a": "1", "b": "2"}} })
	start(t, c)
	ws := dial(t, c.URL())
	id := ws.subscribe("state_subscribeStorage", `[["0x61","0x62","63"]]`)
	changes := func() storageNote {
		n := ws.note()
		var set storageNote
		if err := json.Unmarshal(n.Params.Result, &set); err != nil || n.Method != "state_storage" || n.Params.Subscription != id {
			t.Fatalf("%v: %v", n, err)
		}
		return set
	}
	value := func(s string) *string { return &s }
	if diff := cmp.Diff(storageNote{c.Best().Hash, [][2]*string{{value("0x61"), value("0x31")}, {value("0x62"), value("0x32")}, {value("0x63"), nil}}}, changes()); diff != "" {
		t.Error(diff)
	}
	produce(t, c, 2) // changes other keys only
	edited, err := c.ProduceEdited(func(st runtime.State) error {
		st.Set([]byte("a"), []byte("1")) // what it was
		st.Delete([]byte("b"))
		st.Set([]byte("c"), nil)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(storageNote{edited.Hash, [][2]*string{{value("0x62"), nil}, {value("0x63"), value("0x")}}}, changes()); diff != "" {
		t.Error(diff)
	}
	// On another fork the values are others again.
	fork(t, c, edited.Parent, 2)
	if got := changes(); len(got.Changes) != 2 || got.Block != c.Best().Hash {
		t.Errorf("after a reorganisation: %v", got)
	}
}

type storageNote struct {
	Block   Hash
	Changes [][2]*string
}

func TestSubscriptionLimits(t *testing.T) {
	t.Parallel()
	c := newChain(t, func(c *Config) { c.Limits.Subscriptions = 2 })
	start(t, c)
	ws := dial(t, c.URL())
	first := ws.subscribe("chain_subscribeAllHeads", "[]")
	many := strings.Repeat(`"0x00",`, storageKeysPerConnection) + `"0x00"`
	if a := ws.ask("state_subscribeStorage", "[["+many+"]]"); a.Error == nil || a.Error.Code != codeTooManySubscriptions {
		t.Errorf("too many keys: %v", a.Error)
	}
	ws.subscribe("chain_subscribeFinalizedHeads", "[]")
	if a := ws.ask("chain_subscribeNewHeads", "[]"); a.Error == nil || a.Error.Code != -32006 || a.Error.Message != "Too many subscriptions on the connection" {
		t.Errorf("one too many: %v", a.Error)
	}
	var ended bool
	ws.result("chain_unsubscribeAllHeads", fmt.Sprintf("[%q]", first), &ended)
	ws.subscribe("chain_subscribeNewHeads", "[]")
	// Another connection cannot end it, and has a limit of its own.
	other := dial(t, c.URL())
	other.result("chain_unsubscribeNewHeads", fmt.Sprintf("[%q]", first), &ended)
	if ended {
		t.Error("a subscription was ended by somebody else")
	}
	other.subscribe("chain_subscribeNewHeads", "[]")
}

// A client that does not take what it is sent loses its subscription, not its
// connection, and nobody else notices.
func TestSlowSubscriber(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	slow, quick := dial(t, c.URL()), dial(t, c.URL())
	id := slow.subscribe("state_subscribeStorage", fmt.Sprintf(`[["%x"]]`, numberKey))
	slow.note()
	release, writing := make(chan struct{}), make(chan struct{}, 1)
	c.Hook("state_storage", func(ctx context.Context, call *Call) {
		select {
		case writing <- struct{}{}:
		default:
		}
		Until(release)(ctx, call) // nothing is written to the slow client
	})
	heads := quick.subscribe("chain_subscribeNewHeads", "[]")
	quick.numbers(1, "chain_newHead", heads)
	produce(t, c, 1)
	quick.numbers(1, "chain_newHead", heads)
	<-writing
	for range pendingNotifications + 1 { // one more than there is room for
		produce(t, c, 1)
		quick.numbers(1, "chain_newHead", heads)
	}
	if got := c.DroppedSubscriptions(); got != 1 {
		t.Errorf("%d subscriptions were dropped", got)
	}
	close(release)
	produce(t, c, 3)
	for range pendingNotifications + 1 {
		slow.note()
	}
	var ended bool
	slow.result("state_unsubscribeStorage", fmt.Sprintf("[%q]", id), &ended)
	if ended || len(slow.notes) > 0 {
		t.Errorf("the subscription goes on: %v, %d notifications", ended, len(slow.notes))
	}
	quick.numbers(3, "chain_newHead", heads)
}

// A closed connection leaves no subscription behind.
func TestConnectionEndsSubscriptions(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	ws := dial(t, c.URL())
	ws.subscribe("chain_subscribeNewHeads", "[]")
	ws.note()
	if err := ws.ws.CloseNow(); err != nil {
		t.Fatal(err)
	}
	await(t, "the subscription ends", func() bool {
		c.subscriptions.mu.Lock()
		defer c.subscriptions.mu.Unlock()
		return len(c.subscriptions.all) == 0
	})
	await(t, "the connection ends", func() bool { return c.Connections() == 0 })
}

// await polls for something that another goroutine does.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for !done() {
		select {
		case <-poll.C:
		case <-deadline.C:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestRPCMethodsListsAll(t *testing.T) {
	t.Parallel()
	c := newChain(t, nil)
	start(t, c)
	var list struct{ Methods []string }
	dial(t, c.URL()).result("rpc_methods", "[]", &list)
	for _, name := range []string{"state_getKeysPagedAt", "chain_getFinalisedHead", "neuronInfo_getNeuronsLite", "system_accountNextIndex", "account_nextIndex", "author_submitExtrinsic"} {
		if !slices.Contains(list.Methods, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

// A client that leaves while it subscribes leaves nothing behind.
func TestSubscriptionOfAClientThatLeaves(t *testing.T) {
	t.Parallel()
	c := poolChain(t, nil)
	c.SetPoolPolicy(Always(Verdict{Action: Hold}))
	raw := newSender(t, c, "//Bob").sign(transaction{})
	for _, call := range []string{
		fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"author_submitAndWatchExtrinsic","params":["0x%x"]}`, raw),
		`{"jsonrpc":"2.0","id":1,"method":"chain_subscribeNewHeads"}`,
	} {
		s := &session{node: c.Node, out: newOutbox(), subscriptions: make(map[string]*subscription)}
		registered := func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			return len(s.subscriptions) == 1
		}
		done := make(chan struct{})
		c.ledger.mu.Lock() // the call does not get further than to its id
		go func() {
			defer close(done)
			s.handle(t.Context(), []byte(call))
		}()
		for !registered() {
			goruntime.Gosched()
		}
		c.Node.subscriptions.removeSession(s)
		c.ledger.mu.Unlock()
		<-done
		c.Node.subscriptions.mu.Lock()
		if n := len(c.Node.subscriptions.all); n != 0 {
			t.Errorf("%d subscriptions are left of %.80s", n, call)
		}
		c.Node.subscriptions.mu.Unlock()
	}
}
